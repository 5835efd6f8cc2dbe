#include "task.h"
#include "recover.h"

#include "json.h"

#include <stdlib.h>

/* ---- lanes */

static struct lane *lane_need(struct socket *s)
{
    struct gate *g = s->session->gate;
    if (s->lane) return s->lane;
    struct lane *l = calloc(1, sizeof *l);
    NEED(l);
    l->gate = g, l->socket = s, l->space = s->space, l->end = &l->first;
    l->space->users++;
    l->next = g->work.lanes, l->at = &g->work.lanes;
    if (l->next) l->next->at = &l->next;
    g->work.lanes = l;
    s->lane = l;
    return l;
}

void task_lane_forget(struct lane *l)
{
    struct gate *g = l->gate;
    if (l->first || l->welcome || l->busy || l->leaving) return;
    *l->at = l->next;
    if (l->next) l->next->at = l->at;
    if (l->socket) l->socket->lane = NULL;
    space_leave(g, l->space);
    free(l);
}

static void free_task(struct task *t)
{
    struct gate *g = t->lane->gate;
    timer_cancel(g, &t->timer);
    map_drop_u64(&g->work.tasks, t->ref);
    g->work.bytes -= blob_span(t->work).len + blob_span(t->worked).len;
    g->stats->work_open--;
    g->stats->work_bytes = g->work.bytes;
    blob_drop(&t->work), blob_drop(&t->worked);
    free(t);
}

void task_lane_settle(struct lane *l)
{
    if (l->busy) return;        /* further up this is done */
    l->busy = true;
    for (struct task *t; (t = l->first) && t->worked; ) {
        task_apply(t);
        l->first = t->next;
        if (!l->first) l->end = &l->first;
        l->count--;
        free_task(t);
    }
    l->busy = false;
    task_lane_forget(l);
}

/* ---- where to */

static bool may_ask(const struct gate *g, uint64_t router)
{
    const struct member *m = g->view ? view_find(g->view, ROLE_ROUTER, (uint16_t)router) : NULL;
    return m && m->epoch == g->work.at[router].epoch && g->work.at[router].version >= g->work.at[router].wanted;
}

static struct offers_query query_of(struct gate *g, const struct msg_WORK *m)
{
    buf_clear(&g->work.text);
    if (span_starts(m->event, '"')) json_unquote(&g->work.text, m->event);
    else buf_add(&g->work.text, m->event);
    return (struct offers_query){ .nsp = m->nsp, .event = buf_span(&g->work.text), .name = m->name };
}

/* The router of those with workers for it that has least to do by its capacity; where the lane's others are, only that one. */
static bool choose(const struct lane *l, const struct task *t, uint16_t *router)
{
    struct gate *g = l->gate;
    struct msg_WORK m;
    NEED(msg_decode_WORK(&m, span_skip(blob_span(t->work), MSG_HEAD_BYTES)) == OK);
    struct offers_query q = query_of(g, &m);
    uint64_t best = 0;
    bool found = false;
    for (const struct offer *o = offers_first(&g->work.offers, &q); o; o = offers_next(o, &q))
        for (size_t i = 0; i < o->count; i++) {
            const struct offers_holder *h = &o->at[i];
            uint64_t load = ((uint64_t)g->work.at[h->id].open << 16) / h->capacity;
            if (!may_ask(g, h->id) || (l->sent && h->id != l->router) || (found && load >= best)) continue;
            found = true, best = load, *router = (uint16_t)h->id;
        }
    return found;
}

static void skip_done(struct lane *l)
{
    while (l->unsent && l->unsent->worked) l->unsent = l->unsent->next;
}

void task_lane_advance(struct lane *l)
{
    struct gate *g = l->gate;
    uint16_t router = 0;
    for (skip_done(l); l->unsent && choose(l, l->unsent, &router); skip_done(l)) {
        struct task *t = l->unsent;
        l->router = router, l->epoch = g->work.at[router].epoch;
        l->sent++, l->unsent = t->next;
        g->work.at[router].open++;
        t->sent = true;
        g->stats->work_out++;
        effects_add(&g->effects, ROLE_ROUTER, router, MSG_WORK, blob_hold(t->work), 0);
    }
}

