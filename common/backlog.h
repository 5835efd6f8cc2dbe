/* backlog - numbered blobs that wait for something, oldest first: a ring.
 *
 * Numbers count up from 1 and are never used twice, whatever is taken out. The
 * backlog owns a reference to each blob in it; no memory per message but that
 * reference. Pure. Owner: a link. */
#ifndef CAUSEWAY_BACKLOG_H
#define CAUSEWAY_BACKLOG_H

#include "blob.h"

struct backlog {
    struct blob **ring;
    size_t        cap, head, count;     /* cap: a power of two, or 0 */
    size_t        bytes;                /* of all blobs in it */
    uint64_t      front;                /* number of the oldest; where empty: of the next */
};

void     backlog_init(struct backlog *self);
void     backlog_fini(struct backlog *self);
uint64_t backlog_add(struct backlog *self, struct blob *take);  /* its number */
struct blob *backlog_take(struct backlog *self);                /* the oldest, the caller's now; NULL where empty */
const struct blob *backlog_at(const struct backlog *self, uint64_t number);     /* one that is in it */

static inline uint64_t backlog_last(const struct backlog *self)     /* number of the newest ever added */
{
    return self->front + self->count - 1;
}

#endif
