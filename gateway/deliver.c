/* deliver - what routers sequenced reaches the sockets here.
 *
 * The hot path: one body for many members is decoded once, encoded once per
 * dialect, and then costs each member a comparison, a reference in its ring and
 * a place on the list of who has something to write. */
#include "gate_state.h"
#include "recover.h"

#include <stdlib.h>

/* ---- what */

static bool send_to(struct gate *g, struct socket *s, void *with)
{
    (void)g;
    return s->state == SOCKET_OPEN ? socket_send(s, with) : recover_hold(s, with);
}

/* To who can take it now, and to nobody later. */
static bool send_volatile(struct gate *g, struct socket *s, void *with)
{
    if (session_writable(s->session)) return send_to(g, s, with);
    g->stats->volatile_dropped++;
    return false;
}

/* Is this a well-formed list? Lists inside 'args' are nobody's to check before us. */
static bool is_strs(struct span s)
{
    if (s.len == 0) return false;
    while (s.len) {
        const unsigned char *at = (const unsigned char *)s.ptr;
        if (s.len < 4) return false;
        size_t len = at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
        if (len > s.len - 4) return false;
        s = span_skip(s, 4 + len);
    }
    return true;
}

static void move(struct gate *g, struct socket *s, enum body_kind kind, struct span nsp, struct span name)
{
    struct buf address = { 0 };
    address_encode(&address, ADDRESS_ROOM, name);
    buf_clear(&g->key);
    address_key(&g->key, nsp, buf_span(&address));
    if (kind == BODY_JOIN) {
        membership_join(s, buf_span(&g->key));
    } else {
        const struct room *room = registry_room(&g->registry, buf_span(&g->key));
        uint32_t place = room ? registry_place(s, room) : UINT32_MAX;
        if (place != UINT32_MAX) membership_leave(s, place);
    }
    buf_fini(&address);
}

static void disconnect(struct socket *s, const struct msg_BODY *b)
{
    if (b->flags & BODY_CLOSE) {
        gate_doom(s->session, REASON_SERVER_LEAVE, true);
        return;
    }
    socket_disconnect(s);
}

void deliver_move(struct gate *g, struct socket *s, const struct msg_BODY *b)
{
    struct span names = b->args, name;
    if (!is_strs(b->args)) move(g, s, (enum body_kind)b->kind, b->nsp, b->args);
    else while (msg_next_str(&names, &name)) move(g, s, (enum body_kind)b->kind, b->nsp, name);
}

static uint32_t change(struct gate *g, const struct msg_BODY *b)
{
    uint32_t n = targets_collect(g, b);         /* rooms are about to change: first who, then what */
    for (size_t i = 0; i < g->target_count; i++) {
        if (b->kind == BODY_DISCONNECT) disconnect(g->targets[i], b);
        else deliver_move(g, g->targets[i], b);
    }
    return n;
}

/* Answers the router's ref, where it has one. */
static void deliver(struct gate *g, struct span body, uint16_t router, uint64_t ref)
{
    struct msg_BODY b;
    uint32_t n = 0;
    bool good = msg_decode_BODY(&b, body) == OK;
    const struct space *space = good ? gate_space(g, b.nsp) : NULL;
    if (!space) {       /* one that a pattern stands for may have nobody here */
        if (!good || !gate_may_have_space(g, b.nsp)) g->stats->bus_unknown++;
    } else if (b.kind == BODY_EMIT && b.flags & BODY_ACK) {
        g->stats->deliveries_out += acks_ask(g, &b, router, ref);
        return;
    } else if (b.kind == BODY_EMIT) {
        struct frames f = frames_event(space->shown, b.args, b.attachments);
        if (space->config->recovery) f.offset = recover_offset(g);
        n = targets_each(g, &b, b.flags & BODY_VOLATILE ? send_volatile : send_to, &f);
        frames_fini(&f);
        g->stats->deliveries_out += n;
    } else {
        n = change(g, &b);
    }
    if (ref) GATE_SAY(g, ROLE_ROUTER, router, REACHED, .ref = ref, .count = n);
}

/* ---- streams */

static struct stream *stream_of(struct gate *g, uint16_t router, uint64_t epoch)
{
    if (router >= VIEW_OWNERS_MAX || epoch == 0) return NULL;
    struct stream **s = &g->streams[router];
    if (!*s) *s = calloc(1, sizeof **s);
    NEED(*s);
    if ((*s)->now.epoch != epoch) {
        stream_begin(*s, epoch);
    }
    return *s;
}

static void take(struct gate *g, struct stream *s, uint16_t router, const struct msg_DELIVER *m)
{
    stream_seen(s, m->seq);
    g->stats->deliveries_in++;
    g->source.router = router, g->source.epoch = s->now.epoch, g->source.seq = m->seq;
    deliver(g, m->body, router, m->ref);
    if (g->behind) recover_check(g);
}

