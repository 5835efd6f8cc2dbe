#include "work_zmq.h"

#include "door_zmq.h"
#include "work.h"

#include <stdlib.h>
#include <zmq.h>

enum { FRAMES_MAX = WORK_FRAMES_COUNT_MAX + 3, SPARE_COUNT = 64 };     /* identity and an empty frame before; pings beside requests */

struct workers {
    struct daemon       *d;
    struct router_stats *stats;
    struct work         *work;
    struct door          door;
    struct effects       effects;
    bool                 lost;          /* some connection ended */
};

static struct router_time now_of(const struct workers *self)
{
    return (struct router_time){ service_now(self->d->svc), service_wall(self->d->svc) };
}

/* ---- to workers and gateways */

static bool send_frame(struct workers *self, struct span frame, bool more)
{
    return zmq_send(self->door.socket, frame.ptr, frame.len, (more ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) >= 0;
}

/* False: it is gone, or it does not read: no more than its capacity is ever under way. */
static bool say(struct workers *self, const struct work_said *said)
{
    struct span rest = blob_span(said->attachments), frame;
    bool good = send_frame(self, blob_span(said->peer), true);
    if (good && said->delimited) good = send_frame(self, SPAN(""), true);
    good = good && send_frame(self, blob_span(said->json), rest.len > 0);
    while (good && msg_next_str(&rest, &frame)) good = send_frame(self, frame, rest.len > 0);
    return good;
}

static void flush(struct workers *self)
{
    struct work_said said;
    while (work_next(self->work, &said)) {
        if (!say(self, &said)) work_on_gone(self->work, blob_span(said.peer), now_of(self), &self->effects);
        blob_drop(&said.peer), blob_drop(&said.json), blob_drop(&said.attachments);
    }
    if (self->door.watch) service_touch(self->door.watch, false);
    for (size_t i = 0; i < self->effects.count; i++) {
        struct effect *e = &self->effects.at[i];
        struct peer *peer = bus_find(self->d->bus, e->role, e->number);
        if (peer) (void)bus_send(peer, blob_hold(e->message));
    }
    effects_clear(&self->effects);
}

/* ---- from workers */

/* All frames of one message; more than fit are read and dropped, and *count says so. False: nothing there. */
static bool receive(void *socket, zmq_msg_t frames[FRAMES_MAX], size_t *count)
{
    zmq_msg_t spill;
    bool more = true;
    for (*count = 0; more; (*count)++) {
        zmq_msg_t *frame = *count < FRAMES_MAX ? &frames[*count] : &spill;
        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(frame);
            return *count > 0;
        }
        more = zmq_msg_more(frame);
        if (frame == &spill) zmq_msg_close(&spill);
    }
    return true;
}

static unsigned on_frames(void *self_v, unsigned budget)
{
    struct workers *self = self_v;
    zmq_msg_t frames[FRAMES_MAX];
    struct span spans[FRAMES_MAX];
    size_t count;
    unsigned n = 0;
    for (; n < budget && receive(self->door.socket, frames, &count); n++) {
        size_t kept = count < FRAMES_MAX ? count : FRAMES_MAX;
        for (size_t i = 0; i < kept; i++) spans[i] = span_from(zmq_msg_data(&frames[i]), zmq_msg_size(&frames[i]));
        self->stats->worker_in++;
        enum err e = work_on_frames(self->work, spans[0], spans + 1, count - 1, now_of(self), &self->effects);
        if (e != OK) {
            self->stats->refused_worker[e]++;
            log_warn(self->d->log, "frame of a worker refused", "why=%s", err_name(e));
        }
        for (size_t i = 0; i < kept; i++) zmq_msg_close(&frames[i]);
    }
    flush(self);
    return n;
}

static void on_lost(void *self_v)
{
    ((struct workers *)self_v)->lost = true;
}

/* ---- gateways, time */

void workers_on_work(struct workers *self, struct peer *gateway, struct span fields)
{
    struct msg_WORK m;
    enum err e = msg_decode_WORK(&m, fields);
    if (e != OK) self->stats->refused_bus[e]++;
    else (void)work_on_request(self->work, peer_number(gateway), &m, now_of(self), &self->effects);
    flush(self);
}

void workers_greet(struct workers *self, struct peer *gateway)
{
    work_on_gateway(self->work, peer_number(gateway), &self->effects);
    flush(self);
}

void workers_forget(struct workers *self, struct peer *gateway)
{
    work_forget_gateway(self->work, peer_number(gateway));
    flush(self);
}

void workers_on_tick(struct workers *self)
{
    if (self->lost) work_probe(self->work);
    self->lost = false;
    work_on_time(self->work, now_of(self), &self->effects);
    flush(self);
}

void workers_drain(struct workers *self)
{
    work_drain(self->work, &self->effects);
    flush(self);
}

bool workers_quiet(const struct workers *self)
{
    return work_quiet(self->work);
}

/* ---- life */

struct workers *workers_new(struct daemon *d, struct router_stats *stats)
{
    const struct config *c = &d->config;
    struct workers *self = calloc(1, sizeof *self);
    NEED(self);
    self->d = d, self->stats = stats;
    self->work = work_new(&(struct work_options){
        .config = c, .stats = stats, .id = span_of(d->id), .epoch = bus_epoch(d->bus), .seed = { process_random(), process_random() } });
    self->door.failed = &stats->handshakes_failed_worker;
    if (!door_open(&self->door, d, &(struct door_options){ .name = "worker", .plane = &c->router.worker, .type = ZMQ_ROUTER,
            .hwm = (int)(c->router.max_worker_requests + SPARE_COUNT), .fn = on_frames, .on_lost = on_lost, .self = self }))
        workers_destroy(&self);
    return self;
}

void workers_destroy(struct workers **self_p)
{
    struct workers *self = *self_p;
    if (!self) return;
    door_close(&self->door);
    work_destroy(&self->work);
    effects_fini(&self->effects);
    free(self);
    *self_p = NULL;
}

const char *workers_endpoint(const struct workers *self)
{
    return self->door.endpoint;
}
