/* A cluster in memory: routers' cores, gateways that are a sender and a list of
 * what they got, links as queues that are emptied in random order. Ownership
 * moves under load; order, completeness and duplicates are checked. */
#include "router.h"
#include "t.h"

#include "address.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUTERS = 4, GATEWAYS = 3, ROOMS = 8, GOT_MAX = 40000, QUEUE_MAX = 20000 };

struct wire { enum msg_type type; struct blob *message; uint64_t number; };
struct queue { struct wire at[QUEUE_MAX]; size_t head, count; uint64_t sent, confirmed, received; };

struct got { uint16_t from; unsigned number; };

struct gateway {
    struct view   *view;
    struct sender *sender;
    struct effects effects;
    bool           interested[ROOMS];
    struct got     got[ROOMS][GOT_MAX];
    size_t         count[ROOMS];
    uint64_t       last[ROUTERS], fences[ROUTERS], holding;
    bool           given[ROUTERS][GOT_MAX];     /* of each router's stream: what a standby gave */
    unsigned       gaps, replayed, emitted[ROOMS];
    bool           alive;
};

static struct cluster {
    struct config       config;
    struct router      *router[ROUTERS];
    struct view        *view[ROUTERS];
    struct router_stats stats[ROUTERS];
    bool                alive[ROUTERS];
    struct gateway      gateway[GATEWAYS];
    struct queue        queue[ROUTERS + GATEWAYS][ROUTERS + GATEWAYS];
    uint64_t            settled[ROUTERS + GATEWAYS];
    struct router_time  now;
    uint64_t            dice;
    struct span         id[ROUTERS];
    size_t              replies;
    char                reply[4096];
    struct buf          acks;           /* what each gateway's two sockets answer: strs of ACKEDs */
    struct buf          frames;         /* of the newest reply, behind its JSON: strs */
} *c;

static char ids[ROUTERS][16];

static uint64_t dice(uint64_t sides)
{
    c->dice ^= c->dice << 13, c->dice ^= c->dice >> 7, c->dice ^= c->dice << 17;
    return c->dice % sides;
}

static size_t place(enum role role, uint16_t number) { return role == ROLE_ROUTER ? number : (size_t)ROUTERS + number; }
static struct from from_place(size_t p, uint64_t link)
{
    static char names[ROUTERS + GATEWAYS][16];
    bool router = p < ROUTERS;
    snprintf(names[p], sizeof names[p], "%s-%zu", router ? "router" : "gateway", router ? p : p - ROUTERS);
    return (struct from){ router ? ROLE_ROUTER : ROLE_GATEWAY, (uint16_t)(router ? p : p - ROUTERS), span_of(names[p]), 100 + p, link };
}

static void key_of(struct buf *key, unsigned room)
{
    char address[16];
    snprintf(address, sizeof address, "room:%u", room);
    buf_clear(key);
    address_key(key, SPAN("/"), span_of(address));
}

/* ---- the links */

static void send_effect(size_t from, struct effect *e)
{
    size_t to = place(e->role, e->number);
    struct queue *q = &c->queue[from][to];
    bool dead = e->role == ROLE_ROUTER ? !c->alive[e->number] : !c->gateway[e->number].alive;
    uint64_t number = msg_class(e->type) == MSG_RELIABLE ? ++q->sent : 0;
    if (e->ticket) {
        if (from < ROUTERS) router_on_sent(c->router[from], e, number);
        else sender_on_sent(c->gateway[from - ROUTERS].sender, e->number, e->ticket, number);
    }
    if (dead) return;
    NEED(q->count < QUEUE_MAX);
    q->at[(q->head + q->count++) % QUEUE_MAX] = (struct wire){ e->type, blob_hold(e->message), number };
}

static void flush(size_t p)
{
    struct effects *live = p < ROUTERS ? router_effects(c->router[p]) : &c->gateway[p - ROUTERS].effects;
    while (live->count) {
        struct effects mine = *live;
        *live = (struct effects){ 0 };
        for (size_t i = 0; i < mine.count; i++) {
            struct effect *e = &mine.at[i];
            if (e->role == ROLE_ROUTER && e->number == p && p < ROUTERS) {
                struct msg_SETTLED m;
                struct span rest = blob_span(e->message), fields;
                enum msg_type type;
                enum err err;
                if (e->type == MSG_SETTLED && msg_next(&rest, &type, &fields, &err) && msg_decode_SETTLED(&m, fields) == OK) c->settled[p] = m.view;
            } else if (e->role != ROLE_NONE) {
                send_effect(p, e);
            }
        }
        effects_fini(&mine);
        if (p < ROUTERS) (void)router_effects(c->router[p]);
    }
    if (p >= ROUTERS) return;
    enum role role;
    uint16_t number;
    uint64_t link;
    while (router_next_confirm(c->router[p], &role, &number, &link)) c->queue[place(role, number)][p].confirmed = link;
    struct reply reply;
    while (router_next_reply(c->router[p], &reply)) {
        c->replies++;
        snprintf(c->reply, sizeof c->reply, "%.*s", (int)reply.json->len, reply.json->bytes);
        buf_clear(&c->frames), buf_add(&c->frames, blob_span(reply.attachments));
        blob_drop(&reply.envelope), blob_drop(&reply.json), blob_drop(&reply.attachments);
    }
}

