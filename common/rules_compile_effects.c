/* rules_compile_effects - nodes to plans: addresses, emits, replies, acks. */
#include "rules_compile.h"
#include "json.h"
#include "reserved.h"

bool compile_addresses(struct compile *c, const struct node *map, const char *key, compile_address *one, struct rules_addresses *out)
{
    const struct node *n = node_find(map, key);
    if (!n) return true;
    bool good = true;
    size_t before = compile_enter(c, key), count = compile_count(n);
    if (count == 0 || count > RULES_ITEMS_MAX) return compile_leave(c, before, COMPLAIN(c, n, "must be one, or a list of 1 to %d", RULES_ITEMS_MAX));
    out->at = compile_array(count, sizeof *out->at);
    for (; out->count < count; out->count++) good &= one(&out->at[out->count], &c->t, compile_item(n, out->count));
    return compile_leave(c, before, good);
}

/* ---- emit and reply */

bool compile_reserved(const char *name)
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
    if (compile_reserved(n->text)) return COMPLAIN(c, n, "'%s' is one of Socket.IO's own events", n->text);
    *open = n->text && strchr(n->text, '{');
    return n->kind == NODE_NUMBER ? template_add(&c->t, n) : template_add_string(&c->t, n);      /* a number is a name, too, and stays one */
}

bool compile_args(struct compile *c, const struct node *map, struct rules_emit *reply)
{
    const struct node *n = node_find(map, "args");
    template_begin(&c->t);
    template_add_literal(&c->t, SPAN("["));
    bool good = compile_name(c, map, &reply->open_name);
    if (n && n->kind != NODE_LIST) good = COMPLAIN(c, n, "args must be a list");
    else if (n) good &= template_add_arguments(&c->t, n, true);
    template_add_literal(&c->t, SPAN("]"));
    reply->args = template_end(&c->t);
    return good;
}

typedef bool compile_one(struct compile *c, const struct node *n, struct rules_emit *emit);

static bool compile_reply(struct compile *c, const struct node *n, struct rules_emit *reply)
{
    static const char *const keys[] = { "when", "event", "args", "volatile", NULL };
    bool good = compile_known(c, n, keys);
    if (n->kind != NODE_MAP) return false;
    good &= compile_when(c, n, &reply->when);
    good &= compile_flag(c, n, "volatile", &reply->is_volatile);
    return good & compile_args(c, n, reply);
}

/* Like a reply, but it may be said once for each. */
static bool compile_one_watched(struct compile *c, const struct node *n, struct rules_emit *reply)
{
    static const char *const keys[] = { "when", "event", "args", "volatile", "each", NULL };
    bool good = compile_known(c, n, keys);
    if (n->kind != NODE_MAP) return false;
    good &= compile_when(c, n, &reply->when);
    good &= compile_flag(c, n, "volatile", &reply->is_volatile);
    good &= compile_flag(c, n, "each", &reply->each);
    return good & compile_args(c, n, reply);
}

/* 'watchers' is no address: who that is, presence knows. */
static bool compile_to(struct compile *c, const struct node *map, struct rules_emit *emit)
{
    const struct node *n = node_find(map, "to");
    if (!n) return COMPLAIN(c, map, "to is missing");
    bool good = true;
    size_t before = compile_enter(c, "to"), count = compile_count(n);
    if (count == 0 || count > RULES_ITEMS_MAX) return compile_leave(c, before, COMPLAIN(c, n, "must be one, or a list of 1 to %d", RULES_ITEMS_MAX));
    emit->to.at = compile_array(count, sizeof *emit->to.at);
    for (size_t i = 0; i < count; i++) {
        const struct node *item = compile_item(n, i);
        if (item->kind != NODE_STRING || strcmp(item->text, "watchers") != 0) {
            good &= template_compile_address(&emit->to.at[emit->to.count++], &c->t, item);
            continue;
        }
        if (!c->t.no_socket) good = COMPLAIN(c, item, "watchers are those of a user who comes or goes: in online and offline only");
        emit->watchers = true;
    }
    return compile_leave(c, before, good);
}

