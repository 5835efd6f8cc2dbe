#include "owner.h"

#include "address.h"
#include "owner_internal.h"
#include "sid.h"

#include <stdlib.h>

struct owner *owner_new(const struct owner_options *options)
{
    struct owner *self = calloc(1, sizeof *self);
    NEED(self);
    self->o = *options;
    rooms_init(&self->rooms, &options->seed, options->max_rooms);
    history_init(&self->history, &options->history);
    (void)past_need(&self->history.past, options->number, options->epoch);
    commits_init(&self->commits);
    answers_init(&self->answers);
    marks_init(&self->marks, &options->seed, options->publish_ids, options->publish_ids_ms);
    origins_init(&self->origins, &(struct siphash_key){ options->seed.k0, options->seed.k1 + 1 });
    return self;
}

void owner_destroy(struct owner **self_p)
{
    struct owner *self = *self_p;
    if (!self) return;
    rooms_fini(&self->rooms);
    history_fini(&self->history);
    commits_fini(&self->commits);
    answers_fini(&self->answers);
    deliveries_fini(&self->deliveries);
    marks_fini(&self->marks);
    origins_fini(&self->origins);
    for (size_t i = 0; i < ROOMS_GATEWAYS; i++) free(self->positions[i]);
    buf_fini(&self->scratch), buf_fini(&self->record), buf_fini(&self->key);
    free(self);
    *self_p = NULL;
}

enum err owner_key(struct buf *key, struct span body)
{
    struct msg_BODY b;
    struct span first;
    struct address address;
    enum err e = msg_decode_BODY(&b, body);
    if (e != OK) return e;
    if (b.nsp.len == 0 || !msg_next_str(&b.to, &first)) return ERR_MISSING;
    e = address_decode(&address, first);
    if (e != OK) return e;
    buf_clear(key);
    address_key(key, b.nsp, first);
    return OK;
}

/* ---- who gets it */

static void every_gateway(const struct owner *self, struct gateways *set)
{
    for (size_t i = 0; i < view_count(self->o.view); i++) {
        const struct member *m = view_member(self->o.view, i);
        if (m->role == ROLE_GATEWAY && m->number < ROOMS_GATEWAYS) gateways_add(set, m->number);
    }
}

/* The gateways that have a member of an address; all of them where only another owner would know. */
static enum err targets_of(struct owner *self, const struct msg_BODY *body, struct gateways *set)
{
    struct span rest = body->to, text;
    struct address address;
    size_t count = 0;
    while (msg_next_str(&rest, &text)) {
        enum err e = address_decode(&address, text);
        if (e != OK) return e;
        if (++count > self->o.max_addresses) return ERR_LIMIT;
        buf_clear(&self->key);
        address_key(&self->key, body->nsp, text);
        uint16_t gateway;
        if (address.kind == ADDRESS_SOCKET && sid_of_socket(address.name, &gateway) == OK && gateway < ROOMS_GATEWAYS &&
            view_find(self->o.view, ROLE_GATEWAY, gateway))
            gateways_add(set, gateway);
        const struct gateways *interested = rooms_find(&self->rooms, buf_span(&self->key));
        if (interested) gateways_join(set, interested);
        else if (address.kind != ADDRESS_SOCKET && view_owner(self->o.view, buf_span(&self->key)) != self->o.number)
            every_gateway(self, set);
    }
    return OK;
}

static void deliver(struct owner *self, const struct delivery *d, struct effects *out)
{
    struct msg_STAMPED stamped;
    NEED(msg_decode_STAMPED(&stamped, blob_span(d->stamped)) == OK);
    for (int g = -1; (g = gateways_next(&d->set, g)) >= 0;) {
        uint64_t prev = self->meant[g];
        self->meant[g] = d->seq;
        if (gateways_has(&self->clogged, (uint16_t)g)) {
            self->o.stats->deliveries_skipped++;
            continue;
        }
        msg_encode_DELIVER(&self->scratch, &(struct msg_DELIVER){
            .seq = d->seq, .prev = prev, .ref = d->ref, .body = stamped.body });
        effects_add_buf(out, ROLE_GATEWAY, (uint16_t)g, MSG_DELIVER, &self->scratch, 0);
        self->o.stats->deliveries_out++;
    }
}

void owner_deliver(struct owner *self, bool all, struct effects *out)
{
    struct delivery d;
    while (deliveries_next(&self->deliveries, all, &d)) {
        deliver(self, &d, out);
        blob_drop(&d.stamped);
    }
}

