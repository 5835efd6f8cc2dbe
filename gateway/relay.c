/* relay - a poll or a post whose session lives at another gateway: the request goes
 * there whole, the answer comes back as bytes. There it is one more conn, without a
 * descriptor. */
#include "cors.h"
#include "gate_state.h"

enum { FRAME_ROOM = 1024 };     /* in a frame of the bus, around a request or an answer. What is longer the bus would throw away */

/* ---- at the wrong door */

static bool is_framing(struct span name)
{
    return span_same_nocase(name, SPAN("Content-Length")) || span_same_nocase(name, SPAN("Transfer-Encoding")) ||
           span_same_nocase(name, SPAN("Expect"));
}

void relay_copy_head(struct buf *out, const struct http1_request *r)
{
    buf_add(out, r->method);
    buf_add_byte(out, ' ');
    buf_add(out, r->path);
    if (r->query.len) buf_add_byte(out, '?'), buf_add(out, r->query);
    buf_add_format(out, " HTTP/1.%u\r\n", r->minor);
    for (unsigned i = 0; i < r->count; i++)
        if (!is_framing(r->fields[i].name)) http1_add(out, r->fields[i].name, r->fields[i].value);
}

static void send_it(struct conn *c)
{
    struct gate *g = c->gate;
    struct exchange *x = c->exchange;
    if (x->head.len + x->body.len > g->config->bus.max_frame_bytes - FRAME_ROOM) {
        g->stats->relays_failed++;
        conn_answer(c, 413, SPAN(""), SPAN(""));
        return;
    }
    struct buf address = { 0 };
    struct ip client = x->client;
    ip_print(&address, &client);
    if (x->body.len) buf_add_format(&x->head, "Content-Length: %zu\r\n", x->body.len);
    buf_add_literal(&x->head, "\r\n");
    x->ref = gate_ref(g);
    map_put_u64(&g->relays, x->ref, c);
    c->phase = CONN_ANSWER;
    g->stats->relays_out++;
    GATE_SAY(g, ROLE_GATEWAY, x->gateway, RELAY, .ref = x->ref, .address = buf_span(&address),
             .listener = (uint16_t)(x->listener - g->listeners), .head = buf_span(&x->head), .body = buf_span(&x->body));
    buf_fini(&address), buf_fini(&x->head), buf_fini(&x->body);
}

/* One at a time, here as at the session's own gateway: else a stranger with one session could fill the memory of all the others. */
static bool begin_post(struct conn *c, const struct http1_request *r)
{
    struct gate *g = c->gate;
    struct exchange *x = c->exchange;
    buf_clear(&g->text);
    NEED(http1_query(r->query, SPAN("sid"), &g->text) && g->text.len == SID_LENGTH);   /* it named its gateway */
    memcpy(x->sid.text, g->text.ptr, SID_LENGTH);
    if (map_find(&g->posts, sid_span(&x->sid))) {
        g->stats->refused_eio[ERR_DUPLICATE]++;
        cors_add(&x->fields, x->listener->config, r);
        conn_answer(c, 400, SPAN(""), SPAN(""));
        return false;
    }
    map_put(&g->posts, sid_span(&x->sid), c);
    x->posting = true;
    return true;
}

void relay_forget(struct conn *c)
{
    struct exchange *x = c->exchange;
    if (x->posting) map_drop(&c->gate->posts, sid_span(&x->sid));
    x->posting = false;
}

void relay_out(struct conn *c, struct listener *l, const struct http1_request *r, uint16_t owner)
{
    struct exchange *x = request_begin(c, l, r, EXCHANGE_RELAY);
    if (span_same(r->method, SPAN("POST")) && !begin_post(c, r)) return;
    x->gateway = owner;
    x->client = request_client(c, l, r);
    relay_copy_head(&x->head, r);
    if (!(r->length || r->chunked)) {
        send_it(c);
        return;
    }
    x->body_due = true;
    c->phase = CONN_BODY;
    conn_continue(c, r);
}

void relay_on_body(struct conn *c)
{
    send_it(c);
}

