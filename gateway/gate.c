#include "feed.h"
#include "limit.h"

#include "json.h"
#include "namespace.h"

#include <stdlib.h>

#define STATS     gateway_stats
#define STATS_DEF "../gateway/stats.def"
#define STATS_ROWS
#include "stats_table.h"

/* ---- life */

struct siphash_key gate_seed(struct gate *g)
{
    unsigned char bytes[16];
    gate_random(g, bytes, sizeof bytes);
    return siphash_key_of(bytes);
}

static struct span key_of_session(const void *value)
{
    const struct session *s = value;
    return sid_span(&s->sid);
}

/* Its tables, but for the registry's. */
#define MAPS(MAP) \
    MAP(spaces, space_name) MAP(sessions, key_of_session) MAP(addresses, NULL) MAP(residents, NULL) MAP(waits, NULL) MAP(pendings, NULL) \
    MAP(acks, NULL) MAP(follows, NULL) MAP(resumes, NULL) MAP(relays, NULL) MAP(relayed, NULL) MAP(tunnels_out, NULL) MAP(tunnels_in, NULL) MAP(posts, NULL) MAP(work.tasks, NULL)

static void init_maps(struct gate *g)
{
    struct siphash_key key;
#define MAP(name, key_of) key = gate_seed(g), map_init(&g->name, &key, key_of);
    MAPS(MAP)
#undef MAP
}

static void fini_maps(struct gate *g)
{
#define MAP(name, key_of) map_fini(&g->name);
    MAPS(MAP)
#undef MAP
}

static void tidy_maps(struct gate *g)
{
#define MAP(name, key_of) map_tidy(&g->name);
    MAPS(MAP)
#undef MAP
    map_tidy(&g->registry.rooms), map_tidy(&g->registry.sockets), interned_tidy(&g->agents);
}

static size_t maps_bytes(const struct gate *g)
{
#define MAP(name, key_of) + map_bytes(&g->name)
    return 0 MAPS(MAP);
#undef MAP
}

struct gate *gate_new(const struct gate_setup *setup, struct gate_time now)
{
    struct gate *g = calloc(1, sizeof *g);
    NEED(g);
    g->setup = *setup, g->now = now, g->stats = setup->stats, g->config = setup->config;
    g->compression = (struct compression){ .by = setup->compressor, .threshold_bytes = setup->config->compression.threshold_bytes };
    wheel_init(&g->wheel, 0, now.mono);
    init_maps(g);
    if (setup->generation) g->generation = generation_hold(setup->generation);
    spaces_init(g);
    tasks_init(g);
    listeners_init(g);
    struct siphash_key seed = gate_seed(g);
    interned_init(&g->agents, &seed);
    registry_init(&g->registry, (struct siphash_key[]){ gate_seed(g), gate_seed(g) });
    uint32_t life;
    gate_random(g, &life, sizeof life);
    g->refs = (uint64_t)life << 15;     /* an answer that was meant for a life before is nobody's; below 2^48, for relay and tunnel */
    struct siphash_key revoked = gate_seed(g);
    g->revoked = revoked_new(&revoked);
    g->dirty_end = &g->dirty;
    limits_init(g);
    struct buf id = { 0 };
    member_id_encode(&id, ROLE_GATEWAY, setup->number);
    g->sender = sender_new(buf_span(&id), setup->epoch, &(struct sender_limits){ setup->config->bus.queue_bytes });
    buf_fini(&id);
    return g;
}

void gate_destroy(struct gate **self)
{
    struct gate *g = *self;
    if (!g) return;
    struct map_walk walk = { 0 };
    for (struct session *s; (s = map_next(&g->sessions, &walk)); ) {
        if (session_live(s)) session_close(s, REASON_SHUTTING_DOWN, false);
        else session_bury(s);
    }
    gate_settle(g);
    tunnels_flush(g);
    while (gate_next_dirty(g)) { }
    while (g->conns) conn_free(g->conns);
    tasks_fini(g);
    answer_fini(g);
    permits_fini(&g->permits);
    activity_fini(g);
    follow_fini(g);
    feed_fini(g);
    sender_destroy(&g->sender);
    registry_fini(&g->registry);
    interned_fini(&g->agents);
    revoked_destroy(&g->revoked);
    for (size_t i = 0; i < VIEW_OWNERS_MAX; i++)
        if (g->streams[i]) stream_fini(g->streams[i]), free(g->streams[i]);
    outbox_pool_fini(&g->pool);
    effects_fini(&g->effects);
    rules_effects_fini(&g->ruled), rules_effects_fini(&g->watched);
    buf_fini(&g->scratch), buf_fini(&g->key), buf_fini(&g->text), buf_fini(&g->body), buf_fini(&g->log), buf_fini(&g->offset), buf_fini(&g->inflated);
    free(g->targets);
    spaces_fini(g);
    listeners_fini(g);
    generation_drop(&g->generation);
    fini_maps(g);
    free(g);
    *self = NULL;
}

