#include "outbox.h"

#include <stdlib.h>

enum { POOL_KEPT_BYTES = 8 << 20 };     /* free rings beyond that go back to malloc */

static uint32_t slots_of(unsigned class) { return (uint32_t)OUTBOX_SLOTS_MIN << class; }
static size_t ring_bytes(unsigned class) { return slots_of(class) * sizeof(struct outbox_slot); }

/* A free ring's first bytes point to the next free one. */
static struct outbox_slot *ring_take(struct outbox_pool *pool, unsigned class)
{
    void *ring = pool->free[class];
    pool->used += ring_bytes(class);
    if (!ring) {
        ring = malloc(ring_bytes(class));
        NEED(ring);
        return ring;
    }
    memcpy(&pool->free[class], ring, sizeof(void *));
    pool->bytes -= ring_bytes(class);
    return ring;
}

static void ring_give(struct outbox_pool *pool, struct outbox_slot *ring, unsigned class)
{
    pool->used -= ring_bytes(class);
    if (pool->bytes + ring_bytes(class) > POOL_KEPT_BYTES) {
        free(ring);
        return;
    }
    memcpy(ring, &pool->free[class], sizeof(void *));
    pool->free[class] = ring;
    pool->bytes += ring_bytes(class);
}

void outbox_pool_fini(struct outbox_pool *pool)
{
    for (unsigned class = 0; class < OUTBOX_CLASSES; class++)
        while (pool->free[class]) {
            void *ring = pool->free[class];
            memcpy(&pool->free[class], ring, sizeof(void *));
            free(ring);
        }
    pool->bytes = 0;
}

static struct outbox_slot *slot_at(const struct outbox *self, uint32_t i)
{
    return &self->ring[(self->head + i) & (slots_of(self->class) - 1)];
}

static bool grow(struct outbox *self, struct outbox_pool *pool)
{
    if (!self->ring) {
        self->class = 0, self->head = 0;
        self->ring = ring_take(pool, 0);
        return true;
    }
    if (self->count < slots_of(self->class)) return true;
    if (self->class + 1u >= OUTBOX_CLASSES) return false;
    struct outbox_slot *ring = ring_take(pool, self->class + 1u);
    for (uint32_t i = 0; i < self->count; i++) ring[i] = *slot_at(self, i);
    ring_give(pool, self->ring, self->class);
    self->ring = ring, self->head = 0, self->class++;
    return true;
}

enum err outbox_push(struct outbox *self, struct outbox_pool *pool, const struct outbox_limits *limits, struct blob *frame, uint64_t now)
{
    if (self->count) {
        size_t beside = (size_t)self->count * OUTBOX_FRAME_COST;
        if (limits->bytes && outbox_left(self) + beside + frame->len > (size_t)limits->bytes + self->credit) return ERR_FULL;
        if (limits->age_ms && (uint32_t)now - slot_at(self, 0)->since > limits->age_ms) return ERR_TIMEOUT;
    }
    if (self->bytes > UINT32_MAX - frame->len || !grow(self, pool)) return ERR_FULL;
    *slot_at(self, self->count++) = (struct outbox_slot){ blob_hold(frame), (uint32_t)now };
    self->bytes += frame->len;
    pool->queued += frame->len;
    return OK;
}

bool outbox_stuck(const struct outbox *self, uint64_t now)
{
    return self->count && slot_at(self, 0)->since != (uint32_t)now;
}

size_t outbox_gather(const struct outbox *self, char *scratch, size_t cap)
{
    size_t n = 0, skip = self->offset;
    for (uint32_t i = 0; i < self->count && n < cap; i++, skip = 0) {
        struct span part = span_head(span_skip(blob_span(slot_at(self, i)->frame), skip), cap - n);
        memcpy(scratch + n, part.ptr, part.len);
        n += part.len;
    }
    return n;
}

struct blob *outbox_take(struct outbox *self, struct outbox_pool *pool)
{
    if (!self->count) return NULL;
    struct blob *frame = slot_at(self, 0)->frame;
    self->bytes -= frame->len, self->offset = 0;
    self->credit -= self->credit < frame->len ? self->credit : frame->len;
    pool->queued -= frame->len;
    self->head = (self->head + 1) & (slots_of(self->class) - 1);
    if (--self->count == 0) {
        ring_give(pool, self->ring, self->class);
        self->ring = NULL;
    }
    return frame;
}

void outbox_wrote(struct outbox *self, struct outbox_pool *pool, size_t n)
{
    while (self->count) {
        size_t left = slot_at(self, 0)->frame->len - self->offset;
        if (n < left) {
            self->offset += (uint32_t)n;
            return;
        }
        n -= left;
        struct blob *done = outbox_take(self, pool);
        blob_drop(&done);
    }
}

void outbox_fini(struct outbox *self, struct outbox_pool *pool)
{
    for (struct blob *frame; (frame = outbox_take(self, pool)); ) blob_drop(&frame);
}
