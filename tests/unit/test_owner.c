/* An owner alone, with what its peers say put into its hands. */
#include "owner.h"
#include "t.h"

#include "address.h"

#include <stdio.h>
#include <stdlib.h>

enum { ME = 0, OTHER = 1, DEAD = 2 };

static struct {
    struct view        *view;
    struct owner       *owner;
    struct router_stats stats;
    struct effects      effects;
} w;

static void add_numbers(struct buf *strs, const char *numbers)
{
    for (struct span rest = span_of(numbers); rest.len; ) msg_add_str(strs, span_cut(&rest, ' '));
}

/* Routers by number: who is there, who owns after it, who owned before. */
static void roster(uint64_t number, enum roster_phase phase, const char *there, const char *owners, const char *before)
{
    struct buf members = { 0 }, coming = { 0 }, old = { 0 }, record = { 0 };
    for (struct span rest = span_of(there); rest.len; ) {
        uint64_t n;
        CHECK(span_to_uint(span_cut(&rest, ' '), 9, &n));
        buf_clear(&record);
        msg_encode_MEMBER(&record, &(struct msg_MEMBER){ .role = ROLE_ROUTER, .number = (uint16_t)n, .epoch = 100 + n, .state = MEMBER_READY });
        msg_add_str(&members, buf_span(&record));
    }
    add_numbers(&coming, owners), add_numbers(&old, before);
    enum view_change change;
    EQUAL(view_take(w.view, &(struct msg_ROSTER){ .view = number, .phase = (uint8_t)phase, .owners = buf_span(&coming), .before = buf_span(&old),
                                                  .members = buf_span(&members) }, &change), OK);
    buf_fini(&members), buf_fini(&coming), buf_fini(&old), buf_fini(&record);
    if (phase == ROSTER_HOLD) owner_hand_over(w.owner, &w.effects);
    else owner_activate(w.owner, &w.effects);
}

static void begin(void)
{
    w.view = view_new();
    w.stats = (struct router_stats){ 0 };
    w.owner = owner_new(&(struct owner_options){ .number = ME, .epoch = 100, .history = { 64 << 20, 1000, 1000000 }, .max_rooms = 10,
                                                 .max_addresses = 10, .answer_ms = 1000, .view = w.view, .stats = &w.stats });
    roster(100, ROSTER_ACTIVE, "0 1 2", "0 1 2", "");
}

static void end(void)
{
    owner_destroy(&w.owner);
    view_destroy(&w.view);
    effects_fini(&w.effects);
}

/* The nth room that DEAD owns among the three, with this standby. */
static void room_of(char room[16], uint16_t standby, unsigned nth)
{
    for (unsigned i = 0; ; i++) {
        struct buf key = { 0 };
        uint16_t pair[2];
        snprintf(room, 16, "room:%u", i);
        address_key(&key, SPAN("/"), span_of(room));
        rank_pick((const uint16_t[]){ 0, 1, 2 }, 3, rank_hash(buf_span(&key)), &pair[0], &pair[1]);
        buf_fini(&key);
        if (pair[0] == DEAD && pair[1] == standby && nth-- == 0) return;
    }
}

static void body_of(struct buf *body, const char *room, size_t bytes)
{
    struct buf to = { 0 }, args = { 0 };
    msg_add_str(&to, span_of(room));
    memset(buf_room(&args, bytes), 'x', bytes);
    buf_grew(&args, bytes);
    msg_encode_BODY(body, &(struct msg_BODY){ .nsp = SPAN("/"), .to = buf_span(&to), .args = buf_span(&args) });
    buf_fini(&to), buf_fini(&args);
}

/* What DEAD has sequenced, as it comes from who holds it. */
static void held(uint16_t holder, const char *room, uint64_t number, size_t bytes)
{
    struct buf body = { 0 }, record = { 0 }, list = { 0 };
    body_of(&body, room, bytes);
    msg_encode_STAMPED(&record, &(struct msg_STAMPED){ .router = DEAD, .epoch = 102, .seq = number, .origin = SPAN("gateway-0"), .origin_epoch = 7,
                                                       .origin_number = number, .time = 1, .body = buf_span(&body) });
    msg_add_str(&list, buf_span(&record));
    EQUAL(owner_on_copies(w.owner, holder, buf_span(&list)), OK);
    buf_fini(&body), buf_fini(&record), buf_fini(&list);
}

