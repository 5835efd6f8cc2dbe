/* tunnel - a WebSocket between the gateway it came to (the door) and the one that
 * has its session (the owner).
 *
 * An upgrade that names a session of another gateway is passed to it: the core asks
 * its shell to hand over the descriptor (gate.h: conn_passes) where both are on one
 * host and the connection is plain; else, and where that fails, its bytes go through
 * a tunnel over the gateways' link. At the owner it is a conn without descriptor.
 *
 *     door  ── OPEN: the head, and what stands behind it ──►  owner: reads it as if it had accepted it
 *           ◄─ DATA ─►   what the client sends; what the owner's outbox holds
 *           ◄─ MORE ─►   so much of it was taken
 *           ◄─ CLOSE ─►  one end is gone: so is the other
 *
 * No end has more than 'window' bytes under way (not called taken) in its direction.
 * The door takes what its client's socket took: a slow client fills its owner's outbox,
 * whose limits close it as they close any other. The owner takes what it has read: if
 * it does not, the door stops reading its client (conn_deaf). So one tunnel holds no
 * more than a window each way and one read of the shell, wherever it stalls.
 *
 * A gateway that goes, or comes back in a new life, ends its tunnels. The door keeps a
 * clock until the owner's first bytes. What was passed once is not passed again.
 * One owner: its conn. */
#ifndef CAUSEWAY_GATEWAY_TUNNEL_H
#define CAUSEWAY_GATEWAY_TUNNEL_H

#include "gate.h"
#include "http1.h"

struct listener;

struct tunnel {
    uint64_t   ref;                 /* the door's; 0: not open yet */
    uint16_t   gateway;             /* of the other end */
    bool       door;                /* this end is */
    bool       answered;            /* door: the owner has said something */
    uint8_t    tries;               /* door: to hand over the descriptor */
    uint32_t   window;
    uint32_t   sent;                /* by this end, not called taken */
    uint32_t   taken;               /* by this end, not said yet */
    size_t     before;              /* door: bytes that still wait for the client and are no tunnel's */
    struct buf head;                /* door, until it is open: what was read */
};

/* ---- pass.c: at the door, which of the two it will be */
void pass_on_request(struct conn *c, const struct http1_request *r, uint16_t owner);     /* 'r' is gone after it */
void pass_on_bytes(struct conn *c, struct span in);         /* behind it */
void pass_settle(struct conn *c);                           /* at the end of the call: no descriptor can go there */
void pass_refuse(struct conn *c, enum err why);             /* nor anything else */

/* ---- tunnel.c: the door */
void tunnel_open(struct conn *c);                           /* of one that is in c->tunnel already */
void tunnel_on_bytes(struct conn *c, struct span in);       /* of the client */
void tunnel_on_wrote(struct conn *c, size_t n);             /* to the client */
void tunnel_drain(struct conn *c);                          /* this gateway goes */

/* ---- both */
struct tunnel *tunnel_new(struct conn *c, uint16_t gateway, bool door);
uint16_t tunnel_listener(const struct conn *c);             /* what the other end calls c's port */
void tunnel_on_lost(struct conn *c);                        /* the conn ends: the other end is told */
void tunnel_fini(struct conn *c);
void tunnels_flush(struct gate *g);                         /* what the owner's ends have to say */
void tunnels_view(struct gate *g, uint16_t reborn);          /* ends those with gateways that are gone, or with the one that is in a new life (RANK_NOBODY: none) */

void tunnel_on_open(struct gate *g, uint16_t gateway, const struct msg_TUNNEL_OPEN *m);
void tunnel_on_data(struct gate *g, uint16_t gateway, const struct msg_TUNNEL_DATA *m);
void tunnel_on_more(struct gate *g, uint16_t gateway, const struct msg_TUNNEL_MORE *m);
void tunnel_on_close(struct gate *g, uint16_t gateway, const struct msg_TUNNEL_CLOSE *m);

#endif
