#include "t.h"
#include "json.h"
#include "node_flow.h"
#include "template.h"

#define P(n) "{\"_placeholder\":true,\"num\":" #n "}"

static struct template_scope scope_of(const char *packet)
{
    return (struct template_scope){
        .packet = span_of(packet), .user = SPAN("42"),
        .claims = SPAN("{\"sub\":42,\"username\":\"a\\\"b\",\"roles\":[\"admin\",\"x\"],\"nested\":{\"n\":1.10}}"),
        .socket = SPAN("s1"), .address = SPAN("127.0.0.1"), .nsp = SPAN("/a\"b"), .event = SPAN("\"say\""),
        .now_ms = UINT64_C(1709210096007),      /* 2024-02-29T12:34:56.007Z */
        .random = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 },
    };
}

struct compiled {
    struct template_program program;
    struct buf errors;
    struct node *node;
    struct template_compiler c;
};

static void start(struct compiled *k, const char *flow)
{
    *k = (struct compiled){ .node = node_flow(flow) };
    k->c = (struct template_compiler){ .program = &k->program, .errors = &k->errors, .where = "x" };
}

static void stop(struct compiled *k)
{
    template_fini(&k->program);
    buf_fini(&k->errors);
    node_destroy(&k->node);
}

/* ---- values */

