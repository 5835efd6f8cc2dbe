/* What stands before a rule, and what is said where it fails: allow, require, when, patterns, errors. */
#include "t.h"
#include "json.h"
#include "msg.h"
#include "node_flow.h"
#include "rules.h"

#define ISO "\"2024-02-29T12:34:56.007Z\""

static struct rules *rules_of(const char *every, const char *errors_flow, const char *events)
{
    static char name[] = "/", words_file[] = "words.txt";
    struct buf errors = { 0 };
    struct config_namespace ns = { .name = name, .words_file = words_file, .events = node_flow(events),
                                   .every = every ? node_flow(every) : NULL, .errors = errors_flow ? node_flow(errors_flow) : NULL };
    buf_add_literal(&ns.words, "spam\nabuse\n");
    struct rules *r = rules_new(&ns, &errors);
    node_destroy(&ns.events), node_destroy(&ns.every), node_destroy(&ns.errors);
    buf_fini(&ns.words);
    if (!r) FAIL("%s", buf_text(&errors));
    return r;
}

static struct template_scope scope_of(struct span packet)
{
    struct template_scope scope = { .packet = packet, .user = SPAN("42"), .claims = SPAN("{\"role\":\"mod\",\"level\":3,\"teams\":[\"red\",\"blue\"],\"org\":{\"id\":7}}"),
                                    .socket = SPAN("s1"), .nsp = SPAN("/"), .now_ms = UINT64_C(1709210096007) };
    CHECK(json_event_name(packet, &scope.event) == OK);
    return scope;
}

static void print(struct buf *out, const struct rules_effects *effects)
{
    static const char *const kinds[] = { "join", "leave", "emit", "watch", "reply", "ack" };
    for (size_t i = 0; i < effects->count; i++) {
        const struct rules_effect *e = &effects->at[i];
        struct span to = e->to, one;
        buf_add(out, span_of(kinds[e->kind]));
        if (e->kind == RULES_EMIT) while (msg_next_str(&to, &one)) buf_add_byte(out, ' '), buf_add(out, one);
        else if (to.len) buf_add_byte(out, ' '), buf_add(out, to);
        if (e->args.len) {
            buf_add_byte(out, ' '), buf_add(out, e->args);
            EQUAL_ERR(json_check(e->args, JSON_MAX_DEPTH), OK);
        }
        buf_add_byte(out, '\n');
    }
}

static void expect(const struct rules *r, const char *packet, enum err err, const char *want)
{
    struct rules_effects effects = { 0 };
    struct buf text = { 0 };
    struct template_scope scope = scope_of(t_exact(span_of(packet)));
    t_row = packet;
    EQUAL_ERR(rules_run(r, &scope, NULL, &effects), err);
    print(&text, &effects);
    SAME(buf_span(&text), want);
    buf_fini(&text);
    rules_effects_fini(&effects);
}

#define ERROR(text) "reply [\"error\",{\"message\":\"" text "\"}]\nack [null]\n"

TEST(rules_allow_by_claims)
{
    struct rules *r = rules_of(NULL, NULL,
        "{kick: {allow: {role: [admin, mod]}, ack: done},"
        " ban: {allow: {role: admin}, ack: done},"
        " both: {allow: {role: mod, level: 4}, ack: done},"
        " either: {allow: [{role: admin}, {teams: blue, level: 3.0}], ack: done},"
        " deep: {allow: {org.id: 7}, ack: done},"
        " text: {allow: {level: '3'}, ack: done},"
        " none: {allow: {plan: pro}, require: {x: any}, refuse: {allow: {ack: {error: '{error}', code: '{code}'}}, ack: other}}}");
    expect(r, "[\"kick\"]", OK, "ack [\"done\"]\n");
    expect(r, "[\"ban\"]", ERR_AUTH, ERROR("role does not allow this"));
    expect(r, "[\"both\"]", ERR_AUTH, ERROR("level does not allow this"));
    expect(r, "[\"either\"]", OK, "ack [\"done\"]\n");
    expect(r, "[\"deep\"]", OK, "ack [\"done\"]\n");
    expect(r, "[\"text\"]", ERR_AUTH, ERROR("level does not allow this"));
    expect(r, "[\"none\"]", ERR_AUTH, "ack [{\"error\":\"plan does not allow this\",\"code\":\"allow\"}]\n");
    rules_destroy(&r);
}

