/* The bus and the roster: whom it connects to, whom it forgets. */
#include "world.h"

static void add_member(struct buf *members, struct party *n, enum role role, uint16_t number)
{
    struct buf record = { 0 };
    msg_encode_MEMBER(&record, &(struct msg_MEMBER){ .role = (uint8_t)role, .number = number, .epoch = bus_epoch(n->bus),
        .state = MEMBER_READY, .endpoint = span_of(bus_endpoint(n->bus)), .version = MSG_VERSION });
    msg_add_str(members, buf_span(&record));
    buf_fini(&record);
}

static void publish_roster(uint64_t view, bool with_presence)
{
    struct buf members = { 0 }, owners = { 0 };
    add_member(&members, &w.a, ROLE_ROUTER, 0);
    add_member(&members, &w.b, ROLE_GATEWAY, 0);
    if (with_presence) add_member(&members, &w.c, ROLE_PRESENCE, 0);
    msg_add_str(&owners, SPAN("0"));
    struct msg_ROSTER roster = { .view = view, .phase = ROSTER_ACTIVE, .settled = view - 1,
                                 .owners = buf_span(&owners), .members = buf_span(&members) };
    EQUAL_ERR(bus_take_roster(w.a.bus, &roster), OK);
    bus_say(gateway(&w.a, 0), ROSTER, &roster);
    if (with_presence) bus_say(presence(&w.a, 0), ROSTER, &roster);
    buf_fini(&members), buf_fini(&owners);
}

TEST(bus_connects_to_who_is_in_the_roster_and_forgets_who_is_not)
{
    pair();
    party_open(&w.c, w.svc, w.dir, 0, ROLE_PRESENCE, 0);
    until(up(presence(&w.a, 0)));
    CHECK(!presence(&w.b, 0));
    publish_roster(1, true);
    until(up(presence(&w.b, 0)) && up(gateway(&w.c, 0)));
    EQUAL(w.b.views, 1);
    EQUAL(view_number(bus_view(w.b.bus)), 1);
    EQUAL(view_count(bus_view(w.b.bus)), 3);
    w.b.take = true;
    bus_say(presence(&w.b, 0), SESSION_UP, &(struct msg_SESSION_UP){ .ref = 1 });
    until(w.c.others == 1 && bus_quiet(w.b.bus));
    party_close(&w.c);
    until(w.b.downs == 1);
    bus_say(presence(&w.b, 0), SESSION_UP, &(struct msg_SESSION_UP){ .ref = 2 });
    publish_roster(2, false);
    until(w.b.gones == 1);
    EQUAL(w.b.taken, 1);
    EQUAL(w.b.downs, 1);
    EQUAL(w.a.gones, 1);
    end();
}

TEST(bus_who_was_forgotten_and_lives_is_met_anew)
{
    pair();
    for (uint64_t i = 1; i <= 3; i++) party_say(gateway(&w.a, 0), i, 10), party_say(router(&w.b, 0), i, 10);
    until(w.a.got == 3 && w.b.got == 3 && bus_quiet(w.a.bus) && bus_quiet(w.b.bus));
    bus_forget(w.a.bus, gateway(&w.a, 0));
    EQUAL(w.a.gones, 1);
    w.a.last = w.b.last = 0;
    until(w.a.ups == 2 && w.b.reborns == 1);
    CHECK(peer_epoch(router(&w.b, 0)) == bus_epoch(w.a.bus));
    for (uint64_t i = 1; i <= 3; i++) party_say(gateway(&w.a, 0), i, 10), party_say(router(&w.b, 0), i, 10);
    until(w.a.got == 6 && w.b.got == 6);
    EQUAL(w.a.wrong + w.b.wrong, 0);
    end();
}
