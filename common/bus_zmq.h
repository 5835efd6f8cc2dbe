/* bus - what the daemons say to each other, over ZeroMQ.
 *
 * A daemon binds one ROUTER and connects one DEALER to each daemon that the rule
 * (bus_rule.h) tells it to; never both for one pair. Each remote daemon is one
 * 'struct peer', whichever way it came, with a link (link.h) inside. What is sent
 * to a peer in a turn of the loop leaves at its end in few frames; what could
 * not leave waits in the link and is sent again until the peer confirms it.
 *
 * The bus announces (BEAT to every peer), takes the ROSTER into a view (view.h),
 * connects to who is new in it and forgets who is gone. (A router's core makes the
 * view itself: there a ROSTER of another router comes by on_message, and
 * bus_take_roster takes what the core decides.) Frames from strangers,
 * broken frames and messages that the sender's role may not send are dropped and
 * counted by reason. One owner: main. Peers belong to the bus and stay valid
 * until bus_destroy. */
#ifndef CAUSEWAY_BUS_ZMQ_H
#define CAUSEWAY_BUS_ZMQ_H

#include "blob.h"
#include "config.h"
#include "link.h"
#include "service_uv.h"
#include "view.h"

#define STATS     bus_stats
#define STATS_DEF "bus_stats.def"
#include "stats_table.h"

enum { BUS_NUMBERS = 1024 };    /* instance numbers of a role: 0 .. 1023 */

struct bus;
struct peer;
struct curve;

/* A peer's epoch is its daemon's: links that it makes anew in one life differ in the low 8 bits
 * of what stands in frames, which the bus cuts off.
 *
 * UP:     heard for the first time, or again after a silence: nothing of the link was lost.
 * REBORN: a new life of the daemon; it is up. What it had not confirmed is sent to the new
 *         life, unless it is taken back now (bus_take_unconfirmed).
 * DOWN:   silent for the beat time-out, or it said BYE. The link is kept.
 * GONE:   the roster no longer has it (DOWN came before if it was up). What it had
 *         not confirmed can be taken back now; then the link is dropped. */
enum bus_event { BUS_UP, BUS_REBORN, BUS_DOWN, BUS_GONE };

struct bus_handler {            /* any of them may be NULL */
    /* A message that is not the bus's own. number: the link's, for bus_confirm; 0 for a DATAGRAM. */
    void (*on_message)(void *self, struct peer *peer, enum msg_type type, struct span fields, uint64_t number);
    void (*on_peer)(void *self, struct peer *peer, enum bus_event event);
    void (*on_confirm)(void *self, struct peer *peer, uint64_t up_to);      /* the peer has confirmed more of what we sent */
    void (*on_received)(void *self, struct peer *peer, uint64_t up_to);     /* it has received more; of itself no daemon hears that */
    void (*on_view)(void *self, enum view_change change);                   /* bus_view is the new one */
    /* Somebody beats, a router itself included. bye: it said BYE and has no member record. */
    void (*on_beat)(void *self, struct peer *peer, const struct msg_BEAT *beat, const struct msg_MEMBER *member);
    void (*on_bye)(void *self, struct peer *peer);
};

struct bus_options {
    enum role      role;
    uint16_t       number;
    const char    *public;          /* MEMBER.public; may be "" */
    const struct config *config;    /* borrowed, and all below */
    const struct bus_handler *handler;
    void          *self;            /* the handler's */
    struct bus_stats *stats;
};

struct bus *bus_new(struct service *svc, const struct bus_options *options);    /* NULL: no keys (logged): exit 111 */
void bus_destroy(struct bus **self);
bool bus_listen(struct bus *self, const char *endpoint);    /* NULL: the configuration's. false: logged, exit 111 */
void bus_start(struct bus *self);               /* connects to the configured routers, begins to beat */
void bus_bye(struct bus *self);                 /* says BYE to all; bus_destroy lets it leave */

/* ---- this daemon */
struct peer *bus_self(struct bus *self);        /* may be sent to like any other: it arrives at the turn's end */
uint64_t bus_epoch(const struct bus *self);     /* of this life; a later life's is larger */
const char *bus_endpoint(const struct bus *self);       /* where it is bound */
struct curve *bus_curve(struct bus *self);      /* NULL without CURVE: the routers' outside sockets share its ZAP handler */
size_t bus_unconfirmed(const struct bus *self); /* bytes, towards all peers */
bool bus_quiet(const struct bus *self);         /* every peer that is up has confirmed everything: a drain may end */
struct view *bus_view(struct bus *self);
void bus_set_state(struct bus *self, enum member_state state);      /* beats at once */
void bus_set_load(struct bus *self, uint64_t load);                 /* told with the next beat */
void bus_set_public(struct bus *self, const char *public);
void bus_set_positions(struct bus *self, struct span positions);    /* BEAT.positions, copied */
void bus_set_revoked(struct bus *self, uint64_t version, uint64_t sum);     /* BEAT.revoked */
void bus_publish_stats(struct bus *self, struct span kind, struct span json);   /* STATS to every router, this one included */
enum err bus_take_roster(struct bus *self, const struct msg_ROSTER *roster);    /* a router's own */

/* ---- peers. bus_connect makes one that the configuration or the roster does not name (tests). */
struct peer *bus_connect(struct bus *self, enum role role, uint16_t number, const char *endpoint);
struct peer *bus_find(struct bus *self, enum role role, uint16_t number);       /* NULL: never met */
struct peer *bus_next(struct bus *self, struct peer *after);        /* walks all peers but self: NULL begins, NULL ends */
void bus_forget(struct bus *self, struct peer *peer);               /* as if the roster had dropped it */
enum role peer_role(const struct peer *peer);
uint16_t peer_number(const struct peer *peer);
const char *peer_id(const struct peer *peer);
uint64_t peer_epoch(const struct peer *peer);   /* of its present life; 0: not heard of yet */
bool peer_up(const struct peer *peer);
/* For the owner's use: one pointer of the daemon's own, NULL at first. */
void peer_set_user(struct peer *peer, void *user);
void *peer_user(const struct peer *peer);

/* ---- sending. A RELIABLE message may be sent to a peer that is not up: it waits. */
uint64_t bus_send(struct peer *peer, struct blob *take);    /* an encoded RELIABLE message; its number on the link */
bool bus_send_datagram(struct peer *peer, struct span message);     /* false: dropped, since the peer is down or clogged */
bool bus_full(const struct peer *peer);         /* bus.queue_bytes are unconfirmed: hold or refuse */
size_t bus_queued(const struct peer *peer);     /* unconfirmed bytes */
uint64_t bus_sent(const struct peer *peer);     /* number of the newest RELIABLE message */
uint64_t bus_confirmed(const struct peer *peer);
struct blob *bus_take_unconfirmed(struct peer *peer);       /* the oldest, the caller's now; NULL: none */

/* bus_say(peer, EMIT, &emit): encodes and sends by its class; answers the number, 1 for a datagram, 0: dropped. */
#define bus_say(peer, NAME, message) \
    (msg_encode_##NAME(bus_scratch(peer), (message)), bus_say_scratch((peer), MSG_##NAME))
struct buf *bus_scratch(struct peer *peer);
uint64_t bus_say_scratch(struct peer *peer, enum msg_type type);

/* ---- receiving: confirm by hand, once it is kept as it should be. */
void bus_defer(struct peer *peer, bool on);
void bus_confirm(struct peer *peer, uint64_t number);
void bus_say_received(struct peer *peer);       /* at once: its sender waits for the arrival, not for what is confirmed with it */

#endif
