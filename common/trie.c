#include "trie.h"
#include "err.h"

#include <stdlib.h>

struct trie_edge { uint32_t key, to; };     /* state << 8 | byte; to 0: empty */

static size_t place(const struct trie *t, uint32_t key)
{
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> t->shift);
}

static struct trie_edge *look(const struct trie *t, uint32_t key)   /* the edge, or the empty place for it */
{
    size_t i = place(t, key);
    while (t->edges[i].to && t->edges[i].key != key) i = (i + 1) & (t->cap - 1);
    return &t->edges[i];
}

uint32_t trie_child(const struct trie *t, uint32_t state, uint8_t byte)
{
    if (state == 0) return t->root[byte];
    return t->cap ? look(t, state << 8 | byte)->to : 0;
}

static void grow(struct trie *t)
{
    struct trie_edge *old = t->edges;
    size_t cap = t->cap;
    t->cap = cap ? 2 * cap : 64;
    t->shift = cap ? t->shift - 1 : 64 - 6;
    t->edges = calloc(t->cap, sizeof *t->edges);
    NEED(t->edges);
    for (size_t i = 0; i < cap; i++)
        if (old[i].to) *look(t, old[i].key) = old[i];
    free(old);
}

uint32_t trie_need(struct trie *t, uint32_t state, uint8_t byte)
{
    uint32_t child = trie_child(t, state, byte);
    if (child) return child;
    NEED(t->count < TRIE_STATES_MAX - 1);
    child = (uint32_t)++t->count;
    if (state == 0) return t->root[byte] = child;
    if (2 * t->count >= t->cap) grow(t);
    *look(t, state << 8 | byte) = (struct trie_edge){ state << 8 | byte, child };
    return child;
}

void trie_fini(struct trie *t)
{
    free(t->edges);
    *t = (struct trie){ 0 };
}
