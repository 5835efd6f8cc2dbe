/* Requests read whole, byte by byte, or cut as the input's first byte says: always the same
 * requests, the same bodies and the same refusal; what is read can be written and read again. */
#include "ws.h"

struct run { struct http1 h; struct http1_request r; struct buf text; bool in_body; enum err err; };

static const struct http1_limits limits = { .max_head = 300, .max_fields = 8, .max_body = 50 };

static void print(struct run *x)
{
    const struct http1_request *r = &x->r;
    struct buf value = { 0 };
    struct span key = SPAN("");
    buf_add_format(&x->text, "\n%u%u%u%u%u %llu ", r->minor, r->keep_alive, r->expect_continue, r->chunked, r->upgrade,
                   (unsigned long long)r->length);
    buf_add(&x->text, r->method), buf_add(&x->text, r->path), buf_add(&x->text, r->query), buf_add(&x->text, r->host);
    for (unsigned i = 0; i < r->count; i++) {
        NEED(r->fields[i].name.len && !memchr(r->fields[i].name.ptr, '\n', r->fields[i].name.len));
        NEED(span_find(r->fields[i].value, '\n') < 0 && span_find(r->fields[i].value, '\r') < 0);
        buf_add(&x->text, r->fields[i].name), buf_add(&x->text, r->fields[i].value);
    }
    (void)http1_query(r->query, SPAN("sid"), &value);
    if (ws_handshake(r, &key) == OK) ws_switch(&value, key, ws_subprotocol(r));
    NEED(!(r->chunked && r->length));
    buf_fini(&value);
}

static enum err step(struct run *x, struct span *in)
{
    if (!x->in_body) {
        enum err e = http1_head(&x->h, &limits, in, &x->r);
        if (e) return e;
        print(x);
        x->in_body = true;
        return OK;
    }
    struct span piece;
    enum err e = http1_body(&x->h, &limits, in, &piece);
    if (e) return e;
    NEED(x->h.head.ptr == NULL);
    buf_add(&x->text, piece);
    x->in_body = piece.len > 0;
    return OK;
}

static void feed(struct run *x, struct span in)
{
    if (x->err != OK && x->err != ERR_AGAIN) return;
    while ((x->err = step(x, &in)) == OK) {}
    NEED(x->err != ERR_AGAIN || in.len == 0);
    NEED((x->h.status != 0) == (x->err != ERR_AGAIN));
    NEED(x->h.head.len <= limits.max_head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct span in = span_from(data + 1, size - 1);
    struct run whole = { 0 }, cut = { 0 }, each = { 0 };
    feed(&whole, in);
    feed(&cut, span_head(in, data[0]));
    feed(&cut, span_skip(in, data[0]));
    for (size_t i = 0; i < in.len; i++) feed(&each, (struct span){ in.ptr + i, 1 });
    NEED(span_same(buf_span(&whole.text), buf_span(&each.text)) && span_same(buf_span(&whole.text), buf_span(&cut.text)));
    NEED(in.len == 0 || (whole.h.status == each.h.status && whole.h.status == cut.h.status));
    struct run *runs[] = { &whole, &cut, &each };
    for (int i = 0; i < 3; i++) http1_fini(&runs[i]->h), buf_fini(&runs[i]->text);
    return 0;
}
