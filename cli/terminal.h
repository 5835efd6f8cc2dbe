/* terminal - a small Socket.IO client for people at a terminal: one namespace, over WebSocket.
 *
 * Bytes of the connection and typed lines go in; bytes to send and text to show come out:
 *     HTTP 101, then 0{...} -> 40{"token":...} -> 40{"sid":...} -> joins its room
 *     what is typed goes to the room; /join R  /leave R  /to USER TEXT  /emit EVENT JSON...  /quit
 *
 * It trusts the gateway no further than memory goes: a frame or message over TERMINAL_MESSAGE_MAX ends it. What
 * comes is shown with control characters taken out. Pure: no socket, no clock; masks come from a seed. */
#ifndef CAUSEWAY_CLI_TERMINAL_H
#define CAUSEWAY_CLI_TERMINAL_H

#include "buf.h"
#include "err.h"

enum { TERMINAL_MESSAGE_MAX = 16 << 20 };

struct terminal {
    const char *host, *path, *nsp, *token, *room;   /* borrowed; host: "127.0.0.1:8080"; room: "" for none */
    uint64_t    seed;           /* of the masks */
    struct buf  in, message;    /* what came and is not whole yet */
    struct buf  room_now;
    uint64_t    acks;
    bool        upgraded, connected, ended, refused;
    bool        recoverable;    /* events without an ack id end with the stream's position, which is nobody's argument */
    unsigned    text;           /* the message under way is text */
};

void terminal_init(struct terminal *t, struct buf *send);                   /* fields above filled in, the rest zero: the HTTP request */
void terminal_fini(struct terminal *t);
/* Both append. After them: t->ended says that it is over (t->refused: and that this is a failure). */
void terminal_on_bytes(struct terminal *t, struct span bytes, struct buf *send, struct buf *show);
void terminal_on_line(struct terminal *t, struct span line, struct buf *send, struct buf *show);

/* "http://127.0.0.1:8080/path" cut to host (with its port) and path; path "" becomes /socket.io/. */
bool terminal_url(struct span url, struct buf *host, struct buf *port, struct buf *path, const char **why);

#endif
