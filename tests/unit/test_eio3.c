#include "eio3.h"
#include "t.h"

static const struct row { const char *name, *in; enum err err; enum eio4_type type; const char *data; } rows[] = {
    { "open",               "0{}",        OK, EIO4_OPEN,    "{}" },
    { "ping probe",         "2probe",     OK, EIO4_PING,    "probe" },
    { "pong",               "3",          OK, EIO4_PONG,    "" },
    { "message",            "4hello",     OK, EIO4_MESSAGE, "hello" },
    { "bytes as base64",    "b4AQIDBA==", OK, EIO4_BINARY,  "\x01\x02\x03\x04" },
    { "no bytes as base64", "b4",         OK, EIO4_BINARY,  "" },
    { "empty",              "",           ERR_TRUNC,  0, NULL },
    { "no such digit",      "7",          ERR_SYNTAX, 0, NULL },
    { "bytes that are no message", "b2AQI=", ERR_SYNTAX, 0, NULL },
    { "version 4's base64", "bAQI=",      ERR_SYNTAX, 0, NULL },
    { "bad base64",         "b4AQI",      ERR_SYNTAX, 0, NULL },
};

TEST(eio3_decodes_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct eio4_packet p;
        struct buf binary = { 0 };
        EQUAL_ERR(eio3_decode(&p, t_exact(span_of(r->in)), &binary), r->err);
        if (r->err == OK) {
            EQUAL(p.type, r->type);
            SAME(p.data, r->data);
        }
        buf_fini(&binary);
    }
}

TEST(eio3_decodes_binary_frames)
{
    struct eio4_packet p;
    EQUAL_ERR(eio3_decode_binary(&p, t_exact(SPAN("\x04\x01\x02"))), OK);
    EQUAL(p.type, EIO4_BINARY);
    SAME(p.data, "\x01\x02");
    EQUAL_ERR(eio3_decode_binary(&p, t_exact(SPAN("\x04"))), OK);
    EQUAL(p.data.len, 0);
    EQUAL_ERR(eio3_decode_binary(&p, t_exact(SPAN(""))), ERR_TRUNC);
    EQUAL_ERR(eio3_decode_binary(&p, t_exact(SPAN("\x02"))), ERR_SYNTAX);
    EQUAL_ERR(eio3_decode_binary(&p, t_exact(SPAN("4"))), ERR_SYNTAX);
}

/* want: what eio4_append makes of all packets before the error; canonical: encoding gives the input back */
#define S(literal) { literal, sizeof literal - 1 }
static const struct payload { const char *name; struct span in; bool raw; enum err err; const char *want; } payloads[] = {
    { "one",                       S("6:4hello"),               false, OK, "4hello" },
    { "several",                   S("6:4test11:26:4test3"),    false, OK, "4test1\x1e" "2\x1e" "4test3" },
    { "base64",                    S("6:4hello10:b4AQIDBA=="),  false, OK, "4hello\x1e" "bAQIDBA==" },
    { "two bytes, one unit",       S("3:4\xc3\xa9x"),           false, OK, "4\xc3\xa9x" },
    { "three bytes, one unit",     S("2:4\xe4\xb8\xad"),        false, OK, "4\xe4\xb8\xad" },
    { "four bytes, two units",     S("4:4\xf0\x9f\x98\x80!1:3"), false, OK, "4\xf0\x9f\x98\x80!\x1e" "3" },
    { "a colon in the text",       S("5:42:421:2"),             false, OK, "42:42\x1e" "2" },
    { "empty body",                S(""),                       false, ERR_TRUNC,  "" },
    { "no length",                 S(":4"),                     false, ERR_SYNTAX, "" },
    { "no number",                 S("abc"),                    false, ERR_SYNTAX, "" },
    { "a leading zero",            S("01:2"),                   false, ERR_SYNTAX, "" },
    { "no packet",                 S("0:"),                     false, ERR_SYNTAX, "" },
    { "a sign",                    S("-1:2"),                   false, ERR_SYNTAX, "" },
    { "no colon",                  S("1"),                      false, ERR_TRUNC,  "" },
    { "another byte than a colon", S("1;2"),                    false, ERR_SYNTAX, "" },
    { "beyond the end",            S("1:2" "3:4a"),             false, ERR_TRUNC,  "2" },
    { "counted in bytes",          S("4:4\xe4\xb8\xad"),        false, ERR_TRUNC,  "" },
    { "counted in characters",     S("2:4\xf0\x9f\x98\x80"),    false, ERR_RANGE,  "" },
    { "over 2^64",                 S("99999999999999999999:4"), false, ERR_TRUNC,  "" },
    { "bad utf-8",                 S("1:2" "2:4\xff"),          false, ERR_UTF8,   "2" },
    { "half a character",          S("2:4\xe4\xb8"),            false, ERR_UTF8,   "" },
    { "a bad packet in between",   S("1:2" "1:x" "1:3"),        false, ERR_SYNTAX, "2" },

    { "raw: text and bytes",       S("\0\6\xff" "4hello\1\5\xff\4\1\2\3\4"), true, OK, "4hello\x1e" "bAQIDBA==" },
    { "raw: twelve bytes",         S("\0\1\2\xff" "4hello world"),           true, OK, "4hello world" },
    { "raw: lengths are bytes",    S("\0\4\xff" "4\xe4\xb8\xad"),            true, OK, "4\xe4\xb8\xad" },
    { "raw: no bytes",             S("\1\1\xff\4"),                          true, OK, "b" },
    { "raw: empty body",           S(""),                                    true, ERR_TRUNC,  "" },
    { "raw: text",                 S("6:4hello"),                            true, ERR_SYNTAX, "" },
    { "raw: no length",            S("\0\xff"),                              true, ERR_SYNTAX, "" },
    { "raw: no end of the length", S("\0\1\2"),                              true, ERR_TRUNC,  "" },
    { "raw: a digit of ten",       S("\0\x0a\xff" "4123456789"),             true, ERR_SYNTAX, "" },
    { "raw: eleven digits",        S("\0\1\1\1\1\1\1\1\1\1\1\1\xff" "4"),    true, ERR_RANGE,  "" },
    { "raw: no packet",            S("\0\0\xff"),                            true, ERR_TRUNC,  "" },
    { "raw: beyond the end",       S("\0\1\xff" "2\1\2\xff\4"),              true, ERR_TRUNC,  "2" },
    { "raw: bad utf-8",            S("\0\2\xff" "4\xff"),                    true, ERR_UTF8,   "" },
    { "raw: bytes, no message",    S("\1\1\xff\2"),                          true, ERR_SYNTAX, "" },
};

