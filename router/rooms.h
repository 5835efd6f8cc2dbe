/* rooms - which gateways have a member of which room: what a router must know to
 * send one copy to each gateway that wants it.
 *
 * A room exists here while at least one gateway is interested in it. The key is
 * namespace, NUL, address (address.h); the table owns its copy. Gateways are
 * bits, so a router serves gateways 0..ROOMS_GATEWAYS-1. One owner: the router's
 * core. Memory: about 100 bytes a room. Pure. */
#ifndef CAUSEWAY_ROOMS_H
#define CAUSEWAY_ROOMS_H

#include "err.h"
#include "map.h"

#define ROOMS_GATEWAYS 256

struct gateways { uint64_t word[ROOMS_GATEWAYS / 64]; };

static inline bool gateways_has(const struct gateways *g, uint16_t n) { return g->word[n / 64] >> (n % 64) & 1; }
static inline void gateways_add(struct gateways *g, uint16_t n)       { g->word[n / 64] |= 1ull << (n % 64); }
static inline void gateways_drop(struct gateways *g, uint16_t n)      { g->word[n / 64] &= ~(1ull << (n % 64)); }
void gateways_join(struct gateways *g, const struct gateways *more);
unsigned gateways_count(const struct gateways *g);
/* Walks the set: for (int n = -1; (n = gateways_next(g, n)) >= 0;) */
int  gateways_next(const struct gateways *g, int after);

struct rooms {
    struct map map;
    size_t     limit;
};

void rooms_init(struct rooms *self, const struct siphash_key *seed, size_t limit);
void rooms_fini(struct rooms *self);
/* 'view': the newest that the gateway knew when it said so. ERR_FULL, ERR_RANGE. */
enum err rooms_add(struct rooms *self, struct span key, uint16_t gateway, uint64_t view);
void rooms_drop(struct rooms *self, struct span key, uint16_t gateway);
const struct gateways *rooms_find(const struct rooms *self, struct span key);   /* NULL: nobody is interested */
void rooms_forget(struct rooms *self, uint16_t gateway);        /* a gateway is gone: O(rooms), once */
/* Drops every room that 'keep' does not want, after ownership has moved with 'view'; not those that
 * a gateway has told for a later view already. */
void rooms_sift(struct rooms *self, uint64_t view, bool (*keep)(void *self, struct span key), void *keep_self);
bool rooms_next(const struct rooms *self, struct map_walk *walk, struct span *key);  /* each key once, while no room comes or goes */
size_t rooms_count(const struct rooms *self);
size_t rooms_bytes(const struct rooms *self);

#endif
