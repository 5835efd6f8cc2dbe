/* ask - this gateway's part of what the command socket wants to know. */
#include "gate_state.h"

#include "json.h"

#include <stdlib.h>

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

struct question {
    struct buf  nsp, subject, after;
    uint64_t    limit;
};

static void text_of(struct buf *out, struct span json, const char *fallback)
{
    if (json_type_of(json) == JSON_STRING) json_unquote(out, json);
    else buf_add(out, span_of(fallback));
}

static void question_init(struct question *q, struct span json, const char *verb)
{
    *q = (struct question){ .limit = LIMIT_DEFAULT };
    text_of(&q->nsp, json_find(json, SPAN("nsp")), "/");
    text_of(&q->subject, json_find(json, span_of(verb)), "");
    text_of(&q->after, json_find(json, SPAN("after")), "");
    struct span limit = json_find(json, SPAN("limit"));
    if (limit.len && !json_to_uint(limit, LIMIT_MAX, &q->limit)) q->limit = LIMIT_MAX;
}

static void question_fini(struct question *q)
{
    buf_fini(&q->nsp), buf_fini(&q->subject), buf_fini(&q->after);
}

/* ---- rooms */

static int by_key(const void *a, const void *b)
{
    const struct room *const *x = a, *const *y = b;
    return span_order(room_key(*x), room_key(*y));
}

static void answer_rooms(struct gate *g, struct buf *json, const struct question *q)
{
    struct room **rooms = calloc(g->registry.rooms.count + 1, sizeof *rooms);
    NEED(rooms);
    size_t count = 0;
    uint64_t given = 0;
    struct map_walk walk = { 0 };
    for (struct room *room; (room = map_next(&g->registry.rooms, &walk)); ) {
        struct span nsp, name;
        address_split(room_key(room), &nsp, &name);
        if (!span_same(nsp, buf_span(&q->nsp)) || !span_eat_prefix(&name, SPAN("room:"))) continue;
        if (!span_has_prefix(name, buf_span(&q->subject))) continue;
        if (q->after.len && span_order(name, buf_span(&q->after)) <= 0) continue;
        rooms[count++] = room;
    }
    qsort(rooms, count, sizeof *rooms, by_key);
    buf_add_literal(json, "{\"rooms\":[");
    for (size_t i = 0; i < count && given <= q->limit; i++) {
        struct span nsp, name;
        address_split(room_key(rooms[i]), &nsp, &name);
        if (given++) buf_add_byte(json, ',');
        buf_add_literal(json, "{\"room\":");
        json_quote(json, span_skip(name, 5));
        buf_add_format(json, ",\"sockets\":%u}", rooms[i]->count);
    }
    buf_add_literal(json, "]}");
    free(rooms);
}

/* ---- health */

static void answer_health(const struct gate *g, struct buf *json)
{
    const char *const why[] = {
        g->config->refused ? CONFIG_REFUSED : NULL,
        g->draining ? "draining: no new clients" : NULL,
        sender_holding(g->sender) ? "no router takes messages: they are held" : NULL,
        sender_full(g->sender) ? "too much is held: events are dropped unacknowledged" : NULL,
        g->auths.count ? NULL : "no auth daemon: tokens are not verified",
        g->presences.count ? NULL : "no presence daemon: nobody comes online or goes offline",
    };
    bool bad = false;
    for (size_t i = 0; i < sizeof why / sizeof why[0]; i++) bad |= why[i] != NULL;
    buf_add_format(json, "{\"daemons\":[{\"id\":\"gateway-%u\",\"role\":\"gateway\",\"status\":\"%s\",\"why\":[", g->setup.number, bad ? "degraded" : "ok");
    bool comma = false;
    for (size_t i = 0; i < sizeof why / sizeof why[0]; i++) {
        if (!why[i]) continue;
        if (comma) buf_add_byte(json, ',');
        json_quote(json, span_of(why[i]));
        comma = true;
    }
    buf_add_format(json, "],\"connections\":%zu,\"sessions\":%zu,\"sockets\":%zu,\"rooms\":%zu}]}",
                   g->conn_count, g->sessions.count, g->registry.sockets.count, g->registry.rooms.count);
}

void ask_on(struct gate *g, uint16_t router, const struct msg_ASK *m)
{
    struct buf json = { 0 };
    struct question q;
    enum err e = json_check(m->json, JSON_MAX_DEPTH) == OK && json_type_of(m->json) == JSON_OBJECT ? OK : ERR_SYNTAX;
    if (e == OK && span_same(m->verb, SPAN("sockets"))) {
        ask_sockets(g, &json, m->json);
    } else if (e == OK && span_same(m->verb, SPAN("rooms"))) {
        question_init(&q, m->json, "rooms");
        answer_rooms(g, &json, &q);
        question_fini(&q);
    } else if (e == OK && span_same(m->verb, SPAN("who"))) {
        struct buf room = { 0 };
        question_init(&q, m->json, "who");
        text_of(&room, json_find(m->json, SPAN("room")), "");
        ask_room(g, &json, buf_span(&q.nsp), buf_span(&room), buf_span(&q.subject), buf_span(&q.after), q.limit);
        buf_fini(&room);
        question_fini(&q);
    } else if (e == OK && span_same(m->verb, SPAN("health"))) {
        answer_health(g, &json);
    } else if (e == OK) {
        e = ERR_UNKNOWN;
    }
    GATE_SAY(g, ROLE_ROUTER, router, TOLD, .ref = m->ref, .error = (uint8_t)e, .json = buf_span(&json));
    buf_fini(&json);
}
