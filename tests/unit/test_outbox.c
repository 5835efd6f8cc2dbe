#include "outbox.h"
#include "t.h"

#include <stdio.h>

static const struct outbox_limits no_limits = { 0 };

static void push(struct outbox *o, struct outbox_pool *pool, const char *text)
{
    struct blob *b = blob_new(span_of(text));
    EQUAL_ERR(outbox_push(o, pool, &no_limits, b, 0), OK);
    blob_drop(&b);
}

TEST(outbox_owns_nothing_when_empty)
{
    struct outbox_pool pool = { 0 };
    struct outbox o = { 0 };
    CHECK(outbox_take(&o, &pool) == NULL);
    push(&o, &pool, "abc");
    EQUAL(pool.used, 8 * sizeof(struct outbox_slot));
    EQUAL(pool.queued, 3);
    outbox_wrote(&o, &pool, 3);
    CHECK(o.ring == NULL);
    EQUAL(pool.used, 0); EQUAL(pool.queued, 0);
    void *ring = pool.free[0];
    push(&o, &pool, "def");             /* the pool is warm: the same ring again */
    CHECK(o.ring == ring);
    outbox_fini(&o, &pool);
    outbox_pool_fini(&pool);
}

/* Whatever is taken at a time, out comes what went in. */
TEST(outbox_gives_bytes_in_order_in_any_pieces)
{
    for (size_t step = 1; step < 20; step++) {
        struct outbox_pool pool = { 0 };
        struct outbox o = { 0 };
        struct buf want = { 0 }, got = { 0 };
        for (int round = 0; round < 50; round++) {
            for (int i = 0; i < round % 7; i++) {
                char text[32];
                snprintf(text, sizeof text, "%d-%d;", round, i * 1000);
                push(&o, &pool, text);
                buf_add(&want, span_of(text));
            }
            char scratch[32];
            size_t n = outbox_gather(&o, scratch, step + 5);
            if (n > step) n = step;
            buf_add(&got, span_from(scratch, n));
            outbox_wrote(&o, &pool, n);
            EQUAL(outbox_left(&o), want.len - got.len);
        }
        char scratch[8];
        for (size_t n; (n = outbox_gather(&o, scratch, sizeof scratch)); outbox_wrote(&o, &pool, n)) buf_add(&got, span_from(scratch, n));
        SAME_SPAN(buf_span(&got), buf_span(&want));
        EQUAL(pool.used, 0); EQUAL(pool.queued, 0);
        buf_fini(&want), buf_fini(&got);
        outbox_pool_fini(&pool);
    }
}

TEST(outbox_counts_what_a_small_frame_costs)
{
    struct outbox_pool pool = { 0 };
    struct outbox o = { 0 };
    struct outbox_limits limits = { .bytes = 100000 };
    struct blob *pong = blob_new(SPAN("\x8a\0"));
    while (outbox_push(&o, &pool, &limits, pong, 0) == OK) { }
    CHECK(o.count > 1000 && o.count <= limits.bytes / OUTBOX_FRAME_COST);
    CHECK(pool.used <= limits.bytes);
    outbox_fini(&o, &pool);
    blob_drop(&pong);
    outbox_pool_fini(&pool);
}

TEST(outbox_is_bounded_in_bytes_and_age)
{
    struct outbox_pool pool = { 0 };
    struct outbox o = { 0 };
    struct outbox_limits limits = { .bytes = 10 + OUTBOX_FRAME_COST, .age_ms = 100 };
    struct blob *b = blob_new(SPAN("123456"));
    EQUAL_ERR(outbox_push(&o, &pool, &limits, b, 1000), OK);
    EQUAL_ERR(outbox_push(&o, &pool, &limits, b, 1000), ERR_FULL);
    outbox_wrote(&o, &pool, 3);
    EQUAL_ERR(outbox_push(&o, &pool, &limits, b, 1100), OK);
    EQUAL_ERR(outbox_push(&o, &pool, &limits, b, 1101), ERR_FULL);
    limits.bytes = 0;
    EQUAL_ERR(outbox_push(&o, &pool, &limits, b, 1101), ERR_TIMEOUT);
    outbox_fini(&o, &pool);
    struct blob *large = blob_new(SPAN("more than the limit, and alone"));
    limits.bytes = 10;
    EQUAL_ERR(outbox_push(&o, &pool, &limits, large, 0), OK);   /* one frame always fits, or nothing large could be sent */
    outbox_fini(&o, &pool);
    EQUAL(b->refs, 1); EQUAL(large->refs, 1);
    blob_drop(&b), blob_drop(&large);
    outbox_pool_fini(&pool);
}
