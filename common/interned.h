/* interned - texts that many have, kept once: counted, found by their bytes.
 *
 * Whoever holds one drops it. Bounded by its holders: a text goes with its last one.
 * Pure; one owner. */
#ifndef CAUSEWAY_INTERNED_H
#define CAUSEWAY_INTERNED_H

#include "map.h"

struct interned_text { uint32_t holders, len; char bytes[]; };
struct interned { struct map by_text; size_t bytes; };

void interned_init(struct interned *self, const struct siphash_key *seed);
void interned_fini(struct interned *self);          /* nobody holds any */
struct interned_text *interned_hold(struct interned *self, struct span text);      /* NULL: the empty one */
void interned_drop(struct interned *self, struct interned_text **text);
static inline struct span interned_span(const struct interned_text *t) { return t ? (struct span){ t->bytes, t->len } : (struct span){ "", 0 }; }
void   interned_tidy(struct interned *self);        /* now and then: gives back what its table doesn't need */
size_t interned_bytes(const struct interned *self);

#endif
