#include "ask_zmq.h"
#include "control.h"
#include "json.h"
#include "msg.h"

#include <czmq.h>
#include <stdio.h>
#include <time.h>

struct ask {
    const struct place *place;
    struct buf commands, stats;     /* strs of endpoints, those of routers that are up first */
    void      *context, *subscription;
};

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- where they are */

static void add_from(struct buf *strs, struct span status, const char *key, bool up)
{
    struct span list = json_find(status, SPAN("daemons")), one;
    while (json_next(&list, &one)) {
        struct buf endpoint = { 0 };
        bool is_up = json_string_is(json_find(one, SPAN("state")), SPAN("ready"));
        control_text(&endpoint, one, key);
        if (endpoint.len && is_up == up) msg_add_str(strs, buf_span(&endpoint));
        buf_fini(&endpoint);
    }
}

static void add_all(struct buf *strs, const struct place *p, struct span status, const struct config_plane *plane, const char *key)
{
    add_from(strs, status, key, true);
    add_from(strs, status, key, false);
    for (uint16_t i = 0; !strs->len && plane->on && i < p->config.instances.router; i++) {
        struct buf endpoint = { 0 };
        config_plane_endpoint(&endpoint, &p->config, plane, key, i);
        msg_add_str(strs, buf_span(&endpoint));
        buf_fini(&endpoint);
    }
}

struct ask *ask_new(const struct place *p, struct span status)
{
    struct ask *self = calloc(1, sizeof *self);
    NEED(self);
    self->place = p;
    add_all(&self->commands, p, status, &p->config.router.command, "command");
    add_all(&self->stats, p, status, &p->config.router.stats, "stats");
    self->context = zmq_ctx_new();
    NEED(self->context);
    return self;
}

void ask_destroy(struct ask **self)
{
    if (!*self) return;
    if ((*self)->subscription) zmq_close((*self)->subscription);
    zmq_ctx_term((*self)->context);
    buf_fini(&(*self)->commands), buf_fini(&(*self)->stats);
    free(*self);
    *self = NULL;
}

/* ---- sockets */

static bool show_key(const struct ask *self, void *socket, const struct config_plane *plane)
{
    struct buf path = { 0 };
    if (!plane->keys.count) return true;
    buf_add_format(&path, "%s/router-0", self->place->config.bus.keys_dir);
    zcert_t *server = zcert_load(buf_text(&path));
    buf_clear(&path);
    buf_add_format(&path, "%s/operator_secret", self->place->config.bus.keys_dir);
    zcert_t *own = zcert_load(buf_text(&path));
    bool good = server && own && zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, zcert_public_txt(server), 41) == 0
        && zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, zcert_public_txt(own), 41) == 0
        && zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, zcert_secret_txt(own), 41) == 0;
    if (!good) fprintf(stderr, "causeway: no key for this socket in %s: causeway keys init makes one\n", self->place->config.bus.keys_dir);
    zcert_destroy(&server), zcert_destroy(&own);
    buf_fini(&path);
    return good;
}

static void *open_socket(struct ask *self, int type, const struct config_plane *plane, struct span endpoint)
{
    static const int none = 0, soon = 200;
    char where[256];
    void *socket = zmq_socket(self->context, type);
    if (!socket || endpoint.len >= sizeof where) return NULL;
    (void)snprintf(where, sizeof where, "%.*s", (int)endpoint.len, endpoint.ptr);
    if (zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none) == 0 && zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &soon, sizeof soon) == 0 &&
        (type != ZMQ_SUB || zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none) == 0) &&
        show_key(self, socket, plane) && zmq_connect(socket, where) == 0) return socket;
    zmq_close(socket);
    return NULL;
}

static bool receive(void *socket, struct buf *out, bool *more)
{
    zmq_msg_t msg;
    zmq_msg_init(&msg);
    bool got = zmq_msg_recv(&msg, socket, ZMQ_DONTWAIT) >= 0;
    buf_clear(out);
    if (got) buf_add(out, span_from(zmq_msg_data(&msg), zmq_msg_size(&msg)));
    *more = got && zmq_msg_more(&msg);
    zmq_msg_close(&msg);
    return got;
}

static bool wait_for(void *socket, unsigned ms)
{
    zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
    return zmq_poll(&item, 1, (long)ms) > 0;
}

/* ---- command */

static bool ask_one(struct ask *self, struct span endpoint, const struct span *frames, size_t count, unsigned ms, struct buf *answer)
{
    void *socket = open_socket(self, ZMQ_REQ, &self->place->config.router.command, endpoint);
    bool more, got = socket != NULL;
    for (size_t i = 0; got && i < count; i++)
        got = zmq_send(socket, frames[i].ptr, frames[i].len, i + 1 < count ? ZMQ_SNDMORE : 0) >= 0;
    got = got && wait_for(socket, ms) && receive(socket, answer, &more) && json_check(buf_span(answer), JSON_DEEPEST) == OK;
    if (socket) zmq_close(socket);
    return got;
}

bool ask_command(struct ask *self, const struct span *frames, size_t count, unsigned ms, struct buf *answer)
{
    struct span rest = buf_span(&self->commands), endpoint;
    while (msg_next_str(&rest, &endpoint))
        if (ask_one(self, endpoint, frames, count, ms, answer)) return true;
    buf_clear(answer);
    buf_add(answer, self->commands.len ? SPAN("no router answers") : SPAN("there is no command socket (router.command.on)"));
    return false;
}

/* ---- stats */

bool ask_subscribe(struct ask *self, const char *prefix)
{
    struct span rest = buf_span(&self->stats), endpoint;
    if (!self->subscription && msg_next_str(&rest, &endpoint))
        self->subscription = open_socket(self, ZMQ_SUB, &self->place->config.router.stats, endpoint);
    return self->subscription && zmq_setsockopt(self->subscription, ZMQ_SUBSCRIBE, prefix, strlen(prefix)) == 0;
}

bool ask_next(struct ask *self, unsigned ms, struct buf *topic, struct buf *json)
{
    bool more;
    if (!self->subscription) return false;
    if (!receive(self->subscription, topic, &more) && (!ms || !wait_for(self->subscription, ms) || !receive(self->subscription, topic, &more))) return false;
    buf_clear(json);
    if (more) (void)receive(self->subscription, json, &more);
    while (more) {
        struct buf further = { 0 };
        (void)receive(self->subscription, &further, &more);
        buf_fini(&further);
    }
    return true;
}

static size_t heard_twice(const struct samples *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) n += s->at[i].before.len > 0;
    return n;
}

void ask_samples(struct ask *self, struct samples *s, size_t count, unsigned ms)
{
    struct buf topic = { 0 }, json = { 0 };
    uint64_t now = clock_ms(), end = now + ms;
    while (now < end && heard_twice(s) < count && ask_next(self, (unsigned)(end - now), &topic, &json)) {
        now = clock_ms();
        (void)samples_take(s, buf_span(&topic), buf_span(&json));
    }
    buf_fini(&topic), buf_fini(&json);
}
