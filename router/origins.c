#include "origins.h"

#include "err.h"

void origins_init(struct origins *self, const struct siphash_key *seed)
{
    *self = (struct origins){ .seed = *seed };
    map_init(&self->at, seed, NULL);
}

void origins_fini(struct origins *self)
{
    map_fini(&self->at);
}

void origins_forget(struct origins *self)
{
    map_fini(&self->at);
    origins_init(self, &(struct siphash_key){ self->seed.k0, self->seed.k1 });
}

void origins_trim(struct origins *self, const struct history *history)
{
    if (self->made && history->dropped > self->newest) origins_forget(self);
}

static uint64_t hash_of(const struct origins *self, const struct msg_STAMPED *s)
{
    const uint64_t numbers[] = { s->router, s->epoch, s->origin_epoch, s->origin_number, siphash_1_3(&self->seed, s->origin) };
    return siphash_1_3(&self->seed, span_from((const char *)numbers, sizeof numbers));
}

static void make(struct origins *self, const struct history *history, uint16_t mine)
{
    struct msg_STAMPED s;
    self->made = true;
    for (size_t i = 0; i < history->count; i++) {
        const struct record *r = history_at(history, i);
        if (r->router == mine || msg_decode_STAMPED(&s, blob_span(r->stamped)) != OK) continue;
        self->newest = history->dropped + i;
        map_put_u64(&self->at, hash_of(self, &s), (void *)(uintptr_t)(self->newest + 1));
    }
}

const struct record *origins_find(struct origins *self, const struct history *history, const struct msg_STAMPED *s, uint16_t mine)
{
    if (!self->made) make(self, history, mine);
    uint64_t ordinal = (uint64_t)(uintptr_t)map_find_u64(&self->at, hash_of(self, s));
    if (ordinal-- == 0 || ordinal < history->dropped || ordinal - history->dropped >= history->count) return NULL;
    const struct record *r = history_at(history, (size_t)(ordinal - history->dropped));
    struct msg_STAMPED got;
    bool same = msg_decode_STAMPED(&got, blob_span(r->stamped)) == OK && got.router == s->router && got.epoch == s->epoch &&
                got.origin_number == s->origin_number && got.origin_epoch == s->origin_epoch && span_same(got.origin, s->origin);
    return same ? r : NULL;
}
