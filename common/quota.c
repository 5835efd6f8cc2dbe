#include "quota.h"

#include "config_table.h"
#include "little.h"

#include <stdlib.h>

enum { AGE_BYTES = 4, COUNT_BYTES = 4, SLOTS_FIRST = 4 };

void quota_fini(struct quota *self)
{
    free(self->use);
    *self = (struct quota){ 0 };
}

void quota_clear(struct quota *self)
{
    self->count = 0;
    self->until = 0;
}

size_t quota_bytes(const struct quota *self) { return self->cap * sizeof *self->use; }

/* ---- what is over */

static uint64_t each_us(const struct quota_limit *l) { return (l->window_ms * (uint64_t)1000 + l->count - 1) / l->count; }

static uint32_t used_fixed(struct quota *self, uint64_t now)
{
    if (now >= self->until) quota_clear(self);
    return self->count;
}

static uint32_t used_sliding(struct quota *self, const struct quota_limit *l, uint64_t now)
{
    uint32_t gone = 0, sum = 0;
    while (gone < self->count && self->use[gone].at + l->window_ms <= now) gone++;
    if (gone) memmove(self->use, self->use + gone, (self->count - gone) * sizeof *self->use);
    self->count -= gone;
    for (uint32_t i = 0; i < self->count; i++) sum += self->use[i].count;
    return sum;
}

static uint32_t used_bucket(struct quota *self, const struct quota_limit *l, uint64_t now)
{
    if (self->until <= now * 1000) self->until = 0;
    if (!self->until) return 0;
    uint64_t owed = (self->until - now * 1000 + each_us(l) - 1) / each_us(l);
    return owed > UINT32_MAX ? UINT32_MAX : (uint32_t)owed;
}

uint32_t quota_used(struct quota *self, const struct quota_limit *l, uint64_t now)
{
    return l->kind == QUOTA_FIXED ? used_fixed(self, now) : l->kind == QUOTA_SLIDING ? used_sliding(self, l, now) : used_bucket(self, l, now);
}

/* ---- a use */

static void insert(struct quota *self, uint32_t i, struct quota_use use)
{
    if (self->count == self->cap) {
        self->cap = self->cap ? 2 * self->cap : SLOTS_FIRST;
        self->use = realloc(self->use, self->cap * sizeof *self->use);
        NEED(self->use);
    }
    memmove(self->use + i + 1, self->use + i, (self->count - i) * sizeof *self->use);
    self->use[i] = use;
    self->count++;
}

/* In its place; with one of the same cell of time, or with the next one where there is no room: later is safe, earlier is not. */
static void add_sliding(struct quota *self, const struct quota_limit *l, uint64_t at, uint32_t count)
{
    uint64_t cell = l->window_ms / QUOTA_SLOTS + 1;
    uint32_t i = self->count;
    while (i > 0 && self->use[i - 1].at >= at) i--;
    bool next = i < self->count, with_next = next && self->use[i].at / cell == at / cell, with_last = i && self->use[i - 1].at / cell == at / cell;
    bool full = self->count == QUOTA_SLOTS;
    if (with_next || (full && next)) self->use[i].count += count;
    else if (with_last || full) self->use[i - 1] = (struct quota_use){ at, self->use[i - 1].count + count };
    else insert(self, i, (struct quota_use){ at, count });
}

void quota_add(struct quota *self, const struct quota_limit *l, uint64_t at, uint32_t count)
{
    if (!count) return;
    if (l->kind == QUOTA_FIXED) {
        if (!self->until) self->until = at + l->window_ms;
        self->count += count;
    } else if (l->kind == QUOTA_SLIDING) {
        add_sliding(self, l, at, count);
    } else {
        self->until = (self->until > at * 1000 ? self->until : at * 1000) + count * each_us(l);
    }
}

bool quota_take(struct quota *self, const struct quota_limit *l, uint64_t now)
{
    if (quota_used(self, l, now) >= l->count) return false;
    quota_add(self, l, now, 1);
    return true;
}

/* ---- what comes back */

