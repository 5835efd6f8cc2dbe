#include "watch_store.h"

#include "msg.h"
#include "user.h"

#include <stdlib.h>

#define PAGE "500"

void watch_store_init(struct watch_store *self, struct span prefix, size_t max_pending, struct watches *watches, const struct sweep_hooks *hooks,
                      void *hooks_self)
{
    *self = (struct watch_store){ .watches = watches, .hooks = hooks, .hooks_self = hooks_self, .max_pending = max_pending };
    buf_add(&self->prefix, prefix);
}

void watch_store_fini(struct watch_store *self)
{
    for (size_t i = self->head; i < self->count; i++) blob_drop(&self->change[i]);
    free(self->change);
    buf_fini(&self->prefix), buf_fini(&self->keys), buf_fini(&self->key), buf_fini(&self->cursor), buf_fini(&self->inner);
    buf_fini(&self->command), buf_fini(&self->field);
}

/* ---- a tie in Redis' words */

static void add_key(const struct watch_store *self, struct buf *out, struct span followed)
{
    buf_add(out, buf_span(&self->prefix));
    buf_add_literal(out, "watchers:");
    user_name(out, followed);
}

static struct span text_of(struct span key)
{
    struct span realm, text;
    user_split(key, &realm, &text);
    return text;
}

static void put_command(struct watch_store *self, struct buf *out, struct watch_user follower, struct watch_user followed, bool on)
{
    char types[2] = { follower.quoted ? 's' : 'n', followed.quoted ? 's' : 'n' };
    buf_clear(&self->field);
    add_key(self, &self->field, followed.key);
    msg_add_str(out, on ? SPAN("HSET") : SPAN("HDEL"));
    msg_add_str(out, buf_span(&self->field));
    msg_add_str(out, text_of(follower.key));
    if (on) msg_add_str(out, span_from(types, 2));
}

static void give(struct store_command *c, struct span strs)
{
    struct span arg;
    for (c->count = 0; c->count < STORE_ARGS_MAX && msg_next_str(&strs, &arg); ) c->arg[c->count++] = arg;
}

/* ---- changes */

bool watch_store_full(const struct watch_store *self)
{
    return self->count - self->head >= self->max_pending;
}

static void add_change(struct watch_store *self, struct blob *change)
{
    if (self->count == self->cap) {
        size_t kept = self->count - self->head;
        if (self->head >= self->cap / 2 && self->head) {
            memmove(self->change, self->change + self->head, kept * sizeof *self->change);
        } else {
            size_t cap = self->cap ? 2 * self->cap : 64;
            struct blob **bigger = malloc(cap * sizeof *bigger);
            NEED(bigger);
            if (kept) memcpy(bigger, self->change + self->head, kept * sizeof *bigger);
            free(self->change);
            self->change = bigger, self->cap = cap;
        }
        self->sent -= self->head, self->count = kept, self->head = 0;
    }
    self->change[self->count++] = change;
}

uint64_t watch_store_change(struct watch_store *self, struct watch_user follower, struct watch_user followed, bool on)
{
    if (!self->up) {
        self->missed = true;
        return 0;
    }
    self->stale = self->stale || (!on && self->asked);
    buf_clear(&self->command);
    put_command(self, &self->command, follower, followed, on);
    add_change(self, blob_new(buf_span(&self->command)));
    return self->done + (self->count - self->head);
}

bool watch_store_lost(const struct watch_store *self, uint64_t ticket)
{
    return ticket >= self->lost_from && ticket <= self->lost_to;
}

/* ---- the connection */

void watch_store_on_up(struct watch_store *self)
{
    self->up = true;
    watches_due_all(self->watches);
    if (self->missed && self->due == RECALL_NONE) self->due = RECALL_PRUNE;
    self->missed = false;
}

void watch_store_on_lost(struct watch_store *self)
{
    self->missed = self->missed || self->count > self->head || self->due == RECALL_PRUNE || self->recall == RECALL_PRUNE;
    if (self->recall == RECALL_TAKE || self->due == RECALL_TAKE) self->due = RECALL_TAKE;
    else self->due = RECALL_NONE;
    for (size_t i = self->head; i < self->count; i++) blob_drop(&self->change[i]);
    self->lost_from = self->done + 1;
    self->done += self->count - self->head;         /* nobody waits for them any more */
    self->lost_to = self->done;
    self->head = self->sent = self->count = 0;
    self->up = self->asked = self->stale = false;
    self->recall = RECALL_NONE;
}

size_t watch_store_pending(const struct watch_store *self)
{
    return self->count - self->head;
}

/* ---- reading back */

void watch_store_recall(struct watch_store *self)
{
    self->due = RECALL_TAKE;
}

bool watch_store_recalling(const struct watch_store *self)
{
    return self->due == RECALL_TAKE || self->recall == RECALL_TAKE;
}

static void begin(struct watch_store *self)
{
    self->recall = self->due, self->due = RECALL_NONE;
    buf_clear(&self->keys), buf_clear(&self->key), buf_clear(&self->inner), buf_clear(&self->cursor);
    buf_add_byte(&self->cursor, '0');
    self->keys_at = 0, self->more = true;
}

