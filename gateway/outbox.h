/* outbox - what waits to be written to one connection: a ring of references to
 * shared frames, bounded in bytes and age.
 *
 * A broadcast is encoded once into a blob; a thousand outboxes hold references.
 * Frames are bytes that may be cut anywhere: outbox_gather copies what fits into
 * one scratch for one write, outbox_wrote says how much of it left; a frame half
 * written keeps its place by 'offset'. Rings come from the gate's pool and go
 * back when the outbox is empty: an idle connection owns no memory here, and a
 * push costs no malloc once the pool is warm. Full means full: what happens then is
 * for the pusher to decide. Pure. */
#ifndef CAUSEWAY_GATEWAY_OUTBOX_H
#define CAUSEWAY_GATEWAY_OUTBOX_H

#include "blob.h"
#include "err.h"

enum { OUTBOX_SLOTS_MIN = 8, OUTBOX_CLASSES = 20 };     /* rings of 8, 16, 32 ... slots */

struct outbox_slot {
    struct blob *frame;
    uint32_t     since;         /* ms, truncated: when it was pushed */
};

/* A frame's slot and its blob, whatever its length: a peer that reads nothing could have a million pongs of two bytes wait. */
enum { OUTBOX_FRAME_COST = 48 };

struct outbox_limits { uint32_t bytes, age_ms; };   /* bytes: of frames, OUTBOX_FRAME_COST with each; 0: no limit */

struct outbox {                 /* { 0 } is an empty one */
    struct outbox_slot *ring;
    uint32_t bytes;             /* of frames, what of the first one left already included */
    uint32_t offset;            /* of the first frame: written */
    uint32_t head, count;
    uint32_t credit;            /* bytes beyond the limit: of what came at once, and is not written yet */
    uint8_t  class;             /* the ring has 8 << class slots */
};

/* Empty rings by size; bounded. One a gate. */
struct outbox_pool {
    void    *free[OUTBOX_CLASSES];
    size_t   bytes;             /* of free rings */
    size_t   used;              /* of rings that are in use */
    uint64_t queued;            /* bytes of frames that are referenced, a shared one once per outbox */
};
void outbox_pool_fini(struct outbox_pool *pool);

/* Holds a reference of its own. ERR_FULL: over the bytes; ERR_TIMEOUT: the first frame waits for too long. */
enum err outbox_push(struct outbox *self, struct outbox_pool *pool, const struct outbox_limits *limits, struct blob *frame, uint64_t now);
size_t   outbox_gather(const struct outbox *self, char *scratch, size_t cap);   /* bytes copied */
void     outbox_wrote(struct outbox *self, struct outbox_pool *pool, size_t n);
/* The first frame whole, the caller's reference, or NULL: for who sends frame by frame. */
struct blob *outbox_take(struct outbox *self, struct outbox_pool *pool);
void     outbox_fini(struct outbox *self, struct outbox_pool *pool);   /* drops all */
/* The first frame was pushed in an earlier turn: its connection takes nothing now. */
bool     outbox_stuck(const struct outbox *self, uint64_t now);
static inline size_t outbox_left(const struct outbox *self) { return self->bytes - self->offset; }

#endif
