/* overview - the topology as people and programs see it: what the supervisor, the routers' roster and the stats
 * say, put together. Pure. */
#ifndef CAUSEWAY_CLI_OVERVIEW_H
#define CAUSEWAY_CLI_OVERVIEW_H

#include "samples.h"
#include "supervise.h"

struct overview_row {
    struct unit_id unit;
    char     id[32], state[16];
    char     roster[16];        /* "ready", "draining"; "" where the routers do not know it (and for redis) */
    bool     outside;           /* in the roster, but not ours: of another host */
    int64_t  pid;
    uint64_t uptime_ms, restarts, next_ms;
    struct buf object;          /* the supervisor's own, without its closing brace */
    struct buf endpoint;
    const char *load_name, *in_name, *out_name;
    bool     has_load, has_in, has_out, has_cpu;
    uint64_t load, rss;
    double   in, out, cpu;      /* a second; percent of a core */
};
struct overview {
    struct overview_row *at;
    size_t   count;
    bool     has_roster, all_up;
    uint64_t view;
    bool     holding;
    struct buf problems;        /* a line each */
};

/* status: the supervisor's answer; topology: a router's, or empty. Both checked JSON. */
void overview_make(struct overview *o, struct span status, struct span topology, const struct samples *samples);
void overview_fini(struct overview *o);

enum overview_sort { OVERVIEW_BY_ROLE, OVERVIEW_BY_CPU, OVERVIEW_BY_LOAD, OVERVIEW_BY_MEMORY, OVERVIEW_SORTS };
const char *overview_sort_name(enum overview_sort sort);
void overview_sort(struct overview *o, enum overview_sort sort);

void overview_table(struct buf *out, const struct overview *o);
void overview_totals(struct buf *out, const struct overview *o);    /* one line over all */
void overview_json(struct buf *out, const struct overview *o, struct span status);

#endif
