/* throttle - how often each address may do something: 'count' times at once, and then
 * again one by one as they come back, 'count' of them in 'window_ms'.
 *
 * An address costs some 50 bytes for as long as it has something to come back, and at
 * most two windows; one that nothing was taken for, or that pays no limit, costs
 * nothing. Time comes as an argument, in ms, and does not go back. Pure. */
#ifndef CAUSEWAY_GATEWAY_THROTTLE_H
#define CAUSEWAY_GATEWAY_THROTTLE_H

#include "map.h"

struct throttle_limit { uint32_t count, window_ms; };      /* count 0: no limit */

struct throttle {
    struct map recent, before;      /* address -> us when all of it has come back; those not asked for since 'turn' are in 'before' */
    uint64_t   turn;                /* ms */
};

void   throttle_init(struct throttle *self, const struct siphash_key seeds[2]);
void   throttle_fini(struct throttle *self);
/* 0: it may, and that is counted. Else: it may not, but after so many ms. */
uint64_t throttle_take(struct throttle *self, struct span address, const struct throttle_limit *limit, uint64_t now);
size_t throttle_bytes(const struct throttle *self);

#endif
