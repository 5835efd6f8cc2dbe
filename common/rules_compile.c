/* rules_compile - the half of rules.h that runs at load: nodes to plans. This file: whole rules. */
#include "rules_compile.h"
#include "rules_push.h"
#include "config_table.h"
#include "namespace.h"

#include <stdlib.h>

size_t compile_enter(struct compile *c, const char *name)
{
    size_t before = c->where.len;
    if (before) buf_add_byte(&c->where, '.');
    buf_add(&c->where, span_of(name));
    c->t.where = buf_text(&c->where);
    return before;
}

bool compile_leave(struct compile *c, size_t before, bool good)
{
    c->where.len = before;
    c->t.where = buf_text(&c->where);
    return good;
}

void *compile_array(size_t count, size_t size)
{
    void *array = calloc(count ? count : 1, size);
    NEED(array);
    return array;
}

bool compile_known(struct compile *c, const struct node *map, const char *const *known)
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

bool compile_flag(struct compile *c, const struct node *map, const char *key, bool *flag)
{
    const struct node *n = node_find(map, key);
    if (!n) return true;
    if (n->kind != NODE_BOOL) return COMPLAIN(c, n, "%s must be true or false", key);
    *flag = n->text[0] == 't' || n->text[0] == 'T';
    return true;
}

/* ---- a rule */

static const char *const rule_keys[] = { "when", "limit", "require", "allow", "member", "join", "leave", "emit", "unwatch", "watch", "watched", "reply", "ack", "ack_args", "worker", "refuse", NULL };
static const char *const connect_keys[] = { "when", "join", "emit", "unwatch", "watch", "watched", "reply", NULL };

static bool compile_refuse(struct compile *c, const struct node *rule, struct rules_rule *r)
{
    const struct node *n = node_find(rule, "refuse");
    if (!n) return true;
    size_t before = compile_enter(c, "refuse");
    r->refuse = compile_array(1, sizeof *r->refuse);
    return compile_leave(c, before, compile_refusal(c, n, r->refuse));
}

/* true: any, or a name. */
static bool compile_worker(struct compile *c, const struct node *rule, struct rules_rule *r)
{
    const struct node *n = node_find(rule, "worker");
    if (!n) return true;
    bool any = n->kind == NODE_BOOL && (n->text[0] == 't' || n->text[0] == 'T');
    if (n->kind == NODE_BOOL && !any) return true;
    if (!any && (n->kind != NODE_STRING || !*n->text)) return COMPLAIN(c, n, "must be true, or the name of the workers");
    if (node_find(rule, "ack") || node_find(rule, "ack_args")) return COMPLAIN(c, n, "the worker says what is acknowledged: no ack beside it");
    char *name = strdup(any ? "*" : n->text);
    NEED(name);
    r->worker = span_of(name);
    return true;
}

/* A kind of rule is one key here and in rule_keys, and its turn in rules.c. */
static bool compile_rule(struct compile *c, const struct node *n, const char *const *keys, struct rules_rule *r)
{
    c->t.program = &r->program;
    if (n && n->kind == NODE_NULL) n = NULL;        /* "ping:" with nothing behind: an event that is merely known */
    bool good = !n || compile_known(c, n, keys);
    if (n && n->kind != NODE_MAP) return false;
    good &= compile_when(c, n, &r->when);
    if (keys == rule_keys) {
        good &= compile_allow(c, c->every, &r->allow[0]);
        good &= compile_require(c, c->every, &r->require);
    }
    good &= compile_allow(c, n, &r->allow[1]);
    good &= compile_require(c, n, &r->require);
    good &= compile_addresses(c, n, "member", template_compile_room, &r->member);
    good &= compile_addresses(c, n, "join", template_compile_room, &r->join);
    good &= compile_addresses(c, n, "leave", template_compile_room, &r->leave);
    good &= compile_emits_of(c, n, "emit", &r->emit);
    good &= compile_watch(c, n, "unwatch", &r->unwatch);
    good &= compile_watch(c, n, "watch", &r->watch);
    good &= compile_watched(c, n, "watched", &r->watched);
    good &= compile_replies(c, n, "reply", &r->reply);
    good &= compile_worker(c, n, r);
    good &= compile_refuse(c, n, r);
    return good & compile_ack(c, n, &r->ack);
}

