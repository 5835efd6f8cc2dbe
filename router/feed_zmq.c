#include "feed_zmq.h"

#include "door_zmq.h"
#include "wants.h"

#include <stdlib.h>
#include <zmq.h>

enum { SUBSCRIPTION_MAX = 1 << 16 };    /* longer ones are nobody's topics */

struct feed {
    struct daemon       *d;
    struct router_stats *stats;
    struct door          door;
    struct wants         wants;
    struct buf           prefixes;      /* strs: as the gateways have been told */
    bool                 changed;
};

/* ---- what is wanted */

static unsigned on_subscription(void *self_v, unsigned budget)
{
    struct feed *self = self_v;
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    unsigned n = 0;
    for (; n < budget && zmq_msg_recv(&frame, self->door.socket, ZMQ_DONTWAIT) >= 0; n++) {
        struct span said = span_from(zmq_msg_data(&frame), zmq_msg_size(&frame));
        bool whole = !zmq_msg_more(&frame);
        while (zmq_msg_more(&frame) && zmq_msg_recv(&frame, self->door.socket, ZMQ_DONTWAIT) >= 0) { }
        if (!whole || !said.len || said.len > SUBSCRIPTION_MAX || (said.ptr[0] != 0 && said.ptr[0] != 1)) {
            self->stats->refused_command[ERR_SYNTAX]++;
            continue;
        }
        if (said.ptr[0]) wants_add(&self->wants, span_skip(said, 1));
        else wants_drop(&self->wants, span_skip(said, 1));
        self->changed = true;
    }
    zmq_msg_close(&frame);
    self->stats->feed_subscriptions = self->wants.count;
    return n;
}

void feed_greet(struct feed *self, struct peer *gateway)
{
    if (self->door.socket) bus_say(gateway, FEED_WANTS, (&(struct msg_FEED_WANTS){ .prefixes = buf_span(&self->prefixes) }));
}

static void tell_all(void *self_v)
{
    struct feed *self = self_v;
    if (!self->changed) return;
    self->changed = false;
    buf_clear(&self->prefixes);
    wants_say(&self->wants, &self->prefixes);
    for (struct peer *p = NULL; (p = bus_next(self->d->bus, p));)
        if (peer_role(p) == ROLE_GATEWAY && peer_up(p)) feed_greet(self, p);
}

/* ---- what there is */

static bool send_frame(struct feed *self, struct span frame, bool more)
{
    return zmq_send(self->door.socket, frame.ptr, frame.len, (more ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) >= 0;
}

static void send_item(struct feed *self, const struct msg_FEED_ITEM *item)
{
    struct span rest = item->attachments, frame;
    bool good = send_frame(self, item->topic, true) && send_frame(self, item->json, rest.len > 0);
    while (good && msg_next_str(&rest, &frame)) good = send_frame(self, frame, rest.len > 0);
    service_touch(self->door.watch, false);
}

void feed_publish(struct feed *self, struct span fields)
{
    struct msg_FEED m;
    struct msg_FEED_ITEM item;
    struct span one;
    if (msg_decode_FEED(&m, fields) != OK || !self->door.socket) return;
    while (msg_next_str(&m.items, &one)) {
        if (msg_decode_FEED_ITEM(&item, one) != OK) {
            self->stats->refused_bus[ERR_SYNTAX]++;
        } else if (verbs_allow_namespace(self->door.plane, item.nsp)) {
            self->stats->feed_in++, self->stats->feed_bytes += one.len;
            send_item(self, &item);
        }
    }
}

/* ---- life */

struct feed *feed_new(struct daemon *d, struct router_stats *stats)
{
    struct feed *self = calloc(1, sizeof *self);
    NEED(self);
    struct siphash_key seed = { process_random(), process_random() };
    self->d = d, self->stats = stats, self->door.failed = &stats->handshakes_failed_feed;
    wants_init(&self->wants, &seed);
    service_on_turn_end(d->svc, tell_all, self);
    if (!door_open(&self->door, d, &(struct door_options){ .name = "feed", .plane = &d->config.router.feed, .type = ZMQ_XPUB, .quiet = true,
                                                           .hwm = (int)d->config.bus.high_water_count, .fn = on_subscription, .self = self }))
        feed_destroy(&self);
    return self;
}

void feed_destroy(struct feed **self_p)
{
    struct feed *self = *self_p;
    if (!self) return;
    service_off_turn_end(self->d->svc, tell_all, self);
    door_close(&self->door);
    wants_fini(&self->wants);
    buf_fini(&self->prefixes);
    free(self);
    *self_p = NULL;
}

const char *feed_endpoint(const struct feed *self)
{
    return self->door.endpoint;
}
