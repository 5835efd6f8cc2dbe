/* marks - what was seen before: duplicates of publishers by their own ids, and of
 * senders whose emit was already with a router that died.
 *
 * A mark says: of what router R (in life E) took from origin O (in life P) and
 * router H kept, we hold everything up to number N. H is R itself (HANDED), or
 * one of its standbys: each keeps its own rooms only, so what one of them has
 * says nothing of what has reached another one. Publish ids are kept by count and age, the oldest go first.
 * Pure; one owner: owner.c. */
#ifndef CAUSEWAY_MARKS_H
#define CAUSEWAY_MARKS_H

#include "buf.h"
#include "err.h"
#include "map.h"

struct publish { uint64_t epoch, seq, time; uint32_t gateways; };

struct marks {
    struct map  numbers;        /* "router holder epoch origin epoch" -> number */
    struct map  ids;
    struct publish_entry *oldest, *newest;
    size_t      limit;
    uint64_t    age_ms;
    struct buf  scratch;
};

void marks_init(struct marks *self, const struct siphash_key *seed, size_t limit, uint64_t age_ms);
void marks_fini(struct marks *self);

void marks_see(struct marks *self, uint16_t router, uint16_t holder, uint64_t epoch, struct span origin, uint64_t origin_epoch, uint64_t number);
bool marks_seen(struct marks *self, uint16_t router, uint16_t holder, uint64_t epoch, struct span origin, uint64_t origin_epoch, uint64_t number);
/* HANDED's marks, of what the router holds of its own: "router holder epoch origin epoch number" texts. */
void marks_give(struct marks *self, uint16_t router, struct buf *strs);
void marks_take(struct marks *self, uint16_t router, struct span strs);

void marks_publish(struct marks *self, struct span id, uint64_t epoch, uint64_t seq, uint32_t gateways, uint64_t time);
const struct publish *marks_published(struct marks *self, struct span id, uint64_t now);     /* NULL: not seen, or too long ago */
size_t marks_publishes(const struct marks *self);

#endif
