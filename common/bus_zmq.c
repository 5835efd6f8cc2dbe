#include "bus_inside.h"
#include "process_os.h"

#define STATS     bus_stats
#define STATS_DEF "bus_stats.def"
#define STATS_ROWS
#include "stats_table.h"

#include <stdlib.h>

static void on_turn_end(void *fn_self);
static void on_beat_timer(void *fn_self);

/* ---- life */

/* Somebody waits for a router's confirmations: a client's ack, the owner for its
 * standby. The others' only let the sender forget: they can travel with what goes
 * that way anyhow, which saves a frame and two wake-ups for each message. */
static struct link_limits limits_of(const struct config *c, enum role role)
{
    return (struct link_limits){
        .queue_bytes = c->bus.queue_bytes, .frame_bytes = 64 * 1024, .resend_after_ms = c->bus.resend_ms,
        .confirm_within_ms = role == ROLE_ROUTER ? 0 : c->bus.resend_ms / 25,
    };
}

struct bus *bus_new(struct service *svc, const struct bus_options *o)
{
    struct bus *self = calloc(1, sizeof *self);
    NEED(self);
    *self = (struct bus){
        .svc = svc, .log = service_log(svc), .config = o->config, .handler = o->handler, .self = o->self, .stats = o->stats,
        .role = o->role, .number = o->number, .limits = limits_of(o->config, o->role),
        .beat = { .fn = on_beat_timer, .self = self },
    };
    NEED(o->number < BUS_NUMBERS);
    self->epoch = (service_wall(svc) << 14 | (process_random() & 0x3fff)) << 8;     /* later lives are larger */
    self->me = peer_need(self, o->role, o->number);
    self->me->up = true;
    memcpy(self->id, self->me->id, sizeof self->id);
    (void)snprintf(self->route, sizeof self->route, "%s.%016llx", self->id, (unsigned long long)process_random());
    self->public = strdup(o->public ? o->public : "");
    self->view = view_new();
    NEED(self->public && self->view);
    if (self->config->bus.transport == CONFIG_TCP && self->config->bus.curve) {
        self->curve = curve_new(svc, self->config->bus.keys_dir, self->id);
        if (!self->curve) { bus_destroy(&self); return NULL; }
    }
    service_on_turn_end(svc, on_turn_end, self);
    return self;
}

void bus_destroy(struct bus **self_p)
{
    struct bus *self = *self_p;
    if (!self) return;
    service_off_turn_end(self->svc, on_turn_end, self);
    service_timer_cancel(self->svc, &self->beat);
    bus_socket_close_router(self);
    for (struct peer *p = self->first, *next; p; p = next) next = p->next, peer_destroy(p);
    peer_destroy(self->me);
    curve_destroy(&self->curve);
    view_destroy(&self->view);
    while (self->local_count) blob_drop(&self->locals[--self->local_count].message);
    free(self->locals), free(self->public), free(self->endpoint);
    buf_fini(&self->positions), buf_fini(&self->scratch), buf_fini(&self->said);
    free(self);
    *self_p = NULL;
}

bool bus_listen(struct bus *self, const char *endpoint)
{
    struct buf own = { 0 };
    config_bus_endpoint(&own, self->config, self->role, self->number);
    bool done = bus_socket_listen(self, endpoint ? endpoint : buf_text(&own));
    buf_fini(&own);
    return done;
}

void bus_start(struct bus *self)
{
    self->started = true;
    for (uint16_t i = 0; i < self->config->instances.router; i++) {
        if (!bus_connects(self->role, self->number, ROLE_ROUTER, i)) continue;
        struct buf endpoint = { 0 };
        config_bus_endpoint(&endpoint, self->config, ROLE_ROUTER, i);
        struct peer *peer = bus_connect(self, ROLE_ROUTER, i, buf_text(&endpoint));
        if (peer) peer->fixed = true;
        buf_fini(&endpoint);
    }
    on_beat_timer(self);
}

struct peer *bus_connect(struct bus *self, enum role role, uint16_t number, const char *endpoint)
{
    struct peer *peer = peer_need(self, role, number);
    if (!peer || peer == self->me) return NULL;
    if (peer->dealer && strcmp(peer->endpoint, endpoint) == 0) return peer;
    bus_socket_disconnect(peer);
    return bus_socket_connect(peer, endpoint) ? peer : NULL;
}

/* ---- the end of a turn: what we told ourselves, then a few frames to each peer */

uint64_t bus_send_local(struct bus *self, struct blob *take, bool datagram)
{
    if (self->local_count == self->local_cap) {
        self->local_cap = self->local_cap ? self->local_cap * 2 : 64;
        self->locals = realloc(self->locals, self->local_cap * sizeof *self->locals);
        NEED(self->locals);
    }
    uint64_t number = datagram ? 0 : ++self->local_sent;
    self->locals[self->local_count++] = (struct local){ take, number };
    service_again(self->svc);
    return number;
}

