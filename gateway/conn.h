/* conn - one connection of a client as bytes in and bytes out: HTTP/1.1 requests,
 * one after the other, then perhaps WebSocket frames.
 *
 *     HEAD -> (BODY) -> ANSWER -> HEAD ...        a request's answer may be given later (a held GET, a relay)
 *     HEAD -> SOCKET                              a WebSocket: frames go to its session
 *     SOCKET -> HELD -> SOCKET                    its upgrade waits for a POST that is under way
 *     HEAD -> PASS (-> TUNNEL)                    a WebSocket whose session another gateway has (tunnel.h)
 *     any  -> DONE                                its fate is decided, input is ignored
 *
 * While an answer is due, or an upgrade waits, bytes behind it are kept (bounded) until it was
 * given. What a request needs until its answer lies in 'struct exchange', which an
 * idle connection and a WebSocket do not have. A relayed request is a conn without
 * a descriptor: its answer goes to the bus. So is a WebSocket that came to another gateway. */
#ifndef CAUSEWAY_GATEWAY_CONN_H
#define CAUSEWAY_GATEWAY_CONN_H

#include "cidr.h"
#include "frames.h"
#include "gate.h"
#include "jsonp.h"
#include "outbox.h"
#include "sid.h"
#include "timer.h"
#include "ws.h"

struct listener;
struct session;
struct tunnel;

enum conn_phase { CONN_HEAD, CONN_BODY, CONN_ANSWER, CONN_SOCKET, CONN_HELD, CONN_PASS, CONN_TUNNEL, CONN_DONE };
enum exchange_kind { EXCHANGE_PLAIN, EXCHANGE_POLL, EXCHANGE_POST, EXCHANGE_RELAY };

struct exchange {                   /* a request that waits for its body or its answer */
    enum exchange_kind kind;
    enum compression_form coding;   /* of its answer, where that is long enough */
    bool            keep_alive, head_only;
    bool            answered;       /* 'behind' is still to be read */
    bool            body_due;       /* its body is not read yet: an answer given now waits for that */
    bool            refusal_keep;
    bool            binary;         /* POST: raw bytes, of Engine.IO 3 */
    struct jsonp    jsonp;          /* how it wants to be answered */
    struct session *session;        /* POLL, POST: whose */
    struct listener *listener;
    struct buf      fields;         /* lines for its answer: CORS, cookie */
    struct buf      body;           /* what came of it */
    struct buf      behind;         /* input behind the request */
    uint64_t        ref;            /* RELAY */
    uint16_t        gateway;        /* RELAY: where it went */
    bool            posting;        /* RELAY: it is the session's POST, */
    struct sid      sid;            /* whose id this is */
    struct ip       client;         /* RELAY */
    struct buf      head;           /* RELAY: as it came */
    struct buf      refusal;        /* an answer that waits until the body was read and thrown away */
};

struct conn {
    struct conn     *next, **at;    /* the gate's list */
    struct conn     *next_dirty, *next_resume;
    struct gate     *gate;
    void            *shell;         /* NULL: relayed or tunnelled to here, no descriptor */
    struct listener *listener;
    struct session  *session;       /* of a WebSocket */
    struct exchange *exchange;      /* NULL between requests */
    struct tunnel   *tunnel;        /* to or from another gateway; NULL: none */
    struct outbox    out;
    union { struct http1 http; struct ws ws; };
    struct timer     timer;         /* head, body, keep-alive, upgrade */
    uint64_t         until;         /* of an upgrade: its end; the timer ticks */
    struct ip        peer;
    uint64_t         relay_ref;     /* relayed to here: their name for it, */
    uint16_t         relay_gateway; /* and from whom */
    uint32_t         kept;          /* bytes of its input (gate_keep) */
    uint8_t          phase, fate;
    bool             dirty, resuming;   /* on the gate's lists: next_dirty, next_resume */
    bool             gone;          /* freed once it is on neither */
    bool             counted;       /* to its address (listener.c) */
    bool             begun;         /* a head came in part */
    bool             relayed;       /* it stands for a request to another gateway */
    bool             passed;        /* it came by another gateway: it is not passed again */
    bool             probing;       /* a WebSocket that wants to take its session over, */
    bool             deflate;       /* on which permessage-deflate was agreed, */
    bool             base64;        /* which takes no binary, */
    bool             parted;        /* whose peer has sent its last frame */
};

/* For the layers above. All of them make the conn dirty where there is something to write. */
bool conn_push(struct conn *c, struct blob *frame);         /* holds; false: it was too slow and is closed now */
void conn_say(struct conn *c, struct buf *bytes);           /* the same for bytes of its own; empties 'bytes' */
void conn_close(struct conn *c);                            /* after what waits is written */
void conn_kill(struct conn *c);                             /* at once, nothing more is written */
void conn_close_ws(struct conn *c, unsigned code);          /* a close frame, then conn_close */
/* The answer to its request, with the exchange's fields; then the next one is read. type may be empty. */
void conn_answer(struct conn *c, unsigned status, struct span type, struct span body);
void conn_answer_raw(struct conn *c, struct buf *response, bool keep_alive);        /* a whole response; empties it */

#endif
