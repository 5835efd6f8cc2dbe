#include "t.h"
#include "json.h"
#include "msg.h"
#include "node_flow.h"
#include "rules_plan.h"

#define P(n) "{\"_placeholder\":true,\"num\":" #n "}"
#define ISO  "\"2024-02-29T12:34:56.007Z\""

static struct config_namespace namespace_of(const char *events, bool error_first)
{
    static char name[] = "/";
    return (struct config_namespace){ .name = name, .events = node_flow(events), .acks_error_first = error_first };
}

static struct rules *rules_of(const char *events, bool error_first)
{
    struct buf errors = { 0 };
    struct config_namespace ns = namespace_of(events, error_first);
    struct rules *r = rules_new(&ns, &errors);
    node_destroy(&ns.events);
    if (!r) FAIL("%s", buf_text(&errors));
    CHECK(errors.len == 0);
    return r;
}

static struct template_scope scope_of(struct span packet)
{
    struct template_scope scope = {
        .packet = packet, .user = SPAN("42"), .claims = SPAN("{\"username\":\"ann\"}"),
        .socket = SPAN("s1"), .nsp = SPAN("/"), .now_ms = UINT64_C(1709210096007),
    };
    if (packet.len) CHECK(json_event_name(packet, &scope.event) == OK);
    return scope;
}

static void print_strs(struct buf *out, const char *name, struct span strs)
{
    struct span s;
    if (strs.len == 0) return;
    buf_add(out, span_of(name));
    for (const char *gap = ""; msg_next_str(&strs, &s); gap = ",") buf_add(out, span_of(gap)), buf_add(out, s);
}

/* A line each: "emit room:x not socket:s1 volatile [...] +0" */
static void print(struct buf *out, const struct rules_effects *effects)
{
    static const char *const kinds[] = { "join", "leave", "emit", "watch", "reply", "ack" };
    for (size_t i = 0; i < effects->count; i++) {
        const struct rules_effect *e = &effects->at[i];
        buf_add(out, span_of(kinds[e->kind]));
        if (e->kind == RULES_JOIN || e->kind == RULES_LEAVE) buf_add_byte(out, ' '), buf_add(out, e->to);
        else print_strs(out, " ", e->to);
        print_strs(out, " not ", e->except);
        if (e->is_volatile) buf_add_literal(out, " volatile");
        if (e->args.len) buf_add_byte(out, ' '), buf_add(out, e->args);
        for (size_t k = 0; k < e->attachments.len; k++) buf_add_format(out, " +%d", e->attachments.ptr[k]);
        buf_add_byte(out, '\n');
        if (e->args.len) EQUAL_ERR(json_check(e->args, JSON_MAX_DEPTH), OK);
    }
}

static bool in_mine(const void *self, struct span address)
{
    (void)self;
    return span_same(address, SPAN("room:mine"));
}
static const struct rules_rooms rooms = { in_mine, NULL };

/* ---- what rules do */

