#include "eio4.h"
#include "json.h"
#include "t.h"

static const struct row { const char *name, *in; enum err err; enum eio4_type type; const char *data; } rows[] = {
    { "open",           "0{}",      OK, EIO4_OPEN,    "{}" },
    { "close",          "1",        OK, EIO4_CLOSE,   "" },
    { "ping probe",     "2probe",   OK, EIO4_PING,    "probe" },
    { "pong",           "3",        OK, EIO4_PONG,    "" },
    { "message",        "4hello",   OK, EIO4_MESSAGE, "hello" },
    { "empty message",  "4",        OK, EIO4_MESSAGE, "" },
    { "upgrade",        "5",        OK, EIO4_UPGRADE, "" },
    { "noop",           "6",        OK, EIO4_NOOP,    "" },
    { "empty",          "",         ERR_TRUNC,  0, NULL },
    { "no such digit",  "7",        ERR_SYNTAX, 0, NULL },
    { "no digit",       "abc",      ERR_SYNTAX, 0, NULL },
    { "base64 is polling's", "bAQI=", ERR_SYNTAX, 0, NULL },
};

TEST(eio4_decodes_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct eio4_packet p;
        struct buf wire = { 0 };
        EQUAL_ERR(eio4_decode(&p, t_exact(span_of(r->in))), r->err);
        if (r->err) continue;
        EQUAL(p.type, r->type);
        SAME(p.data, r->data);
        eio4_encode(&wire, &p);
        SAME(buf_span(&wire), r->in);
        buf_fini(&wire);
    }
}

/* want: what eio4_append makes of all packets before the error */
static const struct payload { const char *name, *in; int packets; enum err err; const char *want; } payloads[] = {
    { "one",                    "4a",                       1, OK,         "4a" },
    { "three",                  "4a\x1e" "2\x1e" "4b",      3, OK,         "4a\x1e" "2\x1e" "4b" },
    { "binary",                 "4a\x1e" "bAQI=",           2, OK,         "4a\x1e" "bAQI=" },
    { "two binaries",           "bAQI=\x1e" "bAw==",        2, OK,         "bAQI=\x1e" "bAw==" },
    { "empty binary",           "b",                        1, OK,         "b" },
    { "empty body",             "",                         0, ERR_TRUNC,  "" },
    { "separator at the end",   "4a\x1e",                   1, ERR_TRUNC,  "4a" },
    { "separator at the start", "\x1e" "4a",                0, ERR_TRUNC,  "" },
    { "two separators",         "4a\x1e\x1e" "4b",          1, ERR_TRUNC,  "4a" },
    { "bad one in between",     "4a\x1e" "x\x1e" "4b",      1, ERR_SYNTAX, "4a" },
    { "bad base64",             "4a\x1e" "bAQI",            1, ERR_SYNTAX, "4a" },
    { "bad utf-8",              "4a\x1e" "4\xff",           1, ERR_UTF8,   "4a" },
    { "chinese",                "4\xe4\xb8\xad",            1, OK,         "4\xe4\xb8\xad" },
};

static enum err read_all(struct span in, int *packets, struct buf *again)
{
    struct buf binary = { 0 };
    enum err e = OK;
    *packets = 0;
    for (struct eio4_payload it = eio4_payload(in); it.more; ) {
        struct eio4_packet p;
        e = eio4_next(&it, &p, &binary);
        if (e) {
            CHECK(!it.more);
            EQUAL_ERR(eio4_next(&it, &p, &binary), ERR_TRUNC);
        } else {
            ++*packets, eio4_append(again, &p);
        }
    }
    buf_fini(&binary);
    return e;
}

TEST(eio4_walks_payloads)
{
    const struct payload *r;
    EACH(r, payloads) {
        struct buf again = { 0 };
        int packets;
        EQUAL_ERR(read_all(t_exact(span_of(r->in)), &packets, &again), r->err);
        EQUAL(packets, r->packets);
        SAME(buf_span(&again), r->want);
        buf_fini(&again);
    }
}

TEST(eio4_payloads_survive_every_prefix)
{
    const struct payload *r;
    EACH(r, payloads) {
        struct span in = span_of(r->in);
        for (size_t n = 0; n <= in.len; n++) {
            struct buf again = { 0 };
            int packets;
            (void)read_all(t_exact(span_head(in, n)), &packets, &again);
            CHECK(again.len <= n);
            buf_fini(&again);
        }
    }
}

TEST(eio4_opens)
{
    struct buf out = { 0 };
    struct eio4_open o = { SPAN("abcdefghij0123456789"), true, 25000, 20000, 1000000 };
    eio4_open(&out, &o);
    SAME(buf_span(&out), "0{\"sid\":\"abcdefghij0123456789\",\"upgrades\":[\"websocket\"],"
                         "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}");
    EQUAL_ERR(json_check(span_skip(buf_span(&out), 1), 2), OK);
    buf_clear(&out);
    o.upgrade = false;
    eio4_open(&out, &o);
    SAME(buf_span(&out), "0{\"sid\":\"abcdefghij0123456789\",\"upgrades\":[],"
                         "\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}");
    buf_fini(&out);
}
