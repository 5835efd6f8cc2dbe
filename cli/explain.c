#include "explain.h"

#include "json.h"
#include "problem.h"
#include "rules.h"

struct explain {
    struct buf *out;
    const struct config_namespace *ns;
    unsigned    depth;          /* of indentation */
    unsigned    step;           /* effects so far */
};

#define SAY(e, ...) buf_add_format((e)->out, __VA_ARGS__)

static void line(struct explain *e)
{
    SAY(e, "%*s", (int)(2 * e->depth), "");
}

static void end_line(struct explain *e)
{
    buf_add_byte(e->out, '\n');
}

/* One thing or a list of them. */
static size_t count_of(const struct node *n) { return n->kind == NODE_LIST ? n->count : 1; }
static const struct node *item_of(const struct node *n, size_t i) { return n->kind == NODE_LIST ? n->child[i] : n; }

static bool is_set(const struct node *map, const char *flag)
{
    const struct node *n = node_find(map, flag);
    return n && (n->text[0] == 't' || n->text[0] == 'T');
}

/* ---- what must hold */

/* "a is a string" for each; 'between' joins them where they stand in one line, NULL: a line each. */
static void say_fields(struct explain *e, const struct node *n, const char *between)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct node *field = n->child[i];
        const char *argument = strcmp(field->key, "args.0") == 0 ? "the first argument" : field->key;
        if (between && i) SAY(e, "%s", between);
        if (!between) line(e), SAY(e, "- ");
        SAY(e, "%s ", argument);
        explain_condition(e->out, field, e->ns->words_file);
        if (!between) end_line(e);
    }
}

static bool names_field(const struct node *require)
{
    for (size_t i = 0; require->kind == NODE_MAP && i < require->count; i++)
        if (strncmp(require->child[i]->key, "args.", 5) != 0) return true;
    return false;
}

static void say_require(struct explain *e, const struct node *n)
{
    if (!n) return;
    if (n->kind == NODE_MAP) {
        if (names_field(n) && !node_find(n, "args.0")) line(e), SAY(e, "- the first argument is an object\n");
        say_fields(e, n, NULL);
        return;
    }
    line(e);
    SAY(e, "- the first argument ");
    explain_condition(e->out, n, e->ns->words_file);
    end_line(e);
}

static void say_allow(struct explain *e, const struct node *n)
{
    if (!n) return;
    line(e);
    SAY(e, "- the user's claim ");
    for (size_t i = 0; i < count_of(n); i++) {
        const struct node *map = item_of(n, i);
        if (i) SAY(e, "; or ");
        for (size_t k = 0; k < map->count; k++) {
            SAY(e, "%s%s is ", k ? " and " : "", map->child[k]->key);
            explain_values(e->out, map->child[k]);
        }
    }
    end_line(e);
}

static void say_member(struct explain *e, const struct node *n)
{
    if (!n) return;
    line(e);
    SAY(e, "- the sender is in ");
    explain_rooms(e->out, n);
    end_line(e);
}

static void say_checks(struct explain *e, const struct node *rule)
{
    const struct node *every = e->ns->every;
    bool any = node_find(rule, "allow") || node_find(rule, "require") || node_find(rule, "member") || (every && every->count);
    if (!any) return;
    line(e);
    SAY(e, "It is refused unless\n");
    e->depth++;
    say_allow(e, node_find(every, "allow"));
    say_allow(e, node_find(rule, "allow"));
    say_require(e, node_find(every, "require"));
    say_require(e, node_find(rule, "require"));
    say_member(e, node_find(rule, "member"));
    e->depth--;
}

/* ---- what happens */

static void begin_step(struct explain *e)
{
    line(e);
    SAY(e, "%u. ", ++e->step);
}

static void say_when(struct explain *e, const struct node *item)
{
    const struct node *when = node_find(item, "when");
    if (!when) return;
    SAY(e, "if ");
    say_fields(e, when, " and ");
    SAY(e, ": ");
}

static void say_rooms(struct explain *e, const struct node *rule, const char *key, const char *verb)
{
    const struct node *n = node_find(rule, key);
    if (!n) return;
    begin_step(e);
    SAY(e, "the sender's socket %s ", verb);
    explain_rooms(e->out, n);
    end_line(e);
}

