#include "placeholder.h"
#include "json.h"
#include "t.h"

#define PLACE(n) "{\"_placeholder\":true,\"num\":" #n "}"
#define FIVE     PLACE(0) "," PLACE(0) "," PLACE(0) "," PLACE(0) "," PLACE(0)

static const struct row { const char *name, *json; unsigned count; enum err err; } rows[] = {
    { "none",                   "[\"a\",{}]",                               0, OK },
    { "one",                    "[\"a\"," PLACE(0) "]",                     1, OK },
    { "one too many",           "[\"a\"," PLACE(1) "]",                     1, ERR_RANGE },
    { "none allowed",           "[\"a\"," PLACE(0) "]",                     0, ERR_RANGE },
    { "out of order",           "[\"a\"," PLACE(1) "," PLACE(0) "]",        2, OK },
    { "deep",                   "[{\"a\":[{\"b\":" PLACE(0) "}]}]",         1, OK },
    { "deep and wrong",         "[{\"a\":[{\"b\":" PLACE(3) "}]}]",         1, ERR_RANGE },
    { "keys the other way",     "[{\"num\":0,\"_placeholder\":true}]",      1, OK },
    { "the other way, wrong",   "[{\"num\":1,\"_placeholder\":true}]",      1, ERR_RANGE },
    { "no number",              "[{\"_placeholder\":true}]",                1, ERR_RANGE },
    { "negative",               "[" PLACE(-1) "]",                          1, ERR_RANGE },
    { "fraction",               "[" PLACE(0.5) "]",                         1, ERR_RANGE },
    { "text",                   "[" PLACE("0") "]",                         1, ERR_RANGE },
    { "array",                  "[" PLACE([0]) "]",                         1, ERR_RANGE },
    { "huge",                   "[" PLACE(99999999999999999999999) "]",     1, ERR_RANGE },
    { "not marked",             "[{\"_placeholder\":false,\"num\":9}]",     1, OK },
    { "marked by text",         "[{\"_placeholder\":\"true\",\"num\":9}]",  1, OK },
    { "marked by an object",    "[{\"_placeholder\":{\"x\":true},\"num\":9}]", 1, OK },
    { "further keys",           "[{\"a\":1,\"_placeholder\":true,\"b\":{\"num\":7},\"num\":0,\"c\":[true]}]", 1, OK },
    { "inner num only",         "[{\"_placeholder\":true,\"b\":{\"num\":0}}]", 1, ERR_RANGE },
    { "blanks",                 " [ { \"_placeholder\" : true , \"num\" : 0 } ] ", 1, OK },
    { "blanks, wrong",          " [ { \"_placeholder\" : true , \"num\" : 1 } ] ", 1, ERR_RANGE },
    { "escaped key",            "[{\"\\u005fplaceholder\":true,\"num\":5}]", 1, ERR_RANGE },
    { "the last key counts",    "[{\"_placeholder\":true,\"num\":5,\"num\":0}]", 1, OK },
    { "unmarked again",         "[{\"_placeholder\":true,\"_placeholder\":1,\"num\":5}]", 1, OK },
    { "the last is no number",  "[{\"_placeholder\":true,\"num\":0,\"num\":[0]}]", 1, ERR_RANGE },
    { "unmarked by an object",  "[{\"_placeholder\":true,\"_placeholder\":{},\"num\":5}]", 1, OK },
    { "words as values",        "[\"_placeholder\",true,\"num\",5]",        1, OK },
    { "a value named so",       "[{\"x\":\"_placeholder\",\"y\":true,\"num\":5}]", 1, OK },
    { "ten of one attachment",  "[" FIVE "," FIVE "]",                      1, OK },
    { "eleven",                 "[" FIVE "," FIVE "," PLACE(0) "]",         1, ERR_LIMIT },
    { "eleven, nested",         "[" FIVE "," FIVE ",{\"_placeholder\":true,\"num\":0,\"x\":" PLACE(0) "}]", 1, ERR_LIMIT },
    { "no container",           "true",                                     1, OK },
};

TEST(placeholder_judges_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct span json = t_exact(span_of(r->json));
        EQUAL_ERR(json_check(json, JSON_MAX_DEPTH), OK);
        EQUAL_ERR(placeholder_check(json, r->count), r->err);
        for (size_t n = 0; n < json.len; n++) (void)placeholder_check(t_exact(span_head(json, n)), r->count);
    }
}

TEST(placeholder_bounds_the_depth)
{
    for (unsigned depth = 1; depth < 80; depth++) {
        struct buf b = { 0 };
        for (unsigned i = 0; i < depth; i++) buf_add_byte(&b, '[');
        for (unsigned i = 0; i < depth; i++) buf_add_byte(&b, ']');
        EQUAL_ERR(placeholder_check(t_exact(buf_span(&b)), 1), depth > JSON_MAX_DEPTH ? ERR_DEPTH : OK);
        buf_fini(&b);
    }
}
