/* The core as a whole: messages, views and time in; what goes to whom out, as lines of text. */
#include "presence_world.h"

#include "json.h"
#include "node_flow.h"
#include "user.h"

#include <stdio.h>

/* ---- announcements */

#define ON(router, n, id)  "emit router-" router " #" n " / * [\"user-online\",{\"userId\":" id ",\"name\":\"ann\"}]\n"
#define OFF(router, n, id) "emit router-" router " #" n " / * [\"user-offline\",{\"userId\":" id ",\"name\":\"ann\"}]\n"

TEST(presence_announces_the_first_and_the_last_socket)
{
    begin();
    up("42", "a");
    HEARD("gateway-0 #1 in first 1\n" ON("0", "1", "42"));
    up_at(1, 11, session("42", "b"));
    HEARD("gateway-1 #1 in 2\n");
    down_at(0, 10, "42", "a");
    HEARD("");
    down_at(1, 11, "42", "b");
    HEARD(OFF("0", "2", "42"));
    struct msg_SESSION_UP chat = session("\"ann\"", "c");
    chat.nsp = SPAN("/chat"), chat.realm = SPAN("staff"), chat.ref = 0;
    up_at(0, 10, chat);
    HEARD("emit router-0 #3 /chat user:staff/boss volatile [\"in\"]\n");
    EQUAL(stats.sessions_up, 3);
    EQUAL(stats.sessions_down, 2);
    end();
}

/* Each namespace of a pattern has its own firsts and lasts; with its last socket it is forgotten. */
TEST(presence_keeps_namespaces_of_patterns_apart)
{
    begin();
    presence_measure(core);
    EQUAL(stats.namespaces_known, 3);
    for (unsigned round = 0; round < 2; round++) {
        struct msg_SESSION_UP m = session("42", "a");
        m.ref = 0, m.nsp = SPAN("/acme/game-7");
        up_at(0, 10, m);
        m.nsp = SPAN("/acme/game-8");
        up_at(0, 10, m);
        m.sid = SPAN("b");
        up_at(1, 11, m);
        struct span said_up = heard(1);
        CHECK(memmem(said_up.ptr, said_up.len, " /acme/game-7 * [\"here\",\"acme\",\"7\"]\n", 36) && memmem(said_up.ptr, said_up.len, " /acme/game-8 * [\"here\",\"acme\",\"8\"]\n", 36));
        presence_measure(core);
        EQUAL(stats.namespaces_known, 5);
        down_in(0, 10, "/acme/game-7", "42", "a"), down_in(0, 10, "/acme/game-8", "42", "a");
        struct span said_down = heard(1);
        CHECK(memmem(said_down.ptr, said_down.len, "[\"gone\",\"/acme/game-7\"]", 23) && !memmem(said_down.ptr, said_down.len, "game-8", 6));
        down_in(1, 11, "/acme/game-8", "42", "b");
        CHECK(memmem(heard(1).ptr, said.len, "[\"gone\",\"/acme/game-8\"]", 23));
        presence_measure(core);
        EQUAL(stats.namespaces_known, 3);
    }
    end();
}

/* Told again for another user: the socket moves within its namespace, which was about to go with it. */
TEST(presence_moves_the_last_socket_of_a_namespace)
{
    begin();
    struct msg_SESSION_UP m = session("42", "a");
    m.ref = 0, m.nsp = SPAN("/acme/game-7");
    up_at(0, 10, m);
    m.user = SPAN("43");
    up_at(0, 10, m);
    down_in(0, 10, "/acme/game-7", "43", "a");
    presence_measure(core);
    EQUAL(stats.namespaces_known, 3);
    end();
}