/* It is not at its router any more. */
static void unsend(struct task *t)
{
    struct lane *l = t->lane;
    if (!t->sent) return;
    t->sent = false;
    l->sent--;
    l->gate->work.at[l->router].open--;
}

/* All of them are to be sent again. */
static void unsend_all(struct lane *l)
{
    for (struct task *t = l->first; t; t = t->next) {
        if (!t->sent) continue;
        unsend(t);
        l->gate->stats->work_again++;
    }
    l->unsent = l->first;
}

static void advance_all(struct gate *g)
{
    for (struct lane *l = g->work.lanes; l; l = l->next)
        if (l->unsent) task_lane_advance(l);
}

/* ---- answers */

static void answer(struct task *t, struct span fields)
{
    struct gate *g = t->lane->gate;
    struct lane *l = t->lane;
    unsend(t);
    timer_cancel(g, &t->timer);
    t->worked = blob_new(fields);
    g->work.bytes += fields.len;
    task_lane_advance(l);
    task_lane_settle(l);
}

static void on_due(struct gate *g, struct timer *timer)
{
    struct task *t = TIMER_OWNER(timer, struct task, timer);
    g->stats->work_timeout++;
    buf_clear(&g->scratch);
    msg_encode_WORKED(&g->scratch, &(struct msg_WORKED){ .ref = t->ref, .error = ERR_TIMEOUT });
    struct blob *worked = blob_new(span_skip(buf_span(&g->scratch), MSG_HEAD_BYTES));
    buf_clear(&g->scratch);
    answer(t, blob_span(worked));
    blob_drop(&worked);
}

void task_on_worked(struct gate *g, uint16_t router, uint64_t epoch, struct span fields)
{
    struct msg_WORKED m;
    if (msg_decode_WORKED(&m, fields) != OK || router >= VIEW_OWNERS_MAX) {
        g->stats->bus_unknown++;
        return;
    }
    struct task *t = map_find_u64(&g->work.tasks, m.ref);
    if (!t || !t->sent || t->lane->router != router || t->lane->epoch != epoch) {
        g->stats->work_late++;
        return;
    }
    if (m.error != ERR_GONE) {
        answer(t, fields);
        return;
    }
    struct lane *l = t->lane;
    if (g->work.at[router].wanted < m.version) g->work.at[router].wanted = m.version;
    unsend(t);
    l->unsent = l->first;
    while (l->unsent->sent || l->unsent->worked) l->unsent = l->unsent->next;
    g->stats->work_again++;
    task_lane_advance(l);
}

/* ---- routers */

void task_on_workers(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_WORKERS *m)
{
    if (router >= VIEW_OWNERS_MAX) return;
    struct span rest = m->offers, one;
    struct msg_OFFER o;
    offers_drop(&g->work.offers, router);
    while (msg_next_str(&rest, &one))
        if (msg_decode_OFFER(&o, one) == OK && o.capacity) offers_add(&g->work.offers, router, o.capacity, o.name, o.nsp, o.event);
    g->work.at[router].epoch = epoch, g->work.at[router].version = m->version;
    advance_all(g);
}

static void leave_router(struct gate *g, uint16_t router)
{
    for (struct lane *l = g->work.lanes; l; l = l->next)
        if (l->sent && l->router == router) unsend_all(l);
    advance_all(g);
}

void task_reborn(struct gate *g, uint16_t router)
{
    if (router >= VIEW_OWNERS_MAX) return;
    offers_drop(&g->work.offers, router);
    g->work.at[router].epoch = g->work.at[router].version = g->work.at[router].wanted = 0;
    leave_router(g, router);
}

