/* frame - WebSocket frames as a client writes and reads them (RFC 6455).
 * Pure: no I/O, no clock, no allocation. What is decoded points into the input.
 * Only whole, unmasked, unfragmented frames are read: it is all that a
 * Socket.IO server may send us without an extension, and the rest is an error. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum frame_op { FRAME_TEXT = 1, FRAME_BINARY = 2, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10 };
enum { FRAME_HEAD = 14 };               /* the longest header that frame_encode writes */

struct frame {
    enum frame_op op;
    const char   *text;
    size_t        len;
};

ssize_t frame_decode(struct frame *f, const char *in, size_t len);  /* bytes used; 0: more is needed; -1: not for us */
size_t frame_encode(char *out, enum frame_op op, uint32_t mask, const char *text, size_t len);  /* FRAME_HEAD + len must fit */
