/* Ownership moves: what is handed to whom, and what begins with the new view. */
#include "owner_internal.h"

enum { HAND_BYTES = 1 << 20 };      /* of one HAND, or one unasked REPLAYED */

static bool holds(const uint16_t pair[2], uint16_t router)
{
    return pair[0] == router || pair[1] == router;
}

static void give(struct owner *self, uint16_t gateway, struct buf *list, struct effects *out)
{
    if (!list->len) return;
    msg_encode_REPLAYED(&self->scratch, &(struct msg_REPLAYED){ .complete = 1, .stamped = buf_span(list) });
    effects_add_buf(out, ROLE_GATEWAY, gateway, MSG_REPLAYED, &self->scratch, 0);
    self->o.stats->replays_out++;
    buf_clear(list);
}

/* What an owner that is gone had sequenced, and perhaps not sent: its standby gives each gateway
 * all that is newer than the position of its last beat. Gateways know what they had. */
static void finish_streams(struct owner *self, struct effects *out)
{
    const struct owners *old = view_owners(self->o.view);
    for (uint16_t g = 0; g < ROOMS_GATEWAYS; g++) {
        struct buf list = { 0 };
        for (size_t i = 0; self->positions[g] && i < self->history.count; i++) {
            const struct record *r = history_at(&self->history, i);
            uint16_t owner, standby;
            if (r->router >= VIEW_OWNERS_MAX || r->router == self->o.number || r->epoch != self->lives[r->router] || owner_alive(self, r->router)) continue;
            const struct position *p = &self->positions[g][r->router];
            rank_pick(old->number, old->count, r->hash, &owner, &standby);
            if (standby != self->o.number || p->epoch != r->epoch || r->seq <= p->seq) continue;
            if (owner_concerns(self, blob_span(r->stamped), (struct span){ "", 0 }, g)) msg_add_str(&list, blob_span(r->stamped));
            if (list.len > HAND_BYTES) give(self, g, &list, out);
        }
        give(self, g, &list, out);
        buf_fini(&list);
    }
}

static void hand(struct owner *self, uint16_t router, struct buf *list, struct effects *out)
{
    if (!list->len) return;
    msg_encode_HAND(&self->scratch, &(struct msg_HAND){ .view = view_number(self->o.view), .stamped = buf_span(list) });
    effects_add_buf(out, ROLE_ROUTER, router, MSG_HAND, &self->scratch, 0);
    buf_clear(list);
}

/* A record goes to whoever will hold its room and does not yet. Its owner hands it
 * over; where the owner is gone, its standby does. */
void owner_hand_over(struct owner *self, struct effects *out)
{
    const struct view *view = self->o.view;
    const struct owners *old = view_owners(view), *coming = view_coming(view);
    struct buf lists[VIEW_OWNERS_MAX] = { 0 };
    self->former = *old;
    owner_deliver(self, true, out);     /* before the fence to the gateways; those that take over get it with the rest */
    finish_streams(self, out);
    for (size_t i = 0; i < self->history.count; i++) {
        const struct record *r = history_at(&self->history, i);
        uint16_t before[2], after[2];
        rank_pick(old->number, old->count, r->hash, &before[0], &before[1]);
        rank_pick(coming->number, coming->count, r->hash, &after[0], &after[1]);
        for (int k = 0; k < 2; k++)     /* the dead hold nothing */
            if (before[k] != RANK_NOBODY && !owner_alive(self, before[k])) before[k] = RANK_NOBODY;
        uint16_t giver = before[0] != RANK_NOBODY ? before[0] : before[1];
        if (giver != self->o.number) continue;
        for (int k = 0; k < 2; k++)
            if (after[k] != RANK_NOBODY && after[k] != self->o.number && !holds(before, after[k])) {
                msg_add_str(&lists[after[k]], blob_span(r->stamped));
                if (lists[after[k]].len > HAND_BYTES) hand(self, after[k], &lists[after[k]], out);
            }
    }
    struct buf marks = { 0 }, streams = { 0 };
    marks_give(&self->marks, self->o.number, &marks);
    past_give(&self->history.past, &streams);
    for (uint16_t n = 0; n < VIEW_OWNERS_MAX; n++) {
        hand(self, n, &lists[n], out);
        buf_fini(&lists[n]);
    }
    for (size_t i = 0; i < coming->count; i++) {
        msg_encode_HANDED(&self->scratch, &(struct msg_HANDED){ .view = view_number(view), .marks = buf_span(&marks), .streams = buf_span(&streams) });
        effects_add_buf(out, ROLE_ROUTER, coming->number[i], MSG_HANDED, &self->scratch, 0);
    }
    buf_fini(&marks), buf_fini(&streams);
}

static bool ours(void *self_v, struct span key)
{
    const struct owner *self = self_v;
    return view_owner(self->o.view, key) == self->o.number;
}

void owner_activate(struct owner *self, struct effects *out)
{
    origins_forget(&self->origins);
    rooms_sift(&self->rooms, view_number(self->o.view), ours, self);
    for (uint16_t n = 0; n < VIEW_OWNERS_MAX; n++) {
        const struct member *m = view_find(self->o.view, ROLE_ROUTER, n);
        /* What a standby that is gone had not confirmed was handed to its successor with the view. */
        if (n != self->o.number && (!m || (self->lives[n] && self->lives[n] != m->epoch))) owner_release(self, n, out);
        self->lives[n] = m ? m->epoch : 0;
        if (m) (void)past_need(&self->history.past, n, m->epoch);
    }
    /* What follows what we have taken over is stamped later, whatever the clock of its owner was. */
    for (size_t i = 0; i < self->history.count; i++)
        if (history_at(&self->history, i)->time >= self->time) self->time = history_at(&self->history, i)->time + 1;
}

bool owner_alive(const struct owner *self, uint16_t router)
{
    const struct member *m = view_find(self->o.view, ROLE_ROUTER, router);
    return m && (!self->lives[router] || self->lives[router] == m->epoch);
}
