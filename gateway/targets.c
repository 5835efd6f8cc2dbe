/* targets - whom a body or a question is meant for: the union of its addresses, minus others. */
#include "gate_state.h"

#include <stdlib.h>

static struct room *find_room(struct gate *g, struct span nsp, struct span address)
{
    buf_clear(&g->key);
    address_key(&g->key, nsp, address);
    return registry_room(&g->registry, buf_span(&g->key));
}

static struct socket *find_socket(struct gate *g, struct span nsp, struct span sid)
{
    struct socket *s = registry_find(&g->registry, sid);
    return s && span_same(s->space->name, nsp) ? s : NULL;
}

static void exclude(struct gate *g, struct span nsp, struct span addresses)
{
    struct span text;
    struct address a;
    while (msg_next_str(&addresses, &text)) {
        if (address_decode(&a, text) != OK) continue;
        if (a.kind == ADDRESS_SOCKET) {
            struct socket *s = find_socket(g, nsp, a.name);
            if (s) registry_mark(&g->registry, s);
            continue;
        }
        const struct room *room = find_room(g, nsp, text);
        for (uint32_t i = 0; room && i < room->count; i++) registry_mark(&g->registry, room->members[i].socket);
    }
}

uint32_t targets_each(struct gate *g, const struct msg_BODY *b, target_visit *see, void *with)
{
    uint32_t n = 0;
    struct span to = b->to, text;
    struct address a;
    registry_begin(&g->registry);
    if (b->except.len) exclude(g, b->nsp, b->except);
    while (msg_next_str(&to, &text)) {
        if (address_decode(&a, text) != OK) {
            g->stats->bus_unknown++;
            continue;
        }
        if (a.kind == ADDRESS_SOCKET) {
            struct socket *s = find_socket(g, b->nsp, a.name);
            if (s && registry_mark(&g->registry, s)) n += see(g, s, with);
            continue;
        }
        const struct room *room = find_room(g, b->nsp, text);
        for (uint32_t i = 0; room && i < room->count; i++) {
            struct socket *s = room->members[i].socket;
            if (registry_mark(&g->registry, s)) n += see(g, s, with);
        }
    }
    return n;
}

/* ---- as a list: for who changes rooms, or sorts */

static bool collect(struct gate *g, struct socket *s, void *with)
{
    (void)with;
    if (g->target_count == g->target_cap) {
        g->target_cap = g->target_cap ? g->target_cap * 2 : 64;
        g->targets = realloc(g->targets, g->target_cap * sizeof *g->targets);
        NEED(g->targets);
    }
    g->targets[g->target_count++] = s;
    return true;
}

uint32_t targets_collect(struct gate *g, const struct msg_BODY *b)
{
    g->target_count = 0;
    return targets_each(g, b, collect, NULL);
}
