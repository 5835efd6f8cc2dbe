/* rules_compile - the half of rules.h that runs at load: nodes to plans. */
#include "rules_plan.h"
#include "config_table.h"
#include "reserved.h"
#include "json.h"
#include "namespace.h"

#include <stdlib.h>

enum { ITEMS_MAX = 256 };       /* in one list of a rule */

struct compile {
    struct template_compiler t;
    struct buf where;           /* "namespaces./chat.events.say.emit" */
    bool error_first;
};

static size_t enter(struct compile *c, const char *name)    /* what 'leave' needs */
{
    size_t before = c->where.len;
    if (before) buf_add_byte(&c->where, '.');
    buf_add(&c->where, span_of(name));
    c->t.where = buf_text(&c->where);
    return before;
}

static bool leave(struct compile *c, size_t before, bool good)
{
    c->where.len = before;
    c->t.where = buf_text(&c->where);
    return good;
}

#define COMPLAIN(c, n, ...) (node_error((c)->t.errors, (n), (c)->t.where, __VA_ARGS__), false)

static void *array_of(size_t count, size_t size)
{
    void *array = calloc(count ? count : 1, size);
    NEED(array);
    return array;
}

/* ---- parts that several keys share */

static bool known_keys(struct compile *c, const struct node *map, const char *const *known)     /* ends with NULL */
{
    bool good = true;
    if (map->kind != NODE_MAP) return COMPLAIN(c, map, "must be a map");
    for (size_t i = 0; i < map->count; i++) {
        const struct node *m = map->child[i];
        struct config_guess best = { 0 };
        const char *const *k = known;
        while (*k && strcmp(*k, m->key) != 0) k++;
        if (*k) continue;
        for (k = known; *k; k++) config_guess(&best, span_of(m->key), span_of(*k));
        good = best.name ? COMPLAIN(c, m, "unknown key '%s': did you mean '%.*s'?", m->key, (int)best.len, best.name)
                         : COMPLAIN(c, m, "unknown key '%s'", m->key);
    }
    return good;
}

static bool compile_flag(struct compile *c, const struct node *map, const char *key, bool *flag)
{
    const struct node *n = node_find(map, key);
    if (!n) return true;
    if (n->kind != NODE_BOOL) return COMPLAIN(c, n, "%s must be true or false", key);
    *flag = n->text[0] == 't' || n->text[0] == 'T';
    return true;
}

/* One thing or a list of them: how many, and each. */
static size_t count_of(const struct node *n) { return n->kind == NODE_LIST ? n->count : 1; }
static const struct node *item_of(const struct node *n, size_t i) { return n->kind == NODE_LIST ? n->child[i] : n; }

typedef bool compile_address(struct template_address *a, struct template_compiler *c, const struct node *n);

static bool compile_addresses(struct compile *c, const struct node *map, const char *key, compile_address *one, struct rules_addresses *out)
{
    const struct node *n = node_find(map, key);
    if (!n) return true;
    bool good = true;
    size_t before = enter(c, key), count = count_of(n);
    if (count == 0 || count > ITEMS_MAX) return leave(c, before, COMPLAIN(c, n, "must be one, or a list of 1 to %d", ITEMS_MAX));
    out->at = array_of(count, sizeof *out->at);
    for (; out->count < count; out->count++) good &= one(&out->at[out->count], &c->t, item_of(n, out->count));
    return leave(c, before, good);
}

/* ---- emit and reply */

static bool is_reserved(const char *name)       /* or NULL */
{
    struct buf quoted = { 0 };
    json_quote(&quoted, span_of(name));
    bool reserved = reserved_name(buf_span(&quoted));
    buf_fini(&quoted);
    return reserved;
}

