/* assembly - a binary event's text and the binary frames behind it, back in
 * one piece.
 *
 * The session owns one pointer, NULL while nothing is under way. While it is
 * not NULL only binary frames may come: any text message is the peer's fault
 * (ERR_STATE from assembly_begin), as is a binary frame while it is NULL.
 * All bytes lie in one allocation, bounded by max_bytes from the start. */
#ifndef CAUSEWAY_ASSEMBLY_H
#define CAUSEWAY_ASSEMBLY_H

#include "sio.h"

struct assembly;

/* Takes a copy of a BINARY_EVENT or BINARY_ACK that sio_decode found OK.
 * ERR_STATE: one is under way; ERR_RANGE: a placeholder without attachment; ERR_LIMIT. */
enum err assembly_begin(struct assembly **self, const struct sio_packet *p, size_t max_bytes);

/* The next frame. ERR_AGAIN: more to come; OK: complete, see assembly_packet;
 * ERR_LIMIT: too many bytes; ERR_STATE: nothing is under way ('self' is NULL). */
enum err assembly_add(struct assembly *self, struct span frame);

/* The complete packet; all spans point into 'self' and live until it is destroyed. */
void assembly_packet(const struct assembly *self, struct sio_packet *p, struct span attachments[SIO_MAX_ATTACHMENTS]);

size_t assembly_bytes(const struct assembly *self);     /* memory; NULL has none */
void assembly_destroy(struct assembly **self);

#endif
