/* service - the one libuv loop of a daemon: signals, time, timers, the end of a
 * turn, ZeroMQ sockets, readiness and drain.
 *
 * A turn: timers and I/O callbacks run; then every ZeroMQ socket that may have
 * something is drained (its budget at most); then the turn-end hooks run, in
 * the order of registration, and write what the turn has produced; then the
 * loop sleeps, unless there is more. One thread; nothing here may block.
 *
 * Signals are a file descriptor: they are blocked in service_new, so that comes
 * before any thread or ZeroMQ socket. SIGTERM and SIGINT: the drain callback and
 * its deadline, a second one: service_run returns at once. SIGHUP: reload.
 * SIGPIPE is ignored. One owner: main. */
#ifndef CAUSEWAY_SERVICE_UV_H
#define CAUSEWAY_SERVICE_UV_H

#include "log.h"
#include "wheel.h"

enum { EXIT_USAGE = 100, EXIT_ENVIRONMENT = 111 };
enum { SERVICE_BUDGET = 256 };          /* messages received from one socket in one turn */

struct service;
struct uv_loop_s;

struct service *service_new(struct log *log);   /* log is borrowed. NULL where the system refuses: exit 111 */
void service_destroy(struct service **self);    /* last of all: after every socket and handle on the loop */
struct uv_loop_s *service_loop(struct service *self);
struct log *service_log(struct service *self);

/* ---- time. 'now' is the turn's: the same for all that happens in it. */
uint64_t service_now(const struct service *self);       /* monotonic ms */
uint64_t service_wall(const struct service *self);      /* Unix ms */
uint64_t service_uptime(const struct service *self);    /* ms */
uint64_t service_turns(const struct service *self);     /* of the loop, for the stats */

/* ---- timers: wheels, turned by one uv_timer. A service_timer is embedded by its owner,
 * fn and self filled in, zeroed else; it is cancelled before its memory goes. */
typedef void service_fn(void *self);
struct service_timer {
    struct wheel_timer wheel;
    service_fn        *fn;
    void              *self;
};
void service_timer_set(struct service *self, struct service_timer *timer, uint64_t deadline);   /* sets it anew if it was set */
void service_timer_cancel(struct service *self, struct service_timer *timer);
/* A wheel of the daemon's own (timers of 24 bytes): the loop wakes for it and hands out what is due. */
typedef void service_wheel_fn(void *self, struct wheel_timer *timer, uint64_t now);
void service_add_wheel(struct service *self, struct wheel *wheel, service_wheel_fn *fn, void *fn_self);

/* ---- life */
void service_on_drain(struct service *self, service_fn *fn, void *fn_self, uint32_t deadline_ms);   /* fn calls service_stop when done */
void service_drain_deadline(struct service *self, uint32_t deadline_ms);    /* of drains that begin from now on */
void service_on_reload(struct service *self, service_fn *fn, void *fn_self);
void service_run(struct service *self);                 /* until service_stop, the drain's deadline or a second signal */
void service_stop(struct service *self);                /* service_run returns after this turn; its hooks still run */
void service_drain(struct service *self);               /* as if SIGTERM had come */
bool service_draining(const struct service *self);
void service_ready(struct service *self, int fd);       /* "ready\n" to fd (-1: none), which it closes, and READY=1 to $NOTIFY_SOCKET; once */

/* ---- the end of a turn */
void service_on_turn_end(struct service *self, service_fn *fn, void *fn_self);
void service_off_turn_end(struct service *self, service_fn *fn, void *fn_self);    /* not from within a hook */
void service_again(struct service *self);               /* do not sleep: the hooks have to run once more */

/* ---- ZeroMQ sockets in the loop. fn receives with ZMQ_DONTWAIT until EAGAIN, 'budget'
 * messages at most, and answers how many: 'budget' means that there may be more.
 * A socket is looked at when its descriptor wakes the loop and at each turn's end
 * at which it was touched: ZeroMQ's descriptor is edge-triggered, and a send or
 * receive eats the edge. So whoever sends on a watched socket outside of fn calls
 * service_touch. want_out: and wake fn when the socket can be written to again
 * (not for a ROUTER or PUB, which nearly always can). */
struct service_watch;
typedef unsigned service_drain_fn(void *self, unsigned budget);
struct service_watch *service_watch_zmq(struct service *self, void *zmq_socket, service_drain_fn *fn, void *fn_self);
void service_touch(struct service_watch *watch, bool want_out);
void service_unwatch(struct service_watch **watch);     /* before the socket is closed */

#endif
