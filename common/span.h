/* span - borrowed bytes: a pointer and a length, passed by value, never stored
 * beyond the life of what they point into.
 *
 * 'eat' verbs take from the front and answer whether they could. Numbers
 * saturate at UINT64_MAX so that an overflow stays visible to a range check. */
#ifndef CAUSEWAY_SPAN_H
#define CAUSEWAY_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t      len;
};

#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })

static inline struct span span_of(const char *text)     /* NULL gives the empty span */
{
    return (struct span){ text ? text : "", text ? strlen(text) : 0 };
}

static inline struct span span_from(const void *ptr, size_t len)
{
    return (struct span){ ptr, len };
}

static inline bool span_same(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline struct span span_skip(struct span s, size_t n)    /* without its first n bytes */
{
    if (n > s.len) n = s.len;
    return (struct span){ s.ptr + n, s.len - n };
}

static inline struct span span_head(struct span s, size_t n)    /* at most its first n bytes */
{
    return (struct span){ s.ptr, n < s.len ? n : s.len };
}

static inline bool span_starts(struct span s, char c)
{
    return s.len > 0 && s.ptr[0] == c;
}

bool span_same_nocase(struct span a, struct span b);            /* ASCII only */
int  span_order(struct span a, struct span b);                  /* like memcmp, shorter first */
bool span_has_prefix(struct span s, struct span prefix);
bool span_eat(struct span *s, char c);
bool span_eat_prefix(struct span *s, struct span prefix);
bool span_eat_uint(struct span *s, uint64_t *n);                /* decimal digits, at least one */
bool span_to_uint(struct span s, uint64_t max, uint64_t *n);    /* the whole of s, 0..max */
struct span span_cut(struct span *s, char sep);     /* up to sep, which is eaten; all of it where there is none */
struct span span_trim(struct span s);               /* without blanks and tabs at its ends */
ptrdiff_t   span_find(struct span s, char c);       /* index, or -1 */

#endif
