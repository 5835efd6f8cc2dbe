#include "standin.h"
#include "t.h"
#include "ws_deflate.h"

#define YES "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
#define BITS(n) YES "; server_max_window_bits=" n

static const struct row { const char *name, *offers; unsigned bits; enum err err; const char *answer; } rows[] = {
    { "browsers, ws",               "permessage-deflate; client_max_window_bits", 15, OK, YES },
    { "bare",                       "permessage-deflate", 15, OK, YES },
    { "both without context",       "permessage-deflate; client_no_context_takeover; server_no_context_takeover", 15, OK, YES },
    { "client's window",            "permessage-deflate; client_max_window_bits=8", 15, OK, YES },
    { "in quotes",                  "permessage-deflate; client_max_window_bits=\"10\"", 15, OK, YES },
    { "server's window",            "permessage-deflate; server_max_window_bits=15", 15, OK, BITS("15") },
    { "server's window, smaller",   "permessage-deflate; server_max_window_bits=14", 15, ERR_MISSING, "" },
    { "ours is smaller",            "permessage-deflate; server_max_window_bits=14", 12, OK, BITS("12") },
    { "ours is as small",           "permessage-deflate; server_max_window_bits=12", 12, OK, BITS("12") },
    { "ours is smaller, unasked",   "permessage-deflate", 12, OK, BITS("12") },
    { "second choice",              "permessage-deflate; server_max_window_bits=10, permessage-deflate", 15, OK, YES },
    { "first of two",               "permessage-deflate; server_max_window_bits=15, permessage-deflate", 15, OK, BITS("15") },
    { "blanks",                     " \tpermessage-deflate ; \tclient_max_window_bits = 15 , x", 15, OK, YES },
    { "empty elements",             ",, permessage-deflate,,", 15, OK, YES },
    { "behind another extension",   "x-webkit-deflate-frame, mux; a=1; a=\"b\", permessage-deflate", 15, OK, YES },

    { "none",                       NULL, 15, ERR_MISSING, "" },
    { "nothing",                    "", 15, ERR_MISSING, "" },
    { "another extension",          "permessage-bzip2; client_max_window_bits", 15, ERR_MISSING, "" },
    { "longer name",                "permessage-deflates", 15, ERR_MISSING, "" },
    { "unknown parameter",          "permessage-deflate; level=9", 15, ERR_MISSING, "" },
    { "twice",                      "permessage-deflate; client_max_window_bits; client_max_window_bits", 15, ERR_MISSING, "" },
    { "twice, without value",       "permessage-deflate; server_no_context_takeover; server_no_context_takeover", 15, ERR_MISSING, "" },
    { "value where none may be",    "permessage-deflate; server_no_context_takeover=1", 15, ERR_MISSING, "" },
    { "no value where one must be", "permessage-deflate; server_max_window_bits", 15, ERR_MISSING, "" },
    { "window 7",                   "permessage-deflate; client_max_window_bits=7", 15, ERR_MISSING, "" },
    { "window 16",                  "permessage-deflate; server_max_window_bits=16", 15, ERR_MISSING, "" },
    { "window with a zero",         "permessage-deflate; client_max_window_bits=010", 15, ERR_MISSING, "" },
    { "window, no number",          "permessage-deflate; client_max_window_bits=a", 15, ERR_MISSING, "" },
    { "window, huge",               "permessage-deflate; client_max_window_bits=99999999999999999999999", 15, ERR_MISSING, "" },

    { "no name",                    "; a", 15, ERR_SYNTAX, "" },
    { "no key",                     "permessage-deflate;", 15, ERR_SYNTAX, "" },
    { "no key before a comma",      "permessage-deflate; , x", 15, ERR_SYNTAX, "" },
    { "no value",                   "permessage-deflate; client_max_window_bits=", 15, ERR_SYNTAX, "" },
    { "empty quotes",               "permessage-deflate; client_max_window_bits=\"\"", 15, ERR_SYNTAX, "" },
    { "quotes left open",           "permessage-deflate; client_max_window_bits=\"10", 15, ERR_SYNTAX, "" },
    { "two names",                  "permessage deflate", 15, ERR_SYNTAX, "" },
    { "not ASCII",                  "permessage\xc3\xa4", 15, ERR_SYNTAX, "" },
    { "broken behind a good one",   "permessage-deflate, =", 15, ERR_SYNTAX, NULL },
};

static enum err answer(struct span fields, unsigned bits, struct buf *out)
{
    static const struct http1_limits most = { .max_head = 1000, .max_fields = 20, .max_body = 1000 };
    struct http1 h = { 0 };
    struct http1_request request;
    struct buf text = { 0 };
    buf_add_literal(&text, "GET / HTTP/1.1\r\nHost: x\r\n");
    buf_add(&text, fields);
    buf_add_literal(&text, "\r\n");
    struct span in = t_exact(buf_span(&text));
    EQUAL_ERR(http1_head(&h, &most, &in, &request), OK);
    enum err e = ws_deflate_answer(&request, bits, out);
    http1_fini(&h), buf_fini(&text);
    return e;
}

