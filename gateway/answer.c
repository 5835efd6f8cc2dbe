/* answer - what a socket is told about its own events, once the bus holds what they caused. */
#include "gate_state.h"
#include "recover.h"

#include <stdlib.h>

enum { ANSWERS_MAX = 1024 };        /* of a socket; events beyond them are dropped unacknowledged */

struct wait {                       /* on a ticket; the first one of an INTEREST waits for itself: answer NULL */
    struct wait   *next;
    struct answer *answer;
};

static void add_wait(struct gate *g, uint64_t ticket, struct answer *a)
{
    struct wait *w = malloc(sizeof *w);
    NEED(w);
    *w = (struct wait){ NULL, a };
    struct wait *first = map_find_u64(&g->waits, ticket);
    if (first) w->next = first->next, first->next = w;
    else map_put_u64(&g->waits, ticket, w);
}

void answer_open(struct gate *g, uint64_t ticket)
{
    add_wait(g, ticket, NULL);
}

bool answer_due(const struct gate *g, uint64_t ticket)
{
    return ticket && map_find_u64(&g->waits, ticket);
}

struct answer *answer_new(struct socket *s)
{
    struct answer *a = calloc(1, sizeof *a);
    NEED(a);
    a->socket = s;
    return a;
}

bool answer_full(const struct socket *s)
{
    return s->answer_count >= ANSWERS_MAX || s->answer_bytes > s->session->listener->queue.bytes;
}

void answer_wait(struct answer *a, uint64_t ticket)
{
    if (!ticket) return;
    add_wait(a->socket->session->gate, ticket, a);
    a->tickets++;
}

void answer_add(struct buf *frame, struct span packet, struct span args, struct span attachments)
{
    msg_add_str(frame, packet), msg_add_str(frame, args), msg_add_str(frame, attachments);
}

/* An offset is true when it is said, not when it was thought of: what was delivered in between would come twice. */
static void say_late(struct socket *s, struct span parts)
{
    struct gate *g = s->session->gate;
    uint8_t dialect = s->session->dialect;
    struct buf out = { 0 };
    struct span packet, args, attachments, offset = recover_offset(g);
    while (msg_next_str(&parts, &packet) && msg_next_str(&parts, &args) && msg_next_str(&parts, &attachments)) {
        struct frames f = packet.len ? frames_packet(packet, attachments) : frames_event(s->space->shown, args, attachments);
        f.offset = offset;
        frames_append(&out, frames_for(&f, dialect | DIALECT_OFFSET, &g->compression), dialect);
        frames_fini(&f);
    }
    struct blob *frame = blob_new(buf_span(&out));
    session_send_frame(s->session, frame, dialect);
    blob_drop(&frame);
    buf_fini(&out);
}

static void say(struct answer *a)
{
    struct socket *s = a->socket;
    if (blob_span(a->frame).len == 0 && !a->resumes && !a->opens) return;       /* nothing, in the end */
    if (a->resumes) recover_joined(s);
    else if (s->recovery && !a->opens) say_late(s, blob_span(a->frame));
    else session_send_frame(s->session, a->frame, a->dialect);
    if (a->opens) connect_on_open(s);
}

/* The first ones that wait for nothing any more, in their order. */
static void advance(struct socket *s)
{
    struct answer *a;
    while ((a = s->answers) && a->tickets == 0) {
        s->answers = a->next;
        if (!s->answers) s->answers_end = &s->answers;
        s->answer_count--;
        s->answer_bytes -= (uint32_t)blob_span(a->frame).len;
        say(a);
        blob_drop(&a->frame);
        free(a);
    }
}

void answer_give(struct answer **a_p, struct blob **frame)
{
    struct answer *a = *a_p;
    struct socket *s = a->socket;
    *a_p = NULL;
    a->frame = *frame, *frame = NULL;
    a->dialect = s->session->dialect;
    if (a->tickets) s->session->gate->stats->events_delayed++;
    s->answer_count++;
    s->answer_bytes += (uint32_t)blob_span(a->frame).len;
    *s->answers_end = a;
    s->answers_end = &a->next;
    advance(s);
}

static void done(struct answer *a)
{
    if (--a->tickets) return;
    if (a->socket) advance(a->socket);      /* frees it if its turn has come */
    else blob_drop(&a->frame), free(a);
}

void answer_set(struct answer *a, struct span frame)
{
    if (a->socket) a->socket->answer_bytes += (uint32_t)(frame.len - blob_span(a->frame).len);
    blob_drop(&a->frame);
    a->frame = blob_new(frame);
}

void answer_done(struct gate *g, uint64_t ticket)
{
    struct wait *w = map_drop_u64(&g->waits, ticket), *next;
    for (; w; w = next) {
        next = w->next;
        if (w->answer) done(w->answer);
        free(w);
    }
}

void answer_pump(struct gate *g)
{
    for (uint64_t ticket; (ticket = sender_done(g->sender)); ) answer_done(g, ticket);
}

void answer_orphan(struct socket *s)
{
    for (struct answer *a = s->answers, *next; a; a = next) {
        next = a->next;
        a->socket = NULL;
        if (a->tickets == 0) blob_drop(&a->frame), free(a);
    }
    s->answers = NULL, s->answers_end = &s->answers, s->answer_count = 0, s->answer_bytes = 0;
}

void answer_fini(struct gate *g)
{
    struct map_walk walk = { 0 };
    for (struct wait *w, *next; (w = map_next(&g->waits, &walk)); )
        for (; w; w = next) {
            next = w->next;
            if (w->answer) done(w->answer);
            free(w);
        }
}
