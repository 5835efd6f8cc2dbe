/* gateway - terminates clients. DESIGN.md in this folder has the map; this is the
 * pipe between the core (gate.h), the clients' sockets and the bus. */
#include "daemon_uv.h"
#include "deflate_z.h"
#include "edge_lws.h"
#include "files_os.h"
#include "gate.h"
#include "listen_uv.h"
#include "sidkey_os.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STAT_ROWS_MAX = 256, LOG_KEPT = 1 << 16 };

struct app {
    struct daemon        d;
    struct { struct gateway_stats gate; struct edge_stats edge; } stats;
    struct stat_row      rows[STAT_ROWS_MAX];
    struct deflate      *deflate;
    struct gate         *gate;
    struct edge         *edge;
    struct listen      **listens;   /* one a port, as many as listeners at most */
    size_t               listen_count;
    struct hand         *hand;      /* NULL: no descriptors go to other gateways, or come from them */
    struct generation   *generation, *fresh;    /* the rules in force; those of a reload that is being checked */
    uint8_t              sid_key[SID_KEY_BYTES];
    struct service_timer gate_timer, beat, impatience;
    uint64_t             armed;     /* gate_timer is set for */
    bool                 open;      /* clients are let in */
    bool                 noted;     /* the log takes lines of level info */
    struct buf           text;
};

static struct gate_time now_of(const struct app *app)
{
    return (struct gate_time){ service_now(app->d.svc), service_wall(app->d.svc) };
}

/* ---- the end of a turn: what the gate wants said, then what it wants written, until there is neither */

static void send_to(struct app *app, const struct effect *e, uint16_t number)
{
    struct peer *peer = bus_find(app->d.bus, e->role, number);
    if (!peer) return;              /* the roster says so, too */
    if (msg_class(e->type) == MSG_DATAGRAM) {
        (void)bus_send_datagram(peer, blob_span(e->message));
        return;
    }
    uint64_t link = bus_send(peer, blob_hold(e->message));
    if (e->ticket) gate_on_sent(app->gate, number, e->ticket, link);
}

static void send_effect(struct app *app, const struct effect *e)
{
    static uint16_t numbers[BUS_NUMBERS];
    if (e->number != EFFECT_ALL) {
        send_to(app, e, e->number);
        return;
    }
    size_t n = view_of_role(bus_view(app->d.bus), e->role, numbers, BUS_NUMBERS);
    for (size_t i = 0; i < n; i++) send_to(app, e, numbers[i]);
}

static bool send_effects(struct app *app)
{
    struct effects *list = gate_effects(app->gate), mine = *list;       /* taken, since sending may cause more */
    if (!mine.count) return false;
    *list = (struct effects){ 0 };
    for (size_t i = 0; i < mine.count; i++) send_effect(app, &mine.at[i]);
    if (list->at) {
        effects_fini(&mine);
    } else {
        effects_clear(&mine);
        *list = mine;               /* its room again */
    }
    return true;
}

static void add_head(struct buf *out, uint64_t wall, const char *id, const char *msg, ...)
{
    va_list none;
    va_start(none, msg);
    log_format(out, wall, LOG_INFO, id, 0, msg, "", none);
    va_end(none);
    out->ptr[out->len - 1] = ' ';   /* its newline: more follows */
}

/* One write a turn, however many clients came and went; a burst's memory is given back. */
static void write_log(struct app *app)
{
    struct buf *lines = gate_log(app->gate), head = { 0 };
    struct span rest = buf_span(lines);
    if (!rest.len) return;
    add_head(&head, service_wall(app->d.svc), app->d.id, "client");
    while (app->noted && rest.len) {
        buf_add(&app->text, buf_span(&head));
        buf_add(&app->text, span_cut(&rest, '\n'));
        buf_add_byte(&app->text, '\n');
    }
    if (app->text.len && write(STDERR_FILENO, app->text.ptr, app->text.len) < 0) { }    /* nobody to tell */
    buf_fini(&head), buf_fini(&app->text);
    if (lines->cap > LOG_KEPT) buf_fini(lines);
    else buf_clear(lines);
}

static void flush(void *self)
{
    struct app *app = self;
    bool more = true;
    while (more) {
        more = send_effects(app);
        more |= edge_flush(app->edge);
    }
    write_log(app);
    uint64_t deadline = gate_deadline(app->gate);
    if (deadline == app->armed) return;
    app->armed = deadline;
    if (deadline == UINT64_MAX) service_timer_cancel(app->d.svc, &app->gate_timer);
    else service_timer_set(app->d.svc, &app->gate_timer, deadline);
}

static void on_gate_time(void *self)
{
    struct app *app = self;
    app->armed = UINT64_MAX;
    gate_on_time(app->gate, now_of(app));
}

/* ---- the bus */

static void on_message(void *self, struct peer *peer, enum msg_type type, struct span fields, uint64_t number)
{
    struct app *app = self;
    (void)number;
    if (type == MSG_ASK && daemon_ask(&app->d, peer, fields)) return;
    gate_on_message(app->gate, peer_role(peer), peer_number(peer), peer_epoch(peer), type, fields, now_of(app));
}