TEST(presence_knows_a_socket_that_is_told_twice)
{
    begin();
    up("42", "a"), up("42", "a");
    HEARD("gateway-0 #1 in first 1\n" ON("0", "1", "42") "gateway-0 #1 in first 1\n");
    up_at(1, 11, session("42", "a"));               /* it has moved to another gateway */
    HEARD("gateway-1 #1 in first 1\n");
    down_at(0, 10, "42", "a");                      /* which the first one does not know */
    HEARD("");
    EQUAL(stats.sessions_unknown, 1);
    down_at(1, 11, "42", "a");
    HEARD(OFF("0", "2", "42"));
    down_at(1, 11, "42", "a");
    EQUAL(stats.sessions_unknown, 2);
    end();
}

TEST(presence_sends_again_what_a_dead_router_had)
{
    begin_at(0, "router-0 router-1 gateway-0:10 presence-0");
    synced(0, 10);
    up("1", "a"), up("2", "b");
    struct span all = heard(5);
    bool first = span_has_prefix(span_skip(all, sizeof "gateway-0 #1 in first 1\n" - 1), SPAN("emit router-0"));
    EQUAL(stats.announcements_out, 2);
    presence_on_confirm(core, first ? 1 : 0, 99);      /* of the other one: means nothing here */
    presence_measure(core);
    EQUAL(stats.announcements_open, 2);
    see(first ? "router-1:3 gateway-0:10 presence-0" : "router-0:3 gateway-0:10 presence-0");
    const char *want = first ? "emit router-1 #1 / * again 0:1 [\"user-online\",{\"userId\":1,\"name\":\"ann\"}]\n"
                               "emit router-1 #2 / * again 0:1 [\"user-online\",{\"userId\":2,\"name\":\"ann\"}]\n"
                             : "emit router-0 #1 / * again 1:1 [\"user-online\",{\"userId\":1,\"name\":\"ann\"}]\n"
                               "emit router-0 #2 / * again 1:1 [\"user-online\",{\"userId\":2,\"name\":\"ann\"}]\n";
    HEARD(want);
    presence_on_confirm(core, first ? 1 : 0, 1);
    presence_measure(core);
    EQUAL(stats.announcements_open, 0);
    EQUAL(stats.announcements_again, 2);

    up("3", "c");
    (void)heard(7);
    presence_on_lost(core, ROLE_ROUTER, first ? 1 : 0, 50, now);       /* reborn */
    CHECK(heard(1).len > 0);
    see("gateway-0:10 presence-0");                                 /* nobody there: it waits */
    up("4", "d");
    HEARD("gateway-0 #1 in first 1\n");
    see("router-0 gateway-0:10 presence-0");
    SAME(span_head(heard(0), 13), "emit router-0");                 /* no such peer yet: it waits again */
    see("router-0 gateway-0:10 presence-0 auth-0");
    SAME(span_head(heard(1), 13), "emit router-0");
    presence_on_confirm(core, 0, 1);
    CHECK(presence_quiet(core));
    end();
}

/* ---- limits */

TEST(presence_counts_limits_over_all_gateways)
{
    begin();
    struct msg_SESSION_UP m = session("42", "");
    char sid[] = "s0";
    m.limit = 3;
    for (unsigned i = 0; i < 4; i++) {
        sid[1] = (char)('0' + i), m.sid = span_of(sid), m.ref = i + 1;
        up_at((uint16_t)(i & 1), i & 1 ? 11 : 10, m);
    }
    HEARD("gateway-0 #1 in first 1\n" ON("0", "1", "42") "gateway-1 #2 in 2\ngateway-0 #3 in 3\ngateway-1 #4 out 3\n");
    EQUAL(stats.admitted_refused, 1);
    down_at(0, 10, "42", "s0");
    m.sid = SPAN("s5");
    up_at(1, 11, m);
    HEARD("gateway-1 #4 in 3\n");
    m.sid = SPAN("s6"), m.nsp = SPAN("/chat");      /* another namespace has its own */
    up_at(1, 11, m);
    m.sid = SPAN("s7"), m.nsp = SPAN("/"), m.known = 1, m.ref = 0;
    up_at(1, 11, m);                                /* what is already there is not refused */
    presence_on_lost(core, ROLE_GATEWAY, 1, 99, now);  /* reborn: its sockets are dead for certain */
    (void)heard(1);
    m.sid = SPAN("s8"), m.known = 0, m.ref = 8;
    up_at(0, 10, m);
    HEARD("gateway-0 #8 in 4\n");
    presence_measure(core);
    EQUAL(stats.sessions_lapsed, 1);
    end();
}

