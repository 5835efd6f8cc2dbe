/* router - owns rooms: numbers, keeps, copies and delivers what is sent to them,
 * and serves the outsiders' sockets. DESIGN.md in this folder has the map. */
#include "feed_zmq.h"
#include "outside_zmq.h"
#include "probe_uv.h"
#include "revoked_os.h"
#include "roster.h"
#include "work_zmq.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct app {
    struct daemon        d;
    struct router_stats  stats;
    struct router       *router;
    struct roster       *roster;
    struct outside      *outside;
    struct revoked_file  revoked;
    bool                 unwritten;     /* the file does not take what it should */
    struct feed         *feed;
    struct workers      *workers;
    struct lasts         lasts;
    struct probes       *probes;
    struct service_timer tick, roster_timer;
    uint64_t             turned;        /* when the last turn ended */
};

static struct router_time now_of(const struct app *app)
{
    return (struct router_time){ service_now(app->d.svc), service_wall(app->d.svc) };
}

static struct from from_of(struct peer *peer, uint64_t number)
{
    return (struct from){ peer_role(peer), peer_number(peer), span_of(peer_id(peer)), peer_epoch(peer), number };
}

/* ---- the roster: this daemon's part in deciding who is there */

static void on_roster_time(void *self);

static void spread(struct app *app, const struct roster_out *out)
{
    if (out->send) {
        for (struct peer *p = NULL; (p = bus_next(app->d.bus, p));)
            if (peer_up(p)) bus_say(p, ROSTER, &out->roster);
        (void)bus_take_roster(app->d.bus, &out->roster);
    }
    uint64_t deadline = roster_deadline(app->roster);
    if (deadline != UINT64_MAX) service_timer_set(app->d.svc, &app->roster_timer, deadline);
}

static void on_roster_time(void *self)
{
    struct app *app = self;
    struct roster_out out = { 0 };
    roster_expire(app->roster, service_now(app->d.svc), &out);
    spread(app, &out);
}

static void on_beat(void *self, struct peer *peer, const struct msg_BEAT *beat, const struct msg_MEMBER *member)
{
    struct app *app = self;
    struct roster_out out = { 0 };
    if (peer_role(peer) == ROLE_GATEWAY) router_on_positions(app->router, peer_number(peer), beat->positions);
    struct from from = from_of(peer, 0);
    if (app->router && peer_role(peer) == ROLE_ROUTER) router_on_beat(app->router, &from, beat->revoked, beat->revoked_sum);
    enum err e = roster_on_beat(app->roster, member, beat->view, service_now(app->d.svc), &out);
    if (e != OK && e != ERR_GONE) app->stats.refused_bus[e]++;
    spread(app, &out);
}

static void on_bye(void *self, struct peer *peer)
{
    struct app *app = self;
    struct roster_out out = { 0 };
    (void)roster_on_bye(app->roster, span_of(peer_id(peer)), service_now(app->d.svc), &out);
    spread(app, &out);
}

static void on_settled(struct app *app, enum role role, uint16_t number, struct span fields)
{
    struct msg_SETTLED m;
    struct roster_out out = { 0 };
    enum err e = msg_decode_SETTLED(&m, fields);
    if (e == OK) e = roster_on_settled(app->roster, role, number, m.view, service_now(app->d.svc), &out);
    if (e != OK && e != ERR_GONE) app->stats.refused_bus[e]++;
    spread(app, &out);
}

static void on_roster(struct app *app, struct span fields)
{
    struct msg_ROSTER m;
    struct roster_out out = { 0 };
    enum err e = msg_decode_ROSTER(&m, fields);
    if (e == OK) e = roster_on_roster(app->roster, &m, service_now(app->d.svc), &out);
    if (e == OK) e = bus_take_roster(app->d.bus, &m);
    if (e != OK && e != ERR_GONE) app->stats.refused_bus[e]++;
    spread(app, &out);
}

/* ---- the bus */

