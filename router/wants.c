#include "wants.h"

#include "err.h"
#include "msg.h"

#include <stdlib.h>

struct want { size_t count; uint32_t len; char text[]; };       /* count: more than 1 where cut ones are the same */

static struct span text_of(const void *value)
{
    const struct want *w = value;
    return span_from(w->text, w->len);
}

void wants_init(struct wants *self, const struct siphash_key *seed)
{
    *self = (struct wants){ 0 };
    map_init(&self->prefixes, seed, text_of);
}

void wants_fini(struct wants *self)
{
    struct map_walk walk = { 0 };
    for (struct want *w; (w = map_next(&self->prefixes, &walk)); ) free(w);
    map_fini(&self->prefixes);
}

static void count_beyond(struct wants *self, struct span prefix, bool add)
{
    unsigned kinds = topic_kinds(prefix);
    for (unsigned k = 0; k < TOPIC_KINDS; k++)
        if (kinds >> k & 1) self->beyond[k] += add ? 1 : (size_t)-1;
    self->beyond_count += add ? 1 : (size_t)-1;
}

void wants_add(struct wants *self, struct span prefix)
{
    struct span text = span_head(prefix, TOPIC_PREFIX_MAX);
    struct want *w = map_find(&self->prefixes, text);
    self->count++;
    if (w) {
        w->count++;
    } else if (self->prefixes.count >= WANTS_MAX || self->beyond_count) {      /* as long as there is one, so that wants_drop knows which is which */
        count_beyond(self, text, true);
    } else {
        w = malloc(sizeof *w + text.len);
        NEED(w);
        *w = (struct want){ .count = 1, .len = (uint32_t)text.len };
        if (text.len) memcpy(w->text, text.ptr, text.len);
        map_put(&self->prefixes, text_of(w), w);
    }
}

void wants_drop(struct wants *self, struct span prefix)
{
    struct span text = span_head(prefix, TOPIC_PREFIX_MAX);
    struct want *w = map_find(&self->prefixes, text);
    if (!w && !self->beyond_count) return;
    self->count--;
    if (!w) {
        count_beyond(self, text, false);
    } else if (--w->count == 0) {
        map_drop(&self->prefixes, text);
        free(w);
    }
}

void wants_say(const struct wants *self, struct buf *strs)
{
    struct map_walk walk = { 0 };
    for (const struct want *w; (w = map_next(&self->prefixes, &walk)); ) msg_add_str(strs, text_of(w));
    for (unsigned k = 0; k < TOPIC_KINDS; k++)
        if (self->beyond[k]) msg_add_str(strs, span_of(topic_kind_name((enum topic_kind)k)));
}
