/* What comes to workers, and what their replies cause: the same that rules cause, by the same code. */
#include "task.h"
#include "recover.h"

#include "json.h"

#include <stdlib.h>

enum { ATTACHMENTS_MAX = 32 };      /* of a reply: more than a router lets through */

/* ---- events */

/* The packet's arguments, without the event's name. */
static void args_of(struct buf *out, const struct sio_packet *p)
{
    struct span rest = p->json, element;
    bool first = true, comma = false;
    buf_add_byte(out, '[');
    while (json_next(&rest, &element)) {
        if (!first) {
            if (comma) buf_add_byte(out, ',');
            buf_add(out, element);
            comma = true;
        }
        first = false;
    }
    buf_add_byte(out, ']');
}

void task_event(struct socket *s, const struct sio_packet *p, const struct span *attachments, struct span name)
{
    struct buf args = { 0 };
    args_of(&args, p);
    if (!task_new(s, WORK_EVENT, name, p->name, buf_span(&args), attachments, p->attachments, p->id)) task_refused(s, p, attachments, ERR_FULL);
    buf_fini(&args);
}

/* ---- coming in, going */

static struct span any_or(const char *name)
{
    return strcmp(name, "*") == 0 ? SPAN("") : span_of(name);
}

/* ["payload"] of the CONNECT that came first, as what is kept of an early socket has it. */
static void connect_args(struct buf *args, struct span payload)
{
    buf_add_byte(args, '[');
    buf_add(args, payload.len ? payload : SPAN("{}"));
    buf_add_byte(args, ']');
}

static struct span kept_payload(const struct socket *s)
{
    struct sio_packet p;
    if (!s->early || !span_starts(blob_span(s->early->text), '0' + SIO_CONNECT)) return SPAN("");
    NEED(sio_decode(&p, blob_span(s->early->text)) == OK);
    return p.json;
}

bool task_admits(struct socket *s)
{
    const char *name = s->space->config->connect_worker;
    if (!*name) return false;
    struct buf args = { 0 };
    connect_args(&args, kept_payload(s));
    connect_forget(s);      /* who was asked before has answered */
    if (!task_new(s, WORK_ADMIT, any_or(name), SPAN("\"connect\""), buf_span(&args), NULL, 0, SIO_NO_ID))
        connect_refuse(s, REJECTION_UNAVAILABLE, SPAN("too much waits for workers"), SPAN(""));
    buf_fini(&args);
    return true;
}

void task_ended(struct socket *s, enum reason why)
{
    struct gate *g = s->session->gate;
    if (s->state == SOCKET_OPEN && task_offered(g, s->space, SPAN("\"disconnect\""))) {
        struct buf args = { 0 };
        buf_add_byte(&args, '[');
        json_quote(&args, span_of(reason_name(why)));
        buf_add_byte(&args, ']');
        (void)task_new(s, WORK_DISCONNECT, SPAN(""), SPAN("\"disconnect\""), buf_span(&args), NULL, 0, SIO_NO_ID);
        buf_fini(&args);
    }
    struct lane *l = s->lane;
    if (!l) return;
    l->socket = NULL;
    s->lane = NULL;
    blob_drop(&l->welcome);
    task_lane_forget(l);
}

/* ---- what a reply causes */

struct reply {
    struct msg_WORKED m;
    struct span       attachments[ATTACHMENTS_MAX];
    size_t            count;
    bool              leaves;           /* the socket is to be disconnected */
};

static void decode(struct reply *r, struct span fields)
{
    struct span rest;
    *r = (struct reply){ 0 };
    NEED(msg_decode_WORKED(&r->m, fields) == OK);      /* it was, as it came */
    for (rest = r->m.attachments; r->count < ATTACHMENTS_MAX && msg_next_str(&rest, &r->attachments[r->count]); ) r->count++;
}

static bool sound(const struct reply *r, const struct msg_DEED *d)
{
    for (size_t i = 0; i < d->attachments.len; i++)
        if ((uint8_t)d->attachments.ptr[i] >= r->count) return false;
    return true;
}

static struct rules_effect *add(struct rules_effects *out, enum rules_effect_kind kind)
{
    if (out->count == out->cap) {
        out->cap = out->cap ? 2 * out->cap : 8;
        out->at = realloc(out->at, out->cap * sizeof *out->at);
        NEED(out->at);
    }
    out->at[out->count] = (struct rules_effect){ .kind = kind };
    return &out->at[out->count++];
}

