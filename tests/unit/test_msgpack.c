#include "msgpack.h"
#include "json.h"
#include "msg.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

enum { ATTACHMENTS = 10 };

/* Bytes as notepack.io 2.2.0 writes them, and the JSON that they are. */
static const struct row { const char *name, *hex, *json; const char *attachments; } rows[] = {
    { "0",                  "00",                   "0",                    "" },
    { "127",                "7f",                   "127",                  "" },
    { "128",                "cc80",                 "128",                  "" },
    { "255",                "ccff",                 "255",                  "" },
    { "256",                "cd0100",               "256",                  "" },
    { "65535",              "cdffff",               "65535",                "" },
    { "65536",              "ce00010000",           "65536",                "" },
    { "2^32-1",             "ceffffffff",           "4294967295",           "" },
    { "2^32",               "cf0000000100000000",   "4294967296",           "" },
    { "2^53-1",             "cf001fffffffffffff",   "9007199254740991",     "" },
    { "2^64-1",             "cfffffffffffffffff",   "18446744073709551615", "" },
    { "-1",                 "ff",                   "-1",                   "" },
    { "-32",                "e0",                   "-32",                  "" },
    { "-33",                "d0df",                 "-33",                  "" },
    { "-128",               "d080",                 "-128",                 "" },
    { "-129",               "d1ff7f",               "-129",                 "" },
    { "-32768",             "d18000",               "-32768",               "" },
    { "-32769",             "d2ffff7fff",           "-32769",               "" },
    { "-2^31",              "d280000000",           "-2147483648",          "" },
    { "-2^31-1",            "d3ffffffff7fffffff",   "-2147483649",          "" },
    { "-2^63",              "d38000000000000000",   "-9223372036854775808", "" },
    { "0.5",                "cb3fe0000000000000",   "0.5",                  "" },
    { "-19.99",             "cbc033fd70a3d70a3d",   "-19.99",               "" },
    { "0.1+0.2",            "cb3fd3333333333334",   "0.30000000000000004",  "" },
    { "5e-324",             "cb0000000000000001",   "5e-324",               "" },
    { "1.5e300",            "cb7e41eb2d66005835",   "1.5e+300",             "" },
    { "null",               "c0",                   "null",                 "" },
    { "true",               "c3",                   "true",                 "" },
    { "false",              "c2",                   "false",                "" },
    { "empty text",         "a0",                   "\"\"",                 "" },
    { "e acute",            "a2c3a9",               "\"\xc3\xa9\"",         "" },
    { "beyond 16 bits",     "a4f09f9880",           "\"\xf0\x9f\x98\x80\"", "" },
    { "controls, quotes",   "a30a225c",             "\"\\n\\\"\\\\\"",      "" },
    { "32 bytes",           "d920" "3030303030303030303030303030303030303030303030303030303030303030",
                                                    "\"00000000000000000000000000000000\"", "" },
    { "empty array",        "90",                   "[]",                   "" },
    { "nested",             "92019102",             "[1,[2]]",              "" },
    { "16 elements",        "dc0010" "00000000000000000000000000000000", "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", "" },
    { "empty map",          "80",                   "{}",                   "" },
    { "map",                "82a16101a162" "81a0c3", "{\"a\":1,\"b\":{\"\":true}}", "" },
    { "buffer",             "c40101",               "{\"_placeholder\":true,\"num\":0}", "01" },
    { "empty buffer",       "c400",                 "{\"_placeholder\":true,\"num\":0}", "" },
    { "buffers in order",   "92c4010181a161c40102", "[{\"_placeholder\":true,\"num\":0},{\"a\":{\"_placeholder\":true,\"num\":1}}]", "01 02" },
};

static struct span unhex(const char *hex, char *bytes)
{
    size_t n = 0;
    unsigned byte;
    for (; hex[0] && sscanf(hex, "%2x", &byte) == 1; hex += 2) bytes[n++] = (char)byte;
    return span_from(bytes, n);
}

static enum err to_json(struct msgpack_json *to, struct span attachments[ATTACHMENTS], struct span in)
{
    *to = (struct msgpack_json){ .max_bytes = 100000, .attachments = attachments, .max_attachments = ATTACHMENTS };
    enum err e = msgpack_to_json(to, &in);
    return e ? e : in.len ? ERR_STATE : OK;
}

