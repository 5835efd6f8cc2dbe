/* feed - what clients do, told to the routers whose feed sockets somebody subscribes to.
 *
 * Each router says which topics its subscribers want (FEED_WANTS, prefixes: topic.h);
 * who says nothing is told nothing, and while no router does, an event costs the look at one
 * word. What is wanted is written once and waits, for each router that wants it, until the
 * turn's end: at most gateway.feed_bytes, what is more is dropped and counted. Nobody waits for it and
 * nothing is sent again. Each item has the number that it has among those of its kind and
 * namespace here, so that a subscriber to all of these sees what is missing.
 *
 * For the gate alone; it owns the lanes. */
#ifndef CAUSEWAY_GATEWAY_FEED_H
#define CAUSEWAY_GATEWAY_FEED_H

#include "gate_state.h"

static inline bool feed_wants(const struct gate *g, enum topic_kind kind) { return g->feed.kinds >> kind & 1; }

void feed_event(struct socket *s, const struct sio_packet *p, const struct span *attachments);     /* as it came: before its rule */
void feed_connect(struct socket *s, bool back);
void feed_disconnect(struct socket *s, const char *reason);
void feed_room(struct socket *s, struct span key, bool joined);         /* what is no "room:" is nobody's business */

void feed_on_wants(struct gate *g, uint16_t router, const struct msg_FEED_WANTS *m);
void feed_forget(struct gate *g, uint16_t router);      /* a new life of it, or none: it says again what it wants */
void feed_view(struct gate *g);                         /* routers that are gone want nothing */
void feed_flush(struct gate *g);                        /* the turn's end: what waits becomes effects */
void feed_fini(struct gate *g);

#endif
