#include "wheel.h"
#include "err.h"
#include "t.h"

#include <stdlib.h>

struct job { int fired; struct wheel_timer timer; uint64_t at; };

static uint64_t dice(uint64_t *state)       /* xorshift64 */
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}

static const struct row { const char *name; uint32_t tick; uint64_t start, deadline, fires; } rows[] = {
    { "next millisecond",    1,     0,           1,            1 },
    { "never early",         10,    0,           11,          20 },
    { "on the tick",         10,    0,           20,          20 },
    { "now is the next tick",10,    25,          25,          30 },
    { "the past likewise",   10,    1000,        3,         1010 },
    { "a heartbeat",         100,   1234567,     1259567, 1259600 },
    { "level 0's last",      1,     5,           1028,      1028 },
    { "level 1's first",     1,     5,           1029,      1029 },
    { "level 1's last",      1,     1023,        1049598, 1049598 },
    { "its own slot again",  1,     1500,        1050075, 1050075 },
    { "an hour",             10,    7,           3600007, 3600010 },
    { "a month",             10,    1,           2592000001, 2592000010 },
    { "a hundred years",     1,     3,           3153600000003, 3153600000003 },
};

TEST(wheel_fires_on_the_first_tick_not_before_the_deadline)
{
    struct wheel *w = malloc(sizeof *w);
    const struct row *r;
    EACH(r, rows) {
        struct wheel_timer t = { 0 };
        wheel_init(w, r->tick, r->start);
        wheel_set(w, &t, r->deadline);
        CHECK(wheel_timer_set(&t));
        uint64_t next;
        int wakes = 0;
        while ((next = wheel_deadline(w)) < r->fires) {
            CHECK(!wheel_expire(w, next));
            CHECK(++wakes <= 4096);
        }
        EQUAL(next, r->fires);
        CHECK(!wheel_expire(w, r->fires - 1));
        CHECK(wheel_expire(w, r->fires) == &t);
        CHECK(!wheel_timer_set(&t) && !wheel_expire(w, r->fires));
        CHECK(wheel_deadline(w) == UINT64_MAX);
    }
    free(w);
}

TEST(wheel_may_be_used_from_within_its_own_loop)
{
    struct wheel *w = malloc(sizeof *w);
    struct wheel_timer a = { 0 }, b = { 0 }, c = { 0 };
    wheel_init(w, 10, 0);
    wheel_set(w, &a, 50), wheel_set(w, &b, 50), wheel_set(w, &c, 90);
    struct wheel_timer *first = wheel_expire(w, 100);
    CHECK(first == &a || first == &b);
    wheel_cancel(w, first == &a ? &b : &a);     /* its neighbour, due as well */
    wheel_set(w, first, 0);                     /* and itself at once: the next tick, not for ever */
    wheel_cancel(w, &c), wheel_cancel(w, &c);
    CHECK(wheel_expire(w, 100) == first);       /* tick 6 has come as well */
    wheel_set(w, first, 100);
    CHECK(wheel_expire(w, 100) == first);       /* tick 10 likewise */
    wheel_set(w, first, 100);
    CHECK(!wheel_expire(w, 100));
    CHECK(wheel_expire(w, 110) == first);
    EQUAL(w->count, 0);
    free(w);
}

/* Against plain arithmetic: set, move, cancel; time goes in small and large steps. */
TEST(wheel_agrees_with_arithmetic)
{
    enum { N = 500 };
    static const uint64_t reach[] = { 10, 1000, 20000, 2000000, 4000000000 };
    struct job *jobs = calloc(N, sizeof *jobs);
    struct wheel *w = malloc(sizeof *w);
    uint64_t state = 7;
    for (uint32_t tick = 1; tick <= 100; tick *= 10) {
        uint64_t now = dice(&state) % 100000;
        wheel_init(w, tick, now);
        for (size_t i = 0; i < N; i++) jobs[i] = (struct job){ 0 };
        for (int step = 0; step < 20000; step++) {
            struct job *j = &jobs[dice(&state) % N];
            if (dice(&state) % 4 == 0) {
                wheel_cancel(w, &j->timer), j->at = 0;
            } else {
                uint64_t deadline = now + dice(&state) % reach[dice(&state) % 5];
                wheel_set(w, &j->timer, deadline);
                uint64_t fires = (deadline + tick - 1) / tick * tick, soonest = (now / tick + 1) * tick;
                j->at = fires > soonest ? fires : soonest;
            }
            if (step % 8) continue;
            uint64_t wake = wheel_deadline(w), was = now;
            now += dice(&state) % reach[dice(&state) % (step % 512 ? 3 : 5)];
            for (struct wheel_timer *t; (t = wheel_expire(w, now));) {
                struct job *fired = WHEEL_OWNER(t, struct job, timer);
                CHECK(fired->at && fired->at <= now && fired->at > was / tick * tick && wake <= fired->at);
                fired->at = 0;
            }
            size_t set = 0;
            for (size_t i = 0; i < N; i++) {
                CHECK(jobs[i].at == 0 || jobs[i].at > now);
                CHECK((jobs[i].at != 0) == wheel_timer_set(&jobs[i].timer));
                set += jobs[i].at != 0;
            }
            EQUAL(w->count, set);
        }
    }
    free(w), free(jobs);
}

TEST(wheel_turns_a_hundred_thousand)
{
    enum { N = 100000 };
    struct wheel_timer *timers = calloc(N, sizeof *timers);
    struct wheel *w = malloc(sizeof *w);
    wheel_init(w, 100, 0);
    uint64_t state = 3;
    for (size_t i = 0; i < N; i++) wheel_set(w, &timers[i], dice(&state) % 25000);
    size_t fired = 0;
    for (uint64_t now = 0; now <= 60000; now += 100)
        for (struct wheel_timer *t; (t = wheel_expire(w, now)); fired++) wheel_set(w, t, now + 25000);
    EQUAL(w->count, N);
    CHECK(fired >= 2 * N && fired < 3 * N);
    free(w), free(timers);
}

TEST(wheel_timer_is_small)
{
    CHECK(sizeof(struct wheel_timer) <= 32);
}
