#include "bed.h"
#include "node_flow.h"
#include "reload.h"
#include "t.h"

#include <stdlib.h>

/* ---- what differs, what is taken over */

static void load(struct config *c, const char *topology)
{
    struct buf errors = { 0 };
    *c = (struct config){ .state_dir = strdup("/state") };
    if (!config_load(c, node_flow(topology), &errors)) FAIL("%s", buf_text(&errors));
    buf_fini(&errors);
}

static void keys_are(const struct buf *strs, const char *want)
{
    struct buf got = { 0 };
    struct span rest = buf_span(strs), key;
    while (msg_next_str(&rest, &key)) buf_add(&got, key), buf_add_byte(&got, ' ');
    SAME(buf_span(&got), want);
    buf_fini(&got);
}

#define KEYS "auth: {keys: [{kind: secret, file: '/s', algorithms: [HS256]}]}"
#define BEFORE "{" KEYS ", listeners: {public: {port: 8000}}, namespaces: {/: {identity: none, events: {a: {ack: 1}}}, /old: {identity: none}}}"

TEST(reload_says_what_has_changed_and_what_waits_for_a_restart)
{
    static const struct { const char *fresh; enum role role; const char *changed, *restart; } cases[] = {
        { BEFORE, ROLE_GATEWAY, "", "" },
        { "{" KEYS ", listeners: {public: {port: 8000}}, namespaces: {/old: {identity: none}, /: {identity: none, events: {a: {ack: 1}}}}}", ROLE_GATEWAY, "", "" },
        { "{" KEYS ", listeners: {public: {port: 8000}}, namespaces: {/: {identity: none, events: {a: {ack: '1'}}}, /old: {identity: none, recovery: true}}}",
          ROLE_GATEWAY, "namespaces./.events namespaces./old.recovery ", "" },
        { "{" KEYS ", listeners: {public: {port: 8000}}, namespaces: {/: {identity: none, events: {a: {ack: 1}}}, /new: {identity: none}}}",
          ROLE_PRESENCE, "namespaces./old namespaces./new ", "" },
        { "{" KEYS ", listeners: {public: {port: 8001, origins: '*', queue_bytes: 2M}, more: {port: 9000}}, namespaces: {/: {identity: none, realm: r, events: {a: {ack: 1}}}, /old: {identity: none}}}",
          ROLE_GATEWAY, "listeners.public.origins listeners.public.queue_bytes ", "listeners.public.port listeners.more namespaces./.realm " },
        { "{" KEYS ", listeners: {public: {port: 8001}}, router: {command: {port: 1, verbs: [who]}}, namespaces: {/: {identity: none, events: {a: {ack: 1}}}, /old: {identity: none}}}",
          ROLE_ROUTER, "router.command.verbs ", "router.command.port " },
        { "{auth: {keys: [{kind: secret, file: '/t', algorithms: [HS256]}], cache_count: 1}, bus: {beat_ms: 1s}, listeners: {public: {port: 8001}}, namespaces: {/: {identity: none, events: {a: {ack: 1}}}, /old: {identity: none}}}",
          ROLE_AUTH, "auth.keys ", "auth.cache_count bus.beat_ms " },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config running, fresh;
        struct reload report = { 0 };
        load(&running, BEFORE), load(&fresh, cases[i].fresh);
        reload_compare(&report, &running, &fresh, cases[i].role);
        keys_are(&report.changed, cases[i].changed);
        keys_are(&report.restart, cases[i].restart);
        reload_fini(&report);
        reload_apply(&running, &fresh);         /* what is left to do is what needs a restart */
        config_fini(&fresh);
        load(&fresh, cases[i].fresh);
        reload_compare(&report, &running, &fresh, cases[i].role);
        keys_are(&report.changed, "");
        keys_are(&report.restart, cases[i].restart);
        reload_fini(&report);
        config_fini(&running), config_fini(&fresh);
    }
}

TEST(reload_keeps_a_realm_and_whose_clients_a_namespace_is_for)
{
    struct config running, fresh;
    load(&running, "{listeners: {a: {prefix: /x}}, namespaces: {/x: {identity: none, realm: one}}}");
    load(&fresh, "{listeners: {a: {}}, namespaces: {/y: {identity: none}, /x: {identity: none, realm: two, acks: error-first}}}");
    reload_apply(&running, &fresh);
    EQUAL(running.namespace_count, 2);
    SAME(span_of(running.namespaces[1].realm), "one");
    CHECK(running.namespaces[1].acks_error_first);
    EQUAL(running.namespaces[1].prefix_len, 2);
    SAME(span_of(fresh.namespaces[0].realm), "two");
    config_fini(&running), config_fini(&fresh);
}

