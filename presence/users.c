#include "users.h"

#include "json.h"
#include "order.h"
#include "user.h"

#include <stdlib.h>

/* ---- tables */

static struct span key_of_user(const void *value)
{
    return users_key(value);
}

static struct span key_of_session(const void *value)
{
    const struct session *s = value;
    return span_from(s->text, 2 + (size_t)s->sid_len);
}

static struct span key_of_agent(const void *value)
{
    const struct agent *a = value;
    return span_from(a->text, a->len);
}

void users_init(struct users *self, const struct siphash_key *seed, size_t max)
{
    *self = (struct users){ .max = max };
    map_init(&self->by_key, &(struct siphash_key){ seed->k0, seed->k1 }, key_of_user);
    map_init(&self->by_session, &(struct siphash_key){ seed->k0 + 1, seed->k1 }, key_of_session);
    map_init(&self->agents, &(struct siphash_key){ seed->k0 + 2, seed->k1 }, key_of_agent);
    names_init(&self->names, &(struct siphash_key){ seed->k0 + 3, seed->k1 });
}

void users_fini(struct users *self)
{
    struct map_walk walk = { 0 };
    for (struct user *u; (u = map_next(&self->by_key, &walk)); ) users_forget(self, u);
    map_fini(&self->by_key), map_fini(&self->by_session), map_fini(&self->agents);
    names_fini(&self->names);
}

uint16_t users_nsp(const struct users *self, struct span name)
{
    return names_find(&self->names, name);
}

struct span users_nsp_name(const struct users *self, uint16_t nsp)
{
    return names_text(&self->names, nsp);
}

struct user *users_find(const struct users *self, struct span key)
{
    return map_find(&self->by_key, key);
}

static size_t session_key(char *out, uint16_t nsp, struct span sid)
{
    out[0] = (char)(nsp & 0xff), out[1] = (char)(nsp >> 8);
    memcpy(out + 2, sid.ptr, sid.len);
    return 2 + sid.len;
}

struct session *users_session(const struct users *self, uint16_t nsp, struct span sid)
{
    char key[2 + USERS_SID_MAX];
    if (nsp == USERS_NO_NSP || sid.len > USERS_SID_MAX) return NULL;
    return map_find(&self->by_session, span_from(key, session_key(key, nsp, sid)));
}

struct place *users_place(const struct user *user, uint16_t nsp)
{
    for (size_t i = 0; i < user->place_count; i++)
        if (user->places[i].nsp == nsp) return &user->places[i];
    return NULL;
}

struct span users_sid(const struct session *s)     { return span_from(s->text + 2, s->sid_len); }
struct span users_address(const struct session *s) { return span_from(s->text + 2 + s->sid_len, s->address_len); }
struct span users_agent(const struct session *s)   { return s->agent ? span_from(s->agent->text, s->agent->len) : SPAN(""); }

void users_id(struct buf *out, const struct user *user)
{
    struct span realm, text;
    user_split(users_key(user), &realm, &text);
    if (user->quoted) json_quote(out, text);
    else buf_add(out, text);
}

/* ---- agents: the same few texts over and over */

static struct agent *agent_hold(struct users *self, struct span text)
{
    text = span_head(text, USERS_AGENT_MAX);
    if (text.len == 0) return NULL;
    struct agent *a = map_find(&self->agents, text);
    if (!a) {
        a = malloc(sizeof *a + text.len);
        NEED(a);
        *a = (struct agent){ .len = (uint16_t)text.len };
        memcpy(a->text, text.ptr, text.len);
        map_put(&self->agents, key_of_agent(a), a);
        self->bytes += sizeof *a + text.len;
    }
    a->refs++;
    return a;
}

static void agent_drop(struct users *self, struct agent *a)
{
    if (!a || --a->refs) return;
    map_drop(&self->agents, key_of_agent(a));
    self->bytes -= sizeof *a + a->len;
    free(a);
}

/* ---- claims: the user's newest */

static void set_claims(struct users *self, struct user *u, struct span claims)
{
    if (claims.len > USERS_CLAIMS_MAX) claims.len = 0;
    if (span_same(blob_span(u->claims), claims)) return;
    if (u->claims) self->bytes -= sizeof *u->claims + u->claims->len;
    blob_drop(&u->claims);
    if (claims.len == 0) return;
    u->claims = blob_new(claims);
    self->bytes += sizeof *u->claims + u->claims->len;
}

/* ---- users that are remembered, oldest first */

static void remember(struct users *self, struct user *u)
{
    u->left = self->newest, u->right = NULL;
    *(self->newest ? &self->newest->right : &self->oldest) = u;
    self->newest = u;
    self->remembered++;
}

static void unremember(struct users *self, struct user *u)
{
    *(u->left ? &u->left->right : &self->oldest) = u->right;
    *(u->right ? &u->right->left : &self->newest) = u->left;
    u->left = u->right = NULL;
    self->remembered--;
}

