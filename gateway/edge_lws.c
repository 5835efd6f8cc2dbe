#include "edge_inside_lws.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- rings */

static void ring_init(struct ring *head)
{
    head->next = head->prev = head;
}

static void ring_drop(struct ring *n)
{
    if (!n->next) return;
    n->next->prev = n->prev, n->prev->next = n->next;
    n->next = n->prev = NULL;
}

static void ring_add(struct ring *head, struct ring *n)         /* last */
{
    n->next = head, n->prev = head->prev;
    head->prev->next = n, head->prev = n;
}

static struct client *ring_first(struct ring *head)
{
    return head->next == head ? NULL : (struct client *)(void *)head->next;
}

static struct gate_time now_of(const struct edge *e)
{
    return (struct gate_time){ service_now(e->svc), service_wall(e->svc) };
}

void edge_make_ready(struct client *c)
{
    if (!c->conn) return;           /* it lingers */
    ring_drop(&c->ring);
    ring_add(&c->port->edge->ready, &c->ring);
}

/* ---- the end of a connection */

static void forget(struct client *c)
{
    struct edge *e = c->port->edge;
    ring_drop(&c->ring);
    if (!c->conn && c->until) e->lingers--;
    if (c->tls && !c->shaken && !e->ending) {
        c->port->failed[c->why]++, e->stats->tls_failed++;
        static const char *const text[WHYS] = { "closed by the peer", "not in time", "plain HTTP", "not TLS 1.2 or later, or refused" };
        log_warn(service_log(e->svc), "TLS handshake failed", "port=%u why=%s", c->port->port, text[c->why]);
    }
    if (c->conn) gate_on_closed(e->gate, c->conn, now_of(e));
    free(c);
}

/* Not from within a callback of libwebsockets. 'c' is gone after it. */
static void end(struct client *c, bool reset)
{
    if (reset) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);     /* comes back as RAW_CLOSE at once */
}

static void on_linger_over(void *fn_self)
{
    struct edge *e = fn_self;
    struct client *c;
    while ((c = ring_first(&e->lingering)) && c->until <= service_now(e->svc)) end(c, true);
    if (c) service_timer_set(e->svc, &e->linger_timer, c->until);
}

/* All is written: say so, and wait for the peer to close. */
static void linger(struct client *c)
{
    struct edge *e = c->port->edge;
    struct conn *conn = c->conn;
    if (c->tls) ERR_clear_error(), SSL_shutdown(lws_get_ssl(c->wsi));
    shutdown(c->fd, SHUT_WR);
    ring_drop(&c->ring);
    c->conn = NULL, c->until = service_now(e->svc) + EDGE_LINGER_MS;
    if (++e->lingers > EDGE_LINGERING_MAX) end(ring_first(&e->lingering), true);
    ring_add(&e->lingering, &c->ring);
    if (ring_first(&e->lingering) == c) service_timer_set(e->svc, &e->linger_timer, c->until);
    gate_on_closed(e->gate, conn, now_of(e));
}

/* ---- writing */

enum wrote { WROTE_ALL, WROTE_PART, WROTE_NOTHING_MORE };       /* the last: the peer is gone */

static enum wrote write_plain(struct client *c, size_t n, size_t *wrote)
{
    ssize_t w = send(c->fd, c->port->edge->scratch, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (w < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) return WROTE_NOTHING_MORE;
    *wrote = w > 0 ? (size_t)w : 0;
    return *wrote == n ? WROTE_ALL : WROTE_PART;
}

static enum wrote write_tls(struct client *c, size_t n, size_t *wrote)
{
    SSL *ssl = lws_get_ssl(c->wsi);
    ERR_clear_error();
    int w = SSL_write(ssl, c->port->edge->scratch, (int)n);
    *wrote = w > 0 ? (size_t)w : 0;
    if (w > 0) return *wrote == n ? WROTE_ALL : WROTE_PART;
    return SSL_get_error(ssl, w) == SSL_ERROR_WANT_WRITE ? WROTE_PART : WROTE_NOTHING_MORE;
}

static bool write_all(struct client *c)         /* false: the peer is gone */
{
    struct edge *e = c->port->edge;
    size_t n, wrote;
    while ((n = conn_gather(c->conn, e->scratch, c->tls ? RECORD : SCRATCH))) {
        enum wrote outcome = c->tls ? write_tls(c, n, &wrote) : write_plain(c, n, &wrote);
        if (outcome == WROTE_NOTHING_MORE) return false;
        if (wrote) conn_wrote(c->conn, wrote);
        if (outcome == WROTE_ALL) continue;
        e->stats->writes_partial++;
        c->full = true;
        lws_callback_on_writable(c->wsi);
        break;
    }
    return true;
}

/* A tunnel whose other end is behind takes nothing more for now. */
static void hear(struct client *c)
{
    bool deaf = conn_deaf(c->conn);
    if (deaf == c->deaf) return;
    c->deaf = deaf;
    lws_rx_flow_control(c->wsi, !deaf);
}

/* It belongs to another gateway of this host. Once the descriptor is sent, ours is closed: libwebsockets' raw role
 * shuts nothing down before that, so the connection goes on over there. */
static void pass_on(struct client *c, uint16_t gateway)
{
    struct edge *e = c->port->edge;
    struct conn *conn = c->conn;
    enum err outcome = hand_send(e->hand, gateway, c->fd, buf_span(&e->message));
    if (outcome == OK) {
        c->conn = NULL;
        end(c, false);
    }
    gate_on_passed(e->gate, conn, outcome, now_of(e));
}

static void serve(struct client *c)
{
    uint16_t gateway;
    struct buf *message = &c->port->edge->message;
    ring_drop(&c->ring);
    if (c->timed) lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0), c->timed = false;
    if (!c->conn) return;
    enum conn_fate fate = conn_fate(c->conn);
    if (fate == CONN_KILL || (fate == CONN_CLOSE && c->tls && !c->shaken)) {
        if (c->tls && !c->shaken && !c->why) c->why = WHY_TIMEOUT;
        end(c, true);
    } else if (!c->full && !write_all(c)) {
        end(c, false);
    } else if (fate == CONN_CLOSE && conn_idle(c->conn)) {
        if (conn_parted(c->conn) && !c->tls) end(c, false);     /* nothing to wait for; with TLS there is its close_notify */
        else linger(c);
    } else if (c->full) {
        ring_add(&c->port->edge->stuck, &c->ring);
        hear(c);
    } else if (buf_clear(message), conn_passes(c->conn, &gateway, message)) {
        pass_on(c, gateway);
    } else {
        hear(c);
    }
}

