/* hold - what a socket sends while it has to wait: before its CONNECT is answered (trap 30),
 * and behind an event of its own that waits for a permit (limit.c). Order is kept: while something
 * is held, everything behind it is, the client's DISCONNECT too. Bounded: HOLD_MAX_BYTES
 * of a socket, and all clients' together by gateway.input_bytes (gate_keep). A part of the gate. */
#ifndef CAUSEWAY_GATEWAY_HOLD_H
#define CAUSEWAY_GATEWAY_HOLD_H

#include "gate_state.h"

enum { HOLD_MAX_BYTES = 65536 };

static inline bool hold_any(const struct socket *s) { return s->early != NULL; }
/* Behind what is held. ERR_FULL: there is no room, and it is not. */
enum err hold_add(struct socket *s, const struct sio_packet *p, const struct span *attachments);
/* An event: at once, or behind what is held, or held until it may. One that finds no room is refused. */
void hold_event(struct socket *s, const struct sio_packet *p, const struct span *attachments);
/* What is held, in order, until one has to wait; the socket may be gone afterwards, if it said so. */
void hold_release(struct socket *s);
void hold_drop(struct socket *s);               /* it is gone */

#endif
