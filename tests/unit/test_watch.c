/* Who follows whom: the table, the verb, gateways' rules, and whom it is announced to. */
#include "presence_world.h"
#include "watch.h"

/* ---- the table */

static struct watch_user user(const char *key) { return (struct watch_user){ span_of(key), false }; }

TEST(watches_are_found_from_both_ends)
{
    struct watches w;
    watches_init(&w, &(struct siphash_key){ 1, 2 }, 4, 3);
    EQUAL_ERR(watches_add(&w, user("/a"), user("/b")), OK);
    EQUAL_ERR(watches_add(&w, user("/a"), user("/b")), ERR_DUPLICATE);
    EQUAL_ERR(watches_add(&w, user("/a"), user("/a")), OK);          /* himself, too */
    EQUAL_ERR(watches_add(&w, user("/c"), user("/b")), OK);
    EQUAL(watches_find(&w, SPAN("/b"))->count[TIE_FOLLOWED], 2);
    EQUAL(watches_find(&w, SPAN("/a"))->count[TIE_FOLLOWER], 2);
    CHECK(watches_tie(&w, SPAN("/c"), SPAN("/b")) && !watches_tie(&w, SPAN("/b"), SPAN("/c")));
    EQUAL_ERR(watches_add(&w, user("/a"), user("/d")), OK);
    EQUAL_ERR(watches_add(&w, user("/a"), user("/e")), ERR_LIMIT);
    EQUAL_ERR(watches_add(&w, user("/x"), user("/e")), ERR_FULL);
    CHECK(!watches_find(&w, SPAN("/e")) && !watches_find(&w, SPAN("/x")));
    watches_due_all(&w);
    CHECK(watches_drop(&w, SPAN("/a"), SPAN("/a")) && !watches_drop(&w, SPAN("/a"), SPAN("/a")));
    unsigned due = 0;
    while (watches_take_due(&w)) due++;
    EQUAL(due, 3);
    CHECK(watches_drop(&w, SPAN("/c"), SPAN("/b")) && !watches_find(&w, SPAN("/c")));
    watches_fini(&w);
    EQUAL(w.bytes, 0);
}

/* ---- announced to those who follow */

static void come(const char *who, const char *sid)
{
    struct msg_SESSION_UP m = session(who, sid);
    m.ref = 0, m.nsp = SPAN("/friends");
    up_at(0, 10, m);
}

static void go(const char *who, const char *sid) { down_in(0, 10, "/friends", who, sid); }

TEST(watchers_that_are_online_are_told)
{
    begin();
    watch(1, "\"ann\"", "", "[7,\"bob\"]", false), watch(2, "\"eve\"", "", "7", false);
    HEARD("gateway-0 #1 OK []\ngateway-0 #2 OK []\n");
    come("7", "s7");
    HEARD("");                                      /* none of them is there */
    come("\"ann\"", "sa");
    HEARD("");
    watch(3, "\"ann\"", "", "", true);
    HEARD("gateway-0 #3 OK [7]\n");
    go("7", "s7");
    HEARD("emit router-0 #1 /friends room:all user:ann not room:deaf [\"off\",7]\n");
    come("7", "s7");
    HEARD("emit router-0 #2 /friends user:ann [\"on\",7]\n");
    watch(4, "\"ann\"", "7", "", true);
    HEARD("gateway-0 #4 OK []\n");
    go("7", "s7");
    HEARD("emit router-0 #3 /friends room:all not room:deaf [\"off\",7]\n");
    EQUAL(stats.watchers_told, 2);
    end();
}

/* Batches of router.max_addresses_count; an address of the rule's own is in the first, and its sockets get none of the others. */
TEST(watchers_are_told_in_batches)
{
    begin();
    static const char *const followers[] = { "1", "2", "3", "4", "5" };
    for (size_t i = 0; i < 5; i++) {
        char sid[] = "f0";
        sid[1] = (char)('0' + i);
        watch(1, followers[i], "", "7", false), come(followers[i], sid);
    }
    (void)heard(1);
    come("7", "s7");
    HEARD("emit router-0 #1 /friends user:5 user:4 user:3 [\"on\",7]\n"
          "emit router-0 #2 /friends user:2 user:1 [\"on\",7]\n");
    go("7", "s7");
    HEARD("emit router-0 #3 /friends room:all user:5 user:4 not room:deaf [\"off\",7]\n"
          "emit router-0 #4 /friends user:3 user:2 user:1 not room:deaf not room:all [\"off\",7]\n");
    end();
}

/* ---- the verb */

