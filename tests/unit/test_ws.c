#include "ws.h"
#include "t.h"

#include <stdlib.h>

static const struct ws_limits limits = { .max_message = 70000 };

/* ---- a client's frames: any first byte, masked, the length in its shortest form */

static void add_frame(struct buf *out, unsigned first, struct span payload)
{
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    char header[WS_MAX_HEADER];
    size_t n = ws_header(header, WS_TEXT, payload.len);
    header[0] = (char)first;
    header[1] = (char)(header[1] | (char)0x80);
    buf_add(out, span_from(header, n));
    buf_add(out, span_from(mask, 4));
    for (size_t i = 0; i < payload.len; i++) buf_add_byte(out, (char)((uint8_t)payload.ptr[i] ^ mask[i % 4]));
}

struct reader { struct ws ws; struct buf text; enum err err; unsigned code; };

static const char *const names[] = { [WS_TEXT] = "T", [WS_BINARY] = "B", [WS_CLOSE] = "C", [WS_PING] = "I", [WS_PONG] = "O" };

static void feed(struct reader *x, const struct ws_limits *with, struct span bytes)
{
    struct span copy = t_exact(bytes);
    char *writable = malloc(copy.len + 1);
    memcpy(writable, copy.ptr, copy.len);
    struct ws_input in = { writable, copy.len };
    struct ws_event e;
    enum err err;
    while ((err = ws_decode(&x->ws, with, &in, &e)) == OK) {
        if (x->text.len) buf_add_byte(&x->text, ' ');
        buf_add(&x->text, span_of(names[e.opcode]));
        if (e.compressed) buf_add_byte(&x->text, 'z');
        if (e.opcode == WS_CLOSE) buf_add_uint(&x->text, e.code);
        buf_add_byte(&x->text, ':');
        buf_add(&x->text, e.payload);
    }
    if (err != ERR_AGAIN) {
        EQUAL_ERR(x->err, OK);      /* one error a connection */
        x->err = err;
        x->code = e.code;
        EQUAL_ERR(ws_decode(&x->ws, with, &in, &e), ERR_AGAIN);
    }
    EQUAL(in.len, 0);
    free(writable);
}

static void done(struct reader *x)
{
    ws_fini(&x->ws);
    buf_fini(&x->text);
}

struct f { unsigned first; const char *payload; };
#define END { 0, NULL }

