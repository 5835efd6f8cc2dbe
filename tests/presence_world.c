#include "presence_world.h"

#include "json.h"
#include "node_flow.h"

struct presence *core;
struct presence_stats stats;
struct config config;
struct config_namespace spaces[SPACES];
static struct generation *generation;
struct view *view;
struct presence_time now;
uint64_t views;
struct buf said;

/* ---- the world */

void see(const char *members)        /* "router-0 gateway-0:10 presence-0" */
{
    struct buf list = { 0 }, owners = { 0 };
    struct span rest = span_of(members);
    while (rest.len) {
        struct span one = span_cut(&rest, ' '), id = span_cut(&one, ':');
        uint64_t epoch = 1;
        enum role role;
        struct msg_MEMBER m = { .state = MEMBER_READY };
        CHECK(member_id_decode(id, &role, &m.number) == OK);
        if (one.len) CHECK(span_to_uint(one, UINT64_MAX, &epoch));
        m.role = (uint8_t)role, m.epoch = epoch;
        struct buf record = { 0 };
        msg_encode_MEMBER(&record, &m);
        msg_add_str(&list, buf_span(&record));
        if (role == ROLE_ROUTER) msg_add_str(&owners, m.number ? SPAN("1") : SPAN("0"));
        buf_fini(&record);
    }
    enum view_change change;
    EQUAL_ERR(view_take(view, &(struct msg_ROSTER){ .view = views += 100, .phase = ROSTER_ACTIVE, .owners = buf_span(&owners), .members = buf_span(&list) }, &change), OK);
    buf_fini(&list), buf_fini(&owners);
    presence_on_view(core, now);
}

void begin_at(uint16_t number, const char *members)
{
    static char root[] = "/", chat[] = "/chat", games[] = "/*/game-#", staff[] = "staff", none[] = "", friends[] = "/friends", private[] = "none";
    struct buf errors = { 0 };
    stats = (struct presence_stats){ 0 };
    spaces[0] = (struct config_namespace){ .name = root, .realm = none,
        .online = node_flow("{to: '*', event: user-online, args: [{userId: '{user.id}', name: '{user.username}'}]}"),
        .offline = node_flow("{to: '*', event: user-offline, args: [{userId: '{user.id}', name: '{user.username}'}]}") };
    spaces[1] = (struct config_namespace){ .name = chat, .realm = staff, .room_presence = node_flow("{rooms: [x, 'g*'], every: 1s, most: 2, event: diff,"
        " args: ['{room}', '{joined}', '{left}', '{count}', '{more}'], state: {event: all, args: ['{members}', '{count}', '{more}']}}"), .online = node_flow("{to: 'user:boss', event: in, volatile: true}") };
    spaces[2] = (struct config_namespace){ .name = games, .realm = none, .online = node_flow("{to: '*', event: here, args: ['{nsp.1}', '{nsp.2}']}"),
        .offline = node_flow("{to: '*', event: gone, args: ['{nsp}']}") };
    spaces[3] = (struct config_namespace){ .name = friends, .realm = none, .online = node_flow("{to: watchers, event: on, args: ['{user.id}']}"),
        .offline = node_flow("{to: [watchers, 'room:all'], except: 'room:deaf', event: off, args: ['{user.id}']}") };
    config = (struct config){ .namespaces = spaces, .namespace_count = SPACES };
    config.presence.max_users = 1000, config.presence.recovery_count = 100, config.presence.recovery_bytes = 1 << 20, config.presence.lease_ms = WORLD_LEASE_MS, config.presence.max_pending_count = 100;
    config.presence.key_prefix = none, config.presence.redis = private, config.router.answer_ms = 2000;
    config.router.max_addresses_count = 3, config.presence.max_room_sockets = 10, config.presence.max_watches = 20, config.presence.max_watches_per_user = 8;
    generation = generation_new(&config, &errors);
    if (!generation) FAIL("%s", buf_text(&errors));
    for (int i = 0; i < SPACES; i++) node_destroy(&spaces[i].online), node_destroy(&spaces[i].offline), node_destroy(&spaces[i].room_presence);
    now = (struct presence_time){ 1000, 1700000000000 };
    views = 0;
    view = view_new();
    core = presence_new(&(struct presence_options){ .id = number ? SPAN("presence-1") : SPAN("presence-0"), .number = number, .epoch = 77,
                     .config = &config, .generation = generation, .view = view, .stats = &stats, .seed = { 1, 2 } });
    see(members);
    buf_fini(&errors);
}

void end(void)
{
    presence_destroy(&core);
    view_destroy(&view);
    generation_drop(&generation);
    buf_fini(&said);
}

static void print_emit(const struct effect *e, const struct msg_EMIT *m)
{
    struct msg_BODY b;
    struct span rest, to;
    EQUAL_ERR(msg_decode_BODY(&b, m->body), OK);
    CHECK(e->ticket == m->number && span_same(m->origin, SPAN("presence-0")) && m->origin_epoch == 77);
    buf_add_format(&said, "emit router-%u #%llu %.*s", e->number, (unsigned long long)m->number, (int)b.nsp.len, b.nsp.ptr);
    for (rest = b.to; msg_next_str(&rest, &to); ) buf_add_format(&said, " %.*s", (int)to.len, to.ptr);
    for (rest = b.except; msg_next_str(&rest, &to); ) buf_add_format(&said, " not %.*s", (int)to.len, to.ptr);
    if (b.flags & BODY_VOLATILE) buf_add_literal(&said, " volatile");
    if (m->again) buf_add_format(&said, " again %u:%llu", m->again - 1U, (unsigned long long)m->again_epoch);
    buf_add_format(&said, " %.*s\n", (int)b.args.len, b.args.ptr);
}

