#include "lasts.h"

#include "json.h"

#include <stdlib.h>

struct span last_topic(const struct last *last) { return span_from(last->topic, last->len); }
struct span last_id(const struct last *last)    { return span_from(last->topic + last->id, last->kind - 1 - last->id); }
struct span last_kind(const struct last *last)  { return span_from(last->topic + last->kind, last->len - last->kind); }

static struct span key_of(const void *value)
{
    return last_topic(value);
}

void lasts_init(struct lasts *self, const struct siphash_key *seed)
{
    *self = (struct lasts){ 0 };
    map_init(&self->by_topic, seed, key_of);
}

void lasts_fini(struct lasts *self)
{
    struct map_walk walk = { 0 };
    for (struct last *last; (last = map_next(&self->by_topic, &walk)); ) blob_drop(&last->json), free(last);
    map_fini(&self->by_topic);
    buf_fini(&self->scratch);
}

/* "stats.<role>.<id>." into the scratch, and the kind behind it. */
static bool name(struct lasts *self, struct span id, struct span kind, struct last *last)
{
    if (member_id_decode(id, &last->role, &last->number) != OK || id.len + kind.len > LASTS_TOPIC_MAX - 32) return false;
    buf_clear(&self->scratch);
    buf_add_format(&self->scratch, "stats.%s.", role_name(last->role));
    last->id = (uint32_t)self->scratch.len;
    buf_add(&self->scratch, id);
    buf_add_byte(&self->scratch, '.');
    last->kind = (uint32_t)self->scratch.len;
    buf_add(&self->scratch, kind);
    last->len = (uint32_t)self->scratch.len;
    return true;
}

const struct last *lasts_put(struct lasts *self, struct span id, struct span kind, struct span json)
{
    struct last head = { 0 };
    if (!name(self, id, kind, &head)) return NULL;
    struct last *last = map_find(&self->by_topic, buf_span(&self->scratch));
    if (!last) {
        last = malloc(sizeof *last + head.len);
        NEED(last);
        *last = head;
        memcpy(last->topic, self->scratch.ptr, head.len);
        map_put(&self->by_topic, last_topic(last), last);
    }
    blob_drop(&last->json);
    last->json = blob_new(json);
    return last;
}

const struct last *lasts_find(struct lasts *self, struct span id, struct span kind)
{
    struct last head = { 0 };
    return name(self, id, kind, &head) ? map_find(&self->by_topic, buf_span(&self->scratch)) : NULL;
}

void lasts_forget(struct lasts *self, struct span id)
{
    struct last head = { 0 };
    if (!name(self, id, SPAN(""), &head)) return;
    struct map_walk walk = { 0 };
    for (struct last *last; (last = map_next(&self->by_topic, &walk)); ) {
        if (!span_has_prefix(last_topic(last), buf_span(&self->scratch))) continue;
        map_drop(&self->by_topic, last_topic(last));
        blob_drop(&last->json);
        free(last);
    }
}

const struct last *lasts_next(const struct lasts *self, struct map_walk *walk)
{
    return map_next(&self->by_topic, walk);
}

uint64_t lasts_sum(const struct lasts *self, enum role role, struct span counter)
{
    struct map_walk walk = { 0 };
    uint64_t sum = 0, n;
    for (const struct last *last; (last = lasts_next(self, &walk)); )
        if (last->role == role && span_same(last_kind(last), SPAN("counters")) && json_to_uint(json_find(blob_span(last->json), counter), UINT64_MAX, &n)) sum += n;
    return sum;
}
