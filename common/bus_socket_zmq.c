#include "bus_inside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* ---- options */

static bool set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

/* libzmq 4.3.4 aborts when a heartbeat falls due, or a peer's PING is read, on a
 * connection that was lost while its receive queue was full ("Assertion failed:
 * !_io_error", libzmq #4364; seen here too). So no ZMQ_HEARTBEAT_IVL: our BEATs do that
 * work, and below them TCP's own timers. And no receive mark: what a peer can have
 * under way is bounded by bus.queue_bytes of its link. */
static bool set_common(const struct bus *bus, void *socket)
{
    const struct config *c = bus->config;
    int64_t max = (int64_t)c->bus.max_frame_bytes + BUS_FRAME_ROOM;
    int timeout = (int)c->bus.beat_timeout_ms, hwm = (int)c->bus.high_water_count;
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max, sizeof max) == 0
        && set(socket, ZMQ_SNDHWM, hwm) && set(socket, ZMQ_RCVHWM, 0)
        && set(socket, ZMQ_LINGER, BUS_LINGER_MS) && set(socket, ZMQ_HANDSHAKE_IVL, 5000)
        && set(socket, ZMQ_TCP_MAXRT, 2 * timeout) && set(socket, ZMQ_TCP_KEEPALIVE, 1)
        && set(socket, ZMQ_TCP_KEEPALIVE_IDLE, timeout / 1000 + 1) && set(socket, ZMQ_TCP_KEEPALIVE_INTVL, 1)
        && set(socket, ZMQ_TCP_KEEPALIVE_CNT, 3);
}

/* ---- connections: what ZeroMQ does behind our back, counted */

enum { WATCHED = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | MONITOR_FAILED };

static void count(struct bus *bus, const char *peer, unsigned event)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        bus->stats->bus_connects++;
        break;
    case ZMQ_EVENT_DISCONNECTED:
        bus->stats->bus_disconnects++;
        break;
    default:
        bus->stats->bus_handshakes_failed++;
        log_warn(bus->log, "handshake failed", "peer=%s event=%u", peer, event);
    }
}

static void on_router_event(void *self, unsigned event)
{
    count(self, "", event);
}

static void on_dealer_event(void *self, unsigned event)
{
    struct peer *peer = self;
    count(peer->bus, peer->id, event);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) peer_unclog(peer);      /* and says hello at once */
}

/* ---- receiving. The frames of a message that is not what we speak are read and refused. */

static bool skip_rest(zmq_msg_t *msg, void *socket)
{
    bool any = false;
    while (zmq_msg_more(msg)) {
        if (zmq_msg_recv(msg, socket, ZMQ_DONTWAIT) < 0) break;
        any = true;
    }
    return any;
}

static struct span span_of_msg(zmq_msg_t *msg)
{
    return span_from(zmq_msg_data(msg), zmq_msg_size(msg));
}

/* Who says so, and may they come in by this door? */
static enum err whose(struct bus *bus, struct span route, zmq_msg_t *frame, struct peer **peer)
{
    enum role role;
    uint16_t number;
    enum err e = bus_route_decode(route, &role, &number);
    if (e != OK) return e;
    if (route.len > BUS_ROUTE_MAX || number >= BUS_NUMBERS) return ERR_RANGE;
    if (!bus_connects(role, number, bus->role, bus->number)) return ERR_AUTH;
    *peer = peer_need(bus, role, number);
    if (!bus->curve) return OK;
    const char *owner = zmq_msg_gets(frame, "User-Id");         /* whose key it is: the ZAP handler's word */
    return owner && strcmp(owner, (*peer)->id) == 0 ? OK : ERR_AUTH;
}

static void on_routed(struct bus *bus, struct span route, zmq_msg_t *frame)
{
    struct peer *peer = NULL;
    bus->stats->bus_frames_in++;
    bus->stats->bus_bytes_in += zmq_msg_size(frame);
    enum err e = whose(bus, route, frame, &peer);
    if (e == OK) peer_on_frame(peer, span_of_msg(frame), route);
    else bus_refuse(bus, peer ? peer->id : "stranger", e);
}

/* Once a millisecond at most, however often others wake us. */
static void unclog_routed(struct bus *bus)
{
    if (bus->unclogged == service_now(bus->svc)) return;
    bus->unclogged = service_now(bus->svc);
    bus->clogged = false;
    for (struct peer *p = bus->first; p; p = p->next)
        if (p->clogged && !p->dealer && p->up) peer_unclog(p);
}