static struct user *need_user(struct users *self, struct span key, bool quoted)
{
    struct user *u = users_find(self, key);
    if (u) return u;
    if (self->by_key.count >= self->max) {
        if (!self->oldest) return NULL;
        self->evicted++;
        users_forget(self, self->oldest);
    }
    u = calloc(1, sizeof *u + key.len);
    NEED(u && key.len <= USER_KEY_MAX);
    u->key_len = (uint16_t)key.len;
    u->quoted = quoted;
    memcpy(u->key, key.ptr, key.len);
    map_put(&self->by_key, users_key(u), u);
    self->bytes += sizeof *u + key.len;
    remember(self, u);
    return u;
}

struct place *users_place_need(struct users *self, struct user *u, uint16_t nsp)
{
    struct place *p = users_place(u, nsp);
    if (p) return p;
    u->places = realloc(u->places, (u->place_count + 1U) * sizeof *u->places);
    NEED(u->places);
    p = &u->places[u->place_count++];
    *p = (struct place){ .nsp = nsp };
    names_hold(&self->names, nsp);
    self->bytes += sizeof *p;
    return p;
}

void users_place_spare(struct users *self, struct user *u, uint16_t nsp)
{
    struct place *p = users_place(u, nsp);
    if (!p || p->count || p->online_due || p->offline_due || p->away || names_kept(&self->names, nsp)) return;
    *p = u->places[--u->place_count];
    names_drop(&self->names, nsp);
    self->bytes -= sizeof *p;
}

/* ---- sessions come and go */

struct session *users_up(struct users *self, const struct users_up *up)
{
    NEED(up->sid.len <= USERS_SID_MAX && users_nsp_name(self, up->nsp).len);
    struct user *u = need_user(self, up->key, up->quoted);
    if (!u) return NULL;
    struct span address = span_head(up->address, USERS_ADDRESS_MAX);
    size_t size = sizeof(struct session) + 2 + up->sid.len + address.len;
    struct session *s = malloc(size);
    NEED(s);
    *s = (struct session){ .user = u, .since = up->since, .nsp = up->nsp, .sid_len = (uint16_t)up->sid.len,
                           .address_len = (uint8_t)address.len, .records = up->records, .agent = agent_hold(self, up->agent) };
    size_t n = session_key(s->text, up->nsp, up->sid);
    if (address.len) memcpy(s->text + n, address.ptr, address.len);
    NEED(!map_put(&self->by_session, key_of_session(s), s));
    self->bytes += size;

    if (u->sockets++ == 0) {
        unremember(self, u);
        order_add(&self->root, u);
        self->online++;
        u->since = up->since;
        u->quoted = up->quoted;
    }
    if (up->since < u->since) u->since = up->since;
    u->active = up->now;
    u->records |= up->records;
    if (!users_place_need(self, u, up->nsp)->count++) names_count(&self->names, up->nsp, true);
    set_claims(self, u, up->claims);
    s->next = u->sessions, s->at = &u->sessions;
    if (s->next) s->next->at = &s->next;
    u->sessions = s;
    return s;
}

void users_down(struct users *self, struct session *s, uint64_t now)
{
    struct user *u = s->user;
    NEED(!s->lease);
    *s->at = s->next;
    if (s->next) s->next->at = s->at;
    map_drop(&self->by_session, key_of_session(s));
    if (!--users_place(u, s->nsp)->count) names_count(&self->names, s->nsp, false);
    agent_drop(self, s->agent);
    self->bytes -= sizeof *s + 2 + s->sid_len + s->address_len;
    free(s);
    if (--u->sockets) return;
    order_drop(&self->root, u);
    self->online--;
    u->gone = now;
    remember(self, u);
}

struct user *users_restore(struct users *self, struct span key, bool quoted, uint64_t gone)
{
    if (users_find(self, key) || self->by_key.count >= self->max) return NULL;     /* for what is past nobody has to go */
    struct user *u = need_user(self, key, quoted);
    u->gone = gone;
    return u;
}

void users_forget(struct users *self, struct user *u)
{
    if (self->on_forget) self->on_forget(self->on_forget_self, u);
    NEED(!u->absent);
    for (struct session *s = u->sessions, *next; s; s = next) {
        next = s->next;
        users_down(self, s, 0);
    }
    unremember(self, u);
    map_drop(&self->by_key, users_key(u));
    set_claims(self, u, SPAN(""));
    for (size_t i = 0; i < u->place_count; i++) names_drop(&self->names, u->places[i].nsp);
    self->bytes -= sizeof *u + u->key_len + u->place_count * sizeof *u->places;
    free(u->places);
    free(u);
}

struct user *users_after(const struct users *self, struct span key)
{
    return order_after(self->root, key);
}

size_t users_bytes(const struct users *self)
{
    return self->bytes + map_bytes(&self->by_key) + map_bytes(&self->by_session) + map_bytes(&self->agents) + names_bytes(&self->names);
}