TEST(rules_take_conditions_of_every_kind)
{
    struct rules *r = rules_of(NULL, NULL,
        "{list: {require: {a: [object, array]}}, one: {require: {a: {type: string, in: [play, pause]}}}, number: {require: {a: {in: [1, 2.5, null]}}},"
        " whole: {require: [object, array]}, there: {require: {a: present}}, not: {require: {a: absent}},"
        " clean: {require: {a: {type: string, clean: true, max: 12}}}}");
    expect(r, "[\"list\",{\"a\":{}}]", OK, "ack [null]\n");
    expect(r, "[\"list\",{\"a\":[]}]", OK, "ack [null]\n");
    expect(r, "[\"list\",{\"a\":1}]", ERR_TYPE, ERROR("a must be an object or a list"));
    expect(r, "[\"one\",{\"a\":\"pl\\u0061y\"}]", OK, "ack [null]\n");
    expect(r, "[\"one\",{\"a\":\"stop\"}]", ERR_RANGE, ERROR("a must be one of the allowed values"));
    expect(r, "[\"one\",{\"a\":1}]", ERR_TYPE, ERROR("a must be a string"));
    expect(r, "[\"number\",{\"a\":2.50}]", OK, "ack [null]\n");
    expect(r, "[\"number\",{\"a\":null}]", OK, "ack [null]\n");
    expect(r, "[\"number\",{\"a\":\"1\"}]", ERR_RANGE, ERROR("a must be one of the allowed values"));
    expect(r, "[\"whole\",[]]", OK, "ack [null]\n");
    expect(r, "[\"whole\",null]", ERR_TYPE, ERROR("payload must be an object or a list"));
    expect(r, "[\"whole\"]", ERR_MISSING, ERROR("payload is missing"));
    expect(r, "[\"there\",{\"a\":0}]", OK, "ack [null]\n");
    expect(r, "[\"there\",{\"a\":\"\"}]", ERR_MISSING, ERROR("a is missing"));
    expect(r, "[\"there\",{\"a\":null}]", ERR_MISSING, ERROR("a is missing"));
    expect(r, "[\"not\",{\"a\":\"\"}]", OK, "ack [null]\n");
    expect(r, "[\"not\",{\"a\":1}]", ERR_RANGE, ERROR("a must not be there"));
    expect(r, "[\"clean\",{\"a\":\"fine\"}]", OK, "ack [null]\n");
    expect(r, "[\"clean\",{\"a\":\"no \\u0053PAM\"}]", ERR_CONTENT, ERROR("a holds a word that is not allowed"));
    expect(r, "[\"clean\",{\"a\":\"spam, and too long\"}]", ERR_LIMIT, ERROR("a must have at most 12 characters"));
    rules_destroy(&r);
}