TEST(presence_holds_a_limit_until_it_can_count)
{
    begin_at(0, "router-0 gateway-0:10 gateway-1:11 presence-0");
    struct msg_SESSION_UP m = session("42", "new"), other = session("7", "x");
    m.limit = 1, m.ref = 2;
    up_at(0, 10, m);
    up_at(0, 10, other);
    down_at(0, 10, "8", "nobody");
    HEARD("gateway-0 #1 in first 1\n");             /* who has no limit goes ahead; online waits */
    presence_measure(core);
    EQUAL(stats.sessions_held, 2);
    m = session("42", "old"), m.known = 1, m.ref = 0;
    up_at(1, 11, m);
    synced(0, 10);
    HEARD("");
    synced(1, 11);
    struct span all = heard(1);
    CHECK(span_same(all, SPAN(ON("0", "1", "7") "gateway-0 #2 out 1\n")));
    end();
}

/* ---- leases */

TEST(presence_ends_a_lease_in_one_step)
{
    begin();
    up("1", "a"), up("2", "b"), up_at(1, 11, session("2", "c"));
    (void)heard(1);
    see("router-0 gateway-1:11 presence-0");
    later(WORLD_LEASE_MS - 1);
    HEARD("");
    presence_measure(core);
    EQUAL(stats.leases_lapsing, 1);
    later(1);
    HEARD(OFF("0", "3", "1"));                      /* 2 has another one */
    EQUAL(stats.sessions_lapsed, 2);
    presence_measure(core);
    EQUAL(stats.sessions_open, 1);
    EQUAL(stats.leases_lapsing, 0);
    see("router-0 presence-0");
    later(WORLD_LEASE_MS / 2);
    see("router-0 gateway-1:11 presence-0");        /* only silent for a while */
    later(WORLD_LEASE_MS);
    HEARD("");
    end();
}

TEST(presence_doubts_what_was_said_while_the_link_was_cut)
{
    begin();
    up("1", "a"), up("2", "b");
    (void)heard(1);
    presence_on_lost(core, ROLE_GATEWAY, 0, 0, now);   /* the roster dropped it; it has the same life still */
    synced(0, 10);
    HEARD("");                                      /* it has not noticed: that proves nothing */
    struct msg_SESSION_UP m = session("1", "a");
    m.known = 1, m.ref = 0;
    up_at(0, 10, m);
    synced(0, 10);
    HEARD(OFF("0", "3", "2"));
    presence_on_lost(core, ROLE_GATEWAY, 0, 10, now);  /* its end of the link was made anew */
    up_at(0, 10, m), synced(0, 10);
    HEARD("");
    presence_measure(core);
    EQUAL(stats.sessions_open, 1);
    end();
}

TEST(presence_does_not_flap_when_a_gateways_clients_come_back_elsewhere)
{
    begin();
    up("1", "a");
    (void)heard(1);
    see("router-0 gateway-1:11 presence-0");
    later(1000);
    up_at(1, 11, session("1", "b"));
    later(WORLD_LEASE_MS);
    HEARD("gateway-1 #1 in 2\n");
    end();
}

/* ---- who has told what */