/* ---- an emit */

static void keep(struct owner *self, const struct msg_STAMPED *stamped, struct blob *encoded, uint64_t hash, bool alone)
{
    struct record record = { .router = stamped->router, .epoch = stamped->epoch, .seq = stamped->seq, .time = stamped->time,
                             .hash = hash, .alone = alone, .stamped = encoded };
    history_add(&self->history, &record);
}

static struct blob *encode(struct owner *self, const struct msg_STAMPED *stamped)
{
    msg_encode_STAMPED(&self->record, stamped);
    struct blob *blob = blob_new(buf_span(&self->record));
    buf_clear(&self->record);
    return blob;
}

/* The copy for the standby; its ticket says when it is there. 0: there is no standby. */
static uint64_t copy(struct owner *self, uint16_t standby, struct span stamped, struct effects *out)
{
    if (standby == RANK_NOBODY) return 0;
    struct buf list = { 0 };
    if (stamped.len) msg_add_str(&list, stamped);
    msg_encode_COPY(&self->scratch, &(struct msg_COPY){ .stamped = buf_span(&list) });
    buf_fini(&list);
    uint64_t ticket = ++self->tickets;
    effects_add_buf(out, ROLE_ROUTER, standby, MSG_COPY, &self->scratch, ticket);
    self->o.stats->copies_out++;
    return ticket;
}

static void standby_of(const struct owner *self, uint64_t hash, uint16_t *owner, uint16_t *standby)
{
    const struct owners *owners = view_owners(self->o.view);
    rank_pick(owners->number, owners->count, hash, owner, standby);
}

/* Where the history has an emit that a dead router had sequenced before it was sent to us again. */
static struct publish position_of(struct owner *self, const struct msg_EMIT *emit)
{
    const struct msg_STAMPED wanted = { .router = (uint16_t)(emit->again - 1), .epoch = emit->again_epoch, .origin = emit->origin,
                                        .origin_epoch = emit->origin_epoch, .origin_number = emit->number };
    const struct record *r = origins_find(&self->origins, &self->history, &wanted, self->o.number);
    return r ? (struct publish){ r->epoch, r->seq, r->time, 0 } : (struct publish){ .epoch = emit->again_epoch };
}

/* Seen before: the first one's position, once that is committed. 'told': the publisher is told that it was. */
static void answer_duplicate(struct owner *self, const struct from *from, const struct msg_EMIT *emit, const struct publish *seen, bool told, bool lost,
                             uint16_t standby, struct router_time now, struct effects *out)
{
    self->o.stats->emits_duplicate++;
    struct answer *answer = NULL;
    if (emit->ref) {
        answer = answers_add(&self->answers, from, emit->ref, now.mono + self->o.answer_ms);
        answer->epoch = seen->epoch, answer->seq = seen->seq, answer->gateways = seen->gateways, answer->duplicate = told, answer->lost = lost;
    }
    uint64_t ticket = copy(self, standby, (struct span){ "", 0 }, out);     /* empty: confirmed after the first one */
    commits_add(&self->commits, from, standby, ticket, answer ? answer->ref : 0, 0);
    if (!ticket) owner_commit(self, answer ? answer->ref : 0, out);
}

/* It was with a router that is gone: is it here by that one, or by who was its standby for this room? */
static bool had_before(struct owner *self, const struct msg_EMIT *emit, uint64_t hash)
{
    uint16_t router = (uint16_t)(emit->again - 1), pair[2];
    rank_pick(self->former.number, self->former.count, hash, &pair[0], &pair[1]);
    return emit->again && (marks_seen(&self->marks, router, router, emit->again_epoch, emit->origin, emit->origin_epoch, emit->number) ||
                           marks_seen(&self->marks, router, pair[1], emit->again_epoch, emit->origin, emit->origin_epoch, emit->number));
}

enum { ACKS_GRACE_MS = 500 };       /* gateways wait for their sockets as long as the emit says; this is for their way to us */

static uint64_t patience(const struct owner *self, const struct msg_BODY *body)
{
    uint64_t said = body->ack_timeout ? body->ack_timeout : self->o.answer_ms;
    return body->flags & BODY_ACK ? said + ACKS_GRACE_MS : said;
}

static enum err refuse(struct owner *self, const struct from *from, enum err why)
{
    self->o.stats->emits_refused++;
    owner_note(self, from);
    return why;
}