static const char chat[] =
    "{private-message: {"
    "    require: {targetUserId: string, message: {type: string, max: 1000}},"
    "    emit: {to: 'user:{targetUserId}', event: private-message,"
    "           args: [{senderId: '{user.id}', senderUsername: '{user.username}', message: '{message}', timestamp: '{now.iso}'}]},"
    "    reply: {event: message-sent, args: [{targetUserId: '{targetUserId}', message: '{message}', timestamp: '{now.iso}'}]},"
    "    ack: {success: true}},"
    " 'private:message': {"                                         /* S2's: ids stay numbers */
    "    require: {toUserId: integer, message: {type: string, min: 1}},"
    "    emit: {to: 'user:{toUserId}', event: 'private:message', args: [{fromUserId: '{user.id}', message: '{message}', toUserId: '{toUserId}'}]},"
    "    reply: {event: 'message:sent', args: [{messageId: '{new.id}'}]}},"
    " music-sync: {"                                                /* S3's */
    "    require: {action: string, songId: string, currentTime: {type: number, optional: true}, room: string},"
    "    emit: {to: 'room:{room}', others: true, volatile: true, event: music-sync,"
    "           args: [{action: '{action}', songId: '{songId}', currentTime: '{currentTime}', userId: '{user.id}'}]}},"
    " devices: {emit: {to: 'user:{user.id}', others: true, event: sync, args: ['{args.0}']}},"
    " 'room:join': {require: {roomId: any}, join: '{roomId}', reply: {event: 'room:joined', args: [{roomId: '{roomId}'}]},"
    "    emit: {to: 'room:{roomId}', others: true, event: 'room:user:joined', args: [{userId: '{user.id}'}]}},"
    " 'room:leave': {leave: ['{roomId}', 'also-{roomId}'], emit: {to: ['room:{roomId}', 'user:7'], except: ['user:{user.id}', 'room:quiet'], event: left}},"
    " say: {member: '{room}', emit: {to: 'room:{room}', event: said, args: ['{text}']}},"
    " lobby: {member: lobby},"
    " ping: {ack: pong},"
    " nothing: ,"
    " echo: {require: {args.1: {type: integer, min: 1, max: 3}}, reply: [{event: '{event}', args: ['{args.0}', '{args.1}']}, {event: twice}]},"
    " rename: {reply: {event: '{name}'}},"
    " 7: {reply: {event: 8, args: [{n: '{n}'}]}, emit: {to: '*', event: '9'}},"
    " text: {require: string, ack: '{args.0}'},"
    " blob: {emit: [{to: '*', event: one, args: ['{b}']}, {to: self, event: both, args: ['{b}', '{a}']}, {to: '*', event: none}], ack: '{a}'},"
    " strict: {require: {n: {type: number, min: -1.5, max: 10}, l: {type: array, min: 1, max: 2}, o: object, b: boolean},"
    "    refuse: {event: failed, args: ['{field}', 'because it {problem}', '{n}'], ack: {error: '{problem}'}}},"
    " all: {reply: [{event: back, args: ['{args}']}, {event: between, args: [1, '{args}', 2]}], ack_args: ['{args}']},"
    " two: {ack_args: ['{args}', '{event}', '{args}']},"
    " quiet: {require: {x: any}, refuse: {ack: no}},"
    " 5: {ack: five}}";

#define ISO_AT "\"timestamp\":" ISO
#define REFUSED(text) "reply [\"error\",{\"message\":\"" text "\"}]\nack [null]\n"