static const struct row { const char *name; struct f frames[6]; const char *want; enum err err; unsigned code; } rows[] = {
    { "text",                   { { 0x81, "hello" }, END }, "T:hello", OK, 0 },
    { "empty text",             { { 0x81, "" }, END }, "T:", OK, 0 },
    { "binary",                 { { 0x82, "\xff\xfe" }, END }, "B:\xff\xfe", OK, 0 },
    { "two texts",              { { 0x81, "one" }, { 0x81, "two" }, END }, "T:one T:two", OK, 0 },
    { "ping and pong",          { { 0x89, "a" }, { 0x8a, "" }, END }, "I:a O:", OK, 0 },
    { "fragments",              { { 0x01, "hel" }, { 0x00, "" }, { 0x80, "lo" }, END }, "T:hello", OK, 0 },
    { "binary fragments",       { { 0x02, "\xff" }, { 0x80, "\xfe" }, { 0x81, "x" }, END }, "B:\xff\xfe T:x", OK, 0 },
    { "empty fragments",        { { 0x01, "" }, { 0x00, "" }, { 0x80, "" }, { 0x81, "x" }, END }, "T: T:x", OK, 0 },
    { "ping between fragments", { { 0x01, "hel" }, { 0x89, "p" }, { 0x80, "lo" }, END }, "I:p T:hello", OK, 0 },
    { "pong between, empty",    { { 0x01, "" }, { 0x8a, "p" }, { 0x80, "lo" }, END }, "O:p T:lo", OK, 0 },
    { "long ping between",      { { 0x01, "hel" }, { 0x89, "ping" }, { 0x80, "lo" }, END }, "I:ping T:hello", OK, 0 },
    { "close between",          { { 0x01, "hel" }, { 0x88, "\x03\xe8" }, { 0x80, "lo" }, END }, "C1000:", OK, 0 },
    { "chinese, split",         { { 0x01, "\xe4" }, { 0x00, "\xb8" }, { 0x80, "\xad" }, END }, "T:\xe4\xb8\xad", OK, 0 },
    { "close",                  { { 0x88, "" }, END }, "C0:", OK, 0 },
    { "close with reason",      { { 0x88, "\x03\xe9" "bye" }, END }, "C1001:bye", OK, 0 },
    { "close, own code",        { { 0x88, "\x0f\xa0" }, END }, "C4000:", OK, 0 },
    { "nothing counts behind",  { { 0x88, "" }, { 0x81, "x" }, { 0x70, "" }, END }, "C0:", OK, 0 },

    { "close, half a code",     { { 0x88, "\x03" }, END }, "", ERR_SYNTAX, 1002 },
    { "close 999",              { { 0x88, "\x03\xe7" }, END }, "", ERR_SYNTAX, 1002 },
    { "close 1004",             { { 0x88, "\x03\xec" }, END }, "", ERR_SYNTAX, 1002 },
    { "close 1005",             { { 0x88, "\x03\xed" }, END }, "", ERR_SYNTAX, 1002 },
    { "close 1006",             { { 0x88, "\x03\xee" }, END }, "", ERR_SYNTAX, 1002 },
    { "close 1015",             { { 0x88, "\x03\xf7" }, END }, "", ERR_SYNTAX, 1002 },
    { "close 2999",             { { 0x88, "\x0b\xb7" }, END }, "", ERR_SYNTAX, 1002 },
    { "close 5000",             { { 0x88, "\x13\x88" }, END }, "", ERR_SYNTAX, 1002 },
    { "close, reason no text",  { { 0x88, "\x03\xe8\xff" }, END }, "", ERR_UTF8, 1007 },
    { "reserved bit 1",         { { 0xc1, "a" }, END }, "", ERR_SYNTAX, 1002 },
    { "reserved bit 2",         { { 0xa1, "a" }, END }, "", ERR_SYNTAX, 1002 },
    { "reserved bit 3",         { { 0x91, "a" }, END }, "", ERR_SYNTAX, 1002 },
    { "opcode 3",               { { 0x83, "a" }, END }, "", ERR_SYNTAX, 1002 },
    { "opcode 11",              { { 0x8b, "a" }, END }, "", ERR_SYNTAX, 1002 },
    { "ping in fragments",      { { 0x09, "a" }, END }, "", ERR_SYNTAX, 1002 },
    { "nothing to continue",    { { 0x80, "a" }, END }, "", ERR_STATE, 1002 },
    { "continued twice",        { { 0x01, "a" }, { 0x80, "b" }, { 0x80, "c" }, END }, "T:ab", ERR_STATE, 1002 },
    { "text inside a text",     { { 0x01, "a" }, { 0x81, "b" }, END }, "", ERR_STATE, 1002 },
    { "no utf-8",               { { 0x81, "a\xff" }, END }, "", ERR_UTF8, 1007 },
    { "cut utf-8",              { { 0x81, "a\xe4\xb8" }, END }, "", ERR_UTF8, 1007 },
    { "surrogate",              { { 0x81, "\xed\xa0\x80" }, END }, "", ERR_UTF8, 1007 },
    { "no utf-8, first part",   { { 0x01, "a\xff" }, END }, "", ERR_UTF8, 1007 },
    { "no utf-8, over parts",   { { 0x01, "a\xe4" }, { 0x80, "b" }, END }, "", ERR_UTF8, 1007 },
    { "no utf-8, second text",  { { 0x01, "abc" }, { 0x80, "d" }, { 0x01, "\xff" }, { 0x80, "abcd" }, END }, "T:abcd", ERR_UTF8, 1007 },
    { "cut, over parts",        { { 0x01, "a\xe4" }, { 0x80, "\xb8" }, END }, "", ERR_UTF8, 1007 },
    { "good before bad",        { { 0x81, "a" }, { 0x89, "" }, { 0x83, "" }, { 0x81, "b" }, END }, "T:a I:", ERR_SYNTAX, 1002 },
};

