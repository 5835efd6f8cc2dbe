/* cache - tokens whose signature and claims were found good, so that a client
 * that reconnects costs no second signature check.
 *
 * The key is the SHA-256 of the token, made by the caller; the value its claims.
 * An entry lives until its time is over, at most; beyond 'count' entries or
 * 'bytes' of claims the one that was not asked for longest goes. Refusals are not kept:
 * they cost their sender a connection, and a cache of them is a stranger's to
 * fill. What one namespace wants is decided anew on each find. Pure. */
#ifndef CAUSEWAY_CACHE_H
#define CAUSEWAY_CACHE_H

#include "span.h"

#define CACHE_KEY 32

struct cache;
struct cache *cache_new(size_t count, size_t bytes);    /* count 0: holds nothing */
void cache_destroy(struct cache **self);

/* False: not there, or over. The claims are valid until the next call. */
bool cache_find(struct cache *self, const uint8_t key[CACHE_KEY], int64_t now, struct span *claims, int64_t *until);
void cache_add(struct cache *self, const uint8_t key[CACHE_KEY], struct span claims, int64_t until);
void cache_clear(struct cache *self);                   /* the keys have changed */
size_t cache_count(const struct cache *self);
size_t cache_bytes(const struct cache *self);           /* with what each entry costs beside its claims */

#endif
