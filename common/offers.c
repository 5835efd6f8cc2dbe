#include "offers.h"

#include "err.h"
#include "namespace.h"

#include <stdlib.h>

static struct span event_of(const void *offer)
{
    return ((const struct offer *)offer)->event;
}

void offers_init(struct offers *self, const struct siphash_key *seed)
{
    *self = (struct offers){ 0 };
    map_init(&self->exact, seed, event_of);
}

static void free_offer(struct offer *o)
{
    free(o->at);
    free(o);
}

void offers_fini(struct offers *self)
{
    struct map_walk walk = { 0 };
    for (struct offer *o, *next; (o = map_next(&self->exact, &walk)); )
        for (; o; o = next) next = o->next, free_offer(o);
    for (struct offer *o = self->wild, *next; o; o = next) next = o->next, free_offer(o);
    map_fini(&self->exact);
    self->wild = NULL, self->count = 0;
}

/* ---- what fits */

bool offers_pattern_fits(struct span pattern, struct span event)
{
    if (event.len > OFFERS_EVENT_MAX) return false;
    struct span star = { NULL, 0 }, from = event;       /* behind the last '*', and where it was tried from */
    while (event.len) {
        if (pattern.len && pattern.ptr[0] == '*') pattern = span_skip(pattern, 1), star = pattern, from = event;
        else if (pattern.len && pattern.ptr[0] == event.ptr[0]) pattern = span_skip(pattern, 1), event = span_skip(event, 1);
        else if (star.ptr) pattern = star, from = span_skip(from, 1), event = from;
        else return false;
    }
    while (span_eat(&pattern, '*')) { }
    return pattern.len == 0;
}

bool offers_lifecycle(struct span event)
{
    return span_same(event, SPAN("connect")) || span_same(event, SPAN("disconnect"));
}

static bool fits(const struct offer *o, const struct offers_query *q)
{
    return (q->name.len == 0 || span_same(o->name, q->name)) && (span_same(o->nsp, SPAN("*")) || namespace_fits(o->nsp, q->nsp));
}

static const struct offer *find(const struct offer *o, const struct offers_query *q)
{
    while (o && !fits(o, q)) o = o->next;
    return o;
}

const struct offer *offers_first(const struct offers *self, const struct offers_query *q)
{
    const struct offer *o = find(map_find(&self->exact, q->event), q);
    if (o || offers_lifecycle(q->event)) return o;
    for (o = self->wild; o; o = o->next)
        if (fits(o, q) && offers_pattern_fits(o->event, q->event)) return o;
    return NULL;
}

const struct offer *offers_next(const struct offer *offer, const struct offers_query *q)
{
    const struct offer *o = find(offer->next, q);
    return o && (!o->wild || span_same(o->event, offer->event)) ? o : NULL;
}

const struct offer *offers_of(const struct offers *self, const struct offers_query *q)
{
    if (span_find(q->event, '*') < 0) return find(map_find(&self->exact, q->event), q);
    const struct offer *o = self->wild;
    while (o && !(span_same(o->event, q->event) && fits(o, q))) o = o->next;
    return o;
}

void offers_each(const struct offers *self, offers_see *see, void *with)
{
    struct map_walk walk = { 0 };
    for (const struct offer *o; (o = map_next(&self->exact, &walk)); )
        for (; o; o = o->next) see(with, o);
    for (const struct offer *o = self->wild; o; o = o->next) see(with, o);
}

/* ---- who comes, who goes */

static struct offer *new_offer(struct span name, struct span nsp, struct span event)
{
    struct offer *o = calloc(1, sizeof *o + name.len + nsp.len + event.len);
    NEED(o);
    char *at = o->text;
    const struct span from[] = { name, nsp, event };
    struct span *const to[] = { &o->name, &o->nsp, &o->event };
    for (size_t i = 0; i < 3; i++) {
        if (from[i].len) memcpy(at, from[i].ptr, from[i].len);
        *to[i] = span_from(at, from[i].len);
        at += from[i].len;
    }
    o->wild = span_find(event, '*') >= 0;
    for (size_t i = 0; i < event.len; i++) o->own += event.ptr[i] != '*';
    return o;
}

/* Patterns: more characters of their own first, then by their texts, so that those of one pattern stand together. */
static bool stands_before(const struct offer *a, const struct offer *b)
{
    return a->own != b->own ? a->own > b->own : span_order(a->event, b->event) < 0;
}

static struct offer *need_offer(struct offers *self, struct span name, struct span nsp, struct span event)
{
    struct offer *first = span_find(event, '*') >= 0 ? self->wild : map_find(&self->exact, event);
    for (struct offer *o = first; o; o = o->next)
        if (span_same(o->event, event) && span_same(o->nsp, nsp) && span_same(o->name, name)) return o;
    struct offer *o = new_offer(name, nsp, event);
    self->count++;
    if (o->wild) {
        struct offer **at = &self->wild;
        while (*at && !stands_before(o, *at)) at = &(*at)->next;
        o->next = *at, *at = o;
    } else if (first) {
        o->next = first->next, first->next = o;
    } else {
        (void)map_put(&self->exact, o->event, o);
    }
    return o;
}

void offers_add(struct offers *self, uint64_t holder, uint64_t capacity, struct span name, struct span nsp, struct span event)
{
    struct offer *o = need_offer(self, name, nsp, event);
    for (size_t i = 0; i < o->count; i++) {
        if (o->at[i].id != holder) continue;
        o->at[i].capacity += capacity;
        return;
    }
    if (o->count == o->cap) {
        o->cap = o->cap ? 2 * o->cap : 4;
        o->at = realloc(o->at, o->cap * sizeof *o->at);
        NEED(o->at);
    }
    o->at[o->count++] = (struct offers_holder){ holder, capacity };
}

static void drop_holder(struct offer *o, uint64_t holder)
{
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++)
        if (o->at[i].id != holder) o->at[kept++] = o->at[i];
    o->count = kept;
}

/* Without those that nobody holds any more; what is left of the chain. */
static struct offer *drop_from(struct offers *self, struct offer *chain, uint64_t holder)
{
    struct offer **at = &chain;
    for (struct offer *o; (o = *at); ) {
        drop_holder(o, holder);
        if (o->count) {
            at = &o->next;
            continue;
        }
        *at = o->next;
        self->count--;
        free_offer(o);
    }
    return chain;
}

void offers_drop(struct offers *self, uint64_t holder)
{
    self->wild = drop_from(self, self->wild, holder);
    /* A chain's first offer is the map's key: each chain is taken out and what is left of it put back. */
    struct map old = self->exact;
    const struct siphash_key seed = { old.seed.k0 + 1, old.seed.k1 };
    map_init(&self->exact, &seed, event_of);
    struct map_walk walk = { 0 };
    for (struct offer *o; (o = map_next(&old, &walk)); ) {
        struct offer *left = drop_from(self, o, holder);
        if (left) (void)map_put(&self->exact, left->event, left);
    }
    map_fini(&old);
}
