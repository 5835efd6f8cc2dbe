/* connect - come in, be let in, say goodbye, come again. What counts is each
 * 40{"sid"…}; the close handshake is waited for, so that a server's work on
 * leaving is paid within the run. */
#include <stdio.h>

#include "mode.h"

enum { SOURCES = 32, FAILURES = 100 };     /* a closed port rests for a while: many addresses */

struct connects {
    struct pool   *pool;
    struct latency latency;             /* from the dial to the answer */
    bool           over;
};

static void on_up(void *self, struct conn *c)
{
    struct connects *s = self;
    latency_add(&s->latency, pool_now(s->pool) - c->since);
    pool_close(s->pool, c);
}

static void on_packet(void *self, struct conn *c, const char *text, size_t len)
{
    (void)self, (void)c, (void)text, (void)len;
}

static void on_down(void *self, struct conn *c)
{
    struct connects *s = self;
    if (!s->over)
        pool_dial(s->pool, c);
}

static const struct pool_events events = { on_up, on_packet, on_down };

static bool run_until(struct connects *s, uint64_t end)
{
    const struct pool_count *n = pool_count(s->pool);
    for (uint64_t now = clock_ns(); now < end && n->failed < FAILURES; now = clock_ns())
        pool_turn(s->pool, end - now);
    return n->failed == 0;
}

int connect_run(const struct options *options)
{
    struct options o = *options;
    if (o.sources == 0)
        o.sources = SOURCES;
    o.concurrency = o.clients;
    struct connects s = { 0 };
    s.pool = pool_new(&o, o.clients, &events, &s);
    const struct pool_count *n = pool_count(s.pool);
    for (unsigned i = 0; i < o.clients; i++)
        pool_dial(s.pool, pool_conn(s.pool, i));

    struct stretch t = { 0 };
    bool ok = run_until(&s, clock_ns() + (uint64_t)(o.warmup * 1e9));
    s.latency = (struct latency){ 0 };
    uint64_t entered = n->entered;
    stretch_begin(&t, &o);
    ok = run_until(&s, t.from + (uint64_t)(o.seconds * 1e9)) && ok;
    stretch_end(&t, &o);
    entered = n->entered - entered;
    s.over = true;

    printf("{\"mode\":\"connect\",\"clients\":%u", o.clients);
    mode_print_rate("connects", entered, &t);
    mode_print_latency(&s.latency);
    printf(",\"failed\":%llu,\"unclosed\":%llu}\n", (unsigned long long)n->failed, (unsigned long long)n->unclosed);
    fprintf(stderr, "load: %.0f connects/s, %llu failed\n", (double)entered / t.seconds, (unsigned long long)n->failed);
    pool_destroy(&s.pool);
    return ok && entered > 0 ? 0 : 1;
}
