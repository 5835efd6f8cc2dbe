#include "hand_uv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

struct hand {
    struct service     *svc;
    struct hand_options o;
    int                 fd;
    uv_poll_t          *poll;       /* outlives us until libuv has closed it */
    struct sockaddr_un  own;
    char                message[HAND_MAX];
};

union beside {                      /* what comes beside the bytes: a descriptor, and who sent it */
    struct cmsghdr head;
    char           room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

static bool place(const struct hand *self, uint16_t gateway, struct sockaddr_un *at)
{
    *at = (struct sockaddr_un){ .sun_family = AF_UNIX };
    int n = snprintf(at->sun_path, sizeof at->sun_path, "%s/gateway-%u.hand", self->o.directory, gateway);
    return n > 0 && (size_t)n < sizeof at->sun_path;
}

/* ---- out */

enum err hand_send(struct hand *self, uint16_t gateway, int fd, struct span message)
{
    struct sockaddr_un to;
    if (!self) return ERR_MISSING;
    if (message.len > HAND_MAX || !place(self, gateway, &to)) return ERR_LIMIT;
    union beside beside = { 0 };
    struct iovec bytes = { .iov_len = message.len };
    memcpy(&bytes.iov_base, &message.ptr, sizeof message.ptr);      /* sendmsg only reads it */
    struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &bytes, .msg_iovlen = 1,
                        .msg_control = beside.room, .msg_controllen = CMSG_SPACE(sizeof fd) };
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    if (sendmsg(self->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return OK;
    switch (errno) {
    case ENOENT: case ECONNREFUSED:               return ERR_GONE;
    case EAGAIN: case ENOBUFS: case ETOOMANYREFS: return ERR_FULL;
    case EMSGSIZE:                                return ERR_LIMIT;
    default:                                      return ERR_STATE;
    }
}

/* ---- in */

static void take_fds(const struct cmsghdr *head, int *first)    /* padding has room for a second one */
{
    for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= head->cmsg_len; at += sizeof(int)) {
        int fd;
        memcpy(&fd, CMSG_DATA(head) + at, sizeof fd);
        if (*first < 0) *first = fd;
        else close(fd);
    }
}

static int take_fd(struct msghdr *m, bool *ours)
{
    int fd = -1;
    *ours = false;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(m); head; head = CMSG_NXTHDR(m, head)) {
        struct ucred from;
        if (head->cmsg_level != SOL_SOCKET) continue;
        if (head->cmsg_type == SCM_RIGHTS) take_fds(head, &fd);
        if (head->cmsg_type != SCM_CREDENTIALS || head->cmsg_len != CMSG_LEN(sizeof from)) continue;
        memcpy(&from, CMSG_DATA(head), sizeof from);
        *ours = from.uid == geteuid();
    }
    return fd;
}

static bool is_connection(int fd)       /* of TCP, and nobody has reset it meanwhile */
{
    int type = 0;
    socklen_t size = sizeof type;
    struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return false;
    size = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && (peer.ss_family == AF_INET || peer.ss_family == AF_INET6);
}

static bool receive(struct hand *self)      /* false: nothing more for now */
{
    union beside beside;
    struct iovec bytes = { self->message, sizeof self->message };
    struct msghdr m = { .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = beside.room, .msg_controllen = sizeof beside.room };
    ssize_t n = recvmsg(self->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0) return errno == EINTR;
    bool ours;
    int fd = take_fd(&m, &ours);
    if (fd >= 0 && fd < self->o.fds && ours && !(m.msg_flags & MSG_TRUNC) && is_connection(fd)) {
        self->o.on_fd(self->o.self, fd, self->message, (size_t)n);
        return true;
    }
    if (fd >= 0) close(fd);
    ++*self->o.refused;
    return true;
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status, (void)events;
    for (unsigned i = 0; i < HAND_BUDGET && receive(handle->data); i++) { }
}

/* ---- life */

static bool make(struct hand *self)
{
    if (!place(self, self->o.gateway, &self->own)) {
        errno = ENAMETOOLONG;
        return false;
    }
    self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (self->fd < 0 || setsockopt(self->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) return false;
    (void)unlink(self->own.sun_path);       /* of a life before */
    mode_t mask = umask(0177);
    bool bound = bind(self->fd, (struct sockaddr *)&self->own, sizeof self->own) == 0;
    umask(mask);
    return bound;
}

struct hand *hand_new(struct service *svc, const struct hand_options *options)
{
    struct hand *self = calloc(1, sizeof *self);
    NEED(self);
    self->svc = svc, self->o = *options, self->fd = -1;
    if (!make(self)) {
        log_warn(service_log(svc), "no socket for other gateways' upgrades: their bytes will go over the bus", "path=%s why=%s", self->own.sun_path, strerror(errno));
        hand_close(&self);
        return NULL;
    }
    self->poll = calloc(1, sizeof *self->poll);
    NEED(self->poll);
    NEED(uv_poll_init(service_loop(svc), self->poll, self->fd) == 0);
    self->poll->data = self;
    NEED(uv_poll_start(self->poll, UV_READABLE, on_readable) == 0);
    return self;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

void hand_close(struct hand **self_p)
{
    struct hand *self = *self_p;
    if (!self) return;
    if (self->poll) {
        (void)unlink(self->own.sun_path);
        uv_close((uv_handle_t *)self->poll, on_closed);
    }
    if (self->fd >= 0) close(self->fd);
    free(self);
    *self_p = NULL;
}
