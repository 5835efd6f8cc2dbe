#include "router.h"

#include "gather.h"
#include "router_internal.h"

#include <stdlib.h>

struct router *router_new(const struct router_options *options)
{
    const struct config *c = options->config;
    struct router *self = calloc(1, sizeof *self);
    NEED(self);
    self->o = *options;
    struct siphash_key seed = { options->seed.k0 + 1, options->seed.k1 };
    map_init(&self->asked, &seed, NULL);
    struct siphash_key batches = { options->seed.k0 + 2, options->seed.k1 };
    struct siphash_key revoked = { options->seed.k0 + 3, options->seed.k1 };
    self->revoked = revoked_new(&revoked);
    batches_init(&self->batches, &batches, c->router.command_queue_bytes);
    self->sender = sender_new(options->id, options->epoch, &(struct sender_limits){ .held_bytes = c->router.hold_bytes });
    self->owner = owner_new(&(struct owner_options){
        .number = options->number, .epoch = options->epoch, .seed = options->seed,
        .history = { c->router.history_bytes, c->router.history_count, c->router.history_ms },
        .max_rooms = c->router.max_rooms, .max_addresses = c->router.max_addresses_count, .max_acks_bytes = c->router.max_acks_bytes, .hold_bytes = c->router.hold_bytes,
        .publish_ids = c->router.publish_ids_count, .publish_ids_ms = c->router.publish_ids_ms,
        .answer_ms = c->router.answer_ms, .recovery_bytes = c->router.recovery_bytes, .view = options->view, .stats = options->stats });
    struct buf errors = { 0 };
    self->pushes = pushes_new(c, &errors);      /* what is wrong with them, whoever checked the topology has said */
    buf_fini(&errors);
    return self;
}

bool router_may_reload(const struct config *fresh, struct buf *errors)
{
    size_t before = errors->len;
    struct pushes *pushes = pushes_new(fresh, errors);
    pushes_destroy(&pushes);
    return errors->len == before;
}

void router_reload(struct router *self)
{
    struct buf errors = { 0 };
    pushes_destroy(&self->pushes);
    self->pushes = pushes_new(self->o.config, &errors);
    self->pushes_life++;
    buf_fini(&errors);
}

void router_destroy(struct router **self_p)
{
    struct router *self = *self_p;
    if (!self) return;
    asked_fini(self);
    pushes_destroy(&self->pushes);
    batches_fini(&self->batches);
    revoked_destroy(&self->revoked);
    buf_fini(&self->journal);
    sender_destroy(&self->sender);
    owner_destroy(&self->owner);
    effects_fini(&self->effects);
    struct reply reply;
    while (router_next_reply(self, &reply)) blob_drop(&reply.envelope), blob_drop(&reply.json), blob_drop(&reply.attachments);
    free(self->replies);
    buf_fini(&self->scratch), buf_fini(&self->key);
    free(self);
    *self_p = NULL;
}

/* ---- what a daemon says: one row a message */

static enum err on_emit(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_EMIT m;
    enum err e = msg_decode_EMIT(&m, fields);
    if (e != OK) return e;
    /* While ownership moves, what was sent before its sender's fence is still sequenced by the old owner. */
    e = handover_passed(&self->handover, from->role, from->number) ? ERR_STATE : owner_on_emit(self->owner, from, &m, now, &self->effects);
    if (e != ERR_STATE) return e;
    /* Not ours, or ours only in the coming view: on to the owner, under the name of who made it. */
    e = owner_key(&self->key, m.body);
    if (e != OK) return e;
    struct sender_emit emit = { .key = buf_span(&self->key), .body = m.body, .publish_id = m.publish_id,
                                .origin = m.origin.len ? m.origin : from->id,
                                .origin_epoch = m.origin.len ? m.origin_epoch : from->epoch, .origin_number = m.number };
    if (m.ref) emit.ref = asked_for_peer(self, from, &m, now);
    owner_forwarded(self->owner, from, sender_emit(self->sender, &emit, &self->effects));
    return OK;
}

