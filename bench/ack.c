/* ack - every client has one event in flight and sends the next when its ack
 * is here. An ack with another id than the one asked for is a fault. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mode.h"

enum { STALL_SECONDS = 10 };

struct asked { uint64_t sent, id; };

struct acks {
    struct pool   *pool;
    struct asked  *asked;               /* by connection */
    struct latency latency;
    uint64_t       done, wrong, last;
    bool           over;
};

static void ask(struct acks *s, struct conn *c)
{
    struct asked *a = &s->asked[c->index];
    char text[64];
    int n = snprintf(text, sizeof text, "42%llu[\"ping-ack\",{}]", (unsigned long long)++a->id);
    a->sent = clock_ns();
    pool_say(s->pool, c, text, (size_t)n);
}

static void on_packet(void *self, struct conn *c, const char *text, size_t len)
{
    struct acks *s = self;
    struct asked *a = &s->asked[c->index];
    uint64_t id = 0;
    if (len < 4 || text[1] != '3')
        return;                         /* an event: not ours */
    for (size_t i = 2; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        id = id * 10 + (uint64_t)(text[i] - '0');
    if (id != a->id) {
        s->wrong++;
        return;
    }
    s->done++;
    s->last = pool_now(s->pool);
    latency_add(&s->latency, s->last - a->sent);
    if (!s->over)
        ask(s, c);
}

static void on_nothing(void *self, struct conn *c)
{
    (void)self, (void)c;
}

static const struct pool_events events = { on_nothing, on_packet, on_nothing };

static bool run_until(struct acks *s, uint64_t end)
{
    const struct pool_count *n = pool_count(s->pool);
    s->last = clock_ns();
    for (uint64_t now = s->last; now < end && n->lost == 0; now = clock_ns()) {
        if (now > s->last && now - s->last > STALL_SECONDS * 1000000000ull)
            return false;
        pool_turn(s->pool, end - now < 1000000000u ? end - now : 1000000000u);
    }
    return n->lost == 0 && s->wrong == 0;
}

int ack_run(const struct options *o)
{
    struct acks s = { .asked = calloc(o->clients, sizeof *s.asked) };
    if (!s.asked)
        err(111, "ack");
    struct stretch t = { 0 };
    uint64_t done = 0;
    s.pool = pool_new(o, o->clients, &events, &s);
    bool ok = mode_fill(s.pool, o->clients);
    for (unsigned i = 0; ok && i < o->clients; i++)
        ask(&s, pool_conn(s.pool, i));
    ok = ok && run_until(&s, clock_ns() + (uint64_t)(o->warmup * 1e9));
    if (ok) {
        s.latency = (struct latency){ 0 };
        done = s.done;
        stretch_begin(&t, o);
        ok = run_until(&s, t.from + (uint64_t)(o->seconds * 1e9));
        stretch_end(&t, o);
        done = s.done - done;
    }
    s.over = true;

    printf("{\"mode\":\"ack\",\"clients\":%u", o->clients);
    mode_print_rate("acks", done, &t);
    mode_print_latency(&s.latency);
    printf(",\"wrong\":%llu,\"connections_lost\":%llu}\n", (unsigned long long)s.wrong,
           (unsigned long long)pool_count(s.pool)->lost);
    fprintf(stderr, "load: %.0f round trips/s, p99 %.2f ms\n", t.seconds > 0 ? (double)done / t.seconds : 0,
            latency_quantile_us(&s.latency, 0.99) / 1e3);
    pool_destroy(&s.pool);
    free(s.asked);
    return ok && done > 0 ? 0 : 1;
}
