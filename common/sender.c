#include "sender.h"

#include <stdlib.h>

/* An emit or a note on its way: in the lane of the router it went to, or held. */
struct entry {
    uint64_t      ticket;
    uint64_t      hash;         /* of the room key: who owns it */
    uint64_t      link;         /* its number on the link, 0: the shell has not said yet */
    struct blob  *message;      /* encoded EMIT or INTEREST */
    bool          note;
};

struct lane {                   /* first in, first confirmed */
    struct entry *at;           /* ring of 'cap', a power of two */
    size_t        head, count, cap;
    uint64_t      epoch;        /* life of the router that the entries went to */
    bool          broken;       /* that life is over: entries wait for the next active view */
    bool          fenced;       /* an owner of the old or the coming view: gets the fence */
};

struct sender {
    char               *origin;
    struct span         origin_span;
    uint64_t            epoch, tickets, view;
    struct sender_limits limits;
    size_t              bytes, waiting;
    bool                holding;
    struct owners       owners;
    struct lane         held;
    struct lane         lanes[VIEW_OWNERS_MAX];     /* by router number */
    uint64_t           *done;                       /* ring of done tickets */
    size_t              done_head, done_count, done_cap;
    struct buf          scratch;
};

/* ---- rings */

static struct entry *lane_push(struct lane *lane)
{
    if (lane->count == lane->cap) {
        size_t cap = lane->cap ? lane->cap * 2 : 16;
        struct entry *at = malloc(cap * sizeof *at);
        NEED(at);
        for (size_t i = 0; i < lane->count; i++) at[i] = lane->at[(lane->head + i) & (lane->cap - 1)];
        free(lane->at);
        lane->at = at, lane->cap = cap, lane->head = 0;
    }
    return &lane->at[(lane->head + lane->count++) & (lane->cap - 1)];
}

static struct entry *lane_at(const struct lane *lane, size_t i)
{
    return &lane->at[(lane->head + i) & (lane->cap - 1)];
}

static struct entry lane_shift(struct lane *lane)
{
    struct entry e = *lane_at(lane, 0);
    lane->head = (lane->head + 1) & (lane->cap - 1);
    lane->count--;
    return e;
}

static void lane_fini(struct lane *lane)
{
    while (lane->count) {
        struct entry e = lane_shift(lane);
        blob_drop(&e.message);
    }
    free(lane->at);
}

static void finish(struct sender *self, struct entry *e)
{
    self->bytes -= blob_span(e->message).len;
    self->waiting--;
    blob_drop(&e->message);
    if (self->done_count == self->done_cap) {
        size_t cap = self->done_cap ? self->done_cap * 2 : 16;
        uint64_t *done = malloc(cap * sizeof *done);
        NEED(done);
        for (size_t i = 0; i < self->done_count; i++) done[i] = self->done[(self->done_head + i) & (self->done_cap - 1)];
        free(self->done);
        self->done = done, self->done_cap = cap, self->done_head = 0;
    }
    self->done[(self->done_head + self->done_count++) & (self->done_cap - 1)] = e->ticket;
}

/* ---- life */

struct sender *sender_new(struct span origin, uint64_t epoch, const struct sender_limits *limits)
{
    struct sender *self = calloc(1, sizeof *self);
    NEED(self);
    self->origin = malloc(origin.len + 1);
    NEED(self->origin);
    memcpy(self->origin, origin.ptr, origin.len);
    self->origin_span = span_from(self->origin, origin.len);
    self->epoch = epoch;
    self->limits = *limits;
    self->holding = true;       /* until the first active view */
    return self;
}

void sender_destroy(struct sender **self_p)
{
    struct sender *self = *self_p;
    if (!self) return;
    lane_fini(&self->held);
    for (size_t i = 0; i < VIEW_OWNERS_MAX; i++) lane_fini(&self->lanes[i]);
    buf_fini(&self->scratch);
    free(self->done);
    free(self->origin);
    free(self);
    *self_p = NULL;
}

/* ---- emits and notes */

static uint16_t owner_of(const struct sender *self, uint64_t hash)
{
    uint16_t owner, standby;
    rank_pick(self->owners.number, self->owners.count, hash, &owner, &standby);
    return owner;
}

/* Into the lane of its owner, and out to it unless that router's life is over. */
static void dispatch(struct sender *self, struct entry e, struct effects *out)
{
    uint16_t owner = self->holding ? RANK_NOBODY : owner_of(self, e.hash);
    if (owner == RANK_NOBODY) {
        *lane_push(&self->held) = e;
        return;
    }
    struct lane *lane = &self->lanes[owner];
    e.link = 0;
    *lane_push(lane) = e;
    if (!lane->broken)
        effects_add(out, ROLE_ROUTER, owner, e.note ? MSG_INTEREST : MSG_EMIT, blob_hold(e.message), e.ticket);
}

static uint64_t enter(struct sender *self, struct entry e, struct effects *out)
{
    self->bytes += blob_span(e.message).len;
    self->waiting++;
    dispatch(self, e, out);
    return e.ticket;
}

uint64_t sender_emit(struct sender *self, const struct sender_emit *emit, struct effects *out)
{
    uint64_t ticket = ++self->tickets;
    bool ours = emit->origin.len == 0;
    msg_encode_EMIT(&self->scratch, &(struct msg_EMIT){
        .number = ours ? ticket : emit->origin_number,
        .origin = ours ? self->origin_span : emit->origin,
        .origin_epoch = ours ? self->epoch : emit->origin_epoch,
        .ref = emit->ref, .publish_id = emit->publish_id, .body = emit->body,
    });
    struct blob *message = blob_new(buf_span(&self->scratch));
    buf_clear(&self->scratch);
    return enter(self, (struct entry){ .ticket = ticket, .hash = rank_hash(emit->key), .message = message }, out);
}

