#include "mode.h"

#include <stdio.h>

#include "usage.h"

enum { FILL_SECONDS = 120 };

bool mode_fill(struct pool *p, unsigned size)
{
    const struct pool_count *n = pool_count(p);
    uint64_t from = clock_ns();
    for (unsigned i = 0; i < size; i++)
        pool_dial(p, pool_conn(p, i));
    while (n->up < size && n->failed + n->lost == 0 && clock_ns() - from < FILL_SECONDS * 1000000000ull)
        pool_turn(p, 100000000);
    if (n->up == size)
        return true;
    fprintf(stderr, "load: %llu of %u got in, %llu failed\n",
            (unsigned long long)n->up, size, (unsigned long long)(n->failed + n->lost));
    return false;
}

void stretch_begin(struct stretch *s, const struct options *o)
{
    s->cpu = usage_of(o->pids, o->n_pids);
    s->self = usage_self();
    s->from = clock_ns();
}

void stretch_end(struct stretch *s, const struct options *o)
{
    s->seconds = (double)(clock_ns() - s->from) / 1e9;
    s->self = usage_self() - s->self;
    s->cpu = usage_of(o->pids, o->n_pids) - s->cpu;
}

void mode_print_rate(const char *what, uint64_t n, const struct stretch *s)
{
    printf(",\"seconds\":%.3f,\"%s\":%llu,\"%s_per_s\":%.1f,\"load_cpu_s\":%.3f",
           s->seconds, what, (unsigned long long)n, what, s->seconds > 0 ? (double)n / s->seconds : 0, s->self);
    if (s->cpu > 0)
        printf(",\"server_cpu_s\":%.3f,\"%s_per_cpu_s\":%.1f,\"server_cpu_us_each\":%.3f",
               s->cpu, what, (double)n / s->cpu, n ? s->cpu * 1e6 / (double)n : 0);
}

void mode_print_latency(const struct latency *l)
{
    printf(",\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f",
           latency_quantile_us(l, 0.5), latency_quantile_us(l, 0.99), (double)l->max / 1e3);
}