static bool compile_emit(struct compile *c, const struct node *n, struct rules_emit *emit)
{
    static const char *const socket_keys[] = { "when", "to", "event", "args", "others", "except", "volatile", NULL };
    static const char *const keys[] = { "when", "to", "event", "args", "except", "volatile", NULL };
    bool good = compile_known(c, n, c->t.no_socket ? keys : socket_keys);
    if (n->kind != NODE_MAP) return false;
    good &= compile_when(c, n, &emit->when);
    good &= compile_to(c, n, emit);
    good &= compile_addresses(c, n, "except", template_compile_address, &emit->except);
    good &= compile_flag(c, n, "others", &emit->others);
    good &= compile_flag(c, n, "volatile", &emit->is_volatile);
    return good & compile_args(c, n, emit);
}

static bool compile_each(struct compile *c, const struct node *n, compile_one *one, struct rules_emits *out)
{
    bool good = true;
    size_t count = compile_count(n);
    if (count > RULES_ITEMS_MAX) return COMPLAIN(c, n, "more than %d in one rule", RULES_ITEMS_MAX);
    out->at = compile_array(count, sizeof *out->at);
    for (; out->count < count; out->count++) good &= one(c, compile_item(n, out->count), &out->at[out->count]);
    return good;
}

static bool compile_each_of(struct compile *c, const struct node *map, const char *key, compile_one *one, struct rules_emits *out)
{
    const struct node *n = node_find(map, key);
    if (!n) return true;
    size_t before = compile_enter(c, key);
    return compile_leave(c, before, compile_each(c, n, one, out));
}

bool compile_emits(struct compile *c, const struct node *n, struct rules_emits *out) { return compile_each(c, n, compile_emit, out); }

bool compile_emits_of(struct compile *c, const struct node *map, const char *key, struct rules_emits *out)
{
    return compile_each_of(c, map, key, compile_emit, out);
}

bool compile_replies(struct compile *c, const struct node *map, const char *key, struct rules_emits *out)
{
    return compile_each_of(c, map, key, compile_reply, out);
}

/* ---- whom a user follows */

bool compile_watched(struct compile *c, const struct node *map, const char *key, struct rules_emits *out)
{
    return compile_each_of(c, map, key, compile_one_watched, out);
}

bool compile_watch(struct compile *c, const struct node *map, const char *key, struct template *out)
{
    const struct node *n = node_find(map, key);
    if (!n) return true;
    size_t before = compile_enter(c, key);
    bool good = n->kind == NODE_STRING || n->kind == NODE_NUMBER || n->kind == NODE_LIST || COMPLAIN(c, n, "must be a user's id or a list of them");
    template_begin(&c->t);
    good = good && template_add(&c->t, n);
    *out = template_end(&c->t);
    return compile_leave(c, before, good);
}

/* ---- acks: as the socket.io client's callback takes them, an error first if the namespace says so */

bool compile_ack_value(struct compile *c, const struct node *n, struct span open, struct template *ack)
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

bool compile_ack(struct compile *c, const struct node *rule, struct template *ack)
{
    const struct node *n = node_find(rule, "ack_args");
    if (!n) return compile_ack_value(c, node_find(rule, "ack"), c->error_first ? SPAN("[null,") : SPAN("["), ack);
    if (n->kind != NODE_LIST) return COMPLAIN(c, n, "ack_args must be a list");
    if (node_find(rule, "ack")) return COMPLAIN(c, n, "ack and ack_args: one of them");
    template_begin(&c->t);
    template_add_literal(&c->t, c->error_first ? SPAN("[null") : SPAN("["));
    bool good = template_add_arguments(&c->t, n, c->error_first);
    template_add_literal(&c->t, SPAN("]"));
    *ack = template_end(&c->t);
    return good;
}