/* ---- a gateway, as small as can be */

static void gateway_fenced(struct gateway *g, size_t p)
{
    if (!g->holding) return;
    const struct owners *old = view_owners(g->view);
    for (size_t i = 0; i < old->count; i++)
        if (view_find(g->view, ROLE_ROUTER, old->number[i]) && g->fences[old->number[i]] != g->holding) return;
    c->settled[p] = g->holding;
}

static void gateway_got(struct gateway *g, struct span bytes)
{
    struct msg_BODY body;
    CHECK(msg_decode_BODY(&body, bytes) == OK);
    unsigned room, origin, number;
    if (body.kind != BODY_EMIT) return;
    CHECK(sscanf(body.args.ptr, "[\"e\",%u,%u,%u]", &room, &origin, &number) == 3);
    if (!g->interested[room]) return;
    CHECK(g->count[room] < GOT_MAX);
    g->got[room][g->count[room]++] = (struct got){ (uint16_t)origin, number };
}

static void gateway_take(size_t p, size_t from, enum msg_type type, struct span fields)
{
    struct gateway *g = &c->gateway[p - ROUTERS];
    if (type == MSG_REPLAYED) {
        struct msg_REPLAYED m;
        struct msg_STAMPED s;
        struct span one;
        CHECK(msg_decode_REPLAYED(&m, fields) == OK);
        while (msg_next_str(&m.stamped, &one)) {
            CHECK(msg_decode_STAMPED(&s, one) == OK);
            if (s.seq <= g->last[s.router] || g->given[s.router][s.seq]) continue;
            g->given[s.router][s.seq] = true;
            g->replayed++;
            gateway_got(g, s.body);
        }
    } else if (type == MSG_DELIVER) {
        struct msg_DELIVER m;
        CHECK(msg_decode_DELIVER(&m, fields) == OK);
        if (m.prev != g->last[from]) g->gaps++;
        g->last[from] = m.seq;
        gateway_got(g, m.body);
        if (m.ref) {
            struct buf out = { 0 };
            msg_encode_REACHED(&out, &(struct msg_REACHED){ .ref = m.ref, .count = 2, .answered = c->acks.len ? 2 : 0, .acks = buf_span(&c->acks) });
            effects_add_buf(&g->effects, ROLE_ROUTER, (uint16_t)from, MSG_REACHED, &out, 0);
            buf_fini(&out);
        }
    } else if (type == MSG_FENCE) {
        struct msg_FENCE m;
        CHECK(msg_decode_FENCE(&m, fields) == OK);
        g->fences[from] = m.view;
        gateway_fenced(g, p);
    }
}

static void tell_interest(struct gateway *g, unsigned room, bool note)
{
    struct buf key = { 0 }, list = { 0 }, out = { 0 };
    key_of(&key, room);
    msg_add_str(&list, buf_span(&key));
    msg_encode_INTEREST(&out, &(struct msg_INTEREST){ .on = 1, .rooms = buf_span(&list), .view = view_number(g->view) });
    if (note) {
        sender_note(g->sender, buf_span(&key), blob_new(buf_span(&out)), &g->effects);
    } else {
        const struct owners *coming = view_coming(g->view);
        uint16_t owner, standby;
        rank_pick(coming->number, coming->count, rank_hash(buf_span(&key)), &owner, &standby);
        effects_add_buf(&g->effects, ROLE_ROUTER, owner, MSG_INTEREST, &out, 0);
    }
    buf_fini(&key), buf_fini(&list), buf_fini(&out);
}

static void gateway_view(size_t p, enum view_change change)
{
    struct gateway *g = &c->gateway[p - ROUTERS];
    if (change == VIEW_HOLDING) {
        g->holding = view_number(g->view);
        sender_hold(g->sender, g->view);
        for (unsigned r = 0; r < ROOMS; r++)
            if (g->interested[r]) tell_interest(g, r, false);
        sender_fence(g->sender, &g->effects);
        gateway_fenced(g, p);
    } else if (change == VIEW_ACTIVE) {
        g->holding = 0;
        sender_activate(g->sender, g->view, &g->effects);
    }
    flush(p);
}

