#include "cache.h"
#include "t.h"

#include <stdlib.h>

static const uint8_t *key(unsigned n)       /* good until the next call */
{
    static uint8_t k[CACHE_KEY];
    memset(k, 0, sizeof k);
    memcpy(k, &n, sizeof n);
    return k;
}

static bool has(struct cache *c, unsigned n, int64_t now)
{
    struct span claims;
    int64_t until;
    return cache_find(c, key(n), now, &claims, &until);
}

TEST(auth_cache_keeps_until_the_end)
{
    struct cache *c = cache_new(4, 10000);
    struct span claims;
    int64_t until;
    cache_add(c, key(1), SPAN("{\"sub\":1}"), 100);
    CHECK(cache_find(c, key(1), 99, &claims, &until));
    SAME(claims, "{\"sub\":1}");
    EQUAL(until, 100);
    CHECK(!has(c, 2, 99));
    CHECK(!has(c, 1, 100));
    EQUAL(cache_count(c), 0);
    EQUAL(cache_bytes(c), 0);
    CHECK(!has(c, 1, 99));          /* gone, not only hidden */
    cache_destroy(&c);
    CHECK(c == NULL);
    cache_destroy(&c);
}

TEST(auth_cache_drops_the_least_used)
{
    struct cache *c = cache_new(3, 10000);
    for (unsigned i = 1; i <= 3; i++) cache_add(c, key(i), SPAN("{}"), 100);
    CHECK(has(c, 1, 0));
    cache_add(c, key(4), SPAN("{}"), 100);
    EQUAL(cache_count(c), 3);
    CHECK(has(c, 1, 0));
    CHECK(!has(c, 2, 0));
    CHECK(has(c, 3, 0));
    CHECK(has(c, 4, 0));
    cache_destroy(&c);
}

TEST(auth_cache_is_bounded_in_bytes)
{
    static char large[4000];
    struct cache *c = cache_new(1000, 10000);
    for (unsigned i = 0; i < 100; i++) {
        cache_add(c, key(i), span_from(large, sizeof large), 100);
        CHECK(cache_bytes(c) <= 10000);
    }
    EQUAL(cache_count(c), 2);
    CHECK(has(c, 99, 0) && has(c, 98, 0) && !has(c, 97, 0));
    struct cache *small = cache_new(1000, 3000);
    cache_add(small, key(1), SPAN("{}"), 100);
    cache_add(small, key(2), span_from(large, sizeof large), 100);      /* never fits: nothing goes for it */
    EQUAL(cache_count(small), 1);
    cache_destroy(&c), cache_destroy(&small);
}

TEST(auth_cache_replaces)
{
    struct cache *c = cache_new(4, 10000);
    struct span claims;
    int64_t until;
    cache_add(c, key(1), SPAN("old"), 100);
    cache_add(c, key(1), SPAN("newer"), 200);
    EQUAL(cache_count(c), 1);
    CHECK(cache_find(c, key(1), 150, &claims, &until));
    SAME(claims, "newer");
    cache_destroy(&c);
}

TEST(auth_cache_clears)
{
    struct cache *c = cache_new(100, 100000);
    for (unsigned i = 0; i < 100; i++) cache_add(c, key(i), SPAN("{}"), 100);
    EQUAL(cache_count(c), 100);
    cache_clear(c);
    EQUAL(cache_count(c), 0);
    EQUAL(cache_bytes(c), 0);
    for (unsigned i = 0; i < 100; i++) CHECK(!has(c, i, 0));
    cache_add(c, key(1), SPAN("{}"), 100);
    CHECK(has(c, 1, 0));
    cache_destroy(&c);
}

TEST(auth_cache_of_none_holds_none)
{
    struct cache *c = cache_new(0, 0);
    cache_add(c, key(1), SPAN("{}"), 100);
    CHECK(!has(c, 1, 0));
    EQUAL(cache_count(c), 0);
    cache_destroy(&c);
}

/* Against a plain array that says what must be there. */
TEST(auth_cache_agrees_with_a_model)
{
    enum { KEYS = 64, ROOM = 16 };
    struct cache *c = cache_new(ROOM, 1000000);
    int64_t until[KEYS] = { 0 };
    unsigned used[KEYS] = { 0 }, clock = 0, seed = 1;
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned k = seed >> 16 & (KEYS - 1), count = 0, oldest = KEYS;
        int64_t now = step / 8;
        if (seed >> 28 & 1) {
            bool want = until[k] > now;
            EQUAL(has(c, k, now), want);
            if (want) used[k] = ++clock;
            else until[k] = 0;
        } else {
            until[k] = 0;
            for (unsigned i = 0; i < KEYS; i++) {
                if (!until[i]) continue;
                count++;
                if (oldest == KEYS || used[i] < used[oldest]) oldest = i;
            }
            if (count == ROOM) until[oldest] = 0;
            until[k] = now + 1 + (seed >> 8 & 31);
            used[k] = ++clock;
            cache_add(c, key(k), SPAN("{}"), until[k]);
        }
    }
    cache_destroy(&c);
}