static void on_message(void *self, struct peer *peer, enum msg_type type, struct span fields, uint64_t number)
{
    struct app *app = self;
    struct from from = from_of(peer, number);
    struct msg_STATS stats;
    switch ((unsigned)type) {
    case MSG_STATS:
        if (msg_decode_STATS(&stats, fields) == OK) outside_stats(app->outside, stats.id, stats.kind, stats.json);
        break;
    case MSG_FEED:
        feed_publish(app->feed, fields);
        break;
    case MSG_WORK:
        router_noted(app->router, &from);
        workers_on_work(app->workers, peer, fields);
        break;
    case MSG_ROSTER:
        router_noted(app->router, &from);
        on_roster(app, fields);
        break;
    case MSG_SETTLED:
        router_noted(app->router, &from);
        on_settled(app, from.role, from.number, fields);
        break;
    default:
        router_on_message(app->router, &from, type, fields, now_of(app));
        if (type == MSG_COPY) bus_say_received(peer);
    }
}

static void forget_unconfirmed(struct peer *peer)
{
    struct blob *message;
    while ((message = bus_take_unconfirmed(peer))) blob_drop(&message);
}

static void on_peer(void *self, struct peer *peer, enum bus_event event)
{
    struct app *app = self;
    bool gateway = peer_role(peer) == ROLE_GATEWAY, came = event == BUS_UP || event == BUS_REBORN;
    if (came) bus_defer(peer, true);
    if (event == BUS_REBORN) {
        forget_unconfirmed(peer);       /* meant for the life that is over; sender and gateways tell the new one what it needs */
        router_on_reborn(app->router, peer_role(peer), peer_number(peer), peer_epoch(peer), now_of(app));
    } else if (event == BUS_GONE) {
        router_on_gone(app->router, peer_role(peer), peer_number(peer), now_of(app));
        lasts_forget(&app->lasts, span_of(peer_id(peer)));
    }
    if (gateway && (event == BUS_REBORN || event == BUS_GONE)) workers_forget(app->workers, peer);
    if (!gateway || !came) return;
    feed_greet(app->feed, peer);
    workers_greet(app->workers, peer);
}

static void on_confirm(void *self, struct peer *peer, uint64_t up_to)
{
    struct app *app = self;
    if (peer_role(peer) == ROLE_ROUTER) router_on_confirm(app->router, peer_number(peer), up_to, now_of(app));
}

static void on_received(void *self, struct peer *peer, uint64_t up_to)
{
    struct app *app = self;
    if (peer_role(peer) == ROLE_ROUTER) router_on_received(app->router, peer_number(peer), up_to, now_of(app));
}

static void on_view(void *self, enum view_change change)
{
    struct app *app = self;
    router_on_view(app->router, change, now_of(app));
}

/* ---- what the core wants said */

static void send_one(struct app *app, struct effect *e)
{
    if (e->role == ROLE_ROUTER && e->number == app->d.options.number) {     /* SETTLED: all else stayed inside */
        struct span rest = blob_span(e->message), fields;
        enum msg_type type;
        enum err err;
        if (e->type == MSG_SETTLED && msg_next(&rest, &type, &fields, &err)) on_settled(app, e->role, e->number, fields);
        return;
    }
    struct peer *peer = e->role == ROLE_NONE ? NULL : bus_find(app->d.bus, e->role, e->number);
    if (!peer) return;
    if (msg_class(e->type) == MSG_DATAGRAM) {
        (void)bus_send_datagram(peer, blob_span(e->message));
        return;
    }
    uint64_t number = bus_send(peer, blob_hold(e->message));
    if (e->ticket) router_on_sent(app->router, e, number);
    if (e->type == MSG_DELIVER && bus_full(peer)) router_clog(app->router, e->number, true);
}

/* The others may have moved our rooms while we stood still (a paused machine, a stopped process), and
 * we would go on as their owner until we heard of it: what was acknowledged meanwhile nobody would
 * have, and what its senders have sent again would come twice. Nothing leaves: a new life begins. */