static void emit(struct gateway *g, unsigned origin, unsigned room)
{
    struct buf body = { 0 }, to = { 0 }, key = { 0 }, args = { 0 };
    char address[16];
    snprintf(address, sizeof address, "room:%u", room);
    msg_add_str(&to, span_of(address));
    buf_add_format(&args, "[\"e\",%u,%u,%u]", room, origin, g->emitted[room]++);
    msg_encode_BODY(&body, &(struct msg_BODY){ .nsp = SPAN("/"), .to = buf_span(&to), .args = buf_span(&args) });
    key_of(&key, room);
    sender_emit(g->sender, &(struct sender_emit){ .key = buf_span(&key), .body = buf_span(&body) }, &g->effects);
    buf_fini(&body), buf_fini(&to), buf_fini(&key), buf_fini(&args);
}

/* ---- running it */

/* One message of one random link; a confirmation, or what was received, travels now and then. False: all links are empty. */
static bool step(void)
{
    size_t n = ROUTERS + GATEWAYS, start = dice(n * n);
    for (size_t i = 0; i < n * n; i++) {
        size_t at = (start + i) % (n * n), from = at / n, to = at % n;
        struct queue *q = &c->queue[from][to];
        if (q->confirmed && dice(4) == 0) {
            uint64_t link = q->confirmed;
            q->confirmed = 0;
            if (from < ROUTERS && c->alive[from] && to < ROUTERS) router_on_confirm(c->router[from], (uint16_t)to, link, c->now);
            if (from >= ROUTERS) sender_on_confirm(c->gateway[from - ROUTERS].sender, (uint16_t)to, link);
            flush(from);
            return true;
        }
        if (q->received && dice(4) == 0) {
            uint64_t link = q->received;
            q->received = 0;
            if (from < ROUTERS && c->alive[from] && to < ROUTERS) router_on_received(c->router[from], (uint16_t)to, link, c->now);
            flush(from);
            return true;
        }
        if (q->count == 0) continue;
        struct wire w = q->at[q->head];
        q->head = (q->head + 1) % QUEUE_MAX, q->count--;
        struct span rest = blob_span(w.message), fields;
        enum msg_type type;
        enum err e;
        CHECK(msg_next(&rest, &type, &fields, &e));
        if (to < ROUTERS && c->alive[to] && type == MSG_SETTLED) {
            struct msg_SETTLED m;
            CHECK(msg_decode_SETTLED(&m, fields) == OK);
            c->settled[from] = m.view;
        } else if (to < ROUTERS && c->alive[to]) {
            struct from f = from_place(from, w.number);
            router_on_message(c->router[to], &f, type, fields, c->now);
        } else if (to >= ROUTERS) {
            gateway_take(to, from, type, fields);
        }
        blob_drop(&w.message);
        if (w.number && from < ROUTERS && to < ROUTERS && c->alive[to]) q->received = w.number;
        if (to >= ROUTERS || c->alive[to]) flush(to);
        return true;
    }
    for (size_t i = 0; i < n * n; i++)
        if (c->queue[i / n][i % n].confirmed || c->queue[i / n][i % n].received) return step();
    return false;
}

static void settle_down(void)
{
    while (step()) continue;
}

static void roster(uint64_t view, enum roster_phase phase, const bool *owns, const bool *before)
{
    struct buf owners = { 0 }, old = { 0 }, members = { 0 }, record = { 0 };
    for (uint16_t i = 0; i < ROUTERS; i++) {
        char text[8];
        snprintf(text, sizeof text, "%u", i);
        if (owns[i]) msg_add_str(&owners, span_of(text));
        if (before[i]) msg_add_str(&old, span_of(text));
        if (!c->alive[i]) continue;
        buf_clear(&record);
        msg_encode_MEMBER(&record, &(struct msg_MEMBER){ .role = ROLE_ROUTER, .number = i, .epoch = 100u + i, .state = MEMBER_READY });
        msg_add_str(&members, buf_span(&record));
    }
    for (uint16_t i = 0; i < GATEWAYS; i++) {
        buf_clear(&record);
        msg_encode_MEMBER(&record, &(struct msg_MEMBER){ .role = ROLE_GATEWAY, .number = i, .epoch = 100u + ROUTERS + i, .state = MEMBER_READY });
        msg_add_str(&members, buf_span(&record));
    }
    struct msg_ROSTER m = { .view = view, .phase = (uint8_t)phase, .owners = buf_span(&owners), .before = buf_span(&old), .members = buf_span(&members) };
    enum view_change change;
    for (uint16_t i = 0; i < ROUTERS; i++) {
        if (!c->alive[i]) continue;
        CHECK(view_take(c->view[i], &m, &change) == OK);
        router_on_view(c->router[i], change, c->now);
        flush(i);
        for (int k = 0; k < 20; k++) (void)step();      /* not everybody hears of it at once */
    }
    for (size_t i = 0; i < GATEWAYS; i++) {
        CHECK(view_take(c->gateway[i].view, &m, &change) == OK);
        gateway_view(ROUTERS + i, change);
        for (int k = 0; k < 20; k++) (void)step();
    }
    buf_fini(&owners), buf_fini(&old), buf_fini(&members), buf_fini(&record);
}

