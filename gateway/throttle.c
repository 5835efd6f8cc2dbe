#include "throttle.h"

/* Each time taken comes back a window / count later than the one before it: so all that an address owes is one
 * moment, the one when everything is back. Whoever has not asked for a window owes nothing, and is forgotten with
 * all others like him by dropping a whole map. */

void throttle_init(struct throttle *self, const struct siphash_key seeds[2])
{
    *self = (struct throttle){ 0 };
    map_init(&self->recent, &seeds[0], NULL);
    map_init(&self->before, &seeds[1], NULL);
}

void throttle_fini(struct throttle *self)
{
    map_fini(&self->recent), map_fini(&self->before);
}

static void turn(struct throttle *self, uint32_t window_ms, uint64_t now)
{
    if (now - self->turn < window_ms) return;
    map_fini(&self->before);
    struct map empty = self->before;
    self->before = self->recent;
    self->recent = empty;
    self->turn = now;
}

uint64_t throttle_take(struct throttle *self, struct span address, const struct throttle_limit *limit, uint64_t now)
{
    if (limit->count == 0) return 0;
    turn(self, limit->window_ms, now);
    uint64_t window = limit->window_ms * (uint64_t)1000, each = window / limit->count, now_us = now * 1000;
    uint64_t due = (uint64_t)(uintptr_t)map_find(&self->recent, address);
    if (!due) due = (uint64_t)(uintptr_t)map_drop(&self->before, address);
    if (due < now_us) due = now_us;
    bool may = due + each <= now_us + window;
    if (may) due += each;
    map_put(&self->recent, address, (void *)(uintptr_t)due);
    return may ? 0 : (due + each - now_us - window + 999) / 1000;
}

size_t throttle_bytes(const struct throttle *self)
{
    return map_bytes(&self->recent) + map_bytes(&self->before);
}