static void end_if_stalled(struct app *app)
{
    const struct config *c = &app->d.config;
    uint64_t now = service_now(app->d.svc), timeout = c->bus.beat_timeout_ms;
    uint64_t patience = c->bus.beat_ms < timeout / 2 ? timeout - c->bus.beat_ms : timeout / 2;     /* since the last beat that they had */
    bool stalled = app->turned && now - app->turned >= patience && view_owners(bus_view(app->d.bus))->count > 1;
    app->turned = now;
    if (!stalled) return;
    log_fatal(app->d.log, "stood still for so long that others may own our rooms", "limit_ms=%llu", (unsigned long long)patience);
    _exit(EXIT_ENVIRONMENT);
}

/* ---- the list of revoked tokens and its file */

/* Its version goes with each beat from here on. The bytes that it would have if it were written now. */
static size_t tell_revoked(struct app *app)
{
    uint64_t sum;
    size_t live;
    uint64_t version = router_revoked_version(app->router, &sum, &live);
    bus_set_revoked(app->d.bus, version, sum);
    return live;
}

/* Whatever has changed is in the file before anything of this turn leaves. */
static void keep_revoked(struct app *app)
{
    struct buf changed = { 0 }, whole = { 0 };
    if (!router_take_journal(app->router, &changed)) return;
    bool replaces = app->unwritten || revoked_file_loose(&app->revoked, tell_revoked(app));
    if (replaces) router_save_revoked(app->router, &whole);
    bool written = replaces ? revoked_file_replace(&app->revoked, buf_span(&whole)) : revoked_file_append(&app->revoked, buf_span(&changed));
    if (!written && !app->unwritten) log_error(app->d.log, "revoked tokens are not written", "file=%s why=%s", buf_text(&app->revoked.path), strerror(errno));
    app->unwritten = !written;
    router_journal_failed(app->router, app->unwritten);
    buf_fini(&changed), buf_fini(&whole);
}

static void load_revoked(struct app *app)
{
    struct daemon *d = &app->d;
    struct buf content = { 0 }, why = { 0 };
    if (!revoked_file_read(&app->revoked, d->config.state_dir, d->options.number, &content, &why)) daemon_fail(d, "revoked tokens cannot be read", buf_text(&why));
    enum err e = router_load_revoked(app->router, buf_span(&content), now_of(app));
    if (e != OK) log_error(d->log, "the end of the file of revoked tokens cannot be read", "file=%s why=%s", buf_text(&app->revoked.path), err_name(e));
    buf_clear(&content);
    router_save_revoked(app->router, &content);
    app->unwritten = !revoked_file_replace(&app->revoked, buf_span(&content));
    if (app->unwritten) log_error(d->log, "revoked tokens are not written", "file=%s why=%s", buf_text(&app->revoked.path), strerror(errno));
    router_journal_failed(app->router, app->unwritten);
    (void)tell_revoked(app);
    buf_fini(&content), buf_fini(&why);
}

static void flush(void *self)
{
    struct app *app = self;
    end_if_stalled(app);
    keep_revoked(app);
    bool more = true;
    while (more) {
        struct effects mine = *router_effects(app->router);     /* taken, since sending may cause more */
        *router_effects(app->router) = (struct effects){ 0 };
        for (size_t i = 0; i < mine.count; i++) send_one(app, &mine.at[i]);
        more = mine.count > 0;
        effects_fini(&mine);
        enum role role;
        uint16_t number;
        uint64_t link;
        while (router_next_confirm(app->router, &role, &number, &link)) {
            struct peer *peer = bus_find(app->d.bus, role, number);
            if (peer) bus_confirm(peer, link);
        }
        struct reply reply;
        while (router_next_reply(app->router, &reply)) outside_reply(app->outside, &reply);
    }
}