static void all_settled(uint64_t view, const bool *owns)
{
    for (size_t i = 0; i < ROUTERS + GATEWAYS; i++)
        if (i >= ROUTERS || owns[i])
            if (c->settled[i] != view) FAIL("%zu has settled %llu, not %llu", i, (unsigned long long)c->settled[i], (unsigned long long)view);
}

static void begin(void)
{
    static char router_name[] = "*";
    static char *star[] = { router_name };
    c = calloc(1, sizeof *c);
    NEED(c);
    c->dice = 88172645463325252ull;
    c->now = (struct router_time){ 1000, 1700000000000 };
    c->config.router.history_bytes = 64 << 20, c->config.router.history_count = 100000, c->config.router.history_ms = 60000;
    c->config.router.publish_ids_count = 100, c->config.router.publish_ids_ms = 60000, c->config.router.answer_ms = 1000;
    c->config.router.max_rooms = 1000, c->config.router.max_body_bytes = 100000, c->config.router.max_addresses_count = 16;
    c->config.router.max_batch_count = 8, c->config.router.command_queue_bytes = 1 << 20;
    c->config.router.hold_bytes = 64 << 20, c->config.router.max_acks_bytes = 400;
    c->config.router.command = (struct config_plane){ .on = true, .verbs = { star, 1 }, .namespaces = { star, 1 } };
    struct siphash_key seed = { 1, 2 };
    for (uint16_t i = 0; i < ROUTERS; i++) {
        snprintf(ids[i], sizeof ids[i], "router-%u", i);
        c->view[i] = view_new();
        c->alive[i] = true;
        c->router[i] = router_new(&(struct router_options){ .number = i, .epoch = 100u + i, .id = span_of(ids[i]), .config = &c->config,
                                  .view = c->view[i], .stats = &c->stats[i], .seed = seed });
    }
    for (uint16_t i = 0; i < GATEWAYS; i++) {
        struct gateway *g = &c->gateway[i];
        char name[16];
        snprintf(name, sizeof name, "gateway-%u", i);
        g->alive = true;
        g->view = view_new();
        g->sender = sender_new(span_of(name), 100u + ROUTERS + i, &(struct sender_limits){ .held_bytes = 64 << 20 });
        for (unsigned r = 0; r < ROOMS; r++) {
            g->interested[r] = (r + i) % 3 != 0;
            if (g->interested[r]) tell_interest(g, r, true);
        }
    }
}

static void end(void)
{
    for (size_t i = 0; i < ROUTERS; i++) router_destroy(&c->router[i]), view_destroy(&c->view[i]);
    for (size_t i = 0; i < GATEWAYS; i++) {
        sender_destroy(&c->gateway[i].sender);
        view_destroy(&c->gateway[i].view);
        effects_fini(&c->gateway[i].effects);
    }
    for (size_t i = 0; i < ROUTERS + GATEWAYS; i++)
        for (size_t k = 0; k < ROUTERS + GATEWAYS; k++)
            for (struct queue *q = &c->queue[i][k]; q->count; q->count--, q->head = (q->head + 1) % QUEUE_MAX) blob_drop(&q->at[q->head].message);
    buf_fini(&c->acks), buf_fini(&c->frames);
    free(c);
}

static void load(unsigned emits)
{
    for (unsigned i = 0; i < emits; i++) {
        size_t g = dice(GATEWAYS);
        emit(&c->gateway[g], (unsigned)g, (unsigned)dice(ROOMS));
        flush(ROUTERS + g);
        for (uint64_t k = dice(12); k > 0; k--) (void)step();
    }
}

/* Every gateway with a member has everything of every origin, once, in order, and
 * all gateways have a room's messages in the same order. */