static const struct row { const char *name, *template, *packet, *want; } rows[] = {
    { "a number as it is written",    "{id: '{id}'}",          "[\"e\",{\"id\":1.10}]",            "{\"id\":1.10}" },
    { "a large one",                  "'{id}'",                "[\"e\",{\"id\":12345678901234567890}]", "12345678901234567890" },
    { "objects whole",                "['{a}']",               "[\"e\",{\"a\":{\"b\":[1, 2]}}]",   "[{\"b\":[1, 2]}]" },
    { "null is a value",              "{a: '{a}'}",            "[\"e\",{\"a\":null}]",             "{\"a\":null}" },
    { "nested",                       "'{a.b.c}'",             "[\"e\",{\"a\":{\"b\":{\"c\":true}}}]", "true" },
    { "into a list",                  "'{a.1.x}'",             "[\"e\",{\"a\":[0,{\"x\":7}]}]",    "7" },
    { "beyond a list",                "['{a.2}']",             "[\"e\",{\"a\":[0]}]",              "[null]" },
    { "a field of a scalar",          "['{a.b}']",             "[\"e\",{\"a\":5}]",                "[null]" },
    { "a field of text",              "['{a.b}', '{length}']", "[\"e\",\"abc\"]",                  "[null,null]" },
    { "the last of equal keys",       "'{a}'",                 "[\"e\",{\"a\":1,\"a\":2}]",        "2" },
    { "an escaped key",               "'{a}'",                 "[\"e\",{\"\\u0061\":3}]",          "3" },
    { "__proto__ is a name",          "['{__proto__.x}', '{constructor}']", "[\"e\",{\"__proto__\":{\"x\":1}}]", "[1,null]" },
    { "missing: the key goes",        "{a: '{a}', b: '{b}'}",  "[\"e\",{\"b\":1}]",                "{\"b\":1}" },
    { "missing: the last key goes",   "{a: '{a}', b: '{b}'}",  "[\"e\",{\"a\":1}]",                "{\"a\":1}" },
    { "missing: all go",              "{a: '{a}', b: '{b}'}",  "[\"e\",{}]",                       "{}" },
    { "missing before a fixed one",   "{a: '{a}', b: 1, c: '{c}', d: 2}", "[\"e\",{}]",            "{\"b\":1,\"d\":2}" },
    { "there before a fixed one",     "{a: '{a}', b: 1, c: '{c}', d: 2}", "[\"e\",{\"a\":0,\"c\":0}]", "{\"a\":0,\"b\":1,\"c\":0,\"d\":2}" },
    { "missing inside stays outside", "{a: {b: '{b}'}}",       "[\"e\",{}]",                       "{\"a\":{}}" },
    { "text beginning with a brace",  "{a: '{{', b: '{b}'}",   "[\"e\",{\"b\":1}]",                "{\"a\":\"{\",\"b\":1}" },
    { "missing in a list is null",    "['{a}', 1]",            "[\"e\"]",                          "[null,1]" },
    { "missing in text is nothing",   "'<{a}>'",               "[\"e\",{}]",                       "\"<>\"" },
    { "null in text is nothing",      "'<{a}>'",               "[\"e\",{\"a\":null}]",             "\"<>\"" },
    { "text in text",                 "'to {a}: {b}!'",        "[\"e\",{\"a\":\"x\\\"y\",\"b\":\"\\ud83d\"}]", "\"to x\\\"y: \\ud83d!\"" },
    { "numbers in text",              "'{a}/{b}/{c}'",         "[\"e\",{\"a\":1.50,\"b\":-0,\"c\":true}]", "\"1.50/-0/true\"" },
    { "objects in text",              "'got {a}'",             "[\"e\",{\"a\":{\"k\":\"v\"}}]",    "\"got {\\\"k\\\":\\\"v\\\"}\"" },
    { "braces",                       "'{{x} {{{a}}'",         "[\"e\",{\"a\":1}]",                "\"{x} {1}\"" },
    { "a brace alone",                "'}'",                   "[\"e\"]",                          "\"}\"" },
    { "constants keep their type",    "{a: 42, b: 1.10, c: true, d: null, e: '42', f: [], g: {}}", "[\"e\"]",
                                      "{\"a\":42,\"b\":1.10,\"c\":true,\"d\":null,\"e\":\"42\",\"f\":[],\"g\":{}}" },
    { "quotes in constants",          "{'a\"b': 'c\\d'}",      "[\"e\"]",                          "{\"a\\\"b\":\"c\\\\d\"}" },
    { "arguments",                    "['{args.0}', '{args.1.a}', '{args.2}']", "[\"e\",5,{\"a\":[6]}]", "[5,[6],null]" },
    { "a field that is named so",     "'{args.0.event}'",      "[\"e\",{\"event\":9}]",            "9" },
    { "the user",                     "['{user.id}', '{user.username}', '{claims.roles.0}', '{user.nested.n}']", "[\"e\"]", "[42,\"a\\\"b\",\"admin\",1.10]" },
    { "a claim that is not there",    "{a: '{user.email}', b: '{claims.x.y}'}", "[\"e\"]",          "{}" },
    { "the socket",                   "['{socket.id}', '{socket.address}', '{nsp}', '{event}', 'at {nsp}']", "[\"e\"]",
                                      "[\"s1\",\"127.0.0.1\",\"/a\\\"b\",\"say\",\"at /a\\\"b\"]" },
    { "time",                         "['{now.iso}', '{now.ms}', '{now.s}', 'at {now.iso}']", "[\"e\"]",
                                      "[\"2024-02-29T12:34:56.007Z\",1709210096007,1709210096,\"at 2024-02-29T12:34:56.007Z\"]" },
    { "one new id for the event",     "['{new.id}', '<{new.id}>']", "[\"e\"]",                     "[\"AAECAwQFBgcICQoLDA0O_w\",\"<AAECAwQFBgcICQoLDA0O_w>\"]" },
    { "no packet",                    "['{a}', '{args.0}', '{user.id}']", "",                      "[null,null,42]" },
    { "blanks in the packet",         "['{a}', '{args.1}']",   " [ \"e\" , { \"a\" : 1 } , 2 ] ",  "[1,2]" },
    { "the shape of S3's music-sync", "{action: '{action}', songId: '{songId}', currentTime: '{currentTime}', userId: '{user.id}', timestamp: '{now.iso}'}",
                                      "[\"music-sync\",{\"action\":\"play\",\"songId\":\"s\"}]",
                                      "{\"action\":\"play\",\"songId\":\"s\",\"userId\":42,\"timestamp\":\"2024-02-29T12:34:56.007Z\"}" },
};