static void add_hex(struct buf *out, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) buf_add_format(out, "%02x", (uint8_t)bytes.ptr[i]);
}

TEST(msgpack_means_the_same_as_json_and_back)
{
    const struct row *r;
    EACH(r, rows) {
        char bytes[128];
        struct span attachments[ATTACHMENTS], in = t_exact(unhex(r->hex, bytes));
        struct msgpack_json to;
        EQUAL_ERR(to_json(&to, attachments, in), OK);
        SAME(buf_span(&to.text), r->json);
        struct buf hex = { 0 }, strs = { 0 }, back = { 0 };
        for (unsigned i = 0; i < to.attachment_count; i++) {
            if (i) buf_add_byte(&hex, ' ');
            add_hex(&hex, attachments[i]);
            msg_add_str(&strs, attachments[i]);
        }
        SAME(buf_span(&hex), r->attachments);
        msgpack_from_json(&back, t_exact(buf_span(&to.text)), buf_span(&strs));
        buf_clear(&hex);
        add_hex(&hex, buf_span(&back));
        SAME(buf_span(&hex), r->hex);
        struct span rest = in;
        EQUAL_ERR(msgpack_skip(&rest), OK);
        EQUAL(rest.len, 0);
        buf_fini(&hex), buf_fini(&strs), buf_fini(&back), buf_fini(&to.text);
    }
}

static const struct read { const char *name, *hex; enum err err; const char *json; } reads[] = {
    { "float 32",               "ca3dcccccd",           OK, "0.10000000149011612" },
    { "whole float",            "cb4008000000000000",   OK, "3" },
    { "minus zero",             "cb8000000000000000",   OK, "0" },
    { "1e21",                   "cb444b1ae4d6e2ef50",   OK, "1e+21" },
    { "123456789012345680000",  "cb441ac53a7e04bcda",   OK, "123456789012345680000" },
    { "1e-7",                   "cb3e7ad7f29abcaf48",   OK, "1e-7" },
    { "0.000001",               "cb3eb0c6f7a0b5ed8d",   OK, "0.000001" },
    { "largest",                "cb7fefffffffffffff",   OK, "1.7976931348623157e+308" },
    { "NaN",                    "cb7ff8000000000000",   OK, "null" },
    { "Infinity",               "cb7ff0000000000000",   OK, "null" },
    { "array 32, str 8, 16",    "dd00000002d90161da000162", OK, "[\"a\",\"b\"]" },
    { "map 32, int 64",         "df00000001db0000000161d30000000000000001", OK, "{\"a\":1}" },
    { "undefined in an array",  "9201d40000",           OK, "[1,null]" },
    { "undefined in a map",     "83a16101a162d40000a16302", OK, "{\"a\":1,\"c\":2}" },
    { "only undefined",         "81a162d40000",         OK, "{}" },
    { "undefined",              "d40000",               OK, "" },
    { "Date",                   "d7000000018bcfe5687b", OK, "\"2023-11-14T22:13:20.123Z\"" },
    { "Date 0",                 "d7000000000000000000", OK, "\"1970-01-01T00:00:00.000Z\"" },
    { "Date before 1970",       "d700ffffffffffffffff", OK, "\"1969-12-31T23:59:59.999Z\"" },
    { "Date before year 0",     "d700ffffc774e1e36800", OK, "\"-000001-11-28T00:00:00.000Z\"" },
    { "the last Date",          "d700001eb208c2dc0000", OK, "\"+275760-09-13T00:00:00.000Z\"" },
    { "no Date",                "d700001eb208c2dc0001", OK, "null" },
    { "no Date, lowest",        "d7008000000000000000", OK, "null" },
    { "typed array",            "c702000102",           OK, "{\"_placeholder\":true,\"num\":0}" },
    { "typed array, one byte",  "c7010001",             OK, "{\"_placeholder\":true,\"num\":0}" },
    { "ext 16, ext 32",         "92c800010001c90000000100ff", OK, "[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]" },
    { "foreign ext",            "c70305010203",         OK, "[5,{\"_placeholder\":true,\"num\":0}]" },
    { "foreign fixext",         "d5f6aabb",             OK, "[-10,{\"_placeholder\":true,\"num\":0}]" },
    { "fixext 16 of type 0",    "d800" "00112233445566778899aabbccddeeff", OK, "[0,{\"_placeholder\":true,\"num\":0}]" },
    { "keys that are numbers",  "8201a161fea162",       OK, "{\"1\":\"a\",\"-2\":\"b\"}" },
    { "twice a key",            "82a16101a16102",       OK, "{\"a\":1,\"a\":2}" },

    { "what looks like a placeholder",  "82ac5f706c616365686f6c646572c3a36e756d00", OK, "{\"_placeholder\":true,\"num\":0}" },
    { "beside an attachment",           "9282ac5f706c616365686f6c646572c3a36e756d00c40102", OK, "[null,{\"_placeholder\":true,\"num\":0}]" },
    { "with one inside",                "82ac5f706c616365686f6c646572c3a178c40102", OK, "null" },
    { "that takes what it holds along", "92c4010182ac5f706c616365686f6c646572c3a178c40102", OK, "[{\"_placeholder\":true,\"num\":0},null]" },
    { "that is taken back",             "82ac5f706c616365686f6c646572c3ac5f706c616365686f6c646572c2", OK,
                                        "{\"_placeholder\":true,\"_placeholder\":false}" },
    { "a harmless _placeholder",        "81ac5f706c616365686f6c64657201", OK, "{\"_placeholder\":1}" },

    { "nothing",                "",                     ERR_TRUNC,  NULL },
    { "c1",                     "c1",                   ERR_SYNTAX, NULL },
    { "bad UTF-8",              "a1ff",                 ERR_UTF8,   NULL },
    { "a surrogate",            "a3eda080",             ERR_UTF8,   NULL },
    { "bad UTF-8 in a key",     "81a1ffc0",             ERR_UTF8,   NULL },
    { "key is an array",        "8190c0",               ERR_TYPE,   NULL },
    { "key is null",            "81c0c0",               ERR_TYPE,   NULL },
    { "more elements than bytes", "ddffffffff00",       ERR_TRUNC,  NULL },
    { "more pairs than bytes",  "df7fffffff0000",       ERR_TRUNC,  NULL },
    { "longer than it is",      "dbffffffff61",         ERR_TRUNC,  NULL },
    { "eleven attachments",     "9bc400c400c400c400c400c400c400c400c400c400c400", ERR_LIMIT, NULL },
};

