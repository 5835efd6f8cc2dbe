#include "sha1.h"

static inline uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static void mix(uint32_t h[5], const uint8_t block[64])
{
    uint32_t w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16
             | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);

    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
        uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
        uint32_t next = rotate(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

void sha1(uint8_t digest[SHA1_BYTES], struct span in)
{
    uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    const uint8_t *p = (const uint8_t *)in.ptr;
    size_t left = in.len;
    for (; left >= 64; p += 64, left -= 64) mix(h, p);

    uint8_t last[128] = { 0 };      /* the rest, a one bit, zeros, the length in bits: one block or two */
    size_t size = left < 56 ? 64 : 128;
    if (left) memcpy(last, p, left);
    last[left] = 0x80;
    for (size_t i = 0; i < 8; i++) last[size - 1 - i] = (uint8_t)((uint64_t)in.len * 8 >> 8 * i);
    mix(h, last);
    if (size == 128) mix(h, last + 64);

    for (int i = 0; i < SHA1_BYTES; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}
