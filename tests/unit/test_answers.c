#include "answers.h"
#include "t.h"

static const struct from asker = { ROLE_ROUTER, 1, { "router-1", 8 }, 7, 1 };

TEST(answers_are_found_by_their_ref_alone)
{
    struct answers a;
    answers_init(&a);
    struct answer *first = answers_add(&a, &asker, 5, 100);
    uint64_t ref = first->ref;
    CHECK(answers_find(&a, ref) == first && !answers_find(&a, ref + 1) && !answers_find(&a, 0));
    answers_drop(&a, first);
    CHECK(!answers_find(&a, ref));
    struct answer *again = answers_add(&a, &asker, 6, 100);     /* the same place, another generation */
    CHECK(again->ref != ref && !answers_find(&a, ref) && answers_find(&a, again->ref) == again);
    EQUAL(a.count, 1);
    answers_fini(&a);
}

TEST(answers_keep_acks_within_the_limits_of_each_and_all)
{
    struct answers a;
    answers_init(&a);
    struct answer *x = answers_add(&a, &asker, 1, 100);
    uint64_t refs[2] = { x->ref, answers_add(&a, &asker, 2, 100)->ref };
    CHECK(answers_keep_ack(&a, answers_find(&a, refs[0]), SPAN("012345"), 20, 30));
    CHECK(answers_keep_ack(&a, answers_find(&a, refs[0]), SPAN("012345"), 20, 30));
    CHECK(!answers_keep_ack(&a, answers_find(&a, refs[0]), SPAN(""), 20, 30));
    CHECK(answers_keep_ack(&a, answers_find(&a, refs[1]), SPAN("012345"), 20, 30));
    CHECK(!answers_keep_ack(&a, answers_find(&a, refs[1]), SPAN("0"), 20, 30));
    EQUAL(a.acks_bytes, 30);
    answers_drop(&a, answers_find(&a, refs[0]));
    EQUAL(a.acks_bytes, 10);
    CHECK(answers_keep_ack(&a, answers_find(&a, refs[1]), SPAN("0"), 20, 30));
    answers_drop(&a, answers_find(&a, refs[1]));
    EQUAL(a.acks_bytes, 0);
    answers_fini(&a);
}
