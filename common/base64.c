#include "base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[]      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct buf *out, struct span in, const char *alphabet, bool pad)
{
    const uint8_t *p = (const uint8_t *)in.ptr;
    char *to = buf_room(out, in.len / 3 * 4 + 4), *start = to;
    size_t left = in.len;
    for (; left >= 3; p += 3, left -= 3) {
        uint32_t n = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *to++ = alphabet[n >> 18];
        *to++ = alphabet[n >> 12 & 63];
        *to++ = alphabet[n >> 6 & 63];
        *to++ = alphabet[n & 63];
    }
    if (left) {
        uint32_t n = (uint32_t)p[0] << 16 | (left == 2 ? (uint32_t)p[1] << 8 : 0);
        *to++ = alphabet[n >> 18];
        *to++ = alphabet[n >> 12 & 63];
        if (left == 2) *to++ = alphabet[n >> 6 & 63];
        else if (pad) *to++ = '=';
        if (pad) *to++ = '=';
    }
    buf_grew(out, (size_t)(to - start));
}

void base64_encode(struct buf *out, struct span bytes) { encode(out, bytes, standard, true); }
void base64_encode_url(struct buf *out, struct span bytes) { encode(out, bytes, url, false); }

/* A character's value, or 64 and more for one that has none. */
static inline uint32_t value(uint8_t c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z') return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z') return (uint32_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9') return (uint32_t)(c - '0' + 52);
    return c == (uint8_t)c62 ? 62 : c == (uint8_t)c63 ? 63 : 64;
}

static enum err decode(struct buf *out, struct span in, char c62, char c63)     /* without padding */
{
    const uint8_t *p = (const uint8_t *)in.ptr;
    size_t left = in.len;
    if (left % 4 == 1) return ERR_SYNTAX;
    char *to = buf_room(out, left / 4 * 3 + 3), *start = to;
    uint32_t n = 0;
    for (; left >= 4; p += 4, left -= 4) {
        uint32_t a = value(p[0], c62, c63), b = value(p[1], c62, c63), c = value(p[2], c62, c63), d = value(p[3], c62, c63);
        if ((a | b | c | d) > 63) return ERR_SYNTAX;
        n = a << 18 | b << 12 | c << 6 | d;
        *to++ = (char)(n >> 16);
        *to++ = (char)(n >> 8);
        *to++ = (char)n;
    }
    if (left) {
        uint32_t a = value(p[0], c62, c63), b = value(p[1], c62, c63), c = left == 3 ? value(p[2], c62, c63) : 0;
        if ((a | b | c) > 63) return ERR_SYNTAX;
        n = a << 18 | b << 12 | c << 6;
        if (n & (left == 3 ? 0xff : 0xffff)) return ERR_SYNTAX;     /* bits that encoding leaves zero */
        *to++ = (char)(n >> 16);
        if (left == 3) *to++ = (char)(n >> 8);
    }
    buf_grew(out, (size_t)(to - start));
    return OK;
}

enum err base64_decode(struct buf *out, struct span text)
{
    if (text.len % 4) return ERR_SYNTAX;
    for (int i = 0; i < 2 && text.len && text.ptr[text.len - 1] == '='; i++) text.len--;
    return decode(out, text, '+', '/');
}

enum err base64_decode_url(struct buf *out, struct span text)
{
    return decode(out, text, '-', '_');
}
