/* recover_replay - what a client missed, from every router that owns rooms. */
#include "gate_state.h"
#include "recover.h"

#include <stdlib.h>

enum {
    AGAIN_MS   = 50,
    SKEW_MS    = 1000,      /* how far a router's clock may be from presence's */
    ASKING_MAX = 256,       /* at once: what they missed is in memory */
};

static struct gate *gate_of(const struct resume *r)
{
    return r->socket->session->gate;
}

/* ---- offsets */

struct span recover_offset(struct gate *g)
{
    struct positions p = { 0 };
    for (size_t i = 0; i < VIEW_OWNERS_MAX; i++)
        if (g->streams[i]) p.at[i] = stream_position(g->streams[i]);
    buf_clear(&g->offset);
    positions_encode(&g->offset, &p);
    return buf_span(&g->offset);
}

/* ---- the question */

static void ask(struct resume *r);

static void on_due(struct gate *g, struct timer *t)
{
    struct resume *r = TIMER_OWNER(t, struct resume, timer);
    if (r->failed) recover_fail(r, (enum err)r->failed);
    else if (g->now.mono >= r->until) recover_fail(r, ERR_TIMEOUT);
    else if (r->phase == RESUME_JOINING) recover_joined(r->socket);
    else ask(r);
}

static void forget_answers(struct resume *r)
{
    for (size_t i = 0; i < r->missed_count; i++) blob_drop(&r->missed[i].stamped);
    r->missed_count = 0, r->missed_bytes = 0;
    memset(r->cuts, 0, VIEW_OWNERS_MAX * sizeof *r->cuts);
    backlog_fini(&r->held);
}

static void rooms_of(struct resume *r, struct buf *rooms)
{
    struct gate *g = gate_of(r);
    const struct socket *s = r->socket;
    struct buf address = { 0 };
    for (uint32_t i = 0; i < s->rooms.count; i++) msg_add_str(rooms, room_key(s->rooms.at[i].room));
    address_encode(&address, ADDRESS_SOCKET, socket_id(s));
    buf_clear(&g->key);
    address_key(&g->key, s->space->name, buf_span(&address));
    if (!registry_room(&g->registry, buf_span(&g->key))) msg_add_str(rooms, buf_span(&g->key));
    buf_fini(&address);
}

/* While ownership moves nobody can answer for all: it is asked when that is over. */
static void ask(struct resume *r)
{
    struct gate *g = gate_of(r);
    const struct owners *owners = view_owners(g->view);
    timer_set(g, &r->timer, on_due, r->until - g->now.mono);
    forget_answers(r);
    map_drop_u64(&g->resumes, r->ref);
    r->ref = gate_ref(g);
    map_put_u64(&g->resumes, r->ref, r);
    if (view_holding(g->view)) return;
    struct buf rooms = { 0 }, offset = { 0 };
    rooms_of(r, &rooms);
    positions_encode(&offset, &r->offset);
    for (size_t i = 0; i < owners->count; i++) {
        if (owners->number[i] >= VIEW_OWNERS_MAX) continue;
        r->cuts[owners->number[i]].asked = true;
        GATE_SAY(g, ROLE_ROUTER, owners->number[i], REPLAY, .ref = r->ref, .rooms = buf_span(&rooms), .positions = buf_span(&offset),
                 .view = view_settled(g->view), .after = r->since > SKEW_MS ? r->since - SKEW_MS : 0);
    }
    buf_fini(&rooms), buf_fini(&offset);
}

void recover_joined(struct socket *s)
{
    struct resume *r = s->recovery->resume;
    struct gate *g = s->session->gate;
    if (g->asking >= ASKING_MAX) {
        timer_set(g, &r->timer, on_due, AGAIN_MS);
        return;
    }
    g->asking++;
    r->phase = RESUME_ASKING;
    r->cuts = calloc(VIEW_OWNERS_MAX, sizeof *r->cuts);
    NEED(r->cuts);
    ask(r);
}

void recover_view(struct gate *g)
{
    struct map_walk walk = { 0 };
    struct buf refs = { 0 };            /* asking changes the map */
    for (struct resume *r; (r = map_next(&g->resumes, &walk)); )
        if (r->phase == RESUME_ASKING) buf_add(&refs, span_from(&r->ref, sizeof r->ref));
    for (size_t i = 0; i < refs.len; i += sizeof(uint64_t)) {
        uint64_t ref;
        memcpy(&ref, refs.ptr + i, sizeof ref);
        struct resume *r = map_find_u64(&g->resumes, ref);
        if (r) ask(r);
    }
    buf_fini(&refs);
}

