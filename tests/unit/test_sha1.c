#include "sha1.h"
#include "buf.h"
#include "t.h"

static const struct row { const char *name, *in; int times; const char *want; } rows[] = {
    { "empty",      "", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
    { "abc",        "abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
    { "448 bits",   "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
    { "55 bytes",   "a", 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a" },
    { "56 bytes",   "a", 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
    { "64 bytes",   "a", 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d" },
    { "a million",  "a", 1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f" },
};

TEST(sha1_of_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf in = { 0 }, hex = { 0 };
        uint8_t digest[SHA1_BYTES];
        for (int i = 0; i < r->times; i++) buf_add(&in, span_of(r->in));
        sha1(digest, t_exact(buf_span(&in)));
        for (int i = 0; i < SHA1_BYTES; i++) buf_add_format(&hex, "%02x", digest[i]);
        SAME(buf_span(&hex), r->want);
        buf_fini(&in);
        buf_fini(&hex);
    }
}
