#include "shortest.h"
#include "json.h"
#include "t.h"

#include <stdlib.h>

/* As JavaScript prints them. */
static const struct row { const char *name; double n; const char *want; } rows[] = {
    { "zero",                   0,                      "0" },
    { "minus zero",             -0.0,                   "0" },
    { "whole",                  -3,                     "-3" },
    { "zeros at its end",       1200,                   "1200" },
    { "price",                  19.99,                  "19.99" },
    { "17 digits",              0.1 + 0.2,              "0.30000000000000004" },
    { "16 digits",              1 / 3.0,                "0.3333333333333333" },
    { "float 32",               (double)0.1f,           "0.10000000149011612" },
    { "a million times less",   1e-6,                   "0.000001" },
    { "from here on with e",    1e-7,                   "1e-7" },
    { "more digits with e",     -1.25e-7,               "-1.25e-7" },
    { "20 zeros",               1e20,                   "100000000000000000000" },
    { "from here on with e+",   1e21,                   "1e+21" },
    { "22 digits",              123456789012345678901234.0, "1.2345678901234569e+23" },
    { "smallest",               5e-324,                 "5e-324" },
    { "largest subnormal",      2.225073858507201e-308, "2.225073858507201e-308" },
    { "smallest normal",        2.2250738585072014e-308, "2.2250738585072014e-308" },
    { "largest",                1.7976931348623157e308, "1.7976931348623157e+308" },
    { "below a power of two is nearer", 0x1p-1017,      "7.120236347223045e-307" },
    { "2^53",                   9007199254740992,       "9007199254740992" },
    { "2^53-1",                 9007199254740991,       "9007199254740991" },
    { "a tie, from the library", 73000000000000000,     "73000000000000000" },
    { "1e23, between two",      1e23,                   "1e+23" },
    { "2^60, from the library", 0x1p60,                 "1152921504606847000" },
    { "not a number",           0.0 / 0.0,              "null" },
    { "infinity",               1.0 / 0.0,              "null" },
};

TEST(shortest_prints_what_javascript_prints)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf out = { 0 };
        json_add_number(&out, r->n);
        SAME(buf_span(&out), r->want);
        buf_fini(&out);
    }
}

/* The same, as random bits: they read back, and no digit fewer would. */
TEST(shortest_reads_back)
{
    uint64_t x = 88172645463325252;
    for (int i = 0; i < 20000; i++) {
        double n;
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        uint64_t bits = i % 4 ? x : x & 0x000fffffffffffff;     /* subnormal */
        memcpy(&n, &bits, sizeof n);
        if (!(n > 0) || n - n != 0) continue;
        struct shortest s = shortest_of(n);
        struct buf text = { 0 }, less = { 0 };
        buf_add_format(&text, "%llue%d", (unsigned long long)s.digits, s.exponent);
        CHECK(strtod(buf_text(&text), NULL) == n);
        for (unsigned up = 0; up < 2 && s.digits > 9; up++) {
            buf_clear(&less);
            buf_add_format(&less, "%llue%d", (unsigned long long)(s.digits / 10 + up), s.exponent + 1);
            CHECK(strtod(buf_text(&less), NULL) != n);
        }
        buf_fini(&text), buf_fini(&less);
    }
}
