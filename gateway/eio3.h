/* eio3 - Engine.IO v3, what Socket.IO 2 clients speak: the packets of version 4 (eio4.h)
 * in other clothes.
 *
 *     6:4hello10:b4AQIDBA==           a payload: each packet behind its length in UTF-16 units, as JavaScript counts
 *     00 06 ff 4hello  01 05 ff 04 01 02 03 04    the same with raw bytes: text or binary, the length's
 *                                     digits as bytes 0 to 9, ff; it counts bytes here; a binary packet's type is a byte
 *     b4AQIDBA==                      bytes for who takes none, also in a WebSocket text frame
 *     04 01 02 03 04                  a WebSocket binary frame
 *
 * Pure. Decoded spans point into the input or, for base64, into the caller's buf.
 * Encoders append and cannot fail. */
#ifndef CAUSEWAY_EIO3_H
#define CAUSEWAY_EIO3_H

#include "eio4.h"

/* A WebSocket frame. ERR_TRUNC: empty; ERR_SYNTAX: no such type, bad base64, bytes that are no message. */
enum err eio3_decode(struct eio4_packet *p, struct span text, struct buf *binary);
enum err eio3_decode_binary(struct eio4_packet *p, struct span bytes);

/* A POST's body, packet by packet, as eio4_next walks its own; 'it' begins as eio4_payload(body). Refused beside what
 * is no packet: a length of another form, or one that ends beyond the body or within a character. */
enum err eio3_next(struct eio4_payload *it, struct eio4_packet *p, struct buf *binary);
enum err eio3_next_binary(struct eio4_payload *it, struct eio4_packet *p, struct buf *binary);     /* application/octet-stream */

void eio3_append(struct buf *payload, const struct eio4_packet *p);             /* BINARY: base64 */
void eio3_append_binary(struct buf *payload, const struct eio4_packet *p);

/* What a GET gets of packets that waited in Engine.IO 4's form (frames.h). True: it holds raw bytes. */
bool eio3_payload(struct buf *out, struct span queued, bool base64);

#endif
