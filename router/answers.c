#include "answers.h"

#include <stdlib.h>

enum { INDEX_BITS = 24 };

void answers_init(struct answers *self)
{
    *self = (struct answers){ 0 };
}

void answers_fini(struct answers *self)
{
    for (size_t i = 0; i < self->cap; i++) buf_fini(&self->at[i].acks), buf_fini(&self->at[i].by);
    free(self->at);
    free(self->free);
    *self = (struct answers){ 0 };
}

static void grow(struct answers *self)
{
    size_t cap = self->cap ? self->cap * 2 : 64;
    NEED(cap <= 1u << INDEX_BITS);
    self->at = realloc(self->at, cap * sizeof *self->at);
    self->free = realloc(self->free, cap * sizeof *self->free);
    NEED(self->at && self->free);
    for (size_t i = cap; i-- > self->cap;) {
        self->at[i] = (struct answer){ .asked = 0 };
        self->free[self->free_count++] = (uint32_t)i;
    }
    self->cap = cap;
}

struct answer *answers_add(struct answers *self, const struct from *from, uint64_t asked, uint64_t deadline)
{
    static const uint64_t one_generation = 1ull << INDEX_BITS;
    if (self->free_count == 0) grow(self);
    uint32_t index = self->free[--self->free_count];
    struct answer *a = &self->at[index];
    /* 'asked' of a free place keeps its last ref, so the generation goes on from there. */
    uint64_t generation = (a->asked & ~(one_generation - 1)) + one_generation;
    *a = (struct answer){ .ref = generation | index, .asked = asked, .role = from->role, .number = from->number, .deadline = deadline };
    self->count++;
    return a;
}

struct answer *answers_find(struct answers *self, uint64_t ref)
{
    size_t index = ref & ((1u << INDEX_BITS) - 1);
    return ref && index < self->cap && self->at[index].ref == ref ? &self->at[index] : NULL;
}

bool answers_keep_ack(struct answers *self, struct answer *a, struct span acked, size_t each, size_t all)
{
    size_t before = a->acks.len, more = acked.len + 4;
    if (before + more > each || self->acks_bytes + more > all) return false;
    msg_add_str(&a->acks, acked);
    self->acks_bytes += a->acks.len - before;
    return true;
}

void answers_drop(struct answers *self, struct answer *a)
{
    self->acks_bytes -= a->acks.len;
    buf_fini(&a->acks), buf_fini(&a->by);
    self->free[self->free_count++] = (uint32_t)(a - self->at);
    *a = (struct answer){ .asked = a->ref };
    self->count--;
}

struct answer *answers_next(struct answers *self, struct answer *after)
{
    if (self->count == 0) return NULL;
    for (size_t i = after ? (size_t)(after - self->at) + 1 : 0; i < self->cap; i++)
        if (self->at[i].ref) return &self->at[i];
    return NULL;
}
