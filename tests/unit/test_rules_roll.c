/* room_presence: which rooms, what is said, what is refused. */
#include "t.h"
#include "node_flow.h"
#include "rules_roll.h"

static char name[] = "/";

TEST(rules_roll_finds_its_rooms)
{
    struct buf errors = { 0 }, json = { 0 };
    struct config_namespace ns = { .name = name, .room_presence = node_flow("[{rooms: lobby, event: a}, {rooms: ['game:*', '*'], every: 2s, most: 5, member: {id: '{user.id}', name: '{user.name}'}, event: b, args: ['{joined}']}]") };
    struct rules_rolls *r = rules_rolls_new(&ns, &errors);
    if (!r) FAIL("%s", buf_text(&errors));
    const struct rules_roll *lobby = rules_roll_find(r, SPAN("lobby")), *game = rules_roll_find(r, SPAN("game:7"));
    CHECK(lobby && game && lobby != game && rules_roll_find(r, SPAN("lobby2")) == game && !rules_roll_find(NULL, SPAN("lobby")));
    EQUAL(rules_roll_every(lobby), 1000); EQUAL(rules_roll_most(lobby), 100); EQUAL(rules_roll_every(game), 2000); EQUAL(rules_roll_most(game), 5);
    struct template_scope scope = { .user = SPAN("42"), .claims = SPAN("{\"name\":\"ann\"}") };
    rules_roll_member(lobby, &scope, &json);
    SAME(buf_span(&json), "42");
    buf_clear(&json), rules_roll_member(game, &scope, &json);
    SAME(buf_span(&json), "{\"id\":42,\"name\":\"ann\"}");
    scope.extra = SPAN("{\"joined\":[1,2]}");
    buf_clear(&json), rules_roll_say(game, false, &scope, &json);
    SAME(buf_span(&json), "[\"b\",[1,2]]");
    CHECK(!rules_roll_has_state(game));
    rules_rolls_destroy(&r);
    node_destroy(&ns.room_presence);
    buf_fini(&errors), buf_fini(&json);
}

TEST(rules_roll_is_checked)
{
    static const struct row { const char *name, *text, *want; } rows[] = {
        { "no rooms",   "{event: a}", "rooms is missing" },
        { "no event",   "{rooms: a}", "event is missing" },
        { "a star",     "{rooms: 'a*b', event: a}", "a '*' can only be the last character" },
        { "too often",  "{rooms: a, event: a, every: 1ms}", "every must be a time from 50ms to 1h" },
        { "no number",  "{rooms: a, event: a, most: x}", "most must be a number from 1 to 10000" },
        { "unknown",    "{rooms: a, event: a, each: 1}", "unknown key 'each'" },
        { "the state",  "{rooms: a, event: a, state: {args: []}}", "namespaces./.room_presence.state: event is missing" },
        { "its name",   "{rooms: a, event: 'a{x}'}", "event must be a name without braces" },
        { "Socket.IO's", "{rooms: a, event: disconnect}", "is one of Socket.IO's own events" },
        { "no map",     "7", "must be a map" },
    };
    const struct row *row;
    EACH(row, rows) {
        struct buf errors = { 0 };
        struct config_namespace ns = { .name = name, .room_presence = node_flow(row->text) };
        CHECK(!rules_rolls_new(&ns, &errors));
        if (!strstr(buf_text(&errors), row->want)) FAIL("%s", buf_text(&errors));
        node_destroy(&ns.room_presence);
        buf_fini(&errors);
    }
}