static const struct row { const char *name, *packet; enum err err; const char *want; } rows[] = {
    { "a private message", "[\"private-message\",{\"targetUserId\":\"7\",\"message\":\"hi\"}]", OK,
      "emit user:7 [\"private-message\",{\"senderId\":42,\"senderUsername\":\"ann\",\"message\":\"hi\"," ISO_AT "}]\n"
      "reply [\"message-sent\",{\"targetUserId\":\"7\",\"message\":\"hi\"," ISO_AT "}]\n"
      "ack [{\"success\":true}]\n" },
    { "numeric ids stay numbers", "[\"private:message\",{\"toUserId\":7,\"message\":\"x\"}]", OK,
      "emit user:7 [\"private:message\",{\"fromUserId\":42,\"message\":\"x\",\"toUserId\":7}]\n"
      "reply [\"message:sent\",{\"messageId\":\"AAAAAAAAAAAAAAAAAAAAAA\"}]\nack [null]\n" },
    { "music-sync without its time", "[\"music-sync\",{\"action\":\"play\",\"songId\":\"s\",\"room\":\"r\"}]", OK,
      "emit room:r not socket:s1 volatile [\"music-sync\",{\"action\":\"play\",\"songId\":\"s\",\"userId\":42}]\nack [null]\n" },
    { "and with it", "[\"music-sync\",{\"action\":\"play\",\"songId\":\"s\",\"currentTime\":12.50,\"room\":\"r\"}]", OK,
      "emit room:r not socket:s1 volatile [\"music-sync\",{\"action\":\"play\",\"songId\":\"s\",\"currentTime\":12.50,\"userId\":42}]\nack [null]\n" },
    { "own other devices", "[\"devices\",[1,2]]", OK, "emit user:42 not socket:s1 [\"sync\",[1,2]]\nack [null]\n" },
    { "join, then the rest", "[\"room:join\",{\"roomId\":9}]", OK,
      "join room:9\nemit room:9 not socket:s1 [\"room:user:joined\",{\"userId\":42}]\nreply [\"room:joined\",{\"roomId\":9}]\nack [null]\n" },
    { "leave two, several addresses", "[\"room:leave\",{\"roomId\":\"a\"}]", OK,
      "leave room:a\nleave room:also-a\nemit room:a,user:7 not user:42,room:quiet [\"left\"]\nack [null]\n" },
    { "a room can't be a user", "[\"room:join\",{\"roomId\":\"user:1\"}]", OK,
      "join room:user:1\nemit room:user:1 not socket:s1 [\"room:user:joined\",{\"userId\":42}]\nreply [\"room:joined\",{\"roomId\":\"user:1\"}]\nack [null]\n" },
    { "nor have a NUL", "[\"room:join\",{\"roomId\":\"x\\u0000y\"}]", ERR_SYNTAX, REFUSED("roomId has a character that is not allowed") },
    { "nor be an object", "[\"room:join\",{\"roomId\":{}}]", ERR_TYPE, REFUSED("roomId must be text or a number") },
    { "nor be empty", "[\"room:join\",{\"roomId\":\"\"}]", ERR_MISSING, REFUSED("roomId is missing") },
    { "nor be missing", "[\"room:leave\",{}]", ERR_MISSING, REFUSED("roomId is missing") },
    { "a member", "[\"say\",{\"room\":\"mine\",\"text\":\"t\"}]", OK, "emit room:mine [\"said\",\"t\"]\nack [null]\n" },
    { "no member", "[\"say\",{\"room\":\"other\",\"text\":\"t\"}]", ERR_AUTH, REFUSED("room is a room that you are not in") },
    { "no member of a fixed room", "[\"lobby\"]", ERR_AUTH, REFUSED("room is a room that you are not in") },
    { "an ack", "[\"ping\"]", OK, "ack [\"pong\"]\n" },
    { "nothing to do", "[\"nothing\",1]", OK, "ack [null]\n" },
    { "no rule", "[\"unknown\",1]", ERR_UNKNOWN, "ack [null]\n" },
    { "no rule, a long name", "[\"private-message-private-message-private-message\",1]", ERR_UNKNOWN, "ack [null]\n" },
    { "__proto__ has no rule", "[\"__proto__\"]", ERR_UNKNOWN, "ack [null]\n" },
    { "an escaped name", "[\"\\u0070ing\"]", OK, "ack [\"pong\"]\n" },
    { "a number as the name", "[5]", OK, "ack [\"five\"]\n" },
    { "several arguments", "[\"echo\",{\"a\":1},2]", OK, "reply [\"echo\",{\"a\":1},2]\nreply [\"twice\"]\nack [null]\n" },
    { "the second is too large", "[\"echo\",0,4]", ERR_LIMIT, REFUSED("args.1 must be at most 3") },
    { "the second is no integer", "[\"echo\",0,1.5]", ERR_TYPE, REFUSED("args.1 must be an integer") },
    { "1.0 is one", "[\"echo\",0,1.0]", OK, "reply [\"echo\",0,1.0]\nreply [\"twice\"]\nack [null]\n" },
    { "numbers are names", "[7,{\"n\":1}]", OK, "emit * [\"9\"]\nreply [8,{\"n\":1}]\nack [null]\n" },
    { "an event by its name", "[\"rename\",{\"name\":\"other\"}]", OK, "reply [\"other\"]\nack [null]\n" },
    { "not one of Socket.IO's", "[\"rename\",{\"name\":\"disconnect\"}]", ERR_STATE, REFUSED("payload names one of Socket.IO's own events") },
    { "not even in disguise", "[\"rename\",{\"name\":\"\\u0064isconnect\"}]", ERR_STATE, REFUSED("payload names one of Socket.IO's own events") },
    { "the payload is text", "[\"text\",\"x\"]", OK, "ack [\"x\"]\n" },
    { "or should be", "[\"text\",{\"x\":1}]", ERR_TYPE, REFUSED("payload must be a string") },
    { "and is missing", "[\"text\"]", ERR_MISSING, REFUSED("payload is missing") },
    { "the payload is no object", "[\"private-message\",\"x\"]", ERR_TYPE, REFUSED("payload must be an object") },
    { "nor is a list", "[\"private-message\",[]]", ERR_TYPE, REFUSED("payload must be an object") },
    { "no payload at all", "[\"private-message\"]", ERR_MISSING, REFUSED("targetUserId is missing") },
    { "a number for a text", "[\"private-message\",{\"targetUserId\":7,\"message\":\"hi\"}]", ERR_TYPE, REFUSED("targetUserId must be a string") },
    { "null for a text", "[\"private-message\",{\"targetUserId\":null,\"message\":\"hi\"}]", ERR_TYPE, REFUSED("targetUserId must be a string") },
    { "__proto__ gives nothing", "[\"private-message\",{\"__proto__\":{\"targetUserId\":\"7\"},\"message\":\"hi\"}]", ERR_MISSING, REFUSED("targetUserId is missing") },
    { "too short", "[\"private:message\",{\"toUserId\":7,\"message\":\"\"}]", ERR_RANGE, REFUSED("message must have at least 1 characters") },
    { "own words", "[\"strict\",{\"n\":11}]", ERR_LIMIT,
      "reply [\"failed\",\"n\",\"because it must be at most 10\",11]\nack [{\"error\":\"must be at most 10\"}]\n" },
    { "too small", "[\"strict\",{\"n\":-2}]", ERR_RANGE,
      "reply [\"failed\",\"n\",\"because it must be at least -1.5\",-2]\nack [{\"error\":\"must be at least -1.5\"}]\n" },
    { "infinite", "[\"strict\",{\"n\":1e999}]", ERR_TYPE,
      "reply [\"failed\",\"n\",\"because it must be a number\",1e999]\nack [{\"error\":\"must be a number\"}]\n" },
    { "elements", "[\"strict\",{\"n\":1,\"l\":[1,[2],3]}]", ERR_LIMIT,
      "reply [\"failed\",\"l\",\"because it must have at most 2 elements\",1]\nack [{\"error\":\"must have at most 2 elements\"}]\n" },
    { "no boolean", "[\"strict\",{\"n\":1,\"l\":[1],\"o\":{},\"b\":0}]", ERR_TYPE,
      "reply [\"failed\",\"b\",\"because it must be true or false\",1]\nack [{\"error\":\"must be true or false\"}]\n" },
    { "all as it should be", "[\"strict\",{\"n\":1,\"l\":[1],\"o\":{},\"b\":false}]", OK, "ack [null]\n" },
    { "all arguments", "[\"all\",1, \"2\",{\"3\":[true]}]", OK,
      "reply [\"back\",1,\"2\",{\"3\":[true]}]\nreply [\"between\",1,1,\"2\",{\"3\":[true]},2]\nack [1,\"2\",{\"3\":[true]}]\n" },
    { "all of none", "[\"all\"]", OK, "reply [\"back\"]\nreply [\"between\",1,2]\nack []\n" },
    { "several values in an ack", "[\"two\",[[]]]", OK, "ack [[[]],\"two\",[[]]]\n" },
    { "or one", "[\"two\"]", OK, "ack [\"two\"]\n" },
    { "refused by the ack alone", "[\"quiet\",{}]", ERR_MISSING, "ack [\"no\"]\n" },
};

