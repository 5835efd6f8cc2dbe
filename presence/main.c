/* presence - who is online, on which sockets; announced to those who follow, counted
 * against limits, and written behind to Redis. DESIGN.md in this folder has the map. */
#include "daemon_uv.h"
#include "presence.h"
#include "process_os.h"
#include "store_redis.h"

#include <stdlib.h>

enum { FLUSH_MS = 2000 };           /* how long a drain waits for Redis and the routers */

struct app {
    struct daemon          d;
    struct presence_stats  stats;
    struct generation     *generation, *fresh;  /* the rules in force; those of a reload that is being checked */
    struct presence       *presence;
    struct store_redis    *redis;
    struct service_timer   tick;
    uint64_t               drain_by;
};

static struct presence_time now_of(const struct app *app)
{
    return (struct presence_time){ service_now(app->d.svc), service_wall(app->d.svc) };
}

/* ---- the bus */

static void on_message(void *self, struct peer *peer, enum msg_type type, struct span fields, uint64_t number)
{
    struct app *app = self;
    (void)number;
    if (type == MSG_ASK && daemon_ask(&app->d, peer, fields)) return;
    presence_on_message(app->presence, peer_role(peer), peer_number(peer), peer_epoch(peer), type, fields, now_of(app));
}

static void on_peer(void *self, struct peer *peer, enum bus_event event)
{
    struct app *app = self;
    if (event != BUS_REBORN && event != BUS_GONE) return;
    struct blob *message;       /* announcements are sent again by the core; answers were for the life that is over */
    while ((message = bus_take_unconfirmed(peer))) blob_drop(&message);
    presence_on_lost(app->presence, peer_role(peer), peer_number(peer), event == BUS_REBORN ? peer_epoch(peer) : 0, now_of(app));
}

static void on_confirm(void *self, struct peer *peer, uint64_t up_to)
{
    struct app *app = self;
    if (peer_role(peer) == ROLE_ROUTER) presence_on_confirm(app->presence, peer_number(peer), up_to);
}

static void on_view(void *self, enum view_change change)
{
    struct app *app = self;
    (void)change;
    presence_on_view(app->presence, now_of(app));
}

/* ---- what the core wants said */

static void send_one(struct app *app, const struct effect *e)
{
    struct peer *peer = bus_find(app->d.bus, e->role, e->number);
    if (!peer) {
        if (e->ticket) presence_on_sent(app->presence, e, 0, 0);
    } else if (msg_class(e->type) == MSG_DATAGRAM) {
        (void)bus_send_datagram(peer, blob_span(e->message));
    } else {
        uint64_t number = bus_send(peer, blob_hold(e->message));
        if (e->ticket) presence_on_sent(app->presence, e, number, peer_epoch(peer));
    }
}

static void flush(void *self)
{
    struct app *app = self;
    presence_on_stored(app->presence, now_of(app));
    struct effects *effects = presence_effects(app->presence);
    for (size_t i = 0; i < effects->count; i++) send_one(app, &effects->at[i]);
    effects_clear(effects);
    store_redis_flush(app->redis);
}

static void on_tick(void *self)
{
    struct app *app = self;
    presence_on_time(app->presence, now_of(app));
    bus_set_load(app->d.bus, presence_load(app->presence));
    service_timer_set(app->d.svc, &app->tick, service_now(app->d.svc) + PRESENCE_TICK_MS);
}

/* ---- life */

static void before_stats(void *self)
{
    presence_measure(((struct app *)self)->presence);
}

static void on_drain(void *self)
{
    struct app *app = self;
    app->drain_by = service_now(app->d.svc) + FLUSH_MS;
    presence_drain(app->presence);
}

static bool drained(void *self)
{
    struct app *app = self;
    return presence_quiet(app->presence) || service_now(app->d.svc) >= app->drain_by;
}

static void compile_rules(struct app *app)
{
    struct buf errors = { 0 };
    app->generation = generation_new(&app->d.config, &errors);
    if (!app->generation) {
        log_fatal(app->d.log, "rules", "why=%s", buf_text(&errors));
        exit(EXIT_USAGE);
    }
    buf_fini(&errors);
}

static bool may_reload(void *self, const struct config *fresh, struct buf *errors)
{
    struct app *app = self;
    app->fresh = generation_new(fresh, errors);
    return app->fresh;
}

static void on_reload(void *self, struct config **before)
{
    struct app *app = self;
    if (!before) return;
    presence_reload(app->presence, app->fresh);
    generation_retire(app->generation, before);
    generation_drop(&app->generation);
    app->generation = app->fresh, app->fresh = NULL;
}

int main(int argc, char **argv)
{
    static struct app app;
    static const struct bus_handler handler = { .on_message = on_message, .on_peer = on_peer, .on_confirm = on_confirm, .on_view = on_view };
    struct daemon *d = &app.d;
    process_one_heap();
    daemon_start(d, ROLE_PRESENCE, argc, argv, presence_stats_view(&app.stats));
    compile_rules(&app);
    d->may_reload = may_reload, d->on_reload = on_reload, d->before_stats = before_stats, d->on_drain = on_drain, d->drained = drained, d->callbacks_self = &app;
    app.tick = (struct service_timer){ .fn = on_tick, .self = &app };
    service_on_turn_end(d->svc, flush, &app);       /* before the bus's own hook, which sends what this one says */
    daemon_bus(d, &handler, &app);
    app.presence = presence_new(&(struct presence_options){
        .id = span_of(d->id), .number = d->options.number, .epoch = bus_epoch(d->bus), .config = &d->config, .generation = app.generation,
        .view = bus_view(d->bus), .stats = &app.stats, .redis = strcmp(d->config.presence.redis, "none") != 0,
        .seed = { process_random(), process_random() } });
    app.redis = store_redis_new(d->svc, &d->config, presence_store(app.presence), &app.stats);
    service_timer_set(d->svc, &app.tick, service_now(d->svc) + PRESENCE_TICK_MS);
    daemon_ready(d);
    service_run(d->svc);
    service_off_turn_end(d->svc, flush, &app);
    store_redis_destroy(&app.redis);
    service_timer_cancel(d->svc, &app.tick);
    int code = daemon_stop(d);
    presence_destroy(&app.presence);
    generation_drop(&app.generation);
    return code;
}
