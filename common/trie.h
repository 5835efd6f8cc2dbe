/* trie - texts that share their beginnings: each byte of a walk costs one look, however many texts there are.
 *
 * States are numbers from 0, the empty text; edges lie in one hash table by (state, byte), those of the root in an
 * array. It only grows, up to 2^24 states. What a state means is its user's. Pure. */
#ifndef CAUSEWAY_TRIE_H
#define CAUSEWAY_TRIE_H

#include "span.h"

enum { TRIE_STATES_MAX = 1 << 24 };

struct trie {
    uint32_t          root[256];
    struct trie_edge *edges;
    size_t            cap, count;   /* a power of two; states but the root */
    unsigned          shift;
};

uint32_t trie_child(const struct trie *t, uint32_t state, uint8_t byte);    /* 0: there is none */
uint32_t trie_need(struct trie *t, uint32_t state, uint8_t byte);           /* it is made where there is none */
void     trie_fini(struct trie *t);

#endif
