/* polling - Engine.IO over HTTP requests: the handshake, held GETs, POSTs (traps 1 to 14). */
#include "cookie.h"
#include "cors.h"
#include "eio3.h"
#include "gate_state.h"

/* ---- Engine.IO's checks */

static struct span query_value(struct gate *g, struct span query, struct span name)
{
    buf_clear(&g->text);
    return http1_query(query, name, &g->text) ? buf_span(&g->text) : (struct span){ NULL, 0 };
}

int polling_check(struct conn *c, struct listener *l, const struct http1_request *r, bool upgrade, struct session **s, uint16_t *owner)
{
    struct gate *g = c->gate;
    *s = NULL;
    struct span transport = query_value(g, r->query, SPAN("transport"));
    bool websocket = span_same(transport, SPAN("websocket"));
    if (!(websocket && l->websocket) && !(span_same(transport, SPAN("polling")) && l->polling)) return FAILED_TRANSPORT;
    struct span sid = query_value(g, r->query, SPAN("sid"));
    if (sid.len) {
        *s = session_find(g, sid);
        bool known = *s && ((*s)->state < SESSION_CLOSING || (!upgrade && (*s)->state == SESSION_CLOSING));
        if (!known) {
            *s = NULL;
            bool foreign = sid_decode(sid, g->setup.sid_key, owner) == OK && *owner != g->setup.number && !c->relayed && !c->passed;
            return foreign && gate_knows(g, *owner, RANK_NOBODY) ? POLLING_FOREIGN : FAILED_SID;
        }
        bool on_websocket = (*s)->state == SESSION_SOCKET;
        if (websocket != upgrade || (!upgrade && on_websocket)) return FAILED_REQUEST;
        if ((*s)->listener->port != l->port && !c->relayed) return FAILED_SID;
        return POLLING_PASSED;
    }
    if (!span_same(r->method, SPAN("GET"))) return FAILED_METHOD;
    if (websocket != upgrade) return FAILED_REQUEST;
    return l->config->allow_eio3 || !(polling_dialect(g, r) & DIALECT_V3) ? POLLING_PASSED : FAILED_VERSION;
}

uint8_t polling_dialect(struct gate *g, const struct http1_request *r)
{
    uint8_t dialect = span_same(query_value(g, r->query, SPAN("EIO")), SPAN("4")) ? DIALECT_PLAIN : DIALECT_V3;     /* trap 35 */
    if (query_value(g, r->query, SPAN("b64")).len) dialect |= DIALECT_B64;
    return dialect;
}

static const uint8_t refused_as[] = {
    [FAILED_TRANSPORT] = ERR_UNKNOWN, [FAILED_SID] = ERR_GONE, [FAILED_METHOD] = ERR_STATE, [FAILED_REQUEST] = ERR_UNKNOWN, [FAILED_VERSION] = ERR_VERSION,
};

/* ---- the handshake */

static bool names_source(const struct gate *g, const char *prefix)
{
    for (size_t i = 0; i < g->config->namespace_count; i++) {
        const struct config_strings *token = &g->config->namespaces[i].token;
        for (size_t k = 0; k < token->count; k++)
            if (span_has_prefix(span_of(token->at[k]), span_of(prefix))) return true;
    }
    return false;
}

/* What nobody asks for later: the protocol's own parameters. */
static bool is_protocol(struct span key)
{
    static const char *const own[] = { "EIO", "transport", "t", "sid", "b64", "j" };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (span_same(key, span_of(own[i]))) return true;
    return false;
}

void polling_handshake(struct session_open_request *open, struct conn *c, struct listener *l, const struct http1_request *r, struct buf *scratch)
{
    open->listener = l;
    open->address = request_client(c, l, r);
    open->agent = span_head(http1_find(r, SPAN("User-Agent")), 512);
    buf_clear(scratch);
    for (struct span rest = r->query, pair; rest.len; ) {
        pair = span_cut(&rest, '&');
        struct span value = pair, key = span_cut(&value, '=');
        if (is_protocol(key)) continue;
        if (scratch->len) buf_add_byte(scratch, '&');
        buf_add(scratch, pair);
    }
    open->query = buf_span(scratch);
    struct span authorization = http1_find(r, SPAN("Authorization"));
    if (span_same_nocase(span_head(authorization, 7), SPAN("Bearer ")) && names_source(c->gate, "bearer"))
        open->bearer = span_trim(span_skip(authorization, 7));
    if (names_source(c->gate, "cookie.")) open->cookie = http1_find(r, SPAN("Cookie"));
}

