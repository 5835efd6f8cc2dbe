/* listen - one listening TCP socket of the gateway, in the service's loop.
 *
 * libwebsockets cannot share a port between processes and spins when there are no
 * descriptors left, so the socket is ours. What has to hold for each connection
 * (no delay, keepalive, size of the send buffer) is set here once: Linux hands it
 * on to what is accepted.
 *
 * listen_new binds, listen_open listens and begins to accept: between the two a
 * port is known to be free but nobody is let in yet. Out of descriptors: one
 * connection is taken with the reserve and closed, so that its client hears of it,
 * then nothing is accepted for LISTEN_PAUSE_MS. The last of the process's
 * descriptors are kept for the bus and for files. One owner: main. */
#ifndef CAUSEWAY_GATEWAY_LISTEN_UV_H
#define CAUSEWAY_GATEWAY_LISTEN_UV_H

#include "service_uv.h"

enum { LISTEN_PAUSE_MS = 100, LISTEN_BUDGET = 128, LISTEN_BACKLOG = 4096, LISTEN_KEPT_FDS = 200 };

/* fd is the callee's: non-blocking, close-on-exec. peer: its address as text, without the port. */
typedef void listen_fn(void *self, int fd, struct span peer);

struct listen_options {
    const char *address;            /* IPv4 or IPv6, numeric */
    uint16_t    port;
    bool        shared;             /* several processes accept on this port (SO_REUSEPORT) */
    uint32_t    send_buffer_bytes;
    listen_fn  *on_accept;
    void       *self;
    uint64_t   *paused, *refused;   /* counters, borrowed */
};

int listen_fds(void);               /* descriptors from this number on are not for clients */

struct listen;
struct listen *listen_new(struct service *svc, const struct listen_options *options);   /* binds. NULL: logged, exit 111 */
bool listen_open(struct listen *self);              /* false: logged, exit 111 */
/* Accepts what already waits in its queue, which would be reset else (no limit but the queue's), and closes it. NULL is fine. */
void listen_close(struct listen **self);

#endif
