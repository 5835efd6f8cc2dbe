#include "gate_state.h"

#include <stdlib.h>

/* ---- life */

static void on_beat_due(struct gate *g, struct timer *t)
{
    (void)g;
    session_on(TIMER_OWNER(t, struct session, beat), SESSION_DUE_BEAT, SPAN(""));
}

static void on_silence_due(struct gate *g, struct timer *t)
{
    (void)g;
    session_on(TIMER_OWNER(t, struct session, beat), SESSION_DUE_SILENCE, SPAN(""));
}

/* The heartbeat begins at the server in Engine.IO 4, at the client in Engine.IO 3. */
static const struct version {
    uint8_t ping, pong;         /* what the client's are */
    timer_due *due;             /* when it is not heard of */
} versions[] = {
    { SESSION_GOT_ASTRAY, SESSION_GOT_PONG, on_beat_due },
    { SESSION_GOT_PING, SESSION_GOT_ASTRAY, on_silence_due },
};

static const struct version *version_of(const struct session *s)
{
    return &versions[(s->dialect & DIALECT_V3) != 0];
}

uint64_t session_patience(const struct session *s)
{
    const struct config_listener *l = s->listener->config;
    return l->ping_interval_ms + (s->dialect & DIALECT_V3 ? l->ping_timeout_ms : UINT64_C(0));
}

static void on_connect_due(struct gate *g, struct timer *t)
{
    (void)g;
    session_on(TIMER_OWNER(t, struct session, connect), SESSION_DUE_CONNECT, SPAN(""));
}

static struct span keep(char **to, struct span s)
{
    if (s.len) memcpy(*to, s.ptr, s.len);
    struct span kept = { *to, s.len };
    *to += s.len;
    return kept;
}

static struct handshake *handshake_new(struct gate *g, const struct session_open_request *r)
{
    size_t n = r->query.len + r->bearer.len + r->cookie.len;
    struct handshake *h = malloc(sizeof *h + n);
    NEED(h);
    char *to = h->bytes;
    h->query = keep(&to, r->query), h->bearer = keep(&to, r->bearer);
    h->cookie = keep(&to, r->cookie);
    h->agent = interned_hold(&g->agents, r->agent);
    return h;
}

struct session *session_new(struct gate *g, const struct session_open_request *r)
{
    struct session *s = calloc(1, sizeof *s);
    NEED(s);
    uint8_t random[8];
    do {
        gate_random(g, random, sizeof random);
        sid_make(&s->sid, g->setup.number, random, g->setup.sid_key);
    } while (map_find(&g->sessions, sid_span(&s->sid)));
    s->gate = g, s->listener = r->listener, s->address = r->address;
    s->dialect = r->dialect;
    if (r->listener->raw) s->dialect |= DIALECT_RAW;
    else if (r->listener->config->msgpack) s->dialect |= DIALECT_MSGPACK;
    s->state = r->dialect & DIALECT_POLL ? SESSION_POLLING : SESSION_SOCKET;
    s->handshake = handshake_new(g, r);
    s->since = g->now.wall;
    map_put(&g->sessions, sid_span(&s->sid), s);
    timer_set(g, &s->beat, version_of(s)->due, session_patience(s));
    timer_set(g, &s->connect, on_connect_due, s->listener->config->connect_timeout_ms);
    g->session_bytes += session_bytes(s);
    listener_settle(s);
    g->stats->sessions_opened++;
    s->listener->sessions++;
    g->stats->sessions_open++;
    if (s->state == SESSION_SOCKET) g->stats->sessions_websocket++;
    else g->stats->sessions_polling++;
    return s;
}

void session_free(struct session *s)
{
    struct gate *g = s->gate;
    NEED(s->state == SESSION_CLOSED && !s->sockets && !s->conn && !s->post && !s->probe);
    timer_cancel(g, &s->beat), timer_cancel(g, &s->connect);
    outbox_fini(&s->out, &g->pool);
    assembly_destroy(&s->assembly);
    gate_keep(g, &s->kept, 0);
    g->session_bytes -= session_bytes(s);
    listener_unsettle(s);
    interned_drop(&g->agents, &s->handshake->agent);
    free(s->handshake);
    free(s);
}

struct session *session_find(struct gate *g, struct span sid)
{
    struct session *s = map_find(&g->sessions, sid);
    bool waits = s && session_live(s) && (s->ping_due || s->dialect & DIALECT_V3);
    if (waits && g->now.mono >= s->beat.at.deadline) s->beat.due(g, &s->beat);
    return s;
}

