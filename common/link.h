/* link - one direction pair of a reliable, ordered channel between two daemons,
 * over frames that may be lost but are not damaged (a ZeroMQ pipe that
 * reconnects). Frames: link_head.h. One owner: the bus's peer. Pure: frames and
 * time come in, frames go out.
 *
 * Out: RELIABLE messages are numbered and kept until the peer confirms them. In:
 * numbers that were seen are dropped, a hole makes us ask again. 'received'
 * means: it is here; 'confirmed' means: it is kept as it should be (for a router:
 * its standby has it too), and lets the sender forget it. By default both move
 * together; a receiver that confirms later calls link_defer first.
 *
 * Lives. An epoch names one life of one end of one link and is never used again,
 * not even by a link that is made anew within one life of its daemon. Numbers on
 * the wire count from 1 for each pair of lives, so every number and confirmation
 * is only good between the two lives that its frame's header names:
 *   - 'peer epoch' is not mine (0: its sender has not heard me yet; or my life
 *     before): its RELIABLE messages, received and confirmed are not looked at;
 *     its DATAGRAMs are, where it is 0. We answer at once, to say who we are.
 *   - 'epoch' is new: the peer's new life, LINK_REBORN (the first contact too;
 *     link_peer_epoch was 0 before). What was unconfirmed stays queued, in order,
 *     and goes to it numbered from 1, unless the owner takes it back now. Of the
 *     life before nothing more is taken: ERR_GONE, whenever such a frame comes.
 *   - RELIABLE messages leave only once the peer's life is known: until then an
 *     empty frame goes out now and then, so that the peer may answer.
 * So a frame that is late, from before a restart of either end, confirms nothing.
 *
 * The numbers in this interface are not those on the wire: they count on over
 * all lives of the peer, so none comes twice and a late link_confirm is harmless.
 *
 * Sent again: what the peer asks for, at once; what it has not received in time,
 * a frame at a time and ever more seldom while it is silent. */
#ifndef CAUSEWAY_LINK_H
#define CAUSEWAY_LINK_H

#include "blob.h"
#include "msg.h"

struct link_limits {
    size_t   queue_bytes;       /* unconfirmed bytes before link_full (64 MiB) */
    size_t   frame_bytes;       /* a frame is closed once it is this large (64 KiB) */
    uint64_t resend_after_ms;   /* no progress of 'received' for so long: send again from there (250) */
    uint64_t confirm_within_ms; /* how long a confirmation may wait for messages to go with; 0: not at all */
};                              /* of the first three, 0 is the value in brackets */

struct link;
struct link *link_new(uint64_t epoch, const struct link_limits *limits);
void link_destroy(struct link **self);

/* ---- out */
uint64_t link_send(struct link *self, struct blob *message);    /* takes the reference; RELIABLE; returns its number. Never refuses: ask link_full */
void link_send_datagram(struct link *self, struct span message);    /* encoded; the oldest are dropped past 64 frames' worth */
bool link_wants_frame(const struct link *self, uint64_t now);   /* something to send, to say, or to send again */
struct blob *link_frame(struct link *self, uint64_t now);       /* the next frame, or NULL; the caller owns it */
void link_unsent(struct link *self);                            /* the last frame could not be sent: as if lost, resent at once when writable */
uint64_t link_deadline(const struct link *self);                /* when link_wants_frame may change by time; UINT64_MAX: never */
bool link_full(const struct link *self);
size_t link_queued(const struct link *self);                    /* unconfirmed bytes */
uint64_t link_sent(const struct link *self);                    /* number of the newest message */
uint64_t link_confirmed(const struct link *self);               /* up to here all is confirmed or was taken back */
uint64_t link_heard(const struct link *self);                   /* up to here the peer has received; what it confirms later is here already */
/* The oldest unconfirmed message, removed (ownership moves to the caller), or NULL: for re-routing to a new owner.
 * The peer may have it all the same; if it lives on, it skips the number. */
struct blob *link_take_unconfirmed(struct link *self);

/* ---- in */
/* NOTHING: it has no messages. REBORN: a new life of the peer begins with this frame. BAD: *e says why, and nothing of
 * it was taken: ERR_TRUNC, ERR_SYNTAX, ERR_VERSION, ERR_RANGE, ERR_UNKNOWN, ERR_GONE. */
enum link_event { LINK_NOTHING, LINK_OK, LINK_REBORN, LINK_BAD };
/* Checks the whole frame; it must live until link_next has said false. */
enum link_event link_on_frame(struct link *self, struct span frame, uint64_t now, enum err *e);
/* Then its messages, one by one: false at the end. *number is 0 for a DATAGRAM. Seen ones are not shown again.
 * *type is MSG_NONE for what only a newer version knows: count it, ignore it. */
bool link_next(struct link *self, enum msg_type *type, struct span *fields, uint64_t *number);
void link_defer(struct link *self, bool on);        /* confirm by hand from now on */
void link_confirm(struct link *self, uint64_t number);             /* all up to this one; it was shown by link_next */
void link_say(struct link *self);                   /* the peer waits to hear what was received: at once, not with what is confirmed */
uint64_t link_received(const struct link *self);
uint64_t link_peer_epoch(const struct link *self);

#endif
