/* Compression as strangers reach it. The first byte chooses: a client's compressed message (zlib's reading
 * of it is below the limit, the same again, and comes back from our writing); a text there and back in every
 * form; or the rest as offers of extensions and as Accept-Encoding. */
#include "deflate_z.h"
#include "ws_deflate.h"

#include <stdlib.h>

enum { LIMIT = 5000 };

static const struct compressor *z;

static struct span exact(struct span in)
{
    char *copy = malloc(in.len ? in.len : 1);
    NEED(copy);
    memcpy(copy, in.ptr, in.len);
    return (struct span){ copy, in.len };
}

static void there_and_back(struct span text)
{
    struct buf packed = { 0 }, back = { 0 }, other = { 0 };
    z->deflate(z->self, COMPRESSION_MESSAGE, text, &packed);
    NEED(z->inflate(z->self, buf_span(&packed), text.len, &back) == OK && span_same(buf_span(&back), text));
    if (text.len) {
        buf_clear(&back);
        NEED(z->inflate(z->self, buf_span(&packed), text.len - 1, &back) == ERR_LIMIT);
    }
    z->deflate(z->self, COMPRESSION_GZIP, text, &other);
    z->deflate(z->self, COMPRESSION_ZLIB, text, &other);
    buf_fini(&packed), buf_fini(&back), buf_fini(&other);
}

static void message(struct span in)
{
    static const struct ws_limits limits = { .max_message = LIMIT, .deflate = true };
    struct compression with = { .by = z };
    struct buf room = { 0 }, again = { 0 };
    struct ws_event event = { .opcode = in.len & 1 ? WS_TEXT : WS_BINARY, .compressed = true, .payload = exact(in) }, same = event;
    char *copy = (char *)(uintptr_t)event.payload.ptr;
    enum err e = ws_deflate_open(&event, &limits, &with, &room);
    NEED(e == ws_deflate_open(&same, &limits, &with, &again) && span_same(event.payload, same.payload) && event.code == same.code);
    NEED(e == OK ? event.payload.len <= LIMIT && event.code == 0 : event.code == WS_BAD_TEXT || event.code == WS_TOO_BIG);
    if (e == OK) there_and_back(event.payload);
    buf_fini(&room), buf_fini(&again);
    free(copy);
}

static void fields(struct span in)
{
    static const struct http1_limits most = { .max_head = 5000, .max_fields = 50, .max_body = 0 };
    struct buf text = { 0 }, answer = { 0 };
    struct http1 h = { 0 };
    struct http1_request r;
    buf_add_literal(&text, "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ");
    buf_add(&text, in);
    buf_add_literal(&text, "\r\nSec-WebSocket-Extensions: ");
    buf_add(&text, in);
    buf_add_literal(&text, "\r\n\r\n");
    struct span rest = exact(buf_span(&text));
    char *copy = (char *)(uintptr_t)rest.ptr;
    if (http1_head(&h, &most, &rest, &r) == OK) {
        NEED(compression_accepted(&r) < COMPRESSION_MESSAGE);
        enum err e = ws_deflate_answer(&r, 12, &answer);
        NEED(e == OK || e == ERR_MISSING || e == ERR_SYNTAX);
        if (e == OK) NEED(span_has_prefix(buf_span(&answer), SPAN("permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12")));
    }
    http1_fini(&h), buf_fini(&text), buf_fini(&answer);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const ways[])(struct span in) = { message, there_and_back, fields };
    static struct deflate *deflate;
    if (!deflate) deflate = deflate_new(1, 15), z = deflate_compressor(deflate);
    if (size) ways[data[0] % 3](span_from(data + 1, size - 1));
    return 0;
}
