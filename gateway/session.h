/* session - one Engine.IO session: a client, whichever transports it comes by.
 *
 * The machine is session.def. A session has one transport: a WebSocket (conn), or
 * long-polling (no conn at all, or the one whose GET is held). On polling, frames
 * wait in its own outbox for the next GET; on WebSocket they go to the conn's.
 * Heartbeat: a ping 'interval' after the last pong (after the opening), a pong within
 * 'timeout'; the first other packet while a pong is due gives it that time once more.
 * In version 3 the client pings; whatever it sends within both times keeps it.
 *
 * Closing a session ends its sockets with Socket.IO's own reason and leaves it in
 * CLOSED until the end of the call (gate_settle frees it): whoever goes on reading
 * checks session_open. One owner: the gate's map of ids. */
#ifndef CAUSEWAY_GATEWAY_SESSION_H
#define CAUSEWAY_GATEWAY_SESSION_H

#include "assembly.h"
#include "conn.h"
#include "eio4.h"
#include "interned.h"
#include "sid.h"

struct socket;

enum session_state {
#define STATE(name) SESSION_##name,
#define EVENT(name)
#define ON(state, event, action, next)
#include "session.def"
#undef STATE
#undef EVENT
#undef ON
    SESSION_STATES
};
enum session_event {
#define STATE(name)
#define EVENT(name) SESSION_##name,
#define ON(state, event, action, next)
#include "session.def"
#undef STATE
#undef EVENT
#undef ON
    SESSION_EVENTS
};

/* Why a socket's connection ended: Socket.IO's names, and our own from HEARTBEAT on. */
enum reason { REASON_TRANSPORT_CLOSE, REASON_TRANSPORT_ERROR, REASON_PING_TIMEOUT, REASON_CLIENT_LEAVE,
              REASON_SERVER_LEAVE, REASON_SHUTTING_DOWN, REASON_FORCED_CLOSE, REASON_PARSE_ERROR, REASON_HEARTBEAT,
              REASON_TOKEN_EXPIRED, REASON_TOKEN_REVOKED, REASON_COUNT };
const char *reason_name(enum reason r);     /* "transport close" */

/* What of the handshake is needed as long as the session lives: spans into one block. */
struct handshake {
    struct span query, bearer, cookie;
    struct interned_text *agent;        /* the gate's: browsers have few */
    char        bytes[];
};

struct session {
    struct sid       sid;
    uint8_t          state;             /* enum session_state */
    uint8_t          dialect;           /* bits (frames.h): with its present transport */
    bool             ping_due;          /* a pong is waited for, */
    bool             grace;             /* and got its second time already */
    bool             connected;         /* some namespace was: the connect time-out is over */
    bool             listed, doomed;    /* on the gate's list; to be closed at the end of the call, */
    bool             polite;            /* so, */
    uint8_t          doom;              /* for this reason */
    bool             counted;           /* among those of its address */
    struct gate     *gate;
    struct listener *listener;
    struct session  *next_settling;     /* the gate's list of what is seen to at the end of the call */
    struct conn     *conn;              /* WebSocket, or the held GET, or NULL */
    struct conn     *post;              /* whose POST's body is under way */
    struct conn     *probe;             /* a WebSocket that wants to take over */
    struct socket   *sockets;           /* by next */
    struct outbox    out;               /* polling: what the next GET gets */
    struct assembly *assembly;
    uint32_t         kept;              /* bytes of that (gate_keep) */
    struct handshake *handshake;
    struct timer     beat, connect;     /* heartbeat (CLOSING: patience); connect time-out, then the upgrade's noops */
    struct ip        address;
    uint64_t         since;             /* Unix ms */
};

struct session_open_request {           /* a handshake */
    struct listener *listener;
    struct ip        address;
    struct span      query, bearer, cookie, agent;
    uint8_t          dialect;
};
struct session *session_new(struct gate *g, const struct session_open_request *r);
struct session *session_find(struct gate *g, struct span sid);      /* one whose time is over is closed by now, even before its timer */
static inline bool session_live(const struct session *s) { return s->state < SESSION_CLOSING; }
void session_greeting(const struct session *s, struct buf *packet);     /* 0{"sid":...} */

/* Input, packet by packet. The error was counted and dealt with. */
enum err session_on_packet(struct session *s, const struct eio4_packet *p);
enum err session_on(struct session *s, enum session_event event, struct span data);    /* the table */
void session_on_lost(struct session *s, enum reason why);   /* its transport is gone; s->conn is NULL by now */

/* Output. False: the client was too slow, and is closed. */
bool session_send(struct session *s, struct frames *f);
bool session_send_frame(struct session *s, struct blob *frame, uint8_t dialect);
bool session_send_credit(struct session *s, struct blob *frame, uint8_t dialect);    /* beyond the queue's limit: of a client that has come back */
bool session_send_engine(struct session *s, struct span packet);        /* "2" */
void session_flush(struct session *s);                                  /* polling: answers the held GET if there is something */

uint64_t session_patience(const struct session *s);     /* ms until the heartbeat is due: ours (version 4), or the client's (3) */
bool session_writable(const struct session *s);     /* what is sent now leaves at the end of the turn; else volatile events are dropped */

/* The end. Polite: what waits is written first (a close frame behind it; a close packet in the next GET). */
void session_close(struct session *s, enum reason why, bool polite);
void session_bury(struct session *s);       /* CLOSED: out of the map, freed at the end of the call */
void session_free(struct session *s);
size_t session_bytes(const struct session *s);

#endif
