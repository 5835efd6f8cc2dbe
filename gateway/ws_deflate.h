/* ws_deflate - permessage-deflate (RFC 7692): what is agreed on, and messages under it.
 *
 * Without context takeover, in both directions: that is part of every agreement. So a
 * message that goes to many is compressed once, and a connection keeps nothing.
 * Fragments, reserved bits and the compressed size are ws.h's to watch. Pure. */
#ifndef CAUSEWAY_GATEWAY_WS_DEFLATE_H
#define CAUSEWAY_GATEWAY_WS_DEFLATE_H

#include "compression.h"
#include "ws.h"

/* The first offer in the request that can be accepted, answered: the value of Sec-WebSocket-Extensions, appended.
 * ERR_MISSING: there is none, so nothing is answered. ERR_SYNTAX: not the header's grammar (RFC 6455, 9.1): 400.
 * An offer is declined for what RFC 7692, 7.1 names, and for a window smaller than ours, of 'window_bits'. */
enum err ws_deflate_answer(const struct http1_request *r, unsigned window_bits, struct buf *answer);

/* Frames as ws_frame writes them, with each message compressed that is worth it; 'plain' itself where none is. The caller's. */
struct blob *ws_deflate_frames(struct blob *plain, struct compression *with);

/* A compressed message that ws_decode yielded, inflated into 'room', which its payload is then a part of.
 * Errors as of ws_decode, event->code included: ERR_LIMIT (1009), ERR_SYNTAX and ERR_UTF8 (1007). */
enum err ws_deflate_open(struct ws_event *event, const struct ws_limits *limits, struct compression *with, struct buf *room);

#endif
