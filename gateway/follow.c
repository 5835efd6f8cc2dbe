/* follow - whom a socket's user follows: a rule's watch, unwatch and watched, done by presence.
 *
 *     WATCH to every presence ──► WATCHED of each ──► what 'watched' says, then the event's own answer
 *
 * Both wait for one ticket, of ours. While presences come and go all are asked anew, which does no
 * harm; after presence.wait_ms, or where one refuses, the client is told so in their place. */
#include "gate_state.h"

#include "json.h"

#include <stdlib.h>

#define TICKET (1ULL << 63)         /* the sender's are smaller */

struct follow {
    uint64_t       ref, ticket;     /* ref: of the questions that are under way */
    struct answer *asked, *main;    /* what 'watched' says; the event's own answer, or NULL. They outlive their socket */
    struct blob   *question;        /* WATCH but for its ref, as strs: remove, add */
    struct blob   *event;           /* JSON: its name; NULL: the connect rule */
    struct buf     online;          /* elements of a JSON list */
    struct timer   timer;
    int64_t        id;              /* the event's ack id */
    size_t         waits;           /* presences that have not answered */
    unsigned       alternative;
    bool           asks;
};

/* ---- out */

static void ask(struct gate *g, struct follow *f, const struct socket *s, uint16_t presence)
{
    struct span rest = blob_span(f->question), remove = { "", 0 }, add = { "", 0 };
    NEED(msg_next_str(&rest, &remove) && msg_next_str(&rest, &add));
    GATE_SAY(g, ROLE_PRESENCE, presence, WATCH, .ref = f->ref, .nsp = s->space->name, .realm = span_of(s->space->config->realm),
             .user = socket_user(s), .remove = remove, .add = add, .ask = f->asks);
    f->waits++;
}

static void ask_all(struct gate *g, struct follow *f)
{
    const struct socket *s = f->asked->socket;
    f->waits = 0;
    buf_clear(&f->online);
    for (size_t i = 0; s && socket_user(s).len && i < g->presences.count; i++) ask(g, f, s, g->presences.number[i]);
}

/* ---- the end */

static struct template_scope scope_of(const struct follow *f, struct socket *s, struct buf *packet, struct buf *address)
{
    struct sio_packet p = { .id = f->id, .name = blob_span(f->event) };
    buf_add_byte(packet, '[');
    buf_add(packet, f->event ? p.name : SPAN("\"connect\""));
    buf_add_byte(packet, ']');
    p.json = buf_span(packet);
    return event_scope(s, &p, address);
}

static void set_answer(const struct follow *f, struct answer *a, const struct rules_effects *effects)
{
    struct sio_packet p = { .id = f->id };
    struct buf out = { 0 };
    for (size_t i = 0; i < effects->count; i++) event_say(a->socket, f->event ? &p : NULL, &effects->at[i], NULL, &out);
    answer_set(a, buf_span(&out));
    buf_fini(&out);
}

static void say_watched(struct gate *g, const struct follow *f, struct socket *s, const struct template_scope *scope)
{
    struct buf list = { 0 };
    buf_add_byte(&list, '['), buf_add(&list, buf_span(&f->online)), buf_add_byte(&list, ']');
    rules_watched(s->space->rules, scope, !f->event, f->alternative, buf_span(&list), &g->watched);
    set_answer(f, f->asked, &g->watched);
    buf_fini(&list);
}

static void say_failed(struct gate *g, const struct follow *f, struct socket *s, const struct template_scope *scope, enum err why)
{
    bool many = why == ERR_LIMIT || why == ERR_FULL;
    g->stats->refused_rules[why]++;
    rules_refuse(s->space->rules, scope, many ? PROBLEM_LIMIT : PROBLEM_INTERNAL, many ? SPAN("too many users to follow") : SPAN("presence is not available"),
                 SPAN(""), &g->watched);
    set_answer(f, f->asked, &g->watched);
    if (f->main) answer_set(f->main, SPAN(""));
}

