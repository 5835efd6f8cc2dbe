#include "sweep.h"

#include "json.h"
#include "msg.h"
#include "user.h"

#define PAGE "200"

struct span sweep_nsp_text(struct span nsp)
{
    return nsp.len > 1 && nsp.ptr[0] == '/' ? span_skip(nsp, 1) : nsp;
}

void sweep_init(struct sweep *self, struct span prefix, const struct users *users, const struct sweep_hooks *hooks, void *hooks_self,
                struct presence_stats *stats)
{
    *self = (struct sweep){ .users = users, .hooks = hooks, .hooks_self = hooks_self, .stats = stats };
    buf_add(&self->prefix, prefix);
}

void sweep_fini(struct sweep *self)
{
    buf_fini(&self->prefix), buf_fini(&self->cursor), buf_fini(&self->keys.strs), buf_fini(&self->asked.strs);
    buf_fini(&self->todo.strs), buf_fini(&self->arg), buf_fini(&self->command), buf_fini(&self->key), buf_fini(&self->nsp);
}

/* ---- queues of strs: taken from the front, emptied when all are taken */

static bool due(const struct sweep_queue *q)
{
    return q->at < q->strs.len;
}

static void clear(struct sweep_queue *q)
{
    buf_clear(&q->strs);
    q->at = 0;
}

static struct span first_of(const struct sweep_queue *q)
{
    struct span rest = span_skip(buf_span(&q->strs), q->at), first = SPAN("");
    (void)msg_next_str(&rest, &first);
    return first;
}

static void drop(struct sweep_queue *q, struct span first)
{
    q->at += first.len + 4;
    if (!due(q)) clear(q);
}

static void enter(struct sweep *self, enum sweep_phase phase)
{
    self->phase = phase;
    self->more = phase != SWEEP_IDLE;
    buf_clear(&self->cursor);
    buf_add_byte(&self->cursor, '0');
}

void sweep_begin(struct sweep *self, bool whole)
{
    NEED(sweep_rests(self));
    sweep_stop(self);
    self->whole = whole;
    enter(self, SWEEP_RECORDS);
}

void sweep_stop(struct sweep *self)
{
    clear(&self->keys), clear(&self->asked), clear(&self->todo);
    enter(self, SWEEP_IDLE);
}

bool sweep_rests(const struct sweep *self)
{
    return !due(&self->asked);
}

bool sweep_busy(const struct sweep *self)
{
    return self->phase != SWEEP_IDLE;
}

/* ---- commands out. What is asked is remembered as a letter and a key. */

enum { ASKED_PAGE = 'p', ASKED_RECORD = 'r', ASKED_MEMBERS = 'm', ASKED_SOCKET = 's', ASKED_HASH = 'h', ASKED_REMOVAL = 'x' };

static void remember(struct sweep *self, char what, struct span key)
{
    buf_clear(&self->arg);
    buf_add_byte(&self->arg, what);
    buf_add(&self->arg, key);
    msg_add_str(&self->asked.strs, buf_span(&self->arg));
}

void sweep_add_pattern(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("*?[]\\^", text.ptr[i])) buf_add_byte(out, '\\');
        buf_add_byte(out, text.ptr[i]);
    }
}

static void page(struct sweep *self, struct store_command *c)
{
    buf_clear(&self->command);
    if (self->phase == SWEEP_ONLINE) {
        buf_add(&self->command, buf_span(&self->prefix));
        buf_add_literal(&self->command, "online_users");
        *c = (struct store_command){ { SPAN("HSCAN"), buf_span(&self->command), buf_span(&self->cursor), SPAN("COUNT"), SPAN(PAGE) }, 5 };
    } else {
        sweep_add_pattern(&self->command, buf_span(&self->prefix));
        buf_add(&self->command, self->phase == SWEEP_RECORDS ? SPAN("user:*") : SPAN("socket:*"));
        *c = (struct store_command){ { SPAN("SCAN"), buf_span(&self->cursor), SPAN("MATCH"), buf_span(&self->command), SPAN("COUNT"), SPAN(PAGE) }, 6 };
    }
    remember(self, ASKED_PAGE, SPAN(""));
}