TEST(presence_waits_for_every_gateway)
{
    static const struct row { const char *name, *does, *want; } rows[] = {
        { "came anew",                         "u",    ON("0", "1", "42") },
        { "was there all the time",            "k",    "" },
        { "came anew, was there elsewhere",    "uk",   "" },
        { "was there, left",                   "kd",   OFF("0", "1", "42") },
        { "was there, left, still elsewhere",  "kdK",  "" },
        { "was there, left, came again",       "kdu",  "" },
        { "came and went",                     "ud",   "" },
        { "came, went, was there elsewhere",   "udK",  "" },
    };
    const struct row *r;
    EACH(r, rows) {
        begin_at(0, "router-0 gateway-0:10 gateway-1:11 presence-0");
        for (const char *d = r->does; *d; d++) {
            struct msg_SESSION_UP m = session("42", *d == 'K' ? "other" : *d == 'k' && r->does[0] == 'u' ? "third" : "a");
            m.ref = 0, m.known = *d == 'k' || *d == 'K';
            if (*d == 'd') down_at(0, 10, "42", "a");
            else up_at(*d == 'K', *d == 'K' ? 11 : 10, m);
        }
        synced(0, 10);
        HEARD("");
        synced(1, 11);
        SAME(heard(1), r->want);
        end();
    }
}

TEST(presence_waits_no_longer_than_the_grace)
{
    begin_at(0, "router-0 gateway-0:10 gateway-1:11 presence-0");
    struct msg_SESSION_UP m = session("42", "a");
    m.known = 1, m.ref = 0;
    up_at(0, 10, m);
    down_at(0, 10, "42", "a");
    ask("who", "{\"who\":\"\"}");
    ask("health", "{\"health\":true}");
    HEARD("OK {\"daemons\":[{\"id\":\"presence-0\",\"role\":\"presence\",\"status\":\"degraded\",\"why\":[\"waits for gateways to tell their sockets: gateway-1 gateway-0\"]}]}\n");
    later(1000);
    HEARD("ERR_AGAIN {\"users\":[]}\n");            /* in part, and said so */
    ask("online", "{\"online\":42}");
    synced(0, 10);
    see("router-0 gateway-0:10 presence-0");        /* the other one is gone: nothing more to wait for */
    SAME(heard(1), OFF("0", "1", "42") "OK {\"users\":[{\"user\":42,\"online\":false,\"sockets\":0,\"lastDisconnect\":1700000000000}]}\n");
    end();

    begin_at(0, "router-0 gateway-0:10 presence-0");
    later(WORLD_LEASE_MS - 1);
    CHECK(!presence_synced(core));
    later(1);
    CHECK(presence_synced(core) && stats.synced_late == 1);
    end();
}

/* ---- users move between presence daemons */

static unsigned owned(uint16_t number, unsigned count, const uint16_t *numbers, size_t n)
{
    unsigned mine = 0;
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        mine += user_owner(span_from(key, (size_t)snprintf(key, sizeof key, "/%u", i)), numbers, n) == number;
    }
    return mine;
}

TEST(presence_lets_go_of_users_in_silence_and_takes_them_back)
{
    begin();
    for (unsigned i = 0; i < 100; i++) {
        char id[8], sid[8];
        snprintf(id, sizeof id, "%u", i), snprintf(sid, sizeof sid, "s%u", i);
        up(id, sid);
    }
    (void)heard(1);
    unsigned mine = owned(0, 100, (const uint16_t[]){ 0, 1 }, 2);
    see("router-0 gateway-0:10 gateway-1:11 presence-0 presence-1");
    presence_measure(core);
    EQUAL(stats.users_online, mine);
    EQUAL(stats.sessions_moved, 100 - mine);
    CHECK(presence_synced(core));                      /* it has fewer than before: nothing is missing */
    HEARD("");

    see("router-0 gateway-0:10 gateway-1:11 presence-0");
    CHECK(!presence_synced(core));
    for (unsigned i = 0; i < 100; i++) {
        char id[8], sid[8];
        snprintf(id, sizeof id, "%u", i), snprintf(sid, sizeof sid, "s%u", i);
        struct msg_SESSION_UP m = session(id, sid);
        m.known = 1, m.ref = 0;
        up_at(0, 10, m);
    }
    synced(0, 10), synced(1, 11);
    presence_measure(core);
    EQUAL(stats.users_online, 100);
    HEARD("");
    see("router-0 gateway-0:10 gateway-1:11 presence-1");           /* we drain */
    presence_measure(core);
    EQUAL(stats.users_online, 0);
    EQUAL(stats.leases_live, 2);
    HEARD("");
    end();
}