bool edge_flush(struct edge *e)
{
    bool any = false;
    struct conn *conn;
    struct client *c;
    for (; (conn = gate_next_dirty(e->gate)); any = true) serve(conn_shell(conn));
    for (; (c = ring_first(&e->ready)); any = true) serve(c);
    return any;
}

void edge_end_stuck(struct edge *e)
{
    struct client *c;
    while ((c = ring_first(&e->stuck))) end(c, true);
}

/* ---- what libwebsockets tells */

int edge_on_raw(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct client *c;
    switch ((int)reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:       /* 'user' is the TLS vhost's SSL_CTX */
        edge_take_base(lws_context_user(lws_get_context(wsi)), user);
        break;
    case LWS_CALLBACK_RAW_RX:
        c = lws_get_opaque_user_data(wsi);
        if (c && c->conn) gate_on_bytes(c->port->edge->gate, c->conn, in, len, now_of(c->port->edge));
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
        c = lws_get_opaque_user_data(wsi);
        if (c) c->full = false, edge_make_ready(c);
        break;
    case LWS_CALLBACK_RAW_CLOSE:
        c = lws_get_opaque_user_data(wsi);
        if (!c) break;
        lws_set_opaque_user_data(wsi, NULL);
        if (c->port->edge->adopting == c) c->port->edge->adopting = NULL;
        forget(c);
        break;
    }
    return 0;
}

/* ---- connections */

typedef struct conn *accept_fn(struct gate *gate, size_t listener, struct span peer_address, void *shell, struct gate_time now);

static struct client *take(struct edge_port *port, int fd, struct span peer, accept_fn *accept)
{
    struct edge *e = port->edge;
    struct client *c = calloc(1, sizeof *c);
    NEED(c);
    *c = (struct client){ .port = port, .fd = fd, .tls = port->tls };
    c->conn = accept(e->gate, port->listener, peer, c, now_of(e));
    if (!c->conn) {
        free(c);
        close(fd);
        return NULL;
    }
    lws_adopt_desc_t adopt = {
        .vh = port->vhost, .type = port->tls ? LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL : LWS_ADOPT_SOCKET,
        .fd = { .sockfd = fd }, .vh_prot_name = "raw", .opaque = c,
    };
    e->adopting = c;
    struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&adopt);
    bool lost = !wsi && e->adopting;            /* without a RAW_CLOSE: libwebsockets closed the descriptor and nothing else */
    e->adopting = NULL;
    if (lost) forget(c);
    if (!wsi) return NULL;
    c->wsi = wsi;
    if (!c->tls) return c;
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);        /* the gate has one for the head, the handshake included */
    SSL_set_app_data(lws_get_ssl(wsi), c);
    return c;
}

void edge_accept(struct edge_port *port, int fd, struct span peer)
{
    port->accepted++;
    (void)take(port, fd, peer, gate_accept);
}

/* What another gateway of this host read of it comes first, as if it had been read here. */
void edge_on_handed(void *self, int fd, char *message, size_t len)
{
    struct edge *e = self;
    struct msg_PASSED m;
    struct edge_port *port = NULL;
    if (msg_decode_PASSED(&m, span_from(message, len)) == OK)
        for (port = e->ports; port && (port->listener != m.listener || port->tls); port = port->next) { }
    if (!port) {
        close(fd);
        e->stats->upgrades_handed_refused++;
        return;
    }
    struct client *c = take(port, fd, m.address, gate_accept_passed);
    if (c) gate_on_bytes(e->gate, c->conn, message + (m.bytes.ptr - message), m.bytes.len, now_of(e));
}

void edge_set_hand(struct edge *e, struct hand *hand) { e->hand = hand; }

size_t edge_lingering(const struct edge *e) { return e->lingers; }

void edge_init(struct edge *e)
{
    e->linger_timer = (struct service_timer){ .fn = on_linger_over, .self = e };
    ring_init(&e->ready), ring_init(&e->stuck), ring_init(&e->lingering);
}