TEST(msgpack_reads_every_form)
{
    const struct read *r;
    EACH(r, reads) {
        char bytes[128];
        struct span attachments[ATTACHMENTS];
        struct msgpack_json to;
        EQUAL_ERR(to_json(&to, attachments, t_exact(unhex(r->hex, bytes))), r->err);
        if (r->err == OK) SAME(buf_span(&to.text), r->json);
        buf_fini(&to.text);
    }
}

TEST(msgpack_survives_every_prefix)
{
    const struct row *r;
    const struct read *read;
    char bytes[128];
    struct span attachments[ATTACHMENTS];
    EACH(r, rows) {
        struct span in = unhex(r->hex, bytes);
        for (size_t n = 0; n < in.len; n++) {
            struct msgpack_json to;
            struct span head = t_exact(span_head(in, n));
            EQUAL_ERR(to_json(&to, attachments, head), ERR_TRUNC);
            EQUAL_ERR(msgpack_skip(&head), ERR_TRUNC);
            buf_fini(&to.text);
        }
    }
    EACH(read, reads) {
        struct span in = unhex(read->hex, bytes);
        for (size_t n = 0; n < in.len; n++) {
            struct msgpack_json to;
            struct span head = t_exact(span_head(in, n));
            CHECK(to_json(&to, attachments, head) != OK);
            (void)msgpack_skip(&head);
            buf_fini(&to.text);
        }
    }
}