static unsigned on_router(void *fn_self, unsigned budget)
{
    struct bus *bus = fn_self;
    void *socket = zsock_resolve(bus->router);
    zmq_msg_t route, frame;
    zmq_msg_init(&route), zmq_msg_init(&frame);
    unsigned n = 0;
    for (; n < budget && zmq_msg_recv(&route, socket, ZMQ_DONTWAIT) >= 0; n++) {
        bool whole = zmq_msg_more(&route) && zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0;
        if (!whole || zmq_msg_more(&frame)) {
            if (whole) skip_rest(&frame, socket);
            bus_refuse(bus, "stranger", ERR_SYNTAX);
            continue;
        }
        on_routed(bus, span_of_msg(&route), &frame);
    }
    zmq_msg_close(&frame), zmq_msg_close(&route);
    if (bus->clogged) unclog_routed(bus);       /* woken: perhaps one of them can be written to */
    if (n == budget) bus->stats->bus_budget_hits++;
    return n;
}

static unsigned on_dealer(void *fn_self, unsigned budget)
{
    struct peer *peer = fn_self;
    struct bus *bus = peer->bus;
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    unsigned n = 0;
    while (n < budget && peer->dealer) {        /* a message may have disconnected it */
        void *socket = zsock_resolve(peer->dealer);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) break;
        n++;
        if (zmq_msg_more(&frame)) {
            skip_rest(&frame, socket);
            bus_refuse(bus, peer->id, ERR_SYNTAX);
            continue;
        }
        bus->stats->bus_frames_in++;
        bus->stats->bus_bytes_in += zmq_msg_size(&frame);
        peer_on_frame(peer, span_of_msg(&frame), (struct span){ "", 0 });
    }
    zmq_msg_close(&frame);
    if (peer->clogged && peer->dealer) peer_unclog(peer);       /* woken: perhaps it can be written to */
    if (n == budget) bus->stats->bus_budget_hits++;
    return n;
}

/* ---- sending */

static void free_frame(void *bytes, void *frame)        /* in ZeroMQ's thread: nobody else holds the blob */
{
    (void)bytes;
    free(frame);
}

static void msg_from(zmq_msg_t *msg, struct blob *frame)
{
    if (frame->len >= 4096 && frame->refs == 1) {
        NEED(zmq_msg_init_data(msg, frame->bytes, frame->len, free_frame, frame) == 0);
        return;
    }
    NEED(zmq_msg_init_size(msg, frame->len) == 0);
    memcpy(zmq_msg_data(msg), frame->bytes, frame->len);
    blob_drop(&frame);
}

bool bus_socket_reachable(const struct peer *peer)
{
    return peer->dealer || (peer->bus->router && peer->route_len);
}

/* A ROUTER says by the route whether it will take the frame, before there is one.
 * EAGAIN: its pipe is full; EHOSTUNREACH: its connection is gone. */
bool bus_socket_begin(struct peer *peer)
{
    service_touch(peer->dealer ? peer->watch : peer->bus->watch, false);
    return peer->dealer || zmq_send(zsock_resolve(peer->bus->router), peer->route, peer->route_len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
}

bool bus_socket_send(struct peer *peer, struct blob *frame)
{
    struct bus *bus = peer->bus;
    void *socket = zsock_resolve(peer->dealer ? peer->dealer : bus->router);
    size_t len = frame->len;
    zmq_msg_t msg;
    msg_from(&msg, frame);
    if (zmq_msg_send(&msg, socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&msg);
        return false;
    }
    bus->stats->bus_frames_out++;
    bus->stats->bus_bytes_out += len;
    return true;
}

/* ---- bind and connect */

static bool directory_private(const struct bus *bus, const char *path)
{
    char directory[sizeof ((struct sockaddr_un *)0)->sun_path];
    struct stat s;
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len == 0 || len >= sizeof directory) return true;
    memcpy(directory, path, len);
    directory[len] = '\0';
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return log_fatal(bus->log, "no directory for the bus", "path=%s why=%s", directory, strerror(errno)), false;
    if (stat(directory, &s) != 0 || !S_ISDIR(s.st_mode))
        return log_fatal(bus->log, "no directory for the bus", "path=%s", directory), false;
    if (s.st_uid != geteuid() || (s.st_mode & 077))
        return log_fatal(bus->log, "directory of the bus is open to others: chmod 700", "path=%s", directory), false;
    return true;
}

/* ZeroMQ removes the file of an ipc endpoint and binds it anew, whoever listens
 * there: so we ask first. Only a file that nobody answers on is stale. */
static bool path_free(const struct bus *bus, const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof to.sun_path)
        return log_fatal(bus->log, "path of the bus socket is too long", "path=%s max=%zu", path, sizeof to.sun_path - 1), false;
    if (!directory_private(bus, path)) return false;
    memcpy(to.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answered = fd >= 0 && (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 || errno == EAGAIN);
    if (fd >= 0) close(fd);
    if (answered) log_fatal(bus->log, "another daemon listens there", "path=%s", path);
    return !answered;
}