TEST(rules_do_every_row)
{
    struct rules *r = rules_of(chat, false);
    struct rules_effects effects = { 0 };
    const struct row *row;
    EACH(row, rows) {
        struct buf text = { 0 };
        struct template_scope scope = scope_of(t_exact(span_of(row->packet)));
        enum err e = rules_run(r, &scope, &rooms, &effects);
        print(&text, &effects);
        if (e != row->err) FAIL("got %s, want %s", err_name(e), err_name(row->err));
        SAME(buf_span(&text), row->want);
        buf_fini(&text);
    }
    rules_effects_fini(&effects);
    rules_destroy(&r);
}

static void expect(struct rules *r, const struct template_scope *scope, enum err err, const char *want)
{
    struct rules_effects effects = { 0 };
    struct buf text = { 0 };
    EQUAL_ERR(rules_run(r, scope, &rooms, &effects), err);
    print(&text, &effects);
    SAME(buf_span(&text), want);
    buf_fini(&text);
    rules_effects_fini(&effects);
}

TEST(rules_send_the_attachments_that_they_refer_to)
{
    struct rules *r = rules_of(chat, false);
    struct template_scope scope = scope_of(SPAN("[\"blob\",{\"a\":" P(0) ",\"b\":[" P(1) "]}]"));
    scope.attachments = 2;
    expect(r, &scope, OK,
        "emit * [\"one\",[" P(0) "]] +1\n"
        "emit socket:s1 [\"both\",[" P(0) "]," P(1) "] +1 +0\n"
        "emit * [\"none\"]\n"
        "ack [" P(0) "] +0\n");
    scope = scope_of(SPAN("[\"two\"," P(1) "," P(0) "]"));
    scope.attachments = 2;
    expect(r, &scope, OK, "ack [" P(0) "," P(1) ",\"two\"," P(0) "," P(1) "] +1 +0\n");
    rules_destroy(&r);
}