/* What was said since the last time; 'link' numbers what goes to a router. */
struct span heard(uint64_t link)
{
    struct effects *effects = presence_effects(core);
    buf_clear(&said);
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->at[i];
        struct span rest = blob_span(e->message), fields;
        enum msg_type type;
        enum err err;
        CHECK(msg_next(&rest, &type, &fields, &err) && type == e->type);
        struct msg_EMIT emit;
        struct msg_ADMITTED a;
        struct msg_TOLD t;
        struct msg_WATCHED w;
        if (type == MSG_EMIT && msg_decode_EMIT(&emit, fields) == OK) print_emit(e, &emit);
        else if (type == MSG_ADMITTED && msg_decode_ADMITTED(&a, fields) == OK)
            buf_add_format(&said, "gateway-%u #%llu %s%s %u\n", e->number, (unsigned long long)a.ref, a.allowed ? "in" : "out", a.first ? " first" : "", a.count);
        else if (type == MSG_WATCHED && msg_decode_WATCHED(&w, fields) == OK)
            buf_add_format(&said, "gateway-%u #%llu %s %.*s\n", e->number, (unsigned long long)w.ref, err_name((enum err)w.error), (int)w.online.len, w.online.ptr);
        else if (type == MSG_TOLD && msg_decode_TOLD(&t, fields) == OK) {
            EQUAL_ERR(json_check(t.json, 8), OK);
            buf_add_format(&said, "%s %.*s\n", err_name((enum err)t.error), (int)t.json.len, t.json.ptr);
        } else FAIL("unexpected");
        if (e->ticket) presence_on_sent(core, e, link, 1);
    }
    effects_clear(effects);
    return buf_span(&said);
}
void gateway_says(uint16_t number, uint64_t epoch, enum msg_type type, struct buf *message)
{
    struct span rest = buf_span(message), fields;
    enum msg_type got;
    enum err e;
    CHECK(msg_next(&rest, &got, &fields, &e) && got == type);
    presence_on_message(core, ROLE_GATEWAY, number, epoch, type, t_exact(fields), now);
    buf_fini(message);
}

struct msg_SESSION_UP session(const char *user, const char *sid)
{
    return (struct msg_SESSION_UP){ .ref = 1, .sid = span_of(sid), .nsp = SPAN("/"), .user = span_of(user), .claims = SPAN("{\"username\":\"ann\"}"), .since = 5 };
}

void up_at(uint16_t gateway, uint64_t epoch, struct msg_SESSION_UP m)
{
    struct buf b = { 0 };
    msg_encode_SESSION_UP(&b, &m);
    gateway_says(gateway, epoch, MSG_SESSION_UP, &b);
}

void up(const char *user, const char *sid) { up_at(0, 10, session(user, sid)); }

void down_in(uint16_t gateway, uint64_t epoch, const char *nsp, const char *user, const char *sid)
{
    struct buf b = { 0 };
    msg_encode_SESSION_DOWN(&b, &(struct msg_SESSION_DOWN){ .sid = span_of(sid), .nsp = span_of(nsp), .user = span_of(user), .reason = SPAN("transport close") });
    gateway_says(gateway, epoch, MSG_SESSION_DOWN, &b);
}

void down_at(uint16_t gateway, uint64_t epoch, const char *user, const char *sid) { down_in(gateway, epoch, "/", user, sid); }

void synced(uint16_t gateway, uint64_t epoch)
{
    struct buf b = { 0 };
    msg_encode_SYNCED(&b, &(struct msg_SYNCED){ .view = views });
    gateway_says(gateway, epoch, MSG_SYNCED, &b);
}

void ask(const char *verb, const char *json)
{
    struct buf b = { 0 };
    msg_encode_ASK(&b, &(struct msg_ASK){ .ref = 9, .verb = span_of(verb), .json = span_of(json) });
    struct span rest = buf_span(&b), fields;
    enum msg_type type;
    enum err e;
    CHECK(msg_next(&rest, &type, &fields, &e));
    presence_on_message(core, ROLE_ROUTER, 0, 1, MSG_ASK, t_exact(fields), now);
    buf_fini(&b);
}

void later(uint64_t ms)
{
    now.mono += ms, now.wall += ms;
    presence_on_time(core, now);
}

void begin(void)
{
    begin_at(0, "router-0 gateway-0:10 gateway-1:11 presence-0");
    synced(0, 10), synced(1, 11);
    CHECK(presence_synced(core));
    HEARD("");
}

void watch(uint64_t ref, const char *user, const char *remove, const char *add, bool asks)
{
    struct buf b = { 0 };
    msg_encode_WATCH(&b, &(struct msg_WATCH){ .ref = ref, .nsp = SPAN("/friends"), .user = span_of(user), .remove = span_of(remove), .add = span_of(add), .ask = asks });
    gateway_says(0, 10, MSG_WATCH, &b);
}
