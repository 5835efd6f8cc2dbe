#include "listen_uv.h"
#include "err.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct listen {
    struct service        *svc;
    struct listen_options  o;
    int                    fd;
    int                    reserve;     /* given up to accept one when there are no descriptors */
    int                    fd_limit;    /* from this number on they are not for clients */
    bool                   open;
    uv_poll_t             *poll;        /* outlives us until libuv has closed it */
    struct service_timer   pause;
};

union address {
    struct sockaddr         any;
    struct sockaddr_in      v4;
    struct sockaddr_in6     v6;
    struct sockaddr_storage room;
};

static int reserve_fd(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int listen_fds(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1 << 30) return 1 << 30;
    int n = (int)limit.rlim_cur;
    return n - (n / 4 < LISTEN_KEPT_FDS ? n / 4 : LISTEN_KEPT_FDS);
}

/* ---- accepting */

static struct span print(const union address *a, char text[INET6_ADDRSTRLEN])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    const void *bytes = &a->v4.sin_addr;
    int family = a->any.sa_family;
    if (family == AF_INET6) {
        bytes = &a->v6.sin6_addr;
        if (memcmp(bytes, mapped, sizeof mapped) == 0) family = AF_INET, bytes = a->v6.sin6_addr.s6_addr + sizeof mapped;
    }
    return span_of(inet_ntop(family, bytes, text, INET6_ADDRSTRLEN));
}

static void on_readable(uv_poll_t *handle, int status, int events);

static void on_pause_over(void *fn_self)
{
    struct listen *self = fn_self;
    if (self->open) uv_poll_start(self->poll, UV_READABLE, on_readable);
}

static void pause_accepting(struct listen *self)
{
    ++*self->o.paused;
    log_warn(service_log(self->svc), "no descriptors left for clients", "port=%u limit=%d", self->o.port, self->fd_limit);
    uv_poll_stop(self->poll);
    service_timer_set(self->svc, &self->pause, service_now(self->svc) + LISTEN_PAUSE_MS);
}

/* Its client hears of it: else it would wait in the queue, and wake us, for ever. */
static void turn_away(struct listen *self, int fd)
{
    if (fd < 0 && self->reserve >= 0) {
        close(self->reserve), self->reserve = -1;
        fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC);
    }
    if (fd >= 0) close(fd), ++*self->o.refused;
    if (self->reserve < 0) self->reserve = reserve_fd();
}

enum outcome { TAKEN, NONE, FULL };

static enum outcome accept_one(struct listen *self)
{
    union address peer = { 0 };
    socklen_t size = sizeof peer;
    char text[INET6_ADDRSTRLEN];
    int fd = accept4(self->fd, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && fd < self->fd_limit) {
        self->o.on_accept(self->o.self, fd, print(&peer, text));
        return TAKEN;
    }
    if (fd >= 0 || errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        turn_away(self, fd);
        return FULL;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK ? NONE : TAKEN;      /* else that one failed before it was ours: the next */
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status, (void)events;
    struct listen *self = handle->data;
    enum outcome outcome = TAKEN;
    for (unsigned n = 0; n < LISTEN_BUDGET && outcome == TAKEN; n++) outcome = accept_one(self);
    if (outcome == FULL) pause_accepting(self);
}

/* ---- life */

static bool set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

static socklen_t parse(union address *a, const char *text, uint16_t port)
{
    *a = (union address){ 0 };
    if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET, a->v4.sin_port = htons(port);
        return sizeof a->v4;
    }
    if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
        a->v6.sin6_family = AF_INET6, a->v6.sin6_port = htons(port);
        return sizeof a->v6;
    }
    errno = EINVAL;
    return 0;
}

static bool make(struct listen *self)
{
    const struct listen_options *o = &self->o;
    union address a;
    socklen_t size = parse(&a, o->address, o->port);
    if (!size) return false;
    self->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0) return false;
    int fd = self->fd;
    return (a.any.sa_family != AF_INET6 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)) &&
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
        (!o->shared || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
        set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
        set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
        set(fd, SOL_SOCKET, SO_SNDBUF, (int)o->send_buffer_bytes) &&
        bind(fd, &a.any, size) == 0;
}

static bool failed(struct listen *self, const char *what)
{
    log_fatal(service_log(self->svc), what, "address=%s port=%u why=%s", self->o.address, self->o.port, strerror(errno));
    return false;
}

struct listen *listen_new(struct service *svc, const struct listen_options *options)
{
    struct listen *self = calloc(1, sizeof *self);
    NEED(self);
    *self = (struct listen){ .svc = svc, .o = *options, .fd = -1, .reserve = reserve_fd(), .fd_limit = listen_fds() };
    self->pause = (struct service_timer){ .fn = on_pause_over, .self = self };
    if (make(self)) return self;
    failed(self, "cannot bind");
    listen_close(&self);
    return NULL;
}

bool listen_open(struct listen *self)
{
    if (listen(self->fd, LISTEN_BACKLOG) != 0) return failed(self, "cannot listen");
    self->poll = calloc(1, sizeof *self->poll);
    NEED(self->poll);
    NEED(uv_poll_init(service_loop(self->svc), self->poll, self->fd) == 0);
    self->poll->data = self;
    self->open = true;
    return uv_poll_start(self->poll, UV_READABLE, on_readable) == 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

void listen_close(struct listen **self_p)
{
    struct listen *self = *self_p;
    if (!self) return;
    service_timer_cancel(self->svc, &self->pause);
    if (self->open) {
        for (unsigned n = 0; n < 2 * LISTEN_BACKLOG && accept_one(self) == TAKEN; n++) { }
        uv_close((uv_handle_t *)self->poll, on_closed);
    }
    if (self->fd >= 0) close(self->fd);
    if (self->reserve >= 0) close(self->reserve);
    free(self);
    *self_p = NULL;
}
