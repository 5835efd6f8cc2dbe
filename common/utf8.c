#include "utf8.h"

static const struct span replacement = { "\xef\xbf\xbd", 3 };   /* U+FFFD */

enum err utf8_check(struct span s, size_t *good)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    size_t at = 0;
    while (at < s.len) {
        uint64_t eight;
        if (s.len - at >= sizeof eight) {
            memcpy(&eight, p + at, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) {
                at += sizeof eight;
                continue;
            }
        }
        int n = utf8_step(p + at, s.len - at);
        if (n <= 0) {
            *good = at;
            return n ? ERR_UTF8 : ERR_TRUNC;
        }
        at += (size_t)n;
    }
    *good = at;
    return OK;
}

bool utf8_valid(struct span s)
{
    size_t good;
    return utf8_check(s, &good) == OK;
}

void utf8_add(struct buf *out, uint32_t c)
{
    char *p = buf_room(out, 4);
    size_t n = 0;
    if (c < 0x80) {
        p[n++] = (char)c;
    } else if (c < 0x800) {
        p[n++] = (char)(0xc0 | c >> 6);
        p[n++] = (char)(0x80 | (c & 63));
    } else if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        memcpy(p, replacement.ptr, n = replacement.len);
    } else if (c < 0x10000) {
        p[n++] = (char)(0xe0 | c >> 12);
        p[n++] = (char)(0x80 | (c >> 6 & 63));
        p[n++] = (char)(0x80 | (c & 63));
    } else {
        p[n++] = (char)(0xf0 | c >> 18);
        p[n++] = (char)(0x80 | (c >> 12 & 63));
        p[n++] = (char)(0x80 | (c >> 6 & 63));
        p[n++] = (char)(0x80 | (c & 63));
    }
    buf_grew(out, n);
}

void utf8_add_lossy(struct buf *out, struct span s)
{
    size_t good;
    while (utf8_check(s, &good) != OK) {
        buf_add(out, span_head(s, good));
        buf_add(out, replacement);
        s = span_skip(s, good + 1);
    }
    buf_add(out, s);
}