/* Alternatives: a list of rules, of which the first whose 'when' holds runs. */
static bool compile_rules(struct compile *c, const struct node *n, const char *const *keys, struct rules_rule *r)
{
    if (!n || n->kind != NODE_LIST) return compile_rule(c, n, keys, r);
    bool good = true;
    if (n->count == 0 || n->count > RULES_ITEMS_MAX) return COMPLAIN(c, n, "must be a rule, or a list of 1 to %d", RULES_ITEMS_MAX);
    for (size_t i = 0; i < n->count; i++) {
        char number[24];
        struct buf text = { number, 0, sizeof number };     /* never grows: a number has 20 digits at most, and the NUL */
        buf_add_uint(&text, i);
        size_t before = compile_enter(c, buf_text(&text));
        good &= compile_rule(c, n->child[i], keys, r);
        if (i + 1 < n->count && !node_find(n->child[i], "when"))
            good = COMPLAIN(c, n->child[i], "it has no 'when': what stands behind it would never run");
        (void)compile_leave(c, before, good);
        if (i + 1 == n->count) break;
        r = r->otherwise = compile_array(1, sizeof *r);
        r->alternative = (unsigned)i + 1;
    }
    return good;
}

static bool compile_connect(struct compile *c, const struct node *n, struct rules_rule *r)
{
    if (!n) return true;
    size_t before = compile_enter(c, "connect");
    return compile_leave(c, before, compile_rules(c, n, connect_keys, r));
}

static bool compile_announcement(struct compile *c, const char *key, const struct node *n, struct rules_rule *r)
{
    if (!n || n->kind == NODE_NULL) return true;
    size_t before = compile_enter(c, key);
    c->t.program = &r->program;
    c->t.no_socket = true;
    bool good = compile_emits(c, n, &r->emit);
    c->t.no_socket = false;
    return compile_leave(c, before, good);
}

/* ---- events */

static bool compile_event(struct compile *c, const struct node *n, struct rules_rule *r)
{
    size_t before = compile_enter(c, n->key);
    char *name = strdup(n->key);
    NEED(name);
    r->name = span_of(name);
    bool good = compile_rules(c, n, rule_keys, r);
    good &= compile_limit(c, n, r->name, &r->limit);
    ptrdiff_t star = span_find(r->name, '*');
    if (star >= 0 && (size_t)star + 1 < r->name.len) good = COMPLAIN(c, n, "a '*' can only be the last character, for whatever follows");
    if (compile_reserved(n->key)) good = COMPLAIN(c, n, "'%s' is one of Socket.IO's own events: no client can send it", n->key);
    return compile_leave(c, before, good);
}

static bool compile_events(struct compile *c, const struct node *n, struct rules *r)
{
    if (!n || n->kind == NODE_NULL) return true;
    bool good = true;
    size_t before = compile_enter(c, "events");
    if (n->kind != NODE_MAP) return compile_leave(c, before, COMPLAIN(c, n, "must be a map of events"));
    r->rule = compile_array(n->count, sizeof *r->rule);
    for (; r->rule_count < n->count; r->rule_count++) good &= compile_event(c, n->child[r->rule_count], &r->rule[r->rule_count]);
    return compile_leave(c, before, good);
}

/* What is known of 'every' is said once, here; each rule compiles it into its own program. */
static bool compile_every(struct compile *c, const struct node *n)
{
    static const char *const keys[] = { "require", "allow", NULL };
    struct rules_rule once = { 0 };
    if (!n) return true;
    size_t before = compile_enter(c, "every");
    c->t.program = &once.program;
    bool good = compile_known(c, n, keys);
    good &= compile_allow(c, n, &once.allow[0]);
    good &= compile_require(c, n, &once.require);
    rules_rule_fini(&once);
    if (good) c->every = n;
    return compile_leave(c, before, good);
}

