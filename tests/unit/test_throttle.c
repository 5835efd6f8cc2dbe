#include "t.h"
#include "throttle.h"

static const struct siphash_key seeds[2] = { { 1, 2 }, { 3, 4 } };

/* Each line one question: when, who, and how long to wait for a yes (0: it may). */
static const struct row { const char *name; uint64_t at; const char *who; uint64_t wait; } rows[] = {
    { "three at once",              1000, "ann", 0 },
    { "the second",                 1000, "ann", 0 },
    { "the third",                  1000, "ann", 0 },
    { "one too many",               1000, "ann", 1000 },
    { "asking costs nothing",       1000, "ann", 1000 },
    { "another one may",            1000, "bob", 0 },
    { "still none back",            1999, "ann", 1 },
    { "one is back",                2000, "ann", 0 },
    { "one only",                   2000, "ann", 1000 },
    { "two more",                   4000, "ann", 0 },
    { "the second of them",         4000, "ann", 0 },
    { "no third",                   4000, "ann", 1000 },
    { "bob has all again",          4000, "bob", 0 },
    { "his second",                 4000, "bob", 0 },
    { "his third",                  4000, "bob", 0 },
    { "no fourth",                  4000, "bob", 1000 },
    { "after a window all again",   7000, "ann", 0 },
    { "over two maps",              7000, "ann", 0 },
    { "hers are three",             7000, "ann", 0 },
    { "and no more",                7000, "ann", 1000 },
    { "after a long time",        900000, "ann", 0 },
};

TEST(throttle_gives_back_one_by_one)
{
    static const struct throttle_limit limit = { .count = 3, .window_ms = 3000 };
    struct throttle t;
    throttle_init(&t, seeds);
    const struct row *r;
    EACH(r, rows) EQUAL(throttle_take(&t, span_of(r->who), &limit, r->at), r->wait);
    throttle_fini(&t);
}

TEST(throttle_forgets_who_owes_nothing)
{
    static const struct throttle_limit limit = { .count = 1, .window_ms = 1000 };
    struct throttle t;
    throttle_init(&t, seeds);
    for (uint32_t i = 0; i < 10000; i++) EQUAL(throttle_take(&t, span_from(&i, sizeof i), &limit, 1 + i), 0);
    CHECK(t.recent.count + t.before.count <= 2000);
    EQUAL(throttle_take(&t, SPAN("x"), &limit, 20000), 0);
    EQUAL(throttle_take(&t, SPAN("x"), &limit, 21000), 0);
    EQUAL(t.recent.count + t.before.count, 1);
    throttle_fini(&t);
}

TEST(throttle_without_limit_keeps_nothing)
{
    struct throttle t;
    throttle_init(&t, seeds);
    for (int i = 0; i < 10; i++) EQUAL(throttle_take(&t, SPAN("ann"), &(struct throttle_limit){ 0, 1000 }, 5), 0);
    EQUAL(throttle_bytes(&t), 0);
    throttle_fini(&t);
}
