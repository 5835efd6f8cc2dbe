#include "buf.h"
#include "blob.h"
#include "t.h"

TEST(span_eats_from_the_front)
{
    struct span s = SPAN("12-/chat,rest");
    uint64_t n;
    CHECK(span_eat_uint(&s, &n));
    EQUAL(n, 12);
    CHECK(span_eat(&s, '-'));
    CHECK(!span_eat(&s, '-'));
    SAME(span_cut(&s, ','), "/chat");
    SAME(span_cut(&s, ','), "rest");
    EQUAL(s.len, 0);
}

TEST(span_numbers_saturate)
{
    struct span s = SPAN("99999999999999999999999");
    uint64_t n;
    CHECK(span_eat_uint(&s, &n));
    CHECK(n == UINT64_MAX);
    CHECK(span_to_uint(SPAN("18446744073709551615"), UINT64_MAX, &n));
    CHECK(!span_to_uint(SPAN("11"), 10, &n));
    CHECK(!span_to_uint(SPAN(""), 10, &n));
    CHECK(!span_to_uint(SPAN("1x"), 10, &n));
}

TEST(span_compares)
{
    CHECK(span_same_nocase(SPAN("UpGrade"), SPAN("upgrade")));
    CHECK(!span_same_nocase(SPAN("a"), SPAN("ab")));
    CHECK(span_order(SPAN("a"), SPAN("ab")) < 0);
    CHECK(span_order(SPAN("b"), SPAN("ab")) > 0);
    SAME(span_trim(SPAN(" \ta b\t ")), "a b");
    CHECK(span_has_prefix(SPAN("room:x"), SPAN("room:")));
}

TEST(buf_grows_and_trims)
{
    struct buf b = { 0 };
    for (int i = 0; i < 1000; i++) buf_add_uint(&b, (uint64_t)(i % 10));
    EQUAL(b.len, 1000);
    buf_drop_head(&b, 990);
    SAME(buf_span(&b), "0123456789");
    buf_trim(&b);
    EQUAL(b.cap, 10);
    buf_clear(&b);
    buf_add_int(&b, INT64_MIN);
    buf_add_format(&b, " %s", "x");
    SAME(buf_span(&b), "-9223372036854775808 x");
    buf_fini(&b);
    buf_fini(&b);
}

TEST(blob_counts_references)
{
    struct blob *a = blob_new(SPAN("frame")), *b = blob_hold(a);
    blob_drop(&a);
    CHECK(a == NULL);
    SAME(blob_span(b), "frame");
    blob_drop(&b);
    blob_drop(&b);
    SAME(blob_span(b), "");
}