static enum err on_emitted(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_EMITTED m;
    (void)now;
    owner_note(self->owner, from);
    enum err e = msg_decode_EMITTED(&m, fields);
    if (e == OK) asked_on_emitted(self, &m);
    return e;
}

static enum err on_interest(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_INTEREST m;
    (void)now;
    enum err e = msg_decode_INTEREST(&m, fields);
    return e == OK ? owner_on_interest(self->owner, from, &m) : e;
}

static enum err on_reached(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_REACHED m;
    (void)now;
    enum err e = msg_decode_REACHED(&m, fields);
    return e == OK ? owner_on_reached(self->owner, from, &m, &self->effects) : e;
}

static enum err on_replay(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_REPLAY m;
    (void)now;
    enum err e = msg_decode_REPLAY(&m, fields);
    return e == OK ? owner_on_replay(self->owner, from, &m, &self->effects) : e;
}

static enum err on_copy(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_COPY m;
    (void)now;
    enum err e = msg_decode_COPY(&m, fields);
    if (e == OK) e = owner_on_copies(self->owner, self->o.number, m.stamped);
    owner_note(self->owner, from);
    return e;
}

static enum err on_hand(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_HAND m;
    (void)now;
    enum err e = msg_decode_HAND(&m, fields);
    if (e == OK) e = owner_on_copies(self->owner, from->number, m.stamped);
    owner_note(self->owner, from);
    return e;
}

static enum err on_handed(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_HANDED m;
    (void)now;
    owner_note(self->owner, from);
    enum err e = msg_decode_HANDED(&m, fields);
    if (e != OK) return e;
    owner_on_handed(self->owner, from->number, &m);
    handover_on_handed(&self->handover, from->number, m.view);
    return OK;
}

static enum err on_fence(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_FENCE m;
    (void)now;
    owner_note(self->owner, from);
    enum err e = msg_decode_FENCE(&m, fields);
    if (e == OK) handover_on_fence(&self->handover, from->role, from->number, m.view);
    return e;
}

static enum err on_ask(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_ASK m;
    (void)now;
    enum err e = msg_decode_ASK(&m, fields);
    if (e != OK) return e;
    struct buf json = { 0 };
    bool known = span_same(m.verb, SPAN("health"));
    if (known) router_health(self, &json);
    else known = self->o.answer && self->o.answer(self->o.answer_self, m.verb, &json);
    msg_encode_TOLD(&self->scratch, &(struct msg_TOLD){ .ref = m.ref, .error = known ? OK : ERR_UNKNOWN, .json = buf_span(&json) });
    effects_add_buf(&self->effects, from->role, from->number, MSG_TOLD, &self->scratch, 0);
    buf_fini(&json);
    return OK;
}

static enum err on_told(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    struct msg_TOLD m;
    enum err e = msg_decode_TOLD(&m, fields);
    return e == OK ? asked_on_told(self, from->id, &m, now) : e;
}

static enum err on_revoked(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    (void)now;
    return revoke_on_told(self, from, fields);
}

static enum err on_revoked_ask(struct router *self, const struct from *from, struct span fields, struct router_time now)
{
    (void)now;
    return revoke_on_asked(self, from, fields);
}

typedef enum err on_message(struct router *self, const struct from *from, struct span fields, struct router_time now);
static on_message *const on_messages[MSG_COUNT] = {
    [MSG_EMIT] = on_emit, [MSG_EMITTED] = on_emitted, [MSG_INTEREST] = on_interest, [MSG_REACHED] = on_reached,
    [MSG_REPLAY] = on_replay, [MSG_COPY] = on_copy, [MSG_HAND] = on_hand, [MSG_HANDED] = on_handed, [MSG_FENCE] = on_fence,
    [MSG_ASK] = on_ask, [MSG_TOLD] = on_told,
    [MSG_REVOKED] = on_revoked, [MSG_REVOKED_ASK] = on_revoked_ask,
};

