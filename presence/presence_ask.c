/* presence - questions of the command socket: who, online, health. */
#include "presence_inside.h"

#include "json.h"
#include "namespace.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000, ONLINE_MAX = 100000 };

static void add_text(struct buf *out, struct span value)
{
    if (json_type_of(value) == JSON_STRING) json_unquote(out, value);
}

static void question_init(struct question *q, struct presence *self, struct span json, struct span verb)
{
    *q = (struct question){ .json = json, .nsp = USERS_NO_NSP, .limit = LIMIT_DEFAULT };
    add_text(&q->text, json_find(json, SPAN("nsp")));
    if (q->text.len && !span_same(buf_span(&q->text), SPAN("*"))) {
        q->nsp = users_nsp(&self->users, buf_span(&q->text));
        q->nowhere = q->nsp == USERS_NO_NSP;
    }
    buf_clear(&q->text);
    add_text(&q->text, json_find(json, verb));
    add_text(&q->realm, json_find(json, SPAN("realm")));
    add_text(&q->after, json_find(json, SPAN("after")));
    (void)json_to_uint(json_find(json, SPAN("limit")), LIMIT_MAX, &q->limit);
}

static void question_fini(struct question *q)
{
    buf_fini(&q->text), buf_fini(&q->realm), buf_fini(&q->after);
}

static uint32_t sockets_in(const struct user *u, const struct question *q)
{
    if (q->nsp == USERS_NO_NSP) return u->sockets;
    const struct place *place = users_place(u, q->nsp);
    return place ? place->count : 0;
}

/* In its grace time, too (absent.h). */
static bool is_online(const struct user *u, const struct question *q)
{
    if (q->nsp == USERS_NO_NSP) return u->sockets || u->absent;
    const struct place *place = users_place(u, q->nsp);
    return place && (place->count || place->away);
}

/* ---- who */

static void add_user(struct presence *self, struct buf *json, const struct user *u, const struct question *q)
{
    buf_add_literal(json, "{\"user\":");
    users_id(json, u);
    buf_add_format(json, ",\"sockets\":%u,\"since\":%llu,\"lastActivity\":%llu,\"nsp\":[", sockets_in(u, q), (unsigned long long)u->since,
                   (unsigned long long)u->active);
    bool comma = false;
    for (size_t i = 0; i < u->place_count; i++) {
        if (!u->places[i].count) continue;
        if (comma) buf_add_byte(json, ',');
        json_quote(json, users_nsp_name(&self->users, u->places[i].nsp));
        comma = true;
    }
    buf_add_literal(json, "]}");
}

/* All of one namespace, whose users are of its realm: how many they are is counted as they come and go. */
static bool is_whole(const struct presence *self, const struct question *q)
{
    if (q->nowhere || q->nsp == USERS_NO_NSP || q->text.len) return q->nowhere;
    const struct config *c = self->o.config;
    size_t entry = namespace_find(c, users_nsp_name(&self->users, q->nsp));
    return entry < c->namespace_count && span_same(span_of(c->namespaces[entry].realm), buf_span(&q->realm));
}

/* In the order of keys, from the prefix or behind 'after' on, as long as the prefix fits; one more than asked, which says that there is more. */
static void answer_who(struct presence *self, struct buf *json, struct question *q)
{
    struct buf prefix = { 0 }, from = { 0 };
    buf_add(&prefix, buf_span(&q->realm)), buf_add_byte(&prefix, '/');
    buf_add(&from, buf_span(&prefix)), buf_add(&from, buf_span(&q->after));
    buf_add(&prefix, buf_span(&q->text));
    struct user *u;
    if (span_order(buf_span(&from), buf_span(&prefix)) < 0) {
        u = users_find(&self->users, buf_span(&prefix));
        if (!u || !u->sockets) u = users_after(&self->users, buf_span(&prefix));
    } else {
        u = users_after(&self->users, buf_span(&from));
    }
    uint64_t given = 0;
    buf_add_literal(json, "{\"users\":[");
    for (; u && given <= q->limit && !q->nowhere && span_has_prefix(users_key(u), buf_span(&prefix)); u = users_after(&self->users, users_key(u))) {
        if (!sockets_in(u, q) || !presence_owns(self, users_key(u))) continue;
        if (given++) buf_add_byte(json, ',');
        add_user(self, json, u, q);
    }
    buf_add_byte(json, ']');
    if (is_whole(self, q)) buf_add_format(json, ",\"total\":%u", q->nowhere ? 0 : names_users(&self->users.names, q->nsp));
    buf_add_byte(json, '}');
    buf_fini(&prefix), buf_fini(&from);
}

/* ---- online */

static void answer_online(struct presence *self, struct buf *json, struct question *q)
{
    struct span list = json_find(q->json, SPAN("online")), id = list;
    bool many = json_type_of(list) == JSON_ARRAY, comma = false;
    buf_add_literal(json, "{\"users\":[");
    for (unsigned i = 0; i < ONLINE_MAX && (many ? json_next(&list, &id) : i == 0); i++) {
        buf_clear(&self->key);
        if (user_key(&self->key, buf_span(&q->realm), id) != OK || !presence_owns(self, buf_span(&self->key))) continue;
        const struct user *u = users_find(&self->users, buf_span(&self->key));
        bool online = u && !q->nowhere && is_online(u, q);
        if (comma) buf_add_byte(json, ',');
        buf_add_literal(json, "{\"user\":");
        buf_add(json, id);
        buf_add_format(json, ",\"online\":%s,\"sockets\":%u", online ? "true" : "false", online ? sockets_in(u, q) : 0);
        if (online) buf_add_format(json, ",\"since\":%llu,\"lastActivity\":%llu", (unsigned long long)u->since, (unsigned long long)u->active);
        else if (u && !u->sockets && u->gone) buf_add_format(json, ",\"lastDisconnect\":%llu", (unsigned long long)u->gone);
        buf_add_byte(json, '}');
        comma = true;
    }
    buf_add_literal(json, "]}");
}

