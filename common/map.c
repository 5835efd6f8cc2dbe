#include "map.h"
#include "err.h"

#include <stdlib.h>

struct map_slot {
    uint64_t hash;
    void    *value;     /* NULL: free. Where keys are copied: its 'struct copy' */
};

struct copy {           /* of a key, in front of the value */
    void  *value;
    size_t len;
    char   key[];
};

enum { CAP_MIN = 8 };

void map_init(struct map *self, const struct siphash_key *seed, map_key *key_of)
{
    *self = (struct map){ .seed = *seed, .key_of = key_of };
}

static bool copying(const struct map *self)     /* a copy counts at least its own header: never 0 while there is one */
{
    return self->key_bytes > 0;
}

void map_fini(struct map *self)
{
    if (copying(self))
        for (size_t i = 0; i < self->cap; i++) free(self->slots[i].value);
    free(self->slots);
    struct siphash_key seed = self->seed;
    map_init(self, &seed, self->key_of);
}

/* ---- the array: hashes only, no keys */

static size_t home(const struct map *self, uint64_t hash)
{
    return (size_t)(hash >> self->shift);
}

static size_t astray(const struct map *self, size_t at)     /* how far behind its home a value lies */
{
    return (at - home(self, self->slots[at].hash)) & (self->cap - 1);
}

static size_t after(const struct map *self, size_t at)
{
    return (at + 1) & (self->cap - 1);
}

/* Who is further from home keeps the slot: so a search may end at the first
 * value that is nearer to its home than the one looked for would be. */
static void insert(struct map *self, struct map_slot slot)
{
    size_t at = home(self, slot.hash), far = 0;
    for (; self->slots[at].value; at = after(self, at), far++) {
        size_t his = astray(self, at);
        if (his >= far) continue;
        struct map_slot evicted = self->slots[at];
        self->slots[at] = slot;
        slot = evicted;
        far = his;
    }
    self->slots[at] = slot;
}

static void resize(struct map *self, size_t cap)
{
    struct map old = *self;
    self->cap = cap;
    self->shift = 64 - (unsigned)__builtin_ctzll(cap);
    self->slots = calloc(cap, sizeof *self->slots);
    NEED(self->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].value) insert(self, old.slots[i]);
    free(old.slots);
}

void map_trim(struct map *self)
{
    size_t cap = CAP_MIN;
    if (self->count == 0) {
        free(self->slots);
        self->slots = NULL, self->cap = 0;
        return;
    }
    while (cap / 2 < self->count) cap *= 2;
    if (cap < self->cap) resize(self, cap);
}

void map_tidy(struct map *self)
{
    if (self->count < self->cap / 8) map_trim(self);
}

static void add(struct map *self, struct map_slot slot)
{
    if (self->count >= self->cap - self->cap / 8) resize(self, self->cap ? self->cap * 2 : CAP_MIN);
    else if (self->count) map_tidy(self);
    insert(self, slot);
    self->count++;
}

static void *remove_at(struct map *self, size_t at)
{
    void *value = self->slots[at].value;
    size_t next = after(self, at);
    for (; self->slots[next].value && astray(self, next) > 0; at = next, next = after(self, next))
        self->slots[at] = self->slots[next];
    self->slots[at] = (struct map_slot){ 0, NULL };
    self->count--;
    return value;
}

/* ---- keys that are bytes */

static struct span key_at(const struct map *self, const struct map_slot *slot)
{
    if (self->key_of) return self->key_of(slot->value);
    const struct copy *copy = slot->value;
    return (struct span){ copy->key, copy->len };
}

static struct map_slot *find(const struct map *self, struct span key, uint64_t hash)
{
    if (self->count == 0) return NULL;
    size_t at = home(self, hash);
    for (size_t far = 0; self->slots[at].value && astray(self, at) >= far; at = after(self, at), far++) {
        struct map_slot *slot = &self->slots[at];
        if (slot->hash == hash && span_same(key_at(self, slot), key)) return slot;
    }
    return NULL;
}

