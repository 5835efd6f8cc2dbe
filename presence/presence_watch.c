/* presence_watch - who follows whom: set by the command socket's `watch` and by gateways; who of them is online. */
#include "presence_inside.h"

#include "json.h"

#include <stdlib.h>

/* ---- a change: first looked at as a whole, then made */

struct change {
    struct span realm, add, remove;     /* JSON: an id or a list of them; remove: "*" in quotes is anybody */
    bool        only;                   /* whom 'add' does not name he does not follow any more */
    struct watch_user follower;
    uint64_t    ticket;                 /* of the newest command for Redis */
    bool        stored;                 /* all of them are tickets */
};

typedef void each_user(struct presence *self, struct change *c, struct watch_user followed, void *with);

/* Those of the list that are ours. */
static void each(struct presence *self, struct change *c, struct span list, each_user *see, void *with)
{
    bool many = json_type_of(list) == JSON_ARRAY;
    struct span id = list;
    while (list.len && (!many || json_next(&list, &id))) {
        char bytes[USER_KEY_MAX];
        struct buf key = { bytes, 0, sizeof bytes };        /* never grows */
        if (user_key(&key, c->realm, id) == OK && presence_owns(self, buf_span(&key)))
            see(self, c, (struct watch_user){ buf_span(&key), json_type_of(id) == JSON_STRING }, with);
        if (!many) break;
    }
}

static void write(struct presence *self, struct change *c, struct watch_user followed, bool on)
{
    uint64_t ticket = watch_store_change(&self->store.watch, c->follower, followed, on);
    if (ticket) c->ticket = ticket;
    else c->stored = false;
    self->stats->watches_changed++;
}

static void count_new(struct presence *self, struct change *c, struct watch_user followed, void *with)
{
    if (!watches_tie(&self->watches, c->follower.key, followed.key)) ++*(size_t *)with;
}

static void add_one(struct presence *self, struct change *c, struct watch_user followed, void *nothing)
{
    (void)nothing;
    enum err e = watches_add(&self->watches, c->follower, followed);
    if (e == OK) write(self, c, followed, true);
    else if (e != ERR_DUPLICATE) self->stats->watches_refused++;
    struct tie *t = watches_tie(&self->watches, c->follower.key, followed.key);
    if (t) t->marked = true;
}

static void remove_one(struct presence *self, struct change *c, struct watch_user followed, void *nothing)
{
    (void)nothing;
    if (watches_drop(&self->watches, c->follower.key, followed.key)) write(self, c, followed, false);
}

/* All, or those without a mark. */
static void remove_all(struct presence *self, struct change *c, bool marked_too)
{
    const struct person *p = watches_find(&self->watches, c->follower.key);
    for (struct tie *t = p ? p->ties[TIE_FOLLOWER] : NULL, *next; t; t = next) {
        next = t->next[TIE_FOLLOWER];
        if (t->marked && !marked_too) continue;
        const struct person *f = t->ends[TIE_FOLLOWED];
        write(self, c, (struct watch_user){ person_key(f), f->quoted }, false);
        watches_remove(&self->watches, t);
    }
}

static void unmark(const struct watches *watches, struct span follower)
{
    const struct person *p = watches_find(watches, follower);
    for (struct tie *t = p ? p->ties[TIE_FOLLOWER] : NULL; t; t = t->next[TIE_FOLLOWER]) t->marked = false;
}

/* ERR_LIMIT, ERR_FULL: nothing was changed. */
static enum err change(struct presence *self, struct change *c)
{
    bool anybody = json_string_is(c->remove, SPAN("*"));
    const struct person *p = watches_find(&self->watches, c->follower.key);
    size_t fresh = 0, had = p && !anybody && !c->only ? p->count[TIE_FOLLOWER] : 0;
    c->stored = true;
    each(self, c, c->add, count_new, &fresh);
    if (fresh && had + fresh > self->watches.max_each) return ERR_LIMIT;
    if (self->watches.ties.count + fresh > self->watches.max || watch_store_full(&self->store.watch)) return ERR_FULL;
    if (c->only) unmark(&self->watches, c->follower.key);
    if (anybody) remove_all(self, c, true);
    else each(self, c, c->remove, remove_one, NULL);
    each(self, c, c->add, add_one, NULL);
    if (c->only) remove_all(self, c, false);
    return OK;
}

