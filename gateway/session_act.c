/* session_act - what session.def's actions do. */
#include "gate_state.h"

#define STATE(name)
#define EVENT(name)
#define ON(state, event, act, next) void session_on_##act(struct session *s, struct span data);
#include "session.def"
#undef STATE
#undef EVENT
#undef ON

/* ---- heartbeat */

static void rearm(struct session *s, uint64_t after_ms)
{
    timer_set(s->gate, &s->beat, s->beat.due, after_ms);
}

/* While a pong is due, the first other packet shows that somebody is there (trap 16); in version 3, any packet at any time. */
static void alive(struct session *s)
{
    if (s->dialect & DIALECT_V3) rearm(s, session_patience(s));
    if (!s->ping_due || s->grace) return;
    s->grace = true;
    rearm(s, s->listener->config->ping_timeout_ms);
}

/* What the ping is late comes off the pong's time, so that interval and timeout add up as the client counts
 * them; a quarter of it at most, since a gateway that stalled must not close all its clients for that. */
static uint64_t pong_time(const struct session *s)
{
    uint64_t late = s->gate->now.mono - s->beat.at.deadline, timeout = s->listener->config->ping_timeout_ms;
    return timeout - (late < timeout / 4 ? late : timeout / 4);
}

void session_on_beat(struct session *s, struct span data)
{
    (void)data;
    if (s->ping_due) {
        session_close(s, REASON_PING_TIMEOUT, false);
        return;
    }
    s->ping_due = true, s->grace = false;
    rearm(s, pong_time(s));
    session_send_engine(s, SPAN("2"));
}

void session_on_pong(struct session *s, struct span data)
{
    (void)data;
    s->ping_due = false;
    rearm(s, session_patience(s));
}

/* The client's own heartbeat. What would be a second packet where it waits for the next GET is not repeated. */
void session_on_answer(struct session *s, struct span data)
{
    struct buf pong = { 0 };
    alive(s);
    buf_add_byte(&pong, '3');
    if (span_find(data, EIO4_SEPARATOR) < 0) buf_add(&pong, data);
    session_send_engine(s, buf_span(&pong));
    buf_fini(&pong);
}

void session_on_silence(struct session *s, struct span data)
{
    (void)data;
    session_close(s, REASON_PING_TIMEOUT, false);
}

void session_on_nothing(struct session *s, struct span data)
{
    (void)data;
    alive(s);
}

/* ---- messages */

void session_on_message(struct session *s, struct span data)
{
    alive(s);
    enum err e = client_on_text(s, data);
    if (e == OK) return;
    s->gate->stats->refused_sio[e]++;
    session_close(s, REASON_PARSE_ERROR, true);
}

void session_on_binary(struct session *s, struct span data)
{
    alive(s);
    enum err e = client_on_binary(s, data);
    if (e == OK) return;
    s->gate->stats->refused_sio[e]++;
    session_close(s, REASON_PARSE_ERROR, true);
}

/* ---- the end */

void session_on_leave(struct session *s, struct span data)
{
    (void)data;
    if (s->state != SESSION_SOCKET && s->conn) polling_answer(s, SPAN("6"));
    session_close(s, REASON_TRANSPORT_CLOSE, false);
}

void session_on_abandon(struct session *s, struct span data)
{
    (void)data;
    session_bury(s);
}

void session_on_unconnected(struct session *s, struct span data)
{
    (void)data;
    if (!s->connected) session_close(s, REASON_FORCED_CLOSE, true);
}

/* ---- from polling to WebSocket (traps 21, 22, 24) */

void session_on_noop(struct session *s, struct span data)
{
    (void)data;
    if (!s->conn) return;
    if (s->out.count) session_flush(s);
    else polling_answer(s, SPAN("6"));
}

void session_on_probe(struct session *s, struct span data)
{
    (void)data;
    struct blob *pong = frames_engine(SPAN("3probe"), s->dialect & (uint8_t)~DIALECT_POLL);
    conn_push(s->probe, pong);
    blob_drop(&pong);
    session_on_noop(s, SPAN(""));
}

void session_on_unprobe(struct session *s, struct span data)
{
    (void)data;
    s->gate->stats->upgrades_failed++;
}

void session_on_upgrade(struct session *s, struct span data)
{
    (void)data;
    struct gate *g = s->gate;
    struct conn *c = s->probe;
    if (s->conn) session_on_noop(s, SPAN(""));
    timer_cancel(g, &c->timer);
    c->probing = false;
    s->probe = NULL, s->conn = c;
    s->state = SESSION_SOCKET, s->dialect &= (uint8_t)~(DIALECT_POLL | DIALECT_B64);
    s->dialect |= (c->deflate ? DIALECT_DEFLATE : 0) | (c->base64 ? DIALECT_B64 : 0);
    if (s->ping_due) s->ping_due = false, rearm(s, session_patience(s));
    /* What was kept since the last GET goes out first, whole packets in their order. */
    c->out.credit = s->out.credit;
    for (struct blob *frame; (frame = outbox_take(&s->out, &g->pool)); ) {
        struct blob *other = frames_translate(frame, s->dialect, &g->compression);
        conn_push(c, other);
        blob_drop(&other), blob_drop(&frame);
    }
    g->stats->sessions_upgraded++;
    g->stats->sessions_polling--, g->stats->sessions_websocket++;
}
