#include "explain.h"
#include "node_flow.h"
#include "t.h"

static char chat[] = "/chat", words_file[] = "banned.txt";

static const struct row { const char *name, *event, *want; bool known; } rows[] = {
    { "all kinds of checks", "say",
      "say in namespace /chat (test.yaml:1)\n"
      "  It is refused unless\n"
      "    - the user's claim plan is pro\n"
      "    - the user's claim role is admin or mod and level is 3; or staff is true\n"
      "    - the first argument is an object\n"
      "    - text is a string of 1 to 1000 characters, without the banned words of banned.txt\n"
      "    - kind is a string, one of short or long, or missing\n"
      "    - n is an integer at least 1\n"
      "    - list is an object or a list\n"
      "    - the sender is in room {room} and room lobby\n"
      "  Then\n"
      "    1. the sender's socket joins room {room}\n"
      "    2. \"said\" goes to room {room} and user 7, but not to the sender's socket, but not to room quiet, where it can be taken at once with {\"text\":\"{text}\"}\n"
      "    3. if kind is there, and neither null nor an empty text: \"kind\" goes to everybody in the namespace with all arguments as they came\n"
      "    4. \"back\" goes to the sender's socket\n"
      "    5. the client's callback, if it has one, gets null, then {\"ok\":true}\n"
      "  If it is refused \"oops\" goes to the sender's socket with \"{error}\"; the callback gets {\"ok\":false}\n"
      "    - long: {error} is \"Too long\"\n"
      "    - {error} else: {error} is \"No\"\n", true },
    { "alternatives", "move",
      "move in namespace /chat (test.yaml:1)\n"
      "  If kind is up:\n"
      "    It is refused unless\n"
      "      - the user's claim plan is pro\n"
      "    Then\n"
      "      1. the client's callback, if it has one, gets null, then 1\n"
      "    If it is refused \"error\" goes to the sender's socket with {\"message\":\"{error}\"}; the callback gets {\"ok\":false}\n"
      "      - {error} else: {error} is \"No\"\n"
      "  Else if kind is down:\n"
      "    It is refused unless\n"
      "      - the user's claim plan is pro\n"
      "    Then\n"
      "      1. the client's callback, if it has one, gets null\n"
      "    If it is refused \"error\" goes to the sender's socket with {\"message\":\"{error}\"}; the callback gets {\"ok\":false}\n"
      "      - {error} else: {error} is \"No\"\n"
      "  Else nothing happens; the callback gets null\n", true },
    { "a pattern", "room:x",
      "room:x in namespace /chat, by the rule room:* (test.yaml:1)\n"
      "  It is refused unless\n"
      "    - the user's claim plan is pro\n"
      "  Then\n"
      "    1. the client's callback, if it has one, gets null\n"
      "  If it is refused \"error\" goes to the sender's socket with {\"message\":\"{error}\"}; the callback gets {\"ok\":false}\n"
      "    - {error} else: {error} is \"No\"\n", true },
    { "connect", "connect",
      "connect in namespace /chat (test.yaml:1)\n"
      "  Then\n"
      "    1. the user stops following anybody\n"
      "    2. the user follows from now on [\"{args.0.a}\",7]\n"
      "    3. \"friends\" goes to the sender's socket, {watched} being the list of those whom the user follows and who are online with \"{watched}\"\n"
      "    4. \"on\" goes to the sender's socket, {watched} being in turn each whom the user follows and who is online\n"
      "    5. \"hello\" goes to the sender's socket\n", true },
    { "nothing", "other", "other in namespace /chat\n  No rule stands for it: nothing happens here; the callback gets null\n", false },
};

TEST(cli_explains_what_an_event_does)
{
    struct config_namespace ns = { .name = chat, .words_file = words_file, .acks_error_first = true,
        .every = node_flow("{allow: {plan: pro}}"), .errors = node_flow("{event: error, args: [{message: '{error}'}], ack: {ok: false}, default: No}"),
        .connect = node_flow("{unwatch: '*', watch: ['{args.0.a}', 7], watched: [{event: friends, args: ['{watched}']}, {event: on, each: true}], reply: {event: hello}}"),
        .events = node_flow("{say: {allow: [{role: [admin, mod], level: 3}, {staff: true}],"
            " require: {text: {type: string, min: 1, max: 1000, clean: true}, kind: {type: string, in: [short, long], optional: true},"
            "           n: {type: integer, min: 1}, list: [object, array]},"
            " member: ['{room}', lobby], join: '{room}',"
            " emit: [{to: ['room:{room}', 'user:7'], others: true, except: 'room:quiet', volatile: true, event: said, args: [{text: '{text}'}]},"
            "        {when: {kind: present}, to: '*', event: kind, args: ['{args}']}],"
            " reply: {event: back}, ack: {ok: true}, refuse: {event: oops, args: ['{error}'], long: Too long}},"
            " move: [{when: {kind: {in: up}}, ack: 1}, {when: {kind: {in: down}}}],"
            " 'room:*': {}}") };
    const struct row *row;
    node_name(ns.connect, SPAN("connect"));
    EACH(row, rows) {
        struct buf out = { 0 };
        if (explain_event(&out, &ns, span_of(row->event)) != row->known) FAIL("known: %d", !row->known);
        SAME(buf_span(&out), row->want);
        buf_fini(&out);
    }
    node_destroy(&ns.every), node_destroy(&ns.errors), node_destroy(&ns.connect), node_destroy(&ns.events);
}
