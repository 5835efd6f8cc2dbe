/* deliveries - bodies that have their number and wait to go to the gateways.
 *
 * They leave in the order of their numbers, each once its standby holds it: so
 * nobody has seen what a router that dies takes along, and everyone sees a room
 * in one order. Where there is no standby nothing waits. One owner: owner.c. */
#ifndef CAUSEWAY_DELIVERIES_H
#define CAUSEWAY_DELIVERIES_H

#include "blob.h"
#include "rooms.h"

struct delivery {
    struct gateways set;
    uint64_t        seq;
    uint64_t        ref;            /* of the answer that counts, or 0 */
    bool            held;           /* by the standby, or it needs none */
    struct blob    *stamped;        /* encoded STAMPED */
};

struct deliveries {
    struct delivery *at;            /* ring: consecutive numbers */
    size_t           head, count, cap;
};

void deliveries_fini(struct deliveries *self);
void deliveries_add(struct deliveries *self, const struct delivery *d);     /* takes the blob; the next number */
uint64_t deliveries_first(const struct deliveries *self);       /* the number that leaves next; UINT64_MAX: none waits */
struct delivery *deliveries_at(const struct deliveries *self, size_t i);    /* the i-th that waits, or NULL */
void deliveries_held(struct deliveries *self, uint64_t seq);
/* The next that may leave, its blob the caller's; 'all': held or not. False: none. */
bool deliveries_next(struct deliveries *self, bool all, struct delivery *d);

#endif