static struct answer *answer_for(struct owner *self, const struct from *from, const struct msg_EMIT *emit, const struct msg_BODY *body,
                                 const struct gateways *set, struct router_time now)
{
    if (!emit->ref) return NULL;
    struct answer *answer = answers_add(&self->answers, from, emit->ref, now.mono + patience(self, body));
    answer->epoch = self->o.epoch, answer->seq = self->seq, answer->gateways = gateways_count(set);
    if (body->flags & (BODY_REACHED | BODY_ACK)) answer->waiting = *set, answer->counts = true, answer->apart = body->kind == BODY_DISCONNECT;
    return answer;
}

enum err owner_on_emit(struct owner *self, const struct from *from, const struct msg_EMIT *given, struct router_time now, struct effects *out)
{
    struct msg_EMIT emit = *given;
    struct msg_BODY body;
    enum err e = owner_key(&self->key, emit.body);
    if (e == OK) e = msg_decode_BODY(&body, emit.body);
    if (e != OK) return refuse(self, from, e);
    uint64_t hash = rank_hash(buf_span(&self->key));
    uint16_t owner, standby;
    standby_of(self, hash, &owner, &standby);
    if (owner != self->o.number) return ERR_STATE;

    self->o.stats->emits_in++;
    if (emit.origin.len == 0) emit.origin = from->id, emit.origin_epoch = from->epoch;
    if (had_before(self, &emit, hash)) {
        struct publish before = position_of(self, &emit);
        answer_duplicate(self, from, &emit, &before, false, body.flags & (BODY_REACHED | BODY_ACK), standby, now, out);
        return OK;
    }
    const struct publish *seen = emit.publish_id.len ? marks_published(&self->marks, emit.publish_id, now.wall) : NULL;
    if (seen) {
        answer_duplicate(self, from, &emit, seen, true, body.flags & (BODY_REACHED | BODY_ACK), standby, now, out);
        return OK;
    }

    struct gateways set = { 0 };
    e = targets_of(self, &body, &set);
    if (e != OK) return refuse(self, from, e);
    uint64_t seq = ++self->seq;
    if (now.wall > self->time) self->time = now.wall;
    marks_see(&self->marks, self->o.number, self->o.number, self->o.epoch, emit.origin, emit.origin_epoch, emit.number);
    struct answer *answer = answer_for(self, from, &emit, &body, &set, now);
    struct msg_STAMPED stamped = { .router = self->o.number, .epoch = self->o.epoch, .seq = seq, .origin = emit.origin,
        .origin_epoch = emit.origin_epoch, .origin_number = emit.number, .time = self->time, .publish_id = emit.publish_id, .body = emit.body };
    struct delivery d = { .set = set, .seq = seq, .ref = answer && answer->counts ? answer->ref : 0,
                          .stamped = encode(self, &stamped) };
    uint64_t ticket = 0;
    if (!(body.flags & BODY_VOLATILE)) {
        keep(self, &stamped, blob_hold(d.stamped), hash, msg_count_strs(body.to) == 1);
        ticket = copy(self, standby, blob_span(d.stamped), out);
    }
    d.held = ticket == 0;
    if (emit.publish_id.len) marks_publish(&self->marks, emit.publish_id, self->o.epoch, seq, gateways_count(&set), now.wall);
    deliveries_add(&self->deliveries, &d);
    owner_deliver(self, false, out);
    commits_add(&self->commits, from, standby, ticket, answer ? answer->ref : 0, seq);
    if (!ticket) owner_commit(self, answer ? answer->ref : 0, out);
    return OK;
}

/* ---- what else peers say */

/* What waits for its standby was meant for those who were interested when it was numbered. Who comes to the
 * room meanwhile gets it too: a client that comes back is given what was delivered until now, so all behind that must be live. */
static void mean_too(struct owner *self, struct span key, uint16_t gateway)
{
    struct delivery *d;
    for (size_t i = 0; (d = deliveries_at(&self->deliveries, i)); i++) {
        struct msg_STAMPED stamped;
        struct msg_BODY body;
        struct span text;
        if (gateways_has(&d->set, gateway)) continue;
        NEED(msg_decode_STAMPED(&stamped, blob_span(d->stamped)) == OK && msg_decode_BODY(&body, stamped.body) == OK);
        while (msg_next_str(&body.to, &text)) {
            buf_clear(&self->key);
            address_key(&self->key, body.nsp, text);
            if (span_same(buf_span(&self->key), key)) gateways_add(&d->set, gateway);
        }
    }
}

