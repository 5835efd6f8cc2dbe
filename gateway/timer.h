/* timer - a wheel's timer that knows what is due: one function a kind. */
#ifndef CAUSEWAY_GATEWAY_TIMER_H
#define CAUSEWAY_GATEWAY_TIMER_H

#include "wheel.h"

struct gate;
struct timer;
typedef void timer_due(struct gate *gate, struct timer *timer);

struct timer {
    struct wheel_timer at;
    timer_due         *due;
};

void timer_set(struct gate *gate, struct timer *timer, timer_due *due, uint64_t after_ms);
void timer_cancel(struct gate *gate, struct timer *timer);

#define TIMER_OWNER(timer, type, member) ((type *)(void *)((char *)(timer) - offsetof(type, member)))

#endif
