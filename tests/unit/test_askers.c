#include "askers.h"
#include "t.h"

static const struct siphash_key seed = { 1, 2 };
static struct { size_t room; bool gone; struct buf got; } peer[2];     /* asker '0' and '1': how many answers each takes */

static enum askers_fate take(void *self, struct span envelope, struct span json, struct span attachments)
{
    (void)self;
    struct span identity;
    CHECK(msg_next_str(&envelope, &identity));
    size_t i = (size_t)(identity.ptr[0] - '0');
    if (peer[i].gone) return ASKER_GONE;
    if (!peer[i].room) return ASKER_FULL;
    peer[i].room--;
    buf_add(&peer[i].got, json), buf_add(&peer[i].got, attachments);
    return ASKER_TOOK;
}

static void give(struct askers *a, const char *identity, const char *json)
{
    struct buf envelope = { 0 };
    msg_add_str(&envelope, span_of(identity));
    struct reply reply = { blob_new(buf_span(&envelope)), blob_new(span_of(json)), *json == 'c' ? blob_new(SPAN("+")) : NULL };
    buf_fini(&envelope);
    askers_give(a, &reply, take, NULL);
    CHECK(!reply.envelope && !reply.json && !reply.attachments);
}

TEST(askers_wait_in_order_within_their_limits)
{
    struct router_stats stats = { 0 };
    struct askers a;
    askers_init(&a, &seed, &(struct askers_limits){ 3 * ASKERS_OVERHEAD, 5 * ASKERS_OVERHEAD }, &stats);
    for (int i = 0; i < 2; i++) peer[i].room = 1, peer[i].gone = false, buf_clear(&peer[i].got);
    for (const char *n = "abcdef"; *n; n++) give(&a, "0", (char[]){ *n, 0 });
    EQUAL(stats.replies_dropped, 3);            /* a was taken, b and c wait: with their bytes three are over the limit */
    give(&a, "1", "x"), give(&a, "1", "y"), give(&a, "1", "z");
    EQUAL(stats.replies_dropped, 3);
    give(&a, "1", "!");                         /* over that of all */
    EQUAL(stats.replies_dropped, 4);
    EQUAL(stats.replies_waiting_bytes, a.bytes);
    CHECK(!askers_flush(&a, take, NULL));
    peer[0].room = 1;
    CHECK(askers_flush(&a, take, NULL));
    give(&a, "0", "g");                         /* behind c */
    peer[0].room = peer[1].room = 9;
    CHECK(askers_flush(&a, take, NULL));
    SAME(buf_span(&peer[0].got), "abc+g");
    SAME(buf_span(&peer[1].got), "xyz");
    EQUAL(stats.replies_waiting_bytes, 0);
    EQUAL(a.at.count, 0);
    peer[0].room = peer[1].room = 0;
    give(&a, "0", "h"), give(&a, "0", "i"), give(&a, "1", "j");
    peer[0].gone = peer[1].gone = true;         /* hung up */
    askers_flush(&a, take, NULL);
    EQUAL(stats.replies_dropped, 7);
    EQUAL(stats.replies_waiting_bytes, 0);
    give(&a, "0", "k");
    EQUAL(stats.replies_dropped, 8);
    askers_fini(&a);
    for (int i = 0; i < 2; i++) buf_fini(&peer[i].got);
}
