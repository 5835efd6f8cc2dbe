#include "rank.h"
#include "buf.h"
#include "t.h"

/* These numbers never change: two versions that disagree on them would
 * disagree on who owns a room. */
static const struct row { const char *name; uint64_t hash; uint16_t owner, standby; } rows[] = {
    { "", 0x33cff3cf5a48a23f, 3, 0 },
    { "a", 0x91daa538a445662e, 1, 0 },
    { "*", 0xf2c269d45bf3aa20, 2, 0 },
    { "room:x", 0xfcc43ab1baace6e8, 2, 4 },
    { "exactly8", 0x4e3fd62b2b2e20e4, 0, 4 },
    { "nine byte", 0x4d0b34c29eba4bf0, 4, 0 },
    { "sixteen bytes ok", 0x376551508c8258f4, 4, 3 },
    { "seventeen bytes k", 0x2488ac634935f23b, 1, 2 },
    { "/chat room:lobby with a long name behind it", 0xad814e2066b18456, 2, 3 },
};
static const uint16_t five[] = { 0, 1, 2, 3, 4 };

TEST(rank_is_fixed_for_all_time)
{
    const struct row *r;
    EACH(r, rows) {
        uint16_t owner, standby;
        uint64_t hash = rank_hash(t_exact(span_of(r->name)));
        CHECK(hash == r->hash);
        rank_pick(five, 5, hash, &owner, &standby);
        EQUAL(owner, r->owner);
        EQUAL(standby, r->standby);
    }
}

TEST(rank_of_none_one_and_two)
{
    uint16_t owner, standby;
    rank_pick(NULL, 0, 1, &owner, &standby);
    CHECK(owner == RANK_NOBODY && standby == RANK_NOBODY);
    rank_pick(&five[3], 1, 1, &owner, &standby);
    CHECK(owner == 3 && standby == RANK_NOBODY);
    rank_pick(&five[3], 2, 1, &owner, &standby);
    CHECK(owner + standby == 7 && owner != standby);
}

TEST(rank_does_not_depend_on_the_order)
{
    static const uint16_t shuffled[] = { 3, 0, 4, 2, 1 };
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t hash = rank_hash(span_from(&i, sizeof i));
        uint16_t owner[2], standby[2];
        rank_pick(five, 5, hash, &owner[0], &standby[0]);
        rank_pick(shuffled, 5, hash, &owner[1], &standby[1]);
        CHECK(owner[0] == owner[1] && standby[0] == standby[1]);
    }
}

static uint64_t nth(unsigned i)
{
    struct buf b = { 0 };
    buf_add_format(&b, "/chat%croom:%u", 0, i);
    uint64_t hash = rank_hash(buf_span(&b));
    buf_fini(&b);
    return hash;
}

TEST(rank_spreads_evenly)
{
    enum { KEYS = 50000, MOST = 8 };
    static const uint16_t numbers[MOST] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    for (size_t n = 2; n <= MOST; n++) {
        int owned[MOST] = { 0 }, stood[MOST] = { 0 };
        for (unsigned i = 0; i < KEYS; i++) {
            uint16_t owner, standby;
            rank_pick(numbers, n, nth(i), &owner, &standby);
            owned[owner]++, stood[standby]++;
        }
        for (size_t i = 0; i < n; i++) {        /* within 5 %: more than four standard deviations */
            int fair = KEYS / (int)n;
            CHECK(owned[i] > fair * 95 / 100 && owned[i] < fair * 105 / 100);
            CHECK(stood[i] > fair * 95 / 100 && stood[i] < fair * 105 / 100);
        }
    }
}

TEST(rank_moves_only_what_it_must)
{
    enum { KEYS = 50000 };
    int moved = 0, promoted = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        uint16_t owner, standby, then, next;
        rank_pick(five, 4, nth(i), &owner, &standby);
        rank_pick(five, 5, nth(i), &then, &next);           /* instance 4 comes */
        CHECK(then == owner || (then == 4 && next == owner));
        moved += then != owner;
        rank_pick(five + 1, 3, nth(i), &then, &next);       /* instance 0 goes: its standby takes over */
        CHECK(owner == 0 ? then == standby : then == owner);
        promoted += then != owner;
    }
    CHECK(moved > KEYS * 19 / 100 && moved < KEYS * 21 / 100);
    CHECK(promoted > KEYS * 24 / 100 && promoted < KEYS * 26 / 100);
}

TEST(rank_hash_changes_half_of_its_bits)
{
    long flipped = 0, trials = 0;
    for (size_t len = 1; len <= 40; len++) {
        char key[40] = "the quick brown fox jumps over the lazy";
        uint64_t before = rank_hash(span_from(key, len));
        for (size_t bit = 0; bit < len * 8; bit++, trials++) {
            key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
            int n = __builtin_popcountll(before ^ rank_hash(span_from(key, len)));
            CHECK(n >= 8 && n <= 56);
            flipped += n;
            key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
        }
    }
    CHECK(flipped > trials * 63 / 2 && flipped < trials * 65 / 2);
}
