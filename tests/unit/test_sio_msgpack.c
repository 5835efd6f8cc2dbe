#include "sio_msgpack.h"
#include "msg.h"
#include "t.h"

enum { MAX_BYTES = 10000 };

/* What socket.io-msgpack-parser 3.0.2 writes; \x85 is a map of five. */
static const struct row { const char *name; struct span in; enum err err; const char *want; } rows[] = {
#define ROW(name, in, err, want) { name, { "" in, sizeof(in) - 1 }, err, want }
    ROW("connect with auth",  "\x83\xa4type\x00\xa4" "data\x81\xa5token\xa3" "abc\xa3nsp\xa1/", OK, "CONNECT / {\"token\":\"abc\"}"),
    ROW("connect, undefined", "\x83\xa4type\x00\xa4" "data\xd4\x00\x00\xa3nsp\xa3/no", OK, "CONNECT /no"),
    ROW("connect, bare",      "\x82\xa4type\x00\xa3nsp\xa1/", OK, "CONNECT /"),
    ROW("event wants ack",    "\x85\xa4type\x02\xa4" "data\x92\xa1" "e\xc4\x01\x09\xa7options\x81\xa8" "compress\xc3\xa2id\x00\xa3nsp\xa1/", OK,
        "BINARY_EVENT / +1 #0 [\"e\",{\"_placeholder\":true,\"num\":0}]"),
    ROW("event",              "\x84\xa4type\x02\xa4" "data\x91\xa3" "bye\xa7options\x81\xa8" "compress\xc3\xa3nsp\xa5/chat", OK, "EVENT /chat [\"bye\"]"),
    ROW("name is a number",   "\x83\xa4type\x02\xa4" "data\x91\x07\xa3nsp\xa1/", OK, "EVENT / [7]"),
    ROW("ack",                "\x84\xa2id\xcc\xc8\xa4type\x03\xa4" "data\x91\xc0\xa3nsp\xa1/", OK, "ACK / #200 [null]"),
    ROW("binary ack",         "\x84\xa2id\x00\xa4type\x03\xa4" "data\x91\xc4\x01\x01\xa3nsp\xa1/", OK, "BINARY_ACK / +1 #0 [{\"_placeholder\":true,\"num\":0}]"),
    ROW("disconnect",         "\x82\xa4type\x01\xa3nsp\xa1/", OK, "DISCONNECT /"),
    ROW("connect error",      "\x83\xa4type\x04\xa3nsp\xa8/unknown\xa4" "data\x81\xa7message\xb1Invalid namespace", OK, "CONNECT_ERROR /unknown {\"message\":\"Invalid namespace\"}"),
    ROW("type is a float",    "\x82\xa4type\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xa3nsp\xa1/", OK, "DISCONNECT /"),
    ROW("the last key counts", "\x84\xa4type\x02\xa4" "data\x91\xc4\x00\xa4type\x01\xa3nsp\xa1/", ERR_TYPE, NULL),
    ROW("and may be undefined", "\x84\xa4type\x01\xa4" "data\x91\xc4\x00\xa4" "data\xd4\x00\x00\xa3nsp\xa1/", OK, "DISCONNECT /"),
    ROW("largest id",         "\x84\xa4type\x02\xa4" "data\x91\xa1" "a\xa2id\xcf\x00\x1f\xff\xff\xff\xff\xff\xff\xa3nsp\xa1/", OK, "EVENT / #9007199254740991 [\"a\"]"),
    ROW("auth with binary",   "\x83\xa4type\x00\xa4" "data\x81\xa1k\xc4\x01\x09\xa3nsp\xa1/", OK, "CONNECT / {\"k\":{\"_placeholder\":true,\"num\":0}}"),
    ROW("error with binary",  "\x83\xa4type\x04\xa4" "data\x81\xa1k\xc4\x01\x09\xa3nsp\xa1/", OK, "CONNECT_ERROR / {\"k\":{\"_placeholder\":true,\"num\":0}}"),
    ROW("connect with id",    "\x83\xa4type\x00\xa2id\x01\xa3nsp\xa1/", OK, "CONNECT /"),
    ROW("no placeholder",     "\x83\xa4type\x02\xa4" "data\x93\xa1" "e\xc4\x01\x09\x82\xac_placeholder\xc3\xa3num\x00\xa3nsp\xa1/", OK,
        "BINARY_EVENT / +1 [\"e\",{\"_placeholder\":true,\"num\":0},null]"),

    ROW("empty",              "", ERR_TRUNC, NULL),
    ROW("no map",             "\x92\x01\x02", ERR_TYPE, NULL),
    ROW("a number",           "2", ERR_TYPE, NULL),
    ROW("two values",         "\x82\xa4type\x01\xa3nsp\xa1/\xc0", ERR_SYNTAX, NULL),
    ROW("no type",            "\x81\xa3nsp\xa1/", ERR_MISSING, NULL),
    ROW("no namespace",       "\x81\xa4type\x01", ERR_MISSING, NULL),
    ROW("type 5",             "\x83\xa4type\x05\xa4" "data\x91\xa1" "a\xa3nsp\xa1/", ERR_RANGE, NULL),
    ROW("type -1",            "\x82\xa4type\xff\xa3nsp\xa1/", ERR_RANGE, NULL),
    ROW("type is text",       "\x82\xa4type\xa1\x31\xa3nsp\xa1/", ERR_TYPE, NULL),
    ROW("type is 0.5",        "\x82\xa4type\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00\xa3nsp\xa1/", ERR_RANGE, NULL),
    ROW("namespace is a number", "\x82\xa4type\x00\xa3nsp\x01", ERR_TYPE, NULL),
    ROW("namespace not UTF-8", "\x82\xa4type\x00\xa3nsp\xa2/\xff", ERR_UTF8, NULL),
    ROW("namespace without /", "\x82\xa4type\x00\xa3nsp\xa4" "chat", ERR_SYNTAX, NULL),
    ROW("namespace with ,",   "\x82\xa4type\x00\xa3nsp\xa4/a,b", ERR_SYNTAX, NULL),
    ROW("connect with null",  "\x83\xa4type\x00\xa4" "data\xc0\xa3nsp\xa1/", ERR_TYPE, NULL),
    ROW("connect with array", "\x83\xa4type\x00\xa4" "data\x90\xa3nsp\xa1/", ERR_TYPE, NULL),
    ROW("disconnect + data",  "\x83\xa4type\x01\xa4" "data\x80\xa3nsp\xa1/", ERR_TYPE, NULL),
    ROW("event, no data",     "\x82\xa4type\x02\xa3nsp\xa1/", ERR_MISSING, NULL),
    ROW("event, object",      "\x83\xa4type\x02\xa4" "data\x80\xa3nsp\xa1/", ERR_TYPE, NULL),
    ROW("event, empty",       "\x83\xa4type\x02\xa4" "data\x90\xa3nsp\xa1/", ERR_TYPE, NULL),
    ROW("name is null",       "\x83\xa4type\x02\xa4" "data\x91\xc0\xa3nsp\xa1/", ERR_TYPE, NULL),
    ROW("reserved",           "\x83\xa4type\x02\xa4" "data\x91\xaa" "disconnect\xa3nsp\xa1/", ERR_UNKNOWN, NULL),
    ROW("ack without id",     "\x83\xa4type\x03\xa4" "data\x90\xa3nsp\xa1/", ERR_MISSING, NULL),
    ROW("id is null",         "\x84\xa4type\x02\xa4" "data\x91\xa1" "a\xa2id\xc0\xa3nsp\xa1/", ERR_TYPE, NULL),
    ROW("id is negative",     "\x84\xa4type\x02\xa4" "data\x91\xa1" "a\xa2id\xff\xa3nsp\xa1/", ERR_RANGE, NULL),
    ROW("id beyond 2^53-1",   "\x84\xa4type\x02\xa4" "data\x91\xa1" "a\xa2id\xcf\x00\x20\x00\x00\x00\x00\x00\x00\xa3nsp\xa1/", ERR_RANGE, NULL),
    ROW("a key is a number",  "\x81\x01\x02", ERR_TYPE, NULL),
    ROW("bad UTF-8 inside",   "\x83\xa4type\x02\xa4" "data\x91\xa1\xff\xa3nsp\xa1/", ERR_UTF8, NULL),
    ROW("text",               "2[\"say\"]", ERR_TYPE, NULL),
#undef ROW
};