static bool compile_name(struct compile *c, const struct node *map, bool *open)
{
    const struct node *n = node_find(map, "event");
    if (!n) return COMPLAIN(c, map, "event is missing");
    if (is_reserved(n->text)) return COMPLAIN(c, n, "'%s' is one of Socket.IO's own events", n->text);
    *open = n->text && strchr(n->text, '{');
    return n->kind == NODE_NUMBER ? template_add(&c->t, n) : template_add_string(&c->t, n);      /* a number is a name, too, and stays one */
}

static bool compile_args(struct compile *c, const struct node *map, struct template *args, bool *open)
{
    const struct node *n = node_find(map, "args");
    template_begin(&c->t);
    template_add_literal(&c->t, SPAN("["));
    bool good = compile_name(c, map, open);
    if (n && n->kind != NODE_LIST) good = COMPLAIN(c, n, "args must be a list");
    else if (n) good &= template_add_arguments(&c->t, n, true);
    template_add_literal(&c->t, SPAN("]"));
    *args = template_end(&c->t);
    return good;
}

static bool compile_reply(struct compile *c, const struct node *n, struct rules_emit *reply)
{
    static const char *const keys[] = { "event", "args", "volatile", NULL };
    bool good = known_keys(c, n, keys);
    if (n->kind != NODE_MAP) return false;
    good &= compile_flag(c, n, "volatile", &reply->is_volatile);
    return good & compile_args(c, n, &reply->args, &reply->open_name);
}

static bool compile_emit(struct compile *c, const struct node *n, struct rules_emit *emit)
{
    static const char *const socket_keys[] = { "to", "event", "args", "others", "except", "volatile", NULL };
    static const char *const keys[] = { "to", "event", "args", "except", "volatile", NULL };
    bool good = known_keys(c, n, c->t.no_socket ? keys : socket_keys);
    if (n->kind != NODE_MAP) return false;
    good &= node_find(n, "to") || COMPLAIN(c, n, "to is missing");
    good &= compile_addresses(c, n, "to", template_compile_address, &emit->to);
    good &= compile_addresses(c, n, "except", template_compile_address, &emit->except);
    good &= compile_flag(c, n, "others", &emit->others);
    good &= compile_flag(c, n, "volatile", &emit->is_volatile);
    return good & compile_args(c, n, &emit->args, &emit->open_name);
}

typedef bool compile_item(struct compile *c, const struct node *n, struct rules_emit *emit);

static bool compile_emits(struct compile *c, const struct node *n, compile_item *one, struct rules_emits *out)
{
    bool good = true;
    size_t count = count_of(n);
    if (count > ITEMS_MAX) return COMPLAIN(c, n, "more than %d in one rule", ITEMS_MAX);
    out->at = array_of(count, sizeof *out->at);
    for (; out->count < count; out->count++) good &= one(c, item_of(n, out->count), &out->at[out->count]);
    return good;
}

static bool compile_emits_of(struct compile *c, const struct node *map, const char *key, compile_item *one, struct rules_emits *out)
{
    const struct node *n = node_find(map, key);
    if (!n) return true;
    size_t before = enter(c, key);
    return leave(c, before, compile_emits(c, n, one, out));
}

/* ---- ack, refuse, require */

/* As the socket.io client's callback takes it: an error first, if the namespace says so. */
static bool compile_ack(struct compile *c, const struct node *n, struct span open, struct template *ack)
{
    bool good = true;
    template_begin(&c->t);
    template_add_literal(&c->t, n ? open : SPAN("["));
    if (n) good = template_add(&c->t, n);
    else template_add_literal(&c->t, SPAN("null"));
    template_add_literal(&c->t, SPAN("]"));
    *ack = template_end(&c->t);
    return good;
}

static bool compile_ack_args(struct compile *c, const struct node *rule, const struct node *n, struct template *ack)
{
    if (n->kind != NODE_LIST) return COMPLAIN(c, n, "ack_args must be a list");
    if (node_find(rule, "ack")) return COMPLAIN(c, n, "ack and ack_args: one of them");
    template_begin(&c->t);
    template_add_literal(&c->t, c->error_first ? SPAN("[null") : SPAN("["));
    bool good = template_add_arguments(&c->t, n, c->error_first);
    template_add_literal(&c->t, SPAN("]"));
    *ack = template_end(&c->t);
    return good;
}

