#include "stream.h"
#include "t.h"

TEST(stream_sees_gaps_and_doubles)
{
    struct stream s = { 0 };
    stream_begin(&s, 7);
    EQUAL(stream_on(&s, 12, 3), STREAM_DELIVER);        /* the first one of a life, wherever it stands */
    stream_seen(&s, 12);
    EQUAL(stream_on(&s, 12, 3), STREAM_SEEN);
    EQUAL(stream_on(&s, 11, 3), STREAM_SEEN);
    EQUAL(stream_on(&s, 14, 12), STREAM_DELIVER);       /* 13 was for others */
    EQUAL(stream_on(&s, 15, 14), STREAM_GAP);
    EQUAL(stream_on(&s, 15, 11), STREAM_DELIVER);       /* a replay went beyond the one before it */
    EQUAL(stream_on(&s, 15, 0), STREAM_GAP);            /* the router does not know what it sent */
    EQUAL(s.head, 12);
    stream_fini(&s);
}

TEST(stream_takes_what_standbys_give_once)
{
    struct stream s = { 0 };
    stream_begin(&s, 7);
    stream_seen(&s, 5);
    CHECK(!stream_give(&s, 7, 5) && !stream_give(&s, 7, 4));
    CHECK(stream_give(&s, 7, 9) && stream_give(&s, 7, 6) && stream_give(&s, 7, 8));     /* two standbys, each its part */
    CHECK(!stream_give(&s, 7, 9) && !stream_give(&s, 7, 6));
    stream_begin(&s, 8);
    CHECK(stream_give(&s, 7, 7) && !stream_give(&s, 7, 7) && !stream_give(&s, 7, 8));
    CHECK(!stream_give(&s, 6, 1));      /* a life that we never saw */
    stream_fini(&s);
}

TEST(stream_holds_in_order_and_within_bounds)
{
    struct stream s = { 0 };
    stream_begin(&s, 7);
    CHECK(stream_hold(&s, SPAN("a")) && stream_hold(&s, SPAN("b")) && stream_hold(&s, SPAN("c")));
    SAME(blob_span(stream_held(&s)), "a");
    stream_release(&s);
    SAME(blob_span(stream_held(&s)), "b");
    stream_release(&s);
    struct buf large = { 0 };
    buf_room(&large, STREAM_HELD_MAX), buf_grew(&large, STREAM_HELD_MAX);
    CHECK(!stream_hold(&s, buf_span(&large)));
    buf_fini(&large);
    stream_begin(&s, 8);        /* a new life: what was held is of no use */
    CHECK(stream_held(&s) == NULL);
    stream_fini(&s);
}
