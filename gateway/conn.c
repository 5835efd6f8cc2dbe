#include "gate_state.h"

#include <stdlib.h>

/* ---- life */

static void on_due(struct gate *g, struct timer *t);

struct conn *conn_new(struct gate *g, struct listener *l, const struct ip *peer, void *shell)
{
    struct conn *c = calloc(1, sizeof *c);
    NEED(c);
    c->gate = g, c->listener = l, c->shell = shell, c->peer = *peer;
    c->next = g->conns, c->at = &g->conns;
    if (c->next) c->next->at = &c->next;
    g->conns = c;
    g->conn_count++;
    g->stats->connections_open++;
    timer_set(g, &c->timer, on_due, l->config->head_timeout_ms);
    return c;
}

/* Memory of input that is not whole. */
static bool weigh(struct conn *c)
{
    const struct exchange *x = c->exchange;
    size_t kept = c->phase == CONN_SOCKET || c->phase == CONN_HELD ? c->ws.message.cap : c->http.head.cap;
    if (x) kept += x->head.cap + x->body.cap + x->behind.cap;
    if (c->tunnel) kept += c->tunnel->head.cap;
    return gate_keep(c->gate, &c->kept, kept);
}

/* The exchange goes; what stands behind its request, if anything, is the caller's to take before. */
void conn_forget(struct conn *c)
{
    struct exchange *x = c->exchange;
    if (!x) return;
    buf_fini(&x->fields), buf_fini(&x->body), buf_fini(&x->behind), buf_fini(&x->head), buf_fini(&x->refusal);
    relay_forget(c);
    free(x);
    c->exchange = NULL;
    weigh(c);
}

void conn_free(struct conn *c)
{
    struct gate *g = c->gate;
    timer_cancel(g, &c->timer);
    listener_release(c);
    conn_forget(c);
    tunnel_fini(c);
    if (c->phase == CONN_SOCKET || c->phase == CONN_HELD) ws_fini(&c->ws);
    else http1_fini(&c->http);
    outbox_fini(&c->out, &g->pool);
    gate_keep(g, &c->kept, 0);
    *c->at = c->next;
    if (c->next) c->next->at = c->at;
    g->conn_count--;
    g->stats->connections_open--;
    free(c);
}

/* ---- output */

bool conn_push(struct conn *c, struct blob *frame)
{
    struct gate *g = c->gate;
    if (c->fate != CONN_OPEN) return false;
    if (outbox_push(&c->out, &g->pool, c->relayed ? &(struct outbox_limits){ 0 } : &c->listener->queue, frame, g->now.mono) != OK) {
        g->stats->connections_slow++;
        conn_kill(c);
        if (c->session) gate_doom(c->session, REASON_TRANSPORT_CLOSE, false);
        return false;
    }
    g->stats->packets_out++;
    gate_dirty(c);
    return true;
}

void conn_say(struct conn *c, struct buf *bytes)
{
    if (bytes->len) {
        struct blob *frame = blob_new(buf_span(bytes));
        conn_push(c, frame);
        blob_drop(&frame);
    }
    buf_fini(bytes);
}

static void set_fate(struct conn *c, enum conn_fate fate)
{
    if (c->fate >= fate) return;
    c->fate = (uint8_t)fate;
    timer_cancel(c->gate, &c->timer);
    if (c->relayed) {
        gate_resume(c);
        return;
    }
    gate_dirty(c);
    /* A peer that does not take the last bytes is not waited for without end. */
    if (fate == CONN_CLOSE) timer_set(c->gate, &c->timer, on_due, c->listener->config->head_timeout_ms);
}

void conn_close(struct conn *c) { set_fate(c, CONN_CLOSE); }
void conn_kill(struct conn *c) { set_fate(c, CONN_KILL); }

void conn_close_ws(struct conn *c, unsigned code)
{
    struct buf frame = { 0 };
    ws_close(&frame, code, (struct span){ "", 0 });
    conn_say(c, &frame);
    conn_close(c);
}

enum conn_fate conn_fate(const struct conn *c) { return (enum conn_fate)c->fate; }
void *conn_shell(const struct conn *c) { return c->shell; }
bool conn_idle(const struct conn *c) { return c->out.count == 0; }
bool conn_parted(const struct conn *c) { return c->parted; }

size_t conn_gather(const struct conn *c, char *scratch, size_t cap)
{
    return c->fate == CONN_KILL ? 0 : outbox_gather(&c->out, scratch, cap);
}