static void ask_replay(struct gate *g, struct stream *s, uint16_t router)
{
    s->replay = gate_ref(g);
    GATE_SAY(g, ROLE_ROUTER, router, REPLAY, .ref = s->replay, .epoch = s->now.epoch, .since = s->now.last);
}

/* What was held while a hole was filled, each looked at anew: behind it there may be another hole. 'further': the
 * replay has brought us on; where it has not, another one would not either, and the hole is given up. */
static void release(struct gate *g, struct stream *s, uint16_t router, bool further)
{
    const struct blob *held;
    for (; (held = stream_held(s)); stream_release(s)) {
        struct msg_DELIVER m;
        NEED(msg_decode_DELIVER(&m, blob_span(held)) == OK);
        enum stream_verdict verdict = stream_on(s, m.seq, m.prev);
        if (verdict == STREAM_SEEN) continue;
        if (verdict == STREAM_GAP && further) {
            g->stats->deliveries_gaps++;
            ask_replay(g, s, router);
            return;
        }
        take(g, s, router, &m);
        further = true;
    }
}

void deliver_on(struct gate *g, uint16_t router, uint64_t epoch, struct span fields)
{
    struct msg_DELIVER m;
    struct stream *s = stream_of(g, router, epoch);
    if (!s || msg_decode_DELIVER(&m, fields) != OK) {
        g->stats->bus_unknown++;
        return;
    }
    if (s->now.given_count) {       /* that router is dead, and its standbys have given all that we had not seen */
        g->stats->deliveries_doubled++;
        return;
    }
    if (s->replay && !stream_hold(s, fields)) {     /* too much for the hole that it waits for: given up */
        g->stats->deliveries_lost++;
        s->replay = 0;
        release(g, s, router, false);
        if (s->replay) (void)stream_hold(s, fields);
    }
    if (s->replay) return;      /* what fills the hole comes first */
    switch (stream_on(s, m.seq, m.prev)) {
    case STREAM_DELIVER:
        take(g, s, router, &m);
        return;
    case STREAM_SEEN:
        g->stats->deliveries_doubled++;
        return;
    case STREAM_GAP:
        g->stats->deliveries_gaps++;
        ask_replay(g, s, router);
        (void)stream_hold(s, fields);       /* where it is too large, the replay brings it as well */
        return;
    }
}

void deliver_tick(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_TICK *m)
{
    struct stream *s = stream_of(g, router, epoch);
    if (!s) return;
    if (!s->replay && s->now.last && m->last > s->now.last) g->stats->deliveries_gaps++, ask_replay(g, s, router);
    else if (!s->replay && m->head > s->head) s->head = m->head;
}

/* The answer to our question; or, unasked (ref 0), what a router that died had sequenced for us and
 * not sent: its standby gives that before the coming view begins. */
void deliver_replayed(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_REPLAYED *m)
{
    if (recover_on_replayed(g, router, epoch, m)) return;
    struct stream *s = router < VIEW_OWNERS_MAX ? g->streams[router] : NULL;
    bool current = s && s->replay && m->ref == s->replay;
    if (m->ref && !current) return;         /* its stream has begun anew */
    uint64_t before = current ? s->now.last : 0;
    struct span rest = m->stamped, one;
    struct msg_STAMPED stamped;
    while (msg_next_str(&rest, &one)) {
        if (msg_decode_STAMPED(&stamped, one) != OK || stamped.router >= VIEW_OWNERS_MAX) continue;
        struct stream *of = g->streams[stamped.router];
        bool fresh = current ? of == s && stamped.epoch == s->now.epoch && stamped.seq > s->now.last
                             : of && stream_give(of, stamped.epoch, stamped.seq);
        if (!fresh) continue;
        if (current) stream_seen(s, stamped.seq);
        g->stats->deliveries_in++;
        g->source.router = stamped.router, g->source.epoch = stamped.epoch, g->source.seq = stamped.seq;
        deliver(g, stamped.body, router, 0);
    }
    bool further = current && (m->head > before || s->now.last > before);
    if (!m->complete || (current && !further)) g->stats->deliveries_lost++;
    if (!current) return;
    s->replay = 0;
    if (m->head > s->now.last) s->now.last = m->head;
    release(g, s, router, further);
    if (g->behind) recover_check(g);
}

void deliver_ended(struct gate *g, uint16_t router, const struct position *end)
{
    struct stream **s = &g->streams[router];
    if (!*s) *s = calloc(1, sizeof **s);
    NEED(*s);
    stream_ended(*s, end);
}

void deliver_reborn(struct gate *g, uint16_t router, uint64_t epoch)
{
    struct stream *s = router < VIEW_OWNERS_MAX ? g->streams[router] : NULL;
    if (s && s->replay && s->now.epoch == epoch) ask_replay(g, s, router);
}
