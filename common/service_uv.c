#include "service_uv.h"
#include "err.h"

#include <czmq.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { HOOKS_MAX = 16, WHEELS_MAX = 8, ZMQ_SOCKETS_MAX = 16384 };

struct service_watch {
    struct service   *service;
    void             *socket;
    service_drain_fn *fn;
    void             *self;
    uv_poll_t         poll;
    bool              woken;        /* its descriptor woke the loop, or there is known to be more */
    bool              touched;      /* somebody sent: the edge may be gone, ask ZMQ_EVENTS */
    bool              want_out;
};

struct callback { service_fn *fn; void *self; };

struct service {
    uv_loop_t     loop;
    uv_prepare_t  prepare;
    uv_idle_t     idle;             /* active: the loop does not sleep */
    uv_timer_t    timer;            /* the one that turns all wheels */
    uv_poll_t     signals;
    int           signal_fd;
    struct log   *log;
    uint64_t      started, turns, armed;        /* armed: the deadline that timer is set for */
    bool          again, stopping, draining;

    struct wheel  wheel;            /* of service_timers */
    struct { struct wheel *wheel; service_wheel_fn *fn; void *self; } wheels[WHEELS_MAX];
    size_t        wheel_count;
    struct callback hooks[HOOKS_MAX];
    size_t        hook_count;
    struct service_watch **watches;             /* holes are NULL until the turn's end */
    size_t        watch_count, watch_cap;

    struct callback on_drain, on_reload;
    uint32_t      drain_ms;
    struct service_timer drain_timer;
};

/* ---- time and timers */

uint64_t service_now(const struct service *self)    { return uv_now(&self->loop); }
uint64_t service_uptime(const struct service *self) { return uv_now(&self->loop) - self->started; }
uint64_t service_turns(const struct service *self)  { return self->turns; }