/* An emit, or a reply: then there is no 'to'. */
static void say_emit(struct explain *e, const struct node *n)
{
    const struct node *to = node_find(n, "to"), *except = node_find(n, "except"), *event = node_find(n, "event");
    begin_step(e);
    say_when(e, n);
    SAY(e, "\"%s\" goes to ", event ? event->text : "");
    if (to) explain_addresses(e->out, to);
    else SAY(e, "the sender's socket");
    if (is_set(n, "others")) SAY(e, ", but not to the sender's socket");
    if (except) SAY(e, ", but not to "), explain_addresses(e->out, except);
    if (is_set(n, "volatile")) SAY(e, ", where it can be taken at once");
    explain_arguments(e->out, node_find(n, "args"));
    end_line(e);
}

static void say_emits(struct explain *e, const struct node *n)
{
    for (size_t i = 0; n && i < count_of(n); i++) say_emit(e, item_of(n, i));
}

static void say_watch(struct explain *e, const struct node *rule, const char *key, const char *verb)
{
    const struct node *n = node_find(rule, key);
    if (!n) return;
    begin_step(e);
    SAY(e, "the user %s ", verb);
    if (n->kind == NODE_STRING) SAY(e, "%s", strcmp(n->text, "*") == 0 ? "anybody" : n->text);
    else node_json(e->out, n);
    end_line(e);
}

static void say_watched(struct explain *e, const struct node *n)
{
    for (size_t i = 0; n && i < count_of(n); i++) {
        const struct node *one = item_of(n, i), *event = node_find(one, "event");
        begin_step(e);
        say_when(e, one);
        SAY(e, "\"%s\" goes to the sender's socket, {watched} being %s whom the user follows and who %s online", event ? event->text : "",
            is_set(one, "each") ? "in turn each" : "the list of those", is_set(one, "each") ? "is" : "are");
        explain_arguments(e->out, node_find(one, "args"));
        end_line(e);
    }
}

static void say_ack(struct explain *e, const struct node *rule)
{
    const struct node *ack = node_find(rule, "ack"), *args = node_find(rule, "ack_args");
    begin_step(e);
    SAY(e, "the client's callback, if it has one, gets ");
    if (e->ns->acks_error_first && (ack || args)) SAY(e, "null, then ");
    if (ack) node_json(e->out, ack);
    else if (args) node_json(e->out, args);
    else SAY(e, "null");
    end_line(e);
}

/* Keys that have no sentence of their own here stand as they are. */
static void say_others(struct explain *e, const struct node *rule)
{
    static const char *const known[] = { "when", "allow", "require", "member", "join", "leave", "emit", "unwatch", "watch", "watched", "reply", "ack", "ack_args", "refuse" };
    for (size_t i = 0; rule && i < rule->count; i++) {
        const struct node *n = rule->child[i];
        bool said = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) said |= strcmp(n->key, known[k]) == 0;
        if (said) continue;
        line(e);
        SAY(e, "%s: ", n->key);
        if (n->kind == NODE_STRING) SAY(e, "%s", n->text);
        else node_json(e->out, n);
        end_line(e);
    }
}

/* ---- where it is refused */

static const struct node *first_with(const struct node *a, const struct node *b, const char *key)
{
    const struct node *n = node_find(a, key);
    return n ? n : node_find(b, key);
}

static void say_texts(struct explain *e, const struct node *words)
{
    enum problem p;
    for (size_t i = 0; words && i < words->count; i++) {
        const struct node *n = words->child[i];
        if (!problem_find(&p, span_of(n->key)) && strcmp(n->key, "default") != 0) continue;
        line(e);
        SAY(e, "- %s: ", strcmp(n->key, "default") == 0 ? "{error} else" : n->key);
        if (n->kind == NODE_MAP) node_json(e->out, n);
        else SAY(e, "{error} is \"%s\"", n->text);
        end_line(e);
    }
}

