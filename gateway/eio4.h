/* eio4 - Engine.IO v4 packets: one digit, then text.
 *
 *     4hello            message "hello"          2probe       ping "probe"
 *     bAQI=             binary 01 02 (on WebSocket a binary frame is the bytes)
 *     4a<1e>bAQI=<1e>2  a polling payload of three packets, split by one byte 0x1e
 *
 * Pure. Decoded spans point into the input (or into the caller's buf for
 * base64) and live as long as it does. Encoders append and cannot fail. */
#ifndef CAUSEWAY_EIO4_H
#define CAUSEWAY_EIO4_H

#include "buf.h"
#include "err.h"

enum eio4_type { EIO4_OPEN, EIO4_CLOSE, EIO4_PING, EIO4_PONG, EIO4_MESSAGE, EIO4_UPGRADE, EIO4_NOOP,   /* the digit */
                 EIO4_BINARY };

struct eio4_packet {
    enum eio4_type type;
    struct span    data;
};

/* ERR_TRUNC: empty; ERR_SYNTAX: no such type. */
enum err eio4_decode(struct eio4_packet *p, struct span text);
/* A WebSocket text frame: a packet, or bytes as on polling, from a client that was told to send none. */
enum err eio4_decode_frame(struct eio4_packet *p, struct span text, struct buf *binary);
void eio4_encode(struct buf *out, const struct eio4_packet *p);     /* BINARY: the bytes themselves */

/* A POST's body, packet by packet:
 *     for (struct eio4_payload it = eio4_payload(body); it.more; ) e = eio4_next(&it, &p, &binary); ...
 * 'binary' is overwritten by each binary packet. An empty body, an empty packet (so
 * also a separator at an end), bad base64 or bad UTF-8 is refused, and ends the walk. */
enum { EIO4_SEPARATOR = 0x1e };
struct eio4_payload { struct span rest; bool more; };
struct eio4_payload eio4_payload(struct span body);
enum err eio4_next(struct eio4_payload *it, struct eio4_packet *p, struct buf *binary);
void eio4_append(struct buf *payload, const struct eio4_packet *p);     /* with its separator, where one is due */

/* 0{"sid":"...","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000} */
struct eio4_open {
    struct span sid;
    bool        upgrade;        /* to websocket: offered on polling only */
    uint64_t    ping_interval, ping_timeout, max_payload;   /* ms, ms, bytes */
};
void eio4_open(struct buf *out, const struct eio4_open *o);

#endif
