/* bus_inside - what the three files of the bus share; nobody else includes it.
 *
 *   bus_zmq.c         life, announce and beat, roster and view, this daemon's own peer
 *   bus_peer_zmq.c    one remote daemon: up and down, its link, frames out and in
 *   bus_socket_zmq.c  ROUTER, DEALER and what becomes of their connections: options, bind, connect, send, receive */
#ifndef CAUSEWAY_BUS_INSIDE_H
#define CAUSEWAY_BUS_INSIDE_H

#include "bus_rule.h"
#include "bus_zmq.h"
#include "curve_zmq.h"
#include "monitor_zmq.h"

#include <czmq.h>

enum {
    BUS_ROUTE_MAX   = 63,           /* bytes of a routing id */
    BUS_FRAME_ROOM  = 256,          /* header and lengths around a message that is a frame of its own */
    BUS_FLUSH_MAX   = 1024,         /* frames to one peer in one turn */
    BUS_CLOGGED_DATAGRAMS = 1 << 20,        /* bytes of datagrams that wait for a clogged peer */
    BUS_RETRY_MS    = 20,           /* in case that nothing wakes a ROUTER whose peer is clogged */
    BUS_LINGER_MS   = 500,
};

struct peer {
    struct bus  *bus;
    struct peer *next;              /* of all */
    struct peer *next_dirty;
    enum role    role;
    uint16_t     number;
    char         id[24];
    void        *user;

    struct link *link;              /* NULL: none yet, or forgotten; and for self */
    uint8_t      lives;             /* links that this peer has had: the low bits of our epoch towards it */
    uint64_t     heard, dialled;    /* when its last frame came; when its DEALER was made */
    size_t       clogged_bytes;     /* datagrams queued since it is clogged */
    struct service_timer timer;     /* the link's deadline, or a retry */
    uint64_t     in_view;           /* newest roster that had it, 0: none */
    bool         unlisted;          /* the roster dropped it, but we hear it: forgotten once it is down */
    bool fixed;                     /* a router of the configuration: its connection stays */
    bool up, dirty, deferred;
    bool clogged;                   /* ZeroMQ took no more */
    bool probe;                     /* not up: one frame may go out */
    bool in_frame, to_forget;       /* forgotten by one of its own messages: when the frame is done */

    zsock_t              *dealer;   /* NULL: it comes by our ROUTER */
    struct service_watch *watch;
    struct monitor       *monitor;
    char                 *endpoint;
    unsigned char         route[BUS_ROUTE_MAX];
    size_t                route_len;        /* 0: it has not been heard by the ROUTER */
};

struct local { struct blob *message; uint64_t number; };    /* what we tell ourselves */

struct bus {
    struct service            *svc;
    struct log                *log;
    const struct config       *config;
    const struct bus_handler  *handler;
    void                      *self;
    struct bus_stats          *stats;
    enum role                  role;
    uint16_t                   number;
    char                       id[24], route[48];
    uint64_t                   epoch;       /* its low 8 bits are zero: see peer.lives */
    enum member_state          state;
    uint64_t                   load;
    char                      *public, *endpoint;
    struct buf                 positions, scratch, said;
    uint64_t                   revoked, revoked_sum;        /* BEAT.revoked */
    struct view               *view;
    struct link_limits         limits;
    struct curve              *curve;       /* NULL: without */

    zsock_t                   *router;
    struct service_watch      *watch;
    struct monitor            *monitor;
    bool                       clogged;     /* some peer behind the ROUTER is */
    uint64_t                   unclogged;   /* when they were tried last */

    struct peer               *peers[ROLE_COUNT][BUS_NUMBERS];
    struct peer               *first, *last, *dirty;
    struct service_timer       beat;
    uint64_t                   beaten;
    bool                       started, left;

    struct peer               *me;
    struct local              *locals;
    size_t                     local_count, local_cap;
    uint64_t                   local_sent, local_confirmed;
};

/* bus_zmq.c */
void bus_beat_peer(struct bus *bus, struct peer *peer);
void bus_on_beat(struct bus *bus, struct peer *peer, struct span fields);
enum err bus_on_roster(struct bus *bus, const struct msg_ROSTER *roster);
uint64_t bus_send_local(struct bus *bus, struct blob *take, bool datagram);
void bus_confirm_local(struct bus *bus, uint64_t number);
void bus_refuse(struct bus *bus, const char *who, enum err e);

/* bus_peer_zmq.c */
struct peer *peer_need(struct bus *bus, enum role role, uint16_t number);   /* NULL: the number is too large */
void peer_destroy(struct peer *peer);
void peer_forget(struct peer *peer);
void peer_down(struct peer *peer, const char *why);
void peer_mark_dirty(struct peer *peer);
void peer_flush(struct peer *peer);
void peer_unclog(struct peer *peer);
void peer_tell(struct peer *peer, struct span datagram);        /* whether it is up or not */
void peer_on_frame(struct peer *peer, struct span frame, struct span route);

/* bus_socket_zmq.c */
bool bus_socket_listen(struct bus *bus, const char *endpoint);
bool bus_socket_connect(struct peer *peer, const char *endpoint);
void bus_socket_disconnect(struct peer *peer);
void bus_socket_redial(struct peer *peer);          /* where a DEALER has been without a connection for long */
void bus_socket_close_router(struct bus *bus);
bool bus_socket_reachable(const struct peer *peer);
bool bus_socket_begin(struct peer *peer);           /* may a frame go out? If so, bus_socket_send is next */
bool bus_socket_send(struct peer *peer, struct blob *frame);        /* takes it; false: refused for now */

#endif