TEST(template_renders_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct compiled k;
        struct buf out = { 0 };
        struct template_run run;
        struct template_scope scope = scope_of(r->packet);
        start(&k, r->template);
        template_begin(&k.c);
        if (!template_add(&k.c, k.node)) FAIL("%s", buf_text(&k.errors));
        struct template t = template_end(&k.c);
        scope.packet = t_exact(scope.packet);
        template_start(&run, &k.program, &scope);
        template_render(&out, &t, &run);
        SAME(buf_span(&out), r->want);
        EQUAL_ERR(json_check(buf_span(&out), JSON_MAX_DEPTH), OK);
        buf_fini(&out);
        stop(&k);
    }
}

TEST(template_renders_binary_parts_with_what_they_refer_to)
{
    struct compiled k;
    struct buf out = { 0 };
    struct template_run run;
    struct template_scope scope = scope_of("[\"e\",{\"a\":" P(2) ",\"b\":{\"x\":" P(0) "},\"c\":" P(1) "}]");
    scope.attachments = 3;
    start(&k, "['{b}', '{a}', '{a}', 'text {a}']");
    template_begin(&k.c);
    CHECK(template_add(&k.c, k.node));
    struct template t = template_end(&k.c);
    template_start(&run, &k.program, &scope);
    template_render(&out, &t, &run);
    SAME(buf_span(&out), "[{\"x\":" P(0) "}," P(1) "," P(1) ",\"text {\\\"_placeholder\\\":true,\\\"num\\\":2}\"]");
    EQUAL(run.used.count, 2);
    EQUAL(run.used.used[0], 0);
    EQUAL(run.used.used[1], 2);
    buf_fini(&out);
    stop(&k);
}

TEST(template_asks_extra_values_first)
{
    struct compiled k;
    struct buf out = { 0 };
    struct template_run run;
    struct template_scope scope = scope_of("[\"e\",{\"reason\":\"mine\",\"other\":1}]");
    start(&k, "['{reason}', '{count}', '{other}']");
    template_begin(&k.c);
    CHECK(template_add(&k.c, k.node));
    struct template t = template_end(&k.c);
    template_start(&run, &k.program, &scope);
    template_render(&out, &t, &run);
    SAME(buf_span(&out), "[\"mine\",null,1]");
    scope.extra = SPAN("{\"reason\":\"transport close\",\"count\":3}");
    buf_clear(&out);
    template_start(&run, &k.program, &scope);
    template_render(&out, &t, &run);
    SAME(buf_span(&out), "[\"transport close\",3,1]");
    buf_fini(&out);
    stop(&k);
}

/* ---- time */

static const struct { const char *name; uint64_t ms; const char *iso; } times[] = {
    { "zero",         0,                         "1970-01-01T00:00:00.000Z" },
    { "leap day",     UINT64_C(951826332001),    "2000-02-29T12:12:12.001Z" },
    { "end of year",  UINT64_C(1735689599999),   "2024-12-31T23:59:59.999Z" },
    { "new year",     UINT64_C(1735689600000),   "2025-01-01T00:00:00.000Z" },
    { "no leap year", UINT64_C(4107542400000),   "2100-03-01T00:00:00.000Z" },
};

TEST(template_writes_times_as_javascript_does)
{
    struct compiled k;
    start(&k, "'{now.iso}'");
    template_begin(&k.c);
    CHECK(template_add_string(&k.c, k.node));
    struct template t = template_end(&k.c);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct template_scope scope = { .now_ms = times[i].ms };
        struct template_run run;
        struct buf out = { 0 };
        t_row = times[i].name;
        template_start(&run, &k.program, &scope);
        template_render(&out, &t, &run);
        SAME_SPAN(span_from(out.ptr + 1, out.len - 2), span_of(times[i].iso));
        buf_fini(&out);
    }
    stop(&k);
}

/* ---- addresses */

