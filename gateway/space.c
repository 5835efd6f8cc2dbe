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

/* What the configuration says of it: its entry, at the start and after each reload. */
static void bind(struct gate *g, struct space *sp, size_t index)
{
    sp->config = &g->config->namespaces[index];
    sp->shown = namespace_shown(sp->config, sp->name);
    sp->of_pattern = namespace_is_pattern(span_of(sp->config->name));
    sp->part_count = sp->of_pattern ? namespace_parts(span_of(sp->config->name), sp->name, sp->parts) : 0;
    sp->rules = g->generation ? g->generation->rules[index] : NULL;
}

static struct space *add(struct gate *g, size_t index, struct span name)
{
    struct space *sp = calloc(1, sizeof *sp + name.len);
    NEED(sp);
    memcpy(sp->text, name.ptr, name.len);
    sp->name = span_from(sp->text, name.len);
    bind(g, sp, index);
    NEED(!map_put(&g->spaces, sp->name, sp));
    return sp;
}

/* The namespaces that are here whether anybody is in them or not, as far as they are missing. */
void spaces_init(struct gate *g)
{
    for (size_t i = 0; i < g->config->namespace_count; i++) {
        struct span name = span_of(g->config->namespaces[i].name);
        if (!namespace_is_pattern(name) && !gate_space(g, name)) (void)add(g, i, name);
    }
}

void spaces_fini(struct gate *g)
{
    struct map_walk walk = { 0 };
    for (struct space *sp; (sp = map_next(&g->spaces, &walk)); ) free(sp);
}

static void drop(struct gate *g, struct space *sp)
{
    g->stats->spaces_open -= sp->of_pattern;
    map_drop(&g->spaces, sp->name);
    free(sp);
}

/* ---- a reload */

/* Its sockets are told and end; with the last one it is freed. */
static void end(struct gate *g, struct space *sp)
{
    struct map_walk walk = { 0 };
    sp->users++;                    /* we look at it until all are through */
    for (struct session *s; (s = map_next(&g->sessions, &walk)); )
        for (struct socket *k = s->sockets, *next; k; k = next) {
            next = k->next;
            if (k->space == sp) connect_gone(k);
        }
    space_leave(g, sp);
}

/* True: nobody is in it, and nothing keeps it. */
static bool rebind(struct gate *g, struct space *sp, bool *gone)
{
    size_t index = namespace_find(g->config, sp->name);
    bool was_of_pattern = sp->of_pattern;
    *gone = index == g->config->namespace_count;
    if (*gone) sp->of_pattern = true;       /* it goes with its last socket */
    else bind(g, sp, index);
    g->stats->spaces_open += (uint64_t)sp->of_pattern - was_of_pattern;
    return sp->of_pattern && !sp->users;
}

void spaces_reload(struct gate *g)
{
    struct space **all = calloc(g->spaces.count + 1, sizeof *all);
    struct map_walk walk = { 0 };
    size_t count = 0;
    NEED(all);
    for (struct space *sp; (sp = map_next(&g->spaces, &walk)); ) all[count++] = sp;
    for (size_t i = 0; i < count; i++) {
        bool gone;
        if (rebind(g, all[i], &gone)) drop(g, all[i]);
        else if (gone) end(g, all[i]);
    }
    free(all);
    spaces_init(g);
}

/* ---- found */

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
    drop(g, sp);
}
