/* latency - how long things took: a histogram with 64 steps per power of two,
 * so a quantile is right within 1.6 %. Pure; adding is a few instructions. */
#pragma once
#include <stdint.h>

enum { LATENCY_STEPS = 64, LATENCY_BUCKETS = LATENCY_STEPS * 38 };

struct latency {
    uint64_t count;
    uint64_t max;                       /* nanoseconds, exact */
    uint64_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *l, uint64_t ns);
double latency_quantile_us(const struct latency *l, double q);      /* 0 when there is nothing */