TEST(watch_answers)
{
    static const struct row { const char *name, *json, *want; } rows[] = {
        { "nobody yet",      "{\"watch\":\"ann\"}", "OK {\"follows\":[],\"total\":0}\n" },
        { "set",             "{\"watch\":\"ann\",\"follows\":[7,\"9\",\"a\\\"b\",8]}", "OK {\"follows\":[],\"total\":4,\"stored\":false}\n" },
        { "the list",        "{\"watch\":\"ann\"}", "OK {\"follows\":[{\"user\":7,\"online\":true,\"sockets\":2},{\"user\":8,\"online\":false,\"sockets\":0},"
                                                    "{\"user\":\"9\",\"online\":false,\"sockets\":0},{\"user\":\"a\\\"b\",\"online\":false,\"sockets\":0}],\"total\":4}\n" },
        { "in a namespace",  "{\"watch\":\"ann\",\"nsp\":\"/friends\",\"limit\":1}", "OK {\"follows\":[{\"user\":7,\"online\":true,\"sockets\":1},{\"user\":8,\"online\":false,\"sockets\":0}],\"total\":4}\n" },
        { "an unknown one",  "{\"watch\":\"ann\",\"nsp\":\"/none\",\"limit\":1}", "OK {\"follows\":[{\"user\":7,\"online\":false,\"sockets\":0},{\"user\":8,\"online\":false,\"sockets\":0}],\"total\":4}\n" },
        { "a page",          "{\"watch\":\"ann\",\"after\":\"9\"}", "OK {\"follows\":[{\"user\":\"a\\\"b\",\"online\":false,\"sockets\":0}],\"total\":4}\n" },
        { "behind an escaped id", "{\"watch\":\"ann\",\"after\":\"a\\\"b\"}", "OK {\"follows\":[],\"total\":4}\n" },
        { "another realm",   "{\"watch\":\"ann\",\"realm\":\"staff\"}", "OK {\"follows\":[],\"total\":0}\n" },
        { "add and remove",  "{\"watch\":\"ann\",\"add\":[1,7],\"remove\":[9,\"a\\\"b\",5]}", "OK {\"follows\":[],\"total\":3,\"stored\":false}\n" },
        { "set anew",        "{\"watch\":\"ann\",\"follows\":7}", "OK {\"follows\":[],\"total\":1,\"stored\":false}\n" },
        { "nothing changes", "{\"watch\":\"ann\",\"follows\":[7]}", "OK {\"follows\":[],\"total\":1,\"stored\":true}\n" },
        { "too many of one", "{\"watch\":\"ann\",\"follows\":[1,2,3,4,5,6,8,9,10]}", "ERR_LIMIT {}\n" },
        { "is left alone",   "{\"watch\":\"ann\"}", "OK {\"follows\":[{\"user\":7,\"online\":true,\"sockets\":2}],\"total\":1}\n" },
        { "too many in all", "{\"watch\":\"f1\",\"add\":[1,2,3,4,5,6,7,8]}", "OK {\"follows\":[],\"total\":8,\"stored\":false}\n" },
        { "and more",        "{\"watch\":\"f2\",\"add\":[1,2,3,4,5,6,7,8]}", "OK {\"follows\":[],\"total\":8,\"stored\":false}\n" },
        { "and too many",    "{\"watch\":\"f3\",\"add\":[1,2,3,4]}", "ERR_FULL {}\n" },
        { "none at all",     "{\"watch\":\"ann\",\"follows\":[]}", "OK {\"follows\":[],\"total\":0,\"stored\":false}\n" },
    };
    begin();
    come("7", "s7"), up("7", "t7");
    (void)heard(1);
    const struct row *r;
    EACH(r, rows) {
        ask("watch", r->json);
        SAME(heard(1), r->want);
    }
    presence_measure(core);
    EQUAL(stats.watches_open, 16);
    EQUAL(stats.watches_refused, 2);
    watch(9, "\"f1\"", "\"*\"", "[1]", false), watch(10, "\"f3\"", "", "[1,2,3,4,5,6,7,8,9,10]", false);
    HEARD("gateway-0 #9 OK []\ngateway-0 #10 ERR_LIMIT \n");
    presence_measure(core);
    EQUAL(stats.watches_open, 9);
    end();
}

/* What is not known as a whole is not changed, and not answered as if it were. */
TEST(watch_waits_for_the_sync)
{
    begin_at(0, "router-0 gateway-0:10 presence-0");
    ask("watch", "{\"watch\":1,\"add\":2}"), watch(5, "3", "", "4", false);
    HEARD("");
    later(1000);
    HEARD("ERR_AGAIN {}\n");
    ask("watch", "{\"watch\":1,\"add\":2}");
    synced(0, 10);
    HEARD("gateway-0 #5 OK []\nOK {\"follows\":[],\"total\":1,\"stored\":false}\n");
    see("router-0 gateway-0:10 presence-1");        /* all of it is another one's now */
    presence_measure(core);
    EQUAL(stats.watches_open, 0);
    end();
}
