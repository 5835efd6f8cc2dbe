#include "outside_zmq.h"

#include "address.h"
#include "askers.h"
#include "door_zmq.h"

#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>

enum { FRAMES_MAX = REQUEST_FRAMES_MAX + 4, TOPIC_MAX = 256, SUBSCRIPTION_MAX = 256 };
/* ZeroMQ counts answers, not bytes: it gets a few for each asker, the others wait in askers. */
enum { ANSWERS_SENT_MAX = 64, LINGER_MS = 500 };

struct entry {                          /* a door, and what it counts */
    struct door      door;
    struct outside  *outside;
    uint64_t        *frames_in, *refused;
};

enum { PULL, SUB, COMMAND, STATS_DOOR, DOORS };

struct outside {
    struct daemon       *d;
    struct router       *router;
    struct router_stats *stats;
    struct entry         doors[DOORS];
    struct lasts        *lasts;
    struct askers        askers;
    uint64_t             moved;         /* ms: when an asker last took what waited */
};

static struct router_time now_of(const struct outside *self)
{
    return (struct router_time){ service_now(self->d->svc), service_wall(self->d->svc) };
}

/* ---- receiving */

/* All frames of one message; more than fit are read and dropped, and *count says so. False: nothing there. */
static bool receive(void *socket, zmq_msg_t *frames, size_t *count)
{
    *count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t spill, *frame = *count < FRAMES_MAX ? &frames[*count] : &spill;
        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(frame);
            return *count > 0;
        }
        more = zmq_msg_more(frame);
        if (frame == &spill) zmq_msg_close(&spill);
        (*count)++;
    }
    return true;
}

static struct span span_of_frame(zmq_msg_t *frame)
{
    return span_from(zmq_msg_data(frame), zmq_msg_size(frame));
}

/* How many frames are the envelope: the identities, and the empty frame behind them
 * that REQ sends. A DEALER may leave that out: then a payload begins at once. */
static size_t envelope_of(zmq_msg_t *frames, size_t count)
{
    if (count < 2) return count;
    struct address address;
    struct span first = span_of_frame(&frames[1]);
    if (first.len && (router_is_json(first) || address_decode(&address, first) == OK)) return 1;
    for (size_t i = 1; i < count; i++)
        if (zmq_msg_size(&frames[i]) == 0) return i + 1;
    return 1;
}

static unsigned on_door(void *self, unsigned budget)
{
    struct entry *entry = self;
    void *socket = entry->door.socket;
    bool answers = entry == &entry->outside->doors[COMMAND];
    zmq_msg_t frames[FRAMES_MAX];
    size_t count;
    unsigned n = 0;
    for (; n < budget && receive(socket, frames, &count); n++) {
        (*entry->frames_in)++;
        size_t kept = count < FRAMES_MAX ? count : FRAMES_MAX, at = answers ? envelope_of(frames, kept) : 0;
        struct asking asking = { .plane = entry->door.plane, .refused = entry->refused };
        if (answers) {
            struct buf envelope = { 0 };
            for (size_t i = 0; i < at; i++) msg_add_str(&envelope, span_of_frame(&frames[i]));
            asking.envelope = blob_new(buf_span(&envelope));
            buf_fini(&envelope);
        }
        asking.count = count - at > REQUEST_FRAMES_MAX ? REQUEST_FRAMES_MAX + 1 : count - at;
        for (size_t i = 0; i < asking.count && i < REQUEST_FRAMES_MAX && at + i < kept; i++) asking.frames[i] = span_of_frame(&frames[at + i]);
        enum err e = router_on_request(entry->outside->router, &asking, now_of(entry->outside));
        if (e != OK) log_warn(entry->outside->d->log, "request refused", "socket=%s why=%s", entry->door.name, err_name(e));
        for (size_t i = 0; i < kept; i++) zmq_msg_close(&frames[i]);
    }
    if (answers) outside_flush(entry->outside);      /* what wakes this socket may be an asker that has read */
    return n;
}

/* ---- stats */