/* False: there is nothing to ask about that key. */
static bool question(struct sweep *self, struct span key, struct store_command *c)
{
    struct span rest = key;
    if (!span_eat_prefix(&rest, buf_span(&self->prefix))) return false;
    buf_clear(&self->command);
    buf_add(&self->command, key);
    struct span kept = buf_span(&self->command);
    if (span_eat_prefix(&rest, SPAN("user:"))) {
        *c = (struct store_command){ { SPAN("HMGET"), kept, SPAN("id"), SPAN("is_online"), SPAN("last_connect"), SPAN("last_disconnect") }, 6 };
        remember(self, ASKED_RECORD, kept);
    } else if (span_eat_prefix(&rest, SPAN("socket:connections:"))) {
        *c = (struct store_command){ { SPAN("SMEMBERS"), kept }, 2 };
        remember(self, ASKED_MEMBERS, kept);
    } else if (span_eat_prefix(&rest, SPAN("socket:user:"))) {
        *c = (struct store_command){ { SPAN("GET"), kept }, 2 };
        remember(self, ASKED_SOCKET, kept);
    } else if (span_eat_prefix(&rest, SPAN("socket:"))) {
        *c = (struct store_command){ { SPAN("HGET"), kept, SPAN("user_id") }, 3 };
        remember(self, ASKED_HASH, kept);
    } else {
        return false;
    }
    return true;
}

bool sweep_next(struct sweep *self, struct store_command *c)
{
    if (due(&self->todo)) {
        buf_clear(&self->command);
        struct span first = first_of(&self->todo), args, arg;
        buf_add(&self->command, first);
        drop(&self->todo, first);
        args = buf_span(&self->command);
        for (c->count = 0; c->count < STORE_ARGS_MAX && msg_next_str(&args, &arg); ) c->arg[c->count++] = arg;
        remember(self, ASKED_REMOVAL, SPAN(""));
        return true;
    }
    while (due(&self->keys)) {
        struct span key = first_of(&self->keys);
        bool asks = question(self, key, c);
        drop(&self->keys, key);
        if (asks) return true;
    }
    if (self->phase == SWEEP_IDLE || due(&self->asked)) return false;
    if (!self->more) enter(self, !self->whole || self->phase == SWEEP_ONLINE ? SWEEP_IDLE : self->phase + 1);
    if (self->phase == SWEEP_IDLE) return false;
    page(self, c);
    return true;
}

/* ---- answers */

static void remove_entry(struct sweep *self, const struct span *args, size_t count)
{
    struct buf one = { 0 };
    for (size_t i = 0; i < count; i++) msg_add_str(&one, args[i]);
    msg_add_str(&self->todo.strs, buf_span(&one));
    buf_fini(&one);
    self->stats->swept_entries++;
}

/* The key of a user's name, if it is one of ours. */
static bool ours(struct sweep *self, struct span name)
{
    if (name.len == 0 || name.len > USER_KEY_MAX - 1 || memchr(name.ptr, '\0', name.len)) return false;
    buf_clear(&self->key);
    user_key_of_name(&self->key, name);
    return self->hooks->ours(self->hooks_self, buf_span(&self->key));
}

static bool listed(const struct sweep *self)
{
    const struct user *u = users_find(self->users, buf_span(&self->key));
    return u && (u->sockets || u->absent) && u->records & RECORD_ONLINE_USERS;
}

static void on_record(struct sweep *self, struct span name, const struct store_reply *r)
{
    if (r->kind != STORE_LIST || r->count != 4 || !r->at[1].ptr || !ours(self, name)) return;
    struct sweep_record record = { .quoted = true, .online = span_same(r->at[1], SPAN("1")) };
    (void)span_to_uint(r->at[2], UINT64_MAX, &record.last_connect);
    (void)span_to_uint(r->at[3], UINT64_MAX, &record.last_disconnect);
    struct span realm, text;
    user_split(buf_span(&self->key), &realm, &text);
    if (r->at[0].ptr && span_same(r->at[0], text) && json_check(text, 1) == OK && json_type_of(text) != JSON_STRING) record.quoted = false;
    self->hooks->restored(self->hooks_self, buf_span(&self->key), &record, self->whole);
}

/* The namespace of a key's text, in self->nsp. */
static struct span nsp_of_text(struct sweep *self, struct span text)
{
    buf_clear(&self->nsp);
    if (!span_same(text, SPAN("/"))) buf_add_byte(&self->nsp, '/');
    buf_add(&self->nsp, text);
    return buf_span(&self->nsp);
}

/* "chat:42" -> the namespace, in self->nsp, and the name: the longest one that is known; else the shortest that may be. */
static bool split_connections(struct sweep *self, struct span rest, struct span *name)
{
    for (size_t i = rest.len; i-- > 1; ) {
        *name = span_skip(rest, i + 1);
        if (rest.ptr[i] == ':' && users_nsp(self->users, nsp_of_text(self, span_head(rest, i))) != USERS_NO_NSP) return true;
    }
    for (size_t i = 1; i < rest.len; i++) {
        *name = span_skip(rest, i + 1);
        if (rest.ptr[i] == ':' && self->hooks->named(self->hooks_self, nsp_of_text(self, span_head(rest, i)))) return true;
    }
    return false;
}