/* S3's music-sync: to the others in a room, or to the user's own other devices */
TEST(rules_choose_by_conditions)
{
    struct rules *r = rules_of(NULL, NULL,
        "{sync: {emit: [{when: {room: present}, to: 'room:{room}', event: sync}, {when: {room: absent}, to: 'user:{user.id}', event: sync}]},"
        " move: [{when: {kind: {in: [up, down]}, user.role: {in: mod}}, reply: {event: moved}, ack: 1},"
        "        {when: {kind: {in: left}}, require: {by: integer}, ack: 2}, {ack: 3}],"
        " maybe: {when: {args.0: object}, reply: {event: yes}},"
        " say: {reply: [{when: {loud: {type: boolean, in: true}}, event: LOUD}, {event: said}]}}");
    expect(r, "[\"sync\",{\"room\":\"r\"}]", OK, "emit room:r [\"sync\"]\nack [null]\n");
    expect(r, "[\"sync\",{\"room\":\"\"}]", OK, "emit user:42 [\"sync\"]\nack [null]\n");
    expect(r, "[\"sync\"]", OK, "emit user:42 [\"sync\"]\nack [null]\n");
    expect(r, "[\"move\",{\"kind\":\"up\"}]", OK, "reply [\"moved\"]\nack [1]\n");
    expect(r, "[\"move\",{\"kind\":\"left\",\"by\":2}]", OK, "ack [2]\n");
    expect(r, "[\"move\",{\"kind\":\"left\"}]", ERR_MISSING, ERROR("by is missing"));
    expect(r, "[\"move\",7]", OK, "ack [3]\n");
    expect(r, "[\"maybe\",{}]", OK, "reply [\"yes\"]\nack [null]\n");
    expect(r, "[\"maybe\"]", OK, "ack [null]\n");
    expect(r, "[\"say\",{\"loud\":true}]", OK, "reply [\"LOUD\"]\nreply [\"said\"]\nack [null]\n");
    expect(r, "[\"say\",{\"loud\":false}]", OK, "reply [\"said\"]\nack [null]\n");
    rules_destroy(&r);
}

TEST(rules_find_the_nearest_pattern)
{
    struct rules *r = rules_of(NULL, NULL, "{'room:join': {ack: exact}, 'room:*': {ack: below}, 'room:user:*': {ack: user}, '*': {ack: '{event}'}}");
    expect(r, "[\"room:join\"]", OK, "ack [\"exact\"]\n");
    expect(r, "[\"room:joined\"]", OK, "ack [\"below\"]\n");
    expect(r, "[\"room:\"]", OK, "ack [\"below\"]\n");
    expect(r, "[\"ro\\u006fm:x\"]", OK, "ack [\"below\"]\n");
    expect(r, "[\"room:user:5\"]", OK, "ack [\"user\"]\n");
    expect(r, "[\"room:use\"]", OK, "ack [\"below\"]\n");
    expect(r, "[\"room\"]", OK, "ack [\"room\"]\n");
    rules_destroy(&r);
    r = rules_of(NULL, NULL, "{'a*': {ack: a}}");
    expect(r, "[\"b-and-something-longer-than-any-name\"]", ERR_UNKNOWN, "ack [null]\n");
    expect(r, "[\"and-something-longer-than-any-name\"]", OK, "ack [\"a\"]\n");
    rules_destroy(&r);
}

/* S2's: an event nobody handles whose payload is no object */
TEST(rules_answer_what_nobody_handles)
{
    struct rules *r = rules_of(NULL, NULL,
        "{'*': {require: [object, array], refuse: {event: error, args: [{message: bad, receivedData: '{args.0}', timestamp: '{now.iso}'}]}}, known: }");
    expect(r, "[\"known\",1]", OK, "ack [null]\n");
    expect(r, "[\"other\",{}]", OK, "ack [null]\n");
    expect(r, "[\"other\",\"x\"]", ERR_TYPE, "reply [\"error\",{\"message\":\"bad\",\"receivedData\":\"x\",\"timestamp\":" ISO "}]\nack [null]\n");
    expect(r, "[\"other\"]", ERR_MISSING, "reply [\"error\",{\"message\":\"bad\",\"timestamp\":" ISO "}]\nack [null]\n");
    rules_destroy(&r);
}