static struct buf wire_of(const struct row *r)
{
    struct buf wire = { 0 };
    for (const struct f *f = r->frames; f->payload; f++) add_frame(&wire, f->first, span_of(f->payload));
    return wire;
}

static void judge(const struct row *r, struct reader *x)
{
    EQUAL_ERR(x->err, r->err);
    EQUAL(x->code, r->code);
    SAME(buf_span(&x->text), r->want);
    CHECK(x->ws.message.ptr == NULL);       /* an idle connection owns nothing */
    done(x);
}

TEST(ws_reads_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct reader x = { 0 };
        struct buf wire = wire_of(r);
        feed(&x, &limits, buf_span(&wire));
        judge(r, &x);
        buf_fini(&wire);
    }
}

TEST(ws_reads_byte_by_byte)
{
    const struct row *r;
    EACH(r, rows) {
        struct reader x = { 0 };
        struct buf wire = wire_of(r);
        for (size_t i = 0; i < wire.len; i++) feed(&x, &limits, (struct span){ wire.ptr + i, 1 });
        judge(r, &x);
        buf_fini(&wire);
    }
}

TEST(ws_reads_cut_in_two)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf wire = wire_of(r);
        for (size_t i = 0; i < wire.len; i++) {
            struct reader x = { 0 };
            feed(&x, &limits, span_head(buf_span(&wire), i));
            feed(&x, &limits, span_skip(buf_span(&wire), i));
            judge(r, &x);
        }
        buf_fini(&wire);
    }
}

TEST(ws_reads_every_length)
{
    static const size_t lengths[] = { 0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, 70000, 70001 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buf payload = { 0 }, wire = { 0 }, want = { 0 };
        struct reader x = { 0 }, parts = { 0 };
        while (payload.len < lengths[i]) buf_add_byte(&payload, (char)('a' + payload.len % 23));
        add_frame(&wire, 0x81, buf_span(&payload));
        buf_add_literal(&want, "T:");
        buf_add(&want, buf_span(&payload));
        feed(&x, &limits, buf_span(&wire));
        for (struct span s = buf_span(&wire); s.len; s = span_skip(s, 1001)) feed(&parts, &limits, span_head(s, 1001));
        if (lengths[i] > limits.max_message) {
            EQUAL_ERR(x.err, ERR_LIMIT);
            EQUAL(x.code, 1009);
        } else {
            SAME_SPAN(buf_span(&x.text), buf_span(&want));
            SAME_SPAN(buf_span(&parts.text), buf_span(&want));
        }
        done(&x), done(&parts), buf_fini(&wire), buf_fini(&payload), buf_fini(&want);
    }
}

TEST(ws_refuses_size_by_the_header)
{
    static const struct ws_limits small = { .max_message = 10 };
    struct reader one = { 0 }, sum = { 0 };
    struct buf wire = { 0 };
    add_frame(&wire, 0x81, SPAN("12345678901"));
    feed(&one, &small, span_head(buf_span(&wire), 5));
    EQUAL_ERR(one.err, OK);
    feed(&one, &small, (struct span){ wire.ptr + 5, 1 });      /* the mask's last byte: no payload came yet */
    EQUAL_ERR(one.err, ERR_LIMIT);
    EQUAL(one.code, 1009);
    buf_clear(&wire);
    add_frame(&wire, 0x01, SPAN("123456"));
    add_frame(&wire, 0x89, SPAN("a ping counts for itself"));
    add_frame(&wire, 0x00, SPAN("7890"));
    feed(&sum, &small, buf_span(&wire));
    EQUAL_ERR(sum.err, OK);
    buf_clear(&wire);
    add_frame(&wire, 0x80, SPAN("1"));
    feed(&sum, &small, buf_span(&wire));
    EQUAL_ERR(sum.err, ERR_LIMIT);
    done(&one), done(&sum), buf_fini(&wire);
}

