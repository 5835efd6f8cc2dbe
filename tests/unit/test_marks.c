#include "marks.h"
#include "msg.h"
#include "t.h"

static const struct siphash_key seed = { 5, 6 };

TEST(marks_know_what_a_router_had_of_an_origin)
{
    struct marks m, n;
    marks_init(&m, &seed, 10, 1000);
    marks_init(&n, &seed, 10, 1000);
    CHECK(!marks_seen(&m, 1, 1, 9, SPAN("gateway-0"), 3, 5));
    marks_see(&m, 1, 1, 9, SPAN("gateway-0"), 3, 5);
    CHECK(marks_seen(&m, 1, 1, 9, SPAN("gateway-0"), 3, 5));
    CHECK(marks_seen(&m, 1, 1, 9, SPAN("gateway-0"), 3, 4));
    CHECK(!marks_seen(&m, 1, 1, 9, SPAN("gateway-0"), 3, 6));
    CHECK(!marks_seen(&m, 1, 1, 9, SPAN("gateway-0"), 4, 5));      /* another life of it */
    CHECK(!marks_seen(&m, 2, 2, 9, SPAN("gateway-0"), 3, 5));
    marks_see(&m, 2, 2, 9, SPAN("gateway-0"), 3, 50);
    marks_see(&m, 1, 4, 9, SPAN("gateway-0"), 3, 60);           /* a standby's: of other rooms */
    CHECK(!marks_seen(&m, 1, 1, 9, SPAN("gateway-0"), 3, 6));
    CHECK(marks_seen(&m, 1, 4, 9, SPAN("gateway-0"), 3, 6));

    struct buf strs = { 0 };
    marks_give(&m, 1, &strs);
    EQUAL(msg_count_strs(buf_span(&strs)), 1);
    marks_take(&n, 1, buf_span(&strs));
    CHECK(marks_seen(&n, 1, 1, 9, SPAN("gateway-0"), 3, 5));
    CHECK(!marks_seen(&n, 2, 2, 9, SPAN("gateway-0"), 3, 5));
    buf_clear(&strs);
    msg_add_str(&strs, SPAN("nonsense"));
    msg_add_str(&strs, SPAN("1 1 9 x 3 notanumber"));
    marks_take(&n, 1, buf_span(&strs));
    buf_fini(&strs);
    marks_fini(&m), marks_fini(&n);
}

TEST(marks_remember_publish_ids_for_a_time)
{
    struct marks m;
    marks_init(&m, &seed, 3, 1000);
    marks_publish(&m, SPAN("a"), 1, 10, 2, 100);
    marks_publish(&m, SPAN("a"), 1, 99, 2, 100);        /* the first one counts */
    EQUAL(marks_published(&m, SPAN("a"), 200)->seq, 10);
    marks_publish(&m, SPAN("b"), 1, 11, 2, 101);
    marks_publish(&m, SPAN("c"), 1, 12, 2, 102);
    marks_publish(&m, SPAN("d"), 1, 13, 2, 103);
    CHECK(marks_published(&m, SPAN("a"), 200) == NULL);
    EQUAL(marks_publishes(&m), 3);
    CHECK(marks_published(&m, SPAN("d"), 2000) == NULL);
    EQUAL(marks_publishes(&m), 0);
    marks_fini(&m);
}