TEST(presence_lets_go_of_what_a_late_gateway_told)
{
    begin_at(0, "router-0 gateway-0:10 presence-0 presence-1");
    for (unsigned i = 0; i < 50; i++) {
        char id[8], sid[8];
        snprintf(id, sizeof id, "%u", i % 25), snprintf(sid, sizeof sid, "s%u", i);
        struct msg_SESSION_UP m = session(id, sid);
        m.ref = 0, m.known = 1;
        up_at(0, 10, m);
    }
    synced(0, 10);
    presence_measure(core);
    EQUAL(stats.users_online, owned(0, 25, (const uint16_t[]){ 0, 1 }, 2));
    EQUAL(stats.sessions_open, 2 * stats.users_online);
    HEARD("");
    end();
}

/* ---- questions */

TEST(presence_answers)
{
    static const struct row { const char *name, *verb, *json, *want; } rows[] = {
        { "all, in order of the ids' text", "who", "{\"who\":\"\"}",
          "OK {\"users\":[{\"user\":1,\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/\"]},{\"user\":10,\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/chat\"]},"
          "{\"user\":\"2\",\"sockets\":2,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/\",\"/chat\"]},{\"user\":\"bob\",\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/\"]}]}\n" },
        { "a prefix", "who", "{\"who\":\"1\"}",
          "OK {\"users\":[{\"user\":1,\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/\"]},{\"user\":10,\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/chat\"]}]}\n" },
        { "a page, and one more, which says that there is more", "who", "{\"who\":\"\",\"limit\":1,\"after\":\"1\"}", "OK {\"users\":[{\"user\":10,\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/chat\"]},{\"user\":\"2\",\"sockets\":2,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/\",\"/chat\"]}]}\n" },
        { "behind the prefix", "who", "{\"who\":\"1\",\"after\":\"2\"}", "OK {\"users\":[]}\n" },
        { "after what comes before the prefix", "who", "{\"who\":\"bob\",\"after\":\"1\"}", "OK {\"users\":[{\"user\":\"bob\",\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/\"]}]}\n" },
        { "a namespace", "who", "{\"who\":\"\",\"nsp\":\"/chat\",\"limit\":1}", "OK {\"users\":[{\"user\":10,\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/chat\"]},{\"user\":\"2\",\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/\",\"/chat\"]}]}\n" },
        { "all of a namespace, by its realm: and how many they are", "who", "{\"who\":\"\",\"nsp\":\"/chat\",\"realm\":\"staff\"}", "OK {\"users\":[],\"total\":2}\n" },
        { "an unknown namespace", "who", "{\"who\":\"\",\"nsp\":\"/x\"}", "OK {\"users\":[],\"total\":0}\n" },
        { "a realm", "who", "{\"who\":\"\",\"realm\":\"staff\"}", "OK {\"users\":[{\"user\":\"eve\",\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000,\"nsp\":[\"/\"]}]}\n" },
        { "online", "online", "{\"online\":[2,\"bob\",\"nobody\",null]}",
          "OK {\"users\":[{\"user\":2,\"online\":true,\"sockets\":2,\"since\":5,\"lastActivity\":1700000000000},{\"user\":\"bob\",\"online\":true,\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000},{\"user\":\"nobody\",\"online\":false,\"sockets\":0}]}\n" },
        { "online in a namespace", "online", "{\"online\":[2,1],\"nsp\":\"/chat\"}",
          "OK {\"users\":[{\"user\":2,\"online\":true,\"sockets\":1,\"since\":5,\"lastActivity\":1700000000000},{\"user\":1,\"online\":false,\"sockets\":0}]}\n" },
        { "offline", "online", "{\"online\":\"gone\"}", "OK {\"users\":[{\"user\":\"gone\",\"online\":false,\"sockets\":0,\"lastDisconnect\":1700000000000}]}\n" },
        { "health", "health", "{\"health\":true}", "OK {\"daemons\":[{\"id\":\"presence-0\",\"role\":\"presence\",\"status\":\"ok\",\"why\":[]}]}\n" },
        { "another verb", "rooms", "{\"rooms\":\"\"}", "ERR_UNKNOWN {}\n" },
    };
    begin();
    static const struct { const char *user, *nsp, *sid, *realm; } who[] = {
        { "1", "/", "a", "" }, { "10", "/chat", "b", "" }, { "\"2\"", "/", "c", "" }, { "\"2\"", "/chat", "d", "" },
        { "\"bob\"", "/", "e", "" }, { "\"eve\"", "/", "f", "staff" }, { "\"gone\"", "/", "g", "" },
    };
    for (size_t i = 0; i < sizeof who / sizeof who[0]; i++) {
        struct msg_SESSION_UP m = session(who[i].user, who[i].sid);
        m.nsp = span_of(who[i].nsp), m.realm = span_of(who[i].realm);
        up_at(0, 10, m);
    }
    down_at(0, 10, "\"gone\"", "g");
    (void)heard(1);
    const struct row *r;
    EACH(r, rows) {
        ask(r->verb, r->json);
        SAME(heard(1), r->want);
    }
    ask("who", "[]"), ask("who", "{"), ask("who", "");
    EQUAL(stats.refused_bus[ERR_TYPE], 1);
    end();
}

