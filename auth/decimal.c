#include "decimal.h"

enum { EXPONENT_MAX = 100000 };

static bool digit(struct span s)
{
    return s.len && s.ptr[0] >= '0' && s.ptr[0] <= '9';
}

static void add_digit(struct decimal *d, char c, bool fraction)
{
    uint64_t n = (uint64_t)(c - '0');
    if (d->digits <= (UINT64_MAX - 9) / 10) {
        d->digits = d->digits * 10 + n;
        if (fraction && d->exponent > -EXPONENT_MAX) d->exponent--;
    } else {                    /* no room, and never again: the rest only moves the point */
        if (n) d->exact = false;
        if (!fraction && d->exponent < EXPONENT_MAX) d->exponent++;
    }
}

static int eat_exponent(struct span *s)
{
    if (!span_eat(s, 'e') && !span_eat(s, 'E')) return 0;
    bool down = span_eat(s, '-');
    if (!down) span_eat(s, '+');
    uint64_t n = 0;
    span_eat_uint(s, &n);
    if (n > EXPONENT_MAX) n = EXPONENT_MAX;
    return down ? -(int)n : (int)n;
}

void decimal_decode(struct decimal *d, struct span number)
{
    *d = (struct decimal){ .exact = true };
    d->negative = span_eat(&number, '-');
    for (; digit(number); number = span_skip(number, 1)) add_digit(d, number.ptr[0], false);
    if (span_eat(&number, '.'))
        for (; digit(number); number = span_skip(number, 1)) add_digit(d, number.ptr[0], true);
    d->exponent += eat_exponent(&number);
    while (d->digits && d->digits % 10 == 0) d->digits /= 10, d->exponent++;
    if (d->digits == 0) d->negative = false, d->exponent = 0;
}

bool decimal_same(const struct decimal *a, const struct decimal *b)
{
    return a->exact && b->exact && a->negative == b->negative && a->digits == b->digits && a->exponent == b->exponent;
}

int64_t decimal_scaled(const struct decimal *d, int places)
{
    uint64_t n = d->digits;
    int power = d->exponent + places;
    for (; power > 0 && n && n <= INT64_MAX; power--)
        n = n > UINT64_MAX / 10 ? UINT64_MAX : n * 10;
    for (; power < 0 && n; power++) n /= 10;
    if (n > INT64_MAX) return d->negative ? INT64_MIN : INT64_MAX;
    return d->negative ? -(int64_t)n : (int64_t)n;
}
