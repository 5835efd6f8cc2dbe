/* monitor - what ZeroMQ does on one socket behind our back: handshakes made and
 * failed, connections lost. In the loop; one owner, the socket's. */
#ifndef CAUSEWAY_MONITOR_ZMQ_H
#define CAUSEWAY_MONITOR_ZMQ_H

#include "service_uv.h"

/* Strangers, wrong keys, garbage on the port. */
#define MONITOR_FAILED (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

typedef void monitor_fn(void *self, unsigned event);        /* ZMQ_EVENT_... */

struct monitor;
/* Of these events. NULL: no more sockets. */
struct monitor *monitor_new(struct service *svc, void *zmq_socket, int events, monitor_fn *fn, void *fn_self);
void monitor_destroy(struct monitor **self);        /* before its socket is closed; tells what has not been told yet */

#endif
