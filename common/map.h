/* map - keys that are bytes (or 64-bit numbers) to pointers, by open addressing.
 *
 * One flat array of 16-byte slots { hash, value }, linear probing in the order
 * of the hashes (robin hood), deletion by shifting back: no tombstones, a miss
 * ends early, a hit reads one line of the array and the key itself. The hash is
 * SipHash under the map's own random seed, so a stranger who names rooms cannot
 * make them collide. It grows at 7/8 and, at a put, shrinks below 1/8.
 *
 * Keys are not copied: 'key_of' finds the key inside a value, which therefore
 * must not change or die while it is in the map. Without 'key_of' the map keeps
 * its own copy of each key. Values are pointers, not NULL, and their owner's:
 * map_fini frees none of them. Spans passed in are only read during the call.
 * Maps need a seed each: to walk one and fill another of the same seed is slow. */
#ifndef CAUSEWAY_MAP_H
#define CAUSEWAY_MAP_H

#include "siphash.h"

typedef struct span map_key(const void *value);

struct map {
    struct map_slot   *slots;
    size_t             cap;         /* a power of two, or 0 */
    size_t             count;
    size_t             key_bytes;   /* of copied keys */
    unsigned           shift;       /* a slot is hash >> shift: growing copies in order */
    struct siphash_key seed;
    map_key           *key_of;      /* NULL: keys are copied */
};

void   map_init(struct map *self, const struct siphash_key *seed, map_key *key_of);
void   map_fini(struct map *self);
void  *map_find(const struct map *self, struct span key);           /* or NULL */
void  *map_put(struct map *self, struct span key, void *value);     /* the value that had this key before, or NULL */
void  *map_drop(struct map *self, struct span key);                 /* the value that had it, or NULL */
void   map_trim(struct map *self);                                  /* shrinks now, to nothing where it is empty */
void   map_tidy(struct map *self);                                  /* the same, below 1/8: for a slow timer */
size_t map_probes(const struct map *self, struct span key);         /* how many slots map_find looks at: what it costs, for tests */
size_t map_bytes(const struct map *self);                           /* all memory of the map, without the values */

/* The same for keys that are numbers of ours (the value need not know them).
 * A map is used by spans or by numbers, never by both; key_of is not called. */
void  *map_find_u64(const struct map *self, uint64_t key);
void  *map_put_u64(struct map *self, uint64_t key, void *value);
void  *map_drop_u64(struct map *self, uint64_t key);

/* Each value once, in no order:
 *     struct map_walk walk = { 0 };
 *     while ((value = map_next(&map, &walk))) ...
 * The value just given may be dropped meanwhile, nothing else be put or dropped. */
struct map_walk { size_t at, left; bool begun; };
void  *map_next(const struct map *self, struct map_walk *walk);     /* NULL at the end */

#endif