static void on_beat(void *self, struct peer *peer, const struct msg_BEAT *beat, const struct msg_MEMBER *member)
{
    struct app *app = self;
    (void)member;
    if (peer_role(peer) == ROLE_ROUTER) gate_on_beat(app->gate, peer_number(peer), peer_epoch(peer), beat->revoked, beat->revoked_sum, now_of(app));
}

static void on_peer(void *self, struct peer *peer, enum bus_event event)
{
    struct app *app = self;
    if (event != BUS_REBORN) return;
    struct blob *message;           /* meant for the life that is over: the gate tells the new one what it needs */
    while ((message = bus_take_unconfirmed(peer))) blob_drop(&message);
    gate_on_reborn(app->gate, peer_role(peer), peer_number(peer), peer_epoch(peer), now_of(app));
}

static void on_confirm(void *self, struct peer *peer, uint64_t up_to)
{
    struct app *app = self;
    gate_on_confirm(app->gate, peer_role(peer), peer_number(peer), up_to, now_of(app));
}

static void let_in(struct app *app)
{
    app->open = true;
    for (size_t i = 0; i < app->listen_count; i++)
        if (!listen_open(app->listens[i])) exit(EXIT_ENVIRONMENT);     /* why is in the log */
    daemon_ready(&app->d);
}

static void on_view(void *self, enum view_change change)
{
    struct app *app = self;
    struct view *view = bus_view(app->d.bus);
    gate_on_view(app->gate, view, change, now_of(app));
    if (!app->open && view_settled(view) && !service_draining(app->d.svc)) let_in(app);
}

static void on_beat_time(void *self)
{
    struct app *app = self;
    struct buf positions = { 0 };
    gate_positions(app->gate, &positions);
    bus_set_positions(app->d.bus, buf_span(&positions));
    bus_set_load(app->d.bus, gate_load(app->gate));
    buf_fini(&positions);
    service_timer_set(app->d.svc, &app->beat, service_now(app->d.svc) + app->d.config.bus.beat_ms);
}

/* ---- what the daemon asks for */

static bool may_reload(void *self, const struct config *fresh, struct buf *errors)
{
    struct app *app = self;
    if (!gate_may_reload(app->gate, fresh, errors)) return false;
    app->fresh = generation_new(fresh, errors);
    return app->fresh;
}

static void on_reload(void *self, struct config **before)
{
    struct app *app = self;
    edge_reload(app->edge);
    if (!before) return;
    gate_reload(app->gate, app->fresh, now_of(app));
    generation_retire(app->generation, before);
    generation_drop(&app->generation);
    app->generation = app->fresh, app->fresh = NULL;
    app->noted = daemon_log_level(&app->d) <= LOG_INFO;
}

static void close_listens(struct app *app)
{
    for (size_t i = 0; i < app->listen_count; i++) listen_close(&app->listens[i]);
    app->listen_count = 0;
}

static void on_impatience(void *self)
{
    struct app *app = self;
    edge_end_stuck(app->edge);
    gate_end_stuck(app->gate, now_of(app));
}

/* Half of the time for all to go, a quarter for who reads slowly. */
static void on_drain(void *self)
{
    struct app *app = self;
    uint32_t ms = app->d.config.bus.drain_ms;
    close_listens(app);
    gate_drain(app->gate, ms / 2, now_of(app));
    service_timer_set(app->d.svc, &app->impatience, service_now(app->d.svc) + ms - ms / 4);
}

static bool drained(void *self)
{
    struct app *app = self;
    return gate_drained(app->gate) && edge_lingering(app->edge) == 0;
}

static void before_stats(void *self)
{
    struct app *app = self;
    gate_measure(app->gate);
    if (!app->edge) return;
    gate_listeners(app->gate, &app->text);
    bus_publish_stats(app->d.bus, SPAN("listeners"), buf_span(&app->text));
    buf_clear(&app->text);
    edge_ports(app->edge, &app->text);
    bus_publish_stats(app->d.bus, SPAN("ports"), buf_span(&app->text));
    buf_clear(&app->text);
}

/* ---- start */

/* The core's table and the shell's, one behind the other as their structs are. */
static struct stats_view stats_of(struct app *app)
{
    struct stats_view gate = gateway_stats_view(&app->stats.gate), edge = edge_stats_view(&app->stats.edge);
    NEED(gate.count + edge.count <= STAT_ROWS_MAX);
    memcpy(app->rows, gate.rows, gate.count * sizeof *gate.rows);
    memcpy(app->rows + gate.count, edge.rows, edge.count * sizeof *edge.rows);
    size_t shift = (size_t)((const char *)edge.values - (const char *)&app->stats);
    for (size_t i = 0; i < edge.count; i++) app->rows[gate.count + i].offset += shift;
    return (struct stats_view){ app->rows, gate.count + edge.count, &app->stats };
}

static bool same_port(const struct config_listener *a, const struct config_listener *b)
{
    return a->port == b->port && strcmp(a->address, b->address) == 0;
}

