#include "words.h"

#include "fold.h"
#include "json.h"
#include "trie.h"

#include <stdlib.h>

struct state {
    uint32_t parent, fail;      /* fail: the longest other end of this text that some word begins with */
    uint8_t  byte;              /* from the parent to here */
    bool     ends;              /* a word does */
};

struct words {
    struct trie   trie;
    struct state *states;
    size_t        count, cap;
};

/* ---- at load */

static uint32_t add_byte(struct words *w, uint32_t parent, uint8_t byte)
{
    size_t before = w->trie.count;
    uint32_t state = trie_need(&w->trie, parent, byte);
    if (w->trie.count == before) return state;
    if (state >= w->cap) {
        w->cap = w->cap ? 2 * w->cap : 256;
        w->states = realloc(w->states, w->cap * sizeof *w->states);
        NEED(w->states);
        w->states[0] = (struct state){ 0 };
    }
    w->states[state] = (struct state){ .parent = parent, .byte = byte };
    return state;
}

static void add_word(struct words *w, struct span word)
{
    struct buf quoted = { 0 };
    uint32_t state = 0, point;
    json_quote(&quoted, word);
    for (struct span rest = json_inside(buf_span(&quoted)); json_next_point(&rest, &point); ) {
        char bytes[4];
        struct buf one = { bytes, 0, sizeof bytes };    /* never grows: a character is 4 bytes at most */
        utf8_add(&one, fold_point(point));
        for (size_t i = 0; i < one.len; i++) state = add_byte(w, state, (uint8_t)bytes[i]);
    }
    w->states[state].ends = true;
    w->count++;
    buf_fini(&quoted);
}

/* The state of the longest end of 'from' and the byte that some word begins with. */
static uint32_t follow(const struct words *w, uint32_t from, uint8_t byte, size_t *steps)
{
    for (;;) {
        uint32_t to = trie_child(&w->trie, from, byte);
        ++*steps;
        if (to || from == 0) return to;
        from = w->states[from].fail;
    }
}

/* All states, the shorter ones first: what one's fail says is needed by the longer ones. A parent's number is the smaller one. */
static uint32_t *by_length(const struct words *w)
{
    size_t states = w->trie.count + 1;
    uint32_t *length = calloc(states, sizeof *length), *first = calloc(states + 1, sizeof *first), *order = malloc(states * sizeof *order);
    NEED(length && first && order);
    for (size_t s = 1; s < states; s++) length[s] = length[w->states[s].parent] + 1;
    for (size_t s = 0; s < states; s++) first[length[s] + 1]++;
    for (size_t n = 1; n <= states; n++) first[n] += first[n - 1];
    for (size_t s = 0; s < states; s++) order[first[length[s]]++] = (uint32_t)s;
    free(length), free(first);
    return order;
}

static void link_states(struct words *w)
{
    uint32_t *order = by_length(w);
    size_t steps = 0;
    for (size_t i = 1; i <= w->trie.count; i++) {
        struct state *s = &w->states[order[i]];
        if (s->parent) s->fail = follow(w, w->states[s->parent].fail, s->byte, &steps);
        s->ends |= w->states[s->fail].ends;
    }
    free(order);
}

struct words *words_new(struct span list)
{
    if (list.len > WORDS_BYTES_MAX || !utf8_valid(list)) return NULL;
    struct words *w = calloc(1, sizeof *w);
    NEED(w);
    (void)span_eat_prefix(&list, SPAN("\xef\xbb\xbf"));
    while (list.len) {
        struct span word = span_cut(&list, '\n');
        if (word.len && word.ptr[word.len - 1] == '\r') word.len--;
        word = span_trim(word);
        if (word.len && !span_starts(word, '#')) add_word(w, word);
    }
    if (w->count) link_states(w);
    return w;
}

void words_destroy(struct words **self)
{
    if (!*self) return;
    trie_fini(&(*self)->trie);
    free((*self)->states);
    free(*self);
    *self = NULL;
}

size_t words_count(const struct words *w)
{
    return w->count;
}

/* ---- per text */

bool words_found(const struct words *w, struct span string, size_t *steps)
{
    size_t unheard = 0;
    uint32_t state = 0, point;
    if (w->count == 0) return false;
    if (!steps) steps = &unheard;
    for (struct span rest = json_inside(string); json_next_point(&rest, &point); ) {
        char bytes[4];
        struct buf one = { bytes, 0, sizeof bytes };    /* never grows: a character is 4 bytes at most */
        point = fold_point(point);
        if (point < 0x80) bytes[one.len++] = (char)point;
        else utf8_add(&one, point);
        for (size_t i = 0; i < one.len; i++) {
            state = follow(w, state, (uint8_t)bytes[i], steps);
            if (w->states[state].ends) return true;
        }
    }
    return false;
}