/* Packets as they wait, in the form that this client reads, in an answer that it can take. */
static void answer_packets(struct conn *c, uint8_t dialect, struct span packets)
{
    struct exchange *x = c->exchange;
    struct buf payload = { 0 }, script = { 0 };
    bool raw = false;
    if (dialect & DIALECT_V3) {
        raw = eio3_payload(&payload, packets, x->jsonp.asked || dialect & DIALECT_B64);
        packets = buf_span(&payload);
    }
    if (x->jsonp.asked) {
        jsonp_answer(&script, &x->jsonp, packets);
        packets = buf_span(&script);
    }
    http1_add(&x->fields, SPAN("cache-control"), SPAN("no-store"));
    x->session = NULL;
    conn_answer(c, 200, raw ? SPAN("application/octet-stream") : SPAN("text/plain; charset=UTF-8"), packets);
    buf_fini(&payload), buf_fini(&script);
}

static void on_handshake(struct conn *c, struct listener *l, const struct http1_request *r)
{
    struct session_open_request open = { .dialect = polling_dialect(c->gate, r) | DIALECT_POLL };
    struct buf text = { 0 };
    polling_handshake(&open, c, l, r, &text);
    struct session *s = request_welcome(c, l, &open.address) ? session_new(c->gate, &open) : NULL;
    buf_clear(&text);
    if (!s) {
        buf_fini(&text);
        return;
    }
    cookie_add(&c->exchange->fields, &l->config->cookie, sid_span(&s->sid));
    session_greeting(s, &text);
    answer_packets(c, s->dialect, buf_span(&text));
    buf_fini(&text);
    client_begin(s);
}

/* ---- GET */

void polling_answer(struct session *s, struct span packets)
{
    struct conn *c = s->conn;
    s->conn = NULL;
    answer_packets(c, s->dialect, packets);
}

static void on_get(struct session *s, struct conn *c)
{
    if (s->conn) {      /* trap 10 */
        c->gate->stats->refused_eio[ERR_DUPLICATE]++;
        polling_answer(s, SPAN("1"));
        session_close(s, REASON_TRANSPORT_ERROR, false);
        conn_answer(c, 400, SPAN(""), SPAN(""));
        return;
    }
    c->exchange->kind = EXCHANGE_POLL;
    c->exchange->session = s;
    c->phase = CONN_ANSWER;
    s->conn = c;
    session_flush(s);
}

/* ---- POST */

static void on_post(struct session *s, struct conn *c, const struct http1_request *r)
{
    struct gate *g = c->gate;
    bool binary = span_same_nocase(span_head(http1_find(r, SPAN("Content-Type")), 24), SPAN("application/octet-stream"));
    if (s->post || (binary && !(s->dialect & DIALECT_V3))) {
        g->stats->refused_eio[s->post ? ERR_DUPLICATE : ERR_TYPE]++;
        session_close(s, REASON_TRANSPORT_ERROR, false);    /* traps 10 and 12 */
        conn_answer(c, 400, SPAN(""), SPAN(""));
        return;
    }
    c->exchange->kind = EXCHANGE_POST;
    c->exchange->session = s;
    c->exchange->binary = binary;
    c->exchange->body_due = true;
    s->post = c;
    c->phase = CONN_BODY;
    conn_continue(c, r);
}

typedef enum err next_packet(struct eio4_payload *it, struct eio4_packet *p, struct buf *binary);

