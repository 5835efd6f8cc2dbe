#include "past.h"

#include <stdlib.h>

void past_fini(struct past *self)
{
    free(self->at);
    *self = (struct past){ 0 };
}

struct past_stream *past_find(const struct past *self, uint16_t router, uint64_t epoch)
{
    for (size_t i = self->count; i-- > 0;)
        if (self->at[i].router == router && self->at[i].epoch == epoch) return &self->at[i];
    return NULL;
}

static void drop_oldest(struct past *self)
{
    size_t oldest = 0;
    for (size_t i = 1; i < self->count; i++)
        if (self->at[i].epoch < self->at[oldest].epoch) oldest = i;
    self->at[oldest] = self->at[--self->count];
}

struct past_stream *past_need(struct past *self, uint16_t router, uint64_t epoch)
{
    struct past_stream *p = past_find(self, router, epoch);
    if (p) return p;
    if (self->count == PAST_MAX) drop_oldest(self);
    if (self->count == self->cap) {
        self->cap = self->cap ? self->cap * 2 : 8;
        self->at = realloc(self->at, self->cap * sizeof *self->at);
        NEED(self->at);
    }
    p = &self->at[self->count++];
    *p = (struct past_stream){ .router = router, .epoch = epoch };
    return p;
}

void past_give(const struct past *self, struct buf *strs)
{
    struct buf text = { 0 };
    for (size_t i = 0; i < self->count; i++) {
        const struct past_stream *p = &self->at[i];
        const uint64_t numbers[] = { p->router, p->epoch, p->head, p->dropped, p->until };
        buf_clear(&text);
        for (size_t k = 0; k < 5; k++) {
            if (k) buf_add_byte(&text, ' ');
            buf_add_uint(&text, numbers[k]);
        }
        msg_add_str(strs, buf_span(&text));
    }
    buf_fini(&text);
}

static void raise_to(uint64_t *to, uint64_t n)
{
    if (n > *to) *to = n;
}

void past_take(struct past *self, struct span strs)
{
    struct span text;
    while (msg_next_str(&strs, &text)) {
        uint64_t n[5];
        bool sound = true;
        for (size_t k = 0; k < 5; k++) sound = sound && span_to_uint(span_cut(&text, ' '), k ? UINT64_MAX : UINT16_MAX, &n[k]);
        if (!sound || n[1] == 0) continue;
        struct past_stream *p = past_need(self, (uint16_t)n[0], n[1]);
        raise_to(&p->head, n[2]), raise_to(&p->dropped, n[3]), raise_to(&p->until, n[4]);
    }
}