void conn_wrote(struct conn *c, size_t n)
{
    struct gate *g = c->gate;
    g->stats->writes_out++;
    g->stats->bytes_out += n;
    outbox_wrote(&c->out, &g->pool, n);
    tunnel_on_wrote(c, n);
}

/* ---- answers */

void conn_answer_raw(struct conn *c, struct buf *response, bool keep_alive)
{
    struct exchange *x = c->exchange;
    if (x && x->body_due) {     /* a client reads no answer before it has sent its body */
        if (x->refusal.len) buf_fini(response);
        else x->refusal = *response, x->refusal_keep = keep_alive, *response = (struct buf){ 0 };
        c->phase = CONN_BODY;
        return;
    }
    conn_say(c, response);
    c->phase = CONN_HEAD, c->begun = false;
    if (x && x->behind.len && keep_alive) x->answered = true;
    else conn_forget(c);
    if (c->relayed) {
        c->phase = CONN_DONE;
        if (!keep_alive) c->fate = CONN_CLOSE;
        gate_resume(c);
        return;
    }
    uint32_t patience = c->listener->config->keep_alive_ms;
    if (!keep_alive || !patience || c->gate->draining) conn_close(c);
    else timer_set(c->gate, &c->timer, on_due, patience);
    if (c->exchange) gate_resume(c);    /* input behind it is read at the end of the call: not within whoever answers */
}

/* The status line and Date (RFC 9110, 6.6.1), whose text is made once a second. */
static void begin_answer(struct conn *c, struct buf *out, unsigned status)
{
    struct gate *g = c->gate;
    uint64_t now_s = g->now.wall / 1000;
    if (g->date_s != now_s) http1_date(g->date, now_s), g->date_s = now_s;
    http1_status(out, status);
    http1_add(out, SPAN("Date"), span_from(g->date, sizeof g->date));
}

void conn_answer(struct conn *c, unsigned status, struct span type, struct span body)
{
    struct exchange *x = c->exchange;
    bool keep = x && x->keep_alive && !c->gate->draining && c->listener->config->keep_alive_ms;
    struct buf out = { 0 }, packed = { 0 };
    begin_answer(c, &out, status);
    if (type.len) http1_add(&out, SPAN("Content-Type"), type);
    if (x) buf_add(&out, buf_span(&x->fields));
    if (x && status == 200 && compression_try(&c->gate->compression, x->coding, body, &packed)) {
        http1_add(&out, SPAN("Content-Encoding"), compression_coding(x->coding));
        body = buf_span(&packed);
    }
    if (x && x->head_only) http1_finish_head(&out, keep, body.len);
    else if (status == 304) {
        http1_add(&out, SPAN("Connection"), keep ? SPAN("keep-alive") : SPAN("close"));
        http1_finish_bare(&out);
    } else http1_finish(&out, keep, body);
    buf_fini(&packed);
    conn_answer_raw(c, &out, keep);
}

void conn_continue(struct conn *c, const struct http1_request *r)
{
    if (!r->expect_continue || !(r->length || r->chunked) || r->length > c->exchange->listener->http.max_body) return;
    struct buf out = { 0 };
    http1_status(&out, 100);
    http1_finish_bare(&out);
    conn_say(c, &out);
}

/* What can't be read on from: the answer does not wait for the body, and the connection ends with it. */
static void fail(struct conn *c, enum err e, unsigned status)
{
    c->gate->stats->refused_http[e]++;
    c->listener->failed[FAILED_HTTP]++;
    struct buf out = { 0 };
    begin_answer(c, &out, status);
    if (c->exchange) buf_add(&out, buf_span(&c->exchange->fields)), c->exchange->body_due = false;
    if (status == 503) http1_add(&out, SPAN("Retry-After"), SPAN("1"));
    http1_finish(&out, false, (struct span){ "", 0 });
    conn_answer_raw(c, &out, false);
}

static void fail_as_parsed(struct conn *c, enum err e)
{
    fail(c, e, c->http.status ? c->http.status : 400);
}

/* ---- time */

static void on_due(struct gate *g, struct timer *t)
{
    struct conn *c = TIMER_OWNER(t, struct conn, timer);
    if (c->fate != CONN_OPEN) {
        conn_kill(c);
        return;
    }
    if (c->phase == CONN_HEAD && !c->begun) {   /* nothing asked for: nothing to answer */
        conn_close(c);
        return;
    }
    g->stats->connections_timeout++;
    polling_on_lost(c);
    fail(c, ERR_TIMEOUT, 408);
}

