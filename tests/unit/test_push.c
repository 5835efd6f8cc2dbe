/* What the clock says, from a router's side: asked of presences, sent once, where somebody is. */
#include "node_flow.h"
#include "router.h"
#include "t.h"

#include "address.h"

static char star_text[] = "*", name_text[] = "/", empty[] = "";

struct world {
    struct config config;
    struct config_namespace ns;
    struct router_stats stats;
    struct lasts lasts;
    struct view *view;
    struct router *router;
    struct router_time now;
    uint64_t link;
};

static void take_view(struct world *w, uint64_t number, const char *owner)
{
    struct buf owners = { 0 }, members = { 0 }, one = { 0 }, roster = { 0 };
    msg_add_str(&owners, span_of(owner));
    static const enum role roles[] = { ROLE_ROUTER, ROLE_ROUTER, ROLE_GATEWAY, ROLE_PRESENCE };
    for (unsigned i = 0; i < 4; i++) {
        buf_clear(&one);
        msg_encode_MEMBER(&one, &(struct msg_MEMBER){ .role = (uint8_t)roles[i], .number = i == 1, .epoch = 7, .state = MEMBER_READY, .version = 1 });
        msg_add_str(&members, buf_span(&one));
    }
    enum view_change change;
    EQUAL_ERR(view_take(w->view, &(struct msg_ROSTER){ .view = number, .phase = ROSTER_ACTIVE, .settled = number, .owners = buf_span(&owners),
                                                       .members = buf_span(&members), .before = buf_span(&owners) }, &change), OK);
    buf_fini(&owners), buf_fini(&members), buf_fini(&one), buf_fini(&roster);
    router_on_view(w->router, change, w->now);
}

static void begin(struct world *w, const char *push)
{
    static char *star[] = { star_text };
    *w = (struct world){ .now = { 1000, 1700000000000 } };
    w->ns = (struct config_namespace){ .name = name_text, .realm = empty, .push = node_flow(push) };
    w->config.namespaces = &w->ns, w->config.namespace_count = 1;
    w->config.router.history_bytes = 1 << 20, w->config.router.history_count = 100, w->config.router.history_ms = 60000;
    w->config.router.answer_ms = 1000, w->config.router.max_rooms = 100, w->config.router.max_body_bytes = 100000;
    w->config.router.max_addresses_count = 16, w->config.router.hold_bytes = 1 << 20, w->config.router.command_queue_bytes = 1 << 20;
    w->config.router.command = (struct config_plane){ .on = true, .verbs = { star, 1 }, .namespaces = { star, 1 } };
    lasts_init(&w->lasts, &(struct siphash_key){ 1, 2 });
    w->view = view_new();
    w->router = router_new(&(struct router_options){ .number = 0, .epoch = 5, .id = SPAN("router-0"), .config = &w->config, .view = w->view,
                           .stats = &w->stats, .lasts = &w->lasts, .seed = { 3, 4 } });
    take_view(w, 100, "0");
}

static void end(struct world *w)
{
    router_destroy(&w->router);
    view_destroy(&w->view);
    lasts_fini(&w->lasts);
    node_destroy(&w->ns.push);
}

static void say(struct world *w, enum role role, const char *id, enum msg_type type, struct buf *message)
{
    struct span rest = buf_span(message), fields;
    enum err e;
    enum msg_type got;
    CHECK(msg_next(&rest, &got, &fields, &e) && got == type);
    struct from from = { role, 0, span_of(id), 7, msg_class(type) == MSG_RELIABLE ? ++w->link : 0 };
    router_on_message(w->router, &from, type, fields, w->now);
    buf_fini(message);
}

static void somebody_is_there(struct world *w)
{
    struct buf key = { 0 }, rooms = { 0 }, message = { 0 };
    address_key(&key, SPAN("/"), SPAN("*"));
    msg_add_str(&rooms, buf_span(&key));
    msg_encode_INTEREST(&message, &(struct msg_INTEREST){ .on = 1, .rooms = buf_span(&rooms), .view = 100 });
    say(w, ROLE_GATEWAY, "gateway-0", MSG_INTEREST, &message);
    buf_fini(&key), buf_fini(&rooms);
}

