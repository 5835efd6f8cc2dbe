/* client - the Socket.IO packets of a session: what is allowed, and who hears of it (traps 26 to 32).
 * On a raw listener there are none: the session is one socket, each of its messages the event "message". */
#include "hold.h"
#include "sio_msgpack.h"

#include "json.h"

#include <stdlib.h>

static enum err on_event(struct session *s, const struct sio_packet *p, const struct span *attachments)
{
    struct socket *socket = socket_find(s, p->nsp);
    if (!socket) return ERR_STATE;
    s->gate->stats->events_in++;
    activity_note(socket);
    if (socket->heart) heartbeat_hear(socket, p->name);
    if (socket->state == SOCKET_WAITING) return hold_add(socket, p, attachments);
    hold_event(socket, p, attachments);
    return OK;
}

static enum err dispatch(struct session *s, const struct sio_packet *p, const struct span *attachments)
{
    struct gateway_stats *st = s->gate->stats;
    struct socket *socket;
    switch (p->type) {
    case SIO_CONNECT:
        st->connects_in++;
        if (socket_find(s, p->nsp)) return ERR_DUPLICATE;
        connect_begin(s, p);
        return OK;
    case SIO_DISCONNECT:
        st->disconnects_in++;
        if (!(socket = socket_find(s, p->nsp))) return ERR_STATE;
        if (socket->limit && hold_add(socket, p, NULL) == OK) return OK;     /* what it sent before comes first */
        socket_end(socket, REASON_CLIENT_LEAVE);
        return OK;
    case SIO_EVENT: case SIO_BINARY_EVENT:
        return on_event(s, p, attachments);
    case SIO_ACK: case SIO_BINARY_ACK:
        st->acks_in++;
        if (!(socket = socket_find(s, p->nsp))) return ERR_STATE;
        acks_on(socket, p, attachments);
        return OK;
    case SIO_CONNECT_ERROR:
        break;
    }
    return ERR_STATE;
}

/* Its namespace may have a query, which is what its CONNECT carries (trap 39): it can send nothing else. */
static enum err on_packet_v2(struct session *s, const struct sio_packet *packet, const struct span *attachments)
{
    struct sio_packet p = *packet;
    struct span query;
    struct buf auth = { 0 };
    enum err e = sio_cut_query(&p, &query);
    if (e == OK && p.type == SIO_CONNECT) http1_query_json(&auth, query), p.json = buf_span(&auth);
    if (e == OK) e = dispatch(s, &p, attachments);
    buf_fini(&auth);
    return e;
}

/* A packet with all its attachments. */
static enum err on_packet(struct session *s, const struct sio_packet *p, const struct span *attachments)
{
    return (s->dialect & DIALECT_V3 ? on_packet_v2 : dispatch)(s, p, attachments);
}

/* ---- away with it */

void client_dismiss(struct socket *cause, enum reason why)
{
    struct session *session = cause->session;
    struct buf packet = { 0 };
    for (struct socket *s = session->sockets, *next; s; s = next) {
        next = s->next;
        buf_clear(&packet);
        sio_disconnect(&packet, s->space->shown);
        socket_send_text(s, buf_span(&packet));
        socket_end(s, s == cause ? why : REASON_SERVER_LEAVE);
    }
    buf_fini(&packet);
    gate_doom(session, REASON_SERVER_LEAVE, true);
}

/* ---- raw messages */

static enum err on_raw(struct session *s, struct span message, bool binary)
{
    struct buf json = { 0 };
    buf_add_literal(&json, "[\"message\",");
    if (binary) buf_add_literal(&json, "{\"_placeholder\":true,\"num\":0}");
    else json_quote(&json, message);
    buf_add_byte(&json, ']');
    enum err e = on_event(s, &(struct sio_packet){ .type = binary ? SIO_BINARY_EVENT : SIO_EVENT, .attachments = binary, .nsp = s->listener->raw->shown,
                                                   .id = SIO_NO_ID, .json = buf_span(&json), .name = SPAN("\"message\"") }, &message);
    buf_fini(&json);
    return e;
}

/* Raw clients have one namespace, Socket.IO 2 clients are in the main one without a word (and may have asked for it before
 * they were greeted). Where there is none nothing is said of it: they would hand a refusal of "/" to every other namespace. */
void client_begin(struct session *s)
{
    struct sio_packet p = { .type = SIO_CONNECT, .nsp = s->listener->raw ? s->listener->raw->shown : SPAN("/"), .id = SIO_NO_ID };
    bool unasked = s->dialect & DIALECT_V3 && space_is_offered(s->gate, s->listener, p.nsp) && !socket_find(s, p.nsp);
    if (s->listener->raw || unasked) connect_begin(s, &p);
}

/* ---- messages in */

/* A whole packet in one message (sio_msgpack.h): as JSON and attachments it may be larger, but not too large to be carried. */
static enum err on_msgpack(struct session *s, struct span bytes)
{
    struct sio_packet p;
    struct span attachments[SIO_MAX_ATTACHMENTS];
    struct buf text = { 0 };
    enum err e = sio_msgpack_decode(&p, attachments, &text, bytes, s->gate->config->router.max_body_bytes);
    if (e == OK && p.attachments > s->listener->config->max_attachments_count) e = ERR_LIMIT;
    if (e == OK) e = on_packet(s, &p, attachments);
    buf_fini(&text);
    return e;
}

static enum err weigh(struct session *s)
{
    return gate_keep(s->gate, &s->kept, assembly_bytes(s->assembly)) ? OK : ERR_FULL;
}

enum err client_on_text(struct session *s, struct span text)
{
    if (s->listener->raw) return on_raw(s, text, false);
    if (s->dialect & DIALECT_MSGPACK) return ERR_SYNTAX;
    if (s->assembly) return ERR_STATE;
    struct sio_packet p;
    enum err e = sio_decode(&p, text);
    if (e != OK) return e;
    if (p.attachments == 0) return on_packet(s, &p, NULL);
    if (p.attachments > s->listener->config->max_attachments_count) return ERR_LIMIT;
    e = assembly_begin(&s->assembly, &p, s->listener->config->max_message_bytes);
    return e == OK ? weigh(s) : e;
}

enum err client_on_binary(struct session *s, struct span bytes)
{
    if (s->listener->raw) return on_raw(s, bytes, true);
    if (s->dialect & DIALECT_MSGPACK) return on_msgpack(s, bytes);
    enum err e = assembly_add(s->assembly, bytes);
    if (e != OK) return e == ERR_AGAIN ? weigh(s) : e;
    struct assembly *whole = s->assembly;
    s->assembly = NULL;         /* the packet may be the end of the session */
    (void)weigh(s);
    struct sio_packet p;
    struct span attachments[SIO_MAX_ATTACHMENTS];
    assembly_packet(whole, &p, attachments);
    e = on_packet(s, &p, attachments);
    assembly_destroy(&whole);
    return e;
}
