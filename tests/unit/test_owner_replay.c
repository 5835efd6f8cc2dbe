/* An owner that is asked for what a client missed: its own stream, and its part of those that are over. */
#include "owner.h"
#include "t.h"

#include "address.h"
#include "positions.h"

#include <stdio.h>
#include <stdlib.h>

enum { ME = 0, DEAD = 1, AT = 5000 };

static struct {
    struct view        *view;
    struct owner       *owner;
    struct router_stats stats;
    struct effects      effects;
    struct buf          got, positions;     /* of the newest answer: "router/seq router/seq ..." */
    struct msg_REPLAYED last;
    size_t              answers;
    uint64_t            number;
} w;

static void roster(uint64_t view, enum roster_phase phase, bool two, bool two_before)
{
    struct buf members = { 0 }, owners = { 0 }, before = { 0 }, record = { 0 };
    for (uint16_t n = 0; n < (two ? 2 : 1); n++) {
        buf_clear(&record);
        msg_encode_MEMBER(&record, &(struct msg_MEMBER){ .role = ROLE_ROUTER, .number = n, .epoch = 100u + n, .state = MEMBER_READY });
        msg_add_str(&members, buf_span(&record));
        msg_add_str(&owners, n ? SPAN("1") : SPAN("0"));
    }
    msg_add_str(&before, SPAN("0"));
    if (two_before) msg_add_str(&before, SPAN("1"));
    enum view_change change;
    EQUAL(view_take(w.view, &(struct msg_ROSTER){ .view = view, .phase = (uint8_t)phase, .owners = buf_span(&owners), .before = buf_span(&before),
                                                  .members = buf_span(&members) }, &change), OK);
    buf_fini(&members), buf_fini(&owners), buf_fini(&before), buf_fini(&record);
    if (phase == ROSTER_HOLD) owner_hand_over(w.owner, &w.effects);
    else owner_activate(w.owner, &w.effects);
}

static void begin(bool two)
{
    w.view = view_new();
    w.stats = (struct router_stats){ 0 };
    w.number = 0;
    w.owner = owner_new(&(struct owner_options){ .number = ME, .epoch = 100, .history = { 64 << 20, 5, 60000 }, .max_rooms = 10, .max_addresses = 10,
                                                 .recovery_bytes = 4 << 20, .answer_ms = 1000, .view = w.view, .stats = &w.stats });
    roster(100, ROSTER_ACTIVE, two, false);
}

static void end(void)
{
    owner_destroy(&w.owner);
    view_destroy(&w.view);
    effects_fini(&w.effects);
    buf_fini(&w.got), buf_fini(&w.positions);
}

static void body_of(struct buf *body, const char *to, uint8_t flags, size_t bytes)
{
    struct buf list = { 0 }, args = { 0 };
    for (struct span rest = span_of(to); rest.len; ) msg_add_str(&list, span_cut(&rest, ' '));
    memset(buf_room(&args, bytes), 'x', bytes), buf_grew(&args, bytes);
    msg_encode_BODY(body, &(struct msg_BODY){ .nsp = SPAN("/"), .flags = flags, .to = buf_span(&list), .args = buf_span(&args) });
    buf_fini(&list), buf_fini(&args);
}

static void emit(const char *to, uint8_t flags, size_t bytes)
{
    struct buf body = { 0 };
    body_of(&body, to, flags, bytes);
    struct from from = { ROLE_GATEWAY, 0, SPAN("gateway-0"), 7, ++w.number };
    EQUAL_ERR(owner_on_emit(w.owner, &from, &(struct msg_EMIT){ .number = w.number, .body = buf_span(&body) },
                            (struct router_time){ AT, AT + w.number }, &w.effects), OK);
    buf_fini(&body);
}

