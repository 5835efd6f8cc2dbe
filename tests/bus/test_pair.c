/* The bus on one loop, over real ipc sockets: pairs, order, confirmations, lives. */
#include "world.h"

TEST(bus_a_pair_meets)
{
    pair();
    EQUAL(w.a.ups, 1);
    EQUAL(w.b.ups, 1);
    EQUAL(w.a.stats.bus_peers_up, 1);
    SAME(span_of(peer_id(gateway(&w.a, 0))), "gateway-0");
    CHECK(peer_epoch(gateway(&w.a, 0)) == bus_epoch(w.b.bus));
    CHECK(peer_epoch(router(&w.b, 0)) == bus_epoch(w.a.bus));
    until(w.a.beats >= 2);
    EQUAL(w.a.reborns + w.b.reborns, 0);
    EQUAL(refused(&w.a) + refused(&w.b), 0);
    end();
}

TEST(bus_a_turn_leaves_in_few_frames_and_is_confirmed)
{
    pair();
    struct peer *to = router(&w.b, 0);
    uint64_t frames = w.b.stats.bus_frames_out;
    for (uint64_t i = 1; i <= 1000; i++) EQUAL(party_say(to, i, 100), i);
    CHECK(bus_queued(to) > 100000);
    until(w.b.confirmed == 1000 && w.a.got == 1000);
    EQUAL(w.a.wrong, 0);
    EQUAL(bus_queued(to), 0);
    CHECK(w.b.stats.bus_frames_out - frames < 20);
    CHECK(bus_quiet(w.b.bus));
    end();
}

TEST(bus_100000_both_ways)
{
    pair();
    w.a.echo = w.b.echo = true;
    uint64_t said = 0, base = 0;
    while (said < 100000) {
        for (int i = 0; i < 500; i++) said++, party_say(router(&w.b, 0), said, 100), party_say(gateway(&w.a, 0), said, 100);
        uv_run(service_loop(w.svc), UV_RUN_NOWAIT);
        base++;
    }
    until(w.a.got == said && w.b.got == said && w.a.answers == said && w.b.answers == said);
    EQUAL(w.a.wrong + w.b.wrong, 0);
    until(bus_quiet(w.a.bus) && bus_quiet(w.b.bus));
    EQUAL(refused(&w.a) + refused(&w.b), 0);
    end();
}

TEST(bus_large_messages_arrive_and_too_large_ones_are_not_sent)
{
    pair();
    for (uint64_t i = 1; i <= 20; i++) party_say(router(&w.b, 0), i, 1 << 20);
    until(w.a.got == 20);
    EQUAL(w.a.wrong, 0);
    struct buf huge = { 0 };
    memset(buf_room(&huge, 17u << 20), 0, 17u << 20);
    buf_grew(&huge, 17u << 20);
    EQUAL(bus_send(router(&w.b, 0), blob_new(buf_span(&huge))), 0);
    EQUAL(w.b.stats.bus_refused[ERR_LIMIT], 1);
    buf_fini(&huge);
    end();
}

TEST(bus_confirms_by_hand_when_asked_to)
{
    pair();
    bus_defer(gateway(&w.a, 0), true);
    for (uint64_t i = 1; i <= 10; i++) party_say(router(&w.b, 0), i, 10);
    until(w.a.got == 10);
    bus_confirm(gateway(&w.a, 0), 7);
    until(w.b.confirmed == 7);
    CHECK(bus_queued(router(&w.b, 0)) > 0);
    CHECK(!bus_quiet(w.b.bus));
    bus_confirm(gateway(&w.a, 0), 10);
    until(w.b.confirmed == 10);
    end();
}

TEST(bus_what_we_tell_ourselves_arrives_at_the_turns_end)
{
    pair();
    for (uint64_t i = 1; i <= 5; i++) EQUAL(party_say(bus_self(w.a.bus), i, 10), i);
    EQUAL(w.a.got, 0);
    until(w.a.got == 5);
    EQUAL(w.a.confirmed, 5);
    bus_publish_stats(w.a.bus, SPAN("counters"), SPAN("{}"));
    bus_publish_stats(w.b.bus, SPAN("counters"), SPAN("{}"));
    until(w.a.others == 2);
    end();
}

/* ZeroMQ closes a socket in a thread of its own: its endpoint is in use a while longer. */
static void reopen_b(void)
{
    w.b = (struct party){ 0 };
    until((party_open(&w.b, w.svc, w.dir, 0, ROLE_GATEWAY, 0), w.b.bus));
}

TEST(bus_bye_is_heard_at_once)
{
    pair();
    party_close(&w.b);
    until_ms(200, w.a.downs == 1);
    EQUAL(w.a.byes, 1);
    EQUAL(w.a.stats.bus_peers_up, 0);
    CHECK(!bus_send_datagram(gateway(&w.a, 0), SPAN("12345")));
    EQUAL(w.a.stats.bus_datagrams_dropped, 1);
    CHECK(party_say(gateway(&w.a, 0), 1, 10) == 1);        /* a reliable one waits */
    end();
}

TEST(bus_a_new_life_gets_what_the_old_one_did_not_confirm)
{
    pair();
    for (uint64_t i = 1; i <= 3; i++) party_say(gateway(&w.a, 0), i, 10);
    until(w.a.confirmed == 3);
    party_close(&w.b);
    until(w.a.downs == 1);
    for (uint64_t i = 1; i <= 4; i++) party_say(gateway(&w.a, 0), i, 10);
    reopen_b();
    until(w.a.reborns == 1 && w.b.got == 4);
    EQUAL(w.b.wrong, 0);
    EQUAL(w.a.taken, 0);
    until(bus_quiet(w.a.bus));
    end();
}

TEST(bus_a_new_life_gets_nothing_that_was_taken_back)
{
    pair();
    w.a.take = true;
    party_close(&w.b);
    until(w.a.downs == 1);
    for (uint64_t i = 1; i <= 4; i++) party_say(gateway(&w.a, 0), i, 10);
    reopen_b();
    until(w.a.reborns == 1);
    EQUAL(w.a.taken, 4);
    party_say(gateway(&w.a, 0), 1, 10);
    until(w.b.got == 1);
    EQUAL(w.b.wrong, 0);
    end();
}