static void check_rooms(void)
{
    for (unsigned r = 0; r < ROOMS; r++) {
        const struct gateway *first = NULL;
        for (size_t i = 0; i < GATEWAYS; i++) {
            const struct gateway *g = &c->gateway[i];
            if (!g->interested[r]) continue;
            unsigned next[GATEWAYS] = { 0 };
            for (size_t k = 0; k < g->count[r]; k++) {
                const struct got *m = &g->got[r][k];
                if (m->number != next[m->from]) FAIL("room %u at gateway %zu: %u of %u came, not %u", r, i, m->number, m->from, next[m->from]);
                next[m->from]++;
            }
            for (size_t o = 0; o < GATEWAYS; o++) EQUAL(next[o], c->gateway[o].emitted[r]);
            if (first && memcmp(first->got[r], g->got[r], g->count[r] * sizeof g->got[r][0]) != 0) FAIL("room %u: two orders", r);
            first = g;
        }
    }
    for (size_t i = 0; i < GATEWAYS; i++) {
        EQUAL(sender_waiting(c->gateway[i].sender), 0);
        EQUAL(c->gateway[i].gaps, 0);
    }
}

static void move(uint64_t view, const bool *to, bool *owned)
{
    load(200);
    roster(view, ROSTER_HOLD, to, owned);
    load(200);
    settle_down();
    all_settled(view, to);
    roster(view, ROSTER_ACTIVE, to, owned);
    load(200);
    memcpy(owned, to, ROUTERS * sizeof *owned);
}

TEST(router_keeps_order_while_ownership_moves)
{
    bool owned[ROUTERS] = { 0 };
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true }, owned);
    memcpy(owned, (bool[ROUTERS]){ true, true }, sizeof owned);
    move(200, (bool[ROUTERS]){ true, true, true }, owned);
    move(300, (bool[ROUTERS]){ true, true, true, true }, owned);
    move(400, (bool[ROUTERS]){ false, true, true, true }, owned);
    move(500, (bool[ROUTERS]){ true, true, false, false }, owned);
    settle_down();
    check_rooms();
    end();
}

TEST(router_that_dies_takes_nothing_along)
{
    bool owned[ROUTERS] = { 0 };
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true, true }, owned);
    memcpy(owned, (bool[ROUTERS]){ true, true, true }, sizeof owned);
    load(300);
    settle_down();      /* what is confirmed is held by two */
    c->alive[2] = false;
    for (size_t i = 0; i < ROUTERS + GATEWAYS; i++)
        for (int way = 0; way < 2; way++)
            for (struct queue *q = way ? &c->queue[i][2] : &c->queue[2][i]; q->count; q->count--, q->head = (q->head + 1) % QUEUE_MAX)
                blob_drop(&q->at[q->head].message);
    load(200);          /* what goes to the dead one is not lost */
    roster(200, ROSTER_HOLD, (bool[ROUTERS]){ true, true }, owned);
    load(100);
    settle_down();
    all_settled(200, (bool[ROUTERS]){ true, true });
    roster(200, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true }, owned);
    load(100);
    settle_down();
    check_rooms();
    end();
}

/* It dies with all that is under way, to it and from it: copies that nobody
 * confirmed, deliveries that only some gateways have, confirmations. */
TEST(router_that_dies_in_the_middle_loses_and_doubles_nothing)
{
    unsigned replayed = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        bool owned[ROUTERS] = { 0 };
        begin();
        c->dice = 88172645463325252ull * (2 * seed + 1);
        roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true, true }, owned);
        memcpy(owned, (bool[ROUTERS]){ true, true, true }, sizeof owned);
        for (uint16_t g = 0; g < GATEWAYS; g++)         /* what a beat said before the load */
            for (uint16_t r = 0; r < 3; r++) router_on_positions(c->router[r], g, SPAN("0:100:0 1:101:0 2:102:0"));
        load(150);
        c->alive[2] = false;
        for (size_t i = 0; i < ROUTERS + GATEWAYS; i++)
            for (int way = 0; way < 2; way++) {
                struct queue *q = way ? &c->queue[i][2] : &c->queue[2][i];
                for (; q->count; q->count--, q->head = (q->head + 1) % QUEUE_MAX) blob_drop(&q->at[q->head].message);
                q->confirmed = q->received = 0;
            }
        load(100);
        roster(200, ROSTER_HOLD, (bool[ROUTERS]){ true, true }, owned);
        load(50);
        settle_down();
        all_settled(200, (bool[ROUTERS]){ true, true });
        roster(200, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true }, owned);
        load(50);
        settle_down();
        check_rooms();
        for (size_t i = 0; i < GATEWAYS; i++) replayed += c->gateway[i].replayed;
        end();
    }
    CHECK(replayed > 0);        /* the case was met */
}

