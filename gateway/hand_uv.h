/* hand - open descriptors from gateway to gateway of one host.
 *
 * Each gateway has a datagram socket in the state directory, gateway-<n>.hand, which
 * only its own user can reach (the directory is 0700, the socket 0600, and a sender of
 * another user is refused). One datagram is one descriptor and what belongs to it, whole or not
 * at all: hand_send never waits, and what it could not send is still the caller's. A
 * descriptor that was sent is a second one of the same connection: the caller closes
 * its own. What a gateway dies with unread, the kernel closes.
 *
 * One owner: main. */
#ifndef CAUSEWAY_GATEWAY_HAND_UV_H
#define CAUSEWAY_GATEWAY_HAND_UV_H

#include "err.h"
#include "service_uv.h"
#include "span.h"

enum { HAND_MAX = 128 * 1024, HAND_BUDGET = 128 };      /* bytes beside a descriptor; datagrams a turn */

/* fd is the callee's: a TCP connection, non-blocking, close-on-exec. The message may be written to, during the call. */
typedef void hand_fn(void *self, int fd, char *message, size_t len);

struct hand_options {
    const char *directory;
    uint16_t    gateway;
    int         fds;                /* descriptors from this number on are closed */
    hand_fn    *on_fd;
    void       *self;
    uint64_t   *refused;            /* counter, borrowed: those, and what was no such datagram */
};

struct hand;
struct hand *hand_new(struct service *svc, const struct hand_options *options);     /* NULL: logged; the gateway can do without */
void hand_close(struct hand **self);        /* NULL is fine */

/* ERR_MISSING: 'self' is NULL; ERR_GONE: nobody is there; ERR_FULL: its queue is full; ERR_LIMIT: over HAND_MAX; ERR_STATE: else. */
enum err hand_send(struct hand *self, uint16_t gateway, int fd, struct span message);

#endif
