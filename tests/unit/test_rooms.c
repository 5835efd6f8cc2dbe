#include "rooms.h"
#include "t.h"

static const struct siphash_key seed = { 3, 4 };

TEST(gateways_are_walked)
{
    struct gateways g = { 0 };
    static const uint16_t set[] = { 0, 1, 63, 64, 130, 255 };
    for (size_t i = 0; i < 6; i++) gateways_add(&g, set[i]);
    EQUAL(gateways_count(&g), 6);
    size_t k = 0;
    for (int n = -1; (n = gateways_next(&g, n)) >= 0; k++) EQUAL(n, set[k]);
    EQUAL(k, 6);
    gateways_drop(&g, 64);
    CHECK(!gateways_has(&g, 64) && gateways_has(&g, 63));
}

TEST(rooms_live_while_somebody_is_interested)
{
    struct rooms r;
    rooms_init(&r, &seed, 3);
    EQUAL_ERR(rooms_add(&r, SPAN("/\0room:a"), 1, 1), OK);
    EQUAL_ERR(rooms_add(&r, SPAN("/\0room:a"), 2, 1), OK);
    EQUAL_ERR(rooms_add(&r, SPAN("/\0room:b"), 2, 1), OK);
    EQUAL(rooms_count(&r), 2);
    EQUAL_ERR(rooms_add(&r, SPAN("/\0room:c"), 256, 1), ERR_RANGE);
    EQUAL_ERR(rooms_add(&r, SPAN("/\0room:c"), 0, 1), OK);
    EQUAL_ERR(rooms_add(&r, SPAN("/\0room:d"), 0, 1), ERR_FULL);
    rooms_drop(&r, SPAN("/\0room:a"), 1);
    rooms_drop(&r, SPAN("/\0room:a"), 9);
    CHECK(rooms_find(&r, SPAN("/\0room:a")) != NULL);
    rooms_drop(&r, SPAN("/\0room:a"), 2);
    CHECK(rooms_find(&r, SPAN("/\0room:a")) == NULL);
    rooms_forget(&r, 2);
    EQUAL(rooms_count(&r), 1);
    rooms_fini(&r);
}

static bool only_b(void *self, struct span key) { (void)self; return span_same(key, SPAN("b")); }

TEST(rooms_that_moved_are_forgotten)
{
    struct rooms r;
    rooms_init(&r, &seed, 100);
    rooms_add(&r, SPAN("a"), 1, 1), rooms_add(&r, SPAN("b"), 1, 1), rooms_add(&r, SPAN("c"), 1, 1);
    rooms_add(&r, SPAN("d"), 1, 3);         /* told for a view that we have not heard of */
    rooms_sift(&r, 2, only_b, NULL);
    EQUAL(rooms_count(&r), 2);
    CHECK(rooms_find(&r, SPAN("b")) != NULL);
    CHECK(rooms_find(&r, SPAN("d")) != NULL);
    rooms_sift(&r, 3, only_b, NULL);
    EQUAL(rooms_count(&r), 1);
    CHECK(rooms_bytes(&r) > 0);
    rooms_fini(&r);
}
