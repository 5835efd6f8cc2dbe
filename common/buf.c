#include "buf.h"
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_fini(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){ 0 };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

char *buf_room(struct buf *b, size_t n)
{
    NEED(n <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
    if (b->cap - b->len < n) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap - b->len < n) cap *= 2;
        b->ptr = realloc(b->ptr, cap);
        NEED(b->ptr);
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void buf_grew(struct buf *b, size_t n)
{
    NEED(n <= b->cap - b->len);
    b->len += n;
}

void buf_add(struct buf *b, struct span s)
{
    if (s.len == 0) return;
    memcpy(buf_room(b, s.len), s.ptr, s.len);
    b->len += s.len;
}

void buf_add_byte(struct buf *b, char c)
{
    *buf_room(b, 1) = c;
    b->len++;
}

void buf_add_uint(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + n % 10); while (n /= 10);
    buf_add(b, span_from(digits + at, sizeof digits - at));
}

void buf_add_int(struct buf *b, int64_t n)
{
    if (n < 0) buf_add_byte(b, '-');
    buf_add_uint(b, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void buf_add_format(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    NEED(n >= 0);
    (void)vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, format, again);
    va_end(again);
    b->len += (size_t)n;
}

void buf_drop_head(struct buf *b, size_t n)
{
    NEED(n <= b->len);
    if (n == 0) return;
    memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
}

void buf_trim(struct buf *b)
{
    if (b->len == 0) {
        buf_fini(b);
    } else if (b->cap > b->len) {
        char *ptr = realloc(b->ptr, b->len);
        if (ptr) b->ptr = ptr, b->cap = b->len;
    }
}

const char *buf_text(struct buf *b)
{
    *buf_room(b, 1) = '\0';
    return b->ptr;
}
