/* mode - what there is to run, and what every mode does: fill a pool, measure
 * a stretch of time, print one line of JSON. */
#pragma once
#include <stdbool.h>

#include "latency.h"
#include "options.h"
#include "pool.h"

/* Each returns the exit status: 0, or 1 when something was lost on the way. */
int fanout_run(const struct options *o);
int idle_run(const struct options *o);
int connect_run(const struct options *o);
int ack_run(const struct options *o);

bool mode_fill(struct pool *p, unsigned size);      /* dials all and waits; false, and says so, when they don't all get in */

struct stretch {
    uint64_t from;                      /* monotonic ns */
    double   seconds, cpu, self;        /* of the clock, of the servers' CPU, of ours */
};

void stretch_begin(struct stretch *s, const struct options *o);
void stretch_end(struct stretch *s, const struct options *o);

/* The pieces of the line. A rate is printed per second, and per CPU second of
 * the servers where --cpu-of named them. */
void mode_print_rate(const char *what, uint64_t n, const struct stretch *s);
void mode_print_latency(const struct latency *l);
