/* Rooms that are told who is there, in differences. In the world: "/chat", rooms x and g*, each second, at most 2 in a list. */
#include "presence_world.h"

#include <stdio.h>

static void in(uint16_t gateway, uint64_t epoch, const char *room, const char *who, const char *sid, bool known)
{
    struct buf b = { 0 }, key = { 0 }, user = { 0 }, address = { 0 };
    address_encode(&address, ADDRESS_ROOM, span_of(room));
    address_key(&key, SPAN("/chat"), buf_span(&address));
    if (*who) buf_add_format(&user, "staff/%s", who);
    msg_encode_ROOM_IN(&b, &(struct msg_ROOM_IN){ .key = buf_span(&key), .sid = span_of(sid), .who = buf_span(&user), .member = *who ? span_of(who) : SPAN("null"), .known = known });
    gateway_says(gateway, epoch, MSG_ROOM_IN, &b);
    buf_fini(&key), buf_fini(&user), buf_fini(&address);
}

static void out(uint16_t gateway, uint64_t epoch, const char *room, const char *sid)
{
    struct buf b = { 0 }, key = { 0 }, address = { 0 };
    address_encode(&address, ADDRESS_ROOM, span_of(room));
    address_key(&key, SPAN("/chat"), buf_span(&address));
    msg_encode_ROOM_OUT(&b, &(struct msg_ROOM_OUT){ .key = buf_span(&key), .sid = span_of(sid) });
    gateway_says(gateway, epoch, MSG_ROOM_OUT, &b);
    buf_fini(&key), buf_fini(&address);
}

static void next(void) { later(1010); }

TEST(rolls_tell_a_room_what_has_changed)
{
    begin();
    in(0, 10, "x", "1", "a", false), in(1, 11, "x", "1", "b", false), in(0, 10, "other", "1", "a", false);
    later(500);
    HEARD("");
    in(0, 10, "x", "2", "c", false);
    later(510);
    HEARD("emit router-0 #1 /chat room:x not socket:a not socket:b not socket:c [\"diff\",\"x\",[2,1],[],2,0]\n"
          "emit router-0 #2 /chat socket:a socket:b socket:c [\"all\",[2,1],2,0]\n");
    out(0, 10, "x", "a");                           /* one of his two */
    next();
    HEARD("");
    out(0, 10, "x", "c"), in(1, 11, "x", "2", "d", false), out(1, 11, "x", "b"), out(0, 10, "x", "unknown");
    next();
    HEARD("emit router-0 #3 /chat room:x not socket:d [\"diff\",\"x\",[],[1],1,0]\n"
          "emit router-0 #4 /chat socket:d [\"all\",[2],1,0]\n");
    presence_measure(core);
    EQUAL(stats.rooms_open, 1);
    EQUAL(stats.rooms_sockets, 1);
    out(1, 11, "x", "d");
    next();
    HEARD("");                                      /* nobody is there to hear it */
    presence_measure(core);
    EQUAL(stats.rooms_open, 0);
    in(0, 10, "x", "1", "a", false), out(0, 10, "x", "a");
    next();
    HEARD("");
    end();
}

TEST(rolls_cut_their_lists)
{
    begin();
    char sid[8], id[8];
    for (unsigned i = 0; i < 5; i++) {
        snprintf(sid, sizeof sid, "s%u", i), snprintf(id, sizeof id, "%u", i);
        in(0, 10, "game", i ? id : "", sid, false);
    }
    next();
    struct span said_now = heard(1);
    CHECK(memmem(said_now.ptr, said_now.len, "[\"diff\",\"game\",[4,3],[],5,3]", 28));     /* more than can be named as exceptions: to all */
    CHECK(memmem(said_now.ptr, said_now.len, "room:game [\"diff\"", 17));
    CHECK(memmem(said_now.ptr, said_now.len, "socket:s0 socket:s1 socket:s2 [\"all\",", 36) && memmem(said_now.ptr, said_now.len, "socket:s3 socket:s4 [\"all\",", 27));
    CHECK(memmem(said_now.ptr, said_now.len, ",5,3]\n", 6));
    end();
}

/* A gateway that dies, and one whose link was cut: who is not told again has left. */
TEST(rolls_hang_on_leases)
{
    begin();
    in(0, 10, "x", "1", "a", false), in(1, 11, "x", "2", "b", false), in(1, 11, "x", "3", "c", false);
    next(), (void)heard(1);
    presence_on_lost(core, ROLE_GATEWAY, 1, 11, now);
    in(1, 11, "x", "2", "b", true);
    synced(1, 11);
    next();
    HEARD("emit router-0 #3 /chat room:x [\"diff\",\"x\",[],[3],2,0]\n");
    see("router-0 gateway-0:10 presence-0");
    next();
    HEARD("");
    later(WORLD_LEASE_MS), next();
    HEARD("emit router-0 #4 /chat room:x [\"diff\",\"x\",[],[2],1,0]\n");
    in(0, 10, "x", "4", "d", false), in(0, 10, "x", "5", "d", false);       /* the same socket */
    next(), (void)heard(1);
    see("router-0 gateway-0:10 presence-1");        /* another one's now */
    presence_measure(core);
    EQUAL(stats.rooms_sockets, 0);
    end();
}

/* A presence that has just begun does not know what the room was told: it tells it all. */
TEST(rolls_are_told_whole_after_a_change_of_presences)
{
    begin_at(0, "router-0 gateway-0:10 presence-0");
    in(0, 10, "x", "1", "a", true), in(0, 10, "x", "2", "b", true);
    next();
    HEARD("");                                      /* not all is known yet */
    synced(0, 10);
    next();
    HEARD("emit router-0 #1 /chat room:x [\"all\",[2,1],2,0]\n");
    in(0, 10, "x", "3", "c", true);
    next();
    HEARD("");
    end();
}

TEST(rolls_are_bounded)
{
    begin();
    char sid[8];
    for (unsigned i = 0; i < 12; i++) snprintf(sid, sizeof sid, "s%u", i), in(0, 10, "x", "1", sid, false);
    presence_measure(core);
    EQUAL(stats.rooms_sockets, 10);
    EQUAL(stats.refused_bus[ERR_FULL], 2);
    end();
}
