#include "map.h"
#include "buf.h"
#include "err.h"
#include "t.h"

#include <stdlib.h>

struct room { char key[24]; int members; };

static struct span room_key(const void *value)
{
    return span_of(((const struct room *)value)->key);
}

static const struct siphash_key seed = { 0x0123456789abcdef, 0xfedcba9876543210 };

static uint64_t dice(uint64_t *state)       /* xorshift64 */
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}

static struct room *rooms_new(size_t n)
{
    struct room *rooms = calloc(n, sizeof *rooms);
    NEED(rooms);
    for (size_t i = 0; i < n; i++) {
        struct buf b = { 0 };
        buf_add_format(&b, "room:%zu", i);
        memcpy(rooms[i].key, b.ptr, b.len);
        buf_fini(&b);
    }
    return rooms;
}

TEST(map_of_nothing)
{
    struct map m;
    map_init(&m, &seed, room_key);
    struct map_walk walk = { 0 };
    CHECK(!map_find(&m, SPAN("x")) && !map_drop(&m, SPAN("x")) && !map_next(&m, &walk));
    CHECK(!map_find_u64(&m, 1) && !map_drop_u64(&m, 1));
    map_trim(&m);
    EQUAL(map_bytes(&m), 0);
    map_fini(&m);
}

TEST(map_puts_finds_replaces_drops)
{
    struct room a = { "room:a", 1 }, b = { "room:b", 2 }, other = { "room:a", 3 };
    struct map m;
    map_init(&m, &seed, room_key);
    CHECK(!map_put(&m, SPAN("room:a"), &a));
    CHECK(!map_put(&m, SPAN("room:b"), &b));
    CHECK(map_find(&m, SPAN("room:a")) == &a);
    CHECK(map_put(&m, SPAN("room:a"), &other) == &a);
    CHECK(map_find(&m, SPAN("room:a")) == &other);
    EQUAL(m.count, 2);
    CHECK(map_drop(&m, SPAN("room:a")) == &other);
    CHECK(!map_find(&m, SPAN("room:a")));
    CHECK(map_find(&m, SPAN("room:b")) == &b);
    map_fini(&m);
}

TEST(map_copies_keys_when_it_has_no_key_of)
{
    struct map m;
    int one = 1, two = 2;
    map_init(&m, &seed, NULL);
    char key[] = "k";
    CHECK(!map_put(&m, span_of(key), &one));
    key[0] = 'x';
    CHECK(map_find(&m, SPAN("k")) == &one);
    CHECK(!map_put(&m, SPAN(""), &two));
    CHECK(map_find(&m, SPAN("")) == &two);
    CHECK(map_put(&m, SPAN("k"), &two) == &one);
    CHECK(map_drop(&m, SPAN("k")) == &two);
    struct map_walk walk = { 0 };
    CHECK(map_next(&m, &walk) == &two);
    CHECK(!map_next(&m, &walk));
    CHECK(map_bytes(&m) > 8 * 16);
    map_fini(&m);
    EQUAL(map_bytes(&m), 0);
}

TEST(map_agrees_with_an_array)
{
    enum { N = 3000 };
    struct room *rooms = rooms_new(N);
    bool *there = calloc(N, sizeof *there);
    struct map m;
    map_init(&m, &seed, room_key);
    uint64_t state = 42;
    size_t count = 0;
    for (int step = 0; step < 100000; step++) {
        size_t i = dice(&state) % N;
        /* it fills and empties in turns, so that it grows and shrinks */
        bool put = dice(&state) % 100 < (step / 20000 % 2 ? 20 : 80);
        if (put) {
            CHECK(map_put(&m, room_key(&rooms[i]), &rooms[i]) == (there[i] ? &rooms[i] : NULL));
            count += !there[i];
        } else {
            CHECK(map_drop(&m, room_key(&rooms[i])) == (there[i] ? &rooms[i] : NULL));
            count -= there[i];
        }
        there[i] = put;
        EQUAL(m.count, count);
        size_t j = dice(&state) % N;
        CHECK(map_find(&m, room_key(&rooms[j])) == (there[j] ? &rooms[j] : NULL));
    }
    for (size_t i = 0; i < N; i++) CHECK(map_find(&m, room_key(&rooms[i])) == (there[i] ? &rooms[i] : NULL));
    map_fini(&m);
    free(there), free(rooms);
}

TEST(map_walks_each_once_while_the_current_is_dropped)
{
    enum { N = 1000 };
    struct room *rooms = rooms_new(N);
    for (size_t n = 0; n <= N; n = n * 3 / 2 + 1) {
        for (unsigned drop_one_in = 1; drop_one_in <= 3; drop_one_in++) {
            struct map m;
            struct siphash_key other = { n, drop_one_in };
            map_init(&m, &other, room_key);
            for (size_t i = 0; i < n; i++) rooms[i].members = 0, map_put(&m, room_key(&rooms[i]), &rooms[i]);
            struct map_walk walk = { 0 };
            size_t seen = 0;
            for (struct room *r; (r = map_next(&m, &walk)); seen++) {
                EQUAL(r->members++, 0);
                if (seen % drop_one_in == 0) CHECK(map_drop(&m, room_key(r)) == r);
            }
            EQUAL(seen, n);
            EQUAL(m.count, n - (n + drop_one_in - 1) / drop_one_in);
            map_fini(&m);
        }
    }
    free(rooms);
}

TEST(map_keys_that_are_numbers)
{
    enum { N = 20000 };
    struct map m;
    static int values[N];
    map_init(&m, &seed, NULL);
    for (uint64_t i = 0; i < N; i++) CHECK(!map_put_u64(&m, i << 32, &values[i]));
    for (uint64_t i = 0; i < N; i++) CHECK(map_find_u64(&m, i << 32) == &values[i]);
    CHECK(!map_find_u64(&m, 1));
    CHECK(map_put_u64(&m, 0, &values[1]) == &values[0]);
    for (uint64_t i = 0; i < N; i += 2) CHECK(map_drop_u64(&m, i << 32));
    for (uint64_t i = 0; i < N; i++) CHECK(map_find_u64(&m, i << 32) == (i % 2 ? &values[i] : NULL));
    EQUAL(m.count, N / 2);
    map_fini(&m);
}

TEST(map_gives_memory_back)
{
    enum { N = 5000 };
    struct room *rooms = rooms_new(N);
    struct map m;
    map_init(&m, &seed, room_key);
    for (size_t i = 0; i < N; i++) map_put(&m, room_key(&rooms[i]), &rooms[i]);
    CHECK(map_bytes(&m) <= N * 16 * 2);
    size_t full = map_bytes(&m);
    for (size_t i = 1; i < N; i++) map_drop(&m, room_key(&rooms[i]));
    map_put(&m, room_key(&rooms[1]), &rooms[1]);
    CHECK(map_bytes(&m) < full / 100);
    map_drop(&m, room_key(&rooms[1]));
    map_trim(&m);
    EQUAL(map_bytes(&m), 8 * 16);
    CHECK(map_find(&m, room_key(&rooms[0])) == &rooms[0]);
    map_drop(&m, room_key(&rooms[0]));
    EQUAL(map_bytes(&m), 8 * 16);
    map_tidy(&m);
    EQUAL(map_bytes(&m), 0);
    map_put(&m, room_key(&rooms[0]), &rooms[0]);
    CHECK(map_find(&m, room_key(&rooms[0])) == &rooms[0]);
    map_fini(&m);
    free(rooms);
}