#define LONG_16   "0123456789abcdef"
#define LONG_64   LONG_16 LONG_16 LONG_16 LONG_16
#define LONG_256  LONG_64 LONG_64 LONG_64 LONG_64

static const struct address_row { const char *name, *template, *value; enum err err; const char *want; } addresses[] = {
    { "a room",                        "'room:{x}'",        "\"lobby\"",             OK, "room:lobby" },
    { "a room of a number",            "'room:{x}'",        "7",                     OK, "room:7" },
    { "of true",                       "'room:{x}'",        "true",                  OK, "room:true" },
    { "text around",                   "'room:game-{x}/{user.id}'", "\"a\"",         OK, "room:game-a/42" },
    { "a client can't leave the kind", "'room:{x}'",        "\"user:1\"",            OK, "room:user:1" },
    { "nor with *",                    "'room:{x}'",        "\"*\"",                 OK, "room:*" },
    { "nor by a NUL",                  "'room:{x}'",        "\"x\\u0000y\"",         ERR_SYNTAX, NULL },
    { "escapes are undone",            "'room:{x}'",        "\"\\u0061\\\"\\/\"",    OK, "room:a\"/" },
    { "missing",                       "'room:{y}'",        "1",                     ERR_MISSING, NULL },
    { "null",                          "'room:{x}'",        "null",                  ERR_MISSING, NULL },
    { "empty",                         "'room:{x}'",        "\"\"",                  ERR_MISSING, NULL },
    { "empty beside text",             "'room:a{x}'",       "\"\"",                  ERR_MISSING, NULL },
    { "an object",                     "'room:{x}'",        "{}",                    ERR_TYPE, NULL },
    { "a list",                        "'room:{x}'",        "[\"a\"]",               ERR_TYPE, NULL },
    { "256 bytes",                     "'room:{x}'",        "\"" LONG_256 "\"",      OK, "room:" LONG_256 },
    { "257 bytes",                     "'room:{x}'",        "\"" LONG_256 "x\"",     ERR_LIMIT, NULL },
    { "256 and text around",           "'room:-{x}'",       "\"" LONG_256 "\"",      ERR_LIMIT, NULL },
    { "very long",                     "'room:{x}'",        "\"" LONG_256 LONG_256 LONG_256 LONG_256 LONG_256 LONG_256 LONG_256 "\"", ERR_LIMIT, NULL },
    { "a user",                        "'user:{x}'",        "42",                    OK, "user:42" },
    { "the same user as text",         "'user:{x}'",        "\"42\"",                OK, "user:42" },
    { "a user of another realm: no",   "'user:{x}'",        "\"other/42\"",          OK, "user:/other/42" },
    { "oneself",                       "'user:{user.id}'",  "0",                     OK, "user:42" },
    { "a socket",                      "'socket:{x}'",      "\"abc\"",               OK, "socket:abc" },
    { "self",                          "self",              "0",                     OK, "socket:s1" },
    { "all",                           "'*'",               "0",                     OK, "*" },
    { "a constant",                    "'room:lobby'",      "0",                     OK, "room:lobby" },
};

TEST(template_makes_every_address)
{
    const struct address_row *r;
    EACH(r, addresses) {
        struct compiled k;
        struct template_address a;
        struct template_run run;
        struct buf packet = { 0 }, out = { 0 };
        start(&k, r->template);
        if (!template_compile_address(&a, &k.c, k.node)) FAIL("%s", buf_text(&k.errors));
        buf_add_format(&packet, "[\"e\",{\"x\":%s}]", r->value);
        struct template_scope scope = scope_of(buf_text(&packet));
        template_start(&run, &k.program, &scope);
        enum err e = template_render_address(&out, &a, &run);
        if (e != r->err) FAIL("got %s, want %s", err_name(e), err_name(r->err));
        if (e == OK) SAME(buf_span(&out), r->want);
        else EQUAL(out.len, 0);
        buf_fini(&packet), buf_fini(&out);
        stop(&k);
    }
}