TEST(reload_prints_errors_with_their_place)
{
    struct reload report = { 0 };
    struct buf json = { 0 };
    reload_print(&json, "gateway-1", ROLE_GATEWAY, &report, SPAN("/t.yaml:12:7: namespaces./: no \"x\"\nno keys\n"));
    SAME(buf_span(&json), "{\"daemons\":[{\"id\":\"gateway-1\",\"role\":\"gateway\",\"reload\":\"refused\",\"errors\":["
                          "{\"file\":\"/t.yaml\",\"line\":12,\"column\":7,\"message\":\"namespaces./: no \\\"x\\\"\"},{\"message\":\"no keys\"}]}]}");
    buf_clear(&json);
    msg_add_str(&report.restart, SPAN("bus.port"));
    reload_print(&json, "auth-0", ROLE_AUTH, &report, SPAN(""));
    SAME(buf_span(&json), "{\"daemons\":[{\"id\":\"auth-0\",\"role\":\"auth\",\"reload\":\"done\",\"changed\":[],\"restart\":[\"bus.port\"]}]}");
    buf_fini(&json);
    reload_fini(&report);
}

TEST(generation_lives_as_long_as_somebody_holds_it)
{
    struct config *before = calloc(1, sizeof *before);
    struct buf errors = { 0 };
    load(before, "{listeners: {a: {}}, namespaces: {/: {identity: none, events: {a: {ack: 1}}}}}");
    struct generation *g = generation_new(before, &errors), *held = generation_hold(g);
    const struct config_namespace *ns = &before->namespaces[0];
    generation_retire(g, &before);
    CHECK(!before);
    generation_drop(&g);
    CHECK(!g);
    SAME(span_of(ns->name), "/");
    CHECK(rules_find(held->rules[0], SPAN("a")) != NULL);
    generation_drop(&held);
    buf_fini(&errors);
}

TEST(generation_is_none_where_a_rule_is_wrong)
{
    struct config c;
    struct buf errors = { 0 };
    load(&c, "{listeners: {a: {}}, namespaces: {/: {identity: none, events: {good: {ack: 1}, bad: {member: {}}}}}}");
    CHECK(!generation_new(&c, &errors));
    CHECK(errors.len > 0);
    buf_fini(&errors);
    config_fini(&c);
}

/* ---- a gate goes on */

static void expect(struct bed *b, unsigned client, const char *want)
{
    struct buf got = { 0 };
    int opcode;
    if (!bed_next_frame(b, client, &opcode, &got)) FAIL("client %u: nothing came, want %s", client, want);
    if (!span_has_prefix(buf_span(&got), span_of(want))) FAIL("client %u: %.*s, want %s", client, (int)got.len, got.ptr, want);
    buf_fini(&got);
}

static void nothing(struct bed *b, unsigned client)
{
    struct buf got = { 0 };
    int opcode;
    if (bed_next_frame(b, client, &opcode, &got)) FAIL("client %u: %.*s", client, (int)got.len, got.ptr);
}

TEST(reload_drops_nobody_and_new_rules_hold_from_the_next_event_on)
{
    struct bed b;
    bed_init(&b, "{listeners: {public: {}}, namespaces: {/: {identity: none, events: {a: {ack: old}, say: {emit: {to: '*', event: said, args: [old]}, ack: old}}}}}");
    bed_websocket(&b, 0, "", "");
    bed_text(&b, 0, "40");
    expect(&b, 0, "40{");
    bed_text(&b, 0, "421[\"a\"]");
    expect(&b, 0, "431[\"old\"]");
    b.by_hand = true;
    bed_text(&b, 0, "422[\"say\"]");        /* in flight: its ack waits for the bus */
    nothing(&b, 0);
    bed_reload(&b, "{listeners: {public: {}}, namespaces: {/: {identity: none, events: {a: {ack: new}, say: {ack: new}}}, /more: {identity: none, events: {b: {ack: b}}}}}");
    b.by_hand = false;
    bed_confirm(&b, 0);
    bed_turn(&b);
    expect(&b, 0, "432[\"old\"]");
    bed_text(&b, 0, "423[\"a\"]");
    expect(&b, 0, "433[\"new\"]");
    bed_text(&b, 0, "40/more");
    expect(&b, 0, "40/more,{");
    bed_text(&b, 0, "42/more,4[\"b\"]");
    expect(&b, 0, "43/more,4[\"b\"]");
    nothing(&b, 0);
    EQUAL(b.stats.sockets_open, 2);
    bed_fini(&b);
}

