/* The second half of an emit: it is committed, counted and answered. */
#include "owner_internal.h"

static bool empty(const struct gateways *set)
{
    return gateways_next(set, -1) < 0;
}

static void say(struct owner *self, struct answer *a, struct effects *out)
{
    struct buf missing = { 0 }, id = { 0 };
    gateways_join(&a->waiting, &a->gone);
    for (int g = -1; (g = gateways_next(&a->waiting, g)) >= 0;) {
        buf_clear(&id);
        member_id_encode(&id, ROLE_GATEWAY, (uint16_t)g);
        msg_add_str(&missing, buf_span(&id));
    }
    msg_encode_EMITTED(&self->scratch, &(struct msg_EMITTED){
        .ref = a->asked, .error = OK, .epoch = a->epoch, .seq = a->seq, .gateways = a->gateways, .reached = a->reached,
        .complete = missing.len == 0 && !a->lost, .duplicate = a->duplicate, .missing = buf_span(&missing), .acks = buf_span(&a->acks), .answered = a->answered,
        .by = buf_span(&a->by) });
    effects_add_buf(out, a->role, a->number, MSG_EMITTED, &self->scratch, 0);
    buf_fini(&missing), buf_fini(&id);
    answers_drop(&self->answers, a);
}

void owner_commit(struct owner *self, uint64_t ref, struct effects *out)
{
    struct answer *a = answers_find(&self->answers, ref);
    if (!a) return;
    a->committed = true;
    if (empty(&a->waiting)) say(self, a, out);
}

static void keep_count(struct answer *a, uint16_t gateway, uint32_t count)
{
    struct buf text = { 0 };
    buf_add_format(&text, "%u %u", gateway, count);
    msg_add_str(&a->by, buf_span(&text));
    buf_fini(&text);
}

static void keep_acks(struct owner *self, struct answer *a, struct span acks)
{
    struct span one;
    while (msg_next_str(&acks, &one))
        if (!answers_keep_ack(&self->answers, a, one, self->o.max_acks_bytes, self->o.hold_bytes)) self->o.stats->acks_cut++;
}

enum err owner_on_reached(struct owner *self, const struct from *from, const struct msg_REACHED *reached, struct effects *out)
{
    owner_note(self, from);
    if (from->role != ROLE_GATEWAY || from->number >= ROOMS_GATEWAYS) return ERR_AUTH;
    struct answer *a = answers_find(&self->answers, reached->ref);
    if (!a || !gateways_has(&a->waiting, from->number)) return ERR_GONE;
    gateways_drop(&a->waiting, from->number);
    a->reached += reached->count;
    a->answered += reached->answered;
    if (a->apart) keep_count(a, from->number, reached->count);
    keep_acks(self, a, reached->acks);
    if (a->committed && empty(&a->waiting)) say(self, a, out);
    return OK;
}

void owner_on_sent(struct owner *self, uint16_t router, uint64_t ticket, uint64_t link_number)
{
    if (router < VIEW_OWNERS_MAX) commits_on_sent(&self->commits, router, ticket, link_number);
}

void owner_on_received(struct owner *self, uint16_t router, uint64_t link_number, struct effects *out)
{
    uint64_t answer, seq;
    if (router >= VIEW_OWNERS_MAX) return;
    while (commits_next(&self->commits, router, link_number, &answer, &seq)) {
        if (seq) deliveries_held(&self->deliveries, seq);
        owner_commit(self, answer, out);
    }
    owner_deliver(self, false, out);
}

/* A standby that is gone: whoever followed it has its copies from the hand-over. */
void owner_release(struct owner *self, uint16_t standby, struct effects *out)
{
    owner_on_received(self, standby, UINT64_MAX, out);
}

void owner_note(struct owner *self, const struct from *from)
{
    if (from->link) commits_add(&self->commits, from, 0, 0, 0, 0);
}

void owner_forwarded(struct owner *self, const struct from *from, uint64_t ticket)
{
    self->o.stats->emits_forwarded++;
    if (from->link) commits_forward(&self->commits, from, ticket);
}

void owner_on_forward_done(struct owner *self, uint64_t ticket)
{
    commits_forward_done(&self->commits, ticket);
}

bool owner_next_confirm(struct owner *self, enum role *role, uint16_t *number, uint64_t *link_number)
{
    return commits_next_confirm(&self->commits, role, number, link_number);
}

void owner_forget_sender(struct owner *self, enum role role, uint16_t number)
{
    commits_forget(&self->commits, role, number);
}

void owner_expire(struct owner *self, struct router_time now, struct effects *out)
{
    history_trim(&self->history, now.wall);
    origins_trim(&self->origins, &self->history);
    for (struct answer *a = NULL; (a = answers_next(&self->answers, a));) {
        if (!a->committed || (now.mono < a->deadline && !empty(&a->waiting))) continue;
        self->o.stats->answers_late++;
        say(self, a, out);
    }
    struct router_stats *s = self->o.stats;
    s->rooms_open = rooms_count(&self->rooms);
    s->rooms_bytes = rooms_bytes(&self->rooms);
    s->history_count = self->history.count;
    s->history_bytes = self->history.bytes;
    s->history_dropped = self->history.dropped;
    s->stream_seq = self->seq;
    s->answers_open = self->answers.count;
    s->acks_bytes = self->answers.acks_bytes;
    s->deliveries_waiting = self->deliveries.count;
    s->publish_ids = marks_publishes(&self->marks);
}

size_t owner_unanswered(const struct owner *self)
{
    return self->answers.count + self->commits.open;
}
