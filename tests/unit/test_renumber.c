#include "t.h"
#include "json.h"
#include "renumber.h"

#define P(n) "{\"_placeholder\":true,\"num\":" #n "}"

static const struct row { const char *name, *in; unsigned attachments; const char *want, *used; } rows[] = {
    { "none",                    "{\"a\":[1,\"x\"]}",               2, "{\"a\":[1,\"x\"]}",          "" },
    { "one, counted anew",       P(2),                              3, P(0),                         "2" },
    { "in order of use",         "[" P(2) "," P(0) "]",             3, "[" P(0) "," P(1) "]",        "20" },
    { "twice the same",          "[" P(1) "," P(1) "]",             3, "[" P(0) "," P(0) "]",        "1" },
    { "keys the other way",      "{\"num\":1,\"_placeholder\":true}", 2, P(0),                       "1" },
    { "blanks everywhere",       "[1 , { \"num\" : 1 , \"_placeholder\" : true } ]", 2, "[1," P(0) "]", "1" },
    { "an escaped key",          "{\"\\u005fplaceholder\":true,\"num\":1}", 2, P(0),                 "1" },
    { "more keys go",            "{\"_placeholder\":true,\"num\":0,\"x\":{\"y\":[1]}}", 1, P(0),     "0" },
    { "inside of one: not seen", "{\"x\":" P(1) ",\"_placeholder\":true,\"num\":0}", 2, P(0),        "0" },
    { "the last value counts",   "{\"_placeholder\":true,\"num\":0,\"_placeholder\":false}", 1,
                                 "{\"_placeholder\":true,\"num\":0,\"_placeholder\":false}",         "" },
    { "not true",                "{\"_placeholder\":1,\"num\":7}",  1, "{\"_placeholder\":1,\"num\":7}", "" },
    { "text that looks so",      "\"{\\\"_placeholder\\\":true}\"", 1, "\"{\\\"_placeholder\\\":true}\"", "" },
    { "a number too large",      P(3),                              3, "null",                       "" },
    { "no number",               "[{\"_placeholder\":true}]",       3, "[null]",                     "" },
    { "a negative one",          P(-1),                             3, "null",                       "" },
    { "no attachments at all",   P(0),                              0, "null",                       "" },
};

TEST(renumber_counts_on_behind_other_packets)
{
    struct buf out = { 0 };
    struct renumber r = { .base = 7 };
    renumber(&out, SPAN("[" P(1) "," P(0) "," P(1) "]"), 2, &r);
    SAME(buf_span(&out), "[" P(7) "," P(8) "," P(7) "]");
    EQUAL(r.count, 2);
    CHECK(r.used[0] == 1 && r.used[1] == 0);
    buf_fini(&out);
}

TEST(renumber_does_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct renumber n = { 0 };
        struct buf out = { 0 }, used = { 0 };
        EQUAL_ERR(json_check(span_of(r->in), JSON_MAX_DEPTH), OK);
        renumber(&out, t_exact(span_of(r->in)), r->attachments, &n);
        for (unsigned i = 0; i < n.count; i++) buf_add_uint(&used, n.used[i]);
        SAME(buf_span(&out), r->want);
        SAME(buf_span(&used), r->used);
        buf_fini(&out), buf_fini(&used);
    }
}

TEST(renumber_counts_on_over_several_parts)
{
    struct renumber n = { 0 };
    struct buf out = { 0 };
    renumber(&out, SPAN(P(4)), 5, &n);
    renumber(&out, SPAN(P(1)), 5, &n);
    renumber(&out, SPAN(P(4)), 5, &n);
    SAME(buf_span(&out), P(0) P(1) P(0));
    EQUAL(n.count, 2);
    buf_fini(&out);
}

TEST(renumber_gives_up_beyond_the_depth)
{
    struct renumber n = { 0 };
    struct buf in = { 0 }, out = { 0 };
    for (int i = 0; i < JSON_MAX_DEPTH; i++) buf_add_byte(&in, '[');
    buf_add_literal(&in, P(0));
    for (int i = 0; i < JSON_MAX_DEPTH; i++) buf_add_byte(&in, ']');
    renumber(&out, buf_span(&in), 1, &n);
    SAME(buf_span(&out), "null");
    EQUAL(n.count, 0);
    buf_fini(&in), buf_fini(&out);
}
