/* ask_sockets - which sockets are here: those that a question's filters let pass, what it wants to know of each. */
#include "gate_state.h"

#include "json.h"
#include "user.h"
#include "verbs.h"

#include <stdlib.h>

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

struct question {
    struct buf      nsp, to, user, room, after;     /* user: its key without a realm; room: an address; empty: any */
    bool            at_network, only;       /* only: not all fields */
    struct cidr     network;
    bool            wanted[VERB_SOCKETS];
    uint64_t        limit, total;
    struct socket **found;                  /* behind 'after' */
    size_t          count, cap;
};

/* ---- the question: the router has checked it */

static void add_text(struct buf *out, struct span json, const char *fallback)
{
    if (json_type_of(json) == JSON_STRING) json_unquote(out, json);
    else buf_add(out, span_of(fallback));
}

static void add_addresses(struct buf *strs, struct span v)
{
    struct buf text = { 0 };
    struct span one = v;
    bool list = json_type_of(v) == JSON_ARRAY;
    while (list ? json_next(&v, &one) : strs->len == 0) {
        buf_clear(&text);
        add_text(&text, one, "*");
        msg_add_str(strs, buf_span(&text));
    }
    buf_fini(&text);
}

static void init(struct question *q, struct span json)
{
    *q = (struct question){ .limit = LIMIT_DEFAULT };
    struct buf text = { 0 };
    add_text(&q->nsp, json_find(json, SPAN("nsp")), "/");
    add_addresses(&q->to, json_find(json, SPAN("sockets")));
    add_text(&q->after, json_find(json, SPAN("after")), "");
    struct span user = json_find(json, SPAN("user")), fields = json_find(json, SPAN("fields")), name;
    if (user.len) (void)user_key(&q->user, SPAN(""), user);
    add_text(&text, json_find(json, SPAN("room")), "");
    if (text.len) address_encode(&q->room, ADDRESS_ROOM, buf_span(&text));
    buf_clear(&text);
    add_text(&text, json_find(json, SPAN("address")), "");
    q->at_network = text.len && cidr_decode(&q->network, buf_span(&text)) == OK;
    (void)json_to_uint(json_find(json, SPAN("limit")), LIMIT_MAX, &q->limit);
    q->only = json_type_of(fields) == JSON_ARRAY;
    enum verb_socket field;
    while (q->only && json_next(&fields, &name))
        if (verbs_socket(name, &field)) q->wanted[field] = true;
    q->wanted[VERB_SOCKET_id] = true;       /* what pages are sorted by */
    buf_fini(&text);
}

static void fini(struct question *q)
{
    buf_fini(&q->nsp), buf_fini(&q->to), buf_fini(&q->user), buf_fini(&q->room), buf_fini(&q->after);
    free(q->found);
}

/* ---- who is meant */

static bool is_user(struct gate *g, const struct socket *s, const struct question *q)
{
    buf_clear(&g->key);
    return socket_user(s).len && user_key(&g->key, SPAN(""), socket_user(s)) == OK && span_same(buf_span(&g->key), buf_span(&q->user));
}

static bool is_in_room(struct gate *g, const struct socket *s, const struct question *q)
{
    buf_clear(&g->key);
    address_key(&g->key, s->space->name, buf_span(&q->room));
    const struct room *room = registry_room(&g->registry, buf_span(&g->key));
    return room && registry_place(s, room) != UINT32_MAX;
}

static bool fits(struct gate *g, const struct socket *s, const struct question *q)
{
    return s->state == SOCKET_OPEN && (!q->user.len || is_user(g, s, q)) && (!q->room.len || is_in_room(g, s, q)) &&
           (!q->at_network || cidr_has(&q->network, 1, &s->session->address));
}

static bool see(struct gate *g, struct socket *s, void *with)
{
    struct question *q = with;
    if (!fits(g, s, q)) return false;
    q->total++;
    if (q->after.len && span_order(socket_id(s), buf_span(&q->after)) <= 0) return true;
    if (q->count == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 64;
        q->found = realloc(q->found, q->cap * sizeof *q->found);
        NEED(q->found);
    }
    q->found[q->count++] = s;
    return true;
}

static void collect(struct gate *g, struct question *q)
{
    if (!span_same(buf_span(&q->nsp), SPAN("*"))) {
        targets_each(g, &(struct msg_BODY){ .nsp = buf_span(&q->nsp), .to = buf_span(&q->to) }, see, q);
        return;
    }
    struct map_walk walk = { 0 };
    for (struct space *space; (space = map_next(&g->spaces, &walk)); )
        targets_each(g, &(struct msg_BODY){ .nsp = space->name, .to = buf_span(&q->to) }, see, q);
}