/* An ack, in the form of the namespace. */
static void add_ack(struct rules_effects *out, const struct space *space, struct span args, struct span attachments, struct buf *text)
{
    struct rules_effect *e = add(out, RULES_ACK);
    e->args = args.len ? args : SPAN("[null]");
    e->attachments = attachments;
    if (!args.len || !space->config->acks_error_first) return;
    buf_clear(text);
    buf_add_literal(text, "[null");
    struct span inner = span_head(span_skip(args, 1), args.len - 2);
    if (inner.len) buf_add_byte(text, ',');
    buf_add(text, inner);
    buf_add_byte(text, ']');
    e->args = buf_span(text);
}

/* DEEDs as effects; of the rooms only where 'rooms'. */
static void collect(struct gate *g, const struct space *space, struct reply *r, bool rooms, struct buf *text)
{
    static const enum rules_effect_kind kinds[] = { [DEED_JOIN] = RULES_JOIN, [DEED_LEAVE] = RULES_LEAVE, [DEED_EMIT] = RULES_EMIT, [DEED_REPLY] = RULES_REPLY };
    struct rules_effects *out = &g->work.effects;
    struct span rest = r->m.deeds, one, ack = { "", 0 }, ack_attachments = { "", 0 };
    struct msg_DEED d;
    out->count = 0;
    while (msg_next_str(&rest, &one)) {
        if (msg_decode_DEED(&d, one) != OK || !sound(r, &d)) continue;
        if (d.kind == DEED_ACK) ack = d.args, ack_attachments = d.attachments;
        if (d.kind == DEED_DISCONNECT) r->leaves = true;
        if (d.kind > DEED_REPLY || (d.kind == DEED_JOIN && !rooms)) continue;
        struct rules_effect *e = add(out, kinds[d.kind]);
        e->is_volatile = d.is_volatile;
        e->nsp = d.nsp, e->to = d.kind == DEED_EMIT ? d.to : d.address, e->except = d.except, e->args = d.args, e->attachments = d.attachments;
    }
    add_ack(out, space, ack, ack_attachments, text);
}

static void leave_later(struct lane *l)
{
    if (l->leaving) return;
    l->leaving = true;
    l->next_leaving = l->gate->work.leaving;
    l->gate->work.leaving = l;
}

static void leave(struct socket *s)
{
    struct buf packet = { 0 };
    sio_disconnect(&packet, s->space->shown);
    socket_send_text(s, buf_span(&packet));
    buf_fini(&packet);
    socket_end(s, REASON_SERVER_LEAVE);
}

void tasks_settle(struct gate *g)
{
    struct lane **at = &g->work.leaving;
    for (struct lane *l; (l = *at); ) {
        if (l->socket && l->socket->answers) {
            at = &l->next_leaving;
            continue;
        }
        *at = l->next_leaving;
        l->leaving = false;
        if (l->socket) leave(l->socket);
        else task_lane_forget(l);
    }
}

/* The socket is gone: what its event does to others is done all the same. */
static void do_alone(struct lane *l, struct reply *r)
{
    struct gate *g = l->gate;
    struct buf text = { 0 };
    collect(g, l->space, r, false, &text);
    for (size_t i = 0; i < g->work.effects.count; i++) {
        const struct rules_effect *e = &g->work.effects.at[i];
        if (e->kind == RULES_EMIT && !sender_full(g->sender)) (void)event_emit(g, e->nsp.len ? e->nsp : l->space->name, e, r->attachments);
    }
    buf_fini(&text);
}

static void do_all(struct socket *s, const struct sio_packet *p, struct reply *r, bool rooms)
{
    struct gate *g = s->session->gate;
    struct buf address = { 0 }, text = { 0 };
    collect(g, s->space, r, rooms, &text);
    struct template_scope scope = event_scope(s, p, &address);
    event_do(s, &scope, p, r->attachments, &g->work.effects);
    buf_fini(&address), buf_fini(&text);
    if (r->leaves && s->lane) leave_later(s->lane);
}

/* ---- why there is none */

static enum problem problem_of(enum err e)
{
    return e == ERR_TIMEOUT || e == ERR_FULL ? PROBLEM_INTERNAL : PROBLEM_HANDLER;
}

static struct span words_of(enum err e)
{
    return e == ERR_TIMEOUT ? SPAN("no worker answered in time") : e == ERR_FULL ? SPAN("too much waits for workers: try again later") : SPAN("could not be handled");
}

void task_refused(struct socket *s, const struct sio_packet *p, const struct span *attachments, enum err why)
{
    event_refuse(s, p, attachments, problem_of(why), words_of(why), SPAN(""));
}

