#include "shortest.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* ---- powers of five: 5^(27a + r) as their first 128 bits, of a product of two */

enum { STEP = 27, LOWEST = -11, EXACT = 2 };    /* up to 5^(27 * EXACT) the high ones are exact */

static const uint64_t low[STEP] = {             /* 5^r, from its first bit on */
    0x8000000000000000, 0xa000000000000000, 0xc800000000000000, 0xfa00000000000000,
    0x9c40000000000000, 0xc350000000000000, 0xf424000000000000, 0x9896800000000000,
    0xbebc200000000000, 0xee6b280000000000, 0x9502f90000000000, 0xba43b74000000000,
    0xe8d4a51000000000, 0x9184e72a00000000, 0xb5e620f480000000, 0xe35fa931a0000000,
    0x8e1bc9bf04000000, 0xb1a2bc2ec5000000, 0xde0b6b3a76400000, 0x8ac7230489e80000,
    0xad78ebc5ac620000, 0xd8d726b7177a8000, 0x878678326eac9000, 0xa968163f0a57b400,
    0xd3c21bcecceda100, 0x84595161401484a0, 0xa56fa5b99019a5c8,
};

static const struct { uint64_t high, low; } high[] = {      /* 5^(27a), a from LOWEST on; cut off, not rounded */
    { 0xa76c582338ed2621, 0xaf2af2b80af6f24e }, { 0x873e4f75e2224e68, 0x5a7744a6e804a291 },
    { 0xda7f5bf590966848, 0xaf39a475506a899e }, { 0xb080392cc4349dec, 0xbd8d794d96aacfb3 },
    { 0x8e938662882af53e, 0x547eb47b7282ee9c }, { 0xe65829b3046b0afa, 0x0cb4a5a3112a5112 },
    { 0xba121a4650e4ddeb, 0x92f34d62616ce413 }, { 0x964e858c91ba2655, 0x3a6a07f8d510f86f },
    { 0xf2d56790ab41c2a2, 0xfae27299423fb9c3 }, { 0xc428d05aa4751e4c, 0xaa97e14c3c26b886 },
    { 0x9e74d1b791e07e48, 0x775ea264cf55347d }, { 0x8000000000000000, 0x0000000000000000 },
    { 0xcecb8f27f4200f3a, 0x0000000000000000 }, { 0xa70c3c40a64e6c51, 0x999090b65f67d924 },
    { 0x86f0ac99b4e8dafd, 0x69a028bb3ded71a3 }, { 0xda01ee641a708de9, 0xe80e6f4820cc9495 },
    { 0xb01ae745b101e9e4, 0x5ec05dcff72e7f8f }, { 0x8e41ade9fbebc27d, 0x14588f13be847307 },
    { 0xe5d3ef282a242e81, 0x8f1668c8a86da5fa }, { 0xb9a74a0637ce2ee1, 0x6d953e2bd7173692 },
    { 0x95f83d0a1fb69cd9, 0x4abdaf101564f98e }, { 0xf24a01a73cf2dccf, 0xbc633b39673c8cec },
    { 0xc3b8358109e84f07, 0x0a862f80ec4700c8 }, { 0x9e19db92b4e31ba9, 0x6c07a2c26a8346d1 },
};

static int floor_log10_of_2(int q) { return q * 1262611 >> 22; }                        /* of 2^q */
static int floor_log10_of_3_4(int q) { return (q * 1262611 - 524031) >> 22; }           /* of 3/4 * 2^q */
static int floor_log2_of_5(int j) { return j * 1217359 >> 19; }                         /* of 5^j */

struct factor { wide bits; bool exact; };       /* bits / 2^124, or at most four such parts more */

/* 2^q * 10^-k, from 1 up to 16. */
static struct factor factor_of(int q, int k)
{
    int j = -k, a = (j - LOWEST * STEP) / STEP, r = (j - LOWEST * STEP) % STEP;
    wide below = (wide)high[a].low * low[r], above = (wide)high[a].high * low[r] + (below >> 64);
    uint64_t rest = (uint64_t)below;
    if (!(above >> 127)) {
        above = above << 1 | rest >> 63;
        rest <<= 1;
    }
    int down = 3 - (floor_log2_of_5(j) + q - k);
    bool cut = rest || above & (((wide)1 << down) - 1);
    return (struct factor){ above >> down, a >= -LOWEST && a <= EXACT - LOWEST && !cut };
}

/* n times that; the last bit is 1 as well where a fraction is cut off. False: it can't be told. */
static bool scale(uint64_t n, const struct factor *by, uint64_t *product)
{
    const uint64_t fraction_bits = (UINT64_C(1) << 60) - 1;
    wide below = (wide)n * (uint64_t)by->bits, above = (wide)n * (uint64_t)(by->bits >> 64) + (below >> 64);
    uint64_t fraction = (uint64_t)above & fraction_bits;
    *product = (uint64_t)(above >> 60) | (!by->exact || fraction || (uint64_t)below);
    return by->exact || fraction != fraction_bits;
}

/* ---- the number and what is halfway to its neighbours, in quarters of 10^k */

static bool from_bounds(struct shortest *s, uint64_t c, int q, bool first)     /* c * 2^q; first: of its power of two, the one below is nearer */
{
    int k = first ? floor_log10_of_3_4(q) : floor_log10_of_2(q);
    struct factor factor = factor_of(q, k);
    uint64_t from, at, to, open = c & 1;        /* open: the bounds mean the neighbours */
    if (!scale(4 * c - 2 + first, &factor, &from) || !scale(4 * c, &factor, &at) || !scale(4 * c + 2, &factor, &to)) return false;
    uint64_t down = at / 4, tens = down / 10;
    bool fits = from + open <= 40 * tens, next_fits = 40 * tens + 40 + open <= to;
    if (down >= 10 && fits != next_fits) {
        *s = (struct shortest){ tens + next_fits, k + 1 };
        return true;
    }
    fits = from + open <= 4 * down, next_fits = 4 * down + 4 + open <= to;
    if (fits == next_fits) next_fits = at > 4 * down + 2 || (at == 4 * down + 2 && down & 1);
    *s = (struct shortest){ down + next_fits, k };
    return true;
}

/* It rounds right: the first length that reads back. Shorter ones end in zeros, since 15 digits tell all decimals apart. */
static void from_library(struct shortest *s, double n)
{
    char text[40];
    int precision = 14;
    do (void)snprintf(text, sizeof text, "%.*e", precision, n);
    while (strtod(text, NULL) != n && ++precision < 17);
    s->digits = 0;
    char *p = text;
    for (; *p != 'e'; p++)
        if (*p != '.') s->digits = s->digits * 10 + (uint64_t)(*p - '0');
    s->exponent = (int)strtol(p + 1, NULL, 10) - precision;
}

struct shortest shortest_of(double n)
{
    const uint64_t hidden = UINT64_C(1) << 52;
    uint64_t bits;
    memcpy(&bits, &n, sizeof bits);
    uint64_t mantissa = bits & (hidden - 1);
    int exponent = (int)(bits >> 52);
    struct shortest s;
    bool told = exponent ? from_bounds(&s, mantissa | hidden, exponent - 1075, mantissa == 0 && exponent > 1)
                         : from_bounds(&s, mantissa, -1074, false);
    if (!told) from_library(&s, n);
    while (s.digits % 10 == 0) s.digits /= 10, s.exponent++;
    return s;
}
