/* space - the namespaces here: each of the topology's by its name; those that a pattern stands for come with their first socket
 * and go with their last one. */
#include "gate_state.h"
#include "namespace.h"

#include <stdlib.h>

struct span space_name(const void *value)
{
    const struct space *sp = value;
    return sp->name;
}

static struct space *add(struct gate *g, size_t index, struct span name)
{
    struct space *sp = calloc(1, sizeof *sp + name.len);
    NEED(sp);
    memcpy(sp->text, name.ptr, name.len);
    sp->config = &g->config->namespaces[index];
    sp->name = span_from(sp->text, name.len);
    sp->shown = namespace_shown(sp->config, sp->name);
    sp->of_pattern = namespace_is_pattern(span_of(sp->config->name));
    if (sp->of_pattern) sp->part_count = namespace_parts(span_of(sp->config->name), sp->name, sp->parts);
    sp->rules = g->rules ? g->rules[index] : NULL;
    NEED(!map_put(&g->spaces, sp->name, sp));
    return sp;
}

void spaces_init(struct gate *g)
{
    g->rules = g->setup.rules;
    for (size_t i = 0; i < g->config->namespace_count; i++) {
        struct span name = span_of(g->config->namespaces[i].name);
        if (!namespace_is_pattern(name)) (void)add(g, i, name);
    }
}

void spaces_fini(struct gate *g)
{
    struct map_walk walk = { 0 };
    for (struct space *sp; (sp = map_next(&g->spaces, &walk)); ) free(sp);
}

void gate_set_rules(struct gate *g, struct rules *const *rules)
{
    struct map_walk walk = { 0 };
    g->rules = rules;
    for (struct space *sp; (sp = map_next(&g->spaces, &walk)); )
        sp->rules = rules ? rules[sp->config - g->config->namespaces] : NULL;
}

struct space *gate_space(const struct gate *g, struct span nsp)
{
    return map_find(&g->spaces, nsp);
}

bool gate_may_have_space(const struct gate *g, struct span nsp)
{
    return gate_space(g, nsp) || namespace_find(g->config, nsp) < g->config->namespace_count;
}

/* Its name here and its entry in the configuration; false: there is none for this listener's clients. */
static bool find(struct gate *g, const struct listener *l, struct span shown, struct span *nsp, size_t *index)
{
    struct span prefix = span_of(l->config->prefix);
    buf_clear(&g->key);
    namespace_meant(&g->key, prefix, shown);
    *nsp = buf_span(&g->key);
    const struct space *here = gate_space(g, *nsp);
    *index = here ? (size_t)(here->config - g->config->namespaces) : namespace_find(g->config, *nsp);
    return *index < g->config->namespace_count && g->config->namespaces[*index].prefix_len == prefix.len;
}

bool space_is_offered(struct gate *g, const struct listener *l, struct span shown)
{
    struct span nsp;
    size_t index;
    return find(g, l, shown, &nsp, &index);
}

enum err space_need(struct gate *g, const struct listener *l, struct span shown, struct space **sp)
{
    struct span nsp;
    size_t index;
    if (!find(g, l, shown, &nsp, &index)) return ERR_UNKNOWN;
    if ((*sp = gate_space(g, nsp))) return OK;
    if (g->stats->spaces_open >= g->config->gateway.max_namespaces_count) return ERR_FULL;
    g->stats->spaces_open++;
    *sp = add(g, index, nsp);
    return OK;
}

void space_leave(struct gate *g, struct space *sp)
{
    if (--sp->users || !sp->of_pattern) return;
    g->stats->spaces_open--;
    map_drop(&g->spaces, sp->name);
    free(sp);
}
