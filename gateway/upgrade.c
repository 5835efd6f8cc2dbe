/* upgrade - WebSockets: the handshake of a new session or of one that comes from
 * polling, and then the frames. */
#include "cors.h"
#include "eio3.h"
#include "gate_state.h"
#include "ws_deflate.h"

#include <stdlib.h>

/* ---- the WebSocket's handshake */

enum { GREETING_MS = 10 };

static void on_upgrade_due(struct gate *g, struct timer *t);

static void greet(struct session *s)
{
    struct buf packet = { 0 };
    session_greeting(s, &packet);
    session_send_engine(s, buf_span(&packet));
    buf_fini(&packet);
    client_begin(s);
}

/* To Engine.IO 3 not in one read with the 101: clients of its time, and its test suite, listen only once they have seen that. */
static void on_greeting_due(struct gate *g, struct timer *t)
{
    (void)g;
    const struct conn *c = TIMER_OWNER(t, struct conn, timer);
    if (c->session) greet(c->session);
}

/* What is agreed on goes to the answer's fields. False: the client's header is none. */
static bool agree(struct conn *c, const struct listener *l, const struct http1_request *r)
{
    if (!l->deflate) return true;
    struct buf answer = { 0 };
    enum err e = ws_deflate_answer(r, c->gate->config->compression.window_bits, &answer);
    c->deflate = e == OK;
    if (c->deflate) http1_add(&c->exchange->fields, SPAN("Sec-WebSocket-Extensions"), buf_span(&answer));
    buf_fini(&answer);
    return e != ERR_SYNTAX;
}

static void accept_upgrade(struct conn *c, struct listener *l, const struct http1_request *r, struct span key)
{
    struct buf out = { 0 };
    ws_switch(&out, key, ws_subprotocol(r));
    buf_add(&out, buf_span(&c->exchange->fields));
    cors_add(&out, l->config, r);
    http1_finish_bare(&out);
    conn_forget(c);
    http1_fini(&c->http);       /* 'r' ends here */
    c->ws = (struct ws){ 0 };
    c->phase = CONN_SOCKET;
    conn_say(c, &out);
}

static void begin_session(struct conn *c, struct listener *l, const struct http1_request *r, struct span key)
{
    struct gate *g = c->gate;
    struct session_open_request open = { .dialect = polling_dialect(g, r) | (c->deflate ? DIALECT_DEFLATE : 0) };
    polling_handshake(&open, c, l, r, &g->body);
    struct session *s = session_new(g, &open);
    buf_clear(&g->body);
    accept_upgrade(c, l, r, key);
    s->conn = c, c->session = s;
    if (s->dialect & DIALECT_V3) timer_set(g, &c->timer, on_greeting_due, GREETING_MS);
    else greet(s);
}

static void begin_probe(struct conn *c, struct listener *l, const struct http1_request *r, struct span key, struct session *s)
{
    struct gate *g = c->gate;
    c->base64 = polling_dialect(g, r) & DIALECT_B64;
    accept_upgrade(c, l, r, key);
    if (s->state != SESSION_POLLING || s->probe) {      /* trap 23: the first one is untouched */
        g->stats->refused_ws[ERR_STATE]++;
        conn_close_ws(c, WS_NO_CODE);
        return;
    }
    s->probe = c, c->session = s, c->probing = true;
    c->until = g->now.mono + l->config->upgrade_timeout_ms;
    timer_set(g, &c->timer, on_upgrade_due, 100);
}

void upgrade_on_request(struct conn *c, struct listener *l, const struct http1_request *r)
{
    struct gate *g = c->gate;
    struct span key;
    request_begin(c, l, r, EXCHANGE_PLAIN)->keep_alive = false;      /* any answer but 101 is the last one */
    struct session *s;
    uint16_t owner;
    enum err e = ws_handshake(r, &key);
    int code = polling_check(c, l, r, true, &s, &owner);
    if (code == POLLING_FOREIGN && e == OK) {
        pass_on_request(c, r, owner);
        return;
    }
    if (code == POLLING_FOREIGN) code = POLLING_PASSED;
    if (code == POLLING_PASSED && e == ERR_VERSION) {
        g->stats->refused_ws[e]++;
        l->failed[FAILED_WS]++;
        http1_add(&c->exchange->fields, SPAN("Sec-WebSocket-Version"), SPAN("13"));
        conn_answer(c, 426, SPAN(""), SPAN(""));
        return;
    }
    if (code == POLLING_PASSED && (e != OK || c->relayed || (s && !l->upgrades))) code = FAILED_REQUEST;
    struct ip client = request_client(c, l, r);
    if (code == POLLING_PASSED && !s && !request_welcome(c, l, &client)) return;
    if (code == POLLING_PASSED && !agree(c, l, r)) code = FAILED_REQUEST, e = ERR_SYNTAX;
    if (code != POLLING_PASSED) {
        g->stats->refused_ws[e != OK ? e : ERR_UNKNOWN]++;
        request_refuse_upgrade(c, (unsigned)code);
        return;
    }
    if (s) begin_probe(c, l, r, key, s);
    else begin_session(c, l, r, key);
}

/* ---- and its frames */

