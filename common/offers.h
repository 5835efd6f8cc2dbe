/* offers - who has announced to handle which events: workers at their router, routers at a gateway.
 *
 * An offer is (worker's name, namespace or pattern, event or pattern) and whoever holds it. An event
 * goes to those that announced exactly its name; else to those of the pattern with most characters
 * of its own ('*' stands for any characters, none as well). 'connect' and 'disconnect' are meant by
 * their names only, never by a pattern. Names of events are found by hash; patterns are tried one
 * after the other: their number is the holders' limit.
 *
 * One owner. Spans passed in are copied. Pure. Specification: docs/ZMQ-API.md, "Workers". */
#ifndef CAUSEWAY_OFFERS_H
#define CAUSEWAY_OFFERS_H

#include "map.h"

enum { OFFERS_EVENT_MAX = 256 };        /* bytes; a longer name fits no pattern */

struct offers_holder { uint64_t id; uint64_t capacity; };

struct offer {
    struct offer *next;                 /* of the same event; of patterns: those with fewer characters of their own behind */
    struct span   name, nsp, event;
    size_t        own;                  /* characters, of a pattern */
    bool          wild;
    struct offers_holder *at;
    size_t        count, cap;
    char          text[];
};

struct offers {
    struct map    exact;                /* event -> struct offer, the first of its chain */
    struct offer *wild;
    size_t        count;                /* offers; 0: nobody is there */
};

struct offers_query {
    struct span nsp, event;             /* the event's name, unquoted */
    struct span name;                   /* of the workers that are meant; empty: any */
};

void offers_init(struct offers *self, const struct siphash_key *seed);
void offers_fini(struct offers *self);
void offers_add(struct offers *self, uint64_t holder, uint64_t capacity, struct span name, struct span nsp, struct span event);
void offers_drop(struct offers *self, uint64_t holder);         /* all that it has announced */

/* The offers that an event goes to: all of one event or pattern. NULL: none. */
const struct offer *offers_first(const struct offers *self, const struct offers_query *q);
const struct offer *offers_next(const struct offer *offer, const struct offers_query *q);
/* The same, of exactly this event or pattern. */
const struct offer *offers_of(const struct offers *self, const struct offers_query *q);

typedef void offers_see(void *with, const struct offer *offer);
void offers_each(const struct offers *self, offers_see *see, void *with);

bool offers_pattern_fits(struct span pattern, struct span event);
bool offers_lifecycle(struct span event);                       /* connect, disconnect */

#endif