/* ---- the answers */

static bool has_room(struct resume *r, struct span nsp, struct span address)
{
    struct gate *g = gate_of(r);
    struct address a;
    if (address_decode(&a, address) != OK) return false;
    if (a.kind == ADDRESS_SOCKET) return span_same(a.name, socket_id(r->socket));
    buf_clear(&g->key);
    address_key(&g->key, nsp, address);
    const struct room *room = registry_room(&g->registry, buf_span(&g->key));
    return room && registry_place(r->socket, room) != UINT32_MAX;
}

/* Unix ms from which on this address is its own. */
static uint64_t since_of(const struct resume *r, struct span address)
{
    struct span rest = buf_span(&r->seats), one;
    struct msg_SEAT seat;
    while (msg_next_str(&rest, &one))
        if (msg_decode_SEAT(&seat, one) == OK && span_same(seat.address, address)) return seat.since;
    return r->since;
}

/* One of the addresses is its own, and was then; none of 'except' is. */
static bool is_meant(struct resume *r, const struct msg_BODY *b, uint64_t time)
{
    struct span rest = b->except, one;
    if (!span_same(b->nsp, r->socket->space->name)) return false;
    while (msg_next_str(&rest, &one))
        if (has_room(r, b->nsp, one)) return false;
    for (rest = b->to; msg_next_str(&rest, &one); )
        if (has_room(r, b->nsp, one) && time + SKEW_MS >= since_of(r, one)) return true;
    return false;
}

static void add_missed(struct resume *r, uint64_t time, struct span stamped)
{
    if (r->missed_count == r->missed_cap) {
        r->missed_cap = r->missed_cap ? r->missed_cap * 2 : 16;
        r->missed = realloc(r->missed, r->missed_cap * sizeof *r->missed);
        NEED(r->missed);
    }
    r->missed[r->missed_count] = (struct missed){ time, r->missed_count, blob_new(stamped) };
    r->missed_count++, r->missed_bytes += stamped.len;
}

/* Rooms that others put it in or took it out of while it was away: so from now on. Who disconnected it meant it. */
static enum err take_one(struct resume *r, struct span stamped)
{
    struct msg_STAMPED m;
    struct msg_BODY b;
    if (msg_decode_STAMPED(&m, stamped) != OK || msg_decode_BODY(&b, m.body) != OK || m.router >= POSITIONS_MAX) return ERR_SYNTAX;
    if (!is_meant(r, &b, m.time)) return OK;
    if (b.kind == BODY_DISCONNECT) return ERR_STATE;
    if (b.kind != BODY_EMIT) deliver_move(gate_of(r), r->socket, &b);
    else if (!(b.flags & BODY_ACK)) add_missed(r, m.time, stamped);      /* whoever asked for acks has given up */
    return OK;
}

static enum err take(struct resume *r, uint16_t router, uint64_t epoch, const struct msg_REPLAYED *m)
{
    struct gate *g = gate_of(r);
    struct span rest = m->stamped, one;
    struct positions ended;
    if (!m->complete) return ERR_GONE;
    while (msg_next_str(&rest, &one)) {
        enum err e = take_one(r, one);
        if (e != OK) return e;
    }
    if (m->more) return OK;
    if (positions_decode(&ended, m->positions) == OK)
        for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++)
            if (ended.at[i].epoch) deliver_ended(g, i, &ended.at[i]);
    r->cuts[router] = (struct cut){ .asked = true, .known = true, .epoch = epoch, .seq = m->head, .last = m->last };
    deliver_tick(g, router, epoch, &(struct msg_TICK){ .head = m->head, .last = m->last });
    return OK;
}

/* All have answered, and our own streams have come as far as the answers. */
static bool is_whole(const struct resume *r)
{
    struct gate *g = gate_of(r);
    bool any = false;
    for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++) {
        const struct cut *c = &r->cuts[i];
        if (!c->asked) continue;
        any = true;
        const struct stream *s = g->streams[i];
        if (!c->known) return false;
        if (s && s->now.epoch == c->epoch && s->now.last && s->now.last < c->last) {
            g->behind = true;
            return false;
        }
    }
    return any;
}

static void go_on(struct resume *r)
{
    if (r->phase != RESUME_ASKING || r->failed || !is_whole(r)) return;
    r->phase = RESUME_ASKED;
    timer_cancel(gate_of(r), &r->timer);
    connect_go_on(r->socket);
}

