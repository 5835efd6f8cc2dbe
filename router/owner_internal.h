/* owner_internal - what the files named owner share; nobody else. */
#ifndef CAUSEWAY_OWNER_INTERNAL_H
#define CAUSEWAY_OWNER_INTERNAL_H

#include "answers.h"
#include "commits.h"
#include "deliveries.h"
#include "marks.h"
#include "origins.h"
#include "owner.h"
#include "positions.h"

struct owner {
    struct owner_options o;
    struct rooms    rooms;
    struct history  history;
    struct commits  commits;
    struct answers  answers;
    struct deliveries deliveries;
    struct marks    marks;
    struct origins  origins;
    uint64_t        seq, tickets;
    uint64_t        meant[ROOMS_GATEWAYS];      /* seq of the last body meant for each gateway */
    struct gateways clogged;
    struct position *positions[ROOMS_GATEWAYS];     /* how far each gateway is in each router's stream, or NULL */
    uint64_t        lives[VIEW_OWNERS_MAX];     /* epoch of each router in the settled view */
    struct owners   former;                     /* who owned before it */
    uint64_t        time;                       /* nothing is stamped earlier: what has followed another body is later */
    struct buf      scratch, record, key;
};

bool owner_alive(const struct owner *self, uint16_t router);    /* still the life that the settled view knew */
void owner_deliver(struct owner *self, bool all, struct effects *out);     /* what may leave; all: held or not */
void owner_commit(struct owner *self, uint64_t answer, struct effects *out);
uint64_t owner_delivered(const struct owner *self);     /* how far our stream has left */
/* Does a record concern one of these rooms, or (none named) anything the gateway is interested in? */
bool owner_concerns(struct owner *self, struct span stamped, struct span rooms, uint16_t gateway);
void owner_release(struct owner *self, uint16_t standby, struct effects *out);

#endif
