#include "rank.h"
#include "little.h"

__extension__ typedef unsigned __int128 wide;

static inline uint64_t fold(uint64_t a, uint64_t b)     /* wyhash's step: both halves of the product */
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t mix(uint64_t x)                  /* splitmix64's: every bit in changes half of the bits out */
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

uint64_t rank_hash(struct span key)
{
    uint64_t hash = 0xa0761d6478bd642f ^ key.len;
    for (; key.len > 16; key = span_skip(key, 16))
        hash = fold(little_get(key.ptr, 8) ^ 0xe7037ed1a0b428db, little_get(key.ptr + 8, 8) ^ hash);
    size_t low = key.len < 8 ? key.len : 8;
    hash = fold(little_get(key.ptr, low) ^ 0x8ebc6af09c88c6e3, little_get(key.ptr + low, key.len - low) ^ hash);
    return mix(hash);
}

void rank_pick(const uint16_t *numbers, size_t count, uint64_t hash, uint16_t *owner, uint16_t *standby)
{
    uint64_t best = 0, second = 0;
    *owner = *standby = RANK_NOBODY;
    for (size_t i = 0; i < count; i++) {
        /* both sides are bijections of the number: two instances never weigh the same */
        uint64_t weight = mix(hash ^ mix((numbers[i] + 1) * 0x9e3779b97f4a7c15));
        if (*owner == RANK_NOBODY || weight > best) {
            second = best, *standby = *owner;
            best = weight, *owner = numbers[i];
        } else if (*standby == RANK_NOBODY || weight > second) {
            second = weight, *standby = numbers[i];
        }
    }
}
