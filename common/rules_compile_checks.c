/* rules_compile_checks - nodes to plans: require, when, allow, and what is said where they fail. */
#include "rules_compile.h"

#include <stdlib.h>

/* ---- require and when */

static struct require *add_require(struct rules_requires *out)
{
    out->at = realloc(out->at, (out->count + 1) * sizeof *out->at);
    NEED(out->at);
    out->at[out->count] = (struct require){ 0 };
    return &out->at[out->count++];
}

static bool compile_field(struct compile *c, const struct node *n, const char *field, struct rules_requires *out)
{
    struct require *r = add_require(out);
    return template_compile_field(&r->path, &c->t, n, span_of(field)) && require_compile(r, &c->t, n, c->words);
}

bool compile_require(struct compile *c, const struct node *rule, struct rules_requires *out)
{
    const struct node *n = node_find(rule, "require");
    if (!n) return true;
    size_t before = compile_enter(c, "require");
    bool good = true;
    if (n->kind == NODE_STRING || n->kind == NODE_LIST) return compile_leave(c, before, compile_field(c, n, "args.0", out));
    if (n->kind != NODE_MAP) return compile_leave(c, before, COMPLAIN(c, n, "must be a type, or {field: type}"));
    for (size_t i = 0; i < n->count; i++) {
        const struct node *field = n->child[i];
        size_t inner = compile_enter(c, field->key);
        if (!span_has_prefix(span_of(field->key), SPAN("args."))) out->in_object = true;
        good &= compile_field(c, field, field->key, out);
        (void)compile_leave(c, inner, good);
    }
    return compile_leave(c, before, good);
}

bool compile_when(struct compile *c, const struct node *map, struct rules_requires *out)
{
    const struct node *n = node_find(map, "when");
    if (!n) return true;
    size_t before = compile_enter(c, "when");
    bool good = true;
    if (n->kind != NODE_MAP || n->count == 0) return compile_leave(c, before, COMPLAIN(c, n, "must be {path: condition}"));
    for (size_t i = 0; i < n->count; i++) {
        const struct node *condition = n->child[i];
        size_t inner = compile_enter(c, condition->key);
        struct require *r = add_require(out);
        good &= template_compile_path(&r->path, &c->t, condition, span_of(condition->key))
             && require_compile(r, &c->t, condition, c->words);
        (void)compile_leave(c, inner, good);
    }
    return compile_leave(c, before, good);
}

/* ---- allow */

static bool compile_claims(struct compile *c, const struct node *n, struct rules_claims *out)
{
    bool good = true;
    if (n->kind != NODE_MAP || n->count == 0) return COMPLAIN(c, n, "must be {claim: value or list of values}, or a list of these");
    out->at = compile_array(n->count, sizeof *out->at);
    for (; out->count < n->count; out->count++) {
        const struct node *claim = n->child[out->count];
        struct rules_claim *to = &out->at[out->count];
        struct buf path = { 0 };
        size_t before = compile_enter(c, claim->key);
        buf_add_literal(&path, "claims.");
        buf_add(&path, span_of(claim->key));
        good &= template_compile_path(&to->path, &c->t, claim, buf_span(&path));
        good &= one_of_compile(&to->values, claim, c->t.where, c->t.errors);
        buf_fini(&path);
        (void)compile_leave(c, before, good);
    }
    return good;
}

bool compile_allow(struct compile *c, const struct node *rule, struct rules_allow *out)
{
    const struct node *n = node_find(rule, "allow");
    if (!n) return true;
    size_t before = compile_enter(c, "allow"), count = compile_count(n);
    bool good = true;
    if (count == 0 || count > RULES_ITEMS_MAX) return compile_leave(c, before, COMPLAIN(c, n, "must be one map, or a list of 1 to %d", RULES_ITEMS_MAX));
    out->at = compile_array(count, sizeof *out->at);
    for (; out->count < count; out->count++) good &= compile_claims(c, compile_item(n, out->count), &out->at[out->count]);
    return compile_leave(c, before, good);
}

/* ---- errors and refuse */

static bool compile_text(struct compile *c, const struct node *n, struct rules_words *w)
{
    template_begin(&c->t);
    bool good = template_add_string(&c->t, n);
    w->text = template_end(&c->t);
    w->has_text = true;
    return good;
}

/* What is sent: of a map with event, args, ack. */
static bool compile_speaker(struct compile *c, const struct node *n, struct rules_words *w)
{
    const struct node *ack = node_find(n, "ack");
    bool good = true, event = node_find(n, "event") || node_find(n, "args");
    w->speaks = event || ack;       /* an ack alone is an answer too: then there is no event */
    w->has_ack = ack != NULL;
    if (ack) good &= compile_ack_value(c, ack, SPAN("["), &w->ack);
    if (event) good &= compile_args(c, n, &w->reply);
    return good;
}

static bool compile_words(struct compile *c, const struct node *n, struct rules_words *w)
{
    static const char *const keys[] = { "text", "event", "args", "ack", NULL };
    const struct node *text = node_find(n, "text");
    if (n->kind != NODE_MAP) return compile_text(c, n, w);
    bool good = compile_known(c, n, keys);
    if (text) good &= compile_text(c, text, w);
    good &= compile_speaker(c, n, w);
    return good && (w->has_text || w->speaks || COMPLAIN(c, n, "must be a text, or have a text, an event or an ack"));
}

static bool is_own_key(const char *key)
{
    return strcmp(key, "event") == 0 || strcmp(key, "args") == 0 || strcmp(key, "ack") == 0;
}

bool compile_refusal(struct compile *c, const struct node *n, struct rules_refusal *out)
{
    enum problem p;
    bool good = true;
    if (n->kind != NODE_MAP || n->count == 0) return COMPLAIN(c, n, "must have an event, an ack or both, or texts for problems");
    good = compile_speaker(c, n, &out->any);
    for (size_t i = 0; i < n->count; i++) {
        const struct node *m = n->child[i];
        size_t before = compile_enter(c, m->key);
        if (strcmp(m->key, "default") == 0) good &= compile_text(c, m, &out->any);
        else if (problem_find(&p, span_of(m->key))) good &= compile_words(c, m, &out->of[p]);
        else if (!is_own_key(m->key)) good = COMPLAIN(c, m, "there is no problem '%s'; docs/RULES.md has them all", m->key);
        (void)compile_leave(c, before, good);
    }
    return good;
}