static bool compile_refusal(struct compile *c, const struct node *rule, struct rules_rule *r)
{
    static const char *const keys[] = { "event", "args", "ack", NULL };
    const struct node *n = node_find(rule, "refuse");
    if (!n) return compile_ack(c, NULL, SPAN("["), &r->refuse.ack);
    size_t before = enter(c, "refuse");
    bool good = known_keys(c, n, keys);
    if (n->kind != NODE_MAP) return leave(c, before, false);
    good &= compile_ack(c, node_find(n, "ack"), SPAN("["), &r->refuse.ack);
    if (!node_find(n, "event") && !node_find(n, "ack")) good = COMPLAIN(c, n, "must have an event, an ack or both");
    r->refuse.own_reply = true;     /* an ack alone is an answer too: then there is no event */
    if (node_find(n, "event") || node_find(n, "args"))
        good &= compile_args(c, n, &r->refuse.reply.args, &r->refuse.reply.open_name);
    return leave(c, before, good);
}

static bool compile_require(struct compile *c, const struct node *rule, struct rules_rule *r)
{
    const struct node *n = node_find(rule, "require");
    if (!n) return true;
    size_t before = enter(c, "require"), count = n->kind == NODE_MAP ? n->count : 1;
    bool good = true;
    if (n->kind != NODE_MAP && n->kind != NODE_STRING) return leave(c, before, COMPLAIN(c, n, "must be a type, or {field: type}"));
    r->require.at = array_of(count, sizeof *r->require.at);
    if (n->kind == NODE_STRING) good = require_compile(&r->require.at[r->require.count++], &c->t, n, SPAN("args.0"));
    else for (; r->require.count < count; r->require.count++) {
        const struct node *field = n->child[r->require.count];
        size_t inner = enter(c, field->key);
        if (!span_has_prefix(span_of(field->key), SPAN("args."))) r->in_object = true;
        good &= require_compile(&r->require.at[r->require.count], &c->t, field, span_of(field->key));
        (void)leave(c, inner, good);
    }
    return leave(c, before, good);
}

/* ---- whole rules */

static const char *const rule_keys[] = { "require", "member", "join", "leave", "emit", "reply", "ack", "ack_args", "refuse", NULL };
static const char *const connect_keys[] = { "join", "emit", "reply", NULL };

/* A kind of rule is one key here and in rule_keys, and its turn in rules.c. */
static bool compile_rule(struct compile *c, const struct node *n, const char *const *keys, struct rules_rule *r)
{
    c->t.program = &r->program;
    if (n && n->kind == NODE_NULL) n = NULL;        /* "ping:" with nothing behind: an event that is merely known */
    bool good = !n || known_keys(c, n, keys);
    if (n && n->kind != NODE_MAP) return false;
    good &= compile_require(c, n, r);
    good &= compile_addresses(c, n, "member", template_compile_room, &r->member);
    good &= compile_addresses(c, n, "join", template_compile_room, &r->join);
    good &= compile_addresses(c, n, "leave", template_compile_room, &r->leave);
    good &= compile_emits_of(c, n, "emit", compile_emit, &r->emit);
    good &= compile_emits_of(c, n, "reply", compile_reply, &r->reply);
    good &= compile_refusal(c, n, r);
    const struct node *ack_args = node_find(n, "ack_args");
    if (ack_args) return good & compile_ack_args(c, n, ack_args, &r->ack);
    return good & compile_ack(c, node_find(n, "ack"), c->error_first ? SPAN("[null,") : SPAN("["), &r->ack);
}

static bool compile_connect(struct compile *c, const struct node *n, struct rules_rule *r)
{
    if (!n) return true;
    size_t before = enter(c, "connect");
    return leave(c, before, compile_rule(c, n, connect_keys, r));
}