static void request(uint16_t router, const char *json)
{
    struct asking asking = { .plane = &c->config.router.command, .envelope = blob_new(SPAN("me")), .frames = { span_of(json) }, .count = 1 };
    (void)router_on_request(c->router[router], &asking, c->now);
    flush(router);
}

static void expect(const char *part)
{
    if (!strstr(c->reply, part)) FAIL("no '%s' in %s", part, c->reply);
}

TEST(router_answers_a_publisher_wherever_it_attaches)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true, true, true }, (bool[ROUTERS]){ 0 });
    settle_down();
    for (uint16_t i = 0; i < ROUTERS; i++) {
        request(i, "{\"emit\":\"e\",\"to\":\"room:1\",\"args\":[1,0,0],\"reached\":true,\"ref\":5}");
        settle_down();
        EQUAL(c->replies, i + 1);
        expect("{\"ok\":true,\"ref\":5,\"epoch\":\"10");
        expect("\"gateways\":2,\"reached\":4,\"complete\":true,\"missing\":[]}");
    }
    c->gateway[0].emitted[1] = 0;
    request(0, "{\"emit\":\"e\",\"to\":\"room:1\",\"args\":[1,0,9],\"id\":\"once\"}");
    settle_down();
    request(3, "{\"emit\":\"e\",\"to\":\"room:1\",\"args\":[1,0,9],\"id\":\"once\"}");
    settle_down();
    expect("\"duplicate\":true");
    EQUAL(c->gateway[0].count[1], 5);
    request(1, "{\"emit\":\"e\",\"to\":\"lobby\",\"ref\":\"r\"}");
    expect("\"ok\":false,\"ref\":\"r\",\"error\":{\"code\":\"wrong-type\"");
    expect("\"field\":\"to\"");
    request(1, "{\"topology\":true}");
    expect("\"owners\":[\"router-0\",\"router-1\",\"router-2\",\"router-3\"]");
    end();
}

/* Each sends what it does not own to the others, and copies what it owns to them, on the same links. */
TEST(router_answers_publishers_at_all_routers_at_once)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true, true, true }, (bool[ROUTERS]){ 0 });
    settle_down();
    for (unsigned i = 0; i < 400; i++) {
        char json[96];
        snprintf(json, sizeof json, "{\"emit\":\"e\",\"to\":\"room:%u\",\"args\":[%u,0,0]}", i / ROUTERS % ROOMS, i / ROUTERS % ROOMS);
        request((uint16_t)(i % ROUTERS), json);
        for (uint64_t n = dice(4); n > 0; n--) step();
    }
    settle_down();
    EQUAL(c->replies, 400);
    expect("\"ok\":true");
    end();
}

static void add_ack(const char *socket, const char *user, const char *args, const char *attachments)
{
    struct buf strs = { 0 }, acked = { 0 };
    for (struct span rest = span_of(attachments); rest.len; ) msg_add_str(&strs, span_cut(&rest, ' '));
    msg_encode_ACKED(&acked, &(struct msg_ACKED){ .socket = span_of(socket), .user = span_of(user), .args = span_of(args), .attachments = buf_span(&strs) });
    msg_add_str(&c->acks, buf_span(&acked));
    buf_fini(&strs), buf_fini(&acked);
}

TEST(router_brings_what_clients_answer)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true, true, true }, (bool[ROUTERS]){ 0 });
    settle_down();
    add_ack("s1", "42", "[{\"_placeholder\":true,\"num\":1},\"x\",{\"_placeholder\":true,\"num\":0}]", "one two");
    add_ack("s2", "", "[{\"_placeholder\":true,\"num\":0}]", "");      /* a text, not an attachment */
    for (uint16_t i = 0; i < ROUTERS; i++) {
        request(i, "{\"emit\":\"e\",\"to\":\"room:1\",\"args\":[1,0,0],\"ack\":true,\"timeout\":30000}");
        settle_down();
        expect(",\"reached\":4,\"answered\":4,\"acks\":[{\"socket\":\"s1\",\"user\":42,\"args\":[{\"_placeholder\":true,\"num\":0},\"x\",{\"_placeholder\":true,\"num\":1}]},"
               "{\"socket\":\"s2\",\"user\":null,\"args\":[null]},{\"socket\":\"s1\",\"user\":42,\"args\":[{\"_placeholder\":true,\"num\":2},\"x\",{\"_placeholder\":true,\"num\":3}]},"
               "{\"socket\":\"s2\",\"user\":null,\"args\":[null]}],\"complete\":true,\"missing\":[]}");
        struct span rest = buf_span(&c->frames), one;
        static const char *const want[] = { "two", "one", "two", "one" };
        for (size_t k = 0; k < 4; k++) {
            CHECK(msg_next_str(&rest, &one));
            SAME(one, want[k]);
        }
        EQUAL(rest.len, 0);
    }
    request(0, "{\"emit\":\"e\",\"to\":\"room:1\",\"args\":[1,0,9],\"ack\":true,\"id\":\"once\"}");
    settle_down();
    request(0, "{\"emit\":\"e\",\"to\":\"room:1\",\"args\":[1,0,9],\"ack\":true,\"id\":\"once\"}");
    settle_down();
    expect("\"duplicate\":true,\"reached\":0,\"answered\":0,\"acks\":[],\"complete\":false");
    struct asking asking = { .plane = &c->config.router.command, .frames = { SPAN("{\"emit\":\"e\",\"to\":\"*\",\"ack\":true}") }, .count = 1 };
    EQUAL(router_on_request(c->router[0], &asking, c->now), ERR_STATE);     /* nobody would get the answers */
    end();
}

