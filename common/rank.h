/* rank - rendezvous hashing (highest random weight): who of a set of instances
 * owns a key, and who is next. Adding or removing one of n instances moves only
 * the keys that it wins or had, 1/n of all. Pure; the same on every daemon. */
#ifndef CAUSEWAY_RANK_H
#define CAUSEWAY_RANK_H

#include "span.h"

#define RANK_NOBODY UINT16_MAX

uint64_t rank_hash(struct span key);        /* fixed for all time: it decides ownership across versions */
/* The best and the second best of 'numbers' for a key; RANK_NOBODY where there is none. */
void rank_pick(const uint16_t *numbers, size_t count, uint64_t hash, uint16_t *owner, uint16_t *standby);

#endif
