/* answers - EMITTEDs that are due: each waits for its commit, and for the counts
 * and clients' acks of the gateways where these were asked for, until its deadline.
 *
 * A ref is index and generation, so a late REACHED finds nothing rather than
 * another's answer. One owner: owner.c. Pure. */
#ifndef CAUSEWAY_ANSWERS_H
#define CAUSEWAY_ANSWERS_H

#include "owner.h"

struct answer {
    uint64_t        ref;            /* ours; 0: free */
    uint64_t        asked;          /* the asker's ref */
    enum role       role;           /* the asker */
    uint16_t        number;
    bool            counts, committed, duplicate, apart;     /* apart: each gateway's count by itself */
    bool            lost;           /* what was counted went with the router that had it */
    struct gateways waiting, gone;  /* gone: while they were waited for */
    uint64_t        deadline;
    uint64_t        epoch, seq;
    uint32_t        gateways, reached, answered;
    struct buf      acks;           /* strs of ACKEDs */
    struct buf      by;             /* EMITTED.by */
};

struct answers {
    struct answer *at;
    size_t         cap, count, acks_bytes;      /* acks_bytes: of all that are open */
    uint32_t      *free;
    size_t         free_count;
};

void answers_init(struct answers *self);
void answers_fini(struct answers *self);
struct answer *answers_add(struct answers *self, const struct from *from, uint64_t asked, uint64_t deadline);
struct answer *answers_find(struct answers *self, uint64_t ref);    /* or NULL */
/* False, and not kept: that would be more than 'each' for this answer, or 'all' for all. */
bool answers_keep_ack(struct answers *self, struct answer *answer, struct span acked, size_t each, size_t all);
void answers_drop(struct answers *self, struct answer *answer);
struct answer *answers_next(struct answers *self, struct answer *after);        /* walks those that are open */

#endif