/* ---- what is malformed costs nothing but a counter */

TEST(presence_refuses_what_is_malformed)
{
    static char too_long[USERS_SID_MAX + 2];
    static const struct row { const char *name, *sid, *nsp, *user, *claims, *realm; enum err err; } rows[] = {
        { "no socket", "", "/", "1", "", "", ERR_MISSING },
        { "no namespace", "a", "", "1", "", "", ERR_MISSING },
        { "no user", "a", "/", "", "", "", ERR_TRUNC },
        { "null", "a", "/", "null", "", "", ERR_MISSING },
        { "an object", "a", "/", "{}", "", "", ERR_TYPE },
        { "not JSON", "a", "/", "x", "", "", ERR_SYNTAX },
        { "claims", "a", "/", "1", "{\"a\":", "", ERR_SYNTAX },
        { "claims' type", "a", "/", "1", "[]", "", ERR_SYNTAX },
        { "a realm", "a", "/", "1", "", "a/b", ERR_SYNTAX },
        { "a long id", too_long, "/", "1", "", "", ERR_LIMIT },
    };
    memset(too_long, 'x', USERS_SID_MAX + 1);
    begin();
    const struct row *r;
    EACH(r, rows) {
        uint64_t before = stats.refused_bus[r->err];
        up_at(0, 10, (struct msg_SESSION_UP){ .sid = span_of(r->sid), .nsp = span_of(r->nsp), .user = span_of(r->user), .claims = span_of(r->claims),
                                              .realm = span_of(r->realm) });
        EQUAL(stats.refused_bus[r->err], before + 1);
    }
    HEARD("");
    presence_on_message(core, ROLE_GATEWAY, 0, 10, MSG_SESSION_UP, SPAN("\x01"), now);
    presence_on_message(core, ROLE_AUTH, 0, 10, MSG_SESSION_UP, SPAN(""), now);
    EQUAL(stats.refused_bus[ERR_UNKNOWN], 1);
    presence_measure(core);
    EQUAL(stats.sessions_open, 0);
    end();
}