/* The next page: of a list that is under way, of the next one, of the names of lists. */
static bool page(struct watch_store *self, struct store_command *c)
{
    struct span rest = span_skip(buf_span(&self->keys), self->keys_at), key;
    if (self->inner.len == 0 && msg_next_str(&rest, &key)) {
        self->keys_at += key.len + 4;
        buf_clear(&self->key), buf_add(&self->key, key);
        buf_add_byte(&self->inner, '0');
    }
    if (self->inner.len) {
        *c = (struct store_command){ { SPAN("HSCAN"), buf_span(&self->key), buf_span(&self->inner), SPAN("COUNT"), SPAN(PAGE) }, 5 };
        return true;
    }
    if (!self->more) return false;
    buf_clear(&self->command);
    sweep_add_pattern(&self->command, buf_span(&self->prefix));
    buf_add_literal(&self->command, "watchers:*");
    *c = (struct store_command){ { SPAN("SCAN"), buf_span(&self->cursor), SPAN("MATCH"), buf_span(&self->command), SPAN("COUNT"), SPAN(PAGE) }, 6 };
    return true;
}

/* The followed one's key, in self->field, if he is one of ours. */
static bool followed_of(struct watch_store *self, struct span key)
{
    if (!span_eat_prefix(&key, buf_span(&self->prefix)) || !span_eat_prefix(&key, SPAN("watchers:"))) return false;
    if (key.len == 0 || key.len > USER_KEY_MAX - 1 || memchr(key.ptr, '\0', key.len)) return false;
    buf_clear(&self->field);
    user_key_of_name(&self->field, key);
    return self->hooks->ours(self->hooks_self, buf_span(&self->field));
}

static void on_tie(struct watch_store *self, struct span text, struct span types)
{
    struct span followed = buf_span(&self->field), realm, none;
    char bytes[USER_KEY_MAX];
    struct buf key = { bytes, 0, sizeof bytes };            /* never grows */
    user_split(followed, &realm, &none);
    if (text.len == 0 || text.len > USER_TEXT_MAX || types.len != 2 || memchr(text.ptr, '\0', text.len)) return;
    buf_add(&key, realm), buf_add_byte(&key, '/'), buf_add(&key, text);
    struct watch_user a = { buf_span(&key), types.ptr[0] == 's' }, b = { followed, types.ptr[1] == 's' };
    if (self->recall == RECALL_TAKE) {
        self->taken += watches_add(self->watches, a, b) == OK;
    } else if (!watches_tie(self->watches, a.key, b.key)) {
        struct buf name = { 0 };                /* put_command has self->field */
        buf_add(&name, followed);
        b.key = buf_span(&name);
        (void)watch_store_change(self, a, b, false);
        buf_clear(&self->field), buf_add(&self->field, buf_span(&name));
        buf_fini(&name);
    }
}

static void on_ties(struct watch_store *self, const struct store_reply *r)
{
    bool good = r->kind == STORE_LIST && followed_of(self, buf_span(&self->key));
    buf_clear(&self->inner);
    if (!good) return;
    if (r->cursor.len && !span_same(r->cursor, SPAN("0"))) buf_add(&self->inner, r->cursor);
    for (size_t i = 0; i + 1 < r->count; i += 2) on_tie(self, r->at[i], r->at[i + 1]);
}

static void on_names(struct watch_store *self, const struct store_reply *r)
{
    buf_clear(&self->keys), buf_clear(&self->cursor);
    self->keys_at = 0;
    if (r->kind == STORE_LIST) buf_add(&self->cursor, r->cursor);
    self->more = self->cursor.len && !span_same(buf_span(&self->cursor), SPAN("0"));
    for (size_t i = 0; r->kind == STORE_LIST && i < r->count; i++)
        if (followed_of(self, r->at[i])) msg_add_str(&self->keys, r->at[i]);
}

/* ---- out and in */

bool watch_store_next(struct watch_store *self, struct store_command *c, enum watch_tag *tag)
{
    struct tie *tie;
    if (self->sent < self->count) {
        give(c, blob_span(self->change[self->sent++]));
        *tag = WATCH_CHANGE;
    } else if ((tie = watches_take_due(self->watches))) {
        const struct person *a = tie->ends[TIE_FOLLOWER], *b = tie->ends[TIE_FOLLOWED];
        buf_clear(&self->command);
        put_command(self, &self->command, (struct watch_user){ person_key(a), a->quoted }, (struct watch_user){ person_key(b), b->quoted }, true);
        give(c, buf_span(&self->command));
        *tag = WATCH_WRITE;
    } else if (!self->asked) {
        if (self->recall == RECALL_NONE && self->due != RECALL_NONE) begin(self);
        if (self->recall == RECALL_NONE) return false;
        if (!page(self, c)) {
            self->recall = RECALL_NONE;
            return false;
        }
        self->asked = true;
        *tag = WATCH_RECALL;
    } else {
        return false;
    }
    return true;
}

void watch_store_on_reply(struct watch_store *self, enum watch_tag tag, const struct store_reply *r)
{
    if (tag == WATCH_CHANGE) {
        blob_drop(&self->change[self->head++]);
        self->done++;
        if (self->head == self->count) self->head = self->sent = self->count = 0;
    } else if (tag == WATCH_RECALL) {
        self->asked = false;
        if (self->inner.len && !self->stale) on_ties(self, r);
        else if (!self->inner.len) on_names(self, r);
        self->stale = false;
    }
}