static void on_members(struct sweep *self, struct span key, struct span rest, const struct store_reply *r)
{
    struct span name;
    bool split = split_connections(self, rest, &name);
    uint16_t nsp = users_nsp(self->users, buf_span(&self->nsp));        /* none: nobody is in it */
    if (r->kind != STORE_LIST || !split || !ours(self, name)) return;
    bool stale = false;
    const struct user *u = users_find(self->users, buf_span(&self->key));
    const struct place *place = u ? users_place(u, nsp) : NULL;
    if (place && place->away) return;       /* online still: what is due comes with the end of that */
    for (size_t i = 0; i < r->count; i++) {
        const struct session *s = users_session(self->users, nsp, r->at[i]);
        if (s && span_same(users_key(s->user), buf_span(&self->key))) continue;
        remove_entry(self, (struct span[]){ SPAN("SREM"), key, r->at[i] }, 3);
        stale = true;
    }
    if (stale && !place) self->hooks->stale(self->hooks_self, buf_span(&self->key), buf_span(&self->nsp));
}

/* {"userId":42,"namespace":"chat","realm":"staff"} */
static void on_socket(struct sweep *self, struct span key, struct span sid, const struct store_reply *r)
{
    if (r->kind != STORE_TEXT || json_check(r->text, 4) != OK || json_type_of(r->text) != JSON_OBJECT) return;
    struct span nsp = json_find(r->text, SPAN("namespace")), realm = json_find(r->text, SPAN("realm"));
    struct buf text = { 0 };
    if (json_type_of(realm) == JSON_STRING) json_unquote(&text, realm);
    buf_clear(&self->key);
    bool good = user_key(&self->key, buf_span(&text), json_find(r->text, SPAN("userId"))) == OK &&
                self->hooks->ours(self->hooks_self, buf_span(&self->key));
    const struct session *s = NULL;
    const struct user *u = good ? users_find(self->users, buf_span(&self->key)) : NULL;
    buf_clear(&text);
    if (json_type_of(nsp) == JSON_STRING) json_unquote(&text, nsp);
    if (text.len) s = users_session(self->users, users_nsp(self->users, nsp_of_text(self, buf_span(&text))), sid);
    if (good && !s && !(u && u->absent)) {
        buf_clear(&text);
        buf_add(&text, buf_span(&self->prefix));
        buf_add_literal(&text, "socket:");
        buf_add(&text, sid);
        remove_entry(self, (struct span[]){ SPAN("DEL"), key, buf_span(&text) }, 3);
    }
    buf_fini(&text);
}

/* A socket's own record: of a user of ours that has no such socket. */
static void on_hash(struct sweep *self, struct span key, struct span sid, const struct store_reply *r)
{
    if (r->kind != STORE_TEXT || !ours(self, r->text)) return;
    const struct user *u = users_find(self->users, buf_span(&self->key));
    if (u && u->absent) return;
    for (const struct session *s = u ? u->sessions : NULL; s; s = s->next)
        if (span_same(users_sid(s), sid)) return;
    remove_entry(self, (struct span[]){ SPAN("DEL"), key }, 2);
}

static void on_page(struct sweep *self, const struct store_reply *r)
{
    if (r->kind != STORE_LIST) {        /* refused: this phase ends here, and is counted by who asked */
        self->more = false;
        return;
    }
    buf_clear(&self->cursor);
    buf_add(&self->cursor, r->cursor);
    self->more = r->cursor.len && !span_same(r->cursor, SPAN("0"));
    if (self->phase != SWEEP_ONLINE) {
        for (size_t i = 0; i < r->count; i++) msg_add_str(&self->keys.strs, r->at[i]);
        return;
    }
    buf_clear(&self->command);
    buf_add(&self->command, buf_span(&self->prefix));
    buf_add_literal(&self->command, "online_users");
    for (size_t i = 0; i + 1 < r->count; i += 2)        /* field, value */
        if (ours(self, r->at[i]) && !listed(self)) remove_entry(self, (struct span[]){ SPAN("HDEL"), buf_span(&self->command), r->at[i] }, 3);
}

void sweep_on_reply(struct sweep *self, const struct store_reply *r)
{
    struct span asked = first_of(&self->asked);
    NEED(asked.len > 0);
    struct span key = span_skip(asked, 1), rest = key;
    (void)span_eat_prefix(&rest, buf_span(&self->prefix));
    switch (asked.ptr[0]) {
    case ASKED_PAGE:    on_page(self, r); break;
    case ASKED_RECORD:  on_record(self, span_skip(rest, sizeof "user:" - 1), r); break;
    case ASKED_MEMBERS: on_members(self, key, span_skip(rest, sizeof "socket:connections:" - 1), r); break;
    case ASKED_HASH:    on_hash(self, key, span_skip(rest, sizeof "socket:" - 1), r); break;
    case ASKED_SOCKET:  on_socket(self, key, span_skip(rest, sizeof "socket:user:" - 1), r); break;
    default: break;
    }
    drop(&self->asked, asked);
}