static void finish(struct gate *g, struct follow *f, enum err why)
{
    struct socket *s = f->asked->socket;
    if (s && s->space->rules && (f->asks || why)) {
        struct buf packet = { 0 }, address = { 0 };
        struct template_scope scope = scope_of(f, s, &packet, &address);
        if (why) say_failed(g, f, s, &scope, why);
        else say_watched(g, f, s, &scope);
        buf_fini(&packet), buf_fini(&address);
    }
    map_drop_u64(&g->follows, f->ref);
    timer_cancel(g, &f->timer);
    uint64_t ticket = f->ticket;
    blob_drop(&f->question), blob_drop(&f->event);
    buf_fini(&f->online);
    free(f);
    answer_done(g, ticket);
}

static void on_due(struct gate *g, struct timer *t)
{
    struct follow *f = TIMER_OWNER(t, struct follow, timer);
    const struct socket *s = f->asked->socket;
    finish(g, f, s && socket_user(s).len == 0 ? OK : ERR_TIMEOUT);
}

/* ---- in */

struct follow *follow_begin(struct socket *s, const struct sio_packet *p, const struct rules_effect *e)
{
    struct gate *g = s->session->gate;
    struct follow *f = calloc(1, sizeof *f);
    struct buf question = { 0 };
    NEED(f);
    msg_add_str(&question, e->to), msg_add_str(&question, e->args);
    f->ref = gate_ref(g), f->ticket = f->ref | TICKET;
    f->question = blob_new(buf_span(&question));
    f->event = p ? blob_new(p->name) : NULL;
    f->id = p ? p->id : SIO_NO_ID;
    f->alternative = e->alternative, f->asks = e->asks;
    buf_fini(&question);
    map_put_u64(&g->follows, f->ref, f);
    struct blob *nothing = blob_new(SPAN(""));      /* yet */
    f->asked = answer_new(s);
    struct answer *a = f->asked;
    answer_wait(a, f->ticket);
    answer_give(&a, &nothing);
    ask_all(g, f);
    timer_set(g, &f->timer, on_due, socket_user(s).len ? g->config->presence.wait_ms : 0);      /* an anonymous one follows nobody */
    return f;
}

void follow_answer(struct follow *f, struct answer *a)
{
    answer_wait(a, f->ticket);
    f->main = a;
}

void follow_on_watched(struct gate *g, const struct msg_WATCHED *m)
{
    struct follow *f = map_find_u64(&g->follows, m->ref);
    if (!f) return;
    if (m->error) {
        finish(g, f, m->error < ERR_COUNT ? (enum err)m->error : ERR_STATE);
        return;
    }
    if (m->online.len > 2 && json_check(m->online, 2) == OK && json_type_of(m->online) == JSON_ARRAY) {
        if (f->online.len) buf_add_byte(&f->online, ',');
        buf_add(&f->online, json_inside(m->online));
    }
    if (--f->waits == 0) finish(g, f, OK);
}

void follow_view(struct gate *g)
{
    struct buf all = { 0 };
    struct map_walk walk = { 0 };
    for (struct follow *f; (f = map_next(&g->follows, &walk)); ) buf_add(&all, span_from((const char *)&f, sizeof f));
    for (size_t i = 0; i < all.len; i += sizeof(struct follow *)) {
        struct follow *f;
        memcpy(&f, all.ptr + i, sizeof f);
        map_drop_u64(&g->follows, f->ref);
        f->ref = gate_ref(g);
        map_put_u64(&g->follows, f->ref, f);
        ask_all(g, f);
    }
    buf_fini(&all);
}

void follow_fini(struct gate *g)
{
    struct map_walk walk = { 0 };
    for (struct follow *f; (f = map_next(&g->follows, &walk)); ) {
        timer_cancel(g, &f->timer);
        blob_drop(&f->question), blob_drop(&f->event);
        buf_fini(&f->online);
        free(f);
    }
}
