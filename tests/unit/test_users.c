#include "t.h"
#include "order.h"
#include "user.h"
#include "users.h"

#include <stdio.h>

static const struct siphash_key seed = { 1, 2 };

/* ---- names */

static const struct name_row { const char *name, *realm, *id; enum err err; const char *key, *shown; } names[] = {
    { "a number",           "",      "42",        OK,          "/42",       "42" },
    { "a string",           "",      "\"42\"",    OK,          "/42",       "42" },
    { "an escape",          "",      "\"\\u0041n\"", OK,       "/An",       "An" },
    { "a realm",            "staff", "\"ann\"",   OK,          "staff/ann", "staff/ann" },
    { "a slash",            "",      "\"a/b\"",   OK,          "/a/b",      "/a/b" },
    { "a slash in a realm", "x",     "\"a/b\"",   OK,          "x/a/b",     "x/a/b" },
    { "a boolean",          "",      "true",      OK,          "/true",     "true" },
    { "null",               "",      "null",      ERR_MISSING, NULL, NULL },
    { "nothing",            "",      "",          ERR_MISSING, NULL, NULL },
    { "an empty text",      "",      "\"\"",      ERR_MISSING, NULL, NULL },
    { "an object",          "",      "{}",        ERR_TYPE,    NULL, NULL },
    { "a NUL byte",         "",      "\"a\\u0000b\"", ERR_SYNTAX, NULL, NULL },
    { "a realm's slash",    "a/b",   "1",         ERR_SYNTAX,  NULL, NULL },
};

TEST(user_names_every_row)
{
    const struct name_row *r;
    EACH(r, names) {
        struct buf key = { 0 }, name = { 0 }, back = { 0 };
        EQUAL_ERR(user_key(&key, t_exact(span_of(r->realm)), t_exact(span_of(r->id))), r->err);
        if (r->err != OK) CHECK(key.len == 0);
        else {
            SAME(buf_span(&key), r->key);
            user_name(&name, buf_span(&key));
            SAME(buf_span(&name), r->shown);
            user_key_of_name(&back, buf_span(&name));       /* law: a name can be read back */
            SAME(buf_span(&back), r->key);
        }
        buf_fini(&key), buf_fini(&name), buf_fini(&back);
    }
}

TEST(user_text_is_bounded)
{
    struct buf id = { 0 }, key = { 0 };
    buf_add_byte(&id, '"');
    for (int i = 0; i < USER_TEXT_MAX; i++) buf_add_byte(&id, 'x');
    buf_add_byte(&id, '"');
    EQUAL_ERR(user_key(&key, SPAN(""), buf_span(&id)), OK);
    EQUAL(key.len, USER_TEXT_MAX + 1);
    id.len--, buf_add_literal(&id, "x\"");
    EQUAL_ERR(user_key(&key, SPAN(""), buf_span(&id)), ERR_LIMIT);
    EQUAL(key.len, USER_TEXT_MAX + 1);
    buf_fini(&id), buf_fini(&key);
}

TEST(user_owner_is_the_same_for_all_and_moves_a_share)
{
    const uint16_t three[] = { 0, 1, 2 }, two[] = { 0, 2 };
    unsigned moved = 0;
    for (unsigned i = 0; i < 3000; i++) {
        struct buf key = { 0 };
        buf_add_format(&key, "/%u", i);
        uint16_t before = user_owner(buf_span(&key), three, 3), after = user_owner(buf_span(&key), two, 2);
        CHECK(before == after || before == 1);
        moved += before != after;
        buf_fini(&key);
    }
    CHECK(moved > 800 && moved < 1200);
    EQUAL(user_owner(SPAN("/1"), NULL, 0), UINT16_MAX);
}

/* ---- the table */

static struct session *up(struct users *u, const char *key, const char *sid, uint16_t nsp, uint64_t now)
{
    return users_up(u, &(struct users_up){ .key = span_of(key), .sid = span_of(sid), .address = SPAN("10.0.0.1"), .agent = SPAN("Mozilla/5.0"),
                    .claims = SPAN("{\"username\":\"ann\"}"), .nsp = nsp, .since = now, .now = now });
}

TEST(users_come_and_go)
{
    struct users u;
    users_init(&u, &seed, 10);
    uint16_t root = names_hold_text(&u.names, SPAN("/")), chat = names_hold_text(&u.names, SPAN("/chat"));
    EQUAL(users_nsp(&u, SPAN("/chat")), chat);
    EQUAL(users_nsp(&u, SPAN("/x")), USERS_NO_NSP);
    EQUAL(names_hold_text(&u.names, SPAN("")), USERS_NO_NSP);
    SAME(users_nsp_name(&u, chat), "/chat");

    struct session *a = up(&u, "/42", "s1", root, 100), *b = up(&u, "/42", "s1", chat, 200), *c = up(&u, "/42", "s2", root, 50);
    CHECK(a && b && c && users_session(&u, root, SPAN("s1")) == a && users_session(&u, chat, SPAN("s1")) == b);
    CHECK(!users_session(&u, chat, SPAN("s2")) && !users_session(&u, USERS_NO_NSP, SPAN("s1")));
    struct user *user = users_find(&u, SPAN("/42"));
    CHECK(user && user->sockets == 3 && user->since == 50 && user->active == 50 && user->sessions == c);
    EQUAL(users_place(user, root)->count, 2);
    EQUAL(users_place(user, chat)->count, 1);
    SAME(users_sid(c), "s2");
    SAME(users_address(c), "10.0.0.1");
    SAME(users_agent(c), "Mozilla/5.0");
    SAME(blob_span(user->claims), "{\"username\":\"ann\"}");
    EQUAL(a->agent == c->agent, 1);
    EQUAL(u.online, 1);
    CHECK(users_after(&u, SPAN("")) == user && !users_after(&u, SPAN("/42")));

    users_down(&u, a, 300), users_down(&u, c, 300);
    EQUAL(users_place(user, root)->count, 0);
    EQUAL(u.online, 1);
    users_down(&u, b, 400);
    EQUAL(u.online, 0);
    EQUAL(u.remembered, 1);
    CHECK(users_find(&u, SPAN("/42")) == user && user->gone == 400 && !users_after(&u, SPAN("")));
    up(&u, "/42", "s3", root, 500);
    EQUAL(u.remembered, 0);
    EQUAL(user->since, 500);
    users_fini(&u);
}

