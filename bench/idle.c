/* idle - sockets that are let in and then only keep their heartbeat, until a
 * line (or the end) comes on stdin. The JSON line is printed when all are up. */
#include <stdio.h>

#include "mode.h"

static void on_up(void *self, struct conn *c)
{
    (void)self, (void)c;
}

static void on_packet(void *self, struct conn *c, const char *text, size_t len)
{
    (void)self, (void)c, (void)text, (void)len;
}

static const struct pool_events events = { on_up, on_packet, on_up };

int idle_run(const struct options *o)
{
    struct pool *p = pool_new(o, o->clients, &events, NULL);
    const struct pool_count *n = pool_count(p);
    uint64_t from = clock_ns();
    bool told = false, ok = mode_fill(p, o->clients);
    if (ok) {
        printf("{\"mode\":\"idle\",\"up\":%llu,\"seconds\":%.3f}\n",
               (unsigned long long)n->up, (double)(clock_ns() - from) / 1e9);
        fflush(stdout);
        fprintf(stderr, "load: %llu up; a line on stdin ends it\n", (unsigned long long)n->up);
        pool_watch_stdin(p, &told);
    }
    while (ok && !told)
        pool_turn(p, 1000000000);
    ok = ok && n->lost == 0;
    fprintf(stderr, "load: %llu were lost meanwhile\n", (unsigned long long)n->lost);
    for (unsigned i = 0; i < o->clients; i++) {
        if (pool_conn(p, i)->state == CONN_UP)
            pool_close(p, pool_conn(p, i));
    }
    from = clock_ns();                  /* an orderly end, but not for ever */
    for (unsigned open = o->clients; open > 0 && clock_ns() - from < 5000000000u; ) {
        pool_turn(p, 100000000);
        open = 0;
        for (unsigned i = 0; i < o->clients; i++)
            open += pool_conn(p, i)->fd >= 0;
    }
    pool_destroy(&p);
    return ok ? 0 : 1;
}