void bus_confirm_local(struct bus *self, uint64_t number)
{
    if (number <= self->local_confirmed) return;
    self->local_confirmed = number;
    if (self->handler->on_confirm) self->handler->on_confirm(self->self, self->me, number);
}

static void deliver_local(struct bus *self, struct local *local)
{
    struct span frame = blob_span(local->message), fields;
    enum msg_type type;
    enum err e = OK;
    if (self->handler->on_message && msg_next(&frame, &type, &fields, &e))
        self->handler->on_message(self->self, self->me, type, fields, local->number);
    if (local->number && !self->me->deferred) bus_confirm_local(self, local->number);
    blob_drop(&local->message);
}

static void deliver_locals(struct bus *self)
{
    if (!self->local_count) return;
    struct local *batch = self->locals;         /* what they cause is for the next turn */
    size_t count = self->local_count, cap = self->local_cap;
    self->locals = NULL, self->local_count = self->local_cap = 0;
    for (size_t i = 0; i < count; i++) deliver_local(self, &batch[i]);
    if (self->locals) { free(batch); return; }
    self->locals = batch, self->local_cap = cap;
}

static void on_turn_end(void *fn_self)
{
    struct bus *self = fn_self;
    deliver_locals(self);
    struct peer *peer = self->dirty;
    self->dirty = NULL;
    for (struct peer *next; peer; peer = next) next = peer->next_dirty, peer_flush(peer);
}

/* ---- announce */

static void encode_beat(struct bus *self, struct buf *out)
{
    struct msg_MEMBER member = {
        .role = (uint8_t)self->role, .number = self->number, .epoch = self->epoch, .state = (uint8_t)self->state,
        .endpoint = span_of(self->endpoint), .version = MSG_VERSION, .pid = (uint32_t)getpid(), .load = self->load,
        .public = span_of(self->public),
    };
    struct buf record = { 0 };
    msg_encode_MEMBER(&record, &member);
    msg_encode_BEAT(out, &(struct msg_BEAT){ .member = buf_span(&record), .view = view_number(self->view),
                                             .positions = buf_span(&self->positions),
                                             .revoked = self->revoked, .revoked_sum = self->revoked_sum });
    buf_fini(&record);
}

void bus_beat_peer(struct bus *self, struct peer *peer)
{
    if (self->left) return;
    buf_clear(&self->scratch);
    encode_beat(self, &self->scratch);
    peer_tell(peer, buf_span(&self->scratch));
}

static void beat_self(struct bus *self, struct span frame)
{
    enum msg_type type;
    struct span fields;
    enum err e = OK;
    if (self->handler->on_beat && msg_next(&frame, &type, &fields, &e)) bus_on_beat(self, self->me, fields);
}

static void beat_all(struct bus *self)
{
    struct buf beat = { 0 };
    encode_beat(self, &beat);
    for (struct peer *p = self->first; p; p = p->next) {
        if (!p->up) bus_socket_redial(p);
        if (!bus_socket_reachable(p) || (p->clogged && !p->up && p->dealer)) continue;      /* not connected yet */
        if (!p->up) p->probe = true, p->clogged = false;
        if (!p->clogged) peer_tell(p, buf_span(&beat));
    }
    beat_self(self, buf_span(&beat));
    buf_fini(&beat);
}

/* A peer is down when it was silent for the time-out while we listened: if we
 * were stopped ourselves, what it sent waits in our socket to be read first. */
static void expire(struct bus *self, uint64_t now)
{
    bool slept = self->beaten && now - self->beaten > self->config->bus.beat_ms + self->config->bus.beat_timeout_ms / 2;
    if (slept) return;
    for (struct peer *p = self->first; p; p = p->next)
        if (p->up && now - p->heard > self->config->bus.beat_timeout_ms) peer_down(p, "silent");
}

static void on_beat_timer(void *fn_self)
{
    struct bus *self = fn_self;
    uint64_t now = service_now(self->svc);
    if (!self->started || self->left) return;
    expire(self, now);
    self->beaten = now;
    beat_all(self);
    service_timer_set(self->svc, &self->beat, now + self->config->bus.beat_ms);
}

void bus_on_beat(struct bus *self, struct peer *peer, struct span fields)
{
    struct msg_BEAT beat;
    struct msg_MEMBER member;
    enum err e = msg_decode_BEAT(&beat, fields);
    if (e == OK) e = msg_decode_MEMBER(&member, beat.member);
    if (e == OK && (member.role != peer->role || member.number != peer->number)) e = ERR_AUTH;
    if (e != OK) { bus_refuse(self, peer->id, e); return; }
    if (self->handler->on_beat) self->handler->on_beat(self->self, peer, &beat, &member);
}

