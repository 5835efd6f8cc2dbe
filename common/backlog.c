#include "backlog.h"
#include "err.h"

#include <stdlib.h>

enum { CAP_MIN = 16, CAP_KEPT = 4096 };

void backlog_init(struct backlog *self)
{
    *self = (struct backlog){ .front = 1 };
}

void backlog_fini(struct backlog *self)
{
    for (struct blob *b; (b = backlog_take(self));) blob_drop(&b);
    free(self->ring);
    backlog_init(self);
}

static void grow(struct backlog *self)
{
    size_t cap = self->cap ? self->cap * 2 : CAP_MIN;
    struct blob **ring = malloc(cap * sizeof *ring);
    NEED(ring);
    for (size_t i = 0; i < self->count; i++) ring[i] = self->ring[(self->head + i) & (self->cap - 1)];
    free(self->ring);
    self->ring = ring;
    self->cap = cap;
    self->head = 0;
}

uint64_t backlog_add(struct backlog *self, struct blob *take)
{
    if (self->count == self->cap) grow(self);
    self->ring[(self->head + self->count++) & (self->cap - 1)] = take;
    self->bytes += take->len;
    return backlog_last(self);
}

struct blob *backlog_take(struct backlog *self)
{
    if (self->count == 0) return NULL;
    struct blob *blob = self->ring[self->head];
    self->head = (self->head + 1) & (self->cap - 1);
    self->bytes -= blob->len;
    self->front++;
    if (--self->count == 0 && self->cap > CAP_KEPT) {       /* what one bad moment took is given back */
        free(self->ring);
        self->ring = NULL;
        self->cap = self->head = 0;
    }
    return blob;
}

const struct blob *backlog_at(const struct backlog *self, uint64_t number)
{
    NEED(number >= self->front && number - self->front < self->count);
    return self->ring[(self->head + (size_t)(number - self->front)) & (self->cap - 1)];
}
