#include "rules_push.h"

#include "config_table.h"
#include "namespace.h"
#include "rules_compile.h"

#include <stdlib.h>

struct rules_pushes {
    struct push { uint64_t every_ms; struct rules_rule rule; } *at;
    size_t count;
};

static bool compile_interval(struct compile *c, const struct node *map, uint64_t *ms)
{
    const struct node *n = node_find(map, "every");
    if (!n) return COMPLAIN(c, map, "every is missing");
    if (!n->text || !config_parse_number(UNIT_MS, span_of(n->text), ms)) return COMPLAIN(c, n, "every must be a time, such as 30s");
    if (*ms < RULES_PUSH_EVERY_MIN_MS || *ms > RULES_PUSH_EVERY_MAX_MS) return COMPLAIN(c, n, "every must be from 100ms to 24h");
    return true;
}

/* The emit that it is: without 'every', and to all where it says to nobody. */
static struct node *emit_of(const struct node *n)
{
    struct node *emit = node_copy(n);
    for (size_t i = emit->count; i-- > 0; ) {
        if (strcmp(emit->child[i]->key, "every") != 0) continue;
        struct node *every = node_take(emit, i);
        node_destroy(&every);
    }
    if (node_find(emit, "to")) return emit;
    struct node *to = node_text(NODE_STRING, n, SPAN("*"));
    node_name(to, SPAN("to"));
    node_add(emit, to);
    return emit;
}

static bool compile_push(struct compile *c, const struct node *n, struct push *push)
{
    if (n->kind != NODE_MAP) return COMPLAIN(c, n, "must be {every, event, args}");
    c->t.program = &push->rule.program;
    bool good = compile_interval(c, n, &push->every_ms);
    struct node *emit = emit_of(n);
    good &= compile_emits(c, emit, &push->rule.emit);
    node_destroy(&emit);
    return good;
}

struct rules_pushes *rules_pushes_new(const struct config_namespace *ns, struct buf *errors)
{
    const struct node *n = ns->push;
    if (!n || n->kind == NODE_NULL) return NULL;
    struct compile c = { .t.errors = errors, .t.nsp_parts = namespace_wildcards(span_of(ns->name)), .t.no_socket = true };
    struct rules_pushes *self = compile_array(1, sizeof *self);
    (void)compile_enter(&c, "namespaces");
    (void)compile_enter(&c, ns->name);
    (void)compile_enter(&c, "push");
    size_t count = compile_count(n);
    bool good = count <= RULES_PUSHES_MAX || COMPLAIN(&c, n, "more than %d", RULES_PUSHES_MAX);
    self->at = compile_array(count, sizeof *self->at);
    for (; good && self->count < count; self->count++) good &= compile_push(&c, compile_item(n, self->count), &self->at[self->count]);
    buf_fini(&c.where);
    if (!good || !self->count) rules_pushes_destroy(&self);
    return self;
}

void rules_pushes_destroy(struct rules_pushes **self_p)
{
    struct rules_pushes *self = *self_p;
    if (!self) return;
    for (size_t i = 0; i < self->count; i++) rules_rule_fini(&self->at[i].rule);
    free(self->at);
    free(self);
    *self_p = NULL;
}

size_t rules_pushes_count(const struct rules_pushes *self)             { return self ? self->count : 0; }
uint64_t rules_push_every(const struct rules_pushes *self, size_t i)   { return self->at[i].every_ms; }

bool rules_push_asks(const struct rules_pushes *self, size_t i, struct span root)
{
    const struct template_program *p = &self->at[i].rule.program;
    for (unsigned k = 0; k < p->path_count; k++) {
        struct span path = template_path_text(p, k);
        if (span_eat_prefix(&path, root) && (!path.len || span_starts(path, '.'))) return true;
    }
    return false;
}

enum err rules_push(const struct rules_pushes *self, size_t i, const struct template_scope *scope, struct rules_effects *out)
{
    return rules_run_plain(&self->at[i].rule, scope, out);
}
