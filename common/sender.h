/* sender - a daemon's road to the owners of rooms: gateways use it for what their
 * clients emit, routers for what publishers hand them.
 *
 * Each emit goes to the router that owns its first address and is kept until
 * that router confirms it (the owner and its standby hold it then). While
 * ownership moves, everything is held in order and goes to the new owners when
 * the view is active. What was unconfirmed at a router that died, or came back
 * with a new life, is sent again with its old number, so that the new owner
 * knows a duplicate.
 *
 * Tickets are 1, 2, 3 ...: one for each emit or note, done in any order. A done
 * ticket is reported once by sender_done. An emit's ticket is also its 'number'
 * (msg.def, EMIT). A note is a message that must arrive before a ticket is done
 * but is not sent again by us (INTEREST: the gateway tells it anew by itself).
 *
 * Pure; limits in bytes held and unconfirmed: sender_full asks its user to
 * refuse or to wait. Effects go to routers only. */
#ifndef CAUSEWAY_SENDER_H
#define CAUSEWAY_SENDER_H

#include "effect.h"
#include "view.h"

struct sender_limits { size_t held_bytes; };    /* held and unconfirmed together (64 MiB) */

struct sender;
struct sender *sender_new(struct span origin, uint64_t epoch, const struct sender_limits *limits);
void sender_destroy(struct sender **self);

struct sender_emit {
    struct span key;            /* room key of the first address: decides the owner */
    struct span body;           /* an encoded BODY */
    struct span publish_id;     /* or empty */
    uint64_t    ref;            /* nonzero: EMITTED comes back */
    struct span origin;         /* of another daemon, when forwarded; empty: ours */
    uint64_t    origin_epoch, origin_number;
};
uint64_t sender_emit(struct sender *self, const struct sender_emit *emit, struct effects *out);
/* An encoded INTEREST for the owner of 'key', in order with the emits. Takes the blob. */
uint64_t sender_note(struct sender *self, struct span key, struct blob *interest, struct effects *out);
bool   sender_full(const struct sender *self);
size_t sender_held(const struct sender *self);          /* bytes */
size_t sender_waiting(const struct sender *self);       /* tickets that are not done */

/* The shell's reports. */
void sender_on_sent(struct sender *self, uint16_t router, uint64_t ticket, uint64_t link_number);
void sender_on_confirm(struct sender *self, uint16_t router, uint64_t link_number);
/* The link to a router begins anew. In the life that the view knows ('epoch'): all is sent again at once,
 * and it knows duplicates. In another life, that owns nothing yet: its share waits for the next view. */
void sender_on_reborn(struct sender *self, uint16_t router, uint64_t epoch, struct effects *out);
/* The next done ticket, or 0. */
uint64_t sender_done(struct sender *self);

/* The view: on VIEW_HOLDING everything from now on is held and FENCE goes to every
 * old and new owner; on VIEW_ACTIVE what was held and what was left at routers that
 * are gone goes to the new owners. A gateway sends its INTEREST for rooms that move
 * itself, as plain effects, between sender_hold and sender_fence. */
void sender_hold(struct sender *self, const struct view *view);
void sender_fence(struct sender *self, struct effects *out);
void sender_activate(struct sender *self, const struct view *view, struct effects *out);
bool sender_holding(const struct sender *self);

#endif
