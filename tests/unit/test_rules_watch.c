/* watch, unwatch, watched; watchers of an announcement. */
#include "t.h"
#include "json.h"
#include "msg.h"
#include "node_flow.h"
#include "rules.h"

static char name[] = "/";

static struct rules *rules_of(const char *events, const char *connect, const char *online)
{
    struct buf errors = { 0 };
    struct config_namespace ns = { .name = name, .events = node_flow(events), .connect = connect ? node_flow(connect) : NULL,
                                   .online = online ? node_flow(online) : NULL };
    struct rules *r = rules_new(&ns, &errors);
    node_destroy(&ns.events), node_destroy(&ns.connect), node_destroy(&ns.online);
    if (!r) FAIL("%s", buf_text(&errors));
    return r;
}

static struct template_scope scope_of(const char *packet)
{
    struct template_scope scope = { .packet = span_of(packet), .user = SPAN("42"), .nsp = SPAN("/"), .socket = SPAN("s1") };
    CHECK(json_event_name(scope.packet, &scope.event) == OK);
    return scope;
}

TEST(rules_watch_whom_the_payload_names)
{
    static const struct row { const char *name, *packet, *remove, *add; bool asks; enum err err; } rows[] = {
        { "a number",        "[\"one\",{\"id\":7}]",           "", "7", false, OK },
        { "a string",        "[\"one\",{\"id\":\"7\"}]",       "", "\"7\"", false, OK },
        { "a list",          "[\"one\",{\"id\":[7,\"a\"]}]",   "", "[7,\"a\"]", false, OK },
        { "none",            "[\"one\",{\"id\":[]}]",          "", "[]", false, OK },
        { "missing",         "[\"one\",{}]",                   "", "", false, ERR_MISSING },
        { "an object",       "[\"one\",{\"id\":{}}]",          "", "", false, ERR_TYPE },
        { "true",            "[\"one\",{\"id\":true}]",        "", "", false, ERR_TYPE },
        { "an empty text",   "[\"one\",{\"id\":\"\"}]",        "", "", false, ERR_TYPE },
        { "a bad one",       "[\"one\",{\"id\":[1,null]}]",    "", "", false, ERR_TYPE },
        { "two of the rule", "[\"two\",{\"a\":1,\"b\":\"x\"}]", "", "[1,\"x\"]", false, OK },
        { "anybody",         "[\"set\",{\"ids\":[1]}]",        "\"*\"", "[1]", true, OK },
        { "only asked",      "[\"ask\"]",                      "", "", true, OK },
        { "where it holds",  "[\"may\",{\"x\":1}]",            "", "", true, OK },
    };
    struct rules *r = rules_of("{one: {watch: '{id}'}, two: {watch: ['{a}', '{b}']}, set: {unwatch: '*', watch: '{ids}', watched: {event: w}},"
                               " ask: {watched: {event: w}}, may: {watched: {when: {x: present}, event: w}}}", NULL, NULL);
    struct rules_effects out = { 0 };
    const struct row *row;
    EACH(row, rows) {
        struct template_scope scope = scope_of(row->packet);
        EQUAL_ERR(rules_run(r, &scope, NULL, &out), row->err);
        const struct rules_effect *e = NULL;
        for (size_t i = 0; i < out.count; i++)
            if (out.at[i].kind == RULES_WATCH) e = &out.at[i];
        EQUAL(e != NULL, row->err == OK);
        if (!e) continue;
        SAME(e->to, row->remove), SAME(e->args, row->add);
        EQUAL(e->asks, row->asks);
    }
    struct template_scope scope = scope_of("[\"may\",{}]");
    EQUAL_ERR(rules_run(r, &scope, NULL, &out), OK);
    EQUAL(out.count, 1);                    /* nothing to do: the ack alone */
    rules_effects_fini(&out);
    rules_destroy(&r);
}

static void print(struct buf *said, const struct rules_effects *out)
{
    for (size_t i = 0; i < out->count; i++) CHECK(out->at[i].kind == RULES_REPLY), buf_add(said, out->at[i].args);
}

TEST(rules_say_who_is_watched)
{
    struct rules *r = rules_of("{a: [{when: {x: present}, watched: {event: first, args: ['{watched}']}}, {watched: [{event: all, args: ['{watched}', '{user.id}']},"
                               " {event: one, args: [{id: '{watched}'}], each: true}]}]}", "{watched: {event: hi, args: ['{watched}']}}", NULL);
    static const struct row { const char *name; bool connect; unsigned alternative; const char *online, *want; } rows[] = {
        { "the first of its list", false, 0, "[1]", "[\"first\",[1]]" },
        { "the second: all, and each", false, 1, "[1,\"x\"]", "[\"all\",[1,\"x\"],42][\"one\",{\"id\":1}][\"one\",{\"id\":\"x\"}]" },
        { "nobody", false, 1, "[]", "[\"all\",[],42]" },
        { "no such one any more", false, 2, "[1]", "" },
        { "at a connect", true, 0, "[]", "[\"hi\",[]]" },
    };
    struct rules_effects out = { 0 };
    const struct row *row;
    EACH(row, rows) {
        struct template_scope scope = scope_of("[\"a\"]");
        struct buf said = { 0 };
        rules_watched(r, &scope, row->connect, row->alternative, span_of(row->online), &out);
        print(&said, &out);
        SAME(buf_span(&said), row->want);
        buf_fini(&said);
    }
    struct template_scope scope = scope_of("[\"unknown\"]");
    rules_watched(r, &scope, false, 0, SPAN("[]"), &out);
    EQUAL(out.count, 0);
    CHECK(!rules_watches(r));
    rules_effects_fini(&out);
    rules_destroy(&r);
}

TEST(rules_announce_to_watchers)
{
    struct rules *r = rules_of("{}", NULL, "[{to: watchers, event: a}, {to: ['room:x', watchers], event: b}, {to: '*', event: c}]");
    struct rules_effects out = { 0 };
    struct template_scope scope = { .user = SPAN("42"), .nsp = SPAN("/") };
    EQUAL_ERR(rules_online(r, &scope, &out), OK);
    EQUAL(out.count, 3);
    CHECK(out.at[0].watchers && out.at[0].to.len == 0 && out.at[1].watchers && msg_count_strs(out.at[1].to) == 1 && !out.at[2].watchers);
    CHECK(rules_watches(r));
    rules_effects_fini(&out);
    rules_destroy(&r);
}

TEST(rules_of_watching_are_checked)
{
    static const struct row { const char *name, *events, *want; } rows[] = {
        { "a map",             "{a: {watch: {id: 1}}}", "namespaces./.events.a.watch: must be a user's id or a list of them" },
        { "watchers elsewhere", "{a: {emit: {to: watchers, event: x}}}", "watchers are those of a user who comes or goes: in online and offline only" },
        { "each of a reply",   "{a: {reply: {event: x, each: true}}}", "unknown key 'each'" },
        { "no event",          "{a: {watched: {args: []}}}", "event is missing" },
    };
    const struct row *row;
    EACH(row, rows) {
        struct buf errors = { 0 };
        struct config_namespace ns = { .name = name, .events = node_flow(row->events) };
        struct rules *r = rules_new(&ns, &errors);
        CHECK(!r);
        if (!strstr(buf_text(&errors), row->want)) FAIL("%s", buf_text(&errors));
        node_destroy(&ns.events);
        buf_fini(&errors);
    }
}
