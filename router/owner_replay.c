/* What was sequenced, once more: for a gateway that missed it, and for a client that
 * comes back to any gateway with the positions that it had reached. */
#include "owner_internal.h"

#include "address.h"
#include "sid.h"

enum { REPLAY_BYTES = 1 << 20 };    /* of one REPLAYED */

/* What still waits for its standby is not yet anybody's position. */
uint64_t owner_delivered(const struct owner *self)
{
    uint64_t first = deliveries_first(&self->deliveries);
    return first == UINT64_MAX ? self->seq : first - 1;
}

bool owner_concerns(struct owner *self, struct span stamped, struct span rooms, uint16_t gateway)
{
    struct msg_STAMPED s;
    struct msg_BODY body;
    struct span to;
    if (msg_decode_STAMPED(&s, stamped) != OK || msg_decode_BODY(&body, s.body) != OK) return false;
    while (msg_next_str(&body.to, &to)) {
        buf_clear(&self->key);
        address_key(&self->key, body.nsp, to);
        struct span rest = rooms, room;
        while (msg_next_str(&rest, &room))
            if (span_same(room, buf_span(&self->key))) return true;
        if (rooms.len) continue;
        const struct gateways *interested = rooms_find(&self->rooms, buf_span(&self->key));
        if (interested && gateways_has(interested, gateway)) return true;
        struct address address;
        uint16_t number;
        if (address_decode(&address, to) == OK && address.kind == ADDRESS_SOCKET && sid_of_socket(address.name, &number) == OK && number == gateway)
            return true;
        if (view_owner(self->o.view, buf_span(&self->key)) != self->o.number) return true;
    }
    return false;
}

/* ---- a gateway's gap in our own stream: it asks again from our head where that is not the end */

static void replay_gap(struct owner *self, uint16_t gateway, const struct msg_REPLAY *replay, struct msg_REPLAYED *m, struct buf *list)
{
    bool ours = replay->epoch == self->o.epoch;
    m->complete = (ours && replay->since >= owner_delivered(self)) || history_reaches(&self->history, self->o.number, replay->epoch, replay->since);
    m->head = ours ? owner_delivered(self) : replay->since;
    for (size_t i = history_since(&self->history, self->o.number, replay->epoch, replay->since); i < self->history.count; i++) {
        const struct record *r = history_at(&self->history, i);
        if (r->router != self->o.number || r->epoch != replay->epoch || r->seq <= replay->since || (ours && r->seq > m->head)) continue;
        if (list->len > REPLAY_BYTES) {
            m->head = r->seq - 1;
            break;
        }
        if (owner_concerns(self, blob_span(r->stamped), replay->rooms, gateway)) msg_add_str(list, blob_span(r->stamped));
        if (!ours) m->head = r->seq;
    }
}

/* ---- a client that comes back
 *
 * Each owner is asked, and answers for its own stream, and for the rooms that it owns now in the streams that
 * no owner goes on with: so each record comes from one of them. */

struct question {
    struct positions offset;
    const struct msg_REPLAY *replay;
    uint64_t rooms[64];         /* a bit for each room's hash: most records are passed over by it */
    uint64_t head;              /* of our own stream */
};

static bool goes_on(const struct owner *self, uint16_t router, uint64_t epoch)
{
    const struct owners *owners = view_owners(self->o.view);
    const struct member *m = view_find(self->o.view, ROLE_ROUTER, router);
    for (size_t i = 0; i < owners->count; i++)
        if (owners->number[i] == router) return m && m->epoch == epoch;
    return false;
}

static uint64_t *bit_of(struct question *q, uint64_t hash, uint64_t *bit)
{
    *bit = UINT64_C(1) << (hash & 63);
    return &q->rooms[hash >> 6 & 63];
}

static bool wanted(struct owner *self, struct question *q, const struct record *r)
{
    uint64_t bit;
    if (r->time < q->replay->after) return false;
    if (r->alone && !(*bit_of(q, r->hash, &bit) & bit)) return false;
    if (r->router == self->o.number && r->epoch == self->o.epoch) {
        if (r->seq > q->head || (q->offset.at[r->router].epoch == r->epoch && r->seq <= q->offset.at[r->router].seq)) return false;
    } else {
        const struct position *p = r->router < POSITIONS_MAX ? &q->offset.at[r->router] : &(struct position){ 0 };
        const struct owners *owners = view_owners(self->o.view);
        uint16_t owner, standby;
        rank_pick(owners->number, owners->count, r->hash, &owner, &standby);
        if (owner != self->o.number || goes_on(self, r->router, r->epoch)) return false;
        if (p->epoch > r->epoch || (p->epoch == r->epoch && r->seq <= p->seq)) return false;
    }
    return owner_concerns(self, blob_span(r->stamped), q->replay->rooms, 0);
}

