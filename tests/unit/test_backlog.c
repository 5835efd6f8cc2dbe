#include "backlog.h"
#include "err.h"
#include "t.h"

TEST(backlog_keeps_order_and_counts_bytes)
{
    struct backlog b;
    backlog_init(&b);
    CHECK(!backlog_take(&b));
    EQUAL(backlog_last(&b), 0);
    uint64_t in = 0, out = 0;
    for (int turn = 0; turn < 200; turn++) {            /* it wraps and grows meanwhile */
        for (int i = 0; i < turn % 67; i++) {
            in++;
            EQUAL(backlog_add(&b, blob_new(span_from(&in, sizeof in))), in);
        }
        EQUAL(b.bytes, (in - out) * sizeof in);
        for (uint64_t n = out + 1; n <= in; n += 13) CHECK(memcmp(backlog_at(&b, n)->bytes, &n, sizeof n) == 0);
        for (int i = 0; i < turn % 59 && out < in; i++) {
            struct blob *blob = backlog_take(&b);
            out++;
            CHECK(memcmp(blob->bytes, &out, sizeof out) == 0);
            blob_drop(&blob);
            EQUAL(b.front, out + 1);
        }
        EQUAL(backlog_last(&b), in);
    }
    backlog_fini(&b);
}

TEST(backlog_gives_a_large_ring_back)
{
    struct backlog b;
    struct blob *one = blob_new(SPAN("x")), *taken;
    backlog_init(&b);
    for (int i = 0; i < 5000; i++) backlog_add(&b, blob_hold(one));
    while ((taken = backlog_take(&b))) blob_drop(&taken);
    EQUAL(b.cap, 0);
    EQUAL(backlog_add(&b, one), 5001);
    backlog_fini(&b);
}