static enum err on_payload(struct session *s, struct span body, next_packet *next)
{
    struct gate *g = s->gate;
    struct buf binary = { 0 };
    struct eio4_packet p;
    enum err e = OK;
    for (struct eio4_payload it = eio4_payload(body); it.more && session_live(s); ) {
        if ((e = next(&it, &p, &binary)) != OK) break;
        session_on_packet(s, &p);
    }
    buf_fini(&binary);
    if (e != OK) {      /* trap 13: what came before it was good */
        g->stats->refused_eio[e]++;
        session_close(s, REASON_PARSE_ERROR, false);
    }
    return e;
}

void polling_on_body(struct conn *c)
{
    struct exchange *x = c->exchange;
    struct session *s = x->session;
    if (!s) {       /* closed meanwhile */
        request_error(c, FAILED_SID);
        return;
    }
    x->session = NULL;
    s->post = NULL;
    next_packet *next = !(s->dialect & DIALECT_V3) ? eio4_next : x->binary ? eio3_next_binary : eio3_next;
    struct buf form = { 0 };
    enum err e = OK;
    if (!x->jsonp.asked) e = on_payload(s, buf_span(&x->body), next);
    else if (jsonp_form(&form, buf_span(&x->body))) e = on_payload(s, buf_span(&form), next);
    buf_fini(&form);
    if (e != OK) {
        request_error(c, FAILED_REQUEST);
        return;
    }
    http1_add(&x->fields, SPAN("cache-control"), SPAN("no-store"));
    conn_answer(c, 200, SPAN("text/html"), SPAN("ok"));
    upgrade_go_on(s);
}

void polling_on_lost(struct conn *c)
{
    struct exchange *x = c->exchange;
    struct session *s = x ? x->session : NULL;
    if (!s) return;
    x->session = NULL;
    if (s->conn == c) s->conn = NULL;
    if (s->post == c) s->post = NULL;
    session_on_lost(s, REASON_TRANSPORT_ERROR);
}

void polling_on_refused(struct conn *c)
{
    struct exchange *x = c->exchange;
    if (!x || !x->session) return;
    struct session *s = x->session;
    x->session = NULL;
    if (s->post != c) return;
    s->post = NULL;
    upgrade_go_on(s);
}

/* ---- all requests but upgrades */

/* Old browsers take an answer that repeats what was sent for an attack, and blank it. */
static bool is_internet_explorer(const struct http1_request *r)
{
    struct span agent = http1_find(r, SPAN("User-Agent"));
    return agent.len && (memmem(agent.ptr, agent.len, ";MSIE", 5) || memmem(agent.ptr, agent.len, "Trident/", 8));
}

void polling_on_request(struct conn *c, struct listener *l, const struct http1_request *r)
{
    struct gate *g = c->gate;
    bool known_method = span_same(r->method, SPAN("GET")) || span_same(r->method, SPAN("POST"));
    struct session *s;
    uint16_t owner;
    bool preflight = span_same(r->method, SPAN("OPTIONS")) && cors_on(l->config);
    int code = preflight ? POLLING_PASSED : polling_check(c, l, r, false, &s, &owner);
    if (code == POLLING_FOREIGN && known_method) {
        relay_out(c, l, r, owner);
        return;
    }
    struct exchange *x = request_begin(c, l, r, EXCHANGE_PLAIN);
    if (preflight) {
        cors_preflight(&x->fields, l->config, r);
        conn_answer(c, 204, SPAN(""), SPAN(""));
        return;
    }
    cors_add(&x->fields, l->config, r);
    if (code < 0 && is_internet_explorer(r)) http1_add(&x->fields, SPAN("X-XSS-Protection"), SPAN("0"));
    x->jsonp = jsonp_of(query_value(g, r->query, SPAN("j")));
    if (code >= 0) {
        g->stats->refused_http[refused_as[code]]++;
        request_error(c, (unsigned)code);
    } else if (!known_method) {     /* the session lives (trap 7) */
        g->stats->refused_http[ERR_UNKNOWN]++;
        http1_add(&x->fields, SPAN("Allow"), SPAN("GET, POST, OPTIONS"));
        conn_answer(c, 405, SPAN(""), SPAN(""));
    } else if (!s) {
        on_handshake(c, l, r);
    } else if (span_same(r->method, SPAN("GET"))) {
        on_get(s, c);
    } else {
        on_post(s, c, r);
    }
}