static void refuse(struct socket *s, const struct sio_packet *p, const struct span *attachments, const struct reply *r)
{
    struct gate *g = s->session->gate;
    enum err e = (enum err)r->m.error;
    if (e != OK) {
        if (e != ERR_TIMEOUT) g->stats->work_failed++;
        task_refused(s, p, attachments, e);
        return;
    }
    struct span deeds = r->m.deeds, one;
    struct msg_DEED d = { 0 };
    g->stats->work_refused++;
    if (!msg_next_str(&deeds, &one) || msg_decode_DEED(&d, one) != OK || d.kind != DEED_ACK) d.args = SPAN("");
    event_refuse(s, p, attachments, PROBLEM_HANDLER, r->m.message, d.args);
}

/* ---- a reply's turn */

static void apply_event(struct lane *l, const struct task *t, struct reply *r)
{
    struct gate *g = l->gate;
    struct msg_WORK w;
    struct span attachments[SIO_MAX_ATTACHMENTS], rest;
    struct buf packet = { 0 };
    struct sio_packet p = { .type = SIO_EVENT, .nsp = l->space->shown, .id = t->ack };
    NEED(msg_decode_WORK(&w, span_skip(blob_span(t->work), MSG_HEAD_BYTES)) == OK);
    buf_add_byte(&packet, '[');
    buf_add(&packet, w.event);
    if (w.args.len > 2) buf_add_byte(&packet, ',');
    buf_add(&packet, span_skip(w.args, 1));
    p.json = buf_span(&packet), p.name = w.event;
    for (rest = w.attachments; p.attachments < SIO_MAX_ATTACHMENTS && msg_next_str(&rest, &attachments[p.attachments]); ) p.attachments++;
    if (r->m.error == OK && !r->m.refused) {
        g->stats->work_done++;
        do_all(l->socket, t->kind == WORK_EVENT ? &p : NULL, r, true);
    } else if (t->kind == WORK_EVENT) {
        refuse(l->socket, &p, attachments, r);
    }
    buf_fini(&packet);
}

static void apply_admission(struct lane *l, const struct task *t, const struct reply *r)
{
    struct gate *g = l->gate;
    if (r->m.error != OK) {
        if (r->m.error != ERR_TIMEOUT) g->stats->work_failed++;
        connect_refuse(l->socket, REJECTION_UNAVAILABLE, words_of((enum err)r->m.error), SPAN(""));
    } else if (r->m.refused) {
        g->stats->work_refused++;
        connect_refuse(l->socket, REJECTION_HANDLER, r->m.message, r->m.data);
    } else {
        g->stats->work_done++;
        l->welcome = blob_hold(t->worked);
        connect_admit(l->socket);
    }
}

void task_apply(struct task *t)
{
    struct lane *l = t->lane;
    struct reply r;
    decode(&r, blob_span(t->worked));
    if (!l->socket) {
        if (t->kind != WORK_ADMIT && r.m.error == OK && !r.m.refused) do_alone(l, &r);
    } else if (t->kind == WORK_ADMIT) {
        apply_admission(l, t, &r);
    } else {
        apply_event(l, t, &r);
    }
}

void task_joins(struct socket *s, struct answer *a)
{
    struct gate *g = s->session->gate;
    struct reply r;
    struct span rest, one;
    struct msg_DEED d;
    if (!s->lane || !s->lane->welcome) return;
    decode(&r, blob_span(s->lane->welcome));
    for (rest = r.m.deeds; msg_next_str(&rest, &one) && s->rooms.count < s->session->listener->config->max_rooms_count + 2; ) {
        if (msg_decode_DEED(&d, one) != OK || d.kind != DEED_JOIN) continue;
        buf_clear(&g->key);
        address_key(&g->key, s->space->name, d.address);
        answer_wait(a, membership_join(s, buf_span(&g->key)));
    }
}

void task_opened(struct socket *s, struct span payload)
{
    struct gate *g = s->session->gate;
    struct lane *l = s->lane;
    if (l && l->welcome) {
        struct reply r;
        decode(&r, blob_span(l->welcome));
        do_all(s, NULL, &r, false);
        blob_drop(&l->welcome);
        task_lane_forget(l);
    } else if (task_offered(g, s->space, SPAN("\"connect\""))) {
        struct buf args = { 0 };
        connect_args(&args, payload);
        (void)task_new(s, WORK_CONNECT, SPAN(""), SPAN("\"connect\""), buf_span(&args), NULL, 0, SIO_NO_ID);
        buf_fini(&args);
    }
}
