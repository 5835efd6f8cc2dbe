/* sio - Socket.IO v5 packets: text in, fields out, and back.
 *
 *     <type>[<attachments>-][<nsp>,][<ack id>][<json>]
 *     2/chat,12["say","hi"]                           event "say" in /chat, wants ack 12
 *     51-["blob",{"_placeholder":true,"num":0}]       one binary frame follows
 *
 * Pure: no I/O, no clock, no allocation but in the caller's buf. Decoded spans
 * point into the input and live exactly as long as it does. JSON is checked
 * (depth JSON_MAX_DEPTH) and carried, never rewritten. The namespace is
 * literal: "/chat?x=1" is its own name (but to Socket.IO 2: sio_cut_query). The input is UTF-8: whoever took it
 * from the wire checked it. */
#ifndef CAUSEWAY_SIO_H
#define CAUSEWAY_SIO_H

#include "buf.h"
#include "err.h"

enum sio_type { SIO_CONNECT, SIO_DISCONNECT, SIO_EVENT, SIO_ACK,    /* the wire's first digit */
                SIO_CONNECT_ERROR, SIO_BINARY_EVENT, SIO_BINARY_ACK };

enum { SIO_MAX_ATTACHMENTS = 10 };
#define SIO_NO_ID  ((int64_t)-1)
#define SIO_MAX_ID ((INT64_C(1) << 53) - 1)     /* what JavaScript counts to exactly */

struct sio_packet {
    enum sio_type type;
    unsigned      attachments;  /* binary frames still to come */
    struct span   nsp;          /* "/" where the packet names none */
    int64_t       id;           /* ack id, or SIO_NO_ID */
    struct span   json;         /* empty where absent */
    struct span   name;         /* of an event: still quoted, or a number; else empty */
};

/* Refused: an unknown type (ERR_SYNTAX), a payload of the wrong form or JSON
 * that is none (ERR_SYNTAX, ERR_TRUNC, ERR_DEPTH, ERR_UTF8), an event whose name is neither
 * text nor number (ERR_TYPE) or reserved (ERR_UNKNOWN), an ack id over 2^53-1
 * (ERR_RANGE), 0 attachments (ERR_RANGE) or more than 10 (ERR_LIMIT).
 * CONNECT_ERROR decodes: that a client may not send it is the session's rule. */
enum err sio_decode(struct sio_packet *p, struct span in);          /* but for OK, '*p' means nothing */
enum err sio_decode_head(struct sio_packet *p, struct span in);     /* of a packet that is ours: the payload is not looked at, nor named */
void sio_encode(struct buf *out, const struct sio_packet *p);       /* cannot fail: the packet is ours; 'name' is not used */
void sio_print(struct buf *out, const struct sio_packet *p);        /* EVENT /chat #12 ["say","hi"] */


/* Socket.IO 2: "/chat?a=b" is the namespace /chat with a query, which is returned, or empty. ERR_SYNTAX: control characters in it. */
enum err sio_cut_query(struct sio_packet *p, struct span *query);

/* What a gateway sends. */
void sio_connect(struct buf *out, struct span nsp, struct span sid, struct span pid);  /* 0/chat,{"sid":"..."}; pid may be empty */
void sio_connect_error(struct buf *out, struct span nsp, struct span message, struct span data);   /* data: JSON, or empty */
/* The same to Socket.IO 2 clients: 0/chat, and 4/chat,"message", or its data instead. */
void sio_connect_v2(struct buf *out, struct span nsp);
void sio_error_v2(struct buf *out, struct span nsp, struct span message, struct span data);
void sio_disconnect(struct buf *out, struct span nsp);
void sio_ack(struct buf *out, struct span nsp, int64_t id, struct span args, unsigned attachments);     /* args: a JSON array */

struct sio_event {
    struct span nsp;
    struct span name;           /* plain text: quoted here */
    struct span args;           /* a JSON array, or empty */
    struct span offset;         /* recovery: a last, text argument; or empty */
    int64_t     id;             /* or SIO_NO_ID */
    unsigned    attachments;
};
void sio_event(struct buf *out, const struct sio_event *e);

#endif
