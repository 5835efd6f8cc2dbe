#include "revoked.h"
#include "t.h"
#include "template.h"
#include "user.h"

static const struct siphash_key seed = { 5, 6 };

static bool put(struct revoked *r, const char *name, uint64_t undone, uint64_t decided, uint64_t before, uint64_t expires)
{
    enum err e;
    bool changed = revoked_apply(r, &(struct msg_REVOCATION){ .name = span_of(name), .undone = undone, .decided = decided, .before = before, .expires = expires }, &e);
    EQUAL_ERR(e, OK);
    return changed;
}

static bool refuses(const struct revoked *r, const char *realm, const char *user, const char *claims)
{
    return revoked_refuses(r, span_of(realm), t_exact(span_of(user)), t_exact(span_of(claims)));
}

static const struct row { const char *name; uint64_t before; const char *realm, *user, *claims; bool refused; } rows[] = {
    { "user:42", 5000, "", "42", "{\"iat\":4}", true },
    { "user:42", 5000, "", "\"42\"", "{\"iat\":4.9}", true },
    { "user:42", 5000, "", "42", "{\"iat\":5}", false },
    { "user:42", 5000, "", "42", "{\"iat\":5e0}", false },
    { "user:42", 5000, "", "42", "{}", true },              /* when it was issued nobody knows */
    { "user:42", 5000, "", "42", "", true },
    { "user:42", 5000, "", "42", "{\"iat\":\"9\"}", true },
    { "user:42", 5000, "", "43", "{\"iat\":4}", false },
    { "user:42", 5000, "staff", "42", "{\"iat\":4}", false },
    { "user:staff/42", 5000, "staff", "42", "{\"iat\":4}", true },
    { "user:/a/b", 5000, "", "\"a/b\"", "{\"iat\":4}", true },
    { "token:x y", UINT64_MAX, "", "42", "{\"jti\":\"x\\u0020y\",\"iat\":99}", true },
    { "token:x", UINT64_MAX, "", "42", "{\"jti\":\"y\"}", false },
    { "token:7", UINT64_MAX, "", "42", "{\"jti\":7}", false },
    { "*", 5000, "any", "1", "{\"iat\":4}", true },
    { "*", 5000, "any", "1", "{\"iat\":6}", false },
    { "*", 5000, "", "", "{\"iat\":4}", true },
};

TEST(revoked_refuses_every_row)
{
    const struct row *row;
    EACH(row, rows) {
        struct revoked *r = revoked_new(&seed);
        CHECK(!refuses(r, row->realm, row->user, row->claims));
        put(r, row->name, 0, 1, row->before, 9000);
        EQUAL(refuses(r, row->realm, row->user, row->claims), row->refused);
        put(r, row->name, 2, 0, 0, 9000);
        CHECK(!refuses(r, row->realm, row->user, row->claims));
        revoked_destroy(&r);
    }
}

TEST(revoked_names_have_one_spelling)
{
    static const struct { const char *text, *name; enum err err; } names[] = {
        { "user:42", "user:42", OK }, { "user:/42", "user:42", OK }, { "user:staff/42", "user:staff/42", OK }, { "user:/a/b", "user:/a/b", OK },
        { "token:a/b", "token:a/b", OK }, { "*", "*", OK }, { "", 0, ERR_SYNTAX }, { "user:", 0, ERR_SYNTAX }, { "room:x", 0, ERR_SYNTAX }, { "**", 0, ERR_SYNTAX },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct buf out = { 0 };
        EQUAL_ERR(revoked_name(&out, span_of(names[i].text)), names[i].err);
        if (names[i].err == OK) SAME(buf_span(&out), names[i].name);
        buf_fini(&out);
    }
}

/* Everything that one has and another may not know yet goes over, in pieces. */
static void tell(const struct revoked *from, struct revoked *to, uint64_t *known)
{
    for (bool all = false; !all; ) {
        struct buf strs = { 0 };
        struct msg_REVOCATION r;
        struct span rest, one;
        enum err e;
        *known = revoked_since(from, *known, &strs, 100, &all);
        for (rest = buf_span(&strs); msg_next_str(&rest, &one); ) {
            EQUAL_ERR(msg_decode_REVOCATION(&r, one), OK);
            revoked_apply(to, &r, &e);
        }
        buf_fini(&strs);
    }
    EQUAL(*known, revoked_version(from));
}

/* Decisions fall anywhere and reach the others in any order: in the end all lists say the same. */
TEST(revoked_lists_become_the_same)
{
    enum { LISTS = 3, STEPS = 4000 };
    static const char *const names[] = { "user:1", "user:2", "token:a", "*" };
    struct revoked *list[LISTS];
    uint64_t known[LISTS][LISTS] = { { 0 } }, dice = 88172645463325252u, now = 0;
    for (int i = 0; i < LISTS; i++) list[i] = revoked_new(&seed);
    for (int i = 0; i < STEPS; i++) {
        dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
        int a = (int)(dice % LISTS), b = (int)(dice / 7 % LISTS);
        const char *name = names[dice / 31 % 4];
        if (dice / 64 % 3) tell(list[a], list[b], &known[b][a]);
        else if (dice / 1024 % 4) put(list[a], name, 0, ++now, dice % 1000 + 1, dice % 5000 + 1);
        else put(list[a], name, ++now, 0, 0, dice % 5000 + 1);
    }
    for (int round = 0; round < 3; round++)
        for (int a = 0; a < LISTS; a++)
            for (int b = 0; b < LISTS; b++) tell(list[a], list[b], &known[b][a]);
    for (int i = 1; i < LISTS; i++) {
        EQUAL(revoked_sum(list[i]), revoked_sum(list[0]));
        EQUAL(revoked_bytes(list[i]), revoked_bytes(list[0]));
    }
    EQUAL(revoked_count(list[0]), 4);
    struct buf all = { 0 };
    bool whole;
    revoked_since(list[0], 0, &all, SIZE_MAX, &whole);
    EQUAL(all.len, revoked_bytes(list[0]));
    buf_fini(&all);
    for (int i = 0; i < LISTS; i++) revoked_destroy(&list[i]);
}

