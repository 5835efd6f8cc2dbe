#include "jsonp.h"
#include "t.h"

static const struct row { const char *name, *j, *packets, *want; } rows[] = {
    { "one",                    "0",        "2:40",          "___eio[0](\"2:40\");" },
    { "only its digits",        "a1](x)2",  "1:6",           "___eio[12](\"1:6\");" },
    { "none",                   "",         "1:6",           "___eio[](\"1:6\");" },
    { "too many",  "0123456789012345678901", "1:6",          "___eio[01234567890123456789](\"1:6\");" },
    { "quotes, line ends",      "1",        "4\"\\\n\x1e",  "___eio[1](\"4\\\"\\\\\\n\\u001e\");" },
    { "U+2028 and U+2029",      "1",        "4\xe2\x80\xa8\xe2\x80\xa9", "___eio[1](\"4\\u2028\\u2029\");" },
};

TEST(jsonp_answers)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf out = { 0 };
        struct jsonp j = jsonp_of(t_exact(span_of(r->j)));
        CHECK(j.asked);
        jsonp_answer(&out, &j, t_exact(span_of(r->packets)));
        SAME(buf_span(&out), r->want);
        buf_fini(&out);
    }
    CHECK(!jsonp_of((struct span){ NULL, 0 }).asked);
}

static const struct form { const char *name, *body, *want; } forms[] = {
    { "plain",              "d=1%3A2",                  "1:2" },
    { "other fields",       "a=b&d=1%3A2&e=x",          "1:2" },
    { "blanks",             "d=a+b%20c%2B",             "a b c+" },
    { "a line end",         "d=a%5Cnb",                 "a\nb" },
    { "its two characters", "d=a%5C%5Cnb",              "a\\nb" },
    { "behind a backslash", "d=a%5C%5C%5Cnb",           "a\\\\nb" },
    { "both",               "d=%5Cn%5C%5Cn%5C%5Cx%5C",  "\n\\n\\\\x\\" },
    { "raw ones stay",      "d=a%0Ab%0D%0A",            "a\nb\r\n" },
    { "empty",              "d=",                       "" },
    { "no field",           "e=1",                      NULL },
    { "nothing",            "",                         NULL },
};

TEST(jsonp_reads_forms)
{
    const struct form *r;
    EACH(r, forms) {
        struct buf out = { 0 };
        EQUAL(jsonp_form(&out, t_exact(span_of(r->body))), r->want != NULL);
        SAME(buf_span(&out), r->want ? r->want : "");
        buf_fini(&out);
    }
}