static const struct written { const char *name, *json, *hex; } writes[] = {
    { "blanks",                 " { \"a\" : [ 1 , 2 ] , \"b\" : { } }\n", "82a161920102a16280" },
    { "whole with a point",     "3.0",                  "03" },
    { "whole with an exponent", "[1e3,-1.5e2,1E+2]",    "93cd03e8d1ff6a64" },
    { "minus zero",             "[-0,-0.0]",            "920000" },
    { "2^64",                   "18446744073709551616", "cb43f0000000000000" },
    { "-2^63-1",                "-9223372036854775809", "d38000000000000000" },
    { "1e18",                   "1e18",                 "cf0de0b6b3a7640000" },
    { "1e19",                   "1e19",                 "cf8ac7230489e80000" },
    { "1e21",                   "1e21",                 "cb444b1ae4d6e2ef50" },
    { "30 digits",              "123456789012345678901234567890", "cb45f8ee90ff6c373e" },
    { "too large",              "1e999",                "cb7ff0000000000000" },
    { "escapes",                "\"\\u00e9\\ud83d\\ude00\\n\\/\"", "a8c3a9f09f98800a2f" },
    { "a lone surrogate",       "\"\\ud800\"",          "a3efbfbd" },
    { "keys with escapes",      "{\"\\u0061\":null}",   "81a161c0" },
    { "a placeholder",          "{\"_placeholder\":true,\"num\":1}",                "c401bb" },
    { "in any order, with more", "[{\"num\":0,\"x\":[{},[1]],\"_placeholder\":true},{\"y\":[2]}]", "92c401aa81a1799102" },
    { "one that is escaped",    "{\"_placeh\\u006flder\":true,\"num\":0}",          "c401aa" },
    { "the last key counts",    "{\"_placeholder\":true,\"num\":0,\"num\":1}",      "c401bb" },
    { "none of ours",           "[{\"_placeholder\":true,\"num\":2},{\"_placeholder\":true},{\"_placeholder\":true,\"num\":-1}]", "93c0c0c0" },
    { "taken back",             "{\"_placeholder\":true,\"_placeholder\":0}",       "82ac5f706c616365686f6c646572c3ac5f706c616365686f6c64657200" },
    { "inside another",         "{\"_placeholder\":true,\"num\":0,\"a\":{\"_placeholder\":true,\"num\":1}}", "c401aa" },
};

TEST(msgpack_writes_what_json_says)
{
    struct buf strs = { 0 };
    msg_add_str(&strs, SPAN("\xaa"));
    msg_add_str(&strs, SPAN("\xbb"));
    const struct written *r;
    EACH(r, writes) {
        struct buf out = { 0 }, hex = { 0 };
        EQUAL_ERR(json_check(span_of(r->json), JSON_MAX_DEPTH), OK);
        msgpack_from_json(&out, t_exact(span_of(r->json)), buf_span(&strs));
        add_hex(&hex, buf_span(&out));
        SAME(buf_span(&hex), r->hex);
        buf_fini(&out), buf_fini(&hex);
    }
    buf_fini(&strs);
}

TEST(msgpack_writes_a_placeholder_without_attachments_as_data)
{
    struct buf out = { 0 }, hex = { 0 };
    msgpack_from_json(&out, SPAN("[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"a\":[{}]}]"), SPAN(""));
    add_hex(&hex, buf_span(&out));
    SAME(buf_span(&hex), "9282ac5f706c616365686f6c646572c3a36e756d0082ac5f706c616365686f6c646572c3a1619180");
    buf_fini(&out), buf_fini(&hex);
}

TEST(msgpack_takes_no_harm_from_what_is_no_json)
{
    static const char *const texts[] = { "", "]", "[", "{\"a", "[}]", "a\"[", "[a\"[]\"", "{\"_placeholder\":true,\"num\":0", "{\"_placeholder\":true]a\"}{[",
                                         "{\"_placeholder\":true,x\"{\"y}[[[" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf out = { 0 };
        msgpack_from_json(&out, t_exact(span_of(texts[i])), SPAN(""));
        buf_fini(&out);
    }
}

static void add_many(struct buf *b, char byte, size_t n) { while (n--) buf_add_byte(b, byte); }