static bool compile_announcement(struct compile *c, const char *key, const struct node *n, struct rules_rule *r)
{
    if (!n || n->kind == NODE_NULL) return true;
    size_t before = enter(c, key);
    c->t.program = &r->program;
    c->t.no_socket = true;
    bool good = compile_emits(c, n, compile_emit, &r->emit);
    c->t.no_socket = false;
    return leave(c, before, good);
}

static bool compile_event(struct compile *c, const struct node *n, struct rules_rule *r)
{
    size_t before = enter(c, n->key);
    char *name = strdup(n->key);
    NEED(name);
    r->name = span_of(name);
    bool good = compile_rule(c, n, rule_keys, r);
    if (strcmp(n->key, "*") == 0) good = COMPLAIN(c, n, "a rule for any event is not supported");
    if (is_reserved(n->key)) good = COMPLAIN(c, n, "'%s' is one of Socket.IO's own events: no client can send it", n->key);
    return leave(c, before, good);
}

static bool compile_events(struct compile *c, const struct node *n, struct rules *r)
{
    if (!n || n->kind == NODE_NULL) return true;
    bool good = true;
    size_t before = enter(c, "events");
    if (n->kind != NODE_MAP) return leave(c, before, COMPLAIN(c, n, "must be a map of events"));
    r->rule = array_of(n->count, sizeof *r->rule);
    for (; r->rule_count < n->count; r->rule_count++) good &= compile_event(c, n->child[r->rule_count], &r->rule[r->rule_count]);
    return leave(c, before, good);
}

/* {event: error, args: [{message: "{field} {problem}"}]} */
static void compile_fallback(struct compile *c, struct rules *r)
{
    static char event_key[] = "event", error[] = "error", args_key[] = "args", message_key[] = "message", text[] = "{field} {problem}";
    struct node message = { .kind = NODE_STRING, .key = message_key, .text = text };
    struct node *members[] = { &message };
    struct node object = { .kind = NODE_MAP, .child = members, .count = 1 };
    struct node *elements[] = { &object };
    struct node event = { .kind = NODE_STRING, .key = event_key, .text = error };
    struct node args = { .kind = NODE_LIST, .key = args_key, .child = elements, .count = 1 };
    struct node *keys[] = { &event, &args };
    struct node refuse = { .kind = NODE_MAP, .child = keys, .count = 2 };
    c->t.program = &r->fallback.program;
    NEED(compile_args(c, &refuse, &r->fallback.refuse.reply.args, &r->fallback.refuse.reply.open_name));
}

static struct span name_of(const void *rule)
{
    return ((const struct rules_rule *)rule)->name;
}

static void index_events(struct rules *r)
{
    static const struct siphash_key seed = { 0 };   /* a stranger only asks: he adds no name */
    map_init(&r->by_name, &seed, name_of);
    for (struct rules_rule *rule = r->rule; rule < r->rule + r->rule_count; rule++) {
        (void)map_put(&r->by_name, rule->name, rule);
        if (rule->name.len > r->longest) r->longest = rule->name.len;
    }
}

struct rules *rules_new(const struct config_namespace *ns, struct buf *errors)
{
    struct rules *r = array_of(1, sizeof *r);
    struct compile c = { .t.errors = errors, .t.nsp_parts = namespace_wildcards(span_of(ns->name)), .error_first = ns->acks_error_first };
    (void)enter(&c, "namespaces");
    (void)enter(&c, ns->name);
    bool good = compile_connect(&c, ns->connect, &r->connect);
    good &= compile_announcement(&c, "online", ns->online, &r->online);
    good &= compile_announcement(&c, "offline", ns->offline, &r->offline);
    good &= compile_events(&c, ns->events, r);
    compile_fallback(&c, r);
    buf_fini(&c.where);
    index_events(r);
    if (!good) rules_destroy(&r);
    return r;
}