/* trap 51 */
TEST(rules_answer_error_first_where_the_namespace_says_so)
{
    struct rules *r = rules_of("{ping: {ack: pong}, all: {ack_args: ['{args}', x]}, void: , bad: {require: {x: any}, refuse: {ack: {message: '{problem}'}}}}", true);
    struct template_scope scope = scope_of(SPAN("[\"ping\"]"));
    expect(r, &scope, OK, "ack [null,\"pong\"]\n");
    scope = scope_of(SPAN("[\"all\",1,2]"));
    expect(r, &scope, OK, "ack [null,1,2,\"x\"]\n");
    scope = scope_of(SPAN("[\"void\"]"));
    expect(r, &scope, OK, "ack [null]\n");
    scope = scope_of(SPAN("[\"bad\"]"));
    expect(r, &scope, ERR_MISSING, "ack [{\"message\":\"is missing\"}]\n");
    rules_destroy(&r);
}

/* trap 34 */
TEST(rules_count_characters_as_javascript_does)
{
    static const struct { const char *name, *character; unsigned count; enum err err; } lengths[] = {
        { "1000 CJK",        "\xe4\xbd\xa0", 1000, OK },
        { "1001 CJK",        "\xe4\xbd\xa0", 1001, ERR_LIMIT },
        { "1000 ASCII",      "a",            1000, OK },
        { "1001 ASCII",      "a",            1001, ERR_LIMIT },
        { "500 emoji",       "\xf0\x9f\x98\x80", 500, OK },
        { "501 emoji",       "\xf0\x9f\x98\x80", 501, ERR_LIMIT },
        { "1000 escapes",    "\\u4f60",      1000, OK },
        { "1001 escapes",    "\\n",          1001, ERR_LIMIT },
    };
    struct rules *r = rules_of(chat, false);
    struct rules_effects effects = { 0 };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct buf packet = { 0 };
        t_row = lengths[i].name;
        buf_add_literal(&packet, "[\"private-message\",{\"targetUserId\":\"7\",\"message\":\"");
        for (unsigned k = 0; k < lengths[i].count; k++) buf_add(&packet, span_of(lengths[i].character));
        buf_add_literal(&packet, "\"}]");
        struct template_scope scope = scope_of(buf_span(&packet));
        EQUAL_ERR(rules_run(r, &scope, NULL, &effects), lengths[i].err);
        if (lengths[i].err) SAME(effects.problem, "must have at most 1000 characters");
        buf_fini(&packet);
    }
    rules_effects_fini(&effects);
    rules_destroy(&r);
}

TEST(rules_let_nobody_be_a_member_without_asking)
{
    struct rules *r = rules_of(chat, false);
    struct rules_effects effects = { 0 };
    struct template_scope scope = scope_of(SPAN("[\"say\",{\"room\":\"mine\",\"text\":\"t\"}]"));
    EQUAL_ERR(rules_run(r, &scope, NULL, &effects), ERR_AUTH);
    SAME(effects.field, "room");
    rules_effects_fini(&effects);
    rules_destroy(&r);
}

/* ---- life-cycle */