TEST(template_keeps_users_in_their_realm)
{
    struct compiled k;
    struct template_address a;
    struct template_run run;
    struct buf out = { 0 };
    struct template_scope scope = scope_of("[\"e\",{\"x\":\"b/1\"}]");
    scope.realm = SPAN("a");
    start(&k, "'user:{x}'");
    CHECK(template_compile_address(&a, &k.c, k.node));
    template_start(&run, &k.program, &scope);
    EQUAL_ERR(template_render_address(&out, &a, &run), OK);
    EQUAL_ERR(template_user_address(&out, SPAN(""), SPAN("42")), OK);
    EQUAL_ERR(template_user_address(&out, SPAN("r"), SPAN("\"42\"")), OK);
    EQUAL_ERR(template_user_address(&out, SPAN(""), SPAN("\"a/b\"")), OK);
    EQUAL_ERR(template_user_address(&out, SPAN(""), SPAN("{}")), ERR_TYPE);
    EQUAL_ERR(template_user_address(&out, SPAN(""), SPAN("")), ERR_MISSING);
    SAME(buf_span(&out), "user:a/b/1" "user:42" "user:r/42" "user:/a/b");
    buf_fini(&out);
    stop(&k);
}

/* ---- errors at load */

static const struct wrong { const char *name, *template; bool address; const char *error; } wrongs[] = {
    { "an open brace",      "['ok', 'a {b']",    false, "test.yaml:1:8: x: a '{' without '}'" },
    { "nothing in braces",  "'a {}'",            false, "'' is no path" },
    { "an empty name",      "'{a..b}'",          false, "'a..b' is no path" },
    { "no such time",       "'{now.day}'",       false, "there is no {now.day} here (a payload field of that name is {args.0.now.day})" },
    { "the user as such",   "'{user}'",          false, "there is no {user} here" },
    { "no such argument",   "'{args.x}'",        false, "behind args. stands the number of an argument" },
    { "a path in a key",    "{'{a}': 1}",        false, "a key can't hold a path" },
    { "Socket.IO's own",    "{_placeholder: true}", false, "_placeholder belongs to Socket.IO" },
    { "no kind",            "'{x}'",             true,  "is no address" },
    { "a kind from a path", "'{x}:1'",           true,  "is no address" },
    { "an unknown kind",    "'group:1'",         true,  "is no address" },
    { "no name",            "'room:'",           true,  "a name is empty" },
    { "a long name",        "'room:" LONG_256 "x'", true, "longer than 256" },
    { "no text",            "5",                 true,  "must be an address" },
};

TEST(template_refuses_every_mistake)
{
    const struct wrong *r;
    EACH(r, wrongs) {
        struct compiled k;
        struct template_address a;
        start(&k, r->template);
        template_begin(&k.c);
        CHECK(!(r->address ? template_compile_address(&a, &k.c, k.node) : template_add(&k.c, k.node)));
        if (!strstr(buf_text(&k.errors), r->error)) FAIL("'%s' is not in: %s", r->error, buf_text(&k.errors));
        stop(&k);
    }
}

TEST(template_knows_no_socket_where_there_is_none)
{
    struct compiled k;
    struct template_address a;
    start(&k, "['{socket.id}', self]");
    k.c.no_socket = true;
    CHECK(!template_add(&k.c, k.node->child[0]));
    CHECK(!template_compile_address(&a, &k.c, k.node->child[1]));
    stop(&k);
}

TEST(template_refuses_a_65th_path)
{
    struct compiled k;
    struct buf flow = { 0 };
    buf_add_byte(&flow, '[');
    for (int i = 0; i <= TEMPLATE_PATHS_MAX; i++) buf_add_format(&flow, "%s'{f%d}', '{f%d}'", i ? "," : "", i, i);
    buf_add_byte(&flow, ']');
    start(&k, buf_text(&flow));
    CHECK(!template_add(&k.c, k.node));
    CHECK(strstr(buf_text(&k.errors), "more than 64"));
    buf_fini(&flow);
    stop(&k);
}
