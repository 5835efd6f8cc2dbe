#include "hold.h"

#include "limit.h"

#include <stdlib.h>

enum err hold_add(struct socket *s, const struct sio_packet *p, const struct span *attachments)
{
    struct gate *g = s->session->gate;
    struct buf text = { 0 }, strs = { 0 };
    sio_encode(&text, p);
    for (unsigned i = 0; i < p->attachments; i++) msg_add_str(&strs, attachments[i]);
    size_t before = s->early_bytes, after = before + text.len + strs.len;
    enum err e = after > HOLD_MAX_BYTES || !gate_keep(g, &s->early_bytes, after) ? ERR_FULL : OK;
    if (e == OK) {
        struct early *early = malloc(sizeof *early), **end = &s->early;
        NEED(early);
        *early = (struct early){ NULL, blob_new(buf_span(&text)), blob_new(buf_span(&strs)) };
        while (*end) end = &(*end)->next;
        *end = early;
    } else {
        (void)gate_keep(g, &s->early_bytes, before);
    }
    buf_fini(&text), buf_fini(&strs);
    return e;
}

static void pop(struct socket *s)
{
    struct early *early = s->early;
    s->early = early->next;
    (void)gate_keep(s->session->gate, &s->early_bytes, s->early ? s->early_bytes - blob_span(early->text).len - blob_span(early->attachments).len : 0);
    blob_drop(&early->text), blob_drop(&early->attachments);
    free(early);
}

void hold_drop(struct socket *s)
{
    while (s->early) pop(s);
}

/* False: it has to wait, and nothing was done. */
static bool go(struct socket *s, const struct sio_packet *p, const struct span *attachments)
{
    uint64_t reset = 0;
    switch (limit_ask(s, p, &reset)) {
    case PERMITS_YES:  event_on(s, p, attachments); return true;
    case PERMITS_NO:   limit_refuse(s, p, attachments, reset); return true;
    case PERMITS_WAIT: break;
    }
    return false;
}

void hold_event(struct socket *s, const struct sio_packet *p, const struct span *attachments)
{
    if (!hold_any(s) && go(s, p, attachments)) return;
    if (hold_add(s, p, attachments) == OK) {
        s->session->gate->stats->events_held++;
        return;
    }
    bool first = !hold_any(s);
    if (first) limit_forget(s);
    limit_refuse(s, p, attachments, 0);
}

void hold_release(struct socket *s)
{
    while (s->early) {
        struct sio_packet p;
        struct span attachments[SIO_MAX_ATTACHMENTS], strs = blob_span(s->early->attachments);
        NEED(sio_decode(&p, blob_span(s->early->text)) == OK);
        for (unsigned i = 0; i < p.attachments; i++) NEED(msg_next_str(&strs, &attachments[i]));
        if (p.type == SIO_DISCONNECT) {
            socket_end(s, REASON_CLIENT_LEAVE);
            return;
        }
        if (p.type == SIO_CONNECT) connect_opened(s, p.json);
        else if (!go(s, &p, attachments)) return;
        pop(s);
    }
}
