#include "stream.h"

#include <stdlib.h>

static void life_fini(struct stream_life *p)
{
    free(p->given);
    *p = (struct stream_life){ 0 };
}

void stream_fini(struct stream *self)
{
    life_fini(&self->now);
    for (size_t i = 0; i < STREAM_PAST; i++) life_fini(&self->past[i]);
    backlog_fini(&self->held);
    *self = (struct stream){ 0 };
}

void stream_begin(struct stream *self, uint64_t epoch)
{
    if (self->now.epoch) {
        life_fini(&self->past[STREAM_PAST - 1]);
        memmove(&self->past[1], &self->past[0], (STREAM_PAST - 1) * sizeof self->past[0]);
        self->past[0] = self->now;
    }
    self->now = (struct stream_life){ .epoch = epoch };
    self->head = 0, self->replay = 0;
    while (stream_held(self)) stream_release(self);
}

/* The first one of a life is taken as it comes. Where a replay has taken us beyond 'prev', nothing is missing; 0
 * names nothing: the router has forgotten what it had sent to us. */
enum stream_verdict stream_on(const struct stream *self, uint64_t seq, uint64_t prev)
{
    if (!self->now.last) return STREAM_DELIVER;
    if (seq <= self->now.last) return STREAM_SEEN;
    return prev == 0 || prev > self->now.last ? STREAM_GAP : STREAM_DELIVER;
}

void stream_seen(struct stream *self, uint64_t seq)
{
    if (seq > self->now.last) self->now.last = seq;
    if (seq > self->head) self->head = seq;
}

static struct stream_life *life_of(struct stream *self, uint64_t epoch)
{
    if (self->now.epoch == epoch) return &self->now;
    for (size_t i = 0; i < STREAM_PAST; i++)
        if (self->past[i].epoch == epoch) return &self->past[i];
    return NULL;
}

bool stream_give(struct stream *self, uint64_t epoch, uint64_t seq)
{
    struct stream_life *p = life_of(self, epoch);
    if (!p || seq <= p->last) return false;
    size_t low = 0, high = p->given_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (p->given[mid] < seq) low = mid + 1;
        else high = mid;
    }
    if (low < p->given_count && p->given[low] == seq) return false;
    if (p->given_count == p->given_cap) {
        p->given_cap = p->given_cap ? p->given_cap * 2 : 16;
        p->given = realloc(p->given, p->given_cap * sizeof *p->given);
        NEED(p->given);
    }
    memmove(&p->given[low + 1], &p->given[low], (p->given_count - low) * sizeof *p->given);
    p->given[low] = seq;
    p->given_count++;
    return true;
}

struct position stream_position(const struct stream *self)
{
    const struct stream_life *p = &self->past[0];
    if (self->now.epoch) return (struct position){ self->now.epoch, self->head > self->now.last ? self->head : self->now.last };
    uint64_t given = p->given_count ? p->given[p->given_count - 1] : 0;
    return (struct position){ p->epoch, given > p->last ? given : p->last };
}

void stream_ended(struct stream *self, const struct position *end)
{
    if (self->now.epoch || self->past[0].epoch > end->epoch) return;
    if (self->past[0].epoch != end->epoch) {
        self->now.epoch = end->epoch;
        stream_begin(self, 0);
    }
    if (end->seq > self->past[0].last) self->past[0].last = end->seq;
}

bool stream_hold(struct stream *self, struct span fields)
{
    if (self->held.bytes + fields.len > STREAM_HELD_MAX) return false;
    backlog_add(&self->held, blob_new(fields));
    return true;
}

const struct blob *stream_held(const struct stream *self)
{
    return self->held.count ? backlog_at(&self->held, self->held.front) : NULL;
}

void stream_release(struct stream *self)
{
    struct blob *first = backlog_take(&self->held);
    blob_drop(&first);
}
