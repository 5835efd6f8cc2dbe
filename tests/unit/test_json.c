#include "json.h"
#include "t.h"

static const struct row { const char *name, *in; enum err err; } rows[] = {
    { "null",                   "null",                     OK },
    { "true in blanks",         " \t\r\n true \n",          OK },
    { "false",                  "false",                    OK },
    { "empty",                  "",                         ERR_TRUNC },
    { "blanks only",            "  ",                       ERR_TRUNC },
    { "half a word",            "tru",                      ERR_TRUNC },
    { "another word",           "nil",                      ERR_SYNTAX },
    { "two values",             "1 2",                      ERR_SYNTAX },
    { "form feed is no blank",  "\f1",                      ERR_SYNTAX },
    { "byte order mark",        "\xef\xbb\xbf" "1",         ERR_SYNTAX },

    { "zero",                   "0",                        OK },
    { "minus zero",             "-0",                       OK },
    { "leading zero",           "01",                       ERR_SYNTAX },
    { "leading plus",           "+1",                       ERR_SYNTAX },
    { "minus alone",            "-",                        ERR_TRUNC },
    { "minus word",             "-a",                       ERR_SYNTAX },
    { "fraction",               "-12.50",                   OK },
    { "fraction without digit", "1.",                       ERR_TRUNC },
    { "fraction only",          ".5",                       ERR_SYNTAX },
    { "exponent",               "1e+10",                    OK },
    { "Exponent",               "0.1E-7",                   OK },
    { "exponent without digit", "[1e]",                     ERR_SYNTAX },
    { "hexadecimal",            "0x10",                     ERR_SYNTAX },
    { "large",                  "[123456789012345678901234567890]", OK },
    { "NaN",                    "NaN",                      ERR_SYNTAX },

    { "string",                 "\"abc\"",                  OK },
    { "string, long",           "\"0123456789abcdef0123456789\"", OK },
    { "empty string",           "\"\"",                     OK },
    { "all escapes",            "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", OK },
    { "unknown escape",         "\"\\x\"",                  ERR_SYNTAX },
    { "escape at the end",      "\"\\",                     ERR_TRUNC },
    { "half an escape",         "\"\\u00",                  ERR_TRUNC },
    { "wrong hex",              "\"\\u00g0\"",              ERR_SYNTAX },
    { "lone surrogate escape",  "\"\\ud800\"",              OK },
    { "open string",            "\"abc",                    ERR_TRUNC },
    { "control character",      "\"a\nb\"",                 ERR_SYNTAX },
    { "control, behind eight",  "\"01234567\x1f\"",         ERR_SYNTAX },
    { "control, within eight",  "\"0\x1f" "234567890\"",   ERR_SYNTAX },
    { "blank, within eight",    "\"0 !#[]~9\"",            OK },
    { "delete is fine",         "\"\x7f\"",                 OK },
    { "chinese",                "\"\xe4\xb8\xad\xe6\x96\x87\"", OK },
    { "raw surrogate",          "\"\xed\xa0\x80\"",         ERR_UTF8 },
    { "broken utf-8",           "\"a\xff\"",                ERR_UTF8 },
    { "cut utf-8",              "\"\xe4\xb8",               ERR_TRUNC },
    { "quote inside utf-8",     "\"\xe4\"",                 ERR_UTF8 },
    { "single quotes",          "'a'",                      ERR_SYNTAX },

    { "empty array",            "[]",                       OK },
    { "array",                  "[1, \"a\" ,null,[ ]]",     OK },
    { "comma at the end",       "[1,]",                     ERR_SYNTAX },
    { "comma at the start",     "[,1]",                     ERR_SYNTAX },
    { "no comma",               "[1 2]",                    ERR_SYNTAX },
    { "open array",             "[1",                       ERR_TRUNC },
    { "closed as object",       "[1}",                      ERR_SYNTAX },
    { "closed twice",           "[]]",                      ERR_SYNTAX },
    { "empty object",           "{ }",                      OK },
    { "object",                 "{\"a\":1, \"b\" : {\"c\":[]}}", OK },
    { "key twice",              "{\"a\":1,\"a\":2}",        OK },
    { "key is a number",        "{1:2}",                    ERR_SYNTAX },
    { "no colon",               "{\"a\" 1}",                ERR_SYNTAX },
    { "no value",               "{\"a\":}",                 ERR_SYNTAX },
    { "object, comma at end",   "{\"a\":1,}",               ERR_SYNTAX },
    { "member in an array",     "[\"a\":1]",                ERR_SYNTAX },
    { "value in an object",     "{\"a\"}",                  ERR_SYNTAX },
    { "back in the object",     "{\"a\":[1],\"b\":2}",      OK },
    { "back in the array",      "[{\"a\":1},2]",            OK },
    { "array where one was",    "[{\"a\":1},[[],2]]",      OK },
    { "wrong one behind",       "[{\"a\":1},\"b\":2]",      ERR_SYNTAX },
};

