#include "gate_state.h"

void timer_set(struct gate *g, struct timer *t, timer_due *due, uint64_t after_ms)
{
    t->due = due;
    wheel_set(&g->wheel, &t->at, g->now.mono + after_ms);
}

void timer_cancel(struct gate *g, struct timer *t)
{
    wheel_cancel(&g->wheel, &t->at);
}