void bus_set_revoked(struct bus *self, uint64_t version, uint64_t sum)
{
    self->revoked = version, self->revoked_sum = sum;
}

void bus_set_state(struct bus *self, enum member_state state)
{
    if (self->state == state) return;
    self->state = state;
    on_beat_timer(self);
}

void bus_set_load(struct bus *self, uint64_t load)
{
    self->load = load;
}

void bus_set_public(struct bus *self, const char *public)
{
    char *copy = strdup(public);
    NEED(copy);
    free(self->public);
    self->public = copy;
}

void bus_set_positions(struct bus *self, struct span positions)
{
    buf_clear(&self->positions);
    buf_add(&self->positions, positions);
}

void bus_bye(struct bus *self)
{
    if (self->left) return;
    self->left = true;
    service_timer_cancel(self->svc, &self->beat);
    buf_clear(&self->scratch);
    msg_encode_BYE(&self->scratch, &(struct msg_BYE){ .id = span_of(self->id) });
    for (struct peer *p = self->first; p; p = p->next) {
        if (p->clogged || !bus_socket_reachable(p)) continue;
        p->probe = true;                        /* also to one that knows us before we know it */
        peer_tell(p, buf_span(&self->scratch));
        peer_flush(p);
    }
}

void bus_publish_stats(struct bus *self, struct span kind, struct span json)
{
    buf_clear(&self->scratch);
    msg_encode_STATS(&self->scratch, &(struct msg_STATS){ .id = span_of(self->id), .kind = kind, .json = json });
    for (struct peer *p = self->first; p; p = p->next)
        if (p->role == ROLE_ROUTER && p->up) bus_send_datagram(p, buf_span(&self->scratch));
    if (self->role == ROLE_ROUTER) bus_send_datagram(self->me, buf_span(&self->scratch));
}

/* ---- the roster */

static void join(struct bus *self, const struct member *m, uint64_t view)
{
    struct peer *peer = bus_talks(self->role, self->number, m->role, m->number) ? peer_need(self, m->role, m->number) : NULL;
    if (!peer) return;
    peer->in_view = view;
    peer->unlisted = false;
    if (peer->fixed || !self->started || !bus_connects(self->role, self->number, m->role, m->number)) return;
    if (m->endpoint && *m->endpoint) bus_connect(self, m->role, m->number, m->endpoint);
}

enum err bus_on_roster(struct bus *self, const struct msg_ROSTER *roster)
{
    enum view_change change = VIEW_SAME;
    enum err e = view_take(self->view, roster, &change);
    if (e != OK || change == VIEW_SAME) return e;
    uint64_t view = view_number(self->view);
    for (size_t i = 0; i < view_count(self->view); i++) join(self, view_member(self->view, i), view);
    /* Who is missing but can be heard has only not been heard by the coordinator yet, at a start or behind a broken
     * connection: to drop its link would cost what both have under way. */
    for (struct peer *p = self->first; p; p = p->next) {
        if (!p->in_view || p->in_view == view) continue;
        if (p->up) p->unlisted = true;
        else peer_forget(p);
    }
    if (self->handler->on_view) self->handler->on_view(self->self, change);
    return OK;
}

enum err bus_take_roster(struct bus *self, const struct msg_ROSTER *roster)
{
    return bus_on_roster(self, roster);
}

/* ---- refusals and small answers */

void bus_refuse(struct bus *self, const char *who, enum err e)
{
    self->stats->bus_refused[e]++;
    log_warn(self->log, "refused on the bus", "peer=%s why=%s", who, err_name(e));
}

struct peer *bus_find(struct bus *self, enum role role, uint16_t number)
{
    if (number >= BUS_NUMBERS || role <= ROLE_NONE || role >= ROLE_COUNT) return NULL;
    return self->peers[role][number];
}

struct peer *bus_next(struct bus *self, struct peer *after) { return after ? after->next : self->first; }
void bus_forget(struct bus *self, struct peer *peer)        { (void)self; peer_forget(peer); }
struct peer *bus_self(struct bus *self)                     { return self->me; }
uint64_t bus_epoch(const struct bus *self)                  { return self->epoch; }
const char *bus_endpoint(const struct bus *self)            { return self->endpoint ? self->endpoint : ""; }
struct view *bus_view(struct bus *self)                     { return self->view; }
struct curve *bus_curve(struct bus *self)                   { return self->curve; }

size_t bus_unconfirmed(const struct bus *self)
{
    size_t bytes = 0;
    for (const struct peer *p = self->first; p; p = p->next) bytes += bus_queued(p);
    return bytes;
}

bool bus_quiet(const struct bus *self)
{
    for (const struct peer *p = self->first; p; p = p->next)
        if (p->up && bus_queued(p)) return false;
    return self->local_count == 0;
}
