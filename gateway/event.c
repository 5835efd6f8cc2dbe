/* event - a client's event: its rule, and what the rule causes. */
#include "feed.h"

#include "json.h"

static bool is_member(const void *self, struct span address)
{
    const struct socket *s = self;
    struct gate *g = s->session->gate;
    buf_clear(&g->key);
    address_key(&g->key, s->space->name, address);
    const struct room *room = registry_room(&g->registry, buf_span(&g->key));
    return room && registry_place(s, room) != UINT32_MAX;
}

struct template_scope event_scope(struct socket *s, const struct sio_packet *p, struct buf *address)
{
    struct gate *g = s->session->gate;
    struct template_scope scope = {
        .user = socket_user(s), .realm = span_of(s->space->config->realm), .claims = socket_claims(s),
        .socket = socket_id(s), .nsp = s->space->shown, .nsp_parts = s->space->parts, .nsp_part_count = s->space->part_count, .now_ms = g->now.wall };
    if (p) scope.packet = p->json, scope.attachments = p->attachments, scope.event = p->name;
    buf_clear(address);
    ip_print(address, &s->session->address);
    scope.address = buf_span(address);
    gate_random(g, scope.random, sizeof scope.random);
    return scope;
}

/* ---- effects */

/* The attachments that an effect refers to, by their places in the packet. */
static void pick_attachments(struct buf *strs, struct span picked, const struct span *attachments)
{
    buf_clear(strs);
    NEED(attachments || !picked.len);
    for (size_t i = 0; i < picked.len; i++) msg_add_str(strs, attachments[(uint8_t)picked.ptr[i]]);
}

uint64_t event_emit(struct gate *g, struct span nsp, const struct rules_effect *e, const struct span *attachments)
{
    struct span rest = e->to, first;
    if (!msg_next_str(&rest, &first)) return 0;
    struct buf strs = { 0 };
    pick_attachments(&strs, e->attachments, attachments);
    buf_clear(&g->body);
    msg_encode_BODY(&g->body, &(struct msg_BODY){ .kind = BODY_EMIT, .flags = e->is_volatile ? BODY_VOLATILE : 0, .nsp = nsp,
        .to = e->to, .except = e->except, .args = e->args, .attachments = buf_span(&strs), .time = g->now.wall });
    buf_fini(&strs);
    buf_clear(&g->key);
    address_key(&g->key, nsp, first);
    g->stats->emits_out++;
    return sender_emit(g->sender, &(struct sender_emit){ .key = buf_span(&g->key), .body = buf_span(&g->body) }, &g->effects);
}

static uint64_t join(struct socket *s, struct span address)
{
    struct gate *g = s->session->gate;
    buf_clear(&g->key);
    address_key(&g->key, s->space->name, address);
    return membership_join(s, buf_span(&g->key));
}

static void leave(struct socket *s, struct span address)
{
    struct gate *g = s->session->gate;
    buf_clear(&g->key);
    address_key(&g->key, s->space->name, address);
    const struct room *room = registry_room(&g->registry, buf_span(&g->key));
    uint32_t place = room ? registry_place(s, room) : UINT32_MAX;
    if (place != UINT32_MAX) membership_leave(s, place);
}

/* One reply or ack, appended to what the socket will be told, in its dialect. */
static void say(struct socket *s, const struct sio_packet *p, const struct rules_effect *e, const struct span *attachments, struct buf *out)
{
    struct buf strs = { 0 }, text = { 0 };
    pick_attachments(&strs, e->attachments, attachments);
    if (e->kind == RULES_ACK) sio_ack(&text, s->space->shown, p->id, e->args, (unsigned)e->attachments.len);
    if (s->recovery) {
        answer_add(out, buf_span(&text), e->args, buf_span(&strs));
    } else {
        struct frames f = text.len ? frames_packet(buf_span(&text), buf_span(&strs)) : frames_event(s->space->shown, e->args, buf_span(&strs));
        frames_append(out, frames_for(&f, s->session->dialect, &s->session->gate->compression), s->session->dialect);
        frames_fini(&f);
    }
    buf_fini(&strs), buf_fini(&text);
}

