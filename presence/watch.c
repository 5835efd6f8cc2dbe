#include "watch.h"

#include "json.h"
#include "user.h"

#include <stdlib.h>

static struct span key_of_person(const void *value)
{
    return person_key(value);
}

static struct span key_of_ends(const struct person *const *ends)
{
    return span_from((const char *)(const void *)ends, 2 * sizeof *ends);
}

static struct span key_of_tie(const void *value)
{
    return key_of_ends((const struct person *const *)((const struct tie *)value)->ends);
}

void watches_init(struct watches *self, const struct siphash_key *seed, size_t max, size_t max_each)
{
    *self = (struct watches){ .max = max, .max_each = max_each };
    self->due_end = &self->due;
    map_init(&self->persons, &(struct siphash_key){ seed->k0, seed->k1 }, key_of_person);
    map_init(&self->ties, &(struct siphash_key){ seed->k0 + 1, seed->k1 }, key_of_tie);
}

void watches_fini(struct watches *self)
{
    struct map_walk walk = { 0 };
    for (struct tie *t; (t = map_next(&self->ties, &walk)); ) watches_remove(self, t);
    map_fini(&self->persons), map_fini(&self->ties);
}

struct person *watches_find(const struct watches *self, struct span key)
{
    return map_find(&self->persons, key);
}

static struct tie *find(const struct watches *self, const struct person *follower, const struct person *followed)
{
    return follower && followed ? map_find(&self->ties, key_of_ends((const struct person *[]){ follower, followed })) : NULL;
}

struct tie *watches_tie(const struct watches *self, struct span follower, struct span followed)
{
    return find(self, watches_find(self, follower), watches_find(self, followed));
}

static struct person *need(struct watches *self, struct watch_user user)
{
    struct person *p = watches_find(self, user.key);
    if (!p) {
        p = calloc(1, sizeof *p + user.key.len);
        NEED(p && user.key.len <= USER_KEY_MAX);
        p->key_len = (uint16_t)user.key.len;
        memcpy(p->key, user.key.ptr, user.key.len);
        map_put(&self->persons, person_key(p), p);
        self->bytes += sizeof *p + p->key_len;
    }
    p->quoted = user.quoted;
    return p;
}

static void spare(struct watches *self, struct person *p)
{
    if (p->ties[TIE_FOLLOWER] || p->ties[TIE_FOLLOWED]) return;
    map_drop(&self->persons, person_key(p));
    self->bytes -= sizeof *p + p->key_len;
    free(p);
}

enum err watches_add(struct watches *self, struct watch_user follower, struct watch_user followed)
{
    const struct person *known = watches_find(self, follower.key);
    if (find(self, known, watches_find(self, followed.key))) return ERR_DUPLICATE;
    if (known && known->count[TIE_FOLLOWER] >= self->max_each) return ERR_LIMIT;
    if (self->ties.count >= self->max) return ERR_FULL;
    struct tie *t = calloc(1, sizeof *t);
    NEED(t);
    t->ends[TIE_FOLLOWER] = need(self, follower), t->ends[TIE_FOLLOWED] = need(self, followed);
    for (int end = 0; end < 2; end++) {
        struct person *p = t->ends[end];
        t->next[end] = p->ties[end], t->at[end] = &p->ties[end];
        if (t->next[end]) t->next[end]->at[end] = &t->next[end];
        p->ties[end] = t;
        p->count[end]++;
    }
    map_put(&self->ties, key_of_tie(t), t);
    self->bytes += sizeof *t;
    return OK;
}

static void not_due(struct watches *self, struct tie *t)
{
    if (!t->due_at) return;
    *t->due_at = t->due_next;
    if (t->due_next) t->due_next->due_at = t->due_at;
    else self->due_end = t->due_at;
    t->due_next = NULL, t->due_at = NULL;
}

void watches_remove(struct watches *self, struct tie *t)
{
    not_due(self, t);
    map_drop(&self->ties, key_of_tie(t));
    for (int end = 0; end < 2; end++) {
        *t->at[end] = t->next[end];
        if (t->next[end]) t->next[end]->at[end] = t->at[end];
        t->ends[end]->count[end]--;
    }
    spare(self, t->ends[TIE_FOLLOWER]);
    if (t->ends[TIE_FOLLOWED] != t->ends[TIE_FOLLOWER]) spare(self, t->ends[TIE_FOLLOWED]);
    self->bytes -= sizeof *t;
    free(t);
}

bool watches_drop(struct watches *self, struct span follower, struct span followed)
{
    struct tie *t = watches_tie(self, follower, followed);
    if (t) watches_remove(self, t);
    return t;
}

void watches_due_all(struct watches *self)
{
    struct map_walk walk = { 0 };
    for (struct tie *t; (t = map_next(&self->ties, &walk)); ) {
        if (t->due_at) continue;
        t->due_next = NULL, t->due_at = self->due_end;
        *self->due_end = t;
        self->due_end = &t->due_next;
    }
}

struct tie *watches_take_due(struct watches *self)
{
    struct tie *t = self->due;
    if (t) not_due(self, t);
    return t;
}

void person_id(struct buf *out, const struct person *p)
{
    struct span realm, text;
    user_split(person_key(p), &realm, &text);
    if (p->quoted) json_quote(out, text);
    else buf_add(out, text);
}

size_t watches_bytes(const struct watches *self)
{
    return self->bytes + map_bytes(&self->persons) + map_bytes(&self->ties);
}
