/* edge from inside: for edge_lws.c (connections) and edge_start_lws.c (ports, handshakes,
 * the library's life), and for nobody else. */
#ifndef CAUSEWAY_GATEWAY_EDGE_INSIDE_LWS_H
#define CAUSEWAY_GATEWAY_EDGE_INSIDE_LWS_H

#include "certificate_lws.h"
#include "edge_lws.h"

enum { SCRATCH = 65536, RECORD = 16384 };       /* RECORD: what TLS puts into one of its own */

struct ring { struct ring *next, *prev; };      /* a place in one; its head is one too */

enum why { WHY_CLOSED, WHY_TIMEOUT, WHY_PLAIN, WHY_PROTOCOL, WHYS };

struct client {                     /* one descriptor */
    struct ring  ring;              /* ready, stuck, lingering, or neither (next is NULL) */
    struct lws  *wsi;
    struct conn *conn;              /* NULL: lingers */
    struct edge_port *port;
    uint64_t     until;             /* lingers */
    int          fd;
    bool         tls, shaken;       /* shaken: the handshake is done */
    bool         timed;             /* libwebsockets has set a timer for it */
    bool         deaf;              /* not read from: the gate wants nothing more of it for now */
    bool         full;              /* its socket is, so it is among the stuck: we wait for RAW_WRITEABLE */
    uint8_t      why;               /* its handshake failed */
};

struct edge_port {
    struct edge_port  *next;
    struct edge       *edge;
    struct lws_vhost  *vhost;
    size_t             listener;
    const char        *name, *address;
    uint16_t           port;
    bool               tls;
    struct certificate certificate;
    uint64_t           accepted, shaken, failed[WHYS];
};

struct edge {
    struct service     *svc;
    struct gate        *gate;
    struct edge_stats  *stats;
    struct lws_context *context;    /* libwebsockets nulls it once it is gone */
    struct lws_vhost   *plain, *tls;
    bool                based, ending;
    struct edge_port   *ports;
    struct client      *adopting;   /* within edge_accept */
    struct ring         ready, stuck, lingering;
    size_t              lingers;
    struct hand        *hand;           /* borrowed; NULL: nothing is handed over */
    struct buf          message;        /* beside a descriptor */
    struct service_timer linger_timer;
    char                scratch[SCRATCH];
};

/* ---- edge_lws.c */
void edge_init(struct edge *e);
void edge_make_ready(struct client *c);         /* to be served at the end of this turn */
int  edge_on_raw(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* ---- edge_start_lws.c */
void edge_take_base(struct edge *e, SSL_CTX *base);

#endif
