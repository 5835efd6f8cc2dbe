#include "deliveries.h"

#include "err.h"

#include <stdlib.h>

static struct delivery *at(const struct deliveries *self, size_t i)
{
    return &self->at[(self->head + i) & (self->cap - 1)];
}

void deliveries_fini(struct deliveries *self)
{
    struct delivery d;
    while (deliveries_next(self, true, &d)) blob_drop(&d.stamped);
    free(self->at);
    *self = (struct deliveries){ 0 };
}

void deliveries_add(struct deliveries *self, const struct delivery *d)
{
    if (self->count == self->cap) {
        size_t cap = self->cap ? self->cap * 2 : 64;
        struct delivery *fresh = malloc(cap * sizeof *fresh);
        NEED(fresh);
        for (size_t i = 0; i < self->count; i++) fresh[i] = *at(self, i);
        free(self->at);
        self->at = fresh, self->cap = cap, self->head = 0;
    }
    NEED(self->count == 0 || at(self, self->count - 1)->seq + 1 == d->seq);
    self->count++;
    *at(self, self->count - 1) = *d;
}

struct delivery *deliveries_at(const struct deliveries *self, size_t i)
{
    return i < self->count ? at(self, i) : NULL;
}

uint64_t deliveries_first(const struct deliveries *self)
{
    return self->count ? at(self, 0)->seq : UINT64_MAX;
}

void deliveries_held(struct deliveries *self, uint64_t seq)
{
    if (self->count == 0 || seq < at(self, 0)->seq) return;     /* it left with a hand-over */
    NEED(seq - at(self, 0)->seq < self->count);
    at(self, (size_t)(seq - at(self, 0)->seq))->held = true;
}

bool deliveries_next(struct deliveries *self, bool all, struct delivery *d)
{
    if (self->count == 0 || !(all || at(self, 0)->held)) return false;
    *d = *at(self, 0);
    self->head = (self->head + 1) & (self->cap - 1);
    self->count--;
    return true;
}
