/* gate - all that a gateway decides, with no socket, clock or library in it.
 *
 * The shell moves bytes: what a client sent goes into gate_on_bytes, what is to be
 * written comes out of conn_gather for the conns that gate_next_dirty names; what a
 * daemon said goes into gate_on_message, what is to be said stands in gate_effects.
 * The shell's turn:
 *
 *     any number of  gate_accept, gate_on_bytes, gate_on_closed, gate_on_message, gate_on_confirm, gate_on_view, gate_on_time
 *     then           for each of gate_effects(g): send it; with a ticket: gate_on_sent(g, router, ticket, link number)
 *                    effects_clear
 *     then           while ((c = gate_next_dirty(g))) write(c):
 *                        while ((n = conn_gather(c, scratch, cap)) && (w = send(n bytes)) > 0) conn_wrote(c, w)
 *                        conn_fate(c): KILL: close at once. CLOSE: close as soon as conn_gather gives 0.
 *                        Either way gate_on_closed follows, and the conn is gone.
 *                    a conn whose socket is full is written to again when it is writable, without being named.
 *
 * gate_on_sent may yield new effects' confirmations only through gate_on_confirm;
 * gate_on_closed may make other conns dirty and add effects, so a shell drains until both
 * lists are empty. Time comes as an argument. Spans passed in are read during the
 * call only; gate_on_bytes unmasks in place. A shell's pointer is never NULL.
 *
 * Who owns what: the gate owns conns, sessions, sockets and rooms; a conn is freed by
 * gate_on_closed and by nothing else. The shell's pointer for a conn is opaque here. */
#ifndef CAUSEWAY_GATEWAY_GATE_H
#define CAUSEWAY_GATEWAY_GATE_H

#include "compression.h"
#include "config.h"
#include "effect.h"
#include "generation.h"
#include "view.h"

#define STATS     gateway_stats
#define STATS_DEF "../gateway/stats.def"
#include "stats_table.h"

struct gate;
struct conn;

struct gate_time { uint64_t mono, wall; };      /* ms: monotonic; Unix */

struct gate_setup {                     /* everything is borrowed and outlives the gate */
    const struct config *config;
    uint16_t             number;        /* gateway-<number> */
    uint64_t             epoch;         /* of this run (bus_epoch) */
    struct generation   *generation;    /* rules of the config's namespaces; the gate holds it. NULL: none at all */
    const uint8_t       *sid_key;       /* SID_KEY_BYTES */
    const struct compressor *compressor;    /* NULL: nothing is compressed */
    void               (*random)(void *self, void *bytes, size_t n);   /* must be unguessable: ids come of it */
    void                *random_self;
    struct gateway_stats *stats;
};
struct gate *gate_new(const struct gate_setup *setup, struct gate_time now);
void gate_destroy(struct gate **self);          /* closes nothing: drain first, or lose it */

/* A file served as it is, under 'path' of a listener. With an ETag made of its bytes. Takes the blob. */
void gate_add_file(struct gate *self, size_t listener, struct span path, struct span type, struct blob **take);
/* The configuration has new values (reload_apply), and these are its rules. Nobody is dropped, but for sockets of namespaces
 * that are no more: they are disconnected, those that are still connecting refused. What waits for the bus goes on. */
void gate_reload(struct gate *self, struct generation *generation, struct gate_time now);
/* Of a configuration that was read anew: a namespace that a listener of ours is for (raw_namespace) must stay. False: 'errors' says why. */
bool gate_may_reload(const struct gate *self, const struct config *fresh, struct buf *errors);

/* ---- the clients' side. NULL: no room for it (counted): close the descriptor. 'listener' is an index of
 * config.listeners; where several have one address and port, any of them: paths decide. */