void *map_find(const struct map *self, struct span key)
{
    if (self->count == 0) return NULL;
    struct map_slot *slot = find(self, key, siphash_1_3(&self->seed, key));
    if (!slot) return NULL;
    return self->key_of ? slot->value : ((struct copy *)slot->value)->value;
}

void *map_put(struct map *self, struct span key, void *value)
{
    NEED(value);
    uint64_t hash = siphash_1_3(&self->seed, key);
    struct map_slot *slot = find(self, key, hash);
    if (slot) {
        void **place = self->key_of ? &slot->value : &((struct copy *)slot->value)->value;
        void *old = *place;
        *place = value;
        return old;
    }
    if (!self->key_of) {
        struct copy *copy = malloc(sizeof *copy + key.len);
        NEED(copy);
        copy->value = value;
        copy->len = key.len;
        if (key.len) memcpy(copy->key, key.ptr, key.len);
        self->key_bytes += sizeof *copy + key.len;
        value = copy;
    }
    add(self, (struct map_slot){ hash, value });
    return NULL;
}

void *map_drop(struct map *self, struct span key)
{
    struct map_slot *slot = self->count ? find(self, key, siphash_1_3(&self->seed, key)) : NULL;
    if (!slot) return NULL;
    void *value = remove_at(self, (size_t)(slot - self->slots));
    if (self->key_of) return value;
    struct copy *copy = value;
    self->key_bytes -= sizeof *copy + copy->len;
    value = copy->value;
    free(copy);
    return value;
}

size_t map_probes(const struct map *self, struct span key)
{
    if (self->count == 0) return 0;
    uint64_t hash = siphash_1_3(&self->seed, key);
    size_t at = home(self, hash), far = 0;
    for (; self->slots[at].value && astray(self, at) >= far; at = after(self, at), far++)
        if (self->slots[at].hash == hash) break;
    return far + 1;
}

size_t map_bytes(const struct map *self)
{
    return self->cap * sizeof *self->slots + self->key_bytes;
}

/* ---- keys that are numbers: the hash is a bijection, so it is the key as well */

static uint64_t hash_u64(const struct map *self, uint64_t key)
{
    uint64_t x = (key ^ self->seed.k0) + self->seed.k1;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}

static struct map_slot *find_u64(const struct map *self, uint64_t hash)
{
    if (self->count == 0) return NULL;
    size_t at = home(self, hash);
    for (size_t far = 0; self->slots[at].value && astray(self, at) >= far; at = after(self, at), far++)
        if (self->slots[at].hash == hash) return &self->slots[at];
    return NULL;
}

void *map_find_u64(const struct map *self, uint64_t key)
{
    struct map_slot *slot = find_u64(self, hash_u64(self, key));
    return slot ? slot->value : NULL;
}

void *map_put_u64(struct map *self, uint64_t key, void *value)
{
    NEED(value && !copying(self));
    uint64_t hash = hash_u64(self, key);
    struct map_slot *slot = find_u64(self, hash);
    if (!slot) return add(self, (struct map_slot){ hash, value }), NULL;
    void *old = slot->value;
    slot->value = value;
    return old;
}

void *map_drop_u64(struct map *self, uint64_t key)
{
    struct map_slot *slot = find_u64(self, hash_u64(self, key));
    return slot ? remove_at(self, (size_t)(slot - self->slots)) : NULL;
}

/* ---- walking: downwards from a free slot. To drop a value only moves those
 * behind it, which were given already, and no run of values crosses that slot. */
void *map_next(const struct map *self, struct map_walk *walk)
{
    if (!walk->begun) {
        *walk = (struct map_walk){ .begun = true, .left = self->cap };
        while (walk->left && self->slots[walk->at].value) walk->at++;
    }
    while (walk->left) {
        walk->left--;
        const void *value = self->slots[walk->at = (walk->at - 1) & (self->cap - 1)].value;
        if (value) return copying(self) ? ((const struct copy *)value)->value : self->slots[walk->at].value;
    }
    return NULL;
}