TEST(router_disconnects_and_says_what_each_gateway_did)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true, true, true }, (bool[ROUTERS]){ 0 });
    settle_down();
    request(2, "{\"disconnect\":\"room:1\"}");
    settle_down();
    expect("{\"id\":\"gateway-0\",\"reached\":2}");
    expect("{\"id\":\"gateway-1\",\"reached\":2}");
    expect("],\"reached\":4,\"complete\":true,\"missing\":[]}");
    end();
}

static void frames_request(uint16_t router, const struct span *frames, size_t count)
{
    struct asking asking = { .plane = &c->config.router.command, .envelope = blob_new(SPAN("me")), .count = count, .refused = c->stats[router].refused_command };
    for (size_t i = 0; i < count; i++) asking.frames[i] = frames[i];
    (void)router_on_request(c->router[router], &asking, c->now);
    flush(router);
}

/* Some are answered at once, some late, one by many: the list is in the order of the requests. */
TEST(router_answers_a_batch_with_one_list)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true, true, true }, (bool[ROUTERS]){ 0 });
    settle_down();
    request(0, "[{\"emit\":\"e\",\"to\":\"room:1\",\"args\":[1,0,0],\"ref\":1},7,{\"topology\":true,\"ref\":2},{\"emit\":\"e\",\"to\":\"x\",\"ref\":3},"
               "{\"emit\":\"e\",\"to\":\"room:2\",\"args\":[2,0,0],\"reached\":true,\"ref\":4}]");
    EQUAL(c->replies, 0);
    settle_down();
    EQUAL(c->replies, 1);
    const char *order[] = { "[{\"ok\":true,\"ref\":1,\"epoch\":", "},{\"ok\":false,\"error\":{\"code\":\"bad-json\"", "},{\"ok\":true,\"ref\":2,\"router\":",
                            "},{\"ok\":false,\"ref\":3,\"error\":{\"code\":\"wrong-type\"", "},{\"ok\":true,\"ref\":4,", "\"reached\":4,\"complete\":true,\"missing\":[]}]" };
    const char *at = c->reply;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const char *found = strstr(at, order[i]);
        if (!found) FAIL("no '%s' in %s", order[i], at);
        at = found;
    }
    EQUAL(c->stats[0].refused_command[ERR_TYPE], 0);
    request(0, "[]");
    expect("\"ok\":false");
    request(0, "[1,2,3,4,5,6,7,8,9]");
    expect("{\"ok\":false,\"error\":{\"code\":\"too-many\"");
    request(0, "[{\"topology\":true},{\"topology\":true]");
    expect("{\"ok\":false,\"error\":{\"code\":\"bad-json\"");
    EQUAL(c->replies, 4);
    end();
}

/* Placeholders count the frames of the message; each member takes its own, and the answers' stand behind the list. */
TEST(router_gives_the_members_of_a_batch_their_attachments)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true, true, true, true }, (bool[ROUTERS]){ 0 });
    settle_down();
    add_ack("s1", "42", "[{\"_placeholder\":true,\"num\":0}]", "one");
    const struct span frames[] = {
        SPAN("J[{\"emit\":\"e\",\"to\":\"room:1\",\"args\":[1,0,0,{\"_placeholder\":true,\"num\":1}],\"ack\":true,\"timeout\":30000},"
             "{\"emit\":\"e\",\"to\":\"room:2\",\"args\":[2,0,0,{\"_placeholder\":true,\"num\":2}]},{\"emit\":\"e\",\"to\":\"room:2\",\"args\":[2,0,1]}]"),
        SPAN("zero"), SPAN("one") };
    frames_request(1, frames, 3);
    settle_down();
    expect("[{\"ok\":true,");
    expect("\"acks\":[{\"socket\":\"s1\",\"user\":42,\"args\":[{\"_placeholder\":true,\"num\":0}]},{\"socket\":\"s1\",");
    expect(",\"attachments\":2},{\"ok\":false,\"error\":{\"code\":\"bad-placeholder\"");
    expect("},{\"ok\":true,");
    EQUAL(msg_count_strs(buf_span(&c->frames)), 2);
    EQUAL(c->stats[1].refused_command[ERR_RANGE], 1);
    end();
}

