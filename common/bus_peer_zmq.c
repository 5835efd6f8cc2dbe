#include "bus_inside.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- life */

static void on_peer_timer(void *fn_self);

struct peer *peer_need(struct bus *bus, enum role role, uint16_t number)
{
    if (number >= BUS_NUMBERS || role <= ROLE_NONE || role >= ROLE_COUNT) return NULL;
    struct peer **at = &bus->peers[role][number], *peer = *at;
    if (peer) return peer;
    *at = peer = calloc(1, sizeof *peer);
    NEED(peer);
    *peer = (struct peer){ .bus = bus, .role = role, .number = number, .timer = { .fn = on_peer_timer, .self = peer } };
    struct buf id = { 0 };
    member_id_encode(&id, role, number);
    NEED(id.len < sizeof peer->id);
    memcpy(peer->id, id.ptr, id.len);
    buf_fini(&id);
    if (role == bus->role && number == bus->number) return peer;        /* self: not among the others */
    if (bus->last) bus->last->next = peer;
    else bus->first = peer;
    bus->last = peer;
    return peer;
}

void peer_destroy(struct peer *peer)
{
    bus_socket_disconnect(peer);
    service_timer_cancel(peer->bus->svc, &peer->timer);
    link_destroy(&peer->link);
    free(peer);
}

/* Each link towards a peer has an epoch of its own: the peer may still know the
 * one that we have forgotten, and would take our new first messages for old ones. */
static struct link *need_link(struct peer *peer)
{
    struct bus *bus = peer->bus;
    if (peer->link) return peer->link;
    peer->link = link_new(bus->epoch | peer->lives++, &bus->limits);
    if (peer->deferred) link_defer(peer->link, true);
    return peer->link;
}

static void tell(struct peer *peer, enum bus_event event)
{
    struct bus *bus = peer->bus;
    if (bus->handler->on_peer) bus->handler->on_peer(bus->self, peer, event);
}

void peer_down(struct peer *peer, const char *why)
{
    struct bus *bus = peer->bus;
    if (!peer->up) return;
    peer->up = false;
    bus->stats->bus_peers_up--;
    bus->stats->bus_downs++;
    service_timer_cancel(bus->svc, &peer->timer);
    log_info(bus->log, "peer down", "peer=%s why=%s", peer->id, why);
    tell(peer, BUS_DOWN);
    if (peer->unlisted) peer_forget(peer);
}

void peer_forget(struct peer *peer)
{
    if (peer->in_frame) { peer->to_forget = true; return; }
    peer->to_forget = peer->unlisted = false;
    peer->in_view = 0;
    peer_down(peer, "not in the roster");
    if (peer->link) tell(peer, BUS_GONE);
    link_destroy(&peer->link);
    peer->route_len = 0;
    peer->clogged_bytes = 0;
    service_timer_cancel(peer->bus->svc, &peer->timer);
    if (peer->dealer && !peer->fixed) bus_socket_disconnect(peer);
}

/* ---- out */

void peer_mark_dirty(struct peer *peer)
{
    struct bus *bus = peer->bus;
    if (peer->dirty) return;
    peer->dirty = true;
    peer->next_dirty = bus->dirty;
    bus->dirty = peer;
    service_again(bus->svc);        /* when this comes from a hook behind ours */
}

static void arm(struct peer *peer, uint64_t now)
{
    struct service *svc = peer->bus->svc;
    uint64_t deadline = UINT64_MAX;
    if (peer->clogged && peer->dealer) service_touch(peer->watch, true);
    else if (peer->clogged && peer->up) deadline = now + BUS_RETRY_MS;
    else if (peer->up) deadline = link_deadline(peer->link);
    if (deadline == UINT64_MAX) service_timer_cancel(svc, &peer->timer);
    else service_timer_set(svc, &peer->timer, deadline);
}

static void on_clogged(struct peer *peer)
{
    peer->clogged = true;
    if (!peer->dealer) peer->bus->clogged = true;
    peer->bus->stats->bus_clogged++;
}

static bool send_frame(struct peer *peer, uint64_t now)
{
    if (!bus_socket_begin(peer)) return false;
    struct blob *frame = link_frame(peer->link, now);
    NEED(frame);
    if (bus_socket_send(peer, frame)) return true;
    link_unsent(peer->link);
    return false;
}

/* All that waits for a peer that is up; to one that is not, a frame a beat: it may
 * be a hung process whose pipe would only fill. */