bool gate_keep(struct gate *g, uint32_t *kept, size_t now)
{
    bool grown = now > *kept && now > GATE_KEEP_SMALL;
    g->stats->input_bytes += now - *kept;
    *kept = (uint32_t)now;
    return !grown || g->stats->input_bytes <= g->config->gateway.input_bytes;
}

void gate_random(struct gate *g, void *bytes, size_t n)
{
    NEED(n <= sizeof g->random);
    if (g->random_left < n) {
        g->setup.random(g->setup.random_self, g->random, sizeof g->random);
        g->random_left = sizeof g->random;
    }
    g->random_left -= n;
    memcpy(bytes, g->random + g->random_left, n);
    memset(g->random + g->random_left, 0, n);
}

/* ---- lists of the call: what has something to write, what is over */

void gate_dirty(struct conn *c)
{
    struct gate *g = c->gate;
    if (c->dirty || c->relayed) return;
    c->dirty = true;
    if (!c->shell) {            /* the owner's end of a tunnel */
        c->next_dirty = g->tunnelled;
        g->tunnelled = c;
        return;
    }
    c->next_dirty = NULL;
    *g->dirty_end = c;
    g->dirty_end = &c->next_dirty;
}

struct conn *gate_next_dirty(struct gate *g)
{
    for (struct conn *c; (c = g->dirty); ) {
        g->dirty = c->next_dirty;
        if (!g->dirty) g->dirty_end = &g->dirty;
        c->dirty = false;
        if (!c->gone) return c;
        if (!c->resuming) conn_free(c);
    }
    return NULL;
}

void gate_resume(struct conn *c)
{
    if (c->resuming) return;
    c->resuming = true;
    c->next_resume = c->gate->resume;
    c->gate->resume = c;
}

void gate_drop_conn(struct conn *c)
{
    if (c->dirty || c->resuming) {
        c->gone = true, c->fate = CONN_KILL;
        timer_cancel(c->gate, &c->timer);
    } else {
        conn_free(c);
    }
}

void gate_settle_later(struct session *s)
{
    if (s->listed) return;
    s->listed = true;
    s->next_settling = s->gate->settling;
    s->gate->settling = s;
}

void gate_doom(struct session *s, enum reason why, bool polite)
{
    if (!s->doomed) s->doomed = true, s->doom = (uint8_t)why, s->polite = polite;
    gate_settle_later(s);
}

static void settle_session(struct session *s)
{
    s->listed = false;
    if (s->state == SESSION_CLOSED) session_free(s);
    else if (s->doomed && session_live(s)) session_close(s, (enum reason)s->doom, s->polite);
    else session_flush(s);
}

static void settle_conn(struct conn *c)
{
    c->resuming = false;
    if (c->gone) {
        if (!c->dirty) conn_free(c);
    } else if (c->relayed) {
        relay_finish(c);
    } else if (c->phase == CONN_PASS) {
        pass_settle(c);
    } else if (c->exchange && c->exchange->answered && (c->phase == CONN_HEAD || c->phase == CONN_SOCKET)) {
        struct buf behind = c->exchange->behind;
        c->exchange->behind = (struct buf){ 0 };
        conn_forget(c);
        conn_on_bytes(c, behind.ptr, behind.len);
        buf_fini(&behind);
    }
}

void gate_settle(struct gate *g)
{
    limits_pump(g);
    answer_pump(g);
    tasks_settle(g);
    while (g->settling || g->resume) {
        for (struct session *s; (s = g->settling); ) {
            g->settling = s->next_settling;
            settle_session(s);
        }
        for (struct conn *c; (c = g->resume); ) {
            g->resume = c->next_resume;
            settle_conn(c);
        }
    }
}