uint64_t sender_note(struct sender *self, struct span key, struct blob *interest, struct effects *out)
{
    uint64_t ticket = ++self->tickets;
    return enter(self, (struct entry){ .ticket = ticket, .hash = rank_hash(key), .message = interest, .note = true }, out);
}

bool sender_full(const struct sender *self)
{
    return self->bytes >= self->limits.held_bytes;
}

size_t sender_held(const struct sender *self)
{
    return self->bytes;
}

size_t sender_waiting(const struct sender *self)
{
    return self->waiting;
}

/* ---- the shell's reports */

void sender_on_sent(struct sender *self, uint16_t router, uint64_t ticket, uint64_t link_number)
{
    if (router >= VIEW_OWNERS_MAX) return;
    struct lane *lane = &self->lanes[router];
    /* Effects are sent in order, so what the shell reports is near the end. */
    for (size_t i = lane->count; i-- > 0;) {
        struct entry *e = lane_at(lane, i);
        if (e->ticket == ticket) {
            e->link = link_number;
            return;
        }
    }
}

void sender_on_confirm(struct sender *self, uint16_t router, uint64_t link_number)
{
    if (router >= VIEW_OWNERS_MAX) return;
    struct lane *lane = &self->lanes[router];
    while (lane->count) {
        const struct entry *first = lane_at(lane, 0);
        if (first->link == 0 || first->link > link_number) break;
        struct entry e = lane_shift(lane);
        finish(self, &e);
    }
}

uint64_t sender_done(struct sender *self)
{
    if (self->done_count == 0) return 0;
    uint64_t ticket = self->done[self->done_head];
    self->done_head = (self->done_head + 1) & (self->done_cap - 1);
    self->done_count--;
    return ticket;
}

/* ---- the view */

static void mark_fenced(struct sender *self, const struct owners *owners)
{
    for (size_t i = 0; i < owners->count; i++) self->lanes[owners->number[i]].fenced = true;
}

void sender_hold(struct sender *self, const struct view *view)
{
    self->holding = true;
    self->view = view_number(view);
    for (size_t i = 0; i < VIEW_OWNERS_MAX; i++) self->lanes[i].fenced = false;
    mark_fenced(self, view_owners(view));
    mark_fenced(self, view_coming(view));
    for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++)
        if (!view_find(view, ROLE_ROUTER, i)) self->lanes[i].fenced = false;
}

void sender_fence(struct sender *self, struct effects *out)
{
    for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++) {
        if (!self->lanes[i].fenced) continue;
        msg_encode_FENCE(&self->scratch, &(struct msg_FENCE){ .view = self->view });
        effects_add_buf(out, ROLE_ROUTER, i, MSG_FENCE, &self->scratch, 0);
    }
}

/* The same message for another owner, saying where it went before. A note becomes
 * an empty one: its gateway has told the new owner everything by itself, and the
 * ticket waits behind that. */
static void readdress(struct sender *self, struct entry *e, uint16_t before, uint64_t epoch)
{
    struct span rest = blob_span(e->message), fields;
    enum msg_type type;
    enum err err;
    NEED(msg_next(&rest, &type, &fields, &err));
    if (e->note) {
        msg_encode_INTEREST(&self->scratch, &(struct msg_INTEREST){ .on = 1 });
    } else {
        struct msg_EMIT emit;
        NEED(msg_decode_EMIT(&emit, fields) == OK);
        emit.again = (uint16_t)(before + 1);
        emit.again_epoch = epoch;
        msg_encode_EMIT(&self->scratch, &emit);
    }
    struct blob *message = blob_new(buf_span(&self->scratch));
    buf_clear(&self->scratch);
    self->bytes += blob_span(message).len;
    self->bytes -= blob_span(e->message).len;
    blob_drop(&e->message);
    e->message = message;
}

static void redispatch(struct sender *self, struct lane *lane, struct effects *out)
{
    for (size_t n = lane->count; n > 0; n--) dispatch(self, lane_shift(lane), out);
}

void sender_on_reborn(struct sender *self, uint16_t router, uint64_t epoch, struct effects *out)
{
    if (router >= VIEW_OWNERS_MAX) return;
    struct lane *lane = &self->lanes[router];
    for (size_t i = 0; i < lane->count; i++) lane_at(lane, i)->link = 0;
    if (self->holding || lane->epoch != epoch) {
        lane->broken = true;
        return;
    }
    for (size_t n = lane->count; n > 0; n--) {
        struct entry e = lane_shift(lane);
        readdress(self, &e, router, epoch);
        dispatch(self, e, out);
    }
}

void sender_activate(struct sender *self, const struct view *view, struct effects *out)
{
    self->holding = false;
    self->owners = *view_owners(view);
    /* What is left at dead routers is older than what was held: it goes first. */
    struct lane left = { 0 };
    for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++) {
        struct lane *lane = &self->lanes[i];
        const struct member *m = view_find(view, ROLE_ROUTER, i);
        bool over = lane->broken || !m || (lane->epoch && lane->epoch != m->epoch);
        while (over && lane->count) {
            struct entry e = lane_shift(lane);
            if (lane->epoch) readdress(self, &e, i, lane->epoch);
            *lane_push(&left) = e;
        }
        lane->broken = false;
        lane->epoch = m ? m->epoch : 0;
    }
    redispatch(self, &left, out);
    redispatch(self, &self->held, out);
    lane_fini(&left);
}

bool sender_holding(const struct sender *self)
{
    return self->holding;
}