static void say_refusal(struct explain *e, const struct node *rule)
{
    const struct node *own = node_find(rule, "refuse"), *errors = e->ns->errors;
    const struct node *speaker = node_find(own, "event") || node_find(own, "ack") ? own : errors;
    const struct node *event = node_find(speaker, "event"), *ack = first_with(own, errors, "ack");
    line(e);
    SAY(e, "If it is refused ");
    if (event) SAY(e, "\"%s\" goes to the sender's socket", event->text), explain_arguments(e->out, node_find(speaker, "args"));
    else if (node_find(speaker, "ack")) SAY(e, "no event is sent");
    else SAY(e, "\"error\" goes to the sender's socket with {\"message\":\"{error}\"}");
    SAY(e, "; the callback gets ");
    if (ack) node_json(e->out, ack);
    else SAY(e, "null");
    end_line(e);
    e->depth++;
    say_texts(e, own);
    say_texts(e, errors);
    e->depth--;
}

/* ---- a rule */

static void say_rule(struct explain *e, const struct node *rule, bool event)
{
    if (event) say_checks(e, rule);
    say_others(e, rule);
    e->step = 0;
    line(e);
    SAY(e, "Then\n");
    e->depth++;
    say_rooms(e, rule, "join", "joins");
    say_rooms(e, rule, "leave", "leaves");
    say_emits(e, node_find(rule, "emit"));
    say_watch(e, rule, "unwatch", "stops following");
    say_watch(e, rule, "watch", "follows from now on");
    say_watched(e, node_find(rule, "watched"));
    say_emits(e, node_find(rule, "reply"));
    if (event) say_ack(e, rule);
    e->depth--;
    if (event) say_refusal(e, rule);
}

static void say_alternatives(struct explain *e, const struct node *rule, bool event)
{
    for (size_t i = 0; i < count_of(rule); i++) {
        const struct node *one = item_of(rule, i), *when = node_find(one, "when");
        bool some = rule->kind == NODE_LIST || when;
        if (some) {
            line(e);
            if (!when) SAY(e, "Else:\n");
            else SAY(e, i ? "Else if " : "If "), say_fields(e, when, " and "), SAY(e, ":\n");
            e->depth++;
        }
        say_rule(e, one, event);
        if (some) e->depth--;
        if (some && i + 1 == count_of(rule) && when) line(e), SAY(e, "Else nothing happens; the callback gets null\n");
    }
}

static void say_head(struct explain *e, struct span event, const struct node *rule)
{
    SAY(e, "%.*s in namespace %s", (int)event.len, event.ptr, e->ns->name);
    if (rule && rule->key && !span_same(span_of(rule->key), event)) SAY(e, ", by the rule %s", rule->key);
    if (rule && rule->line) SAY(e, " (%s:%u)", rule->file, rule->line);
    end_line(e);
}

static const struct node *find_event(const struct config_namespace *ns, struct span event)
{
    struct buf errors = { 0 }, name = { 0 };
    const struct node *found = NULL;
    struct rules *r = rules_new(ns, &errors);
    json_quote(&name, event);
    const struct rules_rule *rule = r ? rules_find(r, buf_span(&name)) : NULL;
    if (rule) {
        buf_clear(&name);
        buf_add(&name, rules_rule_name(rule));
        found = node_find(ns->events, buf_text(&name));
    }
    rules_destroy(&r);
    buf_fini(&errors), buf_fini(&name);
    return found;
}

/* online and offline: nothing but emits. */
static void say_announcement(struct explain *e, const struct node *n)
{
    if (n->kind != NODE_MAP && n->kind != NODE_LIST) return;
    say_emits(e, n);
}

bool explain_event(struct buf *out, const struct config_namespace *ns, struct span event)
{
    struct explain e = { .out = out, .ns = ns };
    const struct { const char *name; const struct node *rule; } others[] = { { "connect", ns->connect }, { "online", ns->online }, { "offline", ns->offline } };
    const struct node *rule = NULL;
    size_t which = 0;
    while (which < 3 && !span_same(event, span_of(others[which].name))) which++;
    rule = which < 3 && others[which].rule ? others[which].rule : find_event(ns, event);
    say_head(&e, event, rule);
    e.depth = 1;
    if (!rule) {
        line(&e);
        SAY(&e, "No rule stands for it: nothing happens here; the callback gets null\n");
    } else if (which == 0) {
        say_alternatives(&e, rule, false);
    } else if (which < 3 && rule == others[which].rule) {
        say_announcement(&e, rule);
    } else {
        say_alternatives(&e, rule, true);
    }
    return rule != NULL;
}
