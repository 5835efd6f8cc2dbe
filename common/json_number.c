/* json_number - the part of json.h that prints numbers. */
#include "json.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_MAX = 17 };       /* so many always mean one number */

struct decimal {                /* 0.digits * 10^point */
    char digits[DIGITS_MAX + 8];
    int  count, point;
};

static void without_zeros(struct decimal *d)
{
    while (d->count > 1 && d->digits[d->count - 1] == '0') d->count--;
}

/* Most numbers that people send have few decimals: then it is a whole number of them, exactly. */
static bool from_decimals(struct decimal *d, double n)
{
    static const double powers[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
    for (int k = 0; k < (int)(sizeof powers / sizeof powers[0]); k++) {
        double scaled = n * powers[k];
        if (scaled >= 1e15) return false;       /* up to there a decimal is the only one of its length */
        uint64_t whole = (uint64_t)(scaled + 0.5);
        if ((double)whole / powers[k] != n) continue;
        d->count = snprintf(d->digits, sizeof d->digits, "%llu", (unsigned long long)whole);
        d->point = d->count - k;
        without_zeros(d);
        return true;
    }
    return false;
}

/* The C library rounds right: the first length that reads back is the shortest. Normal numbers need 15 digits to tell. */
static void from_shortest(struct decimal *d, double n)
{
    char text[DIGITS_MAX + 16];
    int precision = n < DBL_MIN ? 0 : 14;
    do (void)snprintf(text, sizeof text, "%.*e", precision, n);
    while (++precision < DIGITS_MAX && strtod(text, NULL) != n);
    struct span s = span_of(text), digits = span_cut(&s, 'e');
    d->count = 0;
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] != '.') d->digits[d->count++] = digits.ptr[i];
    d->point = (int)strtol(s.ptr, NULL, 10) + 1;
    without_zeros(d);
}

static void add_zeros(struct buf *out, int count)
{
    while (count-- > 0) buf_add_byte(out, '0');
}

/* Number::toString of ECMAScript: without an exponent from 1e-6 up to 1e21. */
static void add_decimal(struct buf *out, const struct decimal *d)
{
    struct span digits = span_from(d->digits, (size_t)d->count);
    if (d->point > 21 || d->point < -5) {
        buf_add(out, span_head(digits, 1));
        if (d->count > 1) buf_add_byte(out, '.'), buf_add(out, span_skip(digits, 1));
        buf_add_literal(out, "e");
        if (d->point > 0) buf_add_byte(out, '+');
        buf_add_int(out, d->point - 1);
    } else if (d->point <= 0) {
        buf_add_literal(out, "0.");
        add_zeros(out, -d->point);
        buf_add(out, digits);
    } else {
        buf_add(out, span_head(digits, (size_t)d->point));
        add_zeros(out, d->point - d->count);
        if (d->count > d->point) buf_add_byte(out, '.'), buf_add(out, span_skip(digits, (size_t)d->point));
    }
}

void json_add_number(struct buf *out, double n)
{
    struct decimal d;
    if (!(n - n == 0)) {        /* NaN, an infinity */
        buf_add_literal(out, "null");
        return;
    }
    if (n < 0) buf_add_byte(out, '-'), n = -n;
    if (!from_decimals(&d, n)) from_shortest(&d, n);
    add_decimal(out, &d);
}
