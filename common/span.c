#include "span.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool span_same_nocase(struct span a, struct span b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

int span_order(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order) return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool span_has_prefix(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_same(span_head(s, prefix.len), prefix);
}

bool span_eat(struct span *s, char c)
{
    if (!span_starts(*s, c)) return false;
    *s = span_skip(*s, 1);
    return true;
}

bool span_eat_prefix(struct span *s, struct span prefix)
{
    if (!span_has_prefix(*s, prefix)) return false;
    *s = span_skip(*s, prefix.len);
    return true;
}

bool span_eat_uint(struct span *s, uint64_t *n)
{
    size_t i = 0;
    uint64_t value = 0;
    for (; i < s->len && s->ptr[i] >= '0' && s->ptr[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(s->ptr[i] - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    if (i == 0) return false;
    *n = value;
    *s = span_skip(*s, i);
    return true;
}

bool span_to_uint(struct span s, uint64_t max, uint64_t *n)
{
    uint64_t value;
    if (!span_eat_uint(&s, &value) || s.len || value > max) return false;
    *n = value;
    return true;
}

struct span span_cut(struct span *s, char sep)
{
    ptrdiff_t at = span_find(*s, sep);
    struct span head = at < 0 ? *s : span_head(*s, (size_t)at);
    *s = span_skip(*s, at < 0 ? s->len : (size_t)at + 1);
    return head;
}

struct span span_trim(struct span s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) s = span_skip(s, 1);
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) s.len--;
    return s;
}

ptrdiff_t span_find(struct span s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? at - s.ptr : -1;
}
