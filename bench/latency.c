#include "latency.h"

/* Below 64 ns a bucket is a nanosecond; above, the highest set bit picks the
 * row and the six bits behind it the step. */
static unsigned bucket_of(uint64_t ns)
{
    if (ns < LATENCY_STEPS)
        return (unsigned)ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - 6u;
    unsigned i = (shift + 1) * LATENCY_STEPS + (unsigned)(ns >> shift & (LATENCY_STEPS - 1));
    return i < LATENCY_BUCKETS ? i : LATENCY_BUCKETS - 1;
}

static uint64_t bucket_floor(unsigned i)
{
    if (i < LATENCY_STEPS)
        return i;
    return (uint64_t)(LATENCY_STEPS + i % LATENCY_STEPS) << (i / LATENCY_STEPS - 1);
}

void latency_add(struct latency *l, uint64_t ns)
{
    l->count++;
    if (ns > l->max)
        l->max = ns;
    l->buckets[bucket_of(ns)]++;
}

double latency_quantile_us(const struct latency *l, double q)
{
    uint64_t want = (uint64_t)((double)l->count * q), seen = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS && l->count > 0; i++) {
        seen += l->buckets[i];
        if (seen > want)
            return (double)bucket_floor(i) / 1e3;
    }
    return (double)l->max / 1e3;
}
