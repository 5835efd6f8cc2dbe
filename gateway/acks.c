/* acks - events that ask each of their sockets for an ack (trap 31), and what the sockets answer.
 *
 * An event with BODY_ACK goes out with an ack id that counts per namespace: one for all its sockets here, so that
 * its encoding is shared. Its question waits until each socket has answered or is gone, or the time is over; then
 * the router is told all at once (REACHED). A socket holds nothing for it: who waits for what is in one table,
 * socket -> ring of waits in the order of asking, which is mostly that of the answers, too.
 *
 * Bounds: gateway.max_acks_count waits, listener.max_acks_count of them for one socket (what is over them was sent and
 * counts as not answered); router.max_acks_bytes of answers to one event and gateway.acks_bytes to all (what is over
 * them is counted, not kept). */
#include "gate_state.h"

#include <stdlib.h>

struct question;
struct wait {
    struct wait     *next;              /* a ring: the newest one's next is the oldest */
    struct question *question;
    struct socket   *socket;            /* NULL: it has answered, or is gone */
    uint32_t         count;             /* the newest one's: waits of the ring */
};

struct question {
    struct timer timer;
    uint64_t     ref;                   /* of the DELIVER */
    int64_t      id;
    uint16_t     router;
    uint32_t     reached, left, answered;
    struct buf   acks;                  /* strs of ACKEDs */
    size_t       count;
    struct wait  waits[];
};

/* ---- the table: per socket a ring */

static struct wait *newest_of(const struct gate *g, const struct socket *s)
{
    return map_find_u64(&g->acks, (uintptr_t)s);
}

static void push(struct gate *g, struct wait *w)
{
    struct wait *newest = map_put_u64(&g->acks, (uintptr_t)w->socket, w);
    w->next = newest ? newest->next : w;
    w->count = newest ? newest->count + 1 : 1;
    if (newest) newest->next = w;
    g->stats->acks_waiting++;
}

static struct wait *find(const struct gate *g, const struct socket *s, int64_t id)
{
    struct wait *newest = newest_of(g, s);
    for (struct wait *w = newest; w; ) {
        w = w->next;
        if (w->question->id == id) return w;
        if (w == newest) break;
    }
    return NULL;
}

/* Out of its socket's ring: its answer is here, or will not come. */
static void settle(struct gate *g, struct wait *w)
{
    struct wait *newest = newest_of(g, w->socket), *before = newest;
    uint32_t left = newest->count - 1;
    bool was_newest = newest == w;
    while (before->next != w) before = before->next;
    before->next = w->next;
    if (was_newest) newest = before;
    newest->count = left;
    if (!left) map_drop_u64(&g->acks, (uintptr_t)w->socket);
    else if (was_newest) map_put_u64(&g->acks, (uintptr_t)w->socket, newest);
    w->socket = NULL;
    w->question->left--;
    g->stats->acks_waiting--;
}

/* ---- a question */

static void finish(struct gate *g, struct question *q)
{
    timer_cancel(g, &q->timer);
    for (size_t i = 0; i < q->count && q->left; i++) {
        if (!q->waits[i].socket) continue;
        settle(g, &q->waits[i]);
        g->stats->acks_timeout++;
    }
    GATE_SAY(g, ROLE_ROUTER, q->router, REACHED, .ref = q->ref, .count = q->reached, .acks = buf_span(&q->acks), .answered = q->answered);
    g->stats->acks_bytes -= q->acks.len;
    buf_fini(&q->acks);
    free(q);
}

static void on_due(struct gate *g, struct timer *t)
{
    finish(g, TIMER_OWNER(t, struct question, timer));
}

static bool may_wait(const struct gate *g, const struct socket *s)
{
    const struct wait *newest = newest_of(g, s);
    return !(s->session->dialect & DIALECT_RAW) &&      /* Engine.IO alone has no acks */
           g->stats->acks_waiting < g->config->gateway.max_acks_count &&
           (!newest || newest->count < s->session->listener->config->max_acks_count);
}

/* The first 'n' of g->targets have got the event. */
static void wait_for(struct gate *g, const struct msg_BODY *b, int64_t id, size_t n, uint16_t router, uint64_t ref)
{
    struct question *q = malloc(sizeof *q + n * sizeof q->waits[0]);
    NEED(q);
    *q = (struct question){ .ref = ref, .router = router, .id = id, .reached = (uint32_t)n };
    for (size_t i = 0; i < n; i++) {
        if (!may_wait(g, g->targets[i])) {
            g->stats->acks_refused++;
            continue;
        }
        struct wait *w = &q->waits[q->count++];
        *w = (struct wait){ .question = q, .socket = g->targets[i] };
        push(g, w);
        q->left++;
    }
    if (q->left) timer_set(g, &q->timer, on_due, b->ack_timeout ? b->ack_timeout : g->config->router.answer_ms);
    else finish(g, q);
}

uint32_t acks_ask(struct gate *g, const struct msg_BODY *b, uint16_t router, uint64_t ref)
{
    struct space *space = gate_space(g, b->nsp);
    struct frames f = frames_event(space->shown, b->args, b->attachments);
    f.id = space->ack++ & SIO_MAX_ID;
    targets_collect(g, b);
    size_t n = 0;
    for (size_t i = 0; i < g->target_count; i++) {
        struct socket *s = g->targets[i];
        bool passed_over = b->flags & BODY_VOLATILE && !session_writable(s->session);
        if (passed_over) g->stats->volatile_dropped++;
        else if (s->state == SOCKET_OPEN && session_send(s->session, &f)) g->targets[n++] = s;
    }
    if (ref) wait_for(g, b, f.id, n, router, ref);      /* else it is replayed: nobody hears of the answers */
    frames_fini(&f);
    return (uint32_t)n;
}

/* ---- what sockets answer */

static bool keep(struct gate *g, struct question *q, const struct socket *s, const struct sio_packet *p, const struct span *attachments)
{
    struct buf strs = { 0 }, acked = { 0 };
    for (unsigned i = 0; i < p->attachments; i++) msg_add_str(&strs, attachments[i]);
    msg_encode_ACKED(&acked, &(struct msg_ACKED){ .socket = socket_id(s), .user = socket_user(s), .args = p->json, .attachments = buf_span(&strs) });
    size_t before = q->acks.len;
    bool fits = before + acked.len + 4 <= g->config->router.max_acks_bytes && g->stats->acks_bytes + acked.len + 4 <= g->config->gateway.acks_bytes;
    if (fits) msg_add_str(&q->acks, buf_span(&acked));
    g->stats->acks_bytes += q->acks.len - before;
    buf_fini(&strs), buf_fini(&acked);
    return fits;
}

void acks_on(struct socket *s, const struct sio_packet *p, const struct span *attachments)
{
    struct gate *g = s->session->gate;
    struct wait *w = find(g, s, p->id);
    if (!w) {
        if ((uint64_t)p->id < s->space->ack) g->stats->acks_late++;
        else g->stats->acks_unknown++;
        return;
    }
    struct question *q = w->question;
    q->answered++;
    if (!keep(g, q, s, p, attachments)) g->stats->acks_cut++;
    settle(g, w);
    if (!q->left) finish(g, q);
}

void acks_forget(struct socket *s)
{
    struct gate *g = s->session->gate;
    for (struct wait *newest; (newest = newest_of(g, s)); ) {
        struct question *q = newest->next->question;
        settle(g, newest->next);
        g->stats->acks_gone++;
        if (!q->left) finish(g, q);
    }
}
