/* frames - one packet for many receivers: encoded once for each dialect that
 * somebody speaks, on first use.
 *
 *     nsp + args + attachments -> Socket.IO packet -> Engine.IO messages -> one blob: WebSocket frames, or packets for polling
 *                                 (content bits)      (carrier bits)
 *
 * A dialect is what a session speaks, as bits. On polling all versions have one form
 * while packets wait, that of an Engine.IO 4 payload (0x1e between packets, b<base64>
 * for binary): what goes out is made of it when a GET is answered, and what is left
 * at an upgrade is translated. A packet with attachments is one blob in every dialect,
 * so nothing can come between its parts. In DIALECT_RAW what is no event "message" is an
 * empty blob: there is nothing to be told. Where nothing is worth compressing, the blob is
 * the one of the dialect without that bit. Made blobs live until frames_fini; who
 * queues one holds it. What 'frames' is made of is borrowed until then. Pure. */
#ifndef CAUSEWAY_GATEWAY_FRAMES_H
#define CAUSEWAY_GATEWAY_FRAMES_H

#include "blob.h"
#include "compression.h"
#include "msg.h"

enum {
    DIALECT_PLAIN   = 0,        /* Engine.IO 4 on a WebSocket, Socket.IO as text */
    DIALECT_POLL    = 1,        /* carrier: long-polling; else WebSocket */
    DIALECT_V3      = 2,        /* carrier: Engine.IO 3 */
    DIALECT_DEFLATE = 4,        /* carrier: permessage-deflate was agreed on */
    DIALECT_B64     = 8,        /* carrier: the client takes no binary */
    DIALECT_MSGPACK = 16,       /* content: socket.io-msgpack-parser's packets; else text and attachments */
    DIALECT_OFFSET  = 32,       /* content: events carry the stream's position as their last argument */
    DIALECT_RAW     = 64,       /* content: no Socket.IO; the arguments of the event "message", one Engine.IO message each */
};
/* Of one packet; 24 are possible: JSON, MessagePack and raw content, on WebSockets of both versions with and
 * without base64 and deflate (no MessagePack in version 3), and in four kinds of queues. */
enum { FRAMES_DIALECTS_MAX = 24 };

struct frames {
    struct span  nsp, args;         /* an event: args is ["event", ...] */
    struct span  text;              /* or a Socket.IO packet as it stands; then nsp and args are empty */
    struct span  attachments;       /* strs */
    struct span  offset;            /* DIALECT_OFFSET: an event's last argument, where it has no ack id; the maker sets it */
    unsigned     attachment_count;
    int64_t      id;                /* an event's ack id, or SIO_NO_ID: the maker sets it */
    unsigned     made_count;        /* few, and looked through: */
    uint8_t      made_dialect[FRAMES_DIALECTS_MAX];
    struct blob *made[FRAMES_DIALECTS_MAX];
};

struct frames frames_event(struct span nsp, struct span args, struct span attachments);
struct frames frames_packet(struct span text, struct span attachments);
struct blob *frames_for(struct frames *self, uint8_t dialect, struct compression *with);     /* borrowed */
void frames_fini(struct frames *self);

/* What was queued for polling, for the WebSocket of 'dialect' after the upgrade. The caller's. */
struct blob *frames_translate(const struct blob *queued, uint8_t dialect, struct compression *with);
/* A single Engine.IO packet without Socket.IO in it ("2", "3probe", "6"): the caller's reference. */
struct blob *frames_engine(struct span packet, uint8_t dialect);
/* Puts a blob's bytes behind others of the same dialect. */
void frames_append(struct buf *out, const struct blob *frame, uint8_t dialect);

#endif