static void sent_again(const char *room, uint64_t number)
{
    struct buf body = { 0 };
    struct from from = { ROLE_GATEWAY, 0, SPAN("gateway-0"), 7, number };
    body_of(&body, room, 8);
    EQUAL(owner_on_emit(w.owner, &from, &(struct msg_EMIT){ .number = number, .origin = SPAN("gateway-0"), .origin_epoch = 7, .body = buf_span(&body),
                                                            .again = DEAD + 1, .again_epoch = 102 }, (struct router_time){ 1, 1 }, &w.effects), OK);
    buf_fini(&body);
}

/* The dead one's copies for another standby say nothing of those for us, which died with it. */
TEST(owner_takes_again_what_only_another_standby_had_more_of)
{
    char mine[16], others[16];
    begin();
    room_of(mine, ME, 0), room_of(others, OTHER, 0);
    held(ME, mine, 4, 8);
    roster(200, ROSTER_HOLD, "0 1", "0 1", "0 1 2");
    held(OTHER, others, 6, 8);          /* handed over: we are its standby now */
    roster(200, ROSTER_ACTIVE, "0 1", "0 1", "0 1 2");
    sent_again(mine, 4);
    EQUAL(owner_seq(w.owner), 0);
    EQUAL(w.stats.emits_duplicate, 1);
    sent_again(mine, 5);                /* it never came */
    EQUAL(owner_seq(w.owner), 1);
    EQUAL(w.stats.emits_duplicate, 1);
    end();
}

/* A gateway to which a client comes back asks for what was delivered until then: what waits is not among it. */
TEST(owner_gives_what_waits_for_its_standby_to_who_comes_meanwhile)
{
    char room[16];
    struct buf key = { 0 }, keys = { 0 }, body = { 0 };
    struct from sender = { ROLE_GATEWAY, 0, SPAN("gateway-0"), 7, 1 }, comer = { ROLE_GATEWAY, 1, SPAN("gateway-1"), 8, 1 };
    uint16_t pair[2] = { DEAD, DEAD };
    begin();
    for (unsigned i = 0; pair[0] != ME || pair[1] != OTHER; i++) {
        snprintf(room, sizeof room, "room:%u", i);
        buf_clear(&key);
        address_key(&key, SPAN("/"), span_of(room));
        rank_pick((const uint16_t[]){ 0, 1, 2 }, 3, rank_hash(buf_span(&key)), &pair[0], &pair[1]);
    }
    body_of(&body, room, 8);
    EQUAL(owner_on_emit(w.owner, &sender, &(struct msg_EMIT){ .number = 1, .body = buf_span(&body) }, (struct router_time){ 1, 1 }, &w.effects), OK);
    EQUAL(w.effects.count, 1);
    EQUAL(w.effects.at[0].type, MSG_COPY);
    msg_add_str(&keys, buf_span(&key));
    EQUAL(owner_on_interest(w.owner, &comer, &(struct msg_INTEREST){ .on = 1, .rooms = buf_span(&keys), .view = 100 }), OK);
    owner_on_sent(w.owner, OTHER, w.effects.at[0].ticket, 1);
    owner_on_received(w.owner, OTHER, 1, &w.effects);
    EQUAL(w.effects.count, 2);
    EQUAL(w.effects.at[1].type, MSG_DELIVER);
    EQUAL(w.effects.at[1].number, 1);
    buf_fini(&key), buf_fini(&keys), buf_fini(&body);
    end();
}

TEST(owner_hands_over_in_messages_that_fit_a_frame)
{
    char room[16];
    size_t hands = 0;
    begin();
    room_of(room, ME, 0);
    for (uint64_t i = 1; i <= 20; i++) held(ME, room, i, 600000);
    roster(200, ROSTER_HOLD, "0 1", "0 1", "0 1 2");
    for (size_t i = 0; i < w.effects.count; i++) {
        if (w.effects.at[i].type != MSG_HAND) continue;
        hands++;
        CHECK(w.effects.at[i].message->len < 2 << 20);
    }
    EQUAL(hands, 10);
    end();
}