TEST(ws_deflate_answers_offers)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf field = { 0 }, got = { 0 };
        if (r->offers) buf_add_format(&field, "Sec-WebSocket-Extensions: %s\r\n", r->offers);
        EQUAL_ERR(answer(buf_span(&field), r->bits, &got), r->err);
        if (r->answer) SAME(buf_span(&got), r->answer);
        buf_fini(&field), buf_fini(&got);
    }
}

TEST(ws_deflate_reads_several_fields_as_one_list)
{
    struct buf got = { 0 };
    EQUAL_ERR(answer(SPAN("Sec-WebSocket-Extensions: x\r\nsec-websocket-extensions: permessage-deflate\r\n"), 15, &got), OK);
    SAME(buf_span(&got), YES);
    buf_fini(&got);
}

/* ---- messages */

static void add_run(struct buf *out, char c, size_t n)
{
    while (n--) buf_add_byte(out, c);
}

TEST(ws_deflate_frames_of_every_length_class)
{
    static const size_t lengths[] = { 0, 1, 39, 40, 125, 126, 127, 65535, 65536, 70000 };
    struct compression with = { .by = &standin, .threshold_bytes = 40 };
    struct buf wire = { 0 }, want = { 0 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buf payload = { 0 }, packed = { 0 };
        add_run(&payload, 'x', lengths[i]);
        ws_frame(&wire, i % 2 ? WS_TEXT : WS_BINARY, buf_span(&payload));
        if (lengths[i] < 40) {
            ws_frame(&want, i % 2 ? WS_TEXT : WS_BINARY, buf_span(&payload));
        } else {
            standin.deflate(NULL, COMPRESSION_MESSAGE, buf_span(&payload), &packed);
            size_t at = want.len;
            ws_frame(&want, i % 2 ? WS_TEXT : WS_BINARY, buf_span(&packed));
            want.ptr[at] = (char)(want.ptr[at] | 0x40);
        }
        buf_fini(&payload), buf_fini(&packed);
    }
    struct buf ping = { 0 };
    add_run(&ping, 'p', 60);
    ws_frame(&wire, WS_PING, buf_span(&ping)), ws_frame(&want, WS_PING, buf_span(&ping));      /* never compressed */
    struct blob *plain = blob_new(buf_span(&wire)), *made = ws_deflate_frames(plain, &with);
    SAME_SPAN(blob_span(made), buf_span(&want));
    EQUAL(with.made[COMPRESSION_MESSAGE], 7);
    EQUAL(plain->refs, 1);
    blob_drop(&plain), blob_drop(&made), buf_fini(&wire), buf_fini(&want), buf_fini(&ping);
}

TEST(ws_deflate_leaves_a_blob_alone)
{
    struct compression with = { .by = &standin, .threshold_bytes = 40 };
    struct blob *plain = ws_blob(WS_TEXT, SPAN("short")), *made = ws_deflate_frames(plain, &with);
    CHECK(made == plain);
    EQUAL(plain->refs, 2);
    blob_drop(&plain), blob_drop(&made);
}

/* In the stand-in's words: \xe4 is 102 times the next byte; 1 two bytes as they are. */
static const struct open { const char *name; enum ws_opcode opcode; struct span in; enum err err; unsigned code, len; } opens[] = {
    { "text",             WS_TEXT,   { "\x01" "ab", 3 },    OK,         0,            2 },
    { "nothing",          WS_TEXT,   { "", 0 },             OK,         0,            0 },
    { "at the limit",     WS_TEXT,   { "\xe2" "a", 2 },     OK,         0,            100 },
    { "one more",         WS_TEXT,   { "\xe3" "a", 2 },     ERR_LIMIT,  WS_TOO_BIG,   0 },
    { "together more",    WS_BINARY, { "\xe2" "a\0b", 4 },  ERR_LIMIT,  WS_TOO_BIG,   0 },
    { "broken",           WS_BINARY, { "\xe2" "a\x01", 3 }, ERR_SYNTAX, WS_BAD_TEXT,  0 },
    { "no text",          WS_TEXT,   { "\0\xff", 2 },       ERR_UTF8,   WS_BAD_TEXT,  0 },
    { "need not be text", WS_BINARY, { "\0\xff", 2 },       OK,         0,            1 },
};

TEST(ws_deflate_opens_messages)
{
    static const struct ws_limits limits = { .max_message = 100, .deflate = true };
    struct buf room = { 0 };
    const struct open *r;
    EACH(r, opens) {
        struct compression with = { .by = &standin };
        struct ws_event event = { .opcode = r->opcode, .compressed = true, .payload = t_exact(r->in) };
        EQUAL_ERR(ws_deflate_open(&event, &limits, &with, &room), r->err);
        EQUAL(event.code, r->code);
        EQUAL(with.opened, 1);
        if (r->err == OK) EQUAL(event.payload.len, r->len);
    }
    buf_fini(&room);
}