static bool asked_for(const struct sio_packet *p, const struct rules_effect *e)
{
    return e->kind == RULES_REPLY || (e->kind == RULES_ACK && p && p->id != SIO_NO_ID);
}

void event_say(struct socket *s, const struct sio_packet *p, const struct rules_effect *e, const struct span *attachments, struct buf *out)
{
    if (asked_for(p, e)) say(s, p, e, attachments, out);
}

static size_t size_of(const struct rules_effect *e, const struct span *attachments)
{
    size_t n = e->to.len + e->except.len + e->args.len;
    for (size_t i = 0; i < e->attachments.len; i++) n += attachments[(uint8_t)e->attachments.ptr[i]].len;
    return n;
}

/* May all of it be done? If not, none of it is. ERR_LIMIT: '*why' says so. */
static enum err admit(struct socket *s, const struct rules_effects *r, const struct span *attachments, enum problem *why)
{
    struct gate *g = s->session->gate;
    uint32_t joins = 0, sends = 0;
    bool follows = false;
    for (size_t i = 0; i < r->count; i++) {
        follows |= r->at[i].kind == RULES_WATCH;
        joins += r->at[i].kind == RULES_JOIN, sends += r->at[i].kind == RULES_EMIT;
        if (r->at[i].kind != RULES_EMIT || size_of(&r->at[i], attachments) <= g->config->router.max_body_bytes) continue;
        *why = PROBLEM_SIZE;
        return ERR_LIMIT;
    }
    if (joins && s->rooms.count + joins > s->session->listener->config->max_rooms_count + 2) {
        *why = PROBLEM_ROOMS;
        return ERR_LIMIT;
    }
    if (follows && g->follows.count >= GATE_FOLLOWS_MAX) return ERR_FULL;
    if (answer_full(s) || ((joins || sends) && sender_full(g->sender))) return ERR_FULL;
    return OK;
}

enum { TICKETS_MAX = 64 };      /* of one event; more joins and emits than that are waited for by the last ones only */

/* Joins, leaves and emits are done now; all that the socket is told is one answer that waits for their tickets. */
void event_do(struct socket *s, const struct template_scope *scope, const struct sio_packet *p, const struct span *attachments, const struct rules_effects *r)
{
    struct gate *g = s->session->gate;
    const struct rules_effect *work = NULL;
    uint64_t tickets[TICKETS_MAX];
    size_t count = 0;
    enum problem why = PROBLEM_NONE;
    enum err e = admit(s, r, attachments, &why);
    if (e != OK) g->stats->refused_rules[e]++;
    if (why) {
        rules_refuse(s->space->rules, scope, why, SPAN(""), SPAN(""), &g->ruled);
        r = &g->ruled;
    } else if (e != OK) {
        g->stats->events_full++;        /* not done and not acknowledged: the client knows, and may try again */
        return;
    }
    struct buf out = { 0 };
    struct follow *follows = NULL;
    for (size_t i = 0; i < r->count; i++) {
        const struct rules_effect *effect = &r->at[i];
        uint64_t ticket = 0;
        if (effect->kind == RULES_JOIN) ticket = join(s, effect->to);
        else if (effect->kind == RULES_LEAVE) leave(s, effect->to);
        else if (effect->kind == RULES_EMIT) ticket = event_emit(g, effect->nsp.len ? effect->nsp : s->space->name, effect, attachments);
        else if (effect->kind == RULES_WORK) work = effect;
        else if (effect->kind == RULES_WATCH) follows = follow_begin(s, p, effect);
        else if (effect->is_volatile && !session_writable(s->session)) g->stats->volatile_dropped++;
        else event_say(s, p, effect, attachments, &out);
        if (ticket) tickets[count < TICKETS_MAX ? count++ : TICKETS_MAX - 1] = ticket;
    }
    if (out.len) {
        struct answer *a = answer_new(s);
        struct blob *frame = blob_new(buf_span(&out));
        for (size_t i = 0; i < count; i++) answer_wait(a, tickets[i]);
        if (follows) follow_answer(follows, a);
        answer_give(&a, &frame);
    }
    buf_fini(&out);
    if (work) task_event(s, p, attachments, work->to);
}

