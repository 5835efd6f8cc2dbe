#include "interned.h"

#include "err.h"

#include <stdlib.h>

static struct span key_of(const void *value)
{
    return interned_span(value);
}

void interned_init(struct interned *self, const struct siphash_key *seed)
{
    *self = (struct interned){ 0 };
    map_init(&self->by_text, seed, key_of);
}

void interned_fini(struct interned *self)
{
    NEED(self->by_text.count == 0);
    map_fini(&self->by_text);
}

struct interned_text *interned_hold(struct interned *self, struct span text)
{
    if (!text.len) return NULL;
    struct interned_text *t = map_find(&self->by_text, text);
    if (!t) {
        NEED(text.len <= UINT32_MAX);
        t = malloc(sizeof *t + text.len);
        NEED(t);
        *t = (struct interned_text){ .len = (uint32_t)text.len };
        memcpy(t->bytes, text.ptr, text.len);
        map_put(&self->by_text, key_of(t), t);
        self->bytes += sizeof *t + text.len;
    }
    t->holders++;
    return t;
}

void interned_drop(struct interned *self, struct interned_text **text)
{
    struct interned_text *t = *text;
    *text = NULL;
    if (!t || --t->holders) return;
    map_drop(&self->by_text, key_of(t));
    self->bytes -= sizeof *t + t->len;
    free(t);
}

void interned_tidy(struct interned *self)
{
    map_tidy(&self->by_text);
}

size_t interned_bytes(const struct interned *self)
{
    return self->bytes + map_bytes(&self->by_text);
}
