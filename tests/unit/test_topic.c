#include "msg.h"
#include "t.h"
#include "topic.h"

#include <stdio.h>
#include <stdlib.h>

TEST(topic_names)
{
    struct buf out = { 0 };
    topic_encode(&out, TOPIC_EVENT, SPAN("/chat"), SPAN("message"));
    SAME(buf_span(&out), "event./chat.message");
    buf_clear(&out);
    char longest[1000];
    memset(longest, 'x', sizeof longest);
    topic_encode(&out, TOPIC_LEAVE, SPAN("/"), span_from(longest, sizeof longest));
    EQUAL(out.len, strlen("leave./.") + TOPIC_NAME_MAX);
    buf_fini(&out);
}

TEST(topic_prefixes_and_the_kinds_that_they_may_mean)
{
    static const struct { const char *name; unsigned kinds; } rows[] = {
        { "", (1u << TOPIC_KINDS) - 1 }, { "e", 1u << TOPIC_EVENT }, { "event", 1u << TOPIC_EVENT }, { "event.", 1u << TOPIC_EVENT },
        { "event./chat.x", 1u << TOPIC_EVENT }, { "events", 0 }, { "connect", 1u << TOPIC_CONNECT }, { "disconnect./", 1u << TOPIC_DISCONNECT },
        { "join.", 1u << TOPIC_JOIN }, { "l", 1u << TOPIC_LEAVE }, { "stats.", 0 }, { "event\xff", 0 } }, *r;
    EACH(r, rows) EQUAL(topic_kinds(span_of(r->name)), r->kinds);
}

static void set(struct topics *t, const char *const *prefixes)
{
    struct buf strs = { 0 };
    for (; *prefixes; prefixes++) msg_add_str(&strs, span_of(*prefixes));
    topics_set(t, buf_span(&strs));
    buf_fini(&strs);
}

TEST(topics_are_found_by_their_prefixes)
{
    struct topics t = { 0 };
    CHECK(!topics_want(&t, SPAN("event./.x")));
    set(&t, (const char *const[]){ "event./chat.b", "event./chat.bb", "event./chat.a", "join.", "nonsense", NULL });
    EQUAL(t.count, 3);                  /* one is covered, one is no topic */
    EQUAL(t.kinds, 1u << TOPIC_EVENT | 1u << TOPIC_JOIN);
    CHECK(topics_want(&t, SPAN("event./chat.b")) && topics_want(&t, SPAN("event./chat.bbb")) && topics_want(&t, SPAN("event./chat.a1")));
    CHECK(!topics_want(&t, SPAN("event./chat.c")) && !topics_want(&t, SPAN("event./chat.")) && !topics_want(&t, SPAN("leave./.r")));
    CHECK(topics_want(&t, SPAN("join./.room")));
    set(&t, (const char *const[]){ "event./x", "", NULL });
    EQUAL(t.count, 1);
    CHECK(topics_want(&t, SPAN("leave./.r")));
    set(&t, (const char *const[]){ NULL });
    CHECK(!t.kinds && !topics_want(&t, SPAN("leave./.r")));
    topics_fini(&t);
}

TEST(topics_answer_as_a_look_at_each_prefix_would)
{
    srand(7);
    for (int round = 0; round < 300; round++) {
        struct topics t = { 0 };
        struct buf strs = { 0 };
        char prefix[20][12];
        int count = rand() % 20;
        for (int i = 0; i < count; i++) {
            int n = snprintf(prefix[i], sizeof prefix[i], "event.");
            for (int left = rand() % 5; left; left--) prefix[i][n++] = (char)('a' + rand() % 3);
            prefix[i][n] = 0;
            msg_add_str(&strs, span_of(prefix[i]));
        }
        topics_set(&t, buf_span(&strs));
        for (int look = 0; look < 50; look++) {
            char topic[16] = "event.";
            for (int k = 6; k < 6 + rand() % 6; k++) topic[k] = (char)('a' + rand() % 3);
            bool want = false;
            for (int i = 0; i < count; i++) want |= span_has_prefix(span_of(topic), span_of(prefix[i]));
            CHECK(topics_want(&t, span_of(topic)) == want);
        }
        topics_fini(&t);
        buf_fini(&strs);
    }
}
