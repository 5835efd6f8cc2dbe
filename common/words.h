/* words - banned words, looked for in one pass over a text, however many they are.
 *
 * They are found anywhere in the text, inside of longer words too, whatever the case (fold.h). A JSON string is
 * read as what it means: an escape hides nothing. Aho and Corasick's automaton over the folded text's UTF-8, the
 * time is that of the text's length. Immutable, one owner. Pure. */
#ifndef CAUSEWAY_WORDS_H
#define CAUSEWAY_WORDS_H

#include "span.h"

enum { WORDS_BYTES_MAX = 1 << 20 };     /* of a list */

struct words;

/* 'list': UTF-8, a word or phrase a line; blanks around it, empty lines and lines that begin with '#' don't count.
 * NULL: it is no UTF-8, or longer than WORDS_BYTES_MAX. */
struct words *words_new(struct span list);
void words_destroy(struct words **self);
size_t words_count(const struct words *w);

/* Does this JSON string, checked, hold one of them? '*steps', where not NULL, grows by the automaton's moves. */
bool words_found(const struct words *w, struct span string, size_t *steps);

#endif