/* ---- what we send to ourselves is taken at once */

static void pump(struct router *self, struct router_time now)
{
    struct effects *out = &self->effects;
    const struct from me = { ROLE_ROUTER, self->o.number, self->o.id, self->o.epoch, 0 };
    for (; self->pumped < out->count; self->pumped++) {
        struct effect e = out->at[self->pumped];
        if (e.role != ROLE_ROUTER || e.number != self->o.number || !on_messages[e.type]) continue;
        struct span rest = blob_span(e.message), fields;
        enum msg_type type;
        enum err err;
        NEED(msg_next(&rest, &type, &fields, &err));
        struct from from = me;
        if (e.ticket && type == MSG_EMIT) {
            from.link = e.ticket;       /* our own link to ourselves: numbered by tickets */
            sender_on_sent(self->sender, self->o.number, e.ticket, e.ticket);
        }
        enum err refused = on_messages[type](self, &from, fields, now);
        if (refused != OK) self->o.stats->refused_bus[refused]++;
        out->at[self->pumped].role = ROLE_NONE;
        blob_drop(&out->at[self->pumped].message);
    }
}

/* Steps of a hand-over that have become possible. */
static void advance(struct router *self, struct router_time now)
{
    enum handover_step step;
    while ((step = handover_step(&self->handover, self->o.view)) != HANDOVER_WAIT) {
        if (step == HANDOVER_GIVE) {
            owner_hand_over(self->owner, &self->effects);
            for (size_t i = 0; i < view_count(self->o.view); i++) {
                const struct member *m = view_member(self->o.view, i);
                if (m->role != ROLE_GATEWAY) continue;
                msg_encode_FENCE(&self->scratch, &(struct msg_FENCE){ .view = self->handover.view });
                effects_add_buf(&self->effects, ROLE_GATEWAY, m->number, MSG_FENCE, &self->scratch, 0);
            }
        } else {
            uint16_t coordinator = (uint16_t)(self->handover.view % ROSTER_COORDINATORS);
            msg_encode_SETTLED(&self->scratch, &(struct msg_SETTLED){ .view = self->handover.view });
            effects_add_buf(&self->effects, ROLE_ROUTER, coordinator, MSG_SETTLED, &self->scratch, 0);
        }
        pump(self, now);
    }
}

void router_on_turn(struct router *self, struct router_time now)
{
    pump(self, now);
    advance(self, now);
}

void router_on_message(struct router *self, const struct from *from, enum msg_type type, struct span fields, struct router_time now)
{
    enum err e = (size_t)type < MSG_COUNT && on_messages[type] ? on_messages[type](self, from, fields, now) : ERR_UNKNOWN;
    if (e == ERR_UNKNOWN) owner_note(self->owner, from);
    if (e != OK && e != ERR_GONE) self->o.stats->refused_bus[e]++;
    router_on_turn(self, now);
}

void router_on_positions(struct router *self, uint16_t gateway, struct span positions)
{
    owner_on_positions(self->owner, gateway, positions);
}

void router_noted(struct router *self, const struct from *from)
{
    owner_note(self->owner, from);
}

void router_on_view(struct router *self, enum view_change change, struct router_time now)
{
    self->o.stats->view_number = view_number(self->o.view);
    self->o.stats->view_holding = view_holding(self->o.view);
    if (change == VIEW_HOLDING) {
        if (!self->hold_since) self->hold_since = now.mono;
        handover_begin(&self->handover, self->o.view);
        sender_hold(self->sender, self->o.view);
        sender_fence(self->sender, &self->effects);
    } else if (change == VIEW_ACTIVE) {
        if (self->hold_since) self->o.stats->view_hold_ms = now.mono - self->hold_since;
        self->hold_since = 0;
        self->o.stats->view_changes++;
        handover_end(&self->handover);
        owner_activate(self->owner, &self->effects);
        sender_activate(self->sender, self->o.view, &self->effects);
    }
    router_on_turn(self, now);
}