TEST(presence_gives_all_memory_back)
{
    begin();
    for (unsigned i = 0; i < 500; i++) {
        char id[8], sid[8];
        snprintf(id, sizeof id, "%u", i % 100), snprintf(sid, sizeof sid, "s%u", i);
        up(id, sid);
    }
    CHECK(heard(1).len > 0 && presence_load(core) == 100);
    see("router-0 presence-0");
    later(WORLD_LEASE_MS);
    (void)heard(2);
    presence_measure(core);
    EQUAL(stats.sessions_open, 0);
    EQUAL(stats.users_online, 0);
    EQUAL(stats.users_remembered, 100);
    presence_on_confirm(core, 0, 2);
    CHECK(presence_quiet(core));
    end();
}

/* ---- sockets that may come back */

static char pid[] = "AAAAAAAAAAAAAAAAAAAAAA";

static void save(uint16_t gateway, uint64_t epoch, enum save how)
{
    struct buf b = { 0 };
    msg_encode_SAVE(&b, &(struct msg_SAVE){ .pid = span_of(pid), .sid = SPAN("s"), .nsp = SPAN("/"), .user = SPAN("/1"), .how = (uint8_t)how });
    gateway_says(gateway, epoch, MSG_SAVE, &b);
}

static void save_end(uint16_t gateway, uint64_t epoch, bool away)
{
    struct buf b = { 0 };
    msg_encode_SAVE_END(&b, &(struct msg_SAVE_END){ .pid = span_of(pid), .away = away });
    gateway_says(gateway, epoch, MSG_SAVE_END, &b);
}

/* "ERR_X", and who is told that the socket is somebody else's. */
static struct span resume(uint16_t gateway, uint64_t epoch, const char *user)
{
    struct buf b = { 0 };
    msg_encode_RESUME(&b, &(struct msg_RESUME){ .ref = 4, .pid = span_of(pid), .nsp = SPAN("/"), .user = span_of(user) });
    gateway_says(gateway, epoch, MSG_RESUME, &b);
    struct effects *effects = presence_effects(core);
    buf_clear(&said);
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->at[i];
        struct span rest = blob_span(e->message), fields;
        enum msg_type type;
        enum err err;
        struct msg_RESUMED m;
        CHECK(msg_next(&rest, &type, &fields, &err));
        if (type == MSG_RESUMED && msg_decode_RESUMED(&m, fields) == OK) buf_add_format(&said, "%s to %u", err_name((enum err)m.error), e->number);
        else buf_add_format(&said, "%s to %u, ", msg_name(type), e->number);
    }
    effects_clear(effects);
    return buf_span(&said);
}

TEST(presence_keeps_who_may_come_back_through_its_gateways_death)
{
    begin();
    spaces[0].recovery_ms = 60000;
    save(0, 10, SAVE_NEW);
    SAME(resume(1, 11, "/2"), "ERR_AUTH to 1");
    SAME(resume(1, 11, "/1"), "RESUMED_AWAY to 0, OK to 1");    /* half open there */
    save_end(0, 10, true);                                      /* late, and not its any more */
    SAME(resume(0, 10, "/1"), "ERR_DUPLICATE to 0");
    save(1, 11, SAVE_BACK);
    see("router-0 gateway-0:10 presence-0");                    /* killed */
    later(WORLD_LEASE_MS + 100);
    presence_measure(core);
    EQUAL(stats.recoverable_open, 0);
    EQUAL(stats.recoverable_away, 1);
    CHECK(stats.recoverable_bytes > sizeof pid);
    later(59000);
    SAME(resume(0, 10, "/1"), "OK to 0");
    save_end(0, 10, true);                                      /* cut before it was back */
    later(60100);
    SAME(resume(0, 10, "/1"), "ERR_UNKNOWN to 0");
    save(0, 10, SAVE_NEW);
    save_end(0, 10, false);
    SAME(resume(0, 10, "/1"), "ERR_UNKNOWN to 0");
    presence_measure(core);
    EQUAL(stats.recoverable_expired, 1);
    EQUAL(stats.resumed_total, 2);
    EQUAL(stats.resumed_refused[ERR_AUTH], 1);
    EQUAL(stats.resumed_refused[ERR_DUPLICATE], 1);
    EQUAL(stats.resumed_refused[ERR_UNKNOWN], 2);
    end();
}

