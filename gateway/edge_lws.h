/* edge - the clients' sockets on libwebsockets: adopted, read, written, closed.
 *
 * libwebsockets carries descriptors, TLS and the loop's events in its raw role, and
 * nothing else: every byte goes to the gate and comes from it. No timer of its own
 * is left running (its timers are a sorted list), and it never holds output back:
 * what a full socket does not take stays in the gate's bounded queue, so a peer that
 * stops reading, floods us or closes its half is seen as what it is.
 *
 * Writing happens at the end of a turn (edge_flush): one gather and one send(2) or
 * SSL_write for a connection, or several where more than 64 KB wait; the poller is
 * asked for writability only when a socket was full. SSL_write that has to be
 * repeated is repeated with the same front of the queue: conn_gather must not take
 * back what it once showed.
 *
 * A connection that the gate wants closed is shut for writing once all is out, then
 * read to its end (EDGE_LINGER_MS at most): closing with input unread would reset it
 * and lose the answer. A killed one is reset. The gate hears gate_on_closed exactly
 * once for each that was not passed to another gateway. One owner: main. */
#ifndef CAUSEWAY_GATEWAY_EDGE_LWS_H
#define CAUSEWAY_GATEWAY_EDGE_LWS_H

#include "config.h"
#include "gate.h"
#include "hand_uv.h"
#include "service_uv.h"

#define STATS     edge_stats
#define STATS_DEF "../gateway/edge_stats.def"
#include "stats_table.h"

enum { EDGE_LINGER_MS = 1000, EDGE_LINGERING_MAX = 1024, EDGE_FDS_MAX = 1 << 15 };

struct edge;
struct edge_port;

/* All borrowed. NULL: libwebsockets cannot start (logged): exit 111. */
struct edge *edge_new(struct service *svc, struct gate *gate, struct edge_stats *stats);
void edge_destroy(struct edge **self);      /* closes what is open; turns the loop; no turn-end hook may use the edge any more */

/* A port: 'listener' as gate_accept wants it. NULL: no usable certificate (logged): exit 111. */
struct edge_port *edge_add_port(struct edge *self, size_t listener, const struct config_listener *config, uint16_t port);
void edge_accept(struct edge_port *self, int fd, struct span peer);     /* takes fd */

/* Plain connections whose session another gateway of the host has go there by 'hand' (borrowed; NULL: none do, their
 * bytes go over the bus), and come from there: hand_fn. */
void edge_set_hand(struct edge *self, struct hand *hand);
void edge_on_handed(void *self, int fd, char *message, size_t len);

bool edge_flush(struct edge *self);         /* writes and closes what is due; true: there was something */
void edge_end_stuck(struct edge *self);     /* resets those whose sockets are full: a drain does not wait for who does not read */
void edge_reload(struct edge *self);        /* certificates, from the files they came from */
size_t edge_lingering(const struct edge *self);
void edge_ports(const struct edge *self, struct buf *json);     /* figures of each port; failed handshakes by reason */

#endif
