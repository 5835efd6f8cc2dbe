#include "history.h"
#include "t.h"

static void add(struct history *h, uint16_t router, uint64_t epoch, uint64_t seq, uint64_t time)
{
    struct record r = { .router = router, .epoch = epoch, .seq = seq, .time = time, .stamped = blob_new(SPAN("0123456789")) };
    history_add(h, &r);
}

TEST(history_keeps_within_its_limits)
{
    struct history h;
    history_init(&h, &(struct history_limits){ .bytes = 100, .count = 8, .age_ms = 1000 });
    for (uint64_t i = 1; i <= 20; i++) add(&h, 0, 7, i, i);
    EQUAL(h.count, 8);
    EQUAL(history_at(&h, 0)->seq, 13);
    EQUAL(h.dropped, 12);
    history_trim(&h, 1017);
    EQUAL(history_at(&h, 0)->seq, 17);
    history_trim(&h, 100000);
    EQUAL(h.count, 0);
    EQUAL(h.bytes, 0);
    history_fini(&h);
}

TEST(history_limits_bytes)
{
    struct history h;
    history_init(&h, &(struct history_limits){ .bytes = 35, .count = 100, .age_ms = 1000 });
    for (uint64_t i = 1; i <= 5; i++) add(&h, 0, 7, i, i);
    EQUAL(h.count, 3);
    history_fini(&h);
}

TEST(history_says_how_far_back_it_reaches)
{
    struct history h;
    history_init(&h, &(struct history_limits){ .bytes = 1000, .count = 4, .age_ms = 1000 });
    for (uint64_t i = 1; i <= 6; i++) {
        add(&h, 0, 7, i, i);
        if (i % 3 == 0) add(&h, 1, 9, i, i);
    }
    /* kept: 4, 5, 6 of router 0 and 6 of router 1 */
    CHECK(history_reaches(&h, 0, 7, 4));
    CHECK(history_reaches(&h, 0, 7, 3));
    CHECK(!history_reaches(&h, 0, 7, 2));
    CHECK(!history_reaches(&h, 0, 8, 4));
    size_t i = history_since(&h, 0, 7, 5);
    EQUAL(history_at(&h, i)->seq, 6);
    EQUAL(history_since(&h, 0, 7, 6), 3);
    history_fini(&h);
}