TEST(sio_msgpack_decodes_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct sio_packet p;
        struct span attachments[SIO_MAX_ATTACHMENTS];
        struct buf json = { 0 }, text = { 0 };
        EQUAL_ERR(sio_msgpack_decode(&p, attachments, &json, t_exact(r->in), MAX_BYTES), r->err);
        if (r->err == OK) {
            sio_print(&text, &p);
            SAME(buf_span(&text), r->want);
        }
        buf_fini(&json), buf_fini(&text);
    }
}

TEST(sio_msgpack_survives_every_prefix)
{
    const struct row *r;
    EACH(r, rows)
        for (size_t n = 0; n < r->in.len; n++) {
            struct sio_packet p;
            struct span attachments[SIO_MAX_ATTACHMENTS];
            struct buf json = { 0 };
            enum err e = sio_msgpack_decode(&p, attachments, &json, t_exact(span_head(r->in, n)), MAX_BYTES);
            CHECK(e != OK || r->err != OK);
            buf_fini(&json);
        }
}

/* What socket.io 4.8 writes with that parser. */
static const struct written { const char *name, *text; struct span want; } writes[] = {
#define ROW(name, text, want) { name, text, { want, sizeof(want) - 1 } }
    ROW("connect",       "0{\"sid\":\"abc\"}",    "\x83\xa4type\x00\xa4" "data\x81\xa3sid\xa3" "abc\xa3nsp\xa1/"),
    ROW("event",         "2[\"all\",{\"a\":1}]",  "\x83\xa4type\x02\xa4" "data\x92\xa3" "all\x81\xa1" "a\x01\xa3nsp\xa1/"),
    ROW("with ack",      "2/c,7[\"q\"]",          "\x84\xa4type\x02\xa4" "data\x91\xa1q\xa2id\x07\xa3nsp\xa2/c"),
    ROW("ack",           "30[null]",              "\x84\xa2id\x00\xa4type\x03\xa4" "data\x91\xc0\xa3nsp\xa1/"),
    ROW("disconnect",    "1",                     "\x82\xa4type\x01\xa3nsp\xa1/"),
    ROW("connect error", "4/u,{\"message\":\"no\",\"data\":{\"a\":1}}",
        "\x83\xa4type\x04\xa4" "data\x82\xa7message\xa2no\xa4" "data\x81\xa1" "a\x01\xa3nsp\xa2/u"),
    ROW("binary event",  "51-[\"r\",{\"_placeholder\":true,\"num\":0}]", "\x83\xa4type\x02\xa4" "data\x92\xa1r\xc4\x01\x09\xa3nsp\xa1/"),
    ROW("binary ack",    "61-0[{\"_placeholder\":true,\"num\":0}]",      "\x84\xa2id\x00\xa4type\x03\xa4" "data\x91\xc4\x01\x09\xa3nsp\xa1/"),
#undef ROW
};

