/* utf8 - is it UTF-8? (RFC 3629: no surrogates, no overlong forms, nothing
 * beyond U+10FFFF.) Pure; ASCII goes by eight bytes at a time. */
#ifndef CAUSEWAY_UTF8_H
#define CAUSEWAY_UTF8_H

#include "buf.h"
#include "err.h"

bool utf8_valid(struct span s);

/* The bytes of the character at p, of which n >= 1 are there; 0: it ends too early; -1: it is none. */
static inline int utf8_step(const uint8_t *p, size_t n)
{
    uint8_t c = p[0];
    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return -1;
    if (n < 2) return 0;
    uint8_t low  = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;      /* overlong below */
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;      /* surrogates, or too large, above */
    if (p[1] < low || p[1] > high) return -1;
    if (c < 0xe0) return 2;
    if (n < 3) return 0;
    if ((p[2] & 0xc0) != 0x80) return -1;
    if (c < 0xf0) return 3;
    if (n < 4) return 0;
    return (p[3] & 0xc0) == 0x80 ? 4 : -1;
}

/* For text that comes in pieces: *good is the length of the valid head.
 * OK: all of it; ERR_TRUNC: the rest may yet become a character; ERR_UTF8: never. */
enum err utf8_check(struct span s, size_t *good);

void utf8_add(struct buf *out, uint32_t point);         /* a surrogate or worse becomes U+FFFD */
void utf8_add_lossy(struct buf *out, struct span s);    /* what is not UTF-8 becomes U+FFFD */

#endif