size_t session_bytes(const struct session *s)
{
    const struct handshake *h = s->handshake;
    return sizeof *s + sizeof *h + h->query.len + h->bearer.len + h->cookie.len;
}

void session_greeting(const struct session *s, struct buf *packet)
{
    const struct config_listener *l = s->listener->config;
    eio4_open(packet, &(struct eio4_open){
        .sid = sid_span(&s->sid),
        .upgrade = s->state == SESSION_POLLING && s->listener->upgrades,
        .ping_interval = l->ping_interval_ms, .ping_timeout = l->ping_timeout_ms, .max_payload = l->max_message_bytes });
}

const char *reason_name(enum reason r)
{
    static const char *const names[REASON_COUNT] = {
        [REASON_TRANSPORT_CLOSE] = "transport close",
        [REASON_TRANSPORT_ERROR] = "transport error",
        [REASON_PING_TIMEOUT]    = "ping timeout",
        [REASON_CLIENT_LEAVE]    = "client namespace disconnect",
        [REASON_SERVER_LEAVE]    = "server namespace disconnect",
        [REASON_SHUTTING_DOWN]   = "server shutting down",
        [REASON_FORCED_CLOSE]    = "forced close",
        [REASON_PARSE_ERROR]     = "parse error",
        [REASON_HEARTBEAT]       = "heartbeat timeout",
        [REASON_TOKEN_EXPIRED]   = "token expired",
        [REASON_TOKEN_REVOKED]   = "token revoked",
    };
    return names[r];
}

/* ---- output */

bool session_send_frame(struct session *s, struct blob *frame, uint8_t dialect)
{
    struct gate *g = s->gate;
    if (!session_live(s)) return false;
    if (blob_span(frame).len == 0) return true;     /* nothing that a raw client could be told */
    if (dialect != s->dialect) {        /* made before the upgrade */
        struct blob *other = frames_translate(frame, s->dialect, &g->compression);
        bool fine = session_send_frame(s, other, s->dialect);
        blob_drop(&other);
        return fine;
    }
    if (s->state == SESSION_SOCKET) return s->conn && conn_push(s->conn, frame);
    if (outbox_push(&s->out, &g->pool, &s->listener->queue, frame, g->now.mono) != OK) {
        g->stats->connections_slow++;
        gate_doom(s, REASON_TRANSPORT_CLOSE, false);
        return false;
    }
    g->stats->packets_out++;
    if (s->conn) gate_settle_later(s);
    return true;
}

bool session_send_credit(struct session *s, struct blob *frame, uint8_t dialect)
{
    struct outbox *out = s->state == SESSION_SOCKET && s->conn ? &s->conn->out : &s->out;
    out->credit += frame->len;
    return session_send_frame(s, frame, dialect);
}

bool session_send(struct session *s, struct frames *f)
{
    return session_send_frame(s, frames_for(f, s->dialect, &s->gate->compression), s->dialect);
}

bool session_send_engine(struct session *s, struct span packet)
{
    struct blob *frame = frames_engine(packet, s->dialect);
    bool fine = session_send_frame(s, frame, s->dialect);
    blob_drop(&frame);
    return fine;
}

bool session_writable(const struct session *s)
{
    if (!s->conn) return false;         /* polling: no GET waits */
    return s->state != SESSION_SOCKET || !outbox_stuck(&s->conn->out, s->gate->now.mono);
}

/* All that waits, as one payload. */
static void payload_of(struct session *s, struct buf *out)
{
    for (struct blob *frame; (frame = outbox_take(&s->out, &s->gate->pool)); ) {
        frames_append(out, frame, DIALECT_POLL);
        blob_drop(&frame);
    }
}

void session_flush(struct session *s)
{
    if (s->state == SESSION_SOCKET || !s->conn) return;
    if (s->out.count == 0 && s->state != SESSION_CLOSING) return;
    struct buf payload = { 0 };
    payload_of(s, &payload);
    if (s->state == SESSION_CLOSING && !(s->polite && payload.len)) {   /* politely, that is the next GET's: clients drop packets that a close is behind of */
        buf_add(&payload, payload.len ? SPAN("\x1e" "1") : SPAN("1"));
        session_on(s, SESSION_DUE_BEAT, SPAN(""));      /* it has its close packet: nothing is left */
    }
    polling_answer(s, buf_span(&payload));
    buf_fini(&payload);
}