/* The newest effect of that type, and how many there are; the effects are gone then. */
static unsigned take(struct world *w, enum msg_type type, struct buf *fields_out)
{
    struct effects *effects = router_effects(w->router);
    unsigned n = 0;
    buf_clear(fields_out);
    for (size_t i = 0; i < effects->count; i++) {
        if (effects->at[i].role == ROLE_NONE || effects->at[i].type != type) continue;
        struct span rest = blob_span(effects->at[i].message), fields;
        enum msg_type got;
        enum err e;
        CHECK(msg_next(&rest, &got, &fields, &e));
        buf_clear(fields_out);
        buf_add(fields_out, fields);
        n++;
    }
    effects_clear(effects);
    return n;
}

static void pass(struct world *w, uint64_t ms)
{
    for (; ms; ms -= ms < 50 ? ms : 50) w->now.mono += 50, w->now.wall += 50, router_on_time(w->router, w->now);
}

static void delivered(struct world *w, struct buf *fields, const char *args)
{
    struct msg_DELIVER deliver;
    struct msg_BODY body;
    EQUAL(take(w, MSG_DELIVER, fields), 1);
    CHECK(msg_decode_DELIVER(&deliver, buf_span(fields)) == OK && msg_decode_BODY(&body, deliver.body) == OK);
    SAME(body.args, args);
}

TEST(push_what_is_due_goes_where_somebody_is)
{
    struct world w;
    struct buf fields = { 0 };
    begin(&w, "[{every: 10s, event: status, args: ['{system.cpu}', '{system.memory}', '{system.connections}', '{system.daemons.bytes}', '{nsp}', '{now.s}']}]");
    (void)lasts_put(&w.lasts, SPAN("router-0"), SPAN("counters"), SPAN("{\"host.cpu_permille\":123,\"host.memory_permille\":500,\"process.rss_bytes\":1000}"));
    (void)lasts_put(&w.lasts, SPAN("gateway-0"), SPAN("counters"), SPAN("{\"sessions.open\":3,\"process.rss_bytes\":2000}"));
    (void)lasts_put(&w.lasts, SPAN("gateway-1"), SPAN("counters"), SPAN("{\"sessions.open\":4}"));
    pass(&w, 25000);
    EQUAL(take(&w, MSG_DELIVER, &fields), 0);           /* nobody is there */
    somebody_is_there(&w);
    pass(&w, 5000);
    delivered(&w, &fields, "[\"status\",12.3,50,7,3000,\"/\",1700000030]");
    pass(&w, 9950);
    EQUAL(take(&w, MSG_DELIVER, &fields), 0);
    pass(&w, 50);
    EQUAL(take(&w, MSG_DELIVER, &fields), 1);
    EQUAL(w.stats.pushes_out, 2);
    take_view(&w, 200, "1");                            /* the room is another router's now */
    pass(&w, 30000);
    EQUAL(w.stats.pushes_out, 2);
    buf_fini(&fields);
    end(&w);
}

TEST(push_asks_presences_who_is_online)
{
    struct world w;
    struct buf fields = { 0 }, told = { 0 };
    struct msg_ASK ask;
    begin(&w, "{every: 10s, event: online, args: ['{online.total}', '{online.users}']}");
    somebody_is_there(&w);
    pass(&w, 10000);
    EQUAL(take(&w, MSG_ASK, &fields), 1);
    EQUAL_ERR(msg_decode_ASK(&ask, buf_span(&fields)), OK);
    SAME(ask.verb, "present");
    SAME(ask.json, "{\"nsp\":\"/\",\"realm\":\"\",\"limit\":1000}");
    EQUAL(w.stats.pushes_out, 0);
    msg_encode_TOLD(&told, &(struct msg_TOLD){ .ref = ask.ref, .json = SPAN("{\"users\":[42,\"ann\"],\"total\":2}") });
    say(&w, ROLE_PRESENCE, "presence-0", MSG_TOLD, &told);
    delivered(&w, &fields, "[\"online\",2,[42,\"ann\"]]");
    pass(&w, 10000);                                    /* and the next time nobody answers: it is said all the same, at the time-out */
    (void)take(&w, MSG_ASK, &fields);
    pass(&w, 2000);
    delivered(&w, &fields, "[\"online\",null,null]");
    buf_fini(&fields);
    end(&w);
}
