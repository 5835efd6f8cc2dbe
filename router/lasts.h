/* lasts - the last value of each stats topic, "stats.<role>.<id>.<kind>": for late
 * subscribers, for what is pushed by the clock, and for whoever scrapes.
 *
 * A daemon that is gone is forgotten with all of its topics. Bounded by the roster:
 * strangers publish no stats. Pure; one owner: main. */
#ifndef CAUSEWAY_ROUTER_LASTS_H
#define CAUSEWAY_ROUTER_LASTS_H

#include "blob.h"
#include "map.h"
#include "msg.h"

enum { LASTS_TOPIC_MAX = 256 };

struct last {
    enum role    role;
    uint16_t     number;
    struct blob *json;
    uint32_t     id, kind, len;     /* where id and kind begin in topic; its length */
    char         topic[];
};

struct lasts { struct map by_topic; struct buf scratch; };

void lasts_init(struct lasts *self, const struct siphash_key *seed);
void lasts_fini(struct lasts *self);
const struct last *lasts_put(struct lasts *self, struct span id, struct span kind, struct span json);       /* NULL: that is no daemon's */
void lasts_forget(struct lasts *self, struct span id);
const struct last *lasts_find(struct lasts *self, struct span id, struct span kind);    /* or NULL */
const struct last *lasts_next(const struct lasts *self, struct map_walk *walk);
struct span last_topic(const struct last *last);
struct span last_id(const struct last *last);
struct span last_kind(const struct last *last);
/* A counter of a role's daemons, added up: "sessions.open" of ROLE_GATEWAY. */
uint64_t lasts_sum(const struct lasts *self, enum role role, struct span counter);

#endif
