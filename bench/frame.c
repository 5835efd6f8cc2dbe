#include "frame.h"

#include <string.h>

/* The lengths are the wire's: 7 bits, or 126 and 16 bits, or 127 and 64 bits. */
ssize_t frame_decode(struct frame *f, const char *in, size_t len)
{
    const unsigned char *b = (const unsigned char *)in;
    if (len < 2)
        return 0;
    if ((b[0] & 0xf0) != 0x80 || (b[1] & 0x80) != 0)    /* FIN and no RSV; a server does not mask */
        return -1;
    size_t head = 2, n = b[1];
    if (n == 126) {
        if (len < 4)
            return 0;
        n = (size_t)b[2] << 8 | b[3];
        head = 4;
    } else if (n == 127) {
        if (len < 10)
            return 0;
        if (b[2] | b[3] | b[4] | b[5])
            return -1;
        n = (size_t)b[6] << 24 | (size_t)b[7] << 16 | (size_t)b[8] << 8 | b[9];
        head = 10;
    }
    if (len - head < n)
        return 0;
    *f = (struct frame){ .op = (enum frame_op)(b[0] & 0x0f), .text = in + head, .len = n };
    return (ssize_t)(head + n);
}

size_t frame_encode(char *out, enum frame_op op, uint32_t mask, const char *text, size_t len)
{
    char *p = out, key[4];
    *p++ = (char)(0x80 | (unsigned)op);
    if (len < 126) {
        *p++ = (char)(0x80 | len);
    } else if (len < 65536) {
        *p++ = (char)(0x80 | 126);
        *p++ = (char)(len >> 8);
        *p++ = (char)len;
    } else {
        *p++ = (char)(0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            *p++ = (char)((uint64_t)len >> shift);
    }
    memcpy(key, &mask, 4);
    memcpy(p, key, 4);
    p += 4;
    for (size_t i = 0; i < len; i++)
        p[i] = (char)(text[i] ^ key[i & 3]);
    return (size_t)(p - out) + len;
}
