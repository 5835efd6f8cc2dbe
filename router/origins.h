/* origins - where the history has what other routers have sequenced, by who had sent it.
 *
 * When a router dies, its senders send again what it had not confirmed; what is here
 * already is answered with its first position. The index is made at the first such
 * question of a view, in one walk over the history, and each question then costs a look
 * into a table. It holds ordinals, so what the history drops meanwhile is not found; when
 * all of it was dropped the index goes, too. One owner: owner.c. Pure. */
#ifndef CAUSEWAY_ORIGINS_H
#define CAUSEWAY_ORIGINS_H

#include "history.h"
#include "map.h"

struct origins {
    struct map         at;          /* hash of who sent what to whom -> 1 + ordinal of its record */
    struct siphash_key seed;
    bool               made;
    uint64_t           newest;      /* ordinal of the newest record in it */
};

void origins_init(struct origins *self, const struct siphash_key *seed);
void origins_fini(struct origins *self);
void origins_forget(struct origins *self);      /* a view begins: what comes to be asked was not known before */
void origins_trim(struct origins *self, const struct history *history);     /* now and then */
/* 's': router, epoch and the three fields of its origin are looked for; NULL: not here, or ours alone ('mine'). */
const struct record *origins_find(struct origins *self, const struct history *history, const struct msg_STAMPED *s, uint16_t mine);

#endif