TEST(rules_welcome_and_announce)
{
    static char name[] = "/admin";
    struct buf errors = { 0 }, text = { 0 };
    struct rules_effects effects = { 0 };
    struct config_namespace ns = {
        .name = name,
        .connect = node_flow("{join: ['news', '{claims.team}', 'u-{user.id}'],"
                             " reply: {event: connected, args: [{message: welcome, userId: '{user.id}', socketId: '{socket.id}'}]},"
                             " emit: {to: '*', others: true, event: came, args: ['{user.username}']}}"),
        .online  = node_flow("{to: '*', event: 'user:online', args: [{userId: '{user.id}', username: '{user.username}', timestamp: '{now.iso}'}]}"),
        .offline = node_flow("[{to: 'room:watch-{user.id}', event: 'user:offline', args: [{userId: '{user.id}', reason: '{reason}'}]},"
                             " {to: '*', event: gone, except: 'user:{user.id}', volatile: true}]"),
    };
    struct rules *r = rules_new(&ns, &errors);
    if (!r) FAIL("%s", buf_text(&errors));
    node_destroy(&ns.connect), node_destroy(&ns.online), node_destroy(&ns.offline);

    struct template_scope scope = scope_of(SPAN(""));
    EQUAL_ERR(rules_connect(r, &scope, &effects), ERR_MISSING);     /* no team: that room is left out */
    print(&text, &effects);
    SAME(buf_span(&text), "join room:news\njoin room:u-42\nemit * not socket:s1 [\"came\",\"ann\"]\n"
                          "reply [\"connected\",{\"message\":\"welcome\",\"userId\":42,\"socketId\":\"s1\"}]\n");
    buf_clear(&text);
    EQUAL_ERR(rules_online(r, &scope, &effects), OK);
    print(&text, &effects);
    SAME(buf_span(&text), "emit * [\"user:online\",{\"userId\":42,\"username\":\"ann\",\"timestamp\":" ISO "}]\n");
    buf_clear(&text);
    scope.extra = SPAN("{\"reason\":\"ping timeout\"}");
    EQUAL_ERR(rules_offline(r, &scope, &effects), OK);
    print(&text, &effects);
    SAME(buf_span(&text), "emit room:watch-42 [\"user:offline\",{\"userId\":42,\"reason\":\"ping timeout\"}]\nemit * not user:42 volatile [\"gone\"]\n");
    buf_fini(&text);
    rules_effects_fini(&effects);
    rules_destroy(&r);
}

TEST(rules_may_be_none)
{
    static char name[] = "/";
    struct buf errors = { 0 };
    struct rules_effects effects = { 0 };
    struct config_namespace ns = { .name = name };
    struct rules *r = rules_new(&ns, &errors);
    struct template_scope scope = scope_of(SPAN("[\"x\"]"));
    CHECK(r);
    EQUAL_ERR(rules_run(r, &scope, NULL, &effects), ERR_UNKNOWN);
    EQUAL(effects.count, 1);
    EQUAL_ERR(rules_connect(r, &scope, &effects), OK);
    EQUAL_ERR(rules_online(r, &scope, &effects), OK);
    EQUAL(effects.count, 0);
    rules_effects_fini(&effects);
    rules_destroy(&r);
    rules_destroy(&r);
}

TEST(rules_find_one_of_ten_thousand)
{
    static const int counts[] = { 10, 10000 };
    for (size_t k = 0; k < 2; k++) {
        struct buf flow = { 0 }, event = { 0 };
        size_t probes = 0;
        buf_add_byte(&flow, '{');
        for (int i = 0; i < counts[k]; i++) buf_add_format(&flow, "%sevent-%d: {ack: %d}", i ? ", " : "", i, i);
        buf_add_byte(&flow, '}');
        struct rules *r = rules_of(buf_text(&flow), false);
        for (int i = 0; i < counts[k]; i++) {
            buf_clear(&event);
            buf_add_format(&event, "\"event-%d\"", i);
            CHECK(rules_find(r, buf_span(&event)));
            probes += map_probes(&r->by_name, span_from(event.ptr + 1, event.len - 2));
        }
        CHECK(!rules_find(r, SPAN("\"event-10000\"")));
        if (probes > 4 * (size_t)counts[k]) FAIL("%zu looks for %d events", probes, counts[k]);     /* at 7/8 full it is 4 on average */
        buf_fini(&flow), buf_fini(&event);
        rules_destroy(&r);
    }
}

/* ---- errors at load */

