/* samples - the last figures of each daemon as the stats socket says them, and what changed a second. Pure.
 * Owner: the command that shows them. */
#ifndef CAUSEWAY_CLI_SAMPLES_H
#define CAUSEWAY_CLI_SAMPLES_H

#include "buf.h"

struct sample {
    char       id[32];
    struct buf now, before;     /* checked JSON objects; 'before' of the same process, or empty */
};
struct samples { struct sample *at; size_t count, cap; };   /* { 0 } is empty */
void samples_fini(struct samples *s);

/* "stats.gateway.gateway-0.counters" and its object. False: it is none of these. */
bool samples_take(struct samples *s, struct span topic, struct span json);
const struct sample *samples_find(const struct samples *s, struct span id);

/* Of a daemon's figure "sessions.open". False: it has none. */
bool sample_value(const struct sample *s, const char *name, uint64_t *value);
/* Change a second between the two objects' own times. False: there is only one of them. */
bool sample_rate(const struct sample *s, const char *name, double *rate);

#endif