static void on_accept(void *self, int fd, struct span peer)
{
    edge_accept(self, fd, peer);
}

static void bind_listener(struct app *app, size_t i, struct buf *public)
{
    const struct config_listener *l = &app->d.config.listeners[i];
    for (size_t k = 0; k < i; k++)
        if (same_port(&app->d.config.listeners[k], l)) return;
    uint16_t number = (uint16_t)config_listener_port(l, app->d.options.number);
    struct edge_port *port = edge_add_port(app->edge, i, l, number);
    if (!port) exit(EXIT_ENVIRONMENT);
    app->listens[app->listen_count] = listen_new(app->d.svc, &(struct listen_options){
        .address = l->address, .port = number, .shared = l->port_step == 0, .send_buffer_bytes = l->send_buffer_bytes,
        .on_accept = on_accept, .self = port, .paused = &app->stats.edge.accept_paused, .refused = &app->stats.edge.accept_refused });
    if (!app->listens[app->listen_count++]) exit(EXIT_ENVIRONMENT);
    if (public->len) buf_add_byte(public, ' ');
    config_listener_url(public, l, app->d.options.number);
}

static void bind_all(struct app *app)
{
    const struct config *config = &app->d.config;
    struct buf public = { 0 };
    app->edge = edge_new(app->d.svc, app->gate, &app->stats.edge);
    app->listens = calloc(config->listener_count + 1, sizeof *app->listens);
    NEED(app->listens);
    if (!app->edge) exit(EXIT_ENVIRONMENT);
    for (size_t i = 0; i < config->listener_count; i++) bind_listener(app, i, &public);
    bus_set_public(app->d.bus, buf_text(&public));
    buf_fini(&public);
    if (config->bus.transport != CONFIG_IPC) return;
    app->hand = hand_new(app->d.svc, &(struct hand_options){
        .directory = config->state_dir, .gateway = app->d.options.number, .fds = listen_fds(), .on_fd = edge_on_handed, .self = app->edge,
        .refused = &app->stats.edge.upgrades_handed_refused });
    edge_set_hand(app->edge, app->hand);
}

static void prepare(struct app *app)
{
    struct daemon *d = &app->d;
    struct buf why = { 0 };
    app->generation = generation_new(&d->config, &why);
    if (!app->generation) {
        fputs(buf_text(&why), stderr);
        exit(EXIT_USAGE);
    }
    if (!sidkey_read(d->config.state_dir, app->sid_key, &why)) daemon_fail(d, "no session-id key", buf_text(&why));
    buf_fini(&why);
    app->noted = daemon_log_level(d) <= LOG_INFO;
    app->gate_timer = (struct service_timer){ .fn = on_gate_time, .self = app };
    app->beat = (struct service_timer){ .fn = on_beat_time, .self = app };
    app->impatience = (struct service_timer){ .fn = on_impatience, .self = app };
    app->armed = UINT64_MAX;
    d->may_reload = may_reload, d->on_reload = on_reload, d->on_drain = on_drain, d->drained = drained, d->before_stats = before_stats;
    d->callbacks_self = app;
}

int main(int argc, char **argv)
{
    static struct app app;
    static const struct bus_handler handler = {
        .on_message = on_message, .on_peer = on_peer, .on_beat = on_beat, .on_confirm = on_confirm, .on_view = on_view };
    struct daemon *d = &app.d;
    daemon_start(d, ROLE_GATEWAY, argc, argv, stats_of(&app));
    prepare(&app);
    service_on_turn_end(d->svc, flush, &app);       /* before the bus's own hook, which sends what this one says */
    daemon_bus(d, &handler, &app);
    app.deflate = deflate_new(d->config.compression.level, d->config.compression.window_bits);
    app.gate = gate_new(&(struct gate_setup){
        .config = &d->config, .number = d->options.number, .epoch = bus_epoch(d->bus), .generation = app.generation, .sid_key = app.sid_key,
        .random = sidkey_random, .compressor = deflate_compressor(app.deflate), .stats = &app.stats.gate }, now_of(&app));
    files_load(app.gate, &d->config, d->log);
    bind_all(&app);
    service_timer_set(d->svc, &app.beat, service_now(d->svc) + d->config.bus.beat_ms);
    service_run(d->svc);                            /* ready with the first view: let_in */
    close_listens(&app);
    service_timer_cancel(d->svc, &app.gate_timer);
    service_timer_cancel(d->svc, &app.beat);
    service_timer_cancel(d->svc, &app.impatience);
    service_off_turn_end(d->svc, flush, &app);
    edge_set_hand(app.edge, NULL);
    hand_close(&app.hand);
    edge_destroy(&app.edge);                        /* the gate hears of each that is still open */
    gate_measure(app.gate);
    d->before_stats = NULL;
    gate_destroy(&app.gate);
    deflate_destroy(&app.deflate);
    generation_drop(&app.generation);
    free(app.listens);
    buf_fini(&app.text);
    return daemon_stop(d);
}
