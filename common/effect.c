#include "effect.h"

#include <stdlib.h>

void effects_add(struct effects *self, enum role role, uint16_t number, enum msg_type type, struct blob *take, uint64_t ticket)
{
    if (self->count == self->cap) {
        self->cap = self->cap ? self->cap * 2 : 16;
        self->at = realloc(self->at, self->cap * sizeof *self->at);
        NEED(self->at);
    }
    self->at[self->count++] = (struct effect){ role, number, type, take, ticket };
}

void effects_add_buf(struct effects *self, enum role role, uint16_t number, enum msg_type type, struct buf *scratch, uint64_t ticket)
{
    effects_add(self, role, number, type, blob_new(buf_span(scratch)), ticket);
    buf_clear(scratch);
}

void effects_clear(struct effects *self)
{
    for (size_t i = 0; i < self->count; i++) blob_drop(&self->at[i].message);
    self->count = 0;
}

void effects_fini(struct effects *self)
{
    effects_clear(self);
    free(self->at);
    *self = (struct effects){ 0 };
}