/* ---- answers that wait until Redis has what they answer */

static void say(struct presence *self, const struct owing *o)
{
    struct buf json = { 0 };
    buf_add(&json, blob_span(o->json));
    if (o->role == ROLE_GATEWAY) {
        msg_encode_WATCHED(&self->scratch, &(struct msg_WATCHED){ .ref = o->ref, .online = buf_span(&json) });
        effects_add_buf(&self->effects, ROLE_GATEWAY, o->number, MSG_WATCHED, &self->scratch, 0);
    } else {
        bool stored = o->stored && (!o->ticket || !watch_store_lost(&self->store.watch, o->ticket));
        json.len--;                     /* its brace */
        buf_add_format(&json, ",\"stored\":%s}", stored ? "true" : "false");
        msg_encode_TOLD(&self->scratch, &(struct msg_TOLD){ .ref = o->ref, .json = buf_span(&json) });
        effects_add_buf(&self->effects, ROLE_ROUTER, o->number, MSG_TOLD, &self->scratch, 0);
    }
    buf_fini(&json);
}

static void owe(struct presence *self, struct owing o, struct span json)
{
    o.json = blob_new(json);
    if (self->owing_count == PRESENCE_OWING_MAX || o.ticket <= self->store.watch.done) {
        say(self, &o);
        blob_drop(&o.json);
        return;
    }
    if (self->owing_count == self->owing_cap) {
        self->owing_cap = self->owing_cap ? 2 * self->owing_cap : 64;
        self->owing = realloc(self->owing, self->owing_cap * sizeof *self->owing);
        NEED(self->owing);
    }
    self->owing[self->owing_count++] = o;
}

void presence_on_stored(struct presence *self, struct presence_time now)
{
    size_t n = 0;
    self->now = now;
    if (self->counters.arrived) counters_on_time(&self->counters, (struct counters_time){ now.mono, now.wall });
    while (n < self->owing_count && self->owing[n].ticket <= self->store.watch.done) {
        say(self, &self->owing[n]);
        blob_drop(&self->owing[n++].json);
    }
    if (n == 0) return;
    self->owing_count -= n;
    memmove(self->owing, self->owing + n, self->owing_count * sizeof *self->owing);
}

/* ---- who is online */

static uint32_t sockets_of(const struct presence *self, const struct person *p, uint16_t nsp, bool *online)
{
    const struct user *u = users_find(&self->users, person_key(p));
    const struct place *place = u && nsp != USERS_NO_NSP ? users_place(u, nsp) : NULL;
    if (nsp == USERS_NO_NSP) {
        *online = u && (u->sockets || u->absent);
        return u ? u->sockets : 0;
    }
    *online = place && (place->count || place->away);
    return place ? place->count : 0;
}

/* ---- the verb */

static int by_key(const void *a, const void *b)
{
    const struct person *const *x = a, *const *y = b;
    return span_order(person_key(*x), person_key(*y));
}

static void add_list(const struct presence *self, struct buf *json, const struct person *who, const struct question *q)
{
    struct span realm, text;
    size_t count = 0, given = 0;
    const struct person **list = malloc((who->count[TIE_FOLLOWER] + 1) * sizeof *list);
    NEED(list);
    for (const struct tie *t = who->ties[TIE_FOLLOWER]; t; t = t->next[TIE_FOLLOWER]) {
        user_split(person_key(t->ends[TIE_FOLLOWED]), &realm, &text);
        if (!q->after.len || span_order(text, buf_span(&q->after)) > 0) list[count++] = t->ends[TIE_FOLLOWED];
    }
    qsort(list, count, sizeof *list, by_key);
    for (size_t i = 0; i < count && given <= q->limit; i++) {      /* one more: it says that there is more */
        bool online;
        uint32_t sockets = sockets_of(self, list[i], q->nsp, &online);
        if (q->nowhere) online = false, sockets = 0;
        if (given++) buf_add_byte(json, ',');
        buf_add_literal(json, "{\"user\":");
        person_id(json, list[i]);
        buf_add_format(json, ",\"online\":%s,\"sockets\":%u}", online ? "true" : "false", online ? sockets : 0);
    }
    free(list);
}

static uint64_t count_of(const struct presence *self, struct span follower)
{
    const struct person *p = watches_find(&self->watches, follower);
    return p ? p->count[TIE_FOLLOWER] : 0;
}