static int by_id(const void *a, const void *b)
{
    const struct socket *const *x = a, *const *y = b;
    return span_order(socket_id(*x), socket_id(*y));
}

/* ---- what is told of one: a function for each row of sockets.def */

static void print_id(struct gate *g, struct buf *json, const struct socket *s) { (void)g; json_quote(json, socket_id(s)); }
static void print_nsp(struct gate *g, struct buf *json, const struct socket *s) { (void)g; json_quote(json, s->space->name); }
static void print_agent(struct gate *g, struct buf *json, const struct socket *s) { (void)g; json_quote(json, interned_span(s->session->handshake->agent)); }

static void print_user(struct gate *g, struct buf *json, const struct socket *s)
{
    (void)g;
    buf_add(json, socket_user(s).len ? socket_user(s) : SPAN("null"));
}

static void print_address(struct gate *g, struct buf *json, const struct socket *s)
{
    buf_clear(&g->text);
    ip_print(&g->text, &s->session->address);
    json_quote(json, buf_span(&g->text));
}

static void print_transport(struct gate *g, struct buf *json, const struct socket *s)
{
    (void)g;
    buf_add(json, s->session->state == SESSION_SOCKET ? SPAN("\"websocket\"") : SPAN("\"polling\""));
}

static void print_gateway(struct gate *g, struct buf *json, const struct socket *s)
{
    (void)s;
    buf_add_format(json, "\"gateway-%u\"", g->setup.number);
}

static void print_connectedAt(struct gate *g, struct buf *json, const struct socket *s) { (void)g; buf_add_uint(json, s->since); }

static void print_duration(struct gate *g, struct buf *json, const struct socket *s) { buf_add_uint(json, g->now.wall > s->since ? g->now.wall - s->since : 0); }
static void print_protocol(struct gate *g, struct buf *json, const struct socket *s) { (void)g; buf_add_byte(json, s->session->dialect & DIALECT_V3 ? '3' : '4'); }

static void print_lastPingAt(struct gate *g, struct buf *json, const struct socket *s)
{
    uint64_t heard;
    uint32_t missed;
    (void)g;
    if (heartbeat_last(s, &heard, &missed)) buf_add_uint(json, heard);
    else buf_add_literal(json, "null");
}

static void print_missedPings(struct gate *g, struct buf *json, const struct socket *s)
{
    uint64_t heard;
    uint32_t missed;
    (void)g;
    if (heartbeat_last(s, &heard, &missed)) buf_add_uint(json, missed);
    else buf_add_literal(json, "null");
}

static void print_rooms(struct gate *g, struct buf *json, const struct socket *s)
{
    (void)g;
    bool comma = false;
    buf_add_byte(json, '[');
    for (uint32_t i = 0; i < s->rooms.count; i++) {
        struct span nsp, address;
        address_split(room_key(s->rooms.at[i].room), &nsp, &address);
        if (!span_eat_prefix(&address, SPAN("room:"))) continue;
        if (comma) buf_add_byte(json, ',');
        json_quote(json, address);
        comma = true;
    }
    buf_add_byte(json, ']');
}

static void print_expiresAt(struct gate *g, struct buf *json, const struct socket *s)
{
    uint64_t expires = life_expires(s);
    (void)g;
    if (expires == UINT64_MAX) buf_add_literal(json, "null");
    else buf_add_uint(json, expires);
}

static const struct { const char *name; void (*print)(struct gate *g, struct buf *json, const struct socket *s); } told[VERB_SOCKETS] = {
#define SOCKET(name, doc) { #name, print_##name },
#include "sockets.def"
#undef SOCKET
};

static void print_socket(struct gate *g, struct buf *json, const struct socket *s, const struct question *q)
{
    bool comma = false;
    buf_add_byte(json, '{');
    for (size_t i = 0; i < VERB_SOCKETS; i++) {
        if (q->only && !q->wanted[i]) continue;
        buf_add_format(json, "%s\"%s\":", comma ? "," : "", told[i].name);
        told[i].print(g, json, s);
        comma = true;
    }
    buf_add_byte(json, '}');
}

void ask_sockets(struct gate *g, struct buf *json, struct span asked)
{
    struct question q;
    init(&q, asked);
    collect(g, &q);
    if (q.count) qsort(q.found, q.count, sizeof *q.found, by_id);
    buf_add_literal(json, "{\"sockets\":[");
    for (size_t i = 0; i < q.count && i <= q.limit; i++) {      /* one more than asked: the merger sees that there is more */
        if (i) buf_add_byte(json, ',');
        print_socket(g, json, q.found[i], &q);
    }
    buf_add_format(json, "],\"total\":%llu}", (unsigned long long)q.total);
    fini(&q);
}
