#include "msg.h"
#include "t.h"
#include "wants.h"

#include <stdio.h>

static struct topics said_by(const struct wants *w)
{
    struct buf strs = { 0 };
    struct topics t = { 0 };
    wants_say(w, &strs);
    topics_set(&t, buf_span(&strs));
    buf_fini(&strs);
    return t;
}

TEST(wants_come_and_go)
{
    struct wants w;
    wants_init(&w, &(struct siphash_key){ 1, 2 });
    wants_add(&w, SPAN("event./a.")), wants_add(&w, SPAN("join.")), wants_add(&w, SPAN(""));
    EQUAL(w.count, 3);
    struct topics t = said_by(&w);
    EQUAL(t.count, 1);
    topics_fini(&t);
    wants_drop(&w, SPAN("")), wants_drop(&w, SPAN("event./a.")), wants_drop(&w, SPAN("never was"));
    t = said_by(&w);
    EQUAL(t.kinds, 1u << TOPIC_JOIN);
    topics_fini(&t);
    wants_drop(&w, SPAN("join."));
    t = said_by(&w);
    CHECK(!t.count && !t.kinds && !w.count);
    topics_fini(&t);
    wants_fini(&w);
}

TEST(wants_are_few_whatever_is_subscribed_to)
{
    struct wants w;
    char prefix[2000];
    wants_init(&w, &(struct siphash_key){ 1, 2 });
    for (int i = 0; i < 5000; i++) {
        int n = snprintf(prefix, sizeof prefix, "event./a.%d", i);
        wants_add(&w, span_from(prefix, (size_t)n));
    }
    struct topics t = said_by(&w);
    CHECK(t.count <= WANTS_MAX && topics_want(&t, SPAN("event./a.4999")) && topics_want(&t, SPAN("event./b.x")));      /* more than was asked for, never less */
    CHECK(!topics_want(&t, SPAN("join./a.x")));
    topics_fini(&t);
    for (int i = 0; i < 4999; i++) {
        int n = snprintf(prefix, sizeof prefix, "event./a.%d", i);
        wants_drop(&w, span_from(prefix, (size_t)n));
    }
    t = said_by(&w);
    CHECK(topics_want(&t, SPAN("event./a.4999")));
    topics_fini(&t);
    wants_drop(&w, SPAN("event./a.4999"));
    EQUAL(w.count, 0);
    EQUAL(w.prefixes.count, 0);

    memset(prefix, 'x', sizeof prefix);         /* long ones that differ behind the cut are one, and count as two */
    memcpy(prefix, "event.", 6);
    wants_add(&w, span_from(prefix, 1000)), wants_add(&w, span_from(prefix, 2000));
    wants_drop(&w, span_from(prefix, 1000));
    t = said_by(&w);
    EQUAL(t.count, 1);
    EQUAL(t.at[0].len, TOPIC_PREFIX_MAX);
    topics_fini(&t);
    wants_drop(&w, span_from(prefix, 2000));
    EQUAL(w.prefixes.count, 0);
    wants_fini(&w);
}