static const struct wrong { const char *name, *events, *error; } wrongs[] = {
    { "an unknown key",            "{e: {emits: {}}}",                  "test.yaml:1:13: namespaces./.events.e: unknown key 'emits': did you mean 'emit'?\n" },
    { "a limit that is no number", "{e: {limit: often}}",               "must be so many in a time: 30/60s" },
    { "a limit without a time",    "{e: {limit: {count: 3}}}",          "must be so many in a time: 30/60s" },
    { "a limit's other kind",      "{e: {limit: {count: 3, per: 1s, kind: leaky}}}",  "kind must be one of fixed, sliding, bucket" },
    { "a limit of nobody",         "{e: {limit: {count: 3, per: 1s, scope: room}}}",  "scope must be one of user, connection, address" },
    { "a limit's other key",       "{e: {limit: {count: 3, per: 1s, kin: fixed}}}",   "unknown key 'kin': did you mean 'kind'?" },
    { "a rule that is text",       "{e: pong}",                         "namespaces./.events.e: must be a map\n" },
    { "an emit without address",   "{e: {emit: {event: x}}}",           "namespaces./.events.e.emit: to is missing\n" },
    { "an emit without event",     "{e: {emit: {to: '*'}}}",            "events.e.emit: event is missing\n" },
    { "args that are no list",     "{e: {reply: {event: x, args: {a: 1}}}}", "args must be a list\n" },
    { "others in a reply",         "{e: {reply: {event: x, others: true}}}", "unknown key 'others'\n" },
    { "a flag that is text",       "{e: {emit: {to: '*', event: x, volatile: yes}}}", "volatile must be true or false\n" },
    { "an address without a kind", "{e: {emit: {to: '{room}', event: x}}}", "events.e.emit.to: '{room}' is no address" },
    { "a room with a kind",        "{e: {join: 'room:{room}'}}",        "events.e.join: 'room:{room}': here stands a room's name alone" },
    { "no addresses",              "{e: {emit: {to: [], event: x}}}",   "must be one, or a list" },
    { "Socket.IO's own event",     "{e: {reply: {event: connect}}}",    "'connect' is one of Socket.IO's own events\n" },
    { "a rule for one of them",    "{disconnect: {ack: 1}}",            "no client can send it\n" },
    { "a pattern of the middle",   "{'room:*:say': {ack: 1}}",          "events.room:*:say: a '*' can only be the last character" },
    { "an alternative too many",   "{e: [{ack: 1}, {ack: 2}]}",         "events.e.0: it has no 'when': what stands behind it would never run\n" },
    { "no alternative",            "{e: []}",                           "events.e: must be a rule, or a list of 1 to 256\n" },
    { "an empty condition",        "{e: {when: {}}}",                   "events.e.when: must be {path: condition}\n" },
    { "a condition on text",       "{e: {when: {nsp: string}}}",        "{nsp}: it is no JSON value" },
    { "nobody allowed",            "{e: {allow: {}}}",                  "events.e.allow: must be {claim: value or list of values}" },
    { "a claim's map",             "{e: {allow: {role: {a: 1}}}}",      "events.e.allow.role: must be a text, a number, true, false or null, or a list of these\n" },
    { "values, none",              "{e: {require: {a: {in: []}}}}",     "events.e.require.a: must be a value, or a list of 1 to 256\n" },
    { "bounds of several types",   "{e: {require: {a: {type: [string, array], max: 4}}}}", "type of several has no min and max\n" },
    { "no problem",                "{e: {refuse: {typo: x}}}",          "events.e.refuse.typo: there is no problem 'typo'" },
    { "words of nothing",          "{e: {refuse: {type: {}}}}",         "events.e.refuse.type: must be a text, or have a text, an event or an ack\n" },
    { "an unknown type",           "{e: {require: {a: text}}}",         "namespaces./.events.e.require.a: 'text' is no type" },
    { "an ack twice",              "{e: {ack: 1, ack_args: [1]}}",      "events.e: ack and ack_args: one of them\n" },
    { "an ack's arguments",        "{e: {ack_args: '{args}'}}",         "events.e: ack_args must be a list\n" },
    { "arguments as a value",      "{e: {ack: '{args}'}}",              "events.e: there is no {args} here" },
    { "a type is missing",         "{e: {require: {a: {max: 5}}}}",     "events.e.require.a: type is missing\n" },
    { "an unknown condition",      "{e: {require: {a: {type: string, pure: true}}}}", "unknown key 'pure'" },
    { "clean without words",       "{e: {require: {a: {type: string, clean: true}}}}", "events.e.require.a: clean needs a list of banned words" },
    { "a clean number",            "{e: {require: {a: {type: number, clean: true}}}}", "events.e.require.a: clean is for strings\n" },
    { "min over max",              "{e: {require: {a: {type: string, min: 5, max: 4}}}}", "min is larger than max\n" },
    { "bounds of a boolean",       "{e: {require: {a: {type: boolean, max: 4}}}}", "type boolean has no min and max\n" },
    { "a bound that is text",      "{e: {require: {a: {type: string, max: '4'}}}}", "must be a number\n" },
    { "an empty refusal",          "{e: {refuse: {}}}",                 "must have an event, an ack or both, or texts for problems\n" },
    { "a brace",                   "{e: {ack: 'a {b'}}",                "a '{' without '}'" },
    { "events that are a list",    "[a]",                               "namespaces./.events: must be a map of events\n" },
};