static void publish(struct outside *self, const struct last *last)
{
    void *socket = self->doors[STATS_DOOR].door.socket;
    /* XPUB drops what a slow subscriber cannot take, and says OK: the next second brings newer figures. */
    if (zmq_send(socket, last->topic, last->len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        (void)zmq_send(socket, last->json->bytes, last->json->len, ZMQ_DONTWAIT);
    service_touch(self->doors[STATS_DOOR].door.watch, false);
}

static unsigned on_subscription(void *self_v, unsigned budget)
{
    struct entry *entry = self_v;
    struct outside *self = entry->outside;
    zmq_msg_t frames[FRAMES_MAX];
    size_t count;
    unsigned n = 0;
    for (; n < budget && receive(entry->door.socket, frames, &count); n++) {
        struct span said = span_of_frame(&frames[0]);
        if (count == 1 && said.len >= 1 && said.len <= SUBSCRIPTION_MAX && said.ptr[0] == 1) {
            self->stats->stats_subscriptions++;
            struct map_walk walk = { 0 };
            const struct last *last;
            while ((last = lasts_next(self->lasts, &walk)))
                if (span_has_prefix(last_topic(last), span_skip(said, 1))) publish(self, last);
        } else if (count != 1 || said.len < 1 || said.ptr[0] != 0) {
            entry->refused[ERR_SYNTAX]++;
        }
        for (size_t i = 0; i < count && i < FRAMES_MAX; i++) zmq_msg_close(&frames[i]);
    }
    return n;
}

void outside_stats(struct outside *self, struct span id, struct span kind, struct span json)
{
    const struct last *last = lasts_put(self->lasts, id, kind, json);
    if (!last) return;
    self->stats->stats_in++;
    publish(self, last);
}

/* ---- answering */

static bool send_frame(void *socket, struct span frame, bool more)
{
    return zmq_send(socket, frame.ptr, frame.len, (more ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) >= 0;
}

static enum askers_fate send_answer(void *self_v, struct span envelope, struct span json, struct span attachments)
{
    struct outside *self = self_v;
    void *socket = self->doors[COMMAND].door.socket;
    struct span frame;
    while (msg_next_str(&envelope, &frame))     /* ROUTER_MANDATORY: the first one says who is gone, or full */
        if (!send_frame(socket, frame, true)) return zmq_errno() == EAGAIN ? ASKER_FULL : ASKER_GONE;
    bool good = send_frame(socket, json, attachments.len > 0);
    while (good && msg_next_str(&attachments, &frame)) good = send_frame(socket, frame, attachments.len > 0);
    return good ? ASKER_TOOK : ASKER_GONE;
}

void outside_reply(struct outside *self, struct reply *reply)
{
    askers_give(&self->askers, reply, send_answer, self);
    service_touch(self->doors[COMMAND].door.watch, false);
}

void outside_flush(struct outside *self)
{
    if (!self->askers.bytes) return;
    if (askers_flush(&self->askers, send_answer, self)) self->moved = service_now(self->d->svc);
    service_touch(self->doors[COMMAND].door.watch, false);
}

bool outside_quiet(const struct outside *self)
{
    return !self->askers.bytes || service_now(self->d->svc) - self->moved > LINGER_MS;
}

/* ---- life */

static bool open_entry(struct outside *self, int which, const char *name, const struct config_plane *plane, int type, service_drain_fn *fn)
{
    struct entry *entry = &self->doors[which];
    entry->outside = self;
    int hwm = type == ZMQ_ROUTER ? ANSWERS_SENT_MAX : (int)self->d->config.bus.high_water_count;
    return door_open(&entry->door, self->d, &(struct door_options){ .name = name, .plane = plane, .type = type, .hwm = hwm, .fn = fn, .self = entry });
}

struct outside *outside_new(struct daemon *d, struct router *router, struct lasts *lasts, struct router_stats *stats)
{
    struct outside *self = calloc(1, sizeof *self);
    NEED(self);
    self->d = d, self->router = router, self->lasts = lasts, self->stats = stats;
    const struct config *c = &d->config;
    struct siphash_key askers = { process_random(), process_random() };
    askers_init(&self->askers, &askers, &(struct askers_limits){ c->router.command_queue_bytes, c->router.hold_bytes }, stats);
    self->doors[PULL]       = (struct entry){ .frames_in = &stats->publish_pull_in, .refused = stats->refused_publish, .door.failed = &stats->handshakes_failed_publish_pull };
    self->doors[SUB]        = (struct entry){ .frames_in = &stats->publish_sub_in, .refused = stats->refused_publish, .door.failed = &stats->handshakes_failed_publish_sub };
    self->doors[COMMAND]    = (struct entry){ .frames_in = &stats->command_in, .refused = stats->refused_command, .door.failed = &stats->handshakes_failed_command };
    self->doors[STATS_DOOR] = (struct entry){ .refused = stats->refused_command, .door.failed = &stats->handshakes_failed_stats };
    if (!open_entry(self, PULL, "publish_pull", &c->router.publish_pull, ZMQ_PULL, on_door) ||
        !open_entry(self, SUB, "publish_sub", &c->router.publish_sub, ZMQ_SUB, on_door) ||
        !open_entry(self, COMMAND, "command", &c->router.command, ZMQ_ROUTER, on_door) ||
        !open_entry(self, STATS_DOOR, "stats", &c->router.stats, ZMQ_XPUB, on_subscription))
        outside_destroy(&self);
    return self;
}

void outside_destroy(struct outside **self_p)
{
    struct outside *self = *self_p;
    if (!self) return;
    for (int i = 0; i < DOORS; i++) {
        door_close(&self->doors[i].door);
    }
    askers_fini(&self->askers);
    free(self);
    *self_p = NULL;
}

void outside_endpoints(const struct outside *self, const struct outside_more *more, size_t count, struct buf *json)
{
    buf_add_byte(json, '{');
    for (size_t i = 0, n = 0; i < DOORS + count; i++) {
        const char *name = i < DOORS ? self->doors[i].door.name : more[i - DOORS].name;
        const char *endpoint = i < DOORS ? self->doors[i].door.endpoint : more[i - DOORS].endpoint;
        if (endpoint) buf_add_format(json, "%s\"%s\":\"%s\"", n++ ? "," : "", name, endpoint);
    }
    buf_add_byte(json, '}');
}
