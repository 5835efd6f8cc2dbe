/* warm - asks for memory that will be read soon, all of it at once. */
#ifndef CAUSEWAY_WARM_H
#define CAUSEWAY_WARM_H

#include <stddef.h>

enum { WARM_LINE = 64 };        /* bytes of a cache line */

static inline void warm_bytes(const void *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += WARM_LINE) __builtin_prefetch((const char *)at + i);
}

#endif
