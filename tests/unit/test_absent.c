/* A user whose last socket has gone is online still, for the namespace's grace time. */
#include "presence_world.h"

#include <stdio.h>

#define ON  "emit router-0 #1 / * [\"user-online\",{\"userId\":42,\"name\":\"ann\"}]\n"
#define OFF(n) "emit router-0 #" n " / * [\"user-offline\",{\"userId\":42,\"name\":\"ann\"}]\n"

static void come_and_go(void)
{
    spaces[0].grace_ms = 500;
    up("42", "a");
    HEARD("gateway-0 #1 in first 1\n" ON);
    down_at(0, 10, "42", "a");
    HEARD("");
    presence_measure(core);
    EQUAL(stats.users_away, 1);
}

static void fini(void)
{
    presence_measure(core);
    EQUAL(stats.users_away, 0);
    spaces[0].grace_ms = 0;
    end();
}

TEST(absent_users_that_come_back_were_never_away)
{
    begin();
    come_and_go();
    ask("online", "{\"online\":[42]}");
    HEARD("OK {\"users\":[{\"user\":42,\"online\":true,\"sockets\":0,\"since\":5,\"lastActivity\":1700000000000}]}\n");
    later(499);
    up_at(1, 11, session("42", "b"));
    HEARD("gateway-1 #1 in first 1\n");
    later(1000);
    HEARD("");
    down_at(1, 11, "42", "b");
    later(499);
    HEARD("");
    later(11);
    HEARD(OFF("2"));
    ask("online", "{\"online\":[42]}");
    HEARD("OK {\"users\":[{\"user\":42,\"online\":false,\"sockets\":0,\"lastDisconnect\":1700000001499}]}\n");
    fini();
}

/* Another presence goes on with him: this one says nothing, that one finds him in Redis. */
TEST(absent_users_of_others_are_let_go)
{
    begin();
    come_and_go();
    see("router-0 gateway-0:10 gateway-1:11 presence-1");
    later(1000);
    HEARD("");
    fini();
}

/* His record makes room for another user's: it is over then. */
TEST(absent_users_that_are_forgotten_are_gone)
{
    begin();
    come_and_go();
    char id[8], sid[8];
    for (unsigned i = 1000; i < 2000; i++) {
        snprintf(id, sizeof id, "%u", i), snprintf(sid, sizeof sid, "s%u", i);
        struct msg_SESSION_UP m = session(id, sid);
        m.ref = 0, m.known = 1;
        up_at(0, 10, m);
    }
    HEARD(OFF("2"));
    fini();
}

/* The gateways have not all told theirs yet: he may be on another one. */
TEST(absent_users_wait_for_the_sync_too)
{
    begin_at(0, "router-0 gateway-0:10 gateway-1:11 presence-0");
    spaces[0].grace_ms = 500;
    struct msg_SESSION_UP m = session("42", "a");
    m.ref = 0, m.known = 1;
    up_at(0, 10, m);
    down_at(0, 10, "42", "a");
    later(600);
    HEARD("");
    m.sid = SPAN("b");
    up_at(1, 11, m);
    synced(0, 10), synced(1, 11);
    HEARD("");
    down_at(1, 11, "42", "b");
    later(511);
    HEARD(OFF("1"));
    fini();
}

TEST(presence_notes_activity)
{
    begin();
    up("42", "a");
    (void)heard(1);
    static const struct row { const char *name; uint64_t time; const char *user, *active; } rows[] = {
        { "later", 1700000000500, "/42", "1700000000500" },
        { "older is none", 1700000000300, "/42", "1700000000500" },
        { "of tomorrow: another clock", 1800000000000, "/42", "1700000001000" },
        { "of somebody else", 1700000000900, "/43", "1700000001000" },
    };
    later(1000);
    const struct row *r;
    EACH(r, rows) {
        struct buf one = { 0 }, users = { 0 }, b = { 0 };
        msg_encode_ACTIVITY(&one, &(struct msg_ACTIVITY){ .time = r->time, .user = span_of(r->user) });
        msg_add_str(&users, buf_span(&one));
        msg_encode_ACTIVE(&b, &(struct msg_ACTIVE){ .users = buf_span(&users) });
        gateway_says(0, 10, MSG_ACTIVE, &b);
        ask("online", "{\"online\":42}");
        struct span told = heard(1);
        if (!memmem(told.ptr, told.len, r->active, strlen(r->active))) FAIL("%.*s", (int)told.len, told.ptr);
        buf_fini(&one), buf_fini(&users);
    }
    EQUAL(stats.activities_in, 2);
    end();
}
