#include "announce.h"

#include "address.h"

#include <stdlib.h>

void announce_init(struct announce *self, struct span id, uint64_t epoch, struct presence_stats *stats)
{
    *self = (struct announce){ .id = id, .epoch = epoch, .stats = stats };
}

static void lane_add(struct announce_lane *lane, struct announce_item item)
{
    if (lane->count == lane->cap && lane->head) {
        lane->count -= lane->head;
        memmove(lane->at, lane->at + lane->head, lane->count * sizeof *lane->at);
        lane->head = 0;
    }
    if (lane->count == lane->cap) {
        lane->cap = lane->cap ? 2 * lane->cap : 16;
        lane->at = realloc(lane->at, lane->cap * sizeof *lane->at);
        NEED(lane->at);
    }
    lane->at[lane->count++] = item;
}

static void lane_fini(struct announce_lane *lane)
{
    for (size_t i = lane->head; i < lane->count; i++) blob_drop(&lane->at[i].emit);
    free(lane->at);
    *lane = (struct announce_lane){ 0 };
}

void announce_fini(struct announce *self)
{
    for (size_t i = 0; i < VIEW_OWNERS_MAX; i++) lane_fini(&self->lane[i]);
    lane_fini(&self->waiting);
    buf_fini(&self->scratch), buf_fini(&self->key);
}

/* ---- where to */

static uint16_t router_for(struct announce *self, struct span body, const struct view *view)
{
    struct msg_BODY b;
    struct span first;
    if (msg_decode_BODY(&b, body) == OK && msg_next_str(&b.to, &first)) {
        buf_clear(&self->key);
        address_key(&self->key, b.nsp, first);
        uint16_t owner = view_owner(view, buf_span(&self->key));
        const struct member *m = owner == RANK_NOBODY ? NULL : view_find(view, ROLE_ROUTER, owner);
        if (m && m->state == MEMBER_READY && owner < VIEW_OWNERS_MAX) return owner;
    }
    uint16_t lowest;
    return view_of_role(view, ROLE_ROUTER, &lowest, 1) && lowest < VIEW_OWNERS_MAX ? lowest : RANK_NOBODY;
}

static struct msg_EMIT emit_of(const struct blob *message)
{
    struct span rest = blob_span(message), fields;
    struct msg_EMIT m;
    enum msg_type type;
    enum err e;
    NEED(msg_next(&rest, &type, &fields, &e) && type == MSG_EMIT && msg_decode_EMIT(&m, fields) == OK);
    return m;
}

static void dispatch(struct announce *self, struct announce_item item, const struct view *view, struct effects *out)
{
    uint16_t router = router_for(self, emit_of(item.emit).body, view);
    item.link = 0;
    if (router == RANK_NOBODY) {
        lane_add(&self->waiting, item);
        return;
    }
    lane_add(&self->lane[router], item);
    effects_add(out, ROLE_ROUTER, router, MSG_EMIT, blob_hold(item.emit), item.number);
}

void announce_send(struct announce *self, struct span body, const struct view *view, struct effects *out)
{
    if (self->count >= ANNOUNCE_MAX || self->bytes + body.len > ANNOUNCE_BYTES) {
        self->stats->announcements_dropped++;
        return;
    }
    struct announce_item item = { .number = ++self->number };
    msg_encode_EMIT(&self->scratch, &(struct msg_EMIT){ .number = item.number, .origin = self->id, .origin_epoch = self->epoch, .body = body });
    item.emit = blob_new(buf_span(&self->scratch));
    buf_clear(&self->scratch);
    self->count++, self->bytes += item.emit->len;
    self->stats->announcements_out++;
    dispatch(self, item, view, out);
}

/* ---- what the link says */

void announce_on_sent(struct announce *self, uint16_t router, uint64_t ticket, uint64_t link, uint64_t epoch)
{
    if (router >= VIEW_OWNERS_MAX) return;
    struct announce_lane *lane = &self->lane[router];
    for (size_t i = lane->count; i > lane->head; i--) {         /* the newest ones, in order: near the end */
        struct announce_item *item = &lane->at[i - 1];
        if (item->number != ticket || item->link) continue;
        item->link = link, item->epoch = epoch;
        if (link) return;
        lane_add(&self->waiting, *item);        /* there is no such peer yet */
        memmove(item, item + 1, (lane->count-- - i) * sizeof *item);
        return;
    }
}

static void done(struct announce *self, struct announce_item *item)
{
    self->count--, self->bytes -= item->emit->len;
    blob_drop(&item->emit);
}

void announce_on_confirm(struct announce *self, uint16_t router, uint64_t up_to)
{
    if (router >= VIEW_OWNERS_MAX) return;
    struct announce_lane *lane = &self->lane[router];
    while (lane->head < lane->count && lane->at[lane->head].link && lane->at[lane->head].link <= up_to) done(self, &lane->at[lane->head++]);
    if (lane->head == lane->count) lane->head = lane->count = 0;
}

/* Once more, under its old number; it says who may have had it already. */
static void again(struct announce *self, struct announce_item item, uint16_t router, const struct view *view, struct effects *out)
{
    struct msg_EMIT m = emit_of(item.emit);
    m.again = (uint16_t)(router + 1), m.again_epoch = item.epoch;
    msg_encode_EMIT(&self->scratch, &m);
    blob_drop(&item.emit);
    item.emit = blob_new(buf_span(&self->scratch));
    buf_clear(&self->scratch);
    self->stats->announcements_again++;
    dispatch(self, item, view, out);
}

void announce_on_lost(struct announce *self, uint16_t router, const struct view *view, struct effects *out)
{
    if (router >= VIEW_OWNERS_MAX) return;
    struct announce_lane lane = self->lane[router];
    self->lane[router] = (struct announce_lane){ 0 };
    for (size_t i = lane.head; i < lane.count; i++) {
        if (lane.at[i].link) again(self, lane.at[i], router, view, out);
        else lane_add(&self->lane[router], lane.at[i]);         /* an effect that is still to be sent: to the new life */
    }
    free(lane.at);
}

void announce_on_view(struct announce *self, const struct view *view, struct effects *out)
{
    struct announce_lane lane = self->waiting;
    self->waiting = (struct announce_lane){ 0 };
    for (size_t i = lane.head; i < lane.count; i++) dispatch(self, lane.at[i], view, out);
    free(lane.at);
    for (uint16_t r = 0; r < VIEW_OWNERS_MAX; r++)
        if (self->lane[r].count > self->lane[r].head && !view_find(view, ROLE_ROUTER, r)) announce_on_lost(self, r, view, out);
}

size_t announce_open(const struct announce *self)
{
    return self->count;
}