static bool bind_router(struct bus *bus, void *socket, const char *endpoint)
{
    static const char ipc[] = "ipc://";
    if (strncmp(endpoint, ipc, sizeof ipc - 1) == 0 && !path_free(bus, endpoint + sizeof ipc - 1)) return false;
    mode_t old = umask(077);
    int rc = zmq_bind(socket, endpoint), why = zmq_errno();
    umask(old);
    if (rc != 0) log_fatal(bus->log, "cannot bind the bus", "endpoint=%s why=%s", endpoint, zmq_strerror(why));
    return rc == 0;
}

bool bus_socket_listen(struct bus *bus, const char *endpoint)
{
    char bound[256] = "";
    size_t size = sizeof bound;
    bus->router = zsock_new(ZMQ_ROUTER);
    NEED(bus->router);
    void *socket = zsock_resolve(bus->router);
    bool done = set_common(bus, socket)
        && set(socket, ZMQ_ROUTER_MANDATORY, 1) && set(socket, ZMQ_ROUTER_HANDOVER, 1)
        && set(socket, ZMQ_IPV6, strchr(endpoint, '[') != NULL)
        && (!bus->curve || curve_serve(bus->curve, socket, "bus"))
        && (bus->monitor = monitor_new(bus->svc, socket, WATCHED, on_router_event, bus));
    if (!done) return log_fatal(bus->log, "cannot set up the bus", "why=%s", zmq_strerror(zmq_errno())), false;
    if (!bind_router(bus, socket, endpoint)) return false;
    NEED(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &size) == 0);
    bus->endpoint = strdup(bound);
    NEED(bus->endpoint);
    bus->watch = service_watch_zmq(bus->svc, socket, on_router, bus);
    return true;
}

void bus_socket_close_router(struct bus *bus)
{
    monitor_destroy(&bus->monitor);
    service_unwatch(&bus->watch);
    zsock_destroy(&bus->router);
}

bool bus_socket_connect(struct peer *peer, const char *endpoint)
{
    struct bus *bus = peer->bus;
    peer->dealer = zsock_new(ZMQ_DEALER);
    NEED(peer->dealer);
    void *socket = zsock_resolve(peer->dealer);
    bool done = set_common(bus, socket)
        && zmq_setsockopt(socket, ZMQ_ROUTING_ID, bus->route, strlen(bus->route)) == 0
        && set(socket, ZMQ_IMMEDIATE, 1)
        && set(socket, ZMQ_RECONNECT_IVL, 100) && set(socket, ZMQ_RECONNECT_IVL_MAX, 2000)
        && set(socket, ZMQ_IPV6, strchr(endpoint, '[') != NULL)
        && (!bus->curve || curve_call(bus->curve, socket, peer->id))
        && (peer->monitor = monitor_new(bus->svc, socket, WATCHED, on_dealer_event, peer))
        && zmq_connect(socket, endpoint) == 0;
    if (!done) {
        log_error(bus->log, "cannot connect", "peer=%s endpoint=%s why=%s", peer->id, endpoint, zmq_strerror(zmq_errno()));
        bus_socket_disconnect(peer);
        return false;
    }
    peer->endpoint = strdup(endpoint);
    NEED(peer->endpoint);
    peer->watch = service_watch_zmq(bus->svc, socket, on_dealer, peer);
    peer->clogged = true;                       /* until the handshake is done */
    peer->dialled = service_now(bus->svc);
    service_touch(peer->watch, true);
    return true;
}

void bus_socket_disconnect(struct peer *peer)
{
    monitor_destroy(&peer->monitor);
    service_unwatch(&peer->watch);
    zsock_destroy(&peer->dealer);
    free(peer->endpoint);
    peer->endpoint = NULL;
    peer->clogged = false;
}

/* After an error in the handshake ZeroMQ never tries again: somebody else had the
 * port, or the other side did not know our key. So we do; and when a connection
 * seems to stand but nobody has spoken for long. */
void bus_socket_redial(struct peer *peer)
{
    uint64_t patience = 4 * (uint64_t)peer->bus->config->bus.beat_timeout_ms;
    uint64_t since = peer->heard > peer->dialled ? peer->heard : peer->dialled;
    if (!peer->dealer || service_now(peer->bus->svc) - since < patience) return;
    char *endpoint = strdup(peer->endpoint);
    NEED(endpoint);
    bus_socket_disconnect(peer);
    (void)bus_socket_connect(peer, endpoint);
    free(endpoint);
}
