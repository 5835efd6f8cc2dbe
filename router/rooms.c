#include "rooms.h"

#include <stdlib.h>

struct room {
    struct gateways gateways;
    uint64_t        view;       /* newest that it was told for */
    uint32_t        len;
    char            key[];
};

static struct span key_of(const void *value)
{
    const struct room *room = value;
    return span_from(room->key, room->len);
}

void gateways_join(struct gateways *g, const struct gateways *more)
{
    for (size_t i = 0; i < ROOMS_GATEWAYS / 64; i++) g->word[i] |= more->word[i];
}

unsigned gateways_count(const struct gateways *g)
{
    unsigned n = 0;
    for (size_t i = 0; i < ROOMS_GATEWAYS / 64; i++) n += (unsigned)__builtin_popcountll(g->word[i]);
    return n;
}

int gateways_next(const struct gateways *g, int after)
{
    unsigned from = (unsigned)(after + 1);
    for (size_t i = from / 64; i < ROOMS_GATEWAYS / 64; i++) {
        uint64_t word = g->word[i];
        if (i == from / 64) word &= ~0ull << (from % 64);
        if (word) return (int)(i * 64) + __builtin_ctzll(word);
    }
    return -1;
}

void rooms_init(struct rooms *self, const struct siphash_key *seed, size_t limit)
{
    map_init(&self->map, seed, key_of);
    self->limit = limit;
}

void rooms_fini(struct rooms *self)
{
    struct map_walk walk = { 0 };
    struct room *room;
    while ((room = map_next(&self->map, &walk))) free(room);
    map_fini(&self->map);
}

enum err rooms_add(struct rooms *self, struct span key, uint16_t gateway, uint64_t view)
{
    if (gateway >= ROOMS_GATEWAYS) return ERR_RANGE;
    struct room *room = map_find(&self->map, key);
    if (!room) {
        if (self->map.count >= self->limit) return ERR_FULL;
        room = malloc(sizeof *room + key.len);
        NEED(room);
        *room = (struct room){ .len = (uint32_t)key.len };
        memcpy(room->key, key.ptr, key.len);
        map_put(&self->map, key_of(room), room);
    }
    gateways_add(&room->gateways, gateway);
    if (view > room->view) room->view = view;
    return OK;
}

static void drop_if_empty(struct rooms *self, struct room *room)
{
    if (gateways_next(&room->gateways, -1) >= 0) return;
    map_drop(&self->map, key_of(room));
    free(room);
}

void rooms_drop(struct rooms *self, struct span key, uint16_t gateway)
{
    struct room *room = gateway < ROOMS_GATEWAYS ? map_find(&self->map, key) : NULL;
    if (!room) return;
    gateways_drop(&room->gateways, gateway);
    drop_if_empty(self, room);
}

const struct gateways *rooms_find(const struct rooms *self, struct span key)
{
    const struct room *room = map_find(&self->map, key);
    return room ? &room->gateways : NULL;
}

void rooms_forget(struct rooms *self, uint16_t gateway)
{
    if (gateway >= ROOMS_GATEWAYS) return;
    struct map_walk walk = { 0 };
    struct room *room;
    while ((room = map_next(&self->map, &walk))) {
        gateways_drop(&room->gateways, gateway);
        drop_if_empty(self, room);
    }
}

void rooms_sift(struct rooms *self, uint64_t view, bool (*keep)(void *self, struct span key), void *keep_self)
{
    struct map_walk walk = { 0 };
    struct room *room;
    while ((room = map_next(&self->map, &walk))) {
        if (room->view > view || keep(keep_self, key_of(room))) continue;
        map_drop(&self->map, key_of(room));
        free(room);
    }
}

bool rooms_next(const struct rooms *self, struct map_walk *walk, struct span *key)
{
    const struct room *room = map_next(&self->map, walk);
    if (room) *key = key_of(room);
    return room;
}

size_t rooms_count(const struct rooms *self)
{
    return self->map.count;
}

size_t rooms_bytes(const struct rooms *self)
{
    return map_bytes(&self->map) + self->map.count * sizeof(struct room);
}