/* ---- present: for what routers push by the clock: how many users are in the namespace, and who, the first of them */

static void answer_present(struct presence *self, struct buf *json, const struct question *q)
{
    struct buf prefix = { 0 };
    buf_add(&prefix, buf_span(&q->realm)), buf_add_byte(&prefix, '/');
    uint64_t total = 0;
    buf_add_literal(json, "{\"users\":[");
    for (struct user *u = users_after(&self->users, buf_span(&prefix)); u && !q->nowhere && span_has_prefix(users_key(u), buf_span(&prefix));
         u = users_after(&self->users, users_key(u))) {
        if (!is_online(u, q) || !presence_owns(self, users_key(u))) continue;
        if (total++ >= q->limit) continue;
        if (total > 1) buf_add_byte(json, ',');
        users_id(json, u);
    }
    buf_add_format(json, "],\"total\":%llu}", (unsigned long long)total);
    buf_fini(&prefix);
}

/* ---- health */

static void add_why(struct buf *json, bool *comma, const char *why)
{
    if (*comma) buf_add_byte(json, ',');
    json_quote(json, span_of(why));
    *comma = true;
}

static void answer_health(struct presence *self, struct buf *json)
{
    bool away = self->o.redis && !self->stats->redis_up, refused = self->o.config->refused, degraded = away || refused || !self->synced, comma = false;
    buf_add_literal(json, "{\"daemons\":[{\"id\":");
    json_quote(json, self->o.id);
    buf_add_format(json, ",\"role\":\"presence\",\"status\":\"%s\",\"why\":[", degraded ? "degraded" : "ok");
    if (refused) add_why(json, &comma, CONFIG_REFUSED);
    if (away) add_why(json, &comma, "Redis does not answer: presence goes on from memory and is written when it is back");
    if (!self->member) add_why(json, &comma, "not ready in the roster: no users are ours");
    else if (!self->synced) {
        struct buf why = { 0 };
        buf_add_literal(&why, "waits for gateways to tell their sockets:");
        for (const struct lease *l = NULL; (l = leases_awaited(&self->leases, l)); ) buf_add_format(&why, " gateway-%u", l->number);
        add_why(json, &comma, buf_text(&why));
        buf_fini(&why);
    }
    buf_add_literal(json, "]}]}");
}

/* ---- asked and told */

static void tell(struct presence *self, uint16_t router, const struct msg_ASK *m, bool whole)
{
    struct buf json = { 0 };
    enum err e = whole ? OK : ERR_AGAIN;
    struct question q;
    question_init(&q, self, m->json, m->verb);
    if (span_same(m->verb, SPAN("who"))) answer_who(self, &json, &q);
    else if (span_same(m->verb, SPAN("online"))) answer_online(self, &json, &q);
    else if (span_same(m->verb, SPAN("present"))) answer_present(self, &json, &q);
    else if (span_same(m->verb, SPAN("watch"))) e = whole ? presence_watch_ask(self, router, m->ref, &q, &json) : ERR_AGAIN;
    else if (span_same(m->verb, SPAN("limits"))) presence_limits_answer(self, m->json, &json);
    else if (span_same(m->verb, SPAN("health"))) answer_health(self, &json), e = OK;
    else buf_add_literal(&json, "{}"), e = ERR_UNKNOWN;
    question_fini(&q);
    if (e == ERR_AGAIN) self->stats->asks_early++;
    self->stats->asks_in++;
    if (e == ERR_STATE) {       /* it answers later */
        buf_fini(&json);
        return;
    }
    if (json.len == 0) buf_add_literal(&json, "{}");
    msg_encode_TOLD(&self->scratch, &(struct msg_TOLD){ .ref = m->ref, .error = (uint8_t)e, .json = buf_span(&json) });
    effects_add_buf(&self->effects, ROLE_ROUTER, router, MSG_TOLD, &self->scratch, 0);
    buf_fini(&json);
}

enum err presence_ask(struct presence *self, uint16_t router, struct span fields)
{
    struct msg_ASK m;
    enum err e = msg_decode_ASK(&m, fields);
    if (e == OK) e = json_check(m.json, JSON_MAX_DEPTH);
    if (e == OK && json_type_of(m.json) != JSON_OBJECT) e = ERR_TYPE;
    if (e != OK) return e;
    bool whole = self->synced && (!span_same(m.verb, SPAN("limits")) || presence_limits_settled(self, m.json));
    if (whole || span_same(m.verb, SPAN("health")) || self->early_count == PRESENCE_EARLY_MAX) {
        tell(self, router, &m, self->synced);
        return OK;
    }
    self->early[self->early_count++] = (struct early){ router, self->now.mono + self->o.config->router.answer_ms / 2, blob_new(fields) };
    return OK;
}

void presence_ask_due(struct presence *self, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->early_count; i++) {
        struct early early = self->early[i];
        struct msg_ASK m;
        NEED(msg_decode_ASK(&m, blob_span(early.fields)) == OK);
        bool settled = self->synced && span_same(m.verb, SPAN("limits")) && presence_limits_settled(self, m.json);
        if (!settled && (!all || span_same(m.verb, SPAN("limits"))) && self->now.mono < early.deadline) {
            self->early[kept++] = early;
            continue;
        }
        tell(self, early.router, &m, self->synced);
        blob_drop(&early.fields);
    }
    self->early_count = kept;
}