TEST(users_keep_the_type_of_an_id)
{
    struct users u;
    struct buf text = { 0 };
    users_init(&u, &seed, 10);
    uint16_t root = names_hold_text(&u.names, SPAN("/"));
    struct session *s = up(&u, "/42", "s1", root, 1);
    users_id(&text, s->user);
    SAME(buf_span(&text), "42");
    s = users_up(&u, &(struct users_up){ .key = SPAN("staff/a\"b"), .sid = SPAN("s2"), .nsp = root, .quoted = true });
    buf_clear(&text);
    users_id(&text, s->user);
    SAME(buf_span(&text), "\"a\\\"b\"");
    buf_fini(&text);
    users_fini(&u);
}

static unsigned forgotten;
static void on_forget(void *self, struct user *user)
{
    (void)self, (void)user;
    forgotten++;
}

TEST(users_forget_the_oldest_of_the_remembered)
{
    struct users u;
    users_init(&u, &seed, 3);
    u.on_forget = on_forget;
    forgotten = 0;
    uint16_t root = names_hold_text(&u.names, SPAN("/"));
    struct session *a = up(&u, "/a", "a", root, 1), *b = up(&u, "/b", "b", root, 1);
    CHECK(up(&u, "/c", "c", root, 1) && !up(&u, "/d", "d", root, 1));      /* three are online: no room */
    users_down(&u, b, 2), users_down(&u, a, 3);
    CHECK(!users_restore(&u, SPAN("/old"), true, 1));                      /* for what is past nobody has to go */
    CHECK(up(&u, "/d", "d", root, 4));
    CHECK(!users_find(&u, SPAN("/b")) && users_find(&u, SPAN("/a")) && forgotten == 1 && u.evicted == 1);
    CHECK(up(&u, "/a", "a2", root, 5) && u.remembered == 0);
    users_forget(&u, users_find(&u, SPAN("/a")));
    CHECK(!users_session(&u, root, SPAN("a2")) && u.online == 2 && users_restore(&u, SPAN("/old"), true, 1));
    users_fini(&u);
}

TEST(users_bound_what_they_keep)
{
    struct users u;
    users_init(&u, &seed, 10);
    char large[USERS_CLAIMS_MAX + 2];
    memset(large, 'x', sizeof large);
    struct session *s = users_up(&u, &(struct users_up){ .key = SPAN("/1"), .sid = SPAN("s"), .nsp = names_hold_text(&u.names, SPAN("/")),
                                 .claims = span_from(large, sizeof large), .agent = span_from(large, sizeof large), .address = span_from(large, sizeof large) });
    CHECK(!s->user->claims);
    EQUAL(users_agent(s).len, USERS_AGENT_MAX);
    EQUAL(users_address(s).len, USERS_ADDRESS_MAX);
    users_fini(&u);
}

TEST(users_are_in_order_whatever_comes_and_goes)
{
    struct users u;
    users_init(&u, &seed, 4000);
    uint16_t root = names_hold_text(&u.names, SPAN("/"));
    uint32_t x = 7;
    bool in[1000] = { false };
    for (int step = 0; step < 20000; step++) {
        x = x * 1664525 + 1013904223;
        unsigned n = x >> 12 & 511;
        char key[16], sid[16];
        snprintf(key, sizeof key, "/u%u", n), snprintf(sid, sizeof sid, "s%u", n);
        if (in[n]) users_down(&u, users_session(&u, root, span_of(sid)), 1);
        else CHECK(up(&u, key, sid, root, 1));
        in[n] = !in[n];
    }
    size_t count = 0, want = 0;
    struct buf last = { 0 };
    for (struct user *i = users_after(&u, SPAN("")); i; i = users_after(&u, users_key(i)), count++) {
        CHECK(span_order(buf_span(&last), users_key(i)) < 0 && i->sockets);
        buf_clear(&last), buf_add(&last, users_key(i));
    }
    for (int i = 0; i < 1000; i++) want += in[i];
    EQUAL(count, want);
    EQUAL(u.online, want);
    buf_fini(&last);
    users_fini(&u);
}

TEST(users_cost_what_the_design_says)
{
    struct users u;
    users_init(&u, &seed, 200000);
    uint16_t root = names_hold_text(&u.names, SPAN("/"));
    size_t empty = users_bytes(&u);
    for (unsigned i = 0; i < 100000; i++) {
        char key[24], sid[24];
        snprintf(key, sizeof key, "/%u", 1000000 + i), snprintf(sid, sizeof sid, "abcdefghijklmn%06u", i);
        CHECK(users_up(&u, &(struct users_up){ .key = span_of(key), .sid = span_of(sid), .nsp = root, .agent = SPAN("Mozilla/5.0 (X11; Linux x86_64)"),
              .address = SPAN("192.168.100.100"), .claims = SPAN("{\"sub\":1000000,\"username\":\"somebody\",\"exp\":1700000000}") }));
    }
    size_t each = (users_bytes(&u) - empty) / 100000;
    if (each > 400) FAIL("%zu bytes for a user with a session", each);
    users_fini(&u);
    CHECK(u.bytes == 0);        /* all that was counted was given back */
}
