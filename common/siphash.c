#include "siphash.h"
#include "little.h"

struct state { uint64_t v0, v1, v2, v3; };

static inline uint64_t turn(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static inline void rounds(struct state *s, unsigned n)
{
    while (n--) {
        s->v0 += s->v1, s->v1 = turn(s->v1, 13), s->v1 ^= s->v0, s->v0 = turn(s->v0, 32);
        s->v2 += s->v3, s->v3 = turn(s->v3, 16), s->v3 ^= s->v2;
        s->v0 += s->v3, s->v3 = turn(s->v3, 21), s->v3 ^= s->v0;
        s->v2 += s->v1, s->v1 = turn(s->v1, 17), s->v1 ^= s->v2, s->v2 = turn(s->v2, 32);
    }
}

static inline uint64_t hash(const struct siphash_key *key, struct span in, unsigned each, unsigned last)
{
    struct state s = { key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
                       key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573 };
    uint64_t tail = (uint64_t)in.len << 56;
    for (; in.len >= 8; in.ptr += 8, in.len -= 8) {
        uint64_t word = little_get(in.ptr, 8);
        s.v3 ^= word, rounds(&s, each), s.v0 ^= word;
    }
    tail |= little_get(in.ptr, in.len);
    s.v3 ^= tail, rounds(&s, each), s.v0 ^= tail;
    s.v2 ^= 0xff, rounds(&s, last);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct siphash_key siphash_key_of(const unsigned char bytes[16])
{
    const char *at = (const char *)bytes;
    return (struct siphash_key){ little_get(at, 8), little_get(at + 8, 8) };
}

uint64_t siphash_1_3(const struct siphash_key *key, struct span bytes)
{
    return hash(key, bytes, 1, 3);
}

uint64_t siphash_2_4(const struct siphash_key *key, struct span bytes)
{
    return hash(key, bytes, 2, 4);
}
