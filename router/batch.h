/* batch - many requests in one message, and the one list that answers them.
 *
 * Each member is a request like any other; what it is answered comes back here by
 * its envelope, which names batch and place instead of an asker, and waits until
 * all have theirs. Who sent the batch gets one JSON list in the order of its requests;
 * attachments of answers follow in that order too, and a member that has any says how
 * many ("attachments":2: its placeholders count those alone).
 *
 * A member's answer that brings the list over 'bytes' is replaced by an error, so that
 * a batch costs no more than that. One owner: the router's core. Pure. */
#ifndef CAUSEWAY_ROUTER_BATCH_H
#define CAUSEWAY_ROUTER_BATCH_H

#include "blob.h"
#include "map.h"

struct batch;
struct batches {
    struct map at;                  /* id -> struct batch */
    uint64_t   ids;
    size_t     bytes;               /* most of one list */
};

void batches_init(struct batches *self, const struct siphash_key *seed, size_t bytes);
void batches_fini(struct batches *self);

/* Takes the asker's envelope; the id for batch_envelope. count > 0. */
uint64_t batch_new(struct batches *self, struct blob **envelope, size_t count);
struct blob *batch_envelope(uint64_t batch, size_t place);      /* of a member */

/* Is this envelope a member's? Then its answer is kept, and '*whole' says whether it was the last one due:
 * *envelope, *json and *attachments (strs, or NULL) are the caller's then. */
bool batch_on_answer(struct batches *self, struct span member, struct span json, struct span attachments, bool *whole,
                     struct blob **envelope, struct buf *list, struct buf *frames);

#endif