static void answer_unhandled(struct socket *s, const struct sio_packet *p)
{
    static const struct rules_effect unhandled = { .kind = RULES_ACK, .args = { "[null]", 6 } };        /* trap 51 */
    s->session->gate->stats->events_unhandled++;
    if (!asked_for(p, &unhandled)) return;
    struct buf out = { 0 };
    struct answer *a = answer_new(s);
    say(s, p, &unhandled, NULL, &out);
    struct blob *frame = blob_new(buf_span(&out));
    answer_give(&a, &frame);
    buf_fini(&out);
}

void event_refuse(struct socket *s, const struct sio_packet *p, const struct span *attachments, enum problem code, struct span text, struct span ack)
{
    struct gate *g = s->session->gate;
    struct buf address = { 0 };
    if (!s->space->rules) {
        answer_unhandled(s, p);
        return;
    }
    struct template_scope scope = event_scope(s, p, &address);
    rules_refuse(s->space->rules, &scope, code, text, SPAN(""), &g->ruled);
    for (size_t i = 0; ack.len && i < g->ruled.count; i++)
        if (g->ruled.at[i].kind == RULES_ACK) g->ruled.at[i].args = ack, g->ruled.at[i].attachments = SPAN("");
    event_do(s, &scope, p, attachments, &g->ruled);
    buf_fini(&address);
}

/* Has a worker announced it, and no rule says more of it than what "*" says of all? */
bool event_for_worker(struct socket *s, const struct sio_packet *p)
{
    struct gate *g = s->session->gate;
    if (!g->work.offers.count) return false;
    const struct rules_rule *rule = s->space->rules ? rules_find(s->space->rules, p->name) : NULL;
    if (rule && (!span_same(rules_rule_name(rule), SPAN("*")) || rules_rule_works(rule))) return false;
    return task_offered(g, s->space, p->name);
}

void event_on(struct socket *s, const struct sio_packet *p, const struct span *attachments)
{
    struct gate *g = s->session->gate;
    struct buf address = { 0 };
    if (life_is_refresh(s, p)) {
        life_refresh(s, p);
        return;
    }
    if (feed_wants(g, TOPIC_EVENT)) feed_event(s, p, attachments);
    if (event_for_worker(s, p)) {
        task_event(s, p, attachments, SPAN(""));
        return;
    }
    if (!s->space->rules) {
        answer_unhandled(s, p);
        return;
    }
    struct template_scope scope = event_scope(s, p, &address);
    struct rules_rooms rooms = { is_member, s };
    enum err e = rules_run(s->space->rules, &scope, &rooms, &g->ruled);
    if (e == ERR_UNKNOWN) g->stats->events_unhandled++;
    else if (e != OK) g->stats->refused_rules[e]++;
    event_do(s, &scope, p, attachments, &g->ruled);
    buf_fini(&address);
}

void event_connected(struct socket *s, struct span payload)
{
    struct gate *g = s->session->gate;
    if (!s->space->rules) return;
    struct buf address = { 0 }, packet = { 0 };
    struct template_scope scope = event_scope(s, NULL, &address);
    buf_add_literal(&packet, "[\"connect\",");
    buf_add(&packet, payload.len ? payload : SPAN("{}"));
    buf_add_byte(&packet, ']');
    scope.packet = buf_span(&packet);
    enum err e = rules_connect(s->space->rules, &scope, &g->ruled);
    if (e != OK) g->stats->refused_rules[e]++;
    event_do(s, &scope, NULL, NULL, &g->ruled);
    buf_fini(&address), buf_fini(&packet);
}
