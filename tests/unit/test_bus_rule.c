#include "bus_rule.h"
#include "t.h"

TEST(bus_rule_one_side_of_a_pair_connects)
{
    for (unsigned a = ROLE_ROUTER; a < ROLE_COUNT; a++)
        for (unsigned b = ROLE_ROUTER; b < ROLE_COUNT; b++)
            for (uint16_t i = 0; i < 3; i++)
                for (uint16_t j = 0; j < 3; j++) {
                    bool there = bus_connects((enum role)a, i, (enum role)b, j), back = bus_connects((enum role)b, j, (enum role)a, i);
                    CHECK(!(there && back));
                    EQUAL(bus_talks((enum role)a, i, (enum role)b, j), there || back);
                }
}

static const struct pair { const char *name; enum role from; uint16_t i; enum role to; uint16_t j; bool connects; } pairs[] = {
    { "gateway to router",    ROLE_GATEWAY,  5, ROLE_ROUTER,   0, true },
    { "presence to router",   ROLE_PRESENCE, 0, ROLE_ROUTER,   3, true },
    { "auth to router",       ROLE_AUTH,     0, ROLE_ROUTER,   0, true },
    { "router to gateway",    ROLE_ROUTER,   9, ROLE_GATEWAY,  0, false },
    { "gateway to presence",  ROLE_GATEWAY,  0, ROLE_PRESENCE, 7, true },
    { "gateway to auth",      ROLE_GATEWAY,  0, ROLE_AUTH,     7, true },
    { "presence to gateway",  ROLE_PRESENCE, 0, ROLE_GATEWAY,  0, false },
    { "presence to auth",     ROLE_PRESENCE, 0, ROLE_AUTH,     0, false },
    { "presence to presence", ROLE_PRESENCE, 1, ROLE_PRESENCE, 0, false },
    { "higher gateway",       ROLE_GATEWAY,  2, ROLE_GATEWAY,  1, true },
    { "lower gateway",        ROLE_GATEWAY,  1, ROLE_GATEWAY,  2, false },
    { "itself",               ROLE_GATEWAY,  1, ROLE_GATEWAY,  1, false },
    { "higher router",        ROLE_ROUTER,   2, ROLE_ROUTER,   1, true },
    { "nobody",               ROLE_NONE,     0, ROLE_ROUTER,   0, false },
};

TEST(bus_rule_who_connects)
{
    const struct pair *r;
    EACH(r, pairs) EQUAL(bus_connects(r->from, r->i, r->to, r->j), r->connects);
}

/* A row that was forgotten would refuse the message everywhere. */
TEST(bus_rule_has_a_row_for_every_message)
{
    for (unsigned type = 1; type < MSG_COUNT; type++) {
        bool anybody = false;
        for (unsigned a = ROLE_ROUTER; a < ROLE_COUNT; a++)
            for (unsigned b = ROLE_ROUTER; b < ROLE_COUNT; b++)
                anybody |= bus_may_say((enum role)a, (enum role)b, (enum msg_type)type);
        t_row = msg_name((enum msg_type)type);
        EQUAL(anybody, msg_class((enum msg_type)type) != MSG_RECORD);
    }
}

TEST(bus_rule_nobody_becomes_an_auth_by_saying_so)
{
    CHECK(bus_may_say(ROLE_AUTH, ROLE_GATEWAY, MSG_VERDICT));
    CHECK(!bus_may_say(ROLE_GATEWAY, ROLE_GATEWAY, MSG_VERDICT));
    CHECK(!bus_may_say(ROLE_PRESENCE, ROLE_GATEWAY, MSG_VERDICT));
    CHECK(!bus_may_say(ROLE_GATEWAY, ROLE_GATEWAY, MSG_ROSTER));
    CHECK(!bus_may_say(ROLE_ROUTER, ROLE_GATEWAY, MSG_NONE));
    CHECK(!bus_may_say(ROLE_ROUTER, ROLE_GATEWAY, MSG_COUNT));
    CHECK(!bus_may_say(ROLE_COUNT, ROLE_GATEWAY, MSG_BEAT));
}

static const struct route { const char *name, *in; enum err err; enum role role; uint16_t number; } routes[] = {
    { "an id",          "gateway-7",        OK,         ROLE_GATEWAY, 7 },
    { "with a nonce",   "router-0.00ff",    OK,         ROLE_ROUTER,  0 },
    { "no number",      "gateway-",         ERR_SYNTAX, 0, 0 },
    { "no role",        "gatewey-7",        ERR_SYNTAX, 0, 0 },
    { "nothing",        "",                 ERR_SYNTAX, 0, 0 },
    { "ZeroMQ's own",   "\x01\x02\x03\x04", ERR_SYNTAX, 0, 0 },
};

TEST(bus_rule_routes)
{
    const struct route *r;
    EACH(r, routes) {
        enum role role = ROLE_NONE;
        uint16_t number = 0;
        EQUAL_ERR(bus_route_decode(t_exact(span_of(r->in)), &role, &number), r->err);
        if (r->err != OK) continue;
        EQUAL(role, r->role);
        EQUAL(number, r->number);
    }
}