static const struct raw { const char *name; struct span bytes; enum err err; } raws[] = {
    { "no mask",            { "\x81\x01" "a", 3 }, ERR_MASK },
    { "no mask, empty",     { "\x81\x00", 2 }, ERR_MASK },
    { "16 bits for 125",    { "\x81\xfe\x00\x7d" "mask", 8 }, ERR_SYNTAX },
    { "64 bits for 65535",  { "\x81\xff\0\0\0\0\0\0\xff\xff" "mask", 14 }, ERR_SYNTAX },
    { "64 bits, top bit",   { "\x81\xff\x80\0\0\0\0\0\0\1" "mask", 14 }, ERR_SYNTAX },
    { "64 bits, too large", { "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" "mask", 14 }, ERR_LIMIT },
    { "33 bits",            { "\x81\xff\0\0\0\1\0\0\0\1" "mask", 14 }, ERR_LIMIT },
    { "ping of 126",        { "\x89\xfe", 2 }, ERR_SYNTAX },
};

TEST(ws_refuses_headers)
{
    const struct raw *r;
    EACH(r, raws) {
        struct reader x = { 0 }, each = { 0 };
        feed(&x, &limits, r->bytes);
        EQUAL_ERR(x.err, r->err);
        for (size_t i = 0; i < r->bytes.len; i++) feed(&each, &limits, (struct span){ r->bytes.ptr + i, 1 });
        EQUAL_ERR(each.err, r->err);
        done(&x), done(&each);
    }
}

TEST(ws_leaves_room_for_deflate)
{
    static const struct ws_limits deflate = { .max_message = 100, .deflate = true };
    struct reader x = { 0 };
    struct buf wire = { 0 };
    add_frame(&wire, 0xc1, SPAN("\xff\xff"));       /* not text before it is inflated */
    add_frame(&wire, 0x42, SPAN("\xff"));
    add_frame(&wire, 0x80, SPAN("\xfe"));
    add_frame(&wire, 0x81, SPAN("plain"));
    feed(&x, &deflate, buf_span(&wire));
    SAME(buf_span(&x.text), "Tz:\xff\xff Bz:\xff\xfe T:plain");
    EQUAL_ERR(x.err, OK);
    buf_clear(&wire);
    add_frame(&wire, 0xc9, SPAN(""));
    feed(&x, &deflate, buf_span(&wire));
    EQUAL_ERR(x.err, ERR_SYNTAX);
    done(&x), buf_fini(&wire);
}

TEST(ws_copies_nothing_that_came_whole)
{
    struct buf wire = { 0 };
    struct ws ws = { 0 };
    struct ws_event e;
    add_frame(&wire, 0x81, SPAN("hello"));
    struct ws_input in = { wire.ptr, wire.len };
    EQUAL_ERR(ws_decode(&ws, &limits, &in, &e), OK);
    CHECK(e.payload.ptr == wire.ptr + 6);
    CHECK(ws.message.ptr == NULL);
    ws_fini(&ws), buf_fini(&wire);
}

TEST(ws_writes_frames)
{
    struct buf out = { 0 };
    ws_frame(&out, WS_TEXT, SPAN("hello"));
    SAME(buf_span(&out), "\x81\x05hello");
    struct blob *blob = ws_blob(WS_BINARY, SPAN("ab"));
    SAME(blob_span(blob), "\x82\x02" "ab");
    blob_drop(&blob);
    buf_clear(&out);
    ws_close(&out, WS_NO_CODE, SPAN("not sent"));
    SAME_SPAN(buf_span(&out), SPAN("\x88\x00"));
    buf_clear(&out);
    ws_close(&out, WS_TOO_BIG, SPAN("big"));
    SAME(buf_span(&out), "\x88\x05\x03\xf1" "big");
    buf_clear(&out);
    for (int i = 0; i < 100; i++) buf_add_literal(&out, "\xe4\xb8\xad");
    struct buf close = { 0 };
    ws_close(&close, WS_NORMAL, buf_span(&out));
    EQUAL(close.len, 2 + 2 + 123);      /* 41 characters; the limit is 123 bytes */
    char header[WS_MAX_HEADER];
    EQUAL(ws_header(header, WS_TEXT, 126), 4);
    EQUAL(ws_header(header, WS_TEXT, 65535), 4);
    EQUAL(ws_header(header, WS_TEXT, 65536), 10);
    SAME_SPAN(span_from(header, 10), SPAN("\x81\x7f\0\0\0\0\0\1\0\0"));
    buf_fini(&out), buf_fini(&close);
}