TEST(revoked_later_decisions_stand_and_a_ban_is_not_shortened)
{
    struct revoked *r = revoked_new(&seed);
    CHECK(put(r, "user:1", 0, 10, 90000, 500000));
    CHECK(put(r, "user:1", 0, 20, 21000, 400000));      /* another decision: both stand */
    CHECK(refuses(r, "", "1", "{\"iat\":80}"));
    CHECK(!put(r, "user:1", 0, 15, 90000, 500000));     /* an old copy */
    CHECK(put(r, "user:1", 30, 0, 0, 500000));
    CHECK(!refuses(r, "", "1", "{\"iat\":80}"));
    CHECK(!put(r, "user:1", 0, 20, 90000, 500000));     /* what was taken back does not come back */
    CHECK(put(r, "user:1", 30, 31, 32000, 500000));
    CHECK(refuses(r, "", "1", "{\"iat\":31}") && !refuses(r, "", "1", "{\"iat\":32}"));
    revoked_destroy(&r);
}

TEST(revoked_forgets_what_is_over)
{
    struct revoked *r = revoked_new(&seed);
    put(r, "user:1", 0, 1, 5000, 100), put(r, "user:2", 0, 1, 5000, 200);
    revoked_expire(r, 99);
    EQUAL(revoked_count(r), 2);
    revoked_expire(r, 100);
    EQUAL(revoked_count(r), 1);
    revoked_expire(r, 200);
    EQUAL(revoked_count(r), 0);
    EQUAL(revoked_sum(r), 0);
    EQUAL(revoked_bytes(r), 0);
    revoked_destroy(&r);
}

TEST(revoked_prints_pages)
{
    struct revoked *r = revoked_new(&seed);
    put(r, "user:2", 0, 1000, 5000, 9000), put(r, "token:a", 0, 1000, UINT64_MAX, 9000), put(r, "user:1", 0, 2000, 3000, 9000), put(r, "user:3", 7, 0, 0, 9000);
    struct buf json = { 0 }, last = { 0 };
    CHECK(revoked_print(r, SPAN(""), SPAN(""), 2, &json, &last));
    SAME(buf_span(&json), "{\"of\":\"token:a\",\"before\":null,\"decided\":1,\"expires\":9},{\"of\":\"user:1\",\"before\":3,\"decided\":2,\"expires\":9}");
    SAME(buf_span(&last), "user:1");
    buf_clear(&json);
    CHECK(!revoked_print(r, SPAN("user:"), SPAN("user:1"), 2, &json, &last));
    SAME(buf_span(&json), "{\"of\":\"user:2\",\"before\":5,\"decided\":1,\"expires\":9}");
    buf_fini(&json), buf_fini(&last);
    revoked_destroy(&r);
}

TEST(revoked_asks_once_who_has_more)
{
    struct revoked *r = revoked_new(&seed);
    struct revoked_peer p = { 0 };
    CHECK(!revoked_behind(r, &p, 7, 0, 0));
    CHECK(revoked_behind(r, &p, 7, 3, 99));
    CHECK(!revoked_behind(r, &p, 7, 3, 99));            /* it was asked */
    CHECK(revoked_behind(r, &p, 7, 4, 98));             /* and has more now */
    revoked_heard(&p, 7, 0, 4);
    CHECK(!revoked_behind(r, &p, 7, 4, 98));
    CHECK(!revoked_behind(r, &p, 7, 5, revoked_sum(r)));    /* the same, however it came to that */
    EQUAL(p.version, 5);
    revoked_heard(&p, 7, 9, 10);                        /* a hole: nothing is known of it */
    EQUAL(p.version, 5);
    CHECK(revoked_behind(r, &p, 8, 1, 99));             /* another life: from its beginning */
    EQUAL(p.version, 0);
    revoked_destroy(&r);
}

/* A gateway finds the sockets of a revoked user in the room of that name. */
TEST(revoked_users_are_named_as_their_rooms)
{
    static const struct { const char *realm, *user; } users[] = { { "", "42" }, { "", "\"42\"" }, { "staff", "42" }, { "", "\"a/b\"" }, { "staff", "\"a\\u00e9\"" } };
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        struct buf address = { 0 }, key = { 0 }, name = { 0 }, again = { 0 };
        EQUAL_ERR(template_user_address(&address, span_of(users[i].realm), span_of(users[i].user)), OK);
        EQUAL_ERR(user_key(&key, span_of(users[i].realm), span_of(users[i].user)), OK);
        buf_add_literal(&name, "user:"), user_name(&name, buf_span(&key));
        CHECK(span_same(buf_span(&name), buf_span(&address)));
        EQUAL_ERR(revoked_name(&again, buf_span(&name)), OK);
        CHECK(span_same(buf_span(&name), buf_span(&again)));
        buf_fini(&address), buf_fini(&key), buf_fini(&name), buf_fini(&again);
    }
}