enum err owner_on_interest(struct owner *self, const struct from *from, const struct msg_INTEREST *interest)
{
    owner_note(self, from);
    if (from->role != ROLE_GATEWAY) return ERR_AUTH;
    struct span rest = interest->rooms, key;
    enum err e = OK;
    while (e == OK && msg_next_str(&rest, &key)) {
        if (interest->on) {
            e = rooms_add(&self->rooms, key, from->number, interest->view);
            if (e == OK) mean_too(self, key, from->number);
        } else rooms_drop(&self->rooms, key, from->number);
    }
    return e;
}

/* A record of another's stream to keep: what its owner copies to us, or hands over. */
enum err owner_on_copies(struct owner *self, uint16_t holder, struct span list)
{
    struct span bytes;
    while (msg_next_str(&list, &bytes)) {
        struct msg_STAMPED s;
        struct msg_BODY body;
        enum err e = msg_decode_STAMPED(&s, bytes);
        if (e == OK) e = owner_key(&self->key, s.body);
        if (e == OK) e = msg_decode_BODY(&body, s.body);
        if (e != OK) return e;
        marks_see(&self->marks, s.router, holder, s.epoch, s.origin, s.origin_epoch, s.origin_number);
        if (s.publish_id.len) marks_publish(&self->marks, s.publish_id, s.epoch, s.seq, 0, s.time);
        keep(self, &s, blob_new(bytes), rank_hash(buf_span(&self->key)), msg_count_strs(body.to) == 1);
        self->o.stats->copies_in++;
    }
    return OK;
}

void owner_on_handed(struct owner *self, uint16_t router, const struct msg_HANDED *handed)
{
    marks_take(&self->marks, router, handed->marks);
    past_take(&self->history.past, handed->streams);
}

void owner_forget_gateway(struct owner *self, uint16_t gateway)
{
    if (gateway >= ROOMS_GATEWAYS) return;
    rooms_forget(&self->rooms, gateway);
    for (struct answer *a = NULL; (a = answers_next(&self->answers, a));)
        if (gateways_has(&a->waiting, gateway)) gateways_drop(&a->waiting, gateway), gateways_add(&a->gone, gateway);
    gateways_drop(&self->clogged, gateway);
    self->meant[gateway] = 0;
    free(self->positions[gateway]);
    self->positions[gateway] = NULL;
}

void owner_on_positions(struct owner *self, uint16_t gateway, struct span positions)
{
    if (gateway >= ROOMS_GATEWAYS || positions.len == 0) return;
    if (!self->positions[gateway]) self->positions[gateway] = calloc(VIEW_OWNERS_MAX, sizeof *self->positions[gateway]);
    NEED(self->positions[gateway]);
    while (positions.len) {
        struct span one = span_cut(&positions, ' ');
        uint64_t router, epoch, seq;
        if (!span_to_uint(span_cut(&one, ':'), VIEW_OWNERS_MAX - 1, &router) || !span_to_uint(span_cut(&one, ':'), UINT64_MAX, &epoch) ||
            !span_to_uint(one, UINT64_MAX, &seq))
            return;
        /* Of a life that the settled view does not know yet: the position in the one before is still needed. */
        if (self->lives[router] && self->lives[router] != epoch) continue;
        self->positions[gateway][router] = (struct position){ epoch, seq };
    }
}

void owner_clog(struct owner *self, uint16_t gateway, bool on)
{
    if (gateway >= ROOMS_GATEWAYS) return;
    if (on) gateways_add(&self->clogged, gateway);
    else gateways_drop(&self->clogged, gateway);
}

void owner_tick(struct owner *self, struct effects *out)
{
    struct gateways set = { 0 };
    every_gateway(self, &set);
    for (int g = -1; (g = gateways_next(&set, g)) >= 0;) {
        msg_encode_TICK(&self->scratch, &(struct msg_TICK){ .head = owner_delivered(self), .last = self->meant[g] });
        effects_add_buf(out, ROLE_GATEWAY, (uint16_t)g, MSG_TICK, &self->scratch, 0);
    }
}

const struct rooms *owner_rooms(const struct owner *self)
{
    return &self->rooms;
}

uint64_t owner_seq(const struct owner *self)
{
    return self->seq;
}