/* A copy of what DEAD sequenced. */
static void copied(const char *to, uint64_t seq, uint64_t time)
{
    struct buf body = { 0 }, record = { 0 }, list = { 0 };
    body_of(&body, to, 0, 8);
    msg_encode_STAMPED(&record, &(struct msg_STAMPED){ .router = DEAD, .epoch = 101, .seq = seq, .origin = SPAN("gateway-0"), .origin_epoch = 7,
                                                       .origin_number = seq, .time = time, .body = buf_span(&body) });
    msg_add_str(&list, buf_span(&record));
    EQUAL_ERR(owner_on_copies(w.owner, ME, buf_span(&list)), OK);
    buf_fini(&body), buf_fini(&record), buf_fini(&list);
}

static void look(void)
{
    buf_clear(&w.got), buf_clear(&w.positions);
    w.answers = 0;
    for (size_t i = 0; i < w.effects.count; i++) {
        struct span rest = blob_span(w.effects.at[i].message), fields, one;
        enum msg_type type;
        enum err e;
        struct msg_STAMPED s;
        CHECK(msg_next(&rest, &type, &fields, &e));
        if (type != MSG_REPLAYED) continue;
        w.answers++;
        EQUAL_ERR(msg_decode_REPLAYED(&w.last, fields), OK);
        EQUAL(w.last.ref, 9);
        for (rest = w.last.stamped; msg_next_str(&rest, &one); ) {
            EQUAL_ERR(msg_decode_STAMPED(&s, one), OK);
            buf_add_format(&w.got, "%s%u/%llu", w.got.len ? " " : "", s.router, (unsigned long long)s.seq);
        }
        buf_add(&w.positions, w.last.positions);
    }
    effects_clear(&w.effects);
}

/* 'offset': position in our stream, then in the dead one's; 0 is none. */
static void ask(uint64_t mine, uint64_t dead, const char *rooms, uint64_t view, uint64_t after)
{
    struct buf keys = { 0 }, offset = { 0 }, key = { 0 };
    struct positions p = { 0 };
    if (mine) p.at[ME] = (struct position){ 100, mine };
    if (dead) p.at[DEAD] = (struct position){ 101, dead };
    positions_encode(&offset, &p);
    if (offset.len == 0) buf_add_literal(&offset, "_B.B"), p.at[63] = (struct position){ 0 };
    for (struct span rest = span_of(rooms); rest.len; ) {
        buf_clear(&key);
        address_key(&key, SPAN("/"), span_cut(&rest, ' '));
        msg_add_str(&keys, buf_span(&key));
    }
    effects_clear(&w.effects);
    struct from from = { ROLE_GATEWAY, 3, SPAN("gateway-3"), 8, 0 };
    EQUAL_ERR(owner_on_replay(w.owner, &from, &(struct msg_REPLAY){ .ref = 9, .rooms = buf_span(&keys), .positions = buf_span(&offset),
                                                                     .view = view, .after = after }, &w.effects), OK);
    buf_fini(&keys), buf_fini(&offset), buf_fini(&key);
    look();
}

TEST(owner_replays_a_clients_rooms_since_its_offset)
{
    begin(false);
    emit("room:a", 0, 8), emit("room:b", 0, 8), emit("room:a", BODY_VOLATILE, 8), emit("room:b room:a", 0, 8), emit("room:b", 0, 8), emit("*", 0, 8);
    ask(1, 0, "* room:a", 100, 0);
    SAME(buf_span(&w.got), "0/4 0/6");
    CHECK(w.last.complete && !w.last.more && !w.last.again);
    EQUAL(w.last.head, 6);
    ask(6, 0, "* room:a", 100, 0);
    SAME(buf_span(&w.got), "");
    CHECK(w.last.complete);
    ask(99, 0, "* room:a", 100, 0);         /* an offset from the future is its client's loss */
    SAME(buf_span(&w.got), "");
    ask(1, 0, "* room:a", 100, AT + 5);     /* what was sent before it came is not for it */
    SAME(buf_span(&w.got), "0/6");
    emit("room:c", 0, 8);                   /* the first one falls out of the history */
    ask(1, 0, "room:a", 100, 0);
    CHECK(w.last.complete);
    emit("room:c", 0, 8);
    ask(1, 0, "room:a", 100, 0);
    CHECK(!w.last.complete);
    SAME(buf_span(&w.got), "");
    ask(1, 0, "room:a", 100, AT + 5);       /* what is lost was before its time */
    CHECK(w.last.complete);
    ask(2, 0, "room:a", 100, 0);
    CHECK(w.last.complete);
    EQUAL(w.stats.recoveries_out, 8);
    EQUAL(w.stats.recoveries_short, 1);
    end();
}

