#include "store.h"

#include "json.h"
#include "msg.h"
#include "user.h"

#include <stdio.h>
#include <stdlib.h>

enum tag { TAG_WRITE, TAG_ENDED, TAG_SWEEP };

void store_init(struct store *self, const struct store_options *options, struct users *users, const struct sweep_hooks *hooks,
                void *hooks_self, struct presence_stats *stats)
{
    *self = (struct store){ .o = *options, .users = users, .stats = stats, .due = UINT64_MAX };
    self->dirty_end = &self->dirty;
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

void store_fini(struct store *self)
{
    drop_ended(self, self->ended_head);
    free(self->ended);
    sweep_fini(&self->sweep);
    buf_fini(&self->batch), buf_fini(&self->name), buf_fini(&self->set), buf_fini(&self->text), buf_fini(&self->command);
}

/* ---- what changed */

static void mark_due(struct store *self, uint64_t now)
{
    if (self->due == UINT64_MAX) self->due = self->draining ? 0 : now + self->o.write_behind_ms;
}

void store_touch(struct store *self, struct user *u, struct session *s, uint64_t now)
{
    if (s) s->dirty = true;
    if (u->dirty_at) return;
    u->dirty_next = NULL, u->dirty_at = self->dirty_end;
    *self->dirty_end = u;
    self->dirty_end = &u->dirty_next;
    self->dirty_count++;
    mark_due(self, now);
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

/* A session that ended, as two strs: the set's key without prefix, and its id. */
void store_ended(struct store *self, const struct session *s, uint64_t now)
{
    if (self->ended_count - self->ended_sent >= self->o.max_pending) {
        drop_ended(self, self->ended_sent);
        self->sweep_due = self->sweep_whole = true;
    }
    if (self->sweep_due && !self->up) return;           /* the sweep will see to it */
    buf_clear(&self->text), buf_clear(&self->set);
    buf_add(&self->set, sweep_nsp_text(users_nsp_name(self->users, s->nsp)));
    buf_add_byte(&self->set, ':');
    user_name(&self->set, users_key(s->user));
    msg_add_str(&self->text, buf_span(&self->set));
    msg_add_str(&self->text, users_sid(s));
    add_ended(self, blob_new(buf_span(&self->text)));
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
    if (self->due != UINT64_MAX) self->due = 0;
}

/* ---- the connection */

void store_on_up(struct store *self, uint64_t now)
{
    NEED(!self->up && self->under_way == 0);
    self->up = true;
    self->refresh = now + STORE_EXPIRY_S * 1000ULL / 4;
    self->stats->redis_up = 1;
    self->stats->redis_rewrites++;
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
    self->tag_head = self->under_way = 0;
    self->ended_sent = self->ended_head;
    buf_clear(&self->batch);
    self->batch_at = 0;
    if (sweep_busy(&self->sweep)) store_sweep(self, self->sweep.whole);
    sweep_stop(&self->sweep);
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

/* ---- in Redis' words */

static void add(struct store *self, enum tag tag, const struct span *args, size_t count)
{
    char letter = (char)tag;
    buf_clear(&self->command);
    msg_add_str(&self->command, span_from(&letter, 1));
    for (size_t i = 0; i < count; i++) msg_add_str(&self->command, args[i]);
    msg_add_str(&self->batch, buf_span(&self->command));
}
#define ADD(self, tag, ...) \
    add((self), (tag), (struct span[]){ __VA_ARGS__ }, sizeof((struct span[]){ __VA_ARGS__ }) / sizeof(struct span))

struct digits { char text[32]; };

static struct span decimal(struct digits *d, uint64_t n)
{
    return span_from(d->text, (size_t)snprintf(d->text, sizeof d->text, "%llu", (unsigned long long)n));
}

/* "2024-02-29T12:34:56.007Z", as JavaScript writes it. Days to date: Howard Hinnant's civil_from_days. */
static struct span iso(struct digits *d, uint64_t ms)
{
    uint64_t s = ms / 1000 % 86400, z = ms / 86400000 + 719468;
    uint64_t era = z / 146097, doe = z % 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    unsigned day = (unsigned)(doy - (153 * mp + 2) / 5 + 1), month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    unsigned year = (unsigned)((yoe + era * 400 + (month <= 2)) % 10000);
    int n = snprintf(d->text, sizeof d->text, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month % 100, day % 100,
                     (unsigned)(s / 3600), (unsigned)(s / 60 % 60), (unsigned)(s % 60), (unsigned)(ms % 1000));
    return span_from(d->text, (size_t)n);
}

/* prefix, what and name in one of our bufs. */
static struct span key(const struct store *self, struct buf *out, struct span what, struct span name)
{
    buf_clear(out);
    buf_add(out, self->o.prefix);
    buf_add(out, what);
    buf_add(out, name);
    return buf_span(out);
}

static void write_session(struct store *self, const struct user *u, const struct session *s, struct span name, struct span id)
{
    struct digits d, expiry;
    struct buf other = { 0 };
    struct span nsp = sweep_nsp_text(users_nsp_name(self->users, s->nsp)), sid = users_sid(s), realm, text;
    user_split(users_key(u), &realm, &text);
    (void)decimal(&expiry, STORE_EXPIRY_S);
    struct span ttl = span_of(expiry.text);

    (void)key(self, &self->set, SPAN("socket:connections:"), nsp);
    buf_add_byte(&self->set, ':');
    buf_add(&self->set, name);
    struct span set = buf_span(&self->set);
    ADD(self, TAG_WRITE, SPAN("SADD"), set, sid);
    ADD(self, TAG_WRITE, SPAN("EXPIRE"), set, ttl);

    buf_clear(&self->text);
    buf_add_literal(&self->text, "{\"userId\":");
    buf_add(&self->text, id);
    buf_add_literal(&self->text, ",\"namespace\":");
    json_quote(&self->text, nsp);
    if (realm.len) buf_add_literal(&self->text, ",\"realm\":"), json_quote(&self->text, realm);
    buf_add_byte(&self->text, '}');
    ADD(self, TAG_WRITE, SPAN("SET"), key(self, &other, SPAN("socket:user:"), sid), buf_span(&self->text), SPAN("EX"), ttl);

    struct span socket = key(self, &other, SPAN("socket:"), sid);
    ADD(self, TAG_WRITE, SPAN("HSET"), socket, SPAN("connected_at"), decimal(&d, s->since), SPAN("ip"), users_address(s),
        SPAN("user_agent"), users_agent(s), SPAN("user_id"), name);
    ADD(self, TAG_WRITE, SPAN("EXPIRE"), socket, ttl);
    buf_fini(&other);
}

static void write_online(struct store *self, const struct user *u, struct span name, struct span id)
{
    struct digits d;
    NEED(u->sessions);
    struct span sid = users_sid(u->sessions);
    ADD(self, TAG_WRITE, SPAN("HSET"), key(self, &self->set, SPAN("user:"), name), SPAN("is_online"), SPAN("1"), SPAN("socket_id"), sid,
        SPAN("last_connect"), decimal(&d, u->sessions->since), SPAN("id"), id);
    buf_clear(&self->text);
    buf_add_literal(&self->text, "{\"socketId\":");
    json_quote(&self->text, sid);
    buf_add_literal(&self->text, ",\"onlineAt\":\"");
    buf_add(&self->text, iso(&d, u->since));
    buf_add_literal(&self->text, "\",\"lastActivity\":\"");
    buf_add(&self->text, iso(&d, u->active));
    buf_add_literal(&self->text, "\"}");
    ADD(self, TAG_WRITE, SPAN("HSET"), key(self, &self->set, SPAN("online_users"), SPAN("")), name, buf_span(&self->text));
}

static void write_offline(struct store *self, const struct user *u, struct span name, struct span id)
{
    struct digits d;
    struct span record = key(self, &self->set, SPAN("user:"), name);
    ADD(self, TAG_WRITE, SPAN("HSET"), record, SPAN("is_online"), SPAN("0"), SPAN("socket_id"), SPAN(""), SPAN("id"), id);
    if (u->gone) ADD(self, TAG_WRITE, SPAN("HSET"), record, SPAN("last_disconnect"), decimal(&d, u->gone));
    ADD(self, TAG_WRITE, SPAN("HDEL"), key(self, &self->set, SPAN("online_users"), SPAN("")), name);
}

static void write_user(struct store *self, struct user *u)
{
    struct digits d;
    buf_clear(&self->name);
    user_name(&self->name, users_key(u));
    struct buf id = { 0 };
    users_id(&id, u);
    for (struct session *s = u->sessions; s; s = s->next) {
        if (!s->dirty) continue;
        s->dirty = false;
        write_session(self, u, s, buf_span(&self->name), buf_span(&id));
    }
    if (u->sockets) write_online(self, u, buf_span(&self->name), buf_span(&id));
    else write_offline(self, u, buf_span(&self->name), buf_span(&id));
    ADD(self, TAG_WRITE, SPAN("EXPIRE"), key(self, &self->set, SPAN("user:"), buf_span(&self->name)), decimal(&d, STORE_RECORD_S));
    buf_fini(&id);
}

static void write_ended(struct store *self, const struct blob *ended)
{
    struct span rest = blob_span(ended), set, sid;
    NEED(msg_next_str(&rest, &set) && msg_next_str(&rest, &sid));
    ADD(self, TAG_WRITE, SPAN("SREM"), key(self, &self->set, SPAN("socket:connections:"), set), sid);
    struct span mapping = key(self, &self->set, SPAN("socket:user:"), sid);
    ADD(self, TAG_ENDED, SPAN("DEL"), mapping, key(self, &self->text, SPAN("socket:"), sid));
}

/* ---- out, in order: ended sessions, dirty users, the sweep */

static bool refill(struct store *self, uint64_t now)
{
    buf_clear(&self->batch);
    self->batch_at = 0;
    if (now < self->due) return false;
    if (self->ended_sent < self->ended_count) {
        write_ended(self, self->ended[self->ended_sent++]);
    } else if (self->dirty) {
        struct user *u = self->dirty;
        clean(self, u);
        write_user(self, u);
    } else {
        self->due = UINT64_MAX;
        return false;
    }
    return true;
}

static void sent(struct store *self, enum tag tag)
{
    self->tag[(self->tag_head + self->under_way++) % STORE_WINDOW] = (uint8_t)tag;
}

bool store_next(struct store *self, struct store_command *c, uint64_t now)
{
    if (!self->up || self->under_way == STORE_WINDOW) return false;
    if (self->batch_at == self->batch.len && !refill(self, now)) {
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
    sent(self, (enum tag)arg.ptr[0]);
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
    enum tag tag = (enum tag)self->tag[self->tag_head];
    self->tag_head = (self->tag_head + 1) % STORE_WINDOW;
    self->under_way--;
    enum err e = r->kind == STORE_ERROR ? store_error(r->text) : OK;
    if (e != OK) self->stats->redis_errors[e]++;
    else self->stats->redis_written++;
    /* It takes no writes now, so this one would be lost: all of them come again after a pause. */
    if (e == ERR_AUTH || e == ERR_AGAIN || e == ERR_STATE || e == ERR_FULL) return e;
    if (tag == TAG_ENDED) ended_done(self);
    else if (tag == TAG_SWEEP) sweep_on_reply(&self->sweep, r);
    return OK;
}

uint64_t store_deadline(const struct store *self)
{
    return self->up ? self->due : UINT64_MAX;
}

size_t store_pending(const struct store *self)
{
    return self->dirty_count + (self->ended_count - self->ended_head) + self->under_way;
}

bool store_quiet(const struct store *self)
{
    return !self->up || (store_pending(self) == 0 && self->batch_at == self->batch.len);
}
