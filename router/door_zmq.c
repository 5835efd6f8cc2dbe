#include "door_zmq.h"

#include "curve_zmq.h"
#include "monitor_zmq.h"

#include <czmq.h>
#include <stdlib.h>

static bool set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static void on_event(void *self, unsigned event)
{
    struct door *door = self;
    if (event == ZMQ_EVENT_DISCONNECTED) door->on_lost(door->self);
    else (*door->failed)++;
}

static bool set_options(struct door *self, const struct door_options *o)
{
    int64_t max = self->plane->max_frame_bytes;
    return zmq_setsockopt(self->socket, ZMQ_MAXMSGSIZE, &max, sizeof max) == 0
        && set(self->socket, ZMQ_LINGER, DOOR_LINGER_MS) && set(self->socket, ZMQ_SNDHWM, o->hwm)
        /* No high-water mark for what comes in, and no ZMTP heartbeats: libzmq 4.3.4 aborts when a stranger's
         * PINGs fill a socket to its mark and it hangs up. We drain every turn, and frames have their limit. */
        && set(self->socket, ZMQ_RCVHWM, 0) && set(self->socket, ZMQ_HANDSHAKE_IVL, 5000)
        && (o->type != ZMQ_ROUTER || set(self->socket, ZMQ_ROUTER_MANDATORY, 1))
        && (o->type != ZMQ_XPUB || o->quiet || set(self->socket, ZMQ_XPUB_VERBOSE, 1))
        && (o->type != ZMQ_SUB || zmq_setsockopt(self->socket, ZMQ_SUBSCRIBE, "", 0) == 0);
}

static bool guard(struct door *self, struct daemon *d)
{
    const struct config_plane *plane = self->plane;
    if (!plane->keys.count) return true;
    struct curve *curve = bus_curve(d->bus);
    if (!curve) return log_fatal(d->log, "an outside socket with keys needs bus.curve", "socket=%s", self->name), false;
    for (size_t i = 0; i < plane->keys.count; i++) {
        if (strcmp(plane->keys.at[i], "*") == 0) curve_allow_any(curve, self->name);
        else curve_allow(curve, self->name, plane->keys.at[i], plane->keys.at[i]);
    }
    return curve_serve(curve, self->socket, self->name);
}

static bool bind_to(struct door *self, struct daemon *d)
{
    struct buf endpoint = { 0 };
    config_plane_endpoint(&endpoint, &d->config, self->plane, self->name, d->options.number);
    bool done = zmq_bind(self->socket, buf_text(&endpoint)) == 0;
    if (done) self->endpoint = strdup(buf_text(&endpoint));
    else log_fatal(d->log, "cannot bind an outside socket", "socket=%s endpoint=%s why=%s", self->name, buf_text(&endpoint), zmq_strerror(zmq_errno()));
    buf_fini(&endpoint);
    return done;
}

bool door_open(struct door *self, struct daemon *d, const struct door_options *o)
{
    self->name = o->name, self->plane = o->plane, self->on_lost = o->on_lost, self->self = o->self;
    if (!o->plane->on) return true;
    self->owned = zsock_new(o->type);
    NEED(self->owned);
    self->socket = zsock_resolve(self->owned);
    if (!set_options(self, o) || !guard(self, d)) return false;
    self->monitor = monitor_new(d->svc, self->socket, MONITOR_FAILED | (o->on_lost ? ZMQ_EVENT_DISCONNECTED : 0), on_event, self);
    if (!self->monitor || !bind_to(self, d)) return false;
    self->watch = service_watch_zmq(d->svc, self->socket, o->fn, o->self);
    return true;
}

void door_close(struct door *self)
{
    monitor_destroy(&self->monitor);
    service_unwatch(&self->watch);
    zsock_destroy(&self->owned);
    free(self->endpoint);
    self->socket = NULL, self->endpoint = NULL;
}