static enum err read_all(struct span in, bool raw, struct buf *queued, struct buf *again)
{
    struct buf binary = { 0 };
    struct eio4_packet p;
    enum err e = OK;
    for (struct eio4_payload it = eio4_payload(in); it.more; ) {
        e = raw ? eio3_next_binary(&it, &p, &binary) : eio3_next(&it, &p, &binary);
        if (e) {
            CHECK(!it.more);
            EQUAL_ERR(raw ? eio3_next_binary(&it, &p, &binary) : eio3_next(&it, &p, &binary), ERR_TRUNC);
        } else {
            eio4_append(queued, &p);
            if (raw) eio3_append_binary(again, &p);
            else eio3_append(again, &p);
        }
    }
    buf_fini(&binary);
    return e;
}

TEST(eio3_walks_payloads)
{
    const struct payload *r;
    EACH(r, payloads) {
        struct buf queued = { 0 }, again = { 0 };
        EQUAL_ERR(read_all(t_exact(r->in), r->raw, &queued, &again), r->err);
        SAME(buf_span(&queued), r->want);
        if (r->err == OK) SAME_SPAN(buf_span(&again), r->in);   /* law: encode undoes decode */
        buf_fini(&queued), buf_fini(&again);
    }
}

TEST(eio3_payloads_survive_every_prefix)
{
    const struct payload *r;
    EACH(r, payloads)
        for (size_t n = 0; n <= r->in.len; n++) {
            struct buf queued = { 0 }, again = { 0 };
            (void)read_all(t_exact(span_head(r->in, n)), r->raw, &queued, &again);
            CHECK(again.len <= n);
            buf_fini(&queued), buf_fini(&again);
        }
}

static const struct answer { const char *name, *queued; bool base64, raw; struct span want; } answers[] = {
    { "one",              "2",                      false, false, S("1:2") },
    { "two",              "4hello\x1e" "42",        false, false, S("6:4hello2:42") },
    { "units",            "4\xf0\x9f\x98\x80",      false, false, S("3:4\xf0\x9f\x98\x80") },
    { "bytes",            "4hello\x1e" "bAQIDBA==", false, true,  S("\0\6\xff" "4hello\1\5\xff\4\1\2\3\4") },
    { "bytes beside text: its length is in bytes", "4\xf0\x9f\x98\x80\x1e" "b", false, true, S("\0\5\xff" "4\xf0\x9f\x98\x80\1\1\xff\4") },
    { "for who takes no bytes", "4hello\x1e" "bAQIDBA==", true, false, S("6:4hello10:b4AQIDBA==") },
    { "a b that is text", "4b\x1e" "4\x1e" "6",     false, false, S("2:4b1:41:6") },
};

TEST(eio3_makes_payloads_of_what_waited)
{
    const struct answer *r;
    EACH(r, answers) {
        struct buf out = { 0 };
        EQUAL(eio3_payload(&out, t_exact(span_of(r->queued)), r->base64), r->raw);
        SAME_SPAN(buf_span(&out), r->want);
        buf_fini(&out);
    }
}

TEST(eio3_writes_lengths_of_every_size)
{
    static const size_t lengths[] = { 1, 8, 9, 10, 98, 99, 100, 998, 999, 1000, 70000 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buf text = { 0 }, queued = { 0 }, again = { 0 };
        struct buf payload = { 0 }, raw = { 0 };
        while (text.len < lengths[i]) buf_add_byte(&text, 'x');
        struct eio4_packet p = { EIO4_MESSAGE, buf_span(&text) };
        eio3_append(&payload, &p), eio3_append_binary(&raw, &p);
        EQUAL_ERR(read_all(t_exact(buf_span(&payload)), false, &queued, &again), OK);
        SAME_SPAN(span_skip(buf_span(&queued), 1), buf_span(&text));
        buf_clear(&queued), buf_clear(&again);
        EQUAL_ERR(read_all(t_exact(buf_span(&raw)), true, &queued, &again), OK);
        SAME_SPAN(span_skip(buf_span(&queued), 1), buf_span(&text));
        buf_fini(&text), buf_fini(&queued), buf_fini(&again), buf_fini(&payload), buf_fini(&raw);
    }
}
