#include "quota.h"
#include "t.h"

#include <stdlib.h>

static const struct text_row { const char *name; const char *text; uint32_t count, window_ms; } texts[] = {
    { "seconds", "30/60s", 30, 60000 }, { "milliseconds", "5/500ms", 5, 500 }, { "bare is milliseconds", "5/500", 5, 500 },
    { "a unit alone", "10/min", 10, 60000 }, { "another", "1/s", 1, 1000 }, { "hours", "7/2h", 7, 7200000 },
    { "no slash", "30", 0, 0 }, { "nothing behind", "30/", 0, 0 }, { "nothing before", "/60s", 0, 0 }, { "zero", "0/60s", 0, 0 },
    { "no time", "3/0s", 0, 0 }, { "too long", "3/25h", 0, 0 }, { "too many", "1000001/s", 0, 0 }, { "words", "a/b", 0, 0 }, { "signs", "-1/s", 0, 0 },
};

TEST(quota_reads_texts)
{
    const struct text_row *r;
    EACH(r, texts) {
        struct quota_limit l = { 0 };
        EQUAL(quota_parse(span_of(r->text), &l), r->count != 0);
        EQUAL(l.count, r->count);
        EQUAL(l.window_ms, r->window_ms);
    }
}

/* Each line one try: of which kind, when, and whether it may. Three in 3 s. */
static const struct try_row { const char *name; uint8_t kind; uint64_t at; bool may; } tries[] = {
    { "a window begins with the first", QUOTA_FIXED, 1000, true }, { "second", QUOTA_FIXED, 3500, true }, { "third", QUOTA_FIXED, 3900, true },
    { "one too many", QUOTA_FIXED, 3999, false }, { "the next window", QUOTA_FIXED, 4000, true }, { "of its own length", QUOTA_FIXED, 6999, true },
    { "its third", QUOTA_FIXED, 6999, true }, { "no more", QUOTA_FIXED, 6999, false }, { "a third window", QUOTA_FIXED, 9000, true },
    { "sliding first", QUOTA_SLIDING, 1000, true }, { "sliding second", QUOTA_SLIDING, 2000, true }, { "sliding third", QUOTA_SLIDING, 3000, true },
    { "sliding full", QUOTA_SLIDING, 3999, false }, { "the first one is over", QUOTA_SLIDING, 4000, true }, { "and no other", QUOTA_SLIDING, 4999, false },
    { "the second one", QUOTA_SLIDING, 5000, true },
    { "three at once", QUOTA_BUCKET, 1000, true }, { "the second", QUOTA_BUCKET, 1000, true }, { "the last", QUOTA_BUCKET, 1000, true },
    { "empty", QUOTA_BUCKET, 1999, false }, { "one is back", QUOTA_BUCKET, 2000, true }, { "one only", QUOTA_BUCKET, 2999, false },
    { "two after two", QUOTA_BUCKET, 4000, true }, { "the other", QUOTA_BUCKET, 4000, true }, { "no third", QUOTA_BUCKET, 4000, false },
};

TEST(quota_kinds_differ_so)
{
    struct quota q[QUOTA_KINDS] = { { 0 } };
    const struct try_row *r;
    EACH(r, tries) EQUAL(quota_take(&q[r->kind], &(struct quota_limit){ 3, 3000, r->kind }, r->at), r->may);
    for (unsigned k = 0; k < QUOTA_KINDS; k++) quota_fini(&q[k]);
}

TEST(quota_says_when_something_comes_back)
{
    static const uint64_t frees[QUOTA_KINDS] = { 4000, 4000, 2500 }, clears[QUOTA_KINDS] = { 4000, 4500, 4500 };
    for (uint8_t k = 0; k < QUOTA_KINDS; k++) {
        struct quota q = { 0 };
        struct quota_limit l = { 2, 3000, k };
        EQUAL(quota_frees_at(&q, &l), 0);
        EQUAL(quota_clears_at(&q, &l), 0);
        CHECK(quota_take(&q, &l, 1000)), CHECK(quota_take(&q, &l, 1500));
        CHECK(!quota_take(&q, &l, 2000));
        EQUAL(quota_frees_at(&q, &l), frees[k]);
        CHECK(!quota_take(&q, &l, frees[k] - 1));
        CHECK(quota_take(&q, &l, frees[k]));
        if (k != QUOTA_FIXED) EQUAL(quota_clears_at(&q, &l) > clears[k], 1);
        quota_fini(&q);
    }
}

/* Against a list of all uses: what passes is never more than the limit in any window. */
TEST(quota_never_lets_more_pass)
{
    enum { N = 4000 };
    static uint64_t passed[N];
    size_t all_refused = 0;
    srand(7);
    for (uint8_t k = 0; k < QUOTA_KINDS; k++)
        for (unsigned round = 0; round < 20; round++) {
            struct quota_limit l = { 1 + (uint32_t)rand() % 40, 50 + (uint32_t)rand() % 3000, k };
            struct quota q = { 0 };
            uint64_t now = 10000;
            size_t count = 0, refused = 0;
            for (int i = 0; i < N; i++) {
                now += (uint64_t)rand() % (2 * l.window_ms / l.count + 2);
                if (quota_take(&q, &l, now)) passed[count++] = now;
                else refused++;
            }
            for (size_t i = l.count; i < count && k == QUOTA_SLIDING; i++)
                if (passed[i] - passed[i - l.count] < l.window_ms) FAIL("%u in %u ms", l.count + 1, (unsigned)(passed[i] - passed[i - l.count]));
            for (size_t i = 2 * l.count; i < count; i++)
                if (passed[i] - passed[i - 2 * l.count] < l.window_ms) FAIL("kind %u: %u in %u ms", k, 2 * l.count + 1, (unsigned)(passed[i] - passed[i - 2 * l.count]));
            CHECK(count > N / 10);
            all_refused += refused;
            quota_fini(&q);
        }
    CHECK(all_refused);
}

/* Told to another one, in any order: it knows no fewer uses, at any time. */
TEST(quota_told_elsewhere_is_no_less)
{
    srand(11);
    for (uint8_t k = QUOTA_FIXED; k <= QUOTA_SLIDING; k++)
        for (unsigned round = 0; round < 200; round++) {
            struct quota_limit l = { 1000, 1000, k };
            struct quota here = { 0 }, there = { 0 };
            struct buf told = { 0 };
            uint64_t now = 5000;
            uint32_t n = (uint32_t)rand() % 200;
            for (uint32_t i = 0; i < n; i++) now += (uint64_t)rand() % 12, quota_add(&here, (quota_used(&here, &l, now), &l), now, 1);
            uint32_t half = quota_used(&here, &l, now) / 2, all = quota_used(&here, &l, now);
            quota_add(&there, &l, now - 3, 2);
            quota_tell(&here, &l, now, half, &told);
            CHECK(quota_told(&there, &l, now, buf_span(&told)));
            EQUAL(quota_used(&there, &l, now), half + 2);
            CHECK(quota_used(&there, &l, now) <= all + 2);
            if (told.len) CHECK(!quota_told(&there, &l, now, span_head(buf_span(&told), told.len - 1)));
            buf_fini(&told), quota_fini(&here), quota_fini(&there);
        }
}