/* ---- the handshake */

#define ASK "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"

static const struct ask { const char *name, *in; enum err err; const char *subprotocol; } asks[] = {
    { "good",               ASK KEY V13 "\r\n", OK, "" },
    { "subprotocols",       ASK KEY V13 "Sec-WebSocket-Protocol: one , two\r\n\r\n", OK, "one" },
    { "in several fields",  ASK KEY V13 "Sec-WebSocket-Protocol: one\r\nSec-WebSocket-Protocol: two, three\r\n\r\n", OK, "one" },
    { "subprotocol, bad",   ASK KEY V13 "Sec-WebSocket-Protocol: o\"ne\r\n\r\n", ERR_SYNTAX, NULL },
    { "the second one bad", ASK KEY V13 "Sec-WebSocket-Protocol: one\r\nSec-WebSocket-Protocol: t wo\r\n\r\n", ERR_SYNTAX, NULL },
    { "subprotocol, empty", ASK KEY V13 "Sec-WebSocket-Protocol:\r\n\r\n", ERR_SYNTAX, NULL },
    { "no upgrade",         "GET / HTTP/1.1\r\nHost: x\r\n" KEY V13 "\r\n", ERR_MISSING, NULL },
    { "another upgrade",    "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", ERR_MISSING, NULL },
    { "connection silent",  "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n" KEY V13 "\r\n", ERR_MISSING, NULL },
    { "post",               "POST / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY V13 "\r\n", ERR_SYNTAX, NULL },
    { "body",               ASK KEY V13 "Content-Length: 1\r\n\r\n", ERR_SYNTAX, NULL },
    { "1.0",                "GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY V13 "\r\n", ERR_SYNTAX, NULL },
    { "no version",         ASK KEY "\r\n", ERR_VERSION, NULL },
    { "version 8",          ASK KEY "Sec-WebSocket-Version: 8\r\n\r\n", ERR_VERSION, NULL },
    { "version twice",      ASK KEY V13 "Sec-WebSocket-Version: 8\r\n\r\n", ERR_VERSION, NULL },
    { "no key",             ASK V13 "\r\n", ERR_SYNTAX, NULL },
    { "key twice",          ASK KEY KEY V13 "\r\n", ERR_SYNTAX, NULL },
    { "short key",          ASK V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n\r\n", ERR_SYNTAX, NULL },
    { "key, not base64",    ASK V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j*g==\r\n\r\n", ERR_SYNTAX, NULL },
    { "key, unused bits",   ASK V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n\r\n", OK, "" },
};

TEST(ws_shakes_hands)
{
    static const struct http1_limits most = { .max_head = 1000, .max_fields = 20, .max_body = 1000 };
    const struct ask *r;
    EACH(r, asks) {
        struct http1 h = { 0 };
        struct http1_request request;
        struct span in = span_of(r->in), key;
        EQUAL_ERR(http1_head(&h, &most, &in, &request), OK);
        EQUAL_ERR(ws_handshake(&request, &key), r->err);
        if (r->err == OK) SAME(ws_subprotocol(&request), r->subprotocol);
        http1_fini(&h);
    }
}

TEST(ws_switches)
{
    struct buf out = { 0 };
    ws_accept(&out, SPAN("dGhlIHNhbXBsZSBub25jZQ=="));
    SAME(buf_span(&out), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    buf_clear(&out);
    ws_switch(&out, SPAN("dGhlIHNhbXBsZSBub25jZQ=="), SPAN("one"));
    http1_finish_bare(&out);
    SAME(buf_span(&out), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: one\r\n\r\n");
    buf_fini(&out);
}
