/* explain - what an event will do, in plain words: the rule that would be found, read from the topology's nodes. Pure.
 *
 *     explain_event(&out, &config.namespaces[i], SPAN("private-message"))
 *
 * 'connect', 'online' and 'offline' are explained as the rules of that name. */
#ifndef CAUSEWAY_CLI_EXPLAIN_H
#define CAUSEWAY_CLI_EXPLAIN_H

#include "config.h"

/* False: no rule stands for it, and that is said. The namespace's rules are sound (place_check). */
bool explain_event(struct buf *out, const struct config_namespace *ns, struct span event);

/* ---- explain_words.c: parts of sentences */
void explain_condition(struct buf *out, const struct node *n, const char *words_file);      /* "is a string of at most 1000 characters" */
void explain_addresses(struct buf *out, const struct node *n);      /* "user {targetUserId}, room lobby" */
void explain_rooms(struct buf *out, const struct node *n);          /* "room {room}" */
void explain_values(struct buf *out, const struct node *n);         /* "admin or mod" */
void explain_arguments(struct buf *out, const struct node *args);   /* " with {...}, 7", or nothing */

#endif