/* S3's validation, once for all events */
TEST(rules_say_it_in_the_namespaces_words)
{
    struct rules *r = rules_of(
        "{require: {args.0: object, message: {type: string, max: 10, clean: true, optional: true}}}",
        "{type: Invalid message format, missing: Invalid message format, long: Message too long, banned: 'Inappropriate content detected',"
        " allow: {event: forbidden, args: ['{event}', '{error}']}}",
        "{say: {require: {to: string}}, mine: {require: {n: {type: integer, max: 3}}, refuse: {event: oops, args: ['{error}', '{code}'], ack: {no: '{problem}'}, long: '{n} is more than {field} may be'}},"
        " quiet: {refuse: {default: no}}, admin: {allow: {role: admin}}}");
    expect(r, "[\"say\",{\"to\":\"x\"}]", OK, "ack [null]\n");
    expect(r, "[\"say\"]", ERR_MISSING, ERROR("Invalid message format"));
    expect(r, "[\"say\",null]", ERR_TYPE, ERROR("Invalid message format"));
    expect(r, "[\"say\",\"x\"]", ERR_TYPE, ERROR("Invalid message format"));
    expect(r, "[\"say\",{\"to\":\"x\",\"message\":\"12345678901\"}]", ERR_LIMIT, ERROR("Message too long"));
    expect(r, "[\"say\",{\"to\":\"x\",\"message\":\"ABUSE\"}]", ERR_CONTENT, ERROR("Inappropriate content detected"));
    expect(r, "[\"mine\",{\"n\":4}]", ERR_LIMIT, "reply [\"oops\",\"4 is more than n may be\",\"long\"]\nack [{\"no\":\"must be at most 3\"}]\n");
    expect(r, "[\"mine\",{\"n\":\"x\"}]", ERR_TYPE, "reply [\"oops\",\"Invalid message format\",\"type\"]\nack [{\"no\":\"must be an integer\"}]\n");
    expect(r, "[\"quiet\",1]", ERR_TYPE, ERROR("no"));
    expect(r, "[\"admin\",{}]", ERR_AUTH, "reply [\"forbidden\",\"admin\",\"role does not allow this\"]\nack [null]\n");
    rules_destroy(&r);
}

TEST(rules_refuse_for_others)
{
    struct rules *r = rules_of(NULL, "{limit: {event: 'rate-limit-exceeded', args: [{event: '{event}', limit: '{limit}'}]}, event: error, args: [{message: '{error}'}], ack: {ok: false}}",
                               "{say: , own: {refuse: {internal: {event: failed, args: ['{error}']}}}}");
    static const struct { const char *packet; enum problem code; const char *text, *more, *want; } said[] = {
        { "[\"say\"]", PROBLEM_LIMIT, "", "\"limit\":30", "reply [\"rate-limit-exceeded\",{\"event\":\"say\",\"limit\":30}]\nack [{\"ok\":false}]\n" },
        { "[\"unknown\"]", PROBLEM_LIMIT, "", "\"limit\":30", "reply [\"rate-limit-exceeded\",{\"event\":\"unknown\",\"limit\":30}]\nack [{\"ok\":false}]\n" },
        { "[\"say\"]", PROBLEM_HANDLER, "no such game", "", "reply [\"error\",{\"message\":\"no such game\"}]\nack [{\"ok\":false}]\n" },
        { "[\"say\"]", PROBLEM_INTERNAL, "", "", "reply [\"error\",{\"message\":\"internal error\"}]\nack [{\"ok\":false}]\n" },
        { "[\"own\"]", PROBLEM_INTERNAL, "", "", "reply [\"failed\",\"internal error\"]\nack [{\"ok\":false}]\n" },
    };
    struct rules_effects effects = { 0 };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        struct template_scope scope = scope_of(span_of(said[i].packet));
        struct buf text = { 0 };
        rules_refuse(r, &scope, said[i].code, span_of(said[i].text), span_of(said[i].more), &effects);
        print(&text, &effects);
        SAME(buf_span(&text), said[i].want);
        buf_fini(&text);
    }
    rules_effects_fini(&effects);
    rules_destroy(&r);
}