void router_on_reborn(struct router *self, enum role role, uint16_t number, uint64_t epoch, struct router_time now)
{
    owner_forget_sender(self->owner, role, number);
    if (role == ROLE_GATEWAY) owner_forget_gateway(self->owner, number);
    if (role == ROLE_ROUTER && number < VIEW_OWNERS_MAX) self->revoked_peers[number].asked = 0;     /* its answer is lost */
    if (role == ROLE_ROUTER) sender_on_reborn(self->sender, number, epoch, &self->effects);
    if (role == ROLE_ROUTER && view_holding(self->o.view)) sender_fence(self->sender, &self->effects);      /* the one before went to the old link */
    router_on_turn(self, now);
}

void router_on_gone(struct router *self, enum role role, uint16_t number, struct router_time now)
{
    owner_forget_sender(self->owner, role, number);
    if (role == ROLE_GATEWAY) owner_forget_gateway(self->owner, number);
    router_on_turn(self, now);
}

void router_on_sent(struct router *self, const struct effect *effect, uint64_t link_number)
{
    if (effect->type == MSG_COPY) owner_on_sent(self->owner, effect->number, effect->ticket, link_number);
    else sender_on_sent(self->sender, effect->number, effect->ticket, link_number);
}

void router_on_confirm(struct router *self, uint16_t number, uint64_t link_number, struct router_time now)
{
    sender_on_confirm(self->sender, number, link_number);
    router_on_turn(self, now);
}

void router_on_received(struct router *self, uint16_t number, uint64_t link_number, struct router_time now)
{
    owner_on_received(self->owner, number, link_number, &self->effects);
    router_on_turn(self, now);
}

void router_clog(struct router *self, uint16_t gateway, bool on)
{
    owner_clog(self->owner, gateway, on);
}

enum { POSITION_TICKS = 5 };        /* every so many ticks the gateways hear where our stream stands */

void router_on_time(struct router *self, struct router_time now)
{
    owner_expire(self->owner, now, &self->effects);
    asked_expire(self, now);
    pushes_on_time(self, now);
    revoke_expire(self, now);
    if (++self->ticks % POSITION_TICKS == 0) owner_tick(self->owner, &self->effects);
    self->o.stats->sender_waiting = sender_waiting(self->sender);
    self->o.stats->sender_bytes = sender_held(self->sender);
    self->o.stats->command_open = self->asked.count;
    router_on_turn(self, now);
}

/* ---- what comes out */

struct effects *router_effects(struct router *self)
{
    self->pumped = 0;       /* the shell empties them */
    return &self->effects;
}

bool router_next_confirm(struct router *self, enum role *role, uint16_t *number, uint64_t *link_number)
{
    for (;;) {
        uint64_t ticket;
        while ((ticket = sender_done(self->sender))) owner_on_forward_done(self->owner, ticket);
        if (!owner_next_confirm(self->owner, role, number, link_number)) return false;
        if (*role != ROLE_ROUTER || *number != self->o.number) return true;
        sender_on_confirm(self->sender, self->o.number, *link_number);
    }
}

bool router_next_reply(struct router *self, struct reply *reply)
{
    if (self->reply_head == self->reply_count) {
        self->reply_head = self->reply_count = 0;
        return false;
    }
    *reply = self->replies[self->reply_head++];
    return true;
}

bool router_quiet(const struct router *self)
{
    const struct owners *owners = view_owners(self->o.view);
    for (size_t i = 0; i < owners->count; i++)
        if (owners->number[i] == self->o.number && owners->count > 1) return false;
    return owner_unanswered(self->owner) == 0 && sender_waiting(self->sender) == 0 && self->asked.count == 0;
}