/* ---- the clients' side */

struct conn *gate_admit(struct gate *g, size_t listener, struct span peer_address, void *shell)
{
    NEED(listener < g->listener_count);
    struct listener *l = &g->listeners[listener];
    struct ip peer;
    ip_decode(&peer, peer_address);
    bool counted;
    if (!listener_admit(g, l, &peer, &counted)) {
        g->stats->connections_refused++;
        l->refused++;
        return NULL;
    }
    struct conn *c = conn_new(g, l, &peer, shell);
    c->counted = counted;
    g->stats->connections_accepted++;
    l->accepted++;
    return c;
}

struct conn *gate_accept(struct gate *g, size_t listener, struct span peer_address, void *shell, struct gate_time now)
{
    g->now = now;
    return gate_admit(g, listener, peer_address, shell);
}

struct conn *gate_accept_passed(struct gate *g, size_t listener, struct span peer_address, void *shell, struct gate_time now)
{
    struct conn *c = gate_accept(g, listener, peer_address, shell, now);
    if (!c) return NULL;
    g->stats->upgrades_handed_in++;
    c->passed = true;
    return c;
}

void gate_on_bytes(struct gate *g, struct conn *c, char *bytes, size_t len, struct gate_time now)
{
    g->now = now;
    g->stats->bytes_in += len;
    conn_on_bytes(c, bytes, len);
    gate_settle(g);
}

void gate_lost(struct conn *c)
{
    struct session *s = c->session;
    bool probing = c->probing;
    upgrade_on_lost(c);
    if (s && !probing) session_on_lost(s, REASON_TRANSPORT_CLOSE);
    polling_on_lost(c);
    relay_on_lost(c);
    tunnel_on_lost(c);
    gate_drop_conn(c);
}

void gate_on_closed(struct gate *g, struct conn *c, struct gate_time now)
{
    g->now = now;
    gate_lost(c);
    gate_settle(g);
}

struct effects *gate_effects(struct gate *g)
{
    tunnels_flush(g);
    feed_flush(g);
    return &g->effects;
}

uint64_t gate_load(const struct gate *g) { return g->conn_count; }
struct buf *gate_log(struct gate *g) { return &g->log; }

/* ---- a reload */

void gate_reload(struct gate *g, struct generation *generation, struct gate_time now)
{
    struct generation *before = g->generation;      /* until nobody looks at it */
    g->now = now;
    g->generation = generation_hold(generation);
    g->compression.threshold_bytes = g->config->compression.threshold_bytes;
    listeners_reload(g);
    spaces_reload(g);
    roll_tell(g, RANK_NOBODY, false);
    heartbeats_reload(g);
    lives_reload(g);
    gate_settle(g);
    generation_drop(&before);
}

bool gate_may_reload(const struct gate *g, const struct config *fresh, struct buf *errors)
{
    size_t before = errors->len;
    for (size_t i = 0; i < g->listener_count; i++) {
        const struct listener *l = &g->listeners[i];
        size_t at = l->raw ? namespace_find(fresh, l->raw->name) : 0;
        if (!l->raw || (at < fresh->namespace_count && span_same(span_of(fresh->namespaces[at].name), l->raw->name))) continue;
        buf_add_format(errors, "%s: namespaces.%.*s: listener '%s' is for it (raw_namespace): that it is gone needs a restart\n",
                       fresh->file, (int)l->raw->name.len, l->raw->name.ptr, l->config->name);
    }
    return errors->len == before;
}

/* ---- time */

uint64_t gate_deadline(const struct gate *g)
{
    uint64_t a = wheel_deadline(&g->wheel), b = permits_deadline(&g->permits);
    return a < b ? a : b;
}

void gate_on_time(struct gate *g, struct gate_time now)
{
    g->now = now;
    for (struct wheel_timer *due; (due = wheel_expire(&g->wheel, now.mono)); ) {
        struct timer *t = TIMER_OWNER(due, struct timer, at);
        t->due(g, t);
    }
    permits_on_time(&g->permits, (struct permits_time){ now.mono, now.wall });
    gate_settle(g);
}

/* ---- drain */

enum { DRAIN_TICK_MS = 20 };

