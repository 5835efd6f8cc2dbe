/* request - where an HTTP request goes: files, Engine.IO, or nowhere. */
#include "cors.h"
#include "gate_state.h"

#include <stdlib.h>

struct exchange *request_begin(struct conn *c, struct listener *l, const struct http1_request *r, enum exchange_kind kind)
{
    struct exchange *x = calloc(1, sizeof *x);
    NEED(x && !c->exchange);
    x->kind = kind, x->listener = l;
    if (l->config->http_compression) x->coding = compression_accepted(r);
    x->head_only = span_same(r->method, SPAN("HEAD"));
    x->body_due = (r->length || r->chunked) && !r->expect_continue;
    x->keep_alive = r->keep_alive && !(r->expect_continue && (r->length || r->chunked));
    c->exchange = x;
    return x;
}

struct ip request_client(const struct conn *c, const struct listener *l, const struct http1_request *r)
{
    struct ip client = c->peer;
    if (c->relayed || !cidr_has(l->trusted, l->trusted_count, &client)) return client;
    for (unsigned i = r->count; i-- > 0; )      /* several such fields are one list */
        if (span_same_nocase(r->fields[i].name, SPAN("X-Forwarded-For")))
            client = cidr_client(l->trusted, l->trusted_count, &client, r->fields[i].value);
    return client;
}

/* ---- Engine.IO's errors (traps 1 and 3) */

static const struct { unsigned status; const char *message; } errors[] = {
    [FAILED_TRANSPORT] = { 400, "Transport unknown" },
    [FAILED_SID]       = { 400, "Session ID unknown" },
    [FAILED_METHOD]    = { 400, "Bad handshake method" },
    [FAILED_REQUEST]   = { 400, "Bad request" },
    [FAILED_FORBIDDEN] = { 403, "Forbidden" },
    [FAILED_VERSION]   = { 400, "Unsupported protocol version" },
};

void request_error(struct conn *c, unsigned code)
{
    struct buf body = { 0 };
    c->listener->failed[code]++;
    buf_add_format(&body, "{\"code\":%u,\"message\":\"%s\"}", code, errors[code].message);
    conn_answer(c, errors[code].status, SPAN("application/json"), buf_span(&body));
    buf_fini(&body);
}

bool request_welcome(struct conn *c, struct listener *l, const struct ip *client)
{
    struct gate *g = c->gate;
    unsigned retry_s = 1, status = g->draining ? 503 : listener_welcome(g, l, client, &retry_s);
    if (!status) return true;
    if (g->draining) g->stats->connections_refused++;
    else l->failed[FAILED_FORBIDDEN]++;
    struct buf text = { 0 };
    buf_add_uint(&text, retry_s);
    http1_add(&c->exchange->fields, SPAN("Retry-After"), buf_span(&text));
    conn_answer(c, status, SPAN(""), SPAN(""));
    buf_fini(&text);
    return false;
}

/* As the reference server writes it: the client shows the text. */
void request_refuse_upgrade(struct conn *c, unsigned code)
{
    const char *text = errors[code].message;
    struct buf out = { 0 };
    c->listener->failed[code]++;
    buf_add_format(&out, "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-type: text/html\r\nContent-Length: %zu\r\n\r\n%s",
                   errors[code].status, http1_status_text(errors[code].status), strlen(text), text);
    if (c->exchange) c->exchange->body_due = false;
    conn_answer_raw(c, &out, false);
}

/* ---- files */

static const struct file *find_file(const struct listener *port, const struct gate *g, struct span path)
{
    for (size_t i = 0; i < g->listener_count; i++) {
        const struct listener *l = &g->listeners[i];
        if (l->port != port) continue;
        for (size_t k = 0; k < l->file_count; k++)
            if (span_same(span_of(l->files[k].path), path)) return &l->files[k];
    }
    return NULL;
}

static bool not_modified(const struct http1_request *r, struct span etag)
{
    struct span wanted = http1_find(r, SPAN("If-None-Match"));
    while (wanted.len) {
        struct span one = span_trim(span_cut(&wanted, ','));
        if (span_has_prefix(one, SPAN("W/"))) one = span_skip(one, 2);
        if (span_same(one, etag) || span_same(one, SPAN("*"))) return true;
    }
    return false;
}

static void answer_file(struct conn *c, const struct http1_request *r, const struct file *f)
{
    struct exchange *x = c->exchange;
    if (!span_same(r->method, SPAN("GET")) && !x->head_only) {
        http1_add(&x->fields, SPAN("Allow"), SPAN("GET, HEAD"));
        c->gate->stats->refused_http[ERR_UNKNOWN]++;
        conn_answer(c, 405, SPAN(""), SPAN(""));
        return;
    }
    struct buf etag = { 0 };
    bool gzip = f->gzip && x->coding == COMPRESSION_GZIP;
    x->coding = COMPRESSION_NONE;       /* it was compressed once, at the start */
    buf_add_format(&etag, "\"%s%s\"", f->etag, gzip ? "-gzip" : "");     /* strong: other bytes, another tag */
    http1_add(&x->fields, SPAN("Cache-Control"), SPAN("public, max-age=0"));
    http1_add(&x->fields, SPAN("ETag"), buf_span(&etag));
    if (f->gzip) http1_add(&x->fields, SPAN("Vary"), SPAN("Accept-Encoding"));
    bool fresh = not_modified(r, buf_span(&etag));
    if (gzip && !fresh) http1_add(&x->fields, SPAN("Content-Encoding"), compression_coding(COMPRESSION_GZIP));
    conn_answer(c, fresh ? 304 : 200, fresh ? SPAN("") : span_of(f->type), fresh ? SPAN("") : blob_span(gzip ? f->gzip : f->body));
    buf_fini(&etag);
}

/* ---- routing */

static struct listener *find_engine(const struct conn *c, struct span path)
{
    struct gate *g = c->gate;
    struct listener *best = NULL;
    for (size_t i = 0; i < g->listener_count; i++) {
        struct listener *l = &g->listeners[i];
        if (l->port == c->listener->port && span_has_prefix(path, l->path) && (!best || l->path.len > best->path.len)) best = l;
    }
    return best;
}

void request_on_head(struct conn *c, const struct http1_request *r)
{
    struct gate *g = c->gate;
    struct listener *l = find_engine(c, r->path);
    const struct file *f = l && l->path.len == r->path.len ? NULL : find_file(c->listener->port, g, r->path);
    struct span key;
    if (l && !f) {
        c->listener = l;
        enum err e = ws_handshake(r, &key);
        if (e != ERR_MISSING) upgrade_on_request(c, l, r);
        else polling_on_request(c, l, r);
        return;
    }
    struct exchange *x = request_begin(c, c->listener, r, EXCHANGE_PLAIN);
    if (f) {
        if (l) cors_add(&x->fields, l->config, r);
        answer_file(c, r, f);
        return;
    }
    g->stats->refused_http[ERR_UNKNOWN]++;
    conn_answer(c, 404, SPAN("text/plain; charset=utf-8"), SPAN("Not Found\n"));
}

void request_on_body(struct conn *c)
{
    if (c->exchange->kind == EXCHANGE_RELAY) relay_on_body(c);
    else polling_on_body(c);
}
