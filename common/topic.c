#include "topic.h"

#include "err.h"
#include "msg.h"

#include <stdlib.h>

static const char *const names[TOPIC_KINDS] = {
    [TOPIC_EVENT] = "event", [TOPIC_CONNECT] = "connect", [TOPIC_DISCONNECT] = "disconnect", [TOPIC_JOIN] = "join", [TOPIC_LEAVE] = "leave" };

const char *topic_kind_name(enum topic_kind kind)
{
    return names[kind];
}

void topic_encode(struct buf *out, enum topic_kind kind, struct span nsp, struct span name)
{
    buf_add(out, span_of(names[kind]));
    buf_add_byte(out, '.');
    buf_add(out, nsp);
    buf_add_byte(out, '.');
    buf_add(out, span_head(name, TOPIC_NAME_MAX));
}

unsigned topic_kinds(struct span prefix)
{
    unsigned kinds = 0;
    for (unsigned k = 0; k < TOPIC_KINDS; k++) {
        struct span name = span_of(names[k]), rest = prefix;
        bool begun = span_has_prefix(name, prefix);             /* "", "ev", "event" */
        bool past = span_eat_prefix(&rest, name) && span_starts(rest, '.');
        if (begun || past) kinds |= 1u << k;
    }
    return kinds;
}

/* ---- a set of prefixes */

static int by_text(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return span_order(*x, *y);
}

static void drop_covered(struct topics *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++)
        if (!kept || !span_has_prefix(self->at[i], self->at[kept - 1])) self->at[kept++] = self->at[i];
    self->count = kept;
}

void topics_set(struct topics *self, struct span prefixes)
{
    buf_clear(&self->text);
    buf_add(&self->text, prefixes);
    struct span rest = buf_span(&self->text), one;
    free(self->at);
    self->at = calloc(msg_count_strs(rest) + 1, sizeof *self->at);
    NEED(self->at);
    self->count = 0, self->kinds = 0;
    while (msg_next_str(&rest, &one)) {
        unsigned kinds = topic_kinds(one);
        if (kinds) self->at[self->count++] = one;
        self->kinds |= kinds;
    }
    qsort(self->at, self->count, sizeof *self->at, by_text);
    drop_covered(self);
}

bool topics_want(const struct topics *self, struct span topic)
{
    size_t from = 0, to = self->count;          /* the first that is behind the topic */
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (span_order(self->at[middle], topic) <= 0) from = middle + 1;
        else to = middle;
    }
    return from && span_has_prefix(topic, self->at[from - 1]);
}

void topics_fini(struct topics *self)
{
    free(self->at);
    buf_fini(&self->text);
    *self = (struct topics){ 0 };
}