TEST(presence_forgets_who_has_been_away_longest)
{
    begin();
    spaces[0].recovery_ms = 60000;
    for (char i = 0; i <= 100; i++) {       /* one more than recovery_count */
        pid[0] = (char)('A' + i / 20), pid[1] = (char)('A' + i % 20);
        save(0, 10, SAVE_NEW);
        save_end(0, 10, true);
    }
    presence_measure(core);
    EQUAL(stats.recoverable_evicted, 1);
    EQUAL(stats.recoverable_away, 100);
    SAME(resume(0, 10, "/1"), "OK to 0");
    pid[0] = 'A', pid[1] = 'A';
    SAME(resume(0, 10, "/1"), "ERR_UNKNOWN to 0");
    end();
}

TEST(presence_lets_go_of_pids_of_others)
{
    begin();
    save(0, 10, SAVE_NEW);
    see("router-0 gateway-0:10 gateway-1:11 presence-0 presence-1 presence-2 presence-3 presence-4 presence-5");
    presence_measure(core);
    uint16_t all[] = { 0, 1, 2, 3, 4, 5 };
    EQUAL(stats.recoverable_open, user_owner(span_of(pid), all, 6) == 0);
    end();
}

/* ---- a reload */

static char fresh_root[] = "/", fresh_room[] = "/new", fresh_realm[] = "";

TEST(presence_goes_on_with_new_rules_and_namespaces)
{
    static struct config_namespace fresh[2];
    struct buf errors = { 0 };
    begin();
    up("42", "a");
    HEARD("gateway-0 #1 in first 1\n" ON("0", "1", "42"));
    presence_measure(core);
    EQUAL(stats.namespaces_known, SPACES - 1);       /* one is a pattern */
    fresh[0] = (struct config_namespace){ .name = fresh_root, .realm = fresh_realm, .offline = node_flow("{to: '*', event: left}") };
    fresh[1] = (struct config_namespace){ .name = fresh_room, .realm = fresh_realm };
    config.namespaces = fresh, config.namespace_count = 2;
    struct generation *g = generation_new(&config, &errors);
    node_destroy(&fresh[0].offline);
    for (int twice = 0; twice < 2; twice++) {
        presence_reload(core, g);
        presence_measure(core);
        EQUAL(stats.namespaces_known, 2);           /* others went, "/new" came */
    }
    down_at(0, 10, "42", "a");
    HEARD("emit router-0 #2 / * [\"left\"]\n");
    end();
    generation_drop(&g);
    buf_fini(&errors);
}

TEST(presence_lets_go_of_a_namespace_with_its_last_user)
{
    struct buf errors = { 0 };
    begin();
    struct msg_SESSION_UP m = session("42", "a");
    m.ref = 0, m.nsp = SPAN("/chat"), m.realm = SPAN("staff");
    up_at(0, 10, m);
    config.namespace_count = 1;
    struct generation *g = generation_new(&config, &errors);
    presence_reload(core, g);
    presence_measure(core);
    EQUAL(stats.namespaces_known, 2);
    struct buf down = { 0 };
    msg_encode_SESSION_DOWN(&down, &(struct msg_SESSION_DOWN){ .sid = SPAN("a"), .nsp = SPAN("/chat"), .realm = SPAN("staff"), .user = SPAN("42") });
    gateway_says(0, 10, MSG_SESSION_DOWN, &down);
    presence_measure(core);
    EQUAL(stats.namespaces_known, 1);
    end();
    generation_drop(&g);
    buf_fini(&errors);
}
