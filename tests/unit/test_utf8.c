#include "utf8.h"
#include "t.h"

static const struct row { const char *name, *in; enum err err; size_t good; } rows[] = {
    { "empty",                  "",                         OK,        0 },
    { "ascii, longer than 8",   "0123456789abcdefghi",      OK,        19 },
    { "two bytes",              "12345678\xc3\xa9",         OK,        10 },
    { "three bytes",            "\xe4\xb8\xad\xe6\x96\x87", OK,        6 },
    { "four bytes",             "\xf0\x9f\x98\x80",         OK,        4 },
    { "the last point",         "\xf4\x8f\xbf\xbf",         OK,        4 },
    { "beyond the last",        "a\xf4\x90\x80\x80",        ERR_UTF8,  1 },
    { "f5",                     "\xf5\x80\x80\x80",         ERR_UTF8,  0 },
    { "overlong two",           "\xc0\xaf",                 ERR_UTF8,  0 },
    { "overlong three",         "\xe0\x80\xaf",             ERR_UTF8,  0 },
    { "overlong four",          "\xf0\x80\x80\xaf",         ERR_UTF8,  0 },
    { "surrogate",              "ab\xed\xa0\x80",           ERR_UTF8,  2 },
    { "before the surrogates",  "\xed\x9f\xbf",             OK,        3 },
    { "behind them",            "\xee\x80\x80",             OK,        3 },
    { "lone continuation",      "\x80",                     ERR_UTF8,  0 },
    { "cut after one",          "x\xe4",                    ERR_TRUNC, 1 },
    { "cut after two",          "x\xe4\xb8",                ERR_TRUNC, 1 },
    { "cut after three",        "x\xf0\x9f\x98",            ERR_TRUNC, 1 },
    { "second byte wrong",      "x\xe4x",                   ERR_UTF8,  1 },
    { "third byte wrong",       "x\xe4\xb8x",               ERR_UTF8,  1 },
    { "fourth byte wrong",      "x\xf0\x9f\x98x",           ERR_UTF8,  1 },
};

TEST(utf8_judges_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        size_t good = 99;
        struct span in = t_exact(span_of(r->in));
        EQUAL_ERR(utf8_check(in, &good), r->err);
        EQUAL(good, r->good);
        EQUAL(utf8_valid(in), r->err == OK);
    }
}

TEST(utf8_every_point_comes_back)
{
    for (uint32_t c = 0; c < 0x110000; c += c < 0x900 || (c >= 0xd700 && c < 0x10100) ? 1 : 97) {
        struct buf b = { 0 };
        utf8_add(&b, c);
        CHECK(utf8_valid(buf_span(&b)));
        if (c >= 0xd800 && c < 0xe000) SAME(buf_span(&b), "\xef\xbf\xbd");
        for (size_t n = 1; n < b.len; n++) {
            size_t good;
            EQUAL_ERR(utf8_check(span_head(buf_span(&b), n), &good), ERR_TRUNC);
        }
        buf_fini(&b);
    }
}

TEST(utf8_replaces_what_is_none)
{
    struct buf b = { 0 };
    utf8_add_lossy(&b, SPAN("a\xff" "b\xe4\xb8"));
    SAME(buf_span(&b), "a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd");
    buf_fini(&b);
}