TEST(json_judges_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        EQUAL_ERR(json_check(t_exact(span_of(r->in)), JSON_MAX_DEPTH), r->err);
    }
}

static void walk(struct span value)     /* every reader over it, for ASan's sake */
{
    struct span k, v, in = value, array = value, object = value;
    struct buf b = { 0 };
    while (json_eat(&in).len) {}
    while (json_next(&array, &v)) (void)json_type_of(v);
    while (json_next_member(&object, &k, &v)) json_unquote(&b, k);
    (void)json_find(value, SPAN("a"));
    (void)json_string_is(value, SPAN("a"));
    (void)json_utf16_length(value);
    (void)json_event_name(value, &v);
    json_unquote(&b, value);
    buf_clear(&b);
    json_quote(&b, value);
    EQUAL_ERR(json_check(buf_span(&b), 1), OK);
    buf_fini(&b);
}

TEST(json_survives_every_prefix)
{
    const struct row *r;
    EACH(r, rows) {
        struct span in = span_of(r->in);
        for (size_t n = 0; n <= in.len; n++) {
            enum err e = json_check(t_exact(span_head(in, n)), JSON_MAX_DEPTH);
            /* what becomes good later is not bad now */
            if (r->err == OK && n < in.len) CHECK(e == OK || e == ERR_TRUNC);
            walk(t_exact(span_head(in, n)));
        }
    }
}

TEST(json_bounds_the_depth)
{
    for (unsigned depth = 0; depth <= 300; depth++) {
        struct buf b = { 0 };
        for (unsigned i = 0; i < depth; i++) buf_add(&b, i % 3 ? SPAN("[") : SPAN("{\"k\":"));
        buf_add_byte(&b, '1');
        for (unsigned i = depth; i-- > 0; ) buf_add_byte(&b, i % 3 ? ']' : '}');
        EQUAL_ERR(json_check(buf_span(&b), depth), OK);
        EQUAL_ERR(json_check(buf_span(&b), 200), depth > 200 ? ERR_DEPTH : OK);
        if (depth) EQUAL_ERR(json_check(buf_span(&b), depth - 1), ERR_DEPTH);
        buf_fini(&b);
    }
    struct buf deep = { 0 };
    for (int i = 0; i < 200000; i++) buf_add_byte(&deep, '[');
    EQUAL_ERR(json_check(buf_span(&deep), UINT32_MAX), ERR_DEPTH);
    buf_fini(&deep);
}

TEST(json_walks)
{
    struct span array = SPAN(" [ 1 , [2,3] ,\"a,]\\\"\", {\"x\":[]} ] "), e;
    CHECK(json_next(&array, &e)); SAME(e, "1");
    CHECK(json_next(&array, &e)); SAME(e, "[2,3]");
    CHECK(json_next(&array, &e)); SAME(e, "\"a,]\\\"\"");
    CHECK(json_next(&array, &e)); SAME(e, "{\"x\":[]}");
    CHECK(!json_next(&array, &e));
    CHECK(!json_next(&array, &e));
    array = SPAN("[ ]");
    CHECK(!json_next(&array, &e));

    struct span object = SPAN("{ \"a\" : 1, \"b\":{\"a\":2} }"), k, v;
    CHECK(json_next_member(&object, &k, &v)); SAME(k, "\"a\""); SAME(v, "1");
    CHECK(json_next_member(&object, &k, &v)); SAME(k, "\"b\""); SAME(v, "{\"a\":2}");
    CHECK(!json_next_member(&object, &k, &v));
    object = SPAN("{}");
    CHECK(!json_next_member(&object, &k, &v));

    struct span in = SPAN("1 true");
    SAME(json_eat(&in), "1"); SAME(json_eat(&in), "true"); SAME(json_eat(&in), "");
}

TEST(json_finds_the_last_of_a_key)
{
    struct span object = SPAN("{\"a\":1,\"b\":{\"c\":9},\"\\u0061\":2,\"c\":null}");
    SAME(json_find(object, SPAN("a")), "2");
    SAME(json_find(object, SPAN("c")), "null");
    SAME(json_find(object, SPAN("d")), "");
    SAME(json_find(SPAN("[1]"), SPAN("a")), "");
    SAME(json_find(SPAN("12"), SPAN("a")), "");
}

