/* owner - what a router does with the rooms that it owns: number, keep, copy,
 * deliver, answer.
 *
 * An EMIT whose first address is ours becomes the next number of our stream,
 * goes into the history, as a COPY to the room's standby, and as one DELIVER to
 * each gateway that has a member of any of its addresses (to all of them where
 * an address belongs to another owner). It is committed when the standby has
 * received the copy; then it goes to the gateways, in the order of numbers, its
 * sender's link is confirmed up to it, in order, and its EMITTED goes out.
 *
 * Pure: messages and time in, effects out. One owner: the router's core. What
 * peers get wrong comes back as an error and costs that message alone.
 * Specification: docs/WIRE.md; guarantees 1 to 3 of docs/ARCHITECTURE.md. */
#ifndef CAUSEWAY_OWNER_H
#define CAUSEWAY_OWNER_H

#include "effect.h"
#include "history.h"
#include "rooms.h"
#include "view.h"

#define STATS     router_stats
#define STATS_DEF "../router/stats.def"
#include "stats_table.h"

struct router_time { uint64_t mono, wall; };    /* ms; wall: Unix */

struct owner_options {
    uint16_t number;
    uint64_t epoch;
    struct siphash_key seed;
    struct history_limits history;
    size_t   max_rooms, max_addresses, max_acks_bytes, hold_bytes, publish_ids, recovery_bytes;
    uint64_t publish_ids_ms, answer_ms;
    const struct view *view;            /* borrowed: the daemon's */
    struct router_stats *stats;         /* borrowed */
};

struct owner;
struct owner *owner_new(const struct owner_options *options);
void owner_destroy(struct owner **self);

/* Who a message came from. */
struct from { enum role role; uint16_t number; struct span id; uint64_t epoch; uint64_t link; };

/* The room key of a body's first address. ERR_* where the body is none. */
enum err owner_key(struct buf *key, struct span body);

/* ---- events. on_emit: ERR_STATE: not ours in this view, the caller forwards it. */
enum err owner_on_emit(struct owner *self, const struct from *from, const struct msg_EMIT *emit, struct router_time now, struct effects *out);
enum err owner_on_interest(struct owner *self, const struct from *from, const struct msg_INTEREST *interest);
enum err owner_on_reached(struct owner *self, const struct from *from, const struct msg_REACHED *reached, struct effects *out);
enum err owner_on_replay(struct owner *self, const struct from *from, const struct msg_REPLAY *replay, struct effects *out);
enum err owner_on_copies(struct owner *self, uint16_t holder, struct span stamped);     /* COPY (we hold it now) and HAND (by who held it): to keep */
void     owner_on_handed(struct owner *self, uint16_t router, const struct msg_HANDED *handed);
void owner_on_sent(struct owner *self, uint16_t router, uint64_t ticket, uint64_t link_number);     /* of a COPY */
void owner_on_received(struct owner *self, uint16_t router, uint64_t link_number, struct effects *out);
void owner_on_positions(struct owner *self, uint16_t gateway, struct span positions);     /* a beat's "0:<epoch>:<seq> 1:..." */
void owner_forget_gateway(struct owner *self, uint16_t gateway);        /* a new life, or gone */
void owner_clog(struct owner *self, uint16_t gateway, bool on);         /* its link is full: deliver nothing, it will see the gap */
void owner_expire(struct owner *self, struct router_time now, struct effects *out);     /* every 50 ms or so */
void owner_tick(struct owner *self, struct effects *out);               /* TICK to every gateway */

/* ---- confirmations of senders' links. A message that is forwarded is confirmed when its ticket is done. */
void owner_note(struct owner *self, const struct from *from);           /* any RELIABLE message that needs no waiting */
void owner_forwarded(struct owner *self, const struct from *from, uint64_t ticket);
void owner_on_forward_done(struct owner *self, uint64_t ticket);
void owner_forget_sender(struct owner *self, enum role role, uint16_t number);   /* a new life: its link counts from 1 */
/* The next peer whose link may be confirmed further; false: none. */
bool owner_next_confirm(struct owner *self, enum role *role, uint16_t *number, uint64_t *link_number);

/* ---- ownership moves. */
void owner_hand_over(struct owner *self, struct effects *out);          /* HAND and HANDED to all that need them in the coming view */
void owner_activate(struct owner *self, struct effects *out);           /* the view is active: forget what is not ours */

const struct rooms *owner_rooms(const struct owner *self);
uint64_t owner_seq(const struct owner *self);
size_t   owner_unanswered(const struct owner *self);                    /* answers and commits that are due: a drain waits for 0 */

#endif
