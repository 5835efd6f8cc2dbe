#include "wheel.h"
#include "err.h"

enum { MASK = WHEEL_SLOTS - 1 };
#define NEVER UINT64_MAX

void wheel_init(struct wheel *self, uint32_t tick_ms, uint64_t now)
{
    *self = (struct wheel){ .tick_ms = tick_ms ? tick_ms : WHEEL_TICK_MS };
    self->tick = now / self->tick_ms;
}

static void push(struct wheel_timer **list, struct wheel_timer *timer)
{
    timer->next = *list;
    timer->at = list;
    if (timer->next) timer->next->at = &timer->next;
    *list = timer;
}

static void mark(struct wheel *self, size_t level, size_t slot, bool used)
{
    uint64_t bit = 1ULL << (slot % 64), *word = &self->used[level][slot / 64];
    *word = used ? *word | bit : *word & ~bit;
}

static void unlink_timer(struct wheel *self, struct wheel_timer *timer)
{
    *timer->at = timer->next;
    if (timer->next) {
        timer->next->at = timer->at;
    } else {                        /* perhaps the last of its slot: then 'at' says which */
        uintptr_t offset = (uintptr_t)timer->at - (uintptr_t)self->slots;
        if (offset < sizeof self->slots) {
            size_t slot = offset / sizeof self->slots[0][0];
            if (!*timer->at) mark(self, slot / WHEEL_SLOTS, slot % WHEEL_SLOTS, false);
        }
    }
    timer->next = NULL;
    timer->at = NULL;
}

/* The first tick that is not before the deadline. */
static uint64_t tick_of(const struct wheel *self, uint64_t deadline)
{
    return deadline / self->tick_ms + (deadline % self->tick_ms != 0);
}

/* By distance, not by the bits in which the ticks differ: so nothing nearer
 * than 1,024 ticks is ever moved down. What is too far for the last level goes
 * to its end and is placed anew when that comes. */
static void place(struct wheel *self, struct wheel_timer *timer, uint64_t tick)
{
    if (tick <= self->tick) {
        push(&self->due, timer);
        return;
    }
    uint64_t far = tick - self->tick;
    size_t level = 0;
    while (level < WHEEL_LEVELS - 1 && far >> (WHEEL_BITS * (level + 1))) level++;
    if (far >> (WHEEL_BITS * WHEEL_LEVELS)) tick = self->tick + (1ULL << (WHEEL_BITS * WHEEL_LEVELS)) - 1;
    size_t slot = (tick >> (WHEEL_BITS * level)) & MASK;
    push(&self->slots[level][slot], timer);
    mark(self, level, slot, true);
}

void wheel_set(struct wheel *self, struct wheel_timer *timer, uint64_t deadline)
{
    wheel_cancel(self, timer);
    timer->deadline = deadline;
    uint64_t tick = tick_of(self, deadline);
    place(self, timer, tick > self->tick ? tick : self->tick + 1);
    self->count++;
}

void wheel_cancel(struct wheel *self, struct wheel_timer *timer)
{
    if (!timer->at) return;
    unlink_timer(self, timer);
    self->count--;
}

/* How many slots after 'from' the next used one is, 1 .. WHEEL_SLOTS; 0: there is none. */
static size_t distance(const uint64_t *used, size_t from)
{
    size_t at = (from + 1) & MASK, word = at / 64;
    uint64_t bits = used[word] & ~0ULL << (at % 64);
    for (size_t i = 0; i <= WHEEL_SLOTS / 64; i++) {
        if (bits) return ((word * 64 + (size_t)__builtin_ctzll(bits) - from - 1) & MASK) + 1;
        word = (word + 1) % (WHEEL_SLOTS / 64);
        bits = used[word];
    }
    return 0;
}

/* The next tick at which a slot fires or moves down. */
static uint64_t next_tick(const struct wheel *self)
{
    uint64_t next = NEVER;
    for (size_t level = 0; level < WHEEL_LEVELS; level++) {
        uint64_t here = self->tick >> (WHEEL_BITS * level);
        size_t far = distance(self->used[level], here & MASK);
        uint64_t tick = (here + far) << (WHEEL_BITS * level);
        if (far && tick < next) next = tick;
    }
    return next;
}

/* Time has come to 'tick': what lies in a slot that begins here moves down or is due. */
static void enter(struct wheel *self, uint64_t tick)
{
    self->tick = tick;
    for (size_t level = WHEEL_LEVELS; level-- > 0;) {
        if (tick & ((1ULL << (WHEEL_BITS * level)) - 1)) continue;
        size_t slot = (tick >> (WHEEL_BITS * level)) & MASK;
        struct wheel_timer *timer = self->slots[level][slot];
        self->slots[level][slot] = NULL;
        mark(self, level, slot, false);
        while (timer) {
            struct wheel_timer *next = timer->next;
            place(self, timer, tick_of(self, timer->deadline));
            timer = next;
        }
    }
}

struct wheel_timer *wheel_expire(struct wheel *self, uint64_t now)
{
    uint64_t target = now / self->tick_ms;
    while (!self->due) {
        uint64_t next = self->count ? next_tick(self) : NEVER;
        if (next > target) {
            if (target > self->tick) self->tick = target;
            return NULL;
        }
        enter(self, next);
    }
    struct wheel_timer *timer = self->due;
    wheel_cancel(self, timer);
    return timer;
}

uint64_t wheel_deadline(const struct wheel *self)
{
    if (self->due) return self->tick * self->tick_ms;
    uint64_t next = self->count ? next_tick(self) : NEVER;
    return next == NEVER ? NEVER : next * self->tick_ms;
}
