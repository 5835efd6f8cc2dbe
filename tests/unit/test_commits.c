#include "commits.h"
#include "t.h"

static struct from gateway(uint16_t number, uint64_t link)
{
    return (struct from){ ROLE_GATEWAY, number, SPAN("gateway"), 1, link };
}

static uint64_t confirmed(struct commits *c, enum role want_role, uint16_t want_number)
{
    enum role role;
    uint16_t number;
    uint64_t link, found = 0;
    while (commits_next_confirm(c, &role, &number, &link))
        if (role == want_role && number == want_number) found = link;
    return found;
}

TEST(commits_confirm_in_order)
{
    struct commits c;
    uint64_t answer, seq;
    commits_init(&c);
    struct from g = gateway(3, 10);
    commits_add(&c, &g, 1, 100, 0, 0);         /* waits for standby 1 */
    g.link = 11;
    commits_add(&c, &g, 2, 101, 55, 0);        /* waits for standby 2 */
    g.link = 12;
    commits_add(&c, &g, 0, 0, 0, 0);           /* waits for nothing, but those before it do */
    EQUAL(confirmed(&c, ROLE_GATEWAY, 3), 0);
    commits_on_sent(&c, 1, 100, 7);
    commits_on_sent(&c, 2, 101, 8);
    CHECK(!commits_next(&c, 2, 7, &answer, &seq));
    CHECK(commits_next(&c, 2, 8, &answer, &seq));
    EQUAL(answer, 55);
    EQUAL(confirmed(&c, ROLE_GATEWAY, 3), 0);
    CHECK(commits_next(&c, 1, 9, &answer, &seq));
    EQUAL(confirmed(&c, ROLE_GATEWAY, 3), 12);
    EQUAL(c.open, 0);
    commits_fini(&c);
}

TEST(commits_at_once_where_nobody_waits)
{
    struct commits c;
    commits_init(&c);
    struct from r = { ROLE_ROUTER, 5, SPAN("router-5"), 1, 77 };
    commits_add(&c, &r, 0, 0, 0, 0);
    EQUAL(confirmed(&c, ROLE_ROUTER, 5), 77);
    commits_fini(&c);
}

TEST(commits_wait_for_what_was_forwarded)
{
    struct commits c;
    commits_init(&c);
    struct from p = { ROLE_PRESENCE, 1, SPAN("presence-1"), 1, 4 };
    commits_forward(&c, &p, 900);
    p.link = 5;
    commits_forward(&c, &p, 901);
    commits_forward_done(&c, 901);
    commits_forward_done(&c, 12345);
    EQUAL(confirmed(&c, ROLE_PRESENCE, 1), 0);
    commits_forward_done(&c, 900);
    EQUAL(confirmed(&c, ROLE_PRESENCE, 1), 5);
    commits_fini(&c);
}

TEST(commits_of_a_life_that_is_over_confirm_nothing)
{
    struct commits c;
    uint64_t answer, seq;
    commits_init(&c);
    struct from g = gateway(0, 1);
    commits_add(&c, &g, 1, 1, 0, 0);
    commits_forget(&c, ROLE_GATEWAY, 0);
    g.link = 9;
    commits_add(&c, &g, 1, 2, 0, 0);
    CHECK(commits_next(&c, 1, UINT64_MAX, &answer, &seq));
    EQUAL(confirmed(&c, ROLE_GATEWAY, 0), 0);
    CHECK(commits_next(&c, 1, UINT64_MAX, &answer, &seq));
    EQUAL(confirmed(&c, ROLE_GATEWAY, 0), 9);
    commits_fini(&c);
}

TEST(commits_hold_many)
{
    struct commits c;
    uint64_t answer, seq, done = 0;
    commits_init(&c);
    for (uint64_t i = 1; i <= 5000; i++) {
        struct from g = gateway((uint16_t)(i % 7), i);
        commits_add(&c, &g, (uint16_t)(i % 3), i, i, 0);
        commits_on_sent(&c, (uint16_t)(i % 3), i, i);
    }
    for (uint16_t s = 0; s < 3; s++)
        while (commits_next(&c, s, 5000, &answer, &seq)) done++;
    EQUAL(done, 5000);
    EQUAL(c.open, 0);
    EQUAL(confirmed(&c, ROLE_GATEWAY, 2), 5000);
    commits_fini(&c);
}