static void on_tick(void *self)
{
    struct app *app = self;
    for (struct peer *p = NULL; (p = bus_next(app->d.bus, p));)
        if (peer_role(p) == ROLE_GATEWAY && !bus_full(p)) router_clog(app->router, peer_number(p), false);
    router_on_time(app->router, now_of(app));
    outside_flush(app->outside);
    workers_on_tick(app->workers);
    service_timer_set(app->d.svc, &app->tick, service_now(app->d.svc) + ROUTER_TICK_MS);
}

static void on_drain(void *self)
{
    workers_drain(((struct app *)self)->workers);
}

static bool drained(void *self)
{
    struct app *app = self;
    return router_quiet(app->router) && outside_quiet(app->outside) && workers_quiet(app->workers);
}

static bool may_reload(void *self, const struct config *fresh, struct buf *errors)
{
    (void)self;
    return router_may_reload(fresh, errors);
}

static void on_reload(void *self, struct config **before)
{
    if (before) router_reload(((struct app *)self)->router);
}

/* ---- life */

static bool answer(void *self, struct span verb, struct buf *json)
{
    struct app *app = self;
    return daemon_answer(&app->d, verb, json);
}

int main(int argc, char **argv)
{
    static struct app app;
    static const struct bus_handler handler = {
        .on_message = on_message, .on_peer = on_peer, .on_confirm = on_confirm, .on_received = on_received, .on_view = on_view, .on_beat = on_beat, .on_bye = on_bye };
    struct daemon *d = &app.d;
    daemon_start(d, ROLE_ROUTER, argc, argv, router_stats_view(&app.stats));
    d->may_reload = may_reload, d->on_reload = on_reload, d->on_drain = on_drain, d->drained = drained, d->callbacks_self = &app;
    app.tick = (struct service_timer){ .fn = on_tick, .self = &app };
    app.roster_timer = (struct service_timer){ .fn = on_roster_time, .self = &app };
    app.roster = roster_new(&(struct roster_options){
        .number = d->options.number, .routers = d->config.instances.router, .beat_timeout_ms = d->config.bus.beat_timeout_ms,
        .grace_ms = 2 * d->config.bus.beat_timeout_ms, .hold_ms = 2 * d->config.bus.beat_timeout_ms }, service_now(d->svc));
    service_on_turn_end(d->svc, flush, &app);       /* before the bus's own hook, which sends what this one says */
    daemon_bus(d, &handler, &app);
    lasts_init(&app.lasts, &(struct siphash_key){ process_random(), process_random() });
    app.router = router_new(&(struct router_options){
        .number = d->options.number, .epoch = bus_epoch(d->bus), .id = span_of(d->id), .config = &d->config,
        .view = bus_view(d->bus), .stats = &app.stats, .lasts = &app.lasts, .seed = { process_random(), process_random() },
        .answer = answer, .answer_self = &app });
    load_revoked(&app);
    app.outside = outside_new(d, app.router, &app.lasts, &app.stats);
    app.feed = feed_new(d, &app.stats);
    app.workers = workers_new(d, &app.stats);
    app.probes = probes_new(d, &app.lasts, &app.stats);
    if (!app.outside || !app.feed || !app.workers || !app.probes) return EXIT_ENVIRONMENT;
    struct buf public = { 0 };
    const struct outside_more more[] = {
        { "feed", feed_endpoint(app.feed) }, { "worker", workers_endpoint(app.workers) }, { "metrics", probes_url(app.probes) } };
    outside_endpoints(app.outside, more, sizeof more / sizeof more[0], &public);
    bus_set_public(d->bus, buf_text(&public));
    buf_fini(&public);
    service_timer_set(d->svc, &app.tick, service_now(d->svc) + ROUTER_TICK_MS);
    daemon_ready(d);
    service_run(d->svc);
    workers_destroy(&app.workers);
    probes_destroy(&app.probes);
    feed_destroy(&app.feed);
    outside_destroy(&app.outside);
    router_destroy(&app.router);
    lasts_fini(&app.lasts);
    revoked_file_close(&app.revoked);
    int code = daemon_stop(d);
    roster_destroy(&app.roster);
    return code;
}
