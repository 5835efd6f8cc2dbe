/* frames - one packet for many receivers: encoded once for each dialect that
 * somebody speaks, on first use.
 *
 *     nsp + args + attachments -> Socket.IO text -> Engine.IO message -> DIALECT_WS4    one blob: text frame, binary frames
 *                                                                     -> DIALECT_POLL4  one blob: packets of a polling payload
 *
 * A dialect is a row of the table in frames.c; v3, recovery offsets, msgpack and
 * deflate are further rows. A packet with attachments is one blob in every dialect,
 * so nothing can come between its parts. Made blobs live until frames_fini; who
 * queues one holds it. What 'frames' is made of is borrowed until then. Pure. */
#ifndef CAUSEWAY_GATEWAY_FRAMES_H
#define CAUSEWAY_GATEWAY_FRAMES_H

#include "blob.h"
#include "msg.h"

enum dialect { DIALECT_WS4, DIALECT_POLL4, DIALECT_COUNT };

struct frames {
    struct span  nsp, args;         /* an event: args is ["event", ...] */
    struct span  text;              /* or a Socket.IO packet as it stands; then nsp and args are empty */
    struct span  attachments;       /* strs */
    unsigned     attachment_count;
    struct blob *made[DIALECT_COUNT];
};

struct frames frames_event(struct span nsp, struct span args, struct span attachments);
struct frames frames_packet(struct span text, struct span attachments);
struct blob *frames_for(struct frames *self, enum dialect dialect);     /* borrowed */
void frames_fini(struct frames *self);

/* A blob of one dialect in the other: what was queued for polling goes out on the WebSocket after the upgrade. The caller's. */
struct blob *frames_translate(const struct blob *from, enum dialect dialect, enum dialect to);
/* A single Engine.IO packet without Socket.IO in it ("2", "3probe", "6"): the caller's reference. */
struct blob *frames_engine(struct span packet, enum dialect dialect);

#endif