/* {event: error, args: [{message: "{error}"}]} */
static void compile_fallback(struct compile *c, struct rules_words *any)
{
    static char event_key[] = "event", error[] = "error", args_key[] = "args", message_key[] = "message", text[] = "{error}";
    struct node message = { .kind = NODE_STRING, .key = message_key, .text = text };
    struct node *members[] = { &message };
    struct node object = { .kind = NODE_MAP, .child = members, .count = 1 };
    struct node *elements[] = { &object };
    struct node event = { .kind = NODE_STRING, .key = event_key, .text = error };
    struct node args = { .kind = NODE_LIST, .key = args_key, .child = elements, .count = 1 };
    struct node *keys[] = { &event, &args };
    struct node refuse = { .kind = NODE_MAP, .child = keys, .count = 2 };
    NEED(compile_args(c, &refuse, &any->reply));
}

static bool compile_errors(struct compile *c, const struct node *n, struct rules_rule *fallback)
{
    fallback->refuse = compile_array(1, sizeof *fallback->refuse);
    struct rules_words *any = &fallback->refuse->any;
    c->t.program = &fallback->program;
    size_t before = compile_enter(c, "errors");
    bool good = !n || compile_refusal(c, n, fallback->refuse);
    if (!any->speaks) compile_fallback(c, any);
    if (!any->has_ack) (void)compile_ack_value(c, NULL, SPAN("["), &any->ack);
    any->speaks = any->has_ack = true;
    return compile_leave(c, before, good);
}

static bool compile_banned(struct compile *c, const struct config_namespace *ns, struct rules *r)
{
    if (!ns->words_file || !ns->words_file[0]) return true;
    r->words = words_new(buf_span(&ns->words));
    c->words = r->words;
    const struct node at = { .file = ns->words_file };
    return r->words || COMPLAIN(c, &at, "a list of banned words must be UTF-8 of at most %d bytes", WORDS_BYTES_MAX);
}

/* The routers run them; whoever loads a topology hears here what is wrong with them. */
static bool check_pushes(const struct config_namespace *ns, struct buf *errors)
{
    size_t before = errors->len;
    struct rules_pushes *pushes = rules_pushes_new(ns, errors);
    rules_pushes_destroy(&pushes);
    return errors->len == before;
}

static bool compile_default_limit(struct compile *c, const struct config_namespace *ns, struct rules_rule *fallback)
{
    c->limit_key = ns->limit_key && ns->limit_key[0] ? ns->limit_key : "rate:limit:{user}:{event}";
    size_t before = compile_enter(c, "limit");
    bool good = compile_limit_node(c, ns->limit, SPAN("*"), &fallback->limit);
    if (good) c->limit = ns->limit;         /* what is wrong with it is said once */
    return compile_leave(c, before, good);
}

struct rules *rules_new(const struct config_namespace *ns, struct buf *errors)
{
    struct rules *r = compile_array(1, sizeof *r);
    struct compile c = { .t.errors = errors, .t.nsp_parts = namespace_wildcards(span_of(ns->name)), .error_first = ns->acks_error_first };
    (void)compile_enter(&c, "namespaces");
    (void)compile_enter(&c, ns->name);
    bool good = compile_banned(&c, ns, r);
    good &= compile_rejections(&c, ns->refusals, &r->rejections);
    good &= compile_connect(&c, ns->connect, &r->connect);
    good &= compile_announcement(&c, "online", ns->online, &r->online);
    good &= compile_announcement(&c, "offline", ns->offline, &r->offline);
    good &= compile_every(&c, ns->every);
    good &= compile_errors(&c, ns->errors, &r->fallback);
    good &= compile_default_limit(&c, ns, &r->fallback);
    good &= compile_events(&c, ns->events, r);
    good &= check_pushes(ns, errors);
    size_t before = errors->len;
    r->rolls = rules_rolls_new(ns, errors);
    good &= errors->len == before;
    buf_fini(&c.where);
    r->limited = c.limited;
    rules_index(r);
    if (!good) rules_destroy(&r);
    return r;
}