struct conn *gate_accept(struct gate *self, size_t listener, struct span peer_address, void *shell, struct gate_time now);
void gate_on_bytes(struct gate *self, struct conn *c, char *bytes, size_t len, struct gate_time now);
void gate_on_closed(struct gate *self, struct conn *c, struct gate_time now);       /* by the peer, or after a fate: 'c' is gone */

/* A connection whose session another gateway of this host has (tunnel.h): asked of each that is served once all is
 * written to it. True: 'message' goes to that gateway together with the descriptor, and gate_on_passed follows: OK:
 * 'c' is gone, and its connection lives on there. Any error: 'c' stays, and its bytes go over the bus. */
bool conn_passes(const struct conn *c, uint16_t *gateway, struct buf *message);
void gate_on_passed(struct gate *self, struct conn *c, enum err outcome, struct gate_time now);
/* Such a one arrives: as gate_accept; gate_on_bytes with what stands in the message follows. */
struct conn *gate_accept_passed(struct gate *self, size_t listener, struct span peer_address, void *shell, struct gate_time now);

struct conn *gate_next_dirty(struct gate *self);        /* NULL: nothing is to be written or closed */
enum conn_fate { CONN_OPEN, CONN_CLOSE, CONN_KILL };    /* CLOSE: after all is written */
enum conn_fate conn_fate(const struct conn *c);
size_t conn_gather(const struct conn *c, char *scratch, size_t cap);    /* copies the front of what waits; takes nothing */
void   conn_wrote(struct conn *c, size_t n);
bool   conn_idle(const struct conn *c);                 /* nothing waits */
bool   conn_parted(const struct conn *c);               /* the peer may send nothing more: its WebSocket close frame was read */
bool   conn_deaf(const struct conn *c);                 /* nothing is to be read of it for now; it is named when that changes */
void  *conn_shell(const struct conn *c);

/* ---- the daemons' side */
struct effects *gate_effects(struct gate *self);        /* once a turn: what tunnels have to say is packed by this */
/* 'epoch': of the sender's life. Messages of types that a gateway does not take are counted. */
void gate_on_message(struct gate *self, enum role role, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields, struct gate_time now);
void gate_on_sent(struct gate *self, uint16_t router, uint64_t ticket, uint64_t link_number);
void gate_on_beat(struct gate *g, uint16_t router, uint64_t epoch, uint64_t revoked, uint64_t revoked_sum, struct gate_time now);    /* a router's */
void gate_on_confirm(struct gate *self, enum role role, uint16_t number, uint64_t up_to, struct gate_time now);
/* The link to a daemon begins anew, in a new life or in the same ('epoch'); the shell has dropped what was unconfirmed. */
void gate_on_reborn(struct gate *self, enum role role, uint16_t number, uint64_t epoch, struct gate_time now);
void gate_on_view(struct gate *self, const struct view *view, enum view_change change, struct gate_time now);  /* 'view' is borrowed until the next one */

/* ---- time, state */
uint64_t gate_deadline(const struct gate *self);        /* mono ms of the next gate_on_time; UINT64_MAX: none */
void gate_on_time(struct gate *self, struct gate_time now);
void gate_drain(struct gate *self, uint32_t paced_ms, struct gate_time now);    /* no new clients; all transports close within that time */
void gate_end_stuck(struct gate *self, struct gate_time now);  /* kills tunnels' ends that close and wait for their client to read: a drain does not */
bool gate_drained(const struct gate *self);             /* no session, no conn: every table is empty */
uint64_t gate_load(const struct gate *self);            /* connections, for the beat */
void gate_positions(const struct gate *self, struct buf *out);  /* for the beat: "0:<epoch>:<seq> 1:..." */
struct buf *gate_log(struct gate *self);                /* logfmt lines of connects and disconnects, for the shell to write and clear */
void gate_listeners(const struct gate *self, struct buf *json);     /* figures of each listener, failed handshakes by reason: one JSON object */
void gate_measure(struct gate *self);                   /* brings the gauges of memory and tables up to date */

#endif