uint64_t service_wall(const struct service *self)
{
    (void)self;
    struct timespec t = { 0 };
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void service_timer_set(struct service *self, struct service_timer *timer, uint64_t deadline)
{
    wheel_set(&self->wheel, &timer->wheel, deadline);
}

void service_timer_cancel(struct service *self, struct service_timer *timer)
{
    wheel_cancel(&self->wheel, &timer->wheel);
}

void service_add_wheel(struct service *self, struct wheel *wheel, service_wheel_fn *fn, void *fn_self)
{
    NEED(self->wheel_count < WHEELS_MAX);
    self->wheels[self->wheel_count].wheel = wheel;
    self->wheels[self->wheel_count].fn = fn;
    self->wheels[self->wheel_count++].self = fn_self;
}

static void on_service_timer(void *self, struct wheel_timer *timer, uint64_t now)
{
    (void)self, (void)now;
    struct service_timer *t = WHEEL_OWNER(timer, struct service_timer, wheel);
    t->fn(t->self);
}

static void on_timer(uv_timer_t *handle)
{
    struct service *self = handle->data;
    uint64_t now = service_now(self);
    struct wheel_timer *timer;
    self->armed = UINT64_MAX;
    for (size_t i = 0; i < self->wheel_count; i++)
        while ((timer = wheel_expire(self->wheels[i].wheel, now)))
            self->wheels[i].fn(self->wheels[i].self, timer, now);
}

static void rearm(struct service *self)
{
    uint64_t deadline = UINT64_MAX, now = service_now(self);
    for (size_t i = 0; i < self->wheel_count; i++) {
        uint64_t d = wheel_deadline(self->wheels[i].wheel);
        if (d < deadline) deadline = d;
    }
    if (deadline == self->armed) return;
    self->armed = deadline;
    if (deadline == UINT64_MAX) uv_timer_stop(&self->timer);
    else uv_timer_start(&self->timer, on_timer, deadline > now ? deadline - now : 0, 0);
}

/* ---- ZeroMQ sockets */

static void on_wake(uv_poll_t *handle, int status, int events)
{
    (void)status, (void)events;     /* only a wake-up: the turn's end looks */
    struct service_watch *watch = handle->data;
    watch->woken = true;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct service_watch *service_watch_zmq(struct service *self, void *zmq_socket, service_drain_fn *fn, void *fn_self)
{
    int fd = -1;
    size_t size = sizeof fd;
    NEED(zmq_getsockopt(zmq_socket, ZMQ_FD, &fd, &size) == 0);
    if (self->watch_count == self->watch_cap) {
        self->watch_cap = self->watch_cap ? self->watch_cap * 2 : 16;
        self->watches = realloc(self->watches, self->watch_cap * sizeof *self->watches);
        NEED(self->watches);
    }
    struct service_watch *watch = calloc(1, sizeof *watch);
    NEED(watch);
    *watch = (struct service_watch){ .service = self, .socket = zmq_socket, .fn = fn, .self = fn_self, .woken = true };
    NEED(uv_poll_init(&self->loop, &watch->poll, fd) == 0);
    watch->poll.data = watch;
    NEED(uv_poll_start(&watch->poll, UV_READABLE, on_wake) == 0);
    self->watches[self->watch_count++] = watch;
    self->again = true;             /* its edge may be gone already */
    return watch;
}

void service_touch(struct service_watch *watch, bool want_out)
{
    watch->touched = true;
    watch->want_out |= want_out;
}

void service_unwatch(struct service_watch **watch)
{
    if (!*watch) return;
    struct service *self = (*watch)->service;
    for (size_t i = 0; i < self->watch_count; i++)
        if (self->watches[i] == *watch) self->watches[i] = NULL;
    uv_close((uv_handle_t *)&(*watch)->poll, on_poll_closed);
    *watch = NULL;
}

static bool drain_sockets(struct service *self)
{
    bool more = false;
    for (size_t i = 0; i < self->watch_count; i++) {            /* the list may grow meanwhile */
        struct service_watch *watch = self->watches[i];
        if (!watch || !watch->woken) continue;
        watch->woken = false;
        if (watch->fn(watch->self, SERVICE_BUDGET) < SERVICE_BUDGET) continue;
        more = true;
        if (self->watches[i]) self->watches[i]->woken = true;   /* it may have been unwatched by fn */
    }
    return more;
}

static bool ask_touched(struct service *self)
{
    bool more = false;
    size_t kept = 0;
    for (size_t i = 0; i < self->watch_count; i++) {
        struct service_watch *watch = self->watches[i];
        if (!watch) continue;
        self->watches[kept++] = watch;
        if (!watch->touched || watch->woken) continue;
        int events = 0;
        size_t size = sizeof events;
        if (zmq_getsockopt(watch->socket, ZMQ_EVENTS, &events, &size) != 0) events = 0;
        bool out = watch->want_out && (events & ZMQ_POLLOUT);
        watch->touched = false;
        if (out) watch->want_out = false;
        if (out || (events & ZMQ_POLLIN)) watch->woken = more = true;
    }
    self->watch_count = kept;
    return more;
}

/* ---- a turn's end */

static void on_idle(uv_idle_t *handle)
{
    (void)handle;
}

static void on_prepare(uv_prepare_t *handle)
{
    struct service *self = handle->data;
    self->turns++;
    bool more = drain_sockets(self);
    self->again = false;            /* what it was for, the hooks do now */
    for (size_t i = 0; i < self->hook_count; i++) self->hooks[i].fn(self->hooks[i].self);
    more |= ask_touched(self);
    if (more || self->again) uv_idle_start(&self->idle, on_idle);
    else uv_idle_stop(&self->idle);
    rearm(self);
    if (self->stopping) uv_stop(&self->loop);
}

void service_on_turn_end(struct service *self, service_fn *fn, void *fn_self)
{
    NEED(self->hook_count < HOOKS_MAX);
    self->hooks[self->hook_count++] = (struct callback){ fn, fn_self };
}

void service_off_turn_end(struct service *self, service_fn *fn, void *fn_self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->hook_count; i++)
        if (self->hooks[i].fn != fn || self->hooks[i].self != fn_self) self->hooks[kept++] = self->hooks[i];
    self->hook_count = kept;
}

void service_again(struct service *self)
{
    self->again = true;
}

/* ---- life */

static void notify(const char *what)            /* systemd's protocol: one datagram, nobody answers */
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof to.sun_path) return;
    size_t size = strlen(path);
    memcpy(to.sun_path, path, size);
    if (*path == '@') to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    (void)sendto(fd, what, strlen(what), MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
    close(fd);
}

void service_ready(struct service *self, int fd)
{
    if (fd >= 0) {
        if (write(fd, "ready\n", 6) != 6) log_warn(self->log, "nobody hears that we are ready", "fd=%d", fd);
        close(fd);
    }
    notify("READY=1");
}

void service_on_drain(struct service *self, service_fn *fn, void *fn_self, uint32_t deadline_ms)
{
    self->on_drain = (struct callback){ fn, fn_self };
    self->drain_ms = deadline_ms;
}