enum err presence_watch_ask(struct presence *self, uint16_t router, uint64_t ref, const struct question *q, struct buf *json)
{
    char bytes[USER_KEY_MAX];
    struct buf key = { bytes, 0, sizeof bytes };            /* never grows */
    struct span who = json_find(q->json, SPAN("watch")), only = json_find(q->json, SPAN("follows"));
    struct change c = { .realm = buf_span(&q->realm), .add = json_find(q->json, SPAN("add")), .remove = json_find(q->json, SPAN("remove")) };
    enum err e = user_key(&key, c.realm, who);
    if (e != OK) return e;
    c.follower = (struct watch_user){ buf_span(&key), json_type_of(who) == JSON_STRING };
    if (!only.len && !c.add.len && !c.remove.len) {
        const struct person *p = watches_find(&self->watches, c.follower.key);
        buf_add_literal(json, "{\"follows\":[");
        if (p) add_list(self, json, p, q);
        buf_add_format(json, "],\"total\":%llu}", (unsigned long long)count_of(self, c.follower.key));
        return OK;
    }
    if (only.len) c.add = only, c.only = true;
    e = change(self, &c);
    if (e != OK) {
        self->stats->watches_refused++;
        return e;
    }
    struct buf part = { 0 };
    buf_add_format(&part, "{\"follows\":[],\"total\":%llu}", (unsigned long long)count_of(self, c.follower.key));
    owe(self, (struct owing){ .role = ROLE_ROUTER, .number = router, .ref = ref, .ticket = c.ticket, .stored = c.stored }, buf_span(&part));
    buf_fini(&part);
    return ERR_STATE;       /* it answers by itself */
}

/* ---- gateways */

static void add_online(const struct presence *self, struct buf *json, struct span follower, struct span nsp)
{
    const struct person *p = watches_find(&self->watches, follower);
    uint16_t number = users_nsp(&self->users, nsp);
    bool comma = false, online;
    for (const struct tie *t = p && number != USERS_NO_NSP ? p->ties[TIE_FOLLOWER] : NULL; t; t = t->next[TIE_FOLLOWER]) {
        (void)sockets_of(self, t->ends[TIE_FOLLOWED], number, &online);
        if (!online) continue;
        if (comma) buf_add_byte(json, ',');
        person_id(json, t->ends[TIE_FOLLOWED]);
        comma = true;
    }
}

enum err presence_watch(struct presence *self, struct lease *lease, struct span fields)
{
    struct msg_WATCH m;
    char bytes[USER_KEY_MAX];
    struct buf key = { bytes, 0, sizeof bytes }, json = { 0 };     /* key never grows */
    enum err e = msg_decode_WATCH(&m, fields);
    if (e == OK) e = json_check(m.user, 1);
    if (e == OK && m.add.len) e = json_check(m.add, 2);
    if (e == OK && m.remove.len) e = json_check(m.remove, 2);
    if (e == OK) e = user_key(&key, m.realm, m.user);
    if (e != OK) return e;
    if (!self->synced) return presence_hold(self, lease->number, lease->epoch, MSG_WATCH, fields);
    struct change c = { .realm = m.realm, .add = m.add, .remove = m.remove, .follower = { buf_span(&key), json_type_of(m.user) == JSON_STRING } };
    e = change(self, &c);
    if (e != OK) {
        self->stats->watches_refused++;
        msg_encode_WATCHED(&self->scratch, &(struct msg_WATCHED){ .ref = m.ref, .error = (uint8_t)e });
        effects_add_buf(&self->effects, ROLE_GATEWAY, lease->number, MSG_WATCHED, &self->scratch, 0);
        return OK;
    }
    buf_add_byte(&json, '[');
    if (m.ask) add_online(self, &json, c.follower.key, m.nsp);
    buf_add_byte(&json, ']');
    owe(self, (struct owing){ .role = ROLE_GATEWAY, .number = lease->number, .ref = m.ref, .ticket = c.ticket }, buf_span(&json));
    buf_fini(&json);
    return OK;
}

/* ---- which ties are ours */

void presence_watch_ours(struct presence *self)
{
    struct map_walk walk = { 0 };
    for (struct tie *t; (t = map_next(&self->watches.ties, &walk)); )
        if (!presence_owns(self, person_key(t->ends[TIE_FOLLOWED]))) watches_remove(&self->watches, t);
}