TEST(reload_disconnects_who_is_in_a_namespace_that_is_gone)
{
    struct bed b;
    bed_init(&b, "{listeners: {public: {}}, namespaces: {/: {identity: none}, /gone: {identity: none}, /went: {identity: none}, '/p-*': {identity: none}}}");
    bed_websocket(&b, 0, "", "");
    bed_text(&b, 0, "40"), bed_text(&b, 0, "40/gone,"), bed_text(&b, 0, "40/p-1,"), bed_text(&b, 0, "40/p-2,");
    expect(&b, 0, "40{"), expect(&b, 0, "40/gone,{"), expect(&b, 0, "40/p-1,{"), expect(&b, 0, "40/p-2,{");
    bed_websocket(&b, 1, "", "");
    b.by_hand = true;
    bed_text(&b, 1, "40/went,");            /* on its way in */
    EQUAL(b.stats.spaces_open, 2);
    bed_reload(&b, "{listeners: {public: {}}, namespaces: {/: {identity: none}, /p-1: {identity: none, events: {a: {ack: exact}}}, /p-3: {identity: none}}}");
    b.by_hand = false;
    struct buf told = { 0 }, got = { 0 };
    int opcode;
    while (bed_next_frame(&b, 0, &opcode, &got)) buf_add(&told, buf_span(&got)), buf_add_byte(&told, ' '), buf_clear(&got);
    CHECK(span_same(buf_span(&told), SPAN("41/gone, 41/p-2, ")) || span_same(buf_span(&told), SPAN("41/p-2, 41/gone, ")));
    buf_fini(&told), buf_fini(&got);
    expect(&b, 1, "44/went,{\"message\":\"Invalid namespace\"}");
    EQUAL(b.stats.spaces_open, 0);          /* /p-1 is no pattern's any more */
    EQUAL(b.stats.sockets_open, 2);
    bed_text(&b, 0, "42/p-1,1[\"a\"]");
    expect(&b, 0, "43/p-1,1[\"exact\"]");
    bed_text(&b, 0, "40/gone,");
    expect(&b, 0, "44/gone,{\"message\":\"Invalid namespace\"}");
    bed_reload(&b, "{listeners: {public: {}}, namespaces: {/: {identity: none}, '/p-#': {identity: none, events: {a: {ack: '{nsp.1}'}}}}}");
    EQUAL(b.stats.spaces_open, 1);
    bed_text(&b, 0, "42/p-1,2[\"a\"]");
    expect(&b, 0, "43/p-1,2[\"1\"]");
    bed_fini(&b);
}

TEST(reload_refuses_to_take_a_raw_listeners_namespace_away)
{
    struct bed b;
    struct config fresh;
    struct buf errors = { 0 };
    bed_init(&b, "{listeners: {public: {raw_namespace: /raw}}, namespaces: {/raw: {identity: none}, /: {identity: none}}}");
    load(&fresh, "{listeners: {public: {}}, namespaces: {/: {identity: none}}}");
    CHECK(!gate_may_reload(b.gate, &fresh, &errors));
    CHECK(span_find(buf_span(&errors), '\n') > 0);
    buf_fini(&errors);
    config_fini(&fresh);
    bed_fini(&b);
}

TEST(reload_changes_a_listeners_limits)
{
    struct bed b;
    bed_init(&b, "{listeners: {public: {}}, namespaces: {/: {identity: none}, /a: {identity: none}}}");
    bed_websocket(&b, 0, "", "");
    bed_reload(&b, "{listeners: {public: {max_namespaces_count: 1, max_sessions_per_address: 1, port: 1}}, namespaces: {/: {identity: none}, /a: {identity: none}}}");
    bed_text(&b, 0, "40"), bed_text(&b, 0, "40/a,");
    expect(&b, 0, "40{"), expect(&b, 0, "44/a,{\"message\":\"Too many namespaces\"}");
    bed_websocket(&b, 1, "", "");           /* the first one is not counted: it came before there was a limit */
    bed_open(&b, 2, 0, "127.0.0.1");
    bed_bytes(&b, 2, SPAN("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"));
    unsigned status;
    struct buf head = { 0 }, body = { 0 };
    CHECK(bed_next_answer(&b, 2, &status, &head, &body));
    EQUAL(status, 429);
    buf_fini(&head), buf_fini(&body);
    bed_hang_up(&b, 0), bed_hang_up(&b, 1);
    bed_websocket(&b, 3, "", "");
    bed_fini(&b);
}