/* ---- the end */

static void cut_post(struct session *s)
{
    if (s->post && s->post->exchange) s->post->exchange->session = NULL;
    s->post = NULL;
}

/* The session is over for everybody; what is left is to say so to its transport. */
static void end(struct session *s, enum reason why)
{
    struct gate *g = s->gate;
    while (s->sockets) socket_end(s->sockets, why);
    assembly_destroy(&s->assembly);
    gate_keep(g, &s->kept, 0);
    timer_cancel(g, &s->connect), timer_cancel(g, &s->beat);
    g->stats->sessions_open--;
    if (s->dialect & DIALECT_POLL) g->stats->sessions_polling--;
    else g->stats->sessions_websocket--;
    if (s->probe) {
        struct conn *probe = s->probe;
        s->probe = NULL;
        probe->session = NULL, probe->probing = false;
        conn_close_ws(probe, WS_NO_CODE);
    }
    cut_post(s);
}

void session_bury(struct session *s)
{
    struct gate *g = s->gate;
    s->state = SESSION_CLOSED;
    cut_post(s);
    timer_cancel(g, &s->beat);
    map_drop(&g->sessions, sid_span(&s->sid));
    gate_settle_later(s);
}

void session_close(struct session *s, enum reason why, bool polite)
{
    struct gate *g = s->gate;
    if (!session_live(s)) return;
    bool websocket = s->state == SESSION_SOCKET;
    uint8_t before = s->state;
    s->state = SESSION_CLOSING;         /* nothing is sent or read any more */
    if (before == SESSION_UPGRADING) g->stats->upgrades_failed++;
    end(s, why);
    struct conn *c = s->conn;
    if (websocket) {
        s->conn = NULL;
        if (c) {
            c->session = NULL;
            conn_close_ws(c, g->draining ? WS_GOING_AWAY : WS_NO_CODE);
        }
        session_bury(s);
        return;
    }
    s->polite = polite;
    if (c) session_flush(s);            /* what waits, and the close packet */
    else if (!polite) session_bury(s);
    if (s->state == SESSION_CLOSING) timer_set(g, &s->beat, on_beat_due, s->listener->config->ping_timeout_ms);     /* the next GET gets it */
}

void session_on_lost(struct session *s, enum reason why)
{
    if (!session_live(s)) return;
    if (s->state != SESSION_SOCKET && s->conn) {    /* its other request's connection was cut: this one is told */
        polling_answer(s, SPAN("1"));
    }
    session_close(s, why, false);
}

/* ---- the table */

typedef void action(struct session *s, struct span data);
#define STATE(name)
#define EVENT(name)
#define ON(state, event, act, next) action session_on_##act;
#include "session.def"
#undef ON

static const struct row { action *act; uint8_t next; } table[SESSION_STATES][SESSION_EVENTS] = {
#define ON(state, event, action, next) [SESSION_##state][SESSION_##event] = { session_on_##action, SESSION_##next },
#include "session.def"
#undef STATE
#undef EVENT
#undef ON
};
_Static_assert(sizeof table / sizeof table[0] == SESSION_STATES, "a row for each state");

enum err session_on(struct session *s, enum session_event event, struct span data)
{
    uint8_t before = s->state;
    const struct row *row = &table[before][event];
    if (!row->act) {
        if (!session_live(s)) return ERR_STATE;     /* behind the end: nobody's fault */
        s->gate->stats->refused_eio[ERR_STATE]++;
        session_close(s, REASON_PARSE_ERROR, true);
        return ERR_STATE;
    }
    row->act(s, data);
    if (s->state == before) s->state = row->next;
    return OK;
}

enum err session_on_packet(struct session *s, const struct eio4_packet *p)
{
    const struct version *version = version_of(s);
    const uint8_t events[] = {
        [EIO4_OPEN] = SESSION_GOT_OPEN, [EIO4_CLOSE] = SESSION_GOT_CLOSE, [EIO4_PING] = version->ping,
        [EIO4_PONG] = version->pong, [EIO4_MESSAGE] = SESSION_GOT_MESSAGE, [EIO4_UPGRADE] = SESSION_GOT_UPGRADE,
        [EIO4_NOOP] = SESSION_GOT_NOOP, [EIO4_BINARY] = SESSION_GOT_BINARY,
    };
    s->gate->stats->packets_in++;
    return session_on(s, (enum session_event)events[p->type], p->data);
}
