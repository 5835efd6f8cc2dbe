/* wants - what the subscribers of a router's feed want of the gateways.
 *
 * The socket tells each prefix once, when its first subscriber comes, and once when
 * its last one goes. They are kept here, WANTS_MAX of them at most and each cut at
 * TOPIC_PREFIX_MAX bytes (topic.h); what comes beyond that is wanted as the whole kinds
 * that it may mean. So the gateways' list is bounded whatever strangers subscribe to, and
 * they may send too much, never too little: the socket sifts again. Pure; one owner: the feed. */
#ifndef CAUSEWAY_ROUTER_WANTS_H
#define CAUSEWAY_ROUTER_WANTS_H

#include "map.h"
#include "topic.h"

enum { WANTS_MAX = 256 };

struct wants {
    struct map prefixes;                /* text -> struct want */
    size_t     beyond[TOPIC_KINDS];     /* subscriptions that have no place there, by kind */
    size_t     beyond_count;
    size_t     count;                   /* all */
};

void wants_init(struct wants *self, const struct siphash_key *seed);
void wants_fini(struct wants *self);
void wants_add(struct wants *self, struct span prefix);
void wants_drop(struct wants *self, struct span prefix);        /* one that was added */
void wants_say(const struct wants *self, struct buf *strs);     /* prefixes, for the gateways */

#endif
