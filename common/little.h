/* little - numbers as little-endian bytes, up to eight of them, at any address.
 * One load or store where the count is known to the compiler. */
#ifndef CAUSEWAY_LITTLE_H
#define CAUSEWAY_LITTLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LITTLE_DIRECT(bytes) (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && __builtin_constant_p(bytes))

static inline uint64_t little_get(const char *at, size_t bytes)
{
    uint64_t n = 0;
    if (LITTLE_DIRECT(bytes)) memcpy(&n, at, bytes);
    else for (size_t i = 0; i < bytes; i++) n |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return n;
}

static inline char *little_put(char *at, uint64_t n, size_t bytes)      /* answers what is behind it */
{
    if (LITTLE_DIRECT(bytes)) memcpy(at, &n, bytes);
    else for (size_t i = 0; i < bytes; i++) at[i] = (char)(unsigned char)(n >> (8 * i));
    return at + bytes;
}

#endif
