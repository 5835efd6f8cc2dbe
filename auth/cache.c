#include "cache.h"

#include "err.h"

#include <stdlib.h>

/* Chained hash table; all entries stand in one ring as well, in the order of
 * their last use: ring.next is the newest, ring.prev the oldest. The key is a
 * digest, so its first bytes are the hash. */
struct ring { struct ring *next, *prev; };

struct entry {
    struct ring   ring;         /* first: a ring pointer is an entry pointer */
    struct entry *chain;
    int64_t       until;
    uint8_t       key[CACHE_KEY];
    size_t        len;
    char          claims[];
};

struct cache {
    size_t         max_count, max_bytes, count, bytes;
    struct ring    ring;
    size_t         mask;
    struct entry **buckets;
};

struct cache *cache_new(size_t count, size_t bytes)
{
    struct cache *self = calloc(1, sizeof *self);
    NEED(self);
    self->max_count = count;
    self->max_bytes = bytes;
    self->ring = (struct ring){ &self->ring, &self->ring };
    size_t buckets = 16;
    while (buckets < count && buckets < SIZE_MAX / 4 / sizeof(struct entry *)) buckets *= 2;
    self->mask = buckets - 1;
    self->buckets = calloc(buckets, sizeof self->buckets[0]);
    NEED(self->buckets);
    return self;
}

void cache_destroy(struct cache **self)
{
    if (!*self) return;
    cache_clear(*self);
    free((*self)->buckets);
    free(*self);
    *self = NULL;
}

static size_t cost(size_t len)
{
    return sizeof(struct entry) + len;
}

static struct entry **bucket(struct cache *self, const uint8_t *key)
{
    uint64_t hash;
    memcpy(&hash, key, sizeof hash);
    return &self->buckets[hash & self->mask];
}

static struct entry **find(struct cache *self, const uint8_t *key)      /* the link to it, or to NULL */
{
    struct entry **at = bucket(self, key);
    while (*at && memcmp((*at)->key, key, CACHE_KEY) != 0) at = &(*at)->chain;
    return at;
}

static void ring_in(struct ring *ring, struct ring *one)
{
    *one = (struct ring){ ring->next, ring };
    ring->next->prev = one;
    ring->next = one;
}

static void ring_out(struct ring *one)
{
    one->prev->next = one->next;
    one->next->prev = one->prev;
}

static void drop(struct cache *self, struct entry **at)
{
    struct entry *e = *at;
    NEED(e);
    *at = e->chain;
    ring_out(&e->ring);
    self->count--;
    self->bytes -= cost(e->len);
    free(e);
}

static void drop_oldest(struct cache *self)
{
    struct entry *oldest = (struct entry *)self->ring.prev;
    drop(self, find(self, oldest->key));
}

bool cache_find(struct cache *self, const uint8_t key[CACHE_KEY], int64_t now, struct span *claims, int64_t *until)
{
    struct entry **at = find(self, key), *e = *at;
    if (!e) return false;
    if (now >= e->until) return drop(self, at), false;
    ring_out(&e->ring);
    ring_in(&self->ring, &e->ring);
    *claims = span_from(e->claims, e->len);
    *until = e->until;
    return true;
}

void cache_add(struct cache *self, const uint8_t key[CACHE_KEY], struct span claims, int64_t until)
{
    struct entry **at = find(self, key);
    if (*at) drop(self, at);
    if (self->max_count == 0 || cost(claims.len) > self->max_bytes) return;
    while (self->count >= self->max_count || self->bytes + cost(claims.len) > self->max_bytes) drop_oldest(self);
    struct entry *e = malloc(cost(claims.len));
    NEED(e);
    *e = (struct entry){ .until = until, .len = claims.len };
    memcpy(e->key, key, CACHE_KEY);
    memcpy(e->claims, claims.ptr, claims.len);
    at = bucket(self, key);
    e->chain = *at;
    *at = e;
    ring_in(&self->ring, &e->ring);
    self->count++;
    self->bytes += cost(claims.len);
}

void cache_clear(struct cache *self)
{
    while (self->count) drop_oldest(self);
}

size_t cache_count(const struct cache *self) { return self->count; }
size_t cache_bytes(const struct cache *self) { return self->bytes; }