static void close_some(struct gate *g, size_t n)
{
    struct map_walk walk = { 0 };
    for (struct session *s; n && (s = map_next(&g->sessions, &walk)); n--) {
        if (session_live(s)) session_close(s, REASON_SHUTTING_DOWN, false);
        else session_bury(s);
    }
    walk = (struct map_walk){ 0 };
    for (struct conn *c; n && (c = map_next(&g->tunnels_out, &walk)); n--) tunnel_drain(c);
    if (g->sessions.count || g->tunnels_out.count) return;
    for (struct conn *c = g->conns; c; c = c->next)     /* nobody's any more */
        if (!c->relayed && c->fate == CONN_OPEN) conn_close(c);
}

static void on_drain(struct gate *g, struct timer *t)
{
    uint64_t left = g->drain_by > g->now.mono ? g->drain_by - g->now.mono : 0;
    size_t ticks = (size_t)(left / DRAIN_TICK_MS) + 1;
    close_some(g, (g->sessions.count + g->tunnels_out.count + ticks - 1) / ticks);
    if (!gate_drained(g)) timer_set(g, t, on_drain, DRAIN_TICK_MS);
}

void gate_drain(struct gate *g, uint32_t paced_ms, struct gate_time now)
{
    g->now = now;
    g->draining = true;
    g->drain_by = now.mono + paced_ms;
    on_drain(g, &g->drain);
    gate_settle(g);
}

bool gate_drained(const struct gate *g)
{
    return g->sessions.count == 0 && g->conn_count == 0 && !g->work.lanes;
}

/* ---- for the operator */

void gate_measure(struct gate *g)
{
    struct gateway_stats *st = g->stats;
    tidy_maps(g);           /* what a storm of clients has made them grow to goes with it */
    st->memory_sessions_bytes = g->conn_count * sizeof(struct conn) + g->session_bytes + g->socket_bytes + g->pool.used + maps_bytes(g) + interned_bytes(&g->agents);
    for (size_t i = 0; i < g->listener_count; i++) st->memory_sessions_bytes += throttle_bytes(&g->listeners[i].handshakes);
    st->limits_open = g->permits.by_key.count, st->limits_held = g->permits.held, st->limits_waiting = g->permits.waiting;
    st->limits_bytes = permits_bytes(&g->permits), st->limits_asked = g->permits.asked, st->limits_recalled = g->permits.recalled;
    st->limits_alone = g->permits.alone, st->limits_full = g->permits.full;
    st->memory_rooms_bytes = registry_bytes(&g->registry);
    st->memory_pools_bytes = g->pool.bytes;
    st->queue_bytes = g->pool.queued;
    st->memberships_open = g->registry.memberships;
    st->rooms_open = g->registry.rooms.count;
    st->frames_deflated = g->compression.made[COMPRESSION_MESSAGE];
    st->frames_inflated = g->compression.opened;
    st->answers_deflated = g->compression.made[COMPRESSION_GZIP] + g->compression.made[COMPRESSION_ZLIB];
    st->deflate_saved_bytes = g->compression.saved_bytes;
}

void gate_note(struct gate *g, const char *event, const struct socket *s, const char *reason)
{
    if (g->log.len > GATE_LOG_MAX) return;
    struct buf *log = &g->log, address = { 0 };
    ip_print(&address, &s->session->address);
    buf_add_literal(log, "event=");
    buf_add(log, span_of(event));
    buf_add_literal(log, " nsp=");
    json_quote(log, s->space->name);
    buf_add_literal(log, " user=");
    buf_add(log, socket_user(s).len ? socket_user(s) : SPAN("null"));
    buf_add_literal(log, " socket=");
    buf_add(log, socket_id(s));
    buf_add_literal(log, " address=");
    buf_add(log, buf_span(&address));
    buf_add(log, s->session->dialect & DIALECT_POLL ? SPAN(" transport=polling") : SPAN(" transport=websocket"));
    if (*reason) {
        buf_add_literal(log, " reason=\"");
        buf_add(log, span_of(reason));
        buf_add_literal(log, "\" duration_ms=");
        buf_add_uint(log, g->now.wall > s->since ? g->now.wall - s->since : 0);
        buf_add_literal(log, " remaining=");
        buf_add_uint(log, g->stats->sockets_open);
    }
    buf_add_byte(log, '\n');
    buf_fini(&address);
}