static void on_upgrade_due(struct gate *g, struct timer *t)
{
    struct conn *c = TIMER_OWNER(t, struct conn, timer);
    if (!c->probing || c->fate != CONN_OPEN) {
        conn_kill(c);
        return;
    }
    if (g->now.mono >= c->until) {
        g->stats->refused_ws[ERR_TIMEOUT]++;
        upgrade_on_lost(c);
        conn_close_ws(c, WS_NO_CODE);
        return;
    }
    if (c->session->state == SESSION_UPGRADING) session_on(c->session, SESSION_DUE_NOOP, (struct span){ "", 0 });
    timer_set(g, &c->timer, on_upgrade_due, 100);
}

void upgrade_on_lost(struct conn *c)
{
    struct session *s = c->session;
    if (!s) return;
    c->session = NULL;
    if (c->probing) {
        c->probing = false;
        s->probe = NULL;
        timer_cancel(c->gate, &c->timer);
        if (session_live(s)) session_on(s, SESSION_PROBE_LOST, (struct span){ "", 0 });
        return;
    }
    s->conn = NULL;
}

/* What a POST under way brings comes before what the WebSocket brings: it was sent before, and may be the first half
 * of a binary event. Clients wait for their POSTs; whoever does not is not to lose the order. */
static void hold(struct conn *c)
{
    c->phase = CONN_HELD;
    c->exchange = calloc(1, sizeof *c->exchange);
    NEED(c->exchange);
    c->exchange->listener = c->listener;
}

void upgrade_go_on(struct session *s)
{
    struct conn *c = s->probe;
    if (!c || c->phase != CONN_HELD || s->post) return;
    c->phase = CONN_SOCKET;
    c->exchange->answered = true;
    gate_resume(c);
    session_on(s, SESSION_PROBE_UPGRADE, (struct span){ "", 0 });
}

/* On a WebSocket that wants to take over, only "2probe" and then "5" mean anything (traps 21, 24, 25). */
static void on_probe(struct conn *c, const struct ws_event *event)
{
    struct session *s = c->session;
    struct eio4_packet p;
    bool text = event->opcode == WS_TEXT && eio4_decode(&p, event->payload) == OK;
    if (text && p.type == EIO4_PING && span_same(p.data, SPAN("probe"))) {
        session_on(s, SESSION_PROBE_PING, p.data);
        return;
    }
    if (text && p.type == EIO4_UPGRADE && s->state == SESSION_UPGRADING) {
        if (s->post) hold(c);
        else session_on(s, SESSION_PROBE_UPGRADE, p.data);
        return;
    }
    c->gate->stats->refused_eio[ERR_STATE]++;
    upgrade_on_lost(c);
    conn_close_ws(c, WS_NO_CODE);
}

static enum err decode(struct eio4_packet *p, const struct session *s, const struct ws_event *event, struct buf *binary)
{
    bool v3 = s->dialect & DIALECT_V3;
    if (event->opcode == WS_TEXT) return (v3 ? eio3_decode : eio4_decode_frame)(p, event->payload, binary);
    if (v3) return eio3_decode_binary(p, event->payload);
    *p = (struct eio4_packet){ EIO4_BINARY, event->payload };
    return OK;
}

static void on_message(struct conn *c, const struct ws_event *event)
{
    struct session *s = c->session;
    if (c->probing) {
        on_probe(c, event);
        return;
    }
    if (!s || !session_live(s)) return;
    struct eio4_packet p;
    struct buf binary = { 0 };
    enum err e = decode(&p, s, event, &binary);
    if (e == OK) {
        session_on_packet(s, &p);
    } else {
        c->gate->stats->refused_eio[e]++;
        session_close(s, REASON_PARSE_ERROR, true);
    }
    buf_fini(&binary);
}

static void on_close(struct conn *c, const struct ws_event *event)
{
    struct session *s = c->session;
    bool probing = c->probing;
    upgrade_on_lost(c);
    c->parted = true;
    if (s && !probing) session_on_lost(s, REASON_TRANSPORT_CLOSE);
    conn_close_ws(c, event->code);
}

void upgrade_on_broken(struct conn *c, enum err e, unsigned code)
{
    struct session *s = c->session;
    bool probing = c->probing;
    c->gate->stats->refused_ws[e]++;
    upgrade_on_lost(c);
    conn_close_ws(c, code);
    if (s && !probing) session_on_lost(s, REASON_TRANSPORT_ERROR);
}

enum { INFLATED_KEPT = 65536 };

void upgrade_on_bytes(struct conn *c, struct ws_input *in)
{
    struct gate *g = c->gate;
    struct ws_limits limits = c->listener->ws;
    struct ws_event event;
    enum err e;
    limits.deflate = c->deflate;
    while (c->fate == CONN_OPEN && c->phase == CONN_SOCKET && (e = ws_decode(&c->ws, &limits, in, &event)) != ERR_AGAIN) {
        if (e == OK && event.compressed) e = ws_deflate_open(&event, &limits, &g->compression, &g->inflated);
        if (e != OK) {
            upgrade_on_broken(c, e, event.code);
        } else if (event.opcode == WS_CLOSE) {
            on_close(c, &event);
        } else if (event.opcode == WS_PING) {
            struct blob *pong = ws_blob(WS_PONG, event.payload);
            conn_push(c, pong);
            blob_drop(&pong);
        } else if (event.opcode != WS_PONG) {
            on_message(c, &event);
        }
    }
    if (g->inflated.cap > INFLATED_KEPT) buf_fini(&g->inflated);
}
