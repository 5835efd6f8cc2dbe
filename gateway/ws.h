/* ws - WebSocket framing, server side (RFC 6455), and the handshake's arithmetic.
 *
 * Bytes go in as they come, out come whole messages and control frames:
 *     while ((e = ws_decode(&ws, &limits, &in, &event)) == OK) ...
 * ERR_AGAIN: all of 'in' is taken. Any other error: the peer broke the
 * protocol; send ws_close with event.code, then close. Behind an error or a
 * close frame all input is thrown away (ERR_AGAIN).
 *
 * The input is unmasked in place. A message that lies whole in it is yielded
 * as a span into it; only one that comes in parts is collected in
 * ws.message, which is freed by the first call after it was yielded (the loop
 * above makes that call at once). So an idle connection owns no memory here. */
#ifndef CAUSEWAY_WS_H
#define CAUSEWAY_WS_H

#include "blob.h"
#include "err.h"
#include "http1.h"

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

enum ws_code { WS_NO_CODE = 0,          /* a close frame without code: the peer sees 1005 */
               WS_NORMAL = 1000, WS_GOING_AWAY = 1001, WS_PROTOCOL = 1002, WS_BAD_TEXT = 1007,
               WS_POLICY = 1008, WS_TOO_BIG = 1009, WS_FAULT = 1011, WS_TRY_LATER = 1013 };

struct ws_limits {
    uint32_t max_message;   /* bytes, all fragments together: refused by the frame's header */
    bool     deflate;       /* permessage-deflate was agreed: the first reserved bit has a meaning */
};

struct ws {                     /* a connection's state; { 0 } is a fresh one */
    struct buf message;         /* what came of a message that comes in parts, then of a control frame between them */
    uint32_t   left;            /* payload bytes of the frame under way still to come */
    uint32_t   checked;         /* of the message: known to be UTF-8 */
    uint8_t    header[14];      /* of the frame under way */
    uint8_t    header_len;      /* how much of it came */
    uint8_t    flags;
};

struct ws_event {
    enum ws_opcode opcode;      /* never CONTINUATION */
    bool           compressed;  /* still to be inflated (and a text's UTF-8 then still to be checked) */
    uint16_t       code;        /* CLOSE: the peer's, or WS_NO_CODE; after an error: ours to send */
    struct span    payload;     /* CLOSE: the reason */
};

struct ws_input { char *ptr; size_t len; };     /* a writable span */

/* ERR_MASK: no mask; ERR_SYNTAX: reserved bits, unknown opcode, a length or close code that may
 * not be; ERR_STATE: fragments out of order (all 1002); ERR_UTF8 (1007); ERR_LIMIT (1009). */
enum err ws_decode(struct ws *ws, const struct ws_limits *limits, struct ws_input *in, struct ws_event *out);
void ws_fini(struct ws *ws);

/* Frames to a client: one fragment, no mask. */
enum { WS_MAX_HEADER = 10 };
size_t ws_header(char header[WS_MAX_HEADER], enum ws_opcode opcode, uint64_t len);
void ws_frame(struct buf *out, enum ws_opcode opcode, struct span payload);
struct blob *ws_blob(enum ws_opcode opcode, struct span payload);       /* the caller's reference */
void ws_close(struct buf *out, unsigned code, struct span reason);      /* WS_NO_CODE: an empty close frame */

/* The handshake. ws_handshake: is this request one? ERR_MISSING: no, it asks for something
 * else; ERR_VERSION: answer 426 with "Sec-WebSocket-Version: 13"; ERR_SYNTAX: answer 400. '*key' points into it. */
enum err ws_handshake(const struct http1_request *r, struct span *key);
void ws_accept(struct buf *out, struct span key);       /* Sec-WebSocket-Accept's value */
struct span ws_subprotocol(const struct http1_request *r);      /* the first one offered, to be echoed; or empty */
void ws_switch(struct buf *out, struct span key, struct span subprotocol);  /* the 101's lines; then any http1_add, http1_finish_bare */

#endif