void relay_on_lost(struct conn *c)
{
    struct gate *g = c->gate;
    struct exchange *x = c->exchange;
    if (!x || x->kind != EXCHANGE_RELAY || !x->ref) return;
    map_drop_u64(&g->relays, x->ref);
    GATE_SAY(g, ROLE_GATEWAY, x->gateway, RELAY_GONE, .ref = x->ref);
    x->ref = 0;
}

void relay_on_relayed(struct gate *g, uint16_t gateway, const struct msg_RELAYED *m)
{
    struct conn *c = map_find_u64(&g->relays, m->ref);
    if (!c || c->exchange->gateway != gateway) return;      /* only who was asked */
    map_drop_u64(&g->relays, m->ref);
    c->exchange->ref = 0;
    struct buf bytes = { 0 };
    buf_add(&bytes, m->bytes);
    if (bytes.len == 0) conn_kill(c);
    else conn_answer_raw(c, &bytes, !m->close && c->exchange->keep_alive);
    buf_fini(&bytes);
}

/* ---- at the right one */

void relay_in(struct gate *g, uint16_t gateway, const struct msg_RELAY *m)
{
    g->stats->relays_in++;
    struct ip peer;
    ip_decode(&peer, m->address);
    if (m->listener >= g->listener_count || map_find_u64(&g->relayed, gate_foreign(gateway, m->ref))) {
        GATE_SAY(g, ROLE_GATEWAY, gateway, RELAYED, .ref = m->ref, .close = 1);
        return;
    }
    struct conn *c = conn_new(g, &g->listeners[m->listener], &peer, NULL);
    c->relayed = true, c->relay_gateway = gateway, c->relay_ref = m->ref;
    map_put_u64(&g->relayed, gate_foreign(gateway, m->ref), c);
    struct buf bytes = { 0 };
    buf_add(&bytes, m->head), buf_add(&bytes, m->body);
    conn_on_bytes(c, bytes.ptr, bytes.len);
    buf_fini(&bytes);
}

static void forget(struct conn *c)
{
    map_drop_u64(&c->gate->relayed, gate_foreign(c->relay_gateway, c->relay_ref));
}

void relay_finish(struct conn *c)
{
    struct gate *g = c->gate;
    struct buf bytes = { 0 };
    size_t left = outbox_left(&c->out);
    if (left > g->config->bus.max_frame_bytes - FRAME_ROOM) c->fate = CONN_KILL, g->stats->relays_failed++;
    if (c->fate != CONN_KILL && left) {
        size_t n = outbox_gather(&c->out, buf_room(&bytes, left), left);
        buf_grew(&bytes, n);
    }
    GATE_SAY(g, ROLE_GATEWAY, c->relay_gateway, RELAYED, .ref = c->relay_ref, .close = c->fate != CONN_OPEN, .bytes = buf_span(&bytes));
    buf_fini(&bytes);
    forget(c);
    polling_on_lost(c);
    conn_free(c);
}

void relay_gone(struct gate *g, uint16_t gateway, const struct msg_RELAY_GONE *m)
{
    struct conn *c = map_find_u64(&g->relayed, gate_foreign(gateway, m->ref));
    if (!c || c->relay_gateway != gateway) return;
    forget(c);
    polling_on_lost(c);
    gate_drop_conn(c);
}

/* ---- gateways that are gone */

void relay_view(struct gate *g, uint16_t reborn)
{
    struct map_walk walk = { 0 };
    for (struct conn *c; (c = map_next(&g->relays, &walk)); ) {
        if (gate_knows(g, c->exchange->gateway, reborn)) continue;
        map_drop_u64(&g->relays, c->exchange->ref);
        c->exchange->ref = 0;
        g->stats->relays_failed++;
        request_error(c, FAILED_SID);
    }
    walk = (struct map_walk){ 0 };
    for (struct conn *c; (c = map_next(&g->relayed, &walk)); ) {
        if (gate_knows(g, c->relay_gateway, reborn)) continue;
        forget(c);
        polling_on_lost(c);
        gate_drop_conn(c);
    }
}