TEST(rules_know_what_wildcards_stand_for)
{
    struct buf errors = { 0 };
    static char name[] = "/*/game-#";
    struct config_namespace ns = { .name = name, .events = node_flow("{e: {emit: {to: 'room:{nsp.2}', event: x, args: ['{nsp.1}', '{nsp}', 'of {nsp.1}']}}}") };
    struct rules *r = rules_new(&ns, &errors);
    if (!r) FAIL("%s", buf_text(&errors));
    struct span parts[] = { SPAN("acme"), SPAN("7") };
    struct template_scope scope = scope_of(SPAN("[\"e\"]"));
    scope.nsp = SPAN("/acme/game-7"), scope.nsp_parts = parts, scope.nsp_part_count = 2;
    expect(r, &scope, OK, "emit room:7 [\"x\",\"acme\",\"/acme/game-7\",\"of acme\"]\nack [null]\n");
    rules_destroy(&r);
    node_destroy(&ns.events);
    ns.events = node_flow("{e: {ack: '{nsp.3}'}, f: {ack: '{nsp.0}'}}");
    CHECK(!rules_new(&ns, &errors));
    CHECK(strstr(buf_text(&errors), "there is no {nsp.3}: the namespace's name has 2 wildcards") && strstr(buf_text(&errors), "there is no {nsp.0}"));
    buf_fini(&errors);
    node_destroy(&ns.events);
}

TEST(rules_refuse_every_mistake)
{
    const struct wrong *row;
    EACH(row, wrongs) {
        struct buf errors = { 0 };
        struct config_namespace ns = namespace_of(row->events, false);
        CHECK(!rules_new(&ns, &errors));
        if (!strstr(buf_text(&errors), row->error)) FAIL("'%s' is not in: %s", row->error, buf_text(&errors));
        buf_fini(&errors);
        node_destroy(&ns.events);
    }
}

TEST(rules_collect_all_mistakes)
{
    struct buf errors = { 0 };
    struct config_namespace ns = namespace_of("{a: {emits: 1, join: [], ack: '{'}, b: {emit: {event: connect, to: [x, y], args: 5}}}", false);
    size_t lines = 0;
    CHECK(!rules_new(&ns, &errors));
    for (size_t i = 0; i < errors.len; i++) lines += errors.ptr[i] == '\n';
    EQUAL(lines, 7);
    buf_fini(&errors);
    node_destroy(&ns.events);
}

TEST(rules_announce_without_a_socket)
{
    static char name[] = "/";
    struct buf errors = { 0 };
    struct config_namespace ns = { .name = name, .online = node_flow("[{to: self, event: x}, {to: '*', others: true, event: x}, {to: '*', event: x, args: ['{socket.id}']}]") };
    CHECK(!rules_new(&ns, &errors));
    CHECK(strstr(buf_text(&errors), "there is no 'self' here"));
    CHECK(strstr(buf_text(&errors), "unknown key 'others'"));
    CHECK(strstr(buf_text(&errors), "there is no {socket.id} here"));
    buf_fini(&errors);
    node_destroy(&ns.online);
}
