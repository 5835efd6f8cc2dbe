/* generation - what one reading of the topology has made: every namespace's rules, compiled.
 *
 * A reload makes the next one beside it. Each is counted: whoever does something with a
 * rule, or with a namespace's configuration, over more than one call (an event that waits
 * for an answer) holds the generation and finishes with what it began with; all others
 * take what is current, call by call.
 *
 *     struct generation *fresh = generation_new(&config, &errors);    the daemon's first, or
 *     ... reload_apply(running, config);                              the running one's values are now in 'config':
 *     generation_retire(old, &config);                                they live as long as 'old' does
 *     generation_drop(&old);
 *
 * Pure. */
#ifndef CAUSEWAY_GENERATION_H
#define CAUSEWAY_GENERATION_H

#include "rules.h"

struct generation {
    size_t         holders;
    size_t         count;           /* namespaces */
    struct rules **rules;           /* one each, in the configuration's order */
    struct config *retired;         /* what it was made of, once the running configuration has something newer; or NULL */
};

/* Held for the caller. NULL, and a line each in 'errors', where any rule is wrong. Reads 'config' during the call only. */
struct generation *generation_new(const struct config *config, struct buf *errors);
struct generation *generation_hold(struct generation *self);
void generation_drop(struct generation **self);
/* Takes a configuration from the heap: freed with this generation. */
void generation_retire(struct generation *self, struct config **config);

#endif
