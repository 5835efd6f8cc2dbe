#include "history.h"

#include <stdlib.h>

void history_init(struct history *self, const struct history_limits *limits)
{
    *self = (struct history){ .limits = *limits };
}

static void shift(struct history *self)
{
    struct record *oldest = &self->at[self->head];
    struct past_stream *p = past_find(&self->past, oldest->router, oldest->epoch);
    if (p && oldest->seq > p->dropped) p->dropped = oldest->seq;
    if (p && oldest->time > p->until) p->until = oldest->time;
    self->bytes -= blob_span(oldest->stamped).len;
    blob_drop(&oldest->stamped);
    self->head = (self->head + 1) & (self->cap - 1);
    self->count--;
}

void history_fini(struct history *self)
{
    while (self->count) shift(self);
    past_fini(&self->past);
    free(self->at);
    *self = (struct history){ 0 };
}

void history_trim(struct history *self, uint64_t now)
{
    while (self->count && (self->count > self->limits.count || self->bytes > self->limits.bytes ||
                           self->at[self->head].time + self->limits.age_ms < now)) {
        shift(self);
        self->dropped++;
    }
}

void history_add(struct history *self, const struct record *record)
{
    if (self->count == self->cap) {
        size_t cap = self->cap ? self->cap * 2 : 64;
        struct record *at = malloc(cap * sizeof *at);
        NEED(at);
        for (size_t i = 0; i < self->count; i++) at[i] = *history_at(self, i);
        free(self->at);
        self->at = at, self->cap = cap, self->head = 0;
    }
    self->at[(self->head + self->count++) & (self->cap - 1)] = *record;
    self->bytes += blob_span(record->stamped).len;
    struct past_stream *p = past_need(&self->past, record->router, record->epoch);
    if (record->seq > p->head) p->head = record->seq;
    while (self->count > self->limits.count || self->bytes > self->limits.bytes) {
        shift(self);
        self->dropped++;
    }
}

const struct record *history_at(const struct history *self, size_t i)
{
    return &self->at[(self->head + i) & (self->cap - 1)];
}

/* Walks back from the newest: a stream's own records lie in the order of their
 * numbers, so the first one at or below 'since' ends the walk. */
size_t history_since(const struct history *self, uint16_t router, uint64_t epoch, uint64_t since)
{
    size_t i = self->count;
    while (i > 0) {
        const struct record *r = history_at(self, i - 1);
        if (r->router == router && r->epoch == epoch && r->seq <= since) break;
        i--;
    }
    return i;
}

bool history_reaches(const struct history *self, uint16_t router, uint64_t epoch, uint64_t since)
{
    const struct past_stream *p = past_find(&self->past, router, epoch);
    return p && since >= p->dropped;
}
