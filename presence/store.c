#include "store_words.h"

#include "msg.h"
#include "user.h"

#include <stdlib.h>

void store_init(struct store *self, const struct store_options *options, struct users *users, struct watches *watches,
                const struct sweep_hooks *hooks, void *hooks_self, struct presence_stats *stats)
{
    *self = (struct store){ .o = *options, .users = users, .stats = stats, .due = UINT64_MAX };
    self->dirty_end = &self->dirty;
    watch_store_init(&self->watch, options->prefix, options->max_pending, watches, hooks, hooks_self);
    sweep_init(&self->sweep, options->prefix, users, hooks, hooks_self, stats);
}

static void drop_ended(struct store *self, size_t from)
{
    for (size_t i = from; i < self->ended_count; i++) blob_drop(&self->ended[i]);
    self->ended_count = from;
}

static void add_ended(struct store *self, struct blob *ended)
{
    if (self->ended_count == self->ended_cap && self->ended_head) {
        size_t gone = self->ended_head;
        memmove(self->ended, self->ended + gone, (self->ended_count - gone) * sizeof *self->ended);
        self->ended_head = 0, self->ended_sent -= gone, self->ended_count -= gone;
    }
    if (self->ended_count >= self->ended_cap / 4 * 3) {
        self->ended_cap = self->ended_cap ? 2 * self->ended_cap : 64;
        self->ended = realloc(self->ended, self->ended_cap * sizeof *self->ended);
        NEED(self->ended);
    }
    self->ended[self->ended_count++] = ended;
}

void store_count(struct store *self, struct counters *counters) { self->counters = counters; }

void store_fini(struct store *self)
{
    drop_ended(self, self->ended_head);
    free(self->ended);
    sweep_fini(&self->sweep);
    watch_store_fini(&self->watch);
    buf_fini(&self->batch), buf_fini(&self->name), buf_fini(&self->set), buf_fini(&self->text), buf_fini(&self->command);
}

/* ---- what changed */

static void mark_due(struct store *self, uint64_t now)
{
    if (self->due == UINT64_MAX) self->due = self->draining ? 0 : now + self->o.write_behind_ms;
}

static void touch(struct store *self, struct user *u, uint64_t now)
{
    if (u->dirty_at) return;
    u->dirty_next = NULL, u->dirty_at = self->dirty_end;
    *self->dirty_end = u;
    self->dirty_end = &u->dirty_next;
    self->dirty_count++;
    mark_due(self, now);
}

void store_touch(struct store *self, struct user *u, struct session *s, uint64_t now)
{
    if (s) s->dirty = true;
    u->changed = true;
    touch(self, u, now);
}

void store_active(struct store *self, struct user *u, uint64_t now)
{
    if (u->records & RECORD_ONLINE_USERS) touch(self, u, now);
}

static void clean(struct store *self, struct user *u)
{
    *u->dirty_at = u->dirty_next;
    if (u->dirty_next) u->dirty_next->dirty_at = u->dirty_at;
    else self->dirty_end = u->dirty_at;
    u->dirty_next = NULL, u->dirty_at = NULL;
    self->dirty_count--;
}

void store_forget(struct store *self, struct user *u)
{
    if (u->dirty_at) clean(self, u);
}

struct blob *store_ending(struct store *self, const struct session *s)
{
    char records = (char)s->records;
    if (!(s->records & (RECORD_CONNECTIONS | RECORD_MAPPING | RECORD_SOCKET))) return NULL;
    buf_clear(&self->text), buf_clear(&self->set);
    buf_add(&self->set, sweep_nsp_text(users_nsp_name(self->users, s->nsp)));
    buf_add_byte(&self->set, ':');
    user_name(&self->set, users_key(s->user));
    msg_add_str(&self->text, buf_span(&self->set));
    msg_add_str(&self->text, users_sid(s));
    msg_add_str(&self->text, span_from(&records, 1));
    return blob_new(buf_span(&self->text));
}

void store_ended(struct store *self, struct blob **ended, uint64_t now)
{
    if (!*ended) return;
    if (self->ended_count - self->ended_sent >= self->o.max_pending) {
        drop_ended(self, self->ended_sent);
        self->sweep_due = self->sweep_whole = true;
    }
    if (self->sweep_due && !self->up) {         /* the sweep will see to it */
        blob_drop(ended);
        return;
    }
    add_ended(self, *ended);
    *ended = NULL;
    mark_due(self, now);
}

void store_sweep(struct store *self, bool whole)
{
    self->sweep_due = true;
    self->sweep_whole = self->sweep_whole || whole;
}

void store_settled(struct store *self, bool on)
{
    self->settled = on;
}

void store_drain(struct store *self)
{
    self->draining = true;
    self->watch.due = self->watch.recall = RECALL_NONE;
    if (self->due != UINT64_MAX) self->due = 0;
}

/* ---- the connection */

void store_on_up(struct store *self, uint64_t now)
{
    NEED(!self->up && self->under_way == 0);
    self->up = self->tried = true;
    self->refresh = now + STORE_EXPIRY_S * 1000ULL / 4;
    self->stats->redis_up = 1;
    if (self->counters) counters_on_up(self->counters);
    self->stats->redis_rewrites++;
    watch_store_on_up(&self->watch);
    struct map_walk walk = { 0 };
    for (struct user *u; (u = map_next(&self->users->by_key, &walk)); ) {
        for (struct session *s = u->sessions; s; s = s->next) s->dirty = true;
        store_touch(self, u, NULL, now);
    }
}

