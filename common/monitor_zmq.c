#include "monitor_zmq.h"

#include "err.h"
#include "process_os.h"

#include <czmq.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct monitor {
    zsock_t              *pair;
    void                 *watched;
    struct service_watch *watch;
    monitor_fn           *fn;
    void                 *fn_self;
};

static unsigned on_event(void *self_v, unsigned budget)
{
    struct monitor *self = self_v;
    void *socket = zsock_resolve(self->pair);
    unsigned n = 0;
    zmq_msg_t msg;
    zmq_msg_init(&msg);
    for (; n < budget && zmq_msg_recv(&msg, socket, ZMQ_DONTWAIT) >= 0; n++) {
        uint16_t event = 0;                     /* first frame: u16 event, u32 value; second: the address */
        if (zmq_msg_size(&msg) == 6) memcpy(&event, zmq_msg_data(&msg), sizeof event);
        while (zmq_msg_more(&msg) && zmq_msg_recv(&msg, socket, ZMQ_DONTWAIT) >= 0) { }
        if (event) self->fn(self->fn_self, event);
    }
    zmq_msg_close(&msg);
    return n;
}

struct monitor *monitor_new(struct service *svc, void *zmq_socket, int events, monitor_fn *fn, void *fn_self)
{
    char endpoint[64];          /* random: an address may come again before ZeroMQ has let go of the name */
    (void)snprintf(endpoint, sizeof endpoint, "inproc://monitor-%016" PRIx64, process_random());
    if (zmq_socket_monitor(zmq_socket, endpoint, events) != 0) return NULL;
    struct monitor *self = calloc(1, sizeof *self);
    NEED(self);
    *self = (struct monitor){ .pair = zsock_new(ZMQ_PAIR), .watched = zmq_socket, .fn = fn, .fn_self = fn_self };
    if (!self->pair || zsock_connect(self->pair, "%s", endpoint) != 0) {
        monitor_destroy(&self);
        return NULL;
    }
    self->watch = service_watch_zmq(svc, zsock_resolve(self->pair), on_event, self);
    return self;
}

void monitor_destroy(struct monitor **self_p)
{
    struct monitor *self = *self_p;
    if (!self) return;
    zmq_socket_monitor(self->watched, NULL, 0);
    if (self->pair) (void)on_event(self, UINT32_MAX);       /* libzmq 4.3.4 leaks events that nobody reads */
    service_unwatch(&self->watch);
    zsock_destroy(&self->pair);
    free(self);
    *self_p = NULL;
}