void task_view(struct gate *g)
{
    for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++) {
        const struct member *m = g->work.at[i].open ? view_find(g->view, ROLE_ROUTER, i) : NULL;
        if (g->work.at[i].open && (!m || m->epoch != g->work.at[i].epoch)) leave_router(g, i);
    }
    advance_all(g);         /* one that has told its workers may be in the view only now */
}

/* ---- tasks */

static bool full(struct gate *g, const struct lane *l, size_t bytes)
{
    return g->work.tasks.count >= g->config->gateway.max_work_count || (l && l->count >= g->config->gateway.max_work_per_socket)
        || g->work.bytes + bytes > g->config->gateway.work_bytes;
}

static struct blob *encode(struct socket *s, const struct msg_WORK *fixed)
{
    struct gate *g = s->session->gate;
    const struct handshake *h = s->session->handshake;
    struct buf address = { 0 }, query = { 0 };
    struct msg_WORK m = *fixed;
    ip_print(&address, &s->session->address);
    http1_query_json(&query, h->query);
    m.patience = g->config->gateway.worker_ms;
    m.socket = socket_id(s), m.nsp = s->space->name, m.user = socket_user(s), m.claims = socket_claims(s);
    m.address = buf_span(&address), m.query = buf_span(&query), m.agent = interned_span(h->agent), m.time = s->session->since;
    buf_clear(&g->scratch);
    msg_encode_WORK(&g->scratch, &m);
    struct blob *work = blob_new(buf_span(&g->scratch));
    buf_clear(&g->scratch);
    buf_fini(&address), buf_fini(&query);
    return work;
}

struct task *task_new(struct socket *s, enum work_kind kind, struct span name, struct span event, struct span args, const struct span *attachments,
                      unsigned attachment_count, int64_t ack)
{
    struct gate *g = s->session->gate;
    struct buf strs = { 0 };
    for (unsigned i = 0; i < attachment_count; i++) msg_add_str(&strs, attachments[i]);
    if (full(g, s->lane, args.len + strs.len)) {
        g->stats->work_full++;
        buf_fini(&strs);
        return NULL;
    }
    struct task *t = calloc(1, sizeof *t);
    NEED(t);
    t->ref = gate_ref(g), t->kind = (uint8_t)kind, t->ack = ack;
    t->work = encode(s, &(struct msg_WORK){ .ref = t->ref, .kind = (uint8_t)kind, .name = name, .event = event, .args = args,
        .attachments = buf_span(&strs), .ack = ack != SIO_NO_ID, .recovered = kind == WORK_CONNECT && recover_back(s) });
    buf_fini(&strs);
    t->lane = lane_need(s);
    *t->lane->end = t;
    t->lane->end = &t->next;
    t->lane->count++;
    if (!t->lane->unsent) t->lane->unsent = t;
    map_put_u64(&g->work.tasks, t->ref, t);
    g->work.bytes += blob_span(t->work).len;
    g->stats->work_open++;
    g->stats->work_bytes = g->work.bytes;
    timer_set(g, &t->timer, on_due, g->config->gateway.worker_ms);
    task_lane_advance(t->lane);
    return t;
}

bool task_offered(struct gate *g, const struct space *space, struct span event)
{
    if (!g->work.offers.count) return false;
    struct offers_query q = query_of(g, &(struct msg_WORK){ .nsp = space->name, .event = event });
    return offers_first(&g->work.offers, &q) != NULL;
}

/* ---- life */

void tasks_init(struct gate *g)
{
    struct siphash_key seed = gate_seed(g);
    offers_init(&g->work.offers, &seed);
}

void tasks_fini(struct gate *g)
{
    for (struct lane *l; (l = g->work.lanes); ) {
        for (struct task *t; (t = l->first); ) {
            l->first = t->next;
            free_task(t);
        }
        blob_drop(&l->welcome);
        l->leaving = false;
        task_lane_forget(l);
    }
    offers_fini(&g->work.offers);
    free(g->work.effects.at);
    buf_fini(&g->work.text);
}