uint64_t quota_frees_at(const struct quota *self, const struct quota_limit *l)
{
    if (l->kind == QUOTA_SLIDING) return self->count ? self->use[0].at + l->window_ms : 0;
    if (l->kind == QUOTA_FIXED || !self->until) return self->until;
    /* As many as may be owed with one more to come: a whole window less one. */
    uint64_t room = (uint64_t)(l->count - 1) * each_us(l);
    return self->until > room ? (self->until - room + 999) / 1000 : 1;
}

uint64_t quota_clears_at(const struct quota *self, const struct quota_limit *l)
{
    if (l->kind == QUOTA_SLIDING) return self->count ? self->use[self->count - 1].at + l->window_ms : 0;
    return l->kind == QUOTA_FIXED ? self->until : (self->until + 999) / 1000;
}

/* ---- as text */

bool quota_parse(struct span text, struct quota_limit *limit)
{
    uint64_t count, window, one = 1;
    if (span_find(text, '/') < 0) return false;
    struct span left = span_cut(&text, '/');
    if (!span_to_uint(left, QUOTA_COUNT_MAX, &count) || count == 0) return false;
    if (text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9') {
        if (!config_parse_number(UNIT_MS, text, &window)) return false;
    } else {
        struct buf each = { 0 };
        buf_add_uint(&each, one), buf_add(&each, text);
        bool good = text.len && config_parse_number(UNIT_MS, buf_span(&each), &window);
        buf_fini(&each);
        if (!good) return false;
    }
    if (window == 0 || window > QUOTA_WINDOW_MAX_MS) return false;
    limit->count = (uint32_t)count, limit->window_ms = (uint32_t)window;
    return true;
}

void quota_print_window(struct buf *json, const struct quota_limit *l)
{
    buf_add_uint(json, l->window_ms / 1000);
    if (l->window_ms % 1000) buf_add_format(json, ".%03u", l->window_ms % 1000);
}

/* ---- between daemons */

static void tell(struct buf *out, uint64_t age, uint32_t count)
{
    char bytes[AGE_BYTES + COUNT_BYTES];
    (void)little_put(little_put(bytes, age > UINT32_MAX ? UINT32_MAX : age, AGE_BYTES), count, COUNT_BYTES);
    if (count) buf_add(out, span_from(bytes, sizeof bytes));
}

void quota_tell(const struct quota *self, const struct quota_limit *l, uint64_t now, uint32_t count, struct buf *out)
{
    if (l->kind == QUOTA_FIXED) {
        tell(out, 0, count);
        return;
    }
    uint32_t first = self->count, known = 0;
    while (first && known < count) known += self->use[--first].count;
    if (known < count) tell(out, l->window_ms, count - known);
    for (uint32_t i = first; i < self->count; i++) {
        uint32_t beyond = i == first && known > count ? known - count : 0;
        tell(out, now > self->use[i].at ? now - self->use[i].at : 0, self->use[i].count - beyond);
    }
}

bool quota_told(struct quota *self, const struct quota_limit *l, uint64_t now, struct span told)
{
    for (; told.len >= AGE_BYTES + COUNT_BYTES; told = span_skip(told, AGE_BYTES + COUNT_BYTES)) {
        uint64_t age = little_get(told.ptr, AGE_BYTES), count = little_get(told.ptr + AGE_BYTES, COUNT_BYTES);
        if (count > QUOTA_COUNT_MAX) return false;
        if (l->kind == QUOTA_SLIDING && age >= l->window_ms) continue;
        quota_add(self, l, now > age ? now - age : 0, (uint32_t)count);
    }
    return told.len == 0;
}

uint32_t quota_told_count(struct span told)
{
    uint64_t sum = 0;
    for (; told.len >= AGE_BYTES + COUNT_BYTES; told = span_skip(told, AGE_BYTES + COUNT_BYTES)) sum += little_get(told.ptr + AGE_BYTES, COUNT_BYTES);
    return sum > QUOTA_COUNT_MAX ? QUOTA_COUNT_MAX : (uint32_t)sum;
}