void peer_flush(struct peer *peer)
{
    struct bus *bus = peer->bus;
    uint64_t now = service_now(bus->svc);
    peer->dirty = false;
    if (!peer->link || !bus_socket_reachable(peer)) return;
    unsigned most = peer->up ? BUS_FLUSH_MAX : peer->probe ? 1 : 0;
    for (; most > 0 && !peer->clogged && link_wants_frame(peer->link, now); most--)
        if (!send_frame(peer, now)) on_clogged(peer);
    peer->probe = false;
    if (!peer->clogged) peer->clogged_bytes = 0;
    if (peer->up && !peer->clogged && most == 0) peer_mark_dirty(peer);
    else arm(peer, now);
}

void peer_unclog(struct peer *peer)
{
    if (!peer->clogged) return;
    peer->clogged = false;
    if (!peer->up) peer->probe = true, bus_beat_peer(peer->bus, peer);     /* hello */
    peer_mark_dirty(peer);
}

static void on_peer_timer(void *fn_self)
{
    struct peer *peer = fn_self;
    if (!peer->dealer) peer->clogged = false;
    if (peer->link && link_queued(peer->link) && link_wants_frame(peer->link, service_now(peer->bus->svc)))
        peer->bus->stats->bus_resends++;
    peer_mark_dirty(peer);
}

void peer_tell(struct peer *peer, struct span datagram)
{
    peer->bus->stats->bus_messages_out++;
    link_send_datagram(need_link(peer), datagram);
    peer_mark_dirty(peer);
}

static bool fits(struct peer *peer, size_t len)
{
    if (len <= peer->bus->config->bus.max_frame_bytes) return true;
    bus_refuse(peer->bus, peer->bus->id, ERR_LIMIT);    /* the peer's ZeroMQ would hang up on it, again and again */
    return false;
}

uint64_t bus_send(struct peer *peer, struct blob *take)
{
    struct bus *bus = peer->bus;
    if (!fits(peer, take->len)) return blob_drop(&take), 0;
    if (peer == bus->me) return bus_send_local(bus, take, false);
    bus->stats->bus_messages_out++;
    uint64_t number = link_send(need_link(peer), take);
    peer_mark_dirty(peer);
    return number;
}

bool bus_send_datagram(struct peer *peer, struct span message)
{
    struct bus *bus = peer->bus;
    if (!fits(peer, message.len)) return false;
    if (peer == bus->me) return bus_send_local(bus, blob_new(message), true), true;
    if (!peer->up || (peer->clogged && (peer->clogged_bytes += message.len) > BUS_CLOGGED_DATAGRAMS))
        return bus->stats->bus_datagrams_dropped++, false;
    peer_tell(peer, message);
    return true;
}

struct buf *bus_scratch(struct peer *peer)
{
    buf_clear(&peer->bus->said);
    return &peer->bus->said;
}

uint64_t bus_say_scratch(struct peer *peer, enum msg_type type)
{
    struct span message = buf_span(&peer->bus->said);
    if (msg_class(type) == MSG_RELIABLE) return bus_send(peer, blob_new(message));
    return bus_send_datagram(peer, message);
}

/* ---- in */

static void on_bye(struct peer *peer, struct span fields)
{
    struct bus *bus = peer->bus;
    struct msg_BYE bye;
    enum err e = msg_decode_BYE(&bye, fields);
    if (e == OK && !span_same(bye.id, span_of(peer->id))) e = ERR_AUTH;
    if (e != OK) { bus_refuse(bus, peer->id, e); return; }
    peer_down(peer, "bye");
    if (bus->handler->on_bye) bus->handler->on_bye(bus->self, peer);
}

static void on_stats(struct peer *peer, struct span fields)
{
    struct bus *bus = peer->bus;
    struct msg_STATS stats;
    enum err e = msg_decode_STATS(&stats, fields);
    if (e == OK && !span_same(stats.id, span_of(peer->id))) e = ERR_AUTH;
    if (e != OK) bus_refuse(bus, peer->id, e);
    else if (bus->handler->on_message) bus->handler->on_message(bus->self, peer, MSG_STATS, fields, 0);
}

static void on_roster(struct peer *peer, struct span fields, uint64_t number)
{
    struct bus *bus = peer->bus;
    struct msg_ROSTER roster;
    if (bus->role == ROLE_ROUTER) {             /* its own core decides: bus_take_roster */
        if (bus->handler->on_message) bus->handler->on_message(bus->self, peer, MSG_ROSTER, fields, number);
        return;
    }
    enum err e = msg_decode_ROSTER(&roster, fields);
    if (e == OK) e = bus_on_roster(bus, &roster);
    if (e != OK) bus_refuse(bus, peer->id, e);
}

