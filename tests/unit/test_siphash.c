#include "siphash.h"
#include "t.h"

/* Key 00..0f, input 00, 01, ... of that length: the reference implementation's own vectors. */
static const struct row { const char *name; size_t len; uint64_t one_three, two_four; } rows[] = {
    { "empty",       0, 0xabac0158050fc4dc, 0x726fdb47dd0e0e31 },
    { "one byte",    1, 0xc9f49bf37d57ca93, 0x74f839c593dc67fd },
    { "seven bytes", 7, 0xd3927d989bb11140, 0xab0200f58b01d137 },
    { "one word",    8, 0x369095118d299a8e, 0x93f5f5799a932462 },
    { "fifteen",    15, 0xd320d86d2a519956, 0xa129ca6149be45e5 },
    { "sixty-three", 63, 0x9d199062b7bbb3a8, 0x958a324ceb064572 },
};

TEST(siphash_gives_the_published_hashes)
{
    unsigned char bytes[64];
    for (unsigned i = 0; i < 64; i++) bytes[i] = (unsigned char)i;
    struct siphash_key key = siphash_key_of(bytes);
    const struct row *r;
    EACH(r, rows) {
        struct span in = t_exact(span_from(bytes, r->len));
        CHECK(siphash_1_3(&key, in) == r->one_three);
        CHECK(siphash_2_4(&key, in) == r->two_four);
    }
}

TEST(siphash_depends_on_every_bit_of_the_key)
{
    for (unsigned bit = 0; bit < 128; bit++) {
        struct siphash_key key = { bit < 64 ? 1ULL << bit : 0, bit < 64 ? 0 : 1ULL << (bit - 64) }, zero = { 0, 0 };
        CHECK(siphash_1_3(&key, SPAN("room:lobby")) != siphash_1_3(&zero, SPAN("room:lobby")));
        CHECK(siphash_2_4(&key, SPAN("room:lobby")) != siphash_2_4(&zero, SPAN("room:lobby")));
    }
}
