/* Any payload through a fixed set of rules. Laws: what comes out is JSON, its addresses
 * are of the kinds that the rules name, its placeholders those of its attachments. */
#include "json.h"
#include "msg.h"
#include "placeholder.h"
#include "rules.h"

#include "../node_flow.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char flow[] =
    "{a: {require: {a: {type: string, max: 10, optional: true}, 'a.b': {type: array, min: 1, optional: true}, n: {type: integer, min: -5, optional: true}},"
    "     join: '{room}', leave: ['x-{room}', '{args.1}'], reply: {event: '{event}', args: ['{a}', '{a.b.0.c}', 'to {a}: {n}', {k: '{a}', l: '{b}', m: 1, o: '{n}'}]}},"
    " b: {emit: [{to: ['room:{room}', 'user:{room}'], except: 'socket:{a}', others: true, event: 'x{a}', args: ['{args.0}', '{now.iso}', '{new.id}', '{user.id}']},"
    "            {to: '*', event: y, args: ['{b}', '<{b}>']}], ack: {all: ['{a}', '{b}', '{a}']}},"
    " c: {require: string, ack: '{args.0}'},"
    " d: {member: '{a}', refuse: {event: '{a}', args: ['{field}', '{problem}', '{a}'], ack: '{b}'}}}";

static bool is_member(const void *self, struct span address)
{
    (void)self;
    return address.len % 2;
}

static void check_addresses(struct span strs)
{
    struct span s;
    while (msg_next_str(&strs, &s))
        NEED(span_same(s, SPAN("*")) || span_has_prefix(s, SPAN("room:")) || span_has_prefix(s, SPAN("user:")) || span_has_prefix(s, SPAN("socket:")));
}

static void check(const struct rules_effects *out, unsigned attachments)
{
    for (size_t i = 0; i < out->count; i++) {
        const struct rules_effect *e = &out->at[i];
        if (e->kind == RULES_JOIN || e->kind == RULES_LEAVE) {
            NEED(span_has_prefix(e->to, SPAN("room:")) && span_find(e->to, '\0') < 0 && e->to.len > 5 && e->to.len <= ADDRESS_MAX);
            continue;
        }
        struct span name;
        check_addresses(e->to);
        check_addresses(e->except);
        NEED(json_check(e->args, JSON_DEEPEST) == OK);
        NEED(e->kind == RULES_ACK || json_event_name(e->args, &name) == OK);
        for (size_t k = 0; k < e->attachments.len; k++) NEED((uint8_t)e->attachments.ptr[k] < attachments);
        if (attachments && json_check(e->args, JSON_MAX_DEPTH) == OK)
            NEED(placeholder_check(e->args, (unsigned)e->attachments.len) != ERR_RANGE);    /* a rule may say one twice */
    }
    NEED(out->count > 0 && out->at[out->count - 1].kind == RULES_ACK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rules *rules;
    static struct rules_effects out;
    static const struct rules_rooms rooms = { is_member, NULL };
    static const char *const events[] = { "\"a\"", "\"b\"", "\"c\"", "\"d\"" };
    if (!rules) {
        static char name[] = "/";
        struct buf errors = { 0 };
        struct config_namespace ns = { .name = name, .events = node_flow(flow) };
        rules = rules_new(&ns, &errors);
        NEED(rules);
        node_destroy(&ns.events);
    }
    if (size == 0) return 0;
    unsigned attachments = data[0] % 4;
    struct template_scope scope = {
        .packet = span_from(data + 1, size - 1), .attachments = attachments,
        .user = SPAN("42"), .claims = SPAN("{}"), .socket = SPAN("s1"), .nsp = SPAN("/"), .now_ms = UINT64_C(1709210096007),
    };
    if (json_check(scope.packet, JSON_MAX_DEPTH) || json_event_name(scope.packet, &scope.event)) return 0;
    if (attachments && placeholder_check(scope.packet, attachments)) return 0;
    (void)rules_run(rules, &scope, &rooms, &out);
    check(&out, attachments);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        scope.event = span_of(events[i]);
        (void)rules_run(rules, &scope, &rooms, &out);
        check(&out, attachments);
    }
    return 0;
}
