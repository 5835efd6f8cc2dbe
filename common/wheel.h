/* wheel - timers by the million: set and cancel in O(1), no memory of its own
 * per timer.
 *
 * Four levels of 1,024 slots, a bitmap beside each. A timer less than 1,024
 * ticks away lies in its own tick's slot and is touched once; a later one moves
 * down a level when its turn comes near. Time is a parameter: milliseconds of
 * any monotone clock. A timer never fires before its deadline, and at most one
 * tick after it as long as wheel_expire is called by wheel_deadline.
 *
 * 'struct wheel_timer' is embedded by its owner, zeroed before first use, and
 * cancelled before its memory goes. One wheel_expire loop per loop turn:
 *     while ((timer = wheel_expire(&wheel, now))) on_timer(timer);
 * A timer comes out of it unset. Within the loop any timer may be set or
 * cancelled; one that is set for now or earlier fires with the next tick. The
 * order of timers of one tick is not defined. Pure. */
#ifndef CAUSEWAY_WHEEL_H
#define CAUSEWAY_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEEL_LEVELS = 4, WHEEL_BITS = 10, WHEEL_SLOTS = 1 << WHEEL_BITS, WHEEL_TICK_MS = 10 };

struct wheel_timer {                /* 24 bytes */
    struct wheel_timer  *next;
    struct wheel_timer **at;        /* what points here; NULL: not set */
    uint64_t             deadline;  /* ms; stays readable after it fired */
};

struct wheel {                      /* 33 KiB: one or two in a daemon */
    struct wheel_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
    struct wheel_timer *due;        /* of ticks that have come */
    uint64_t used[WHEEL_LEVELS][WHEEL_SLOTS / 64];
    uint64_t tick;                  /* all before and at it are due or done */
    uint32_t tick_ms;
    size_t   count;
};

void wheel_init(struct wheel *self, uint32_t tick_ms, uint64_t now);    /* tick_ms 0: WHEEL_TICK_MS */
void wheel_set(struct wheel *self, struct wheel_timer *timer, uint64_t deadline);   /* sets it anew if it was set */
void wheel_cancel(struct wheel *self, struct wheel_timer *timer);       /* nothing happens where it was not set */
struct wheel_timer *wheel_expire(struct wheel *self, uint64_t now);     /* one that is due, or NULL */
uint64_t wheel_deadline(const struct wheel *self);      /* when to expire next, maybe too early; UINT64_MAX: never */

static inline bool wheel_timer_set(const struct wheel_timer *timer)
{
    return timer->at != NULL;
}

#define WHEEL_OWNER(timer, type, member) \
    ((type *)(void *)((char *)(timer) - offsetof(type, member)))

#endif