static void on_message(struct peer *peer, enum msg_type type, struct span fields, uint64_t number)
{
    struct bus *bus = peer->bus;
    bus->stats->bus_messages_in++;
    if (!bus_may_say(peer->role, bus->role, type)) {
        bus_refuse(bus, peer->id, type != MSG_NONE && (unsigned)type < MSG_COUNT ? ERR_AUTH : ERR_UNKNOWN);
        return;
    }
    switch ((unsigned)type) {
    case MSG_BEAT:   bus_on_beat(bus, peer, fields); return;
    case MSG_BYE:    on_bye(peer, fields); return;
    case MSG_STATS:  on_stats(peer, fields); return;
    case MSG_ROSTER: on_roster(peer, fields, number); return;
    default:
        if (bus->handler->on_message) bus->handler->on_message(bus->self, peer, type, fields, number);
    }
}

/* The frame's header was good: the peer lives. */
static void on_life(struct peer *peer, bool reborn)
{
    struct bus *bus = peer->bus;
    bool was_up = peer->up;
    peer->heard = service_now(bus->svc);
    if (was_up && !reborn) return;
    peer->up = true;
    peer->probe = true;
    if (!was_up) bus->stats->bus_peers_up++;
    if (reborn) bus->stats->bus_reborn++;
    log_info(bus->log, reborn ? "peer reborn" : "peer up", "peer=%s epoch=%" PRIu64, peer->id, peer_epoch(peer));
    if (!peer->dealer) peer->clogged = false;
    bus_beat_peer(bus, peer);                   /* so that it knows of us as soon as we know of it */
    tell(peer, reborn ? BUS_REBORN : BUS_UP);
}

void peer_on_frame(struct peer *peer, struct span frame, struct span route)
{
    struct bus *bus = peer->bus;
    struct link *link = need_link(peer);
    enum msg_type type;
    struct span fields;
    uint64_t number, confirmed = link_confirmed(link), heard = link_heard(link);
    bool known = link_peer_epoch(link) != 0;
    enum err e = OK;
    enum link_event event = link_on_frame(link, frame, service_now(bus->svc), &e);
    if (event == LINK_BAD) { bus_refuse(bus, peer->id, e); return; }
    if (route.len && (route.len != peer->route_len || memcmp(peer->route, route.ptr, route.len) != 0)) {
        memcpy(peer->route, route.ptr, route.len);
        peer->route_len = route.len;
        peer->clogged = false;
    }
    peer->in_frame = true;
    bool reborn = event == LINK_REBORN && known;
    on_life(peer, reborn);
    if (!reborn && link_confirmed(link) > confirmed && bus->handler->on_confirm)
        bus->handler->on_confirm(bus->self, peer, link_confirmed(link));
    if (!reborn && link_heard(link) > heard && bus->handler->on_received)
        bus->handler->on_received(bus->self, peer, link_heard(link));
    while (link_next(link, &type, &fields, &number)) on_message(peer, type, fields, number);
    peer->in_frame = false;
    peer_mark_dirty(peer);                      /* what we received is to be confirmed */
    if (peer->to_forget) peer_forget(peer);
}

/* ---- small answers */

enum role peer_role(const struct peer *peer)        { return peer->role; }
uint16_t peer_number(const struct peer *peer)       { return peer->number; }
const char *peer_id(const struct peer *peer)        { return peer->id; }
bool peer_up(const struct peer *peer)               { return peer->up; }
void peer_set_user(struct peer *peer, void *user)   { peer->user = user; }
void *peer_user(const struct peer *peer)            { return peer->user; }

uint64_t peer_epoch(const struct peer *peer)
{
    if (peer == peer->bus->me) return peer->bus->epoch;
    return peer->link ? link_peer_epoch(peer->link) & ~(uint64_t)0xff : 0;
}

bool bus_full(const struct peer *peer)        { return peer->link && link_full(peer->link); }
size_t bus_queued(const struct peer *peer)    { return peer->link ? link_queued(peer->link) : 0; }

uint64_t bus_sent(const struct peer *peer)
{
    if (peer == peer->bus->me) return peer->bus->local_sent;
    return peer->link ? link_sent(peer->link) : 0;
}

uint64_t bus_confirmed(const struct peer *peer)
{
    if (peer == peer->bus->me) return peer->bus->local_confirmed;
    return peer->link ? link_confirmed(peer->link) : 0;
}

struct blob *bus_take_unconfirmed(struct peer *peer)
{
    return peer->link ? link_take_unconfirmed(peer->link) : NULL;
}

void bus_defer(struct peer *peer, bool on)
{
    peer->deferred = on;
    if (peer->link) link_defer(peer->link, on);
}

void bus_confirm(struct peer *peer, uint64_t number)
{
    if (peer == peer->bus->me) { bus_confirm_local(peer->bus, number); return; }
    if (!peer->link) return;
    link_confirm(peer->link, number);
    peer_mark_dirty(peer);
}

void bus_say_received(struct peer *peer)
{
    if (!peer->link) return;
    link_say(peer->link);
    peer_mark_dirty(peer);
}