void service_drain_deadline(struct service *self, uint32_t deadline_ms)
{
    self->drain_ms = deadline_ms;
}

void service_on_reload(struct service *self, service_fn *fn, void *fn_self)
{
    self->on_reload = (struct callback){ fn, fn_self };
}

void service_stop(struct service *self)
{
    self->stopping = self->again = true;
}

static void on_drain_deadline(void *fn_self)
{
    struct service *self = fn_self;
    log_warn(self->log, "drain deadline passed", "ms=%u", self->drain_ms);
    service_stop(self);
}

void service_drain(struct service *self)
{
    if (self->draining) return;
    self->draining = true;
    log_info(self->log, "draining", "");
    notify("STOPPING=1");
    if (!self->on_drain.fn) { service_stop(self); return; }
    self->drain_timer = (struct service_timer){ .fn = on_drain_deadline, .self = self };
    service_timer_set(self, &self->drain_timer, service_now(self) + self->drain_ms);
    self->on_drain.fn(self->on_drain.self);
}

bool service_draining(const struct service *self)
{
    return self->draining;
}

static void on_signal(uv_poll_t *handle, int status, int events)
{
    (void)status, (void)events;
    struct service *self = handle->data;
    struct signalfd_siginfo info;
    while (read(self->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            log_info(self->log, "reload", "");
            if (self->on_reload.fn) self->on_reload.fn(self->on_reload.self);
        } else if (self->draining) {
            service_stop(self);
        } else {
            service_drain(self);
        }
    }
}

void service_run(struct service *self)
{
    while (!self->stopping) uv_run(&self->loop, UV_RUN_DEFAULT);
}

struct uv_loop_s *service_loop(struct service *self) { return &self->loop; }
struct log *service_log(struct service *self)        { return self->log; }

static bool open_signals(struct service *self)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT), sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return false;
    self->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return self->signal_fd >= 0;
}

struct service *service_new(struct log *log)
{
    struct service *self = calloc(1, sizeof *self);
    NEED(self);
    self->log = log;
    if (!open_signals(self) || uv_loop_init(&self->loop) != 0) {
        log_fatal(log, "no event loop", "why=%s", strerror(errno));
        if (self->signal_fd >= 0) close(self->signal_fd);
        free(self);
        return NULL;
    }
    zsys_handler_set(NULL);                     /* else czmq takes the signals */
    NEED(zsys_init());
    zmq_ctx_set(zsys_init(), ZMQ_MAX_SOCKETS, ZMQ_SOCKETS_MAX);     /* 1,023 by default: a peer takes up to three */
    self->started = uv_now(&self->loop);
    self->armed = UINT64_MAX;
    wheel_init(&self->wheel, 0, self->started);
    service_add_wheel(self, &self->wheel, on_service_timer, self);
    uv_prepare_init(&self->loop, &self->prepare);
    uv_idle_init(&self->loop, &self->idle);
    uv_timer_init(&self->loop, &self->timer);
    NEED(uv_poll_init(&self->loop, &self->signals, self->signal_fd) == 0);
    self->prepare.data = self->timer.data = self->signals.data = self;
    uv_prepare_start(&self->prepare, on_prepare);
    uv_poll_start(&self->signals, UV_READABLE, on_signal);
    return self;
}

static void count_open(uv_handle_t *handle, void *count)
{
    if (!uv_is_closing(handle)) ++*(unsigned *)count;
}

void service_destroy(struct service **self_p)
{
    struct service *self = *self_p;
    if (!self) return;
    uv_close((uv_handle_t *)&self->prepare, NULL);
    uv_close((uv_handle_t *)&self->idle, NULL);
    uv_close((uv_handle_t *)&self->timer, NULL);
    uv_close((uv_handle_t *)&self->signals, NULL);
    for (size_t i = 0; i < self->watch_count; i++) {
        struct service_watch *watch = self->watches[i];
        if (watch) service_unwatch(&watch);
    }
    unsigned open = 0;
    uv_walk(&self->loop, count_open, &open);
    if (open) log_error(self->log, "handles left open", "count=%u", open);      /* ours to fix: they leak */
    else while (uv_run(&self->loop, UV_RUN_DEFAULT)) { }
    if (!open) NEED(uv_loop_close(&self->loop) == 0);
    close(self->signal_fd);
    free(self->watches);
    free(self);
    *self_p = NULL;
}