void store_on_lost(struct store *self)
{
    self->up = false;
    self->stats->redis_up = 0;
    watch_store_on_lost(&self->watch);
    if (self->counters) counters_on_lost(self->counters);
    self->tag_head = self->under_way = 0;
    self->ended_sent = self->ended_head;
    buf_clear(&self->batch);
    self->batch_at = 0;
    if (sweep_busy(&self->sweep)) store_sweep(self, self->sweep.whole);
    sweep_stop(&self->sweep);
}

void store_on_refused(struct store *self)
{
    self->tried = true;
}

bool store_recalls(const struct store *self)
{
    return (self->up || !self->tried) && watch_store_recalling(&self->watch);
}

void store_expire(struct store *self, uint64_t now)
{
    if (!self->up || now < self->refresh) return;
    self->refresh = now + STORE_EXPIRY_S * 1000ULL / 4;
    struct map_walk walk = { 0 };
    for (struct user *u; (u = map_next(&self->users->by_key, &walk)); ) {
        if (!u->sockets) continue;
        for (struct session *s = u->sessions; s; s = s->next) s->dirty = true;
        store_touch(self, u, NULL, now);
    }
}

/* ---- out, in order: ended sessions, dirty users, the sweep */

static bool refill(struct store *self, uint64_t now)
{
    buf_clear(&self->batch);
    self->batch_at = 0;
    if (now < self->due) return false;
    while (self->batch.len == 0) {
        if (self->ended_sent < self->ended_count) {
            store_write_ended(self, self->ended[self->ended_sent++]);
        } else if (self->dirty) {
            struct user *u = self->dirty;
            clean(self, u);
            store_write_user(self, u);
        } else {
            self->due = UINT64_MAX;
            return false;
        }
    }
    return true;
}

static void sent(struct store *self, unsigned tag)
{
    self->tag[(self->tag_head + self->under_way++) % STORE_WINDOW] = (uint8_t)tag;
}

bool store_next(struct store *self, struct store_command *c, uint64_t now)
{
    if (!self->up || self->under_way == STORE_WINDOW) return false;
    if (self->counters && counters_next(self->counters, c, now)) {
        sent(self, TAG_LIMIT);
        return true;
    }
    enum watch_tag what;
    if (self->batch_at == self->batch.len && !refill(self, now)) {
        if (watch_store_next(&self->watch, c, &what)) {
            sent(self, TAG_WATCH + what);
            return true;
        }
        if (self->draining) return false;
        if (self->sweep_due && (self->settled || !self->sweep_whole) && sweep_rests(&self->sweep)) {
            sweep_begin(&self->sweep, self->sweep_whole);
            self->sweep_due = self->sweep_whole = false;
        }
        if (!sweep_next(&self->sweep, c)) return false;
        sent(self, TAG_SWEEP);
        return true;
    }
    struct span rest = span_skip(buf_span(&self->batch), self->batch_at), command, arg;
    NEED(msg_next_str(&rest, &command));
    self->batch_at += command.len + 4;
    NEED(msg_next_str(&command, &arg) && arg.len == 1);
    sent(self, (unsigned char)arg.ptr[0]);
    for (c->count = 0; c->count < STORE_ARGS_MAX && msg_next_str(&command, &arg); ) c->arg[c->count++] = arg;
    return true;
}

/* ---- answers */

static void ended_done(struct store *self)
{
    blob_drop(&self->ended[self->ended_head++]);
    if (self->ended_head == self->ended_count) self->ended_head = self->ended_sent = self->ended_count = 0;
}

enum err store_error(struct span m)
{
    static const struct { const char *word; enum err err; } words[] = {
        { "NOAUTH", ERR_AUTH }, { "WRONGPASS", ERR_AUTH }, { "NOPERM", ERR_AUTH }, { "LOADING", ERR_AGAIN }, { "BUSY", ERR_AGAIN },
        { "TRYAGAIN", ERR_AGAIN }, { "MASTERDOWN", ERR_AGAIN }, { "READONLY", ERR_STATE }, { "MISCONF", ERR_STATE }, { "OOM", ERR_FULL },
        { "WRONGTYPE", ERR_TYPE }, { "MOVED", ERR_VERSION }, { "CROSSSLOT", ERR_VERSION },
    };
    struct span word = span_cut(&m, ' ');
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (span_same(word, span_of(words[i].word))) return words[i].err;
    return ERR_UNKNOWN;
}

enum err store_on_reply(struct store *self, const struct store_reply *r)
{
    if (self->under_way == 0) return ERR_STATE;
    unsigned tag = self->tag[self->tag_head];
    self->tag_head = (self->tag_head + 1) % STORE_WINDOW;
    self->under_way--;
    enum err e = r->kind == STORE_ERROR ? store_error(r->text) : OK;
    if (e != OK) self->stats->redis_errors[e]++;
    else self->stats->redis_written++;
    /* It takes no writes now, so this one would be lost: all of them come again after a pause. */
    if (e == ERR_AUTH || e == ERR_AGAIN || e == ERR_STATE || e == ERR_FULL) return e;
    if (tag == TAG_LIMIT) counters_on_reply(self->counters, r);
    if (tag == TAG_ENDED) ended_done(self);
    else if (tag == TAG_SWEEP) sweep_on_reply(&self->sweep, r);
    else if (tag >= TAG_WATCH) watch_store_on_reply(&self->watch, (enum watch_tag)(tag - TAG_WATCH), r);
    return OK;
}

uint64_t store_deadline(const struct store *self)
{
    return self->up ? self->due : UINT64_MAX;
}

size_t store_pending(const struct store *self)
{
    return self->dirty_count + (self->ended_count - self->ended_head) + watch_store_pending(&self->watch) + self->under_way;
}

bool store_quiet(const struct store *self)
{
    return !self->up || (store_pending(self) == 0 && (!self->counters || counters_quiet(self->counters)) && self->batch_at == self->batch.len);
}
