#include "work_internal.h"

#include "json.h"

#include <stdlib.h>

static void plain_name(struct buf *out, struct span event)
{
    buf_clear(out);
    if (span_starts(event, '"')) json_unquote(out, event);
    else buf_add(out, event);
}

/* Those who announced exactly this event or pattern, for this namespace and name. */
static void take_workers(struct work *self, struct class *c)
{
    struct offers_query q = { .nsp = c->nsp, .event = c->pattern, .name = c->name };
    c->worker_count = 0;
    for (const struct offer *o = offers_of(&self->offers, &q); o; o = offers_next(o, &q)) {
        c->workers = realloc(c->workers, (c->worker_count + o->count) * sizeof *c->workers);
        NEED(c->workers || !o->count);
        for (size_t i = 0; i < o->count; i++) {
            struct worker *w = map_find_u64(&self->ids, o->at[i].id);
            if (w && !class_has(c, w)) c->workers[c->worker_count++] = w;
        }
    }
}

struct class *class_need(struct work *self, const struct msg_WORK *m)
{
    plain_name(&self->text, m->event);
    struct offers_query q = { .nsp = m->nsp, .event = buf_span(&self->text), .name = m->name };
    const struct offer *offer = offers_first(&self->offers, &q);
    if (!offer) return NULL;
    const struct span parts[] = { m->nsp, offer->event, m->name };
    struct buf *key = &self->scratch;
    buf_clear(key);
    for (size_t i = 0; i < 3; i++) {
        if (i) buf_add_byte(key, '\0');
        buf_add(key, parts[i]);
    }
    struct class *c = map_find(&self->classes, buf_span(key));
    if (!c) {
        c = calloc(1, sizeof *c + key->len);
        NEED(c);
        memcpy(c->key, key->ptr, key->len);
        c->key_len = (uint32_t)key->len;
        c->nsp = span_from(c->key, parts[0].len);
        c->pattern = span_from(c->key + parts[0].len + 1, parts[1].len);
        c->name = span_from(c->key + parts[0].len + parts[1].len + 2, parts[2].len);
        (void)map_put(&self->classes, span_from(c->key, c->key_len), c);
        take_workers(self, c);
    }
    c->uses++;
    return c;
}

void class_release(struct work *self, struct class **c_p)
{
    struct class *c = *c_p;
    *c_p = NULL;
    if (!c || --c->uses) return;
    map_drop(&self->classes, span_from(c->key, c->key_len));
    free(c->workers);
    free(c);
}

bool class_has(const struct class *c, const struct worker *w)
{
    for (size_t i = 0; i < c->worker_count; i++)
        if (c->workers[i] == w) return true;
    return false;
}

/* The one with the smallest part of its room taken; of equals the next one each time. */
struct worker *class_pick(struct work *self, const struct class *c)
{
    struct worker *best = NULL;
    size_t from = self->turn++;
    for (size_t i = 0; i < c->worker_count; i++) {
        struct worker *w = c->workers[(from + i) % c->worker_count];
        if (!worker_free(w)) continue;
        if (!best || (uint64_t)w->sent.count * best->capacity < (uint64_t)best->sent.count * w->capacity) best = w;
    }
    return best;
}

void class_wait(struct work *self, struct class *c, struct request *r, bool front)
{
    if (!c->queue.first) {
        c->next = self->waiting, c->at = &self->waiting;
        if (c->next) c->next->at = &c->next;
        self->waiting = c;
    }
    (front ? chain_add_front : chain_add)(&c->queue, r, IN_QUEUE);
    r->queue = &c->queue;
    r->state = REQUEST_QUEUED;
}

void class_unwait(struct work *self, struct class *c, struct request *r)
{
    (void)self;
    chain_drop(&c->queue, r, IN_QUEUE);
    r->queue = NULL;
    r->state = REQUEST_IDLE;
    if (c->queue.first) return;
    *c->at = c->next;
    if (c->next) c->next->at = c->at;
}

void classes_renew(struct work *self)
{
    struct map_walk walk = { 0 };
    for (struct class *c; (c = map_next(&self->classes, &walk)); ) take_workers(self, c);
}