TEST(msgpack_bounds_depth_and_size)
{
    struct buf in = { 0 }, out = { 0 };
    struct span attachments[ATTACHMENTS], rest;
    struct msgpack_json to;
    add_many(&in, '\x91', JSON_MAX_DEPTH - 1);
    buf_add_byte(&in, '\x90');
    EQUAL_ERR(to_json(&to, attachments, buf_span(&in)), OK);
    EQUAL_ERR(json_check(buf_span(&to.text), JSON_MAX_DEPTH), OK);
    msgpack_from_json(&out, buf_span(&to.text), SPAN(""));
    SAME_SPAN(buf_span(&out), buf_span(&in));
    buf_fini(&to.text);
    buf_add_byte(&in, '\x90');
    in.ptr[in.len - 2] = '\x91';
    EQUAL_ERR(to_json(&to, attachments, buf_span(&in)), ERR_DEPTH);
    buf_fini(&to.text);

    /* An attachment's placeholder is one level, an ext's array around it another one. */
    const struct { unsigned depth; struct span value; } edges[] = {
        { JSON_MAX_DEPTH - 1, SPAN("\xc4\x01x") }, { JSON_MAX_DEPTH - 2, SPAN("\xd4\x05x") } };
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        for (unsigned more = 0; more < 2; more++) {
            buf_clear(&in);
            add_many(&in, '\x91', edges[i].depth + more);
            buf_add(&in, edges[i].value);
            enum err e = to_json(&to, attachments, buf_span(&in));
            EQUAL_ERR(e, more ? ERR_DEPTH : OK);
            if (!e) EQUAL_ERR(json_check(buf_span(&to.text), JSON_MAX_DEPTH), OK);
            buf_fini(&to.text);
        }

    buf_clear(&in), buf_clear(&out);
    add_many(&in, '[', JSON_DEEPEST + 1);
    add_many(&in, ']', JSON_DEEPEST + 1);
    msgpack_from_json(&out, buf_span(&in), SPAN(""));
    SAME(buf_span(&out), "\xc0");

    buf_clear(&in);
    buf_add_literal(&in, "\xdd\x00\x03\x00\x00");       /* 200,000 times false: six times its length */
    add_many(&in, '\xc2', 0x30000);
    EQUAL_ERR(to_json(&to, attachments, buf_span(&in)), ERR_LIMIT);
    buf_fini(&to.text);
    to = (struct msgpack_json){ .max_bytes = 100, .attachments = attachments, .max_attachments = ATTACHMENTS };
    buf_clear(&in);
    msgpack_add_array(&in, 2);
    msgpack_add_bin(&in, SPAN("0123456789012345678901234567890123456789"));
    msgpack_add_bin(&in, SPAN("0123456789012345678901234567890123456789"));
    rest = buf_span(&in);
    EQUAL_ERR(msgpack_to_json(&to, &rest), ERR_LIMIT);
    buf_fini(&to.text), buf_fini(&in), buf_fini(&out);
}

TEST(msgpack_writes_every_length_class)
{
    static const size_t lengths[] = { 0, 31, 32, 255, 256, 65535, 65536, 70000 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buf bytes = { 0 }, out = { 0 };
        struct msgpack_item item;
        add_many(&bytes, 'x', lengths[i]);
        msgpack_add_str(&out, buf_span(&bytes));
        msgpack_add_bin(&out, buf_span(&bytes));
        struct span in = buf_span(&out);
        for (int k = 0; k < 2; k++) {
            EQUAL_ERR(msgpack_next(&in, &item), OK);
            EQUAL(item.kind, k ? MSGPACK_BIN : MSGPACK_STR);
            SAME_SPAN(item.bytes, buf_span(&bytes));
        }
        EQUAL(in.len, 0);
        buf_clear(&out);
        msgpack_add_array(&out, (uint32_t)lengths[i]);
        add_many(&out, '\xc0', lengths[i]);
        msgpack_add_map(&out, (uint32_t)lengths[i]);
        add_many(&out, '\xc0', 2 * lengths[i]);
        in = buf_span(&out);
        EQUAL_ERR(msgpack_skip(&in), OK);
        EQUAL_ERR(msgpack_next(&in, &item), OK);
        EQUAL(item.kind, MSGPACK_MAP);
        EQUAL(item.count, lengths[i]);
        buf_fini(&bytes), buf_fini(&out);
    }
}
