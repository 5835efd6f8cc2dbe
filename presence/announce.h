/* announce - online and offline events on their way to the sockets that care.
 *
 * An event is a BODY that a namespace's rule has rendered. It goes as an EMIT to the
 * router that owns its first address (or to any: routers pass it on) and is kept until
 * that router confirms it on the link: then the owner and its standby hold it. What was
 * unconfirmed at a router that died goes to another, with its old number and the dead
 * one's name, so that a duplicate is known. With no router there it waits.
 *
 * At most ANNOUNCE_MAX and ANNOUNCE_BYTES are kept; what comes then is dropped and
 * counted: who is online is also in `who`. Pure; one owner: presence. */
#ifndef CAUSEWAY_ANNOUNCE_H
#define CAUSEWAY_ANNOUNCE_H

#include "effect.h"
#include "presence_stats.h"
#include "view.h"

enum { ANNOUNCE_MAX = 100000, ANNOUNCE_BYTES = 64 << 20 };

struct announce_item {
    uint64_t     number;            /* the EMIT's, and its ticket */
    uint64_t     link;              /* its number on the link; 0: the shell has not said yet */
    uint64_t     epoch;             /* the router's life that it was sent to */
    struct blob *emit;
};

struct announce_lane {              /* what one router has and has not confirmed; [0, head) is done */
    struct announce_item *at;
    size_t head, count, cap;
};

struct announce {
    struct span  id;                /* of this daemon, borrowed */
    uint64_t     epoch, number;
    struct presence_stats *stats;
    struct announce_lane lane[VIEW_OWNERS_MAX], waiting;
    size_t       count, bytes;
    struct buf   scratch, key;
};

void announce_init(struct announce *self, struct span id, uint64_t epoch, struct presence_stats *stats);
void announce_fini(struct announce *self);

/* An encoded BODY. */
void announce_send(struct announce *self, struct span body, const struct view *view, struct effects *out);
/* link 0: there is no such peer, it waits for the next view. */
void announce_on_sent(struct announce *self, uint16_t router, uint64_t ticket, uint64_t link, uint64_t epoch);
void announce_on_confirm(struct announce *self, uint16_t router, uint64_t up_to);
/* That router has a new life or is gone: what it had not confirmed is not the link's any more. */
void announce_on_lost(struct announce *self, uint16_t router, const struct view *view, struct effects *out);
void announce_on_view(struct announce *self, const struct view *view, struct effects *out);
size_t announce_open(const struct announce *self);

#endif