/* ---- input */

static void on_body(struct conn *c, struct span *in)
{
    struct exchange *x = c->exchange;
    struct span piece;
    enum err e;
    bool wanted = c->phase == CONN_BODY && x->refusal.len == 0;
    while ((e = http1_body(&c->http, &x->listener->http, in, &piece)) == OK && piece.len)
        if (wanted) buf_add(&x->body, piece);
    if (e == ERR_AGAIN) return;
    if (e != OK) {
        if (c->phase == CONN_ANSWER) polling_on_lost(c);
        else polling_on_refused(c);     /* the session lives: trap 9 */
        fail_as_parsed(c, e);
        return;
    }
    timer_cancel(c->gate, &c->timer);
    x->body_due = false;
    if (x->refusal.len) conn_answer_raw(c, &x->refusal, x->refusal_keep);
    else if (wanted) request_on_body(c);
}

/* A GET that waits for its answer may have a body of its own, which nobody wants. */
static bool reads_body(const struct conn *c)
{
    return c->phase == CONN_BODY || (c->phase == CONN_ANSWER && c->exchange->body_due);
}

static void on_head(struct conn *c, struct span *in)
{
    struct http1_request r;
    if (c->exchange) conn_forget(c);    /* of the request before */
    enum err e = http1_head(&c->http, &c->listener->port->http, in, &r);
    if (e == ERR_AGAIN) {
        if (!c->begun && (c->http.head.len || c->http.scanned)) {
            c->begun = true;    /* from its first byte to its last: trickling earns no time */
            timer_set(c->gate, &c->timer, on_due, c->listener->config->head_timeout_ms);
        }
        return;
    }
    if (e != OK) {
        fail_as_parsed(c, e);
        return;
    }
    timer_cancel(c->gate, &c->timer);
    c->gate->stats->requests_in++;
    request_on_head(c, &r);
    if (c->phase == CONN_SOCKET || c->fate != CONN_OPEN) return;
    http1_release(&c->http);
    if (!reads_body(c)) return;
    timer_set(c->gate, &c->timer, on_due, c->listener->config->body_timeout_ms);
    on_body(c, in);
}

/* Until the request before was answered; a client that sends much more than one is no browser. */
static void keep_behind(struct conn *c, struct span in)
{
    struct exchange *x = c->exchange;
    if (x->behind.len + in.len > c->listener->config->max_head_bytes + 65536u) {
        c->gate->stats->refused_http[ERR_FULL]++;
        conn_kill(c);
        return;
    }
    buf_add(&x->behind, in);
}

static void read_bytes(struct conn *c, char *bytes, size_t len)
{
    struct span in = { bytes, len };
    while (in.len && c->fate == CONN_OPEN) switch ((enum conn_phase)c->phase) {
        case CONN_HEAD:
            on_head(c, &in);
            break;
        case CONN_BODY:
            on_body(c, &in);
            break;
        case CONN_ANSWER:
        case CONN_HELD:
            if (reads_body(c)) {
                on_body(c, &in);
                break;
            }
            keep_behind(c, in);
            return;
        case CONN_SOCKET: {
            struct ws_input frames = { bytes + (in.ptr - bytes), in.len };
            upgrade_on_bytes(c, &frames);
            in = span_from(frames.ptr, frames.len);
            break;
        }
        case CONN_PASS:
            pass_on_bytes(c, in);
            return;
        case CONN_TUNNEL:
            tunnel_on_bytes(c, in);
            return;
        case CONN_DONE:
            return;
    }
}

/* All clients together have sent too much that is not whole, and this one just added to it. */
static void shed(struct conn *c)
{
    if (c->phase == CONN_SOCKET) {
        upgrade_on_broken(c, ERR_FULL, WS_TRY_LATER);
        ws_fini(&c->ws);
    } else if (c->phase == CONN_HEAD || c->phase == CONN_BODY) {
        polling_on_refused(c);      /* the session lives */
        fail(c, ERR_FULL, 503);
    } else {
        c->gate->stats->refused_http[ERR_FULL]++;
        conn_kill(c);
    }
    weigh(c);
}

void conn_on_bytes(struct conn *c, char *bytes, size_t len)
{
    read_bytes(c, bytes, len);
    if (!weigh(c) && c->fate == CONN_OPEN) shed(c);
}
