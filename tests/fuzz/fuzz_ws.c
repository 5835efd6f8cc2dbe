/* Frames read whole, byte by byte, or cut as the second byte says: the same messages and the same
 * refusal. The first byte: is deflate agreed. Then bytes as from the wire. What is read is written again. */
#include "ws.h"

#include "utf8.h"

#include <stdlib.h>

struct run { struct ws ws; struct buf text; enum err err; unsigned code; };

static void note(struct run *x, const struct ws_event *e)
{
    NEED(e->opcode != WS_CONTINUATION);
    if ((e->opcode == WS_TEXT && !e->compressed) || e->opcode == WS_CLOSE) NEED(utf8_valid(e->payload));
    buf_add_format(&x->text, "\n%u %u %u %zu ", e->opcode, e->compressed, e->code, e->payload.len);
    buf_add(&x->text, e->payload);
    struct blob *blob = ws_blob(e->opcode, e->payload);
    struct buf frame = { 0 };
    ws_frame(&frame, e->opcode, e->payload);
    NEED(span_same(buf_span(&frame), blob_span(blob)));
    blob_drop(&blob);
    buf_fini(&frame);
}

static void feed(struct run *x, const struct ws_limits *limits, struct span bytes)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    NEED(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    struct ws_input in = { copy, bytes.len };
    struct ws_event e;
    enum err err;
    while ((err = ws_decode(&x->ws, limits, &in, &e)) == OK) note(x, &e);
    if (err != ERR_AGAIN) {
        NEED(x->err == OK && (e.code == WS_PROTOCOL || e.code == WS_BAD_TEXT || e.code == WS_TOO_BIG));
        x->err = err;
        x->code = e.code;
        NEED(ws_decode(&x->ws, limits, &in, &e) == ERR_AGAIN);
    }
    NEED(in.len == 0);
    NEED(x->ws.message.len <= limits->max_message + 125);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct ws_limits limits = { .max_message = 300, .deflate = data[0] & 1 };
    struct span in = span_from(data + 2, size - 2);
    struct run whole = { 0 }, cut = { 0 }, each = { 0 };
    feed(&whole, &limits, in);
    feed(&cut, &limits, span_head(in, data[1]));
    feed(&cut, &limits, span_skip(in, data[1]));
    for (size_t i = 0; i < in.len; i++) feed(&each, &limits, (struct span){ in.ptr + i, 1 });
    NEED(span_same(buf_span(&whole.text), buf_span(&each.text)) && span_same(buf_span(&whole.text), buf_span(&cut.text)));
    NEED(whole.err == each.err && whole.err == cut.err && whole.code == each.code && whole.code == cut.code);
    struct run *runs[] = { &whole, &cut, &each };
    for (int i = 0; i < 3; i++) ws_fini(&runs[i]->ws), buf_fini(&runs[i]->text);
    return 0;
}