static const struct text { const char *name, *json, *means; size_t units; } texts[] = {
    { "plain",           "\"abc\"",                       "abc",                          3 },
    { "empty",           "\"\"",                          "",                             0 },
    { "short escapes",   "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t",              8 },
    { "unit",            "\"\\u00e9\\u4E2d\"",            "\xc3\xa9\xe4\xb8\xad",         2 },
    { "pair",            "\"\\ud83d\\ude00!\"",           "\xf0\x9f\x98\x80!",            3 },
    { "raw pair",        "\"\xf0\x9f\x98\x80\"",          "\xf0\x9f\x98\x80",             2 },
    { "lone high",       "\"\\ud83dx\"",                  "\xef\xbf\xbdx",                2 },
    { "lone low",        "\"\\ude00\"",                   "\xef\xbf\xbd",                 1 },
    { "two highs",       "\"\\ud83d\\ud83d\\ude00\"",     "\xef\xbf\xbd\xf0\x9f\x98\x80", 3 },
    { "two lows",        "\"\\ude00\\ude00\"",            "\xef\xbf\xbd\xef\xbf\xbd",     2 },
    { "high, then unit", "\"\\ud83d\\u0041\"",            "\xef\xbf\xbd" "A",             2 },
    { "backslash n",     "\"a\\\\n\"",                    "a\\n",                         3 },
};

TEST(json_texts_mean_what_they_say)
{
    const struct text *r;
    EACH(r, texts) {
        struct span json = t_exact(span_of(r->json)), means = t_exact(span_of(r->means));
        struct buf b = { 0 };
        EQUAL_ERR(json_check(json, 0), OK);
        json_unquote(&b, json);
        SAME(buf_span(&b), r->means);
        CHECK(json_string_is(json, means));
        CHECK(!json_string_is(json, SPAN("other")));
        CHECK(!json_string_is(json, span_head(means, means.len - 1)) || means.len == 0);
        EQUAL(json_utf16_length(json), r->units);
        buf_clear(&b);
        json_quote(&b, means);
        CHECK(json_string_is(buf_span(&b), means));      /* law: unquote undoes quote */
        buf_fini(&b);
    }
    CHECK(!json_string_is(SPAN("abc"), SPAN("b")));
    CHECK(!json_string_is(SPAN("\"a\\\\n\""), SPAN("a\\\\n")));
}

TEST(json_quotes_all_that_must_be)
{
    struct buf b = { 0 };
    json_quote(&b, SPAN("a\"\\\n\x01\x1e\x7f\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\x82\xac\xff/"));
    SAME(buf_span(&b), "\"a\\\"\\\\\\n\\u0001\\u001e\x7f\\u2028\\u2029\xe2\x80\xaa\xe2\x82\xac\xef\xbf\xbd/\"");
    buf_fini(&b);
}

TEST(json_reads_scalars)
{
    uint64_t n;
    CHECK(json_to_uint(SPAN("12"), 12, &n));
    EQUAL(n, 12);
    CHECK(!json_to_uint(SPAN("13"), 12, &n));
    CHECK(!json_to_uint(SPAN("1.0"), 12, &n));
    CHECK(!json_to_uint(SPAN("1e0"), 12, &n));
    CHECK(!json_to_uint(SPAN("-1"), 12, &n));
    CHECK(!json_to_uint(SPAN("\"1\""), 12, &n));
    CHECK(json_is_true(SPAN("true")));
    CHECK(!json_is_true(SPAN("\"true\"")));
    EQUAL(json_type_of(SPAN(" {")), JSON_OBJECT);
    EQUAL(json_type_of(SPAN("")), JSON_NONE);
}

static const struct event { const char *name, *json; enum err err; const char *want; } events[] = {
    { "text",       "[\"say\",1]",  OK,       "\"say\"" },
    { "number",     "[7]",          OK,       "7" },
    { "empty",      "[]",           ERR_TYPE, NULL },
    { "no array",   "{\"a\":1}",    ERR_TYPE, NULL },
    { "null first", "[null]",       ERR_TYPE, NULL },
    { "array first","[[\"a\"]]",    ERR_TYPE, NULL },
};

TEST(json_knows_an_event_by_its_name)
{
    const struct event *r;
    EACH(r, events) {
        struct span name;
        EQUAL_ERR(json_event_name(span_of(r->json), &name), r->err);
        if (r->err == OK) SAME(name, r->want);
    }
}
