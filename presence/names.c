#include "names.h"

#include "err.h"

#include <stdlib.h>

struct name {
    uint32_t refs, users;
    uint16_t number, len;
    bool     kept;
    char     text[];
};

static struct span text_of(const void *value)
{
    const struct name *n = value;
    return span_from(n->text, n->len);
}

void names_init(struct names *self, const struct siphash_key *seed)
{
    *self = (struct names){ 0 };
    map_init(&self->by_text, seed, text_of);
}

void names_fini(struct names *self)
{
    for (size_t i = 0; i < self->count; i++) free(self->at[i]);
    map_fini(&self->by_text);
    free(self->at), free(self->free);
    *self = (struct names){ 0 };
}

uint16_t names_find(const struct names *self, struct span text)
{
    const struct name *n = map_find(&self->by_text, text);
    return n ? n->number : NAMES_NONE;
}

static bool new_number(struct names *self, uint16_t *number)
{
    if (self->free_count) {
        *number = self->free[--self->free_count];
        return true;
    }
    if (self->count == NAMES_MAX) return false;
    if (self->count == self->cap) {
        self->cap = self->cap ? self->cap * 2 : 16;
        self->at = realloc(self->at, self->cap * sizeof *self->at);
        self->free = realloc(self->free, self->cap * sizeof *self->free);
        NEED(self->at && self->free);
    }
    *number = (uint16_t)self->count++;
    return true;
}

uint16_t names_hold_text(struct names *self, struct span text)
{
    uint16_t number = names_find(self, text);
    if (number == NAMES_NONE) {
        if (text.len == 0 || text.len > NAMES_TEXT_MAX || memchr(text.ptr, '\0', text.len) || !new_number(self, &number)) return NAMES_NONE;
        struct name *n = malloc(sizeof *n + text.len);
        NEED(n);
        *n = (struct name){ .number = number, .len = (uint16_t)text.len };
        memcpy(n->text, text.ptr, text.len);
        self->at[number] = n;
        self->bytes += sizeof *n + text.len;
        map_put(&self->by_text, text_of(n), n);
    }
    names_hold(self, number);
    return number;
}

void names_hold(struct names *self, uint16_t number)
{
    self->at[number]->refs++;
}

void names_drop(struct names *self, uint16_t number)
{
    struct name *n = self->at[number];
    if (--n->refs || n->kept) return;
    map_drop(&self->by_text, text_of(n));
    self->at[number] = NULL;
    self->free[self->free_count++] = number;
    self->bytes -= sizeof *n + n->len;
    free(n);
}

void names_keep(struct names *self, uint16_t number)
{
    self->at[number]->kept = true;
}

void names_let_go(struct names *self, bool (*wanted)(void *wanted_self, struct span text), void *wanted_self)
{
    for (size_t i = 0; i < self->count; i++) {
        struct name *n = self->at[i];
        if (!n || !n->kept || wanted(wanted_self, text_of(n))) continue;
        n->kept = false;
        names_drop(self, (uint16_t)i);
    }
}

bool names_kept(const struct names *self, uint16_t number)
{
    return self->at[number]->kept;
}

struct span names_text(const struct names *self, uint16_t number)
{
    return number < self->count && self->at[number] ? text_of(self->at[number]) : SPAN("");
}

void names_count(struct names *self, uint16_t number, bool came)
{
    struct name *n = self->at[number];
    NEED(came || n->users);
    n->users += came ? 1U : UINT32_MAX;
}

uint32_t names_users(const struct names *self, uint16_t number)
{
    return number < self->count && self->at[number] ? self->at[number]->users : 0;
}

size_t names_bytes(const struct names *self)
{
    return self->bytes + map_bytes(&self->by_text) + self->cap * (sizeof *self->at + sizeof *self->free);
}