TEST(router_keeps_answers_up_to_its_limit)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true }, (bool[ROUTERS]){ 0 });
    settle_down();
    char args[150];
    memset(args, '1', sizeof args);
    args[0] = '[', args[sizeof args - 2] = ']', args[sizeof args - 1] = 0;
    add_ack("s1", "1", args, ""), add_ack("s2", "2", args, "");     /* of two gateways: two of the four */
    request(0, "{\"emit\":\"e\",\"to\":\"room:1\",\"args\":[1,0,0],\"ack\":true}");
    settle_down();
    expect("\"reached\":4,\"answered\":4,\"acks\":[{\"socket\":\"s1\",\"user\":1,");
    expect("]},{\"socket\":\"s2\",\"user\":2,");
    expect("]}],\"complete\":false,\"missing\":[]}");
    EQUAL(c->stats[0].acks_cut, 2);
    end();
}

TEST(router_gives_gateways_time_to_tell_of_acks)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true }, (bool[ROUTERS]){ 0 });
    settle_down();
    c->gateway[2].alive = false;
    request(0, "{\"emit\":\"e\",\"to\":\"room:0\",\"args\":[0,0,0],\"ack\":true,\"timeout\":700}");
    settle_down();
    c->now.mono += 1199;
    router_on_time(c->router[0], c->now);
    flush(0);
    EQUAL(c->replies, 0);
    c->now.mono += 1;
    router_on_time(c->router[0], c->now);
    flush(0);
    EQUAL(c->replies, 1);
    expect("\"answered\":0,\"acks\":[],\"complete\":false,\"missing\":[\"gateway-2\"]");
    request(0, "{\"emit\":\"e\",\"to\":\"room:0\",\"args\":[0,0,0],\"ack\":true,\"timeout\":60000}");
    settle_down();
    router_on_gone(c->router[0], ROLE_GATEWAY, 2, c->now);      /* noticed: nobody waits for it */
    router_on_time(c->router[0], c->now);
    flush(0);
    EQUAL(c->replies, 2);
    expect("\"complete\":false,\"missing\":[\"gateway-2\"]");
    end();
}

TEST(router_names_who_did_not_count_in_time)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true }, (bool[ROUTERS]){ 0 });
    settle_down();
    c->gateway[2].alive = false;        /* it does not answer, and nobody has noticed yet */
    request(0, "{\"emit\":\"e\",\"to\":\"room:0\",\"args\":[0,0,0],\"reached\":true}");
    settle_down();
    EQUAL(c->replies, 0);
    c->now.mono += 1001;
    router_on_time(c->router[0], c->now);
    flush(0);
    EQUAL(c->replies, 1);
    expect("\"complete\":false,\"missing\":[\"gateway-2\"]");
    end();
}

TEST(router_answers_questions_with_what_has_come)
{
    begin();
    roster(100, ROSTER_ACTIVE, (bool[ROUTERS]){ true }, (bool[ROUTERS]){ 0 });
    settle_down();
    request(0, "{\"sockets\":\"*\",\"timeout\":100}");
    struct from from = from_place(ROUTERS + 1, 0);
    struct buf out = { 0 };
    msg_encode_TOLD(&out, &(struct msg_TOLD){ .ref = 1, .json = SPAN("{\"sockets\":[{\"id\":\"b\"},{\"id\":\"c\"}]}") });
    struct span rest = buf_span(&out), fields;
    enum msg_type type;
    enum err e;
    CHECK(msg_next(&rest, &type, &fields, &e));
    router_on_message(c->router[0], &from, type, fields, c->now);
    buf_fini(&out);
    c->now.mono += 101;
    router_on_time(c->router[0], c->now);
    flush(0);
    expect("\"sockets\":[{\"id\":\"b\"},{\"id\":\"c\"}],\"complete\":false,\"missing\":[\"gateway-0\",\"gateway-2\"]");
    end();
}
