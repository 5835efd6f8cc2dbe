#include "origins.h"
#include "t.h"

static const struct siphash_key seed = { 1, 2 };

static struct msg_STAMPED stamp(uint16_t router, uint64_t number)
{
    return (struct msg_STAMPED){ .router = router, .epoch = 7, .origin = SPAN("gateway-1"), .origin_epoch = 9, .origin_number = number };
}

static void add(struct history *h, uint16_t router, uint64_t seq, uint64_t number)
{
    struct msg_STAMPED s = stamp(router, number);
    struct buf record = { 0 };
    s.seq = seq;
    msg_encode_STAMPED(&record, &s);
    history_add(h, &(struct record){ .router = router, .epoch = 7, .seq = seq, .time = seq, .stamped = blob_new(buf_span(&record)) });
    buf_fini(&record);
}

TEST(origins_finds_what_others_sequenced_and_forgets_with_the_history)
{
    struct history h;
    struct origins o;
    history_init(&h, &(struct history_limits){ .bytes = 1 << 20, .count = 1000, .age_ms = 100 });
    origins_init(&o, &seed);
    for (uint64_t i = 1; i <= 20; i++) add(&h, i % 2, i, 100 + i);
    for (uint64_t i = 1; i <= 20; i++) {
        struct msg_STAMPED s = stamp(i % 2, 100 + i), other = stamp(1, 100 + i);
        const struct record *r = origins_find(&o, &h, &s, 0);
        CHECK(i % 2 ? r && r->seq == i : !r);       /* 0 is ours: nobody asks us for those */
        other.origin = SPAN("gateway-2");
        CHECK(!origins_find(&o, &h, &other, 0));
    }
    history_trim(&h, 111);
    struct msg_STAMPED gone = stamp(1, 101), here = stamp(1, 113);
    CHECK(!origins_find(&o, &h, &gone, 0));
    CHECK(origins_find(&o, &h, &here, 0)->seq == 13);
    origins_trim(&o, &h);
    CHECK(o.made);
    history_trim(&h, 1000);
    origins_trim(&o, &h);
    CHECK(!o.made && o.at.count == 0 && !origins_find(&o, &h, &here, 0));
    origins_fini(&o);
    history_fini(&h);
}