bool recover_on_replayed(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_REPLAYED *m)
{
    struct resume *r = m->ref ? map_find_u64(&g->resumes, m->ref) : NULL;
    if (!r || r->phase != RESUME_ASKING || router >= VIEW_OWNERS_MAX || !r->cuts[router].asked) return r != NULL;
    if (m->again) {
        timer_set(g, &r->timer, on_due, AGAIN_MS);
        return true;
    }
    enum err e = take(r, router, epoch, m);
    if (e == OK && r->missed_bytes > g->config->router.recovery_bytes) e = ERR_LIMIT;
    if (e != OK) recover_fail(r, e);
    else go_on(r);
    return true;
}

void recover_check(struct gate *g)
{
    g->behind = false;          /* is_whole says so again where it is still so */
    for (;;) {
        struct resume *ready = NULL;
        struct map_walk walk = { 0 };
        for (struct resume *r; !ready && (r = map_next(&g->resumes, &walk)); )
            if (r->phase == RESUME_ASKING && !r->failed && is_whole(r)) ready = r;
        if (!ready) return;
        go_on(ready);
    }
}

/* ---- what comes meanwhile */

bool recover_hold(struct socket *s, struct frames *f)
{
    struct resume *r = s->recovery ? s->recovery->resume : NULL;
    struct gate *g = s->session->gate;
    if (!r || r->phase < RESUME_ASKING || g->source.router >= VIEW_OWNERS_MAX) return false;
    const struct cut *c = &r->cuts[g->source.router];
    if (!c->known || c->epoch != g->source.epoch || g->source.seq <= c->seq) return false;      /* the answer has it, or will have it */
    backlog_add(&r->held, blob_hold(frames_for(f, s->session->dialect | DIALECT_POLL | DIALECT_OFFSET, &g->compression)));     /* it may go over to WebSocket meanwhile */
    if (r->held.bytes > g->config->router.recovery_bytes && !r->failed) {
        r->failed = ERR_LIMIT;
        timer_set(g, &r->timer, on_due, 0);
    }
    return true;
}

/* ---- in */

static int by_time(const void *a_v, const void *b_v)
{
    const struct missed *a = a_v, *b = b_v;
    if (a->time != b->time) return a->time < b->time ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* Each with the position that is reached with it, so that one that is cut off again in the middle goes on from there. */
static void add_frames(struct resume *r, struct buf *out)
{
    struct gate *g = gate_of(r);
    uint8_t dialect = r->socket->session->dialect;
    struct positions at = r->offset;
    struct buf offset = { 0 };
    if (r->missed_count) qsort(r->missed, r->missed_count, sizeof *r->missed, by_time);
    for (size_t i = 0; i < r->missed_count; i++) {
        struct msg_STAMPED m;
        struct msg_BODY b;
        NEED(msg_decode_STAMPED(&m, blob_span(r->missed[i].stamped)) == OK && msg_decode_BODY(&b, m.body) == OK);
        at.at[m.router] = (struct position){ m.epoch, m.seq };
        buf_clear(&offset);
        positions_encode(&offset, &at);
        struct frames f = frames_event(r->socket->space->shown, b.args, b.attachments);
        f.offset = buf_span(&offset);
        frames_append(out, frames_for(&f, dialect | DIALECT_OFFSET, &g->compression), dialect);
        frames_fini(&f);
    }
    buf_fini(&offset);
}

static void send(struct socket *s, struct blob *take, uint8_t dialect)
{
    if (take->len) session_send_credit(s->session, take, dialect);
    blob_drop(&take);
}

/* What it missed stands before the answer, as with the reference (trap 43): clients keep it until they are connected. */
void recover_finish(struct socket *s)
{
    struct gate *g = s->session->gate;
    struct resume *r = s->recovery->resume;
    struct buf missed = { 0 }, text = { 0 };
    add_frames(r, &missed);
    send(s, blob_new(buf_span(&missed)), s->session->dialect);
    sio_connect(&text, s->space->shown, socket_id(s), recover_pid(s));
    socket_send_text(s, buf_span(&text));
    for (struct blob *frame; (frame = backlog_take(&r->held)); ) send(s, frame, s->session->dialect | DIALECT_POLL);
    g->stats->recoveries_done++, g->stats->recoveries_events += r->missed_count;
    buf_fini(&missed), buf_fini(&text);
    recover_drop(&s->recovery->resume);
    s->recovery->recovered = true;
    recover_save(s, SAVE_BACK);
    connect_on_open(s);
}