TEST(owner_that_has_only_seen_volatile_bodies_has_lost_nothing)
{
    begin(false);
    for (int i = 0; i < 20; i++) emit("room:a", BODY_VOLATILE, 8);
    ask(3, 0, "room:a", 100, 0);
    CHECK(w.last.complete);
    SAME(buf_span(&w.got), "");
    end();
}

TEST(owner_knows_no_stream_of_an_unknown_life)
{
    begin(false);
    emit("room:a", 0, 8);
    ask(1, 5, "room:a", 100, 0);
    CHECK(!w.last.complete);
    ask(0, 0, "room:a", 100, 0);            /* nothing known of any: all that there is */
    CHECK(w.last.complete);
    SAME(buf_span(&w.got), "0/1");
    end();
}

TEST(owner_with_an_older_view_says_again)
{
    begin(false);
    emit("room:a", 0, 8);
    ask(0, 0, "room:a", 200, 0);
    CHECK(w.last.again && !w.last.complete);
    SAME(buf_span(&w.got), "");
    end();
}

TEST(owner_splits_what_is_long_and_refuses_what_is_too_long)
{
    begin(false);
    for (int i = 0; i < 3; i++) emit("room:a", 0, 900000);
    emit("room:b", 0, 900000);
    ask(1, 0, "room:a", 100, 0);
    EQUAL(w.answers, 2);
    SAME(buf_span(&w.got), "0/2 0/3");
    CHECK(w.last.complete && !w.last.more);
    emit("room:a", 0, 3000000);
    ask(1, 0, "room:a", 100, 0);
    EQUAL(w.answers, 1);
    CHECK(!w.last.complete);
    end();
}

/* Its standby answers for it once the view has gone on without it, and says where it ended. */
TEST(owner_answers_for_the_stream_of_a_router_that_is_gone)
{
    begin(true);
    copied("room:x", 3, AT + 900), copied("room:y", 4, AT + 901), copied("room:x", 5, AT + 902);
    ask(0, 3, "room:x room:y", 100, 0);     /* it is there: it is asked itself */
    SAME(buf_span(&w.got), "");
    roster(200, ROSTER_HOLD, false, true);
    roster(200, ROSTER_ACTIVE, false, true);
    emit("room:x", 0, 8);
    ask(0, 3, "room:x room:y", 200, 0);
    SAME(buf_span(&w.got), "1/4 1/5 0/1");
    CHECK(w.last.complete);
    SAME(buf_span(&w.positions), "BBl.F");
    ask(0, 5, "room:x", 200, 0);
    SAME(buf_span(&w.got), "0/1");
    ask(0, 3, "room:x", 200, AT + 903);     /* what followed is stamped later, though our clock is behind */
    SAME(buf_span(&w.got), "0/1");
    end();
}

TEST(past_is_bounded_and_handed_on)
{
    struct past a = { 0 }, b = { 0 };
    struct buf strs = { 0 };
    for (uint64_t i = 1; i <= PAST_MAX + 10; i++) past_need(&a, (uint16_t)(i % 3), i)->dropped = i;
    EQUAL(a.count, PAST_MAX);
    CHECK(!past_find(&a, 10 % 3, 10));
    CHECK(past_find(&a, 11 % 3, 11));
    past_need(&b, 11 % 3, 11)->dropped = 500;
    past_give(&a, &strs);
    msg_add_str(&strs, SPAN("1 2 3")), msg_add_str(&strs, SPAN("x")), msg_add_str(&strs, SPAN("1 0 0 0 0"));
    past_take(&b, buf_span(&strs));
    EQUAL(b.count, PAST_MAX);
    EQUAL(past_find(&b, 11 % 3, 11)->dropped, 500);
    EQUAL(past_find(&b, 12 % 3, 12)->dropped, 12);
    past_fini(&a), past_fini(&b), buf_fini(&strs);
}