/* Was anything dropped that this client may have missed? A position in a stream that nobody knows may mean so. */
static bool reaches_back(const struct owner *self, const struct question *q)
{
    const struct past *past = &self->history.past;
    for (size_t n = 0; n < POSITIONS_MAX; n++) {
        const struct position *p = &q->offset.at[n];
        if (p->epoch && !goes_on(self, (uint16_t)n, p->epoch) && !past_find(past, (uint16_t)n, p->epoch)) return false;
    }
    for (size_t i = 0; i < past->count; i++) {
        const struct past_stream *s = &past->at[i];
        const struct position *p = s->router < POSITIONS_MAX ? &q->offset.at[s->router] : &(struct position){ 0 };
        bool ours = s->router == self->o.number && s->epoch == self->o.epoch;
        if (!ours && goes_on(self, s->router, s->epoch)) continue;          /* its owner answers for it */
        if (p->epoch > s->epoch) continue;                                  /* the client has seen a later life */
        if (s->dropped > (p->epoch == s->epoch ? p->seq : 0) && s->until >= q->replay->after) return false;
    }
    return true;
}

/* Where the streams that are over ended, as far as we know: the gateway's next offsets say so. */
static void ended(const struct owner *self, struct buf *text)
{
    struct positions p = { 0 };
    for (size_t i = 0; i < self->history.past.count; i++) {
        const struct past_stream *s = &self->history.past.at[i];
        if (s->router >= POSITIONS_MAX || goes_on(self, s->router, s->epoch) || p.at[s->router].epoch > s->epoch) continue;
        p.at[s->router] = (struct position){ s->epoch, s->head };
    }
    positions_encode(text, &p);
}

static void say(struct owner *self, uint16_t gateway, struct msg_REPLAYED *m, struct buf *list, struct effects *out)
{
    m->stamped = buf_span(list);
    msg_encode_REPLAYED(&self->scratch, m);
    effects_add_buf(out, ROLE_GATEWAY, gateway, MSG_REPLAYED, &self->scratch, 0);
    buf_clear(list);
}

/* Nothing is said before all is known to fit: first it is counted. */
static bool fits(struct owner *self, struct question *q)
{
    size_t bytes = 0;
    for (size_t i = 0; i < self->history.count && bytes <= self->o.recovery_bytes; i++) {
        const struct record *r = history_at(&self->history, i);
        if (wanted(self, q, r)) bytes += blob_span(r->stamped).len;
    }
    return bytes <= self->o.recovery_bytes;
}

static enum err replay_client(struct owner *self, uint16_t gateway, const struct msg_REPLAY *replay, struct effects *out)
{
    struct question q = { .replay = replay, .head = owner_delivered(self) };
    enum err e = positions_decode(&q.offset, replay->positions);
    if (e != OK) return e;
    struct buf list = { 0 }, streams = { 0 };
    struct msg_REPLAYED m = { .ref = replay->ref, .head = q.head, .last = self->meant[gateway], .again = view_settled(self->o.view) < replay->view };
    struct span rest = replay->rooms, room;
    for (uint64_t bit; msg_next_str(&rest, &room); ) *bit_of(&q, rank_hash(room), &bit) |= bit;
    m.complete = !m.again && reaches_back(self, &q) && fits(self, &q);
    ended(self, &streams);
    m.positions = buf_span(&streams);
    for (size_t i = 0; m.complete && i < self->history.count; i++) {
        const struct record *r = history_at(&self->history, i);
        if (!wanted(self, &q, r)) continue;
        msg_add_str(&list, blob_span(r->stamped));
        if (list.len > REPLAY_BYTES) m.more = 1, say(self, gateway, &m, &list, out);
    }
    m.more = 0;
    say(self, gateway, &m, &list, out);
    self->o.stats->recoveries_out++;
    if (!m.complete && !m.again) self->o.stats->recoveries_short++;
    buf_fini(&list), buf_fini(&streams);
    return OK;
}

enum err owner_on_replay(struct owner *self, const struct from *from, const struct msg_REPLAY *replay, struct effects *out)
{
    owner_note(self, from);
    if (from->role != ROLE_GATEWAY || from->number >= ROOMS_GATEWAYS) return ERR_AUTH;
    if (replay->positions.len) return replay_client(self, from->number, replay, out);
    struct buf list = { 0 };
    struct msg_REPLAYED m = { .ref = replay->ref, .last = self->meant[from->number] };
    replay_gap(self, from->number, replay, &m, &list);
    if (!m.complete) self->o.stats->replays_short++;
    say(self, from->number, &m, &list, out);
    self->o.stats->replays_out++;
    buf_fini(&list);
    return OK;
}