TEST(sio_msgpack_writes_what_the_reference_server_writes)
{
    struct buf strs = { 0 };
    msg_add_str(&strs, SPAN("\x09"));
    const struct written *r;
    EACH(r, writes) {
        struct sio_packet p, back;
        struct span attachments[SIO_MAX_ATTACHMENTS];
        struct buf out = { 0 }, json = { 0 }, text = { 0 };
        EQUAL_ERR(sio_decode_head(&p, span_of(r->text)), OK);
        sio_msgpack_encode(&out, &p, p.attachments ? buf_span(&strs) : SPAN(""));
        SAME_SPAN(buf_span(&out), r->want);
        EQUAL_ERR(sio_msgpack_decode(&back, attachments, &json, buf_span(&out), MAX_BYTES), OK);      /* law: it reads as what was written */
        sio_encode(&text, &back);
        SAME(buf_span(&text), r->text);
        buf_fini(&out), buf_fini(&json), buf_fini(&text);
    }
    buf_fini(&strs);
}

TEST(sio_msgpack_bounds_what_it_becomes)
{
    struct buf in = { 0 }, json = { 0 };
    struct sio_packet p;
    struct span attachments[SIO_MAX_ATTACHMENTS];
    buf_add_literal(&in, "\x83\xa4type\x02\xa3nsp\xa1/\xa4" "data\xdc\x08\x01\xa1" "a");
    for (int i = 0; i < 0x800; i++) buf_add_byte(&in, '\xc2');      /* "false,": six times as long */
    EQUAL_ERR(sio_msgpack_decode(&p, attachments, &json, buf_span(&in), 20000), OK);
    CHECK(p.json.len > MAX_BYTES);
    buf_clear(&json);
    EQUAL_ERR(sio_msgpack_decode(&p, attachments, &json, buf_span(&in), MAX_BYTES), ERR_LIMIT);
    buf_fini(&in), buf_fini(&json);
}
