#include "feed.h"
#include "hold.h"
#include "limit.h"
#include "recover.h"

#include <stdlib.h>

/* A Socket.IO 2 client makes the id itself, and so do we; to others the session's id is nobody's but the client's. */
static void make_id(struct buf *id, const struct session *session, const struct space *space)
{
    struct gate *g = session->gate;
    struct sid sid = session->sid;
    uint8_t random[8];
    if (session->dialect & DIALECT_V3) {
        if (!span_same(space->shown, SPAN("/"))) buf_add(id, space->shown), buf_add_byte(id, '#');
    } else do {
        gate_random(g, random, sizeof random);
        sid_make(&sid, g->setup.number, random, g->setup.sid_key);
    } while (registry_find(&g->registry, sid_span(&sid)));
    buf_add(id, sid_span(&sid));
}

struct socket *socket_new(struct session *session, struct space *space)
{
    struct gate *g = session->gate;
    struct buf *id = &g->text;
    buf_clear(id);
    make_id(id, session, space);
    struct socket *s = calloc(1, sizeof *s + id->len);
    NEED(s && id->len <= UINT16_MAX);
    memcpy(s->id, id->ptr, id->len);
    s->id_len = (uint16_t)id->len;
    space->users++;
    s->session = session, s->space = space, s->since = g->now.wall;
    s->answers_end = &s->answers;
    s->next = session->sockets;
    session->sockets = s;
    g->socket_bytes += socket_bytes(s);
    return s;
}

void socket_rename(struct socket *s, struct span id)
{
    struct buf *fresh = &s->session->gate->text;
    buf_clear(fresh);
    if (id.len) buf_add(fresh, id);
    else make_id(fresh, s->session, s->space);
    NEED(!s->registered && fresh->len == s->id_len);
    memcpy(s->id, fresh->ptr, fresh->len);
}

struct socket *socket_find(const struct session *s, struct span shown)
{
    for (struct socket *i = s->sockets; i; i = i->next)
        if (span_same(i->space->shown, shown)) return i;
    return NULL;
}

bool socket_send(struct socket *s, struct frames *f)
{
    uint8_t dialect = s->session->dialect;
    return session_send_frame(s->session, frames_for(f, s->recovery ? dialect | DIALECT_OFFSET : dialect, &s->session->gate->compression), dialect);
}

bool socket_send_text(struct socket *s, struct span packet)
{
    struct frames f = frames_packet(packet, SPAN(""));
    bool fine = session_send(s->session, &f);
    frames_fini(&f);
    return fine;
}

static size_t who_bytes(const struct identity *who)
{
    return who ? sizeof *who + who->user.len + who->claims.len : 0;
}

void socket_identify(struct socket *s, struct span user, struct span claims)
{
    struct identity *who = malloc(sizeof *who + user.len + claims.len);
    NEED(who);
    if (user.len) memcpy(who->bytes, user.ptr, user.len);
    if (claims.len) memcpy(who->bytes + user.len, claims.ptr, claims.len);
    who->user = (struct span){ who->bytes, user.len };
    who->claims = (struct span){ who->bytes + user.len, claims.len };
    s->session->gate->socket_bytes += who_bytes(who) - who_bytes(s->who);
    free(s->who);
    s->who = who;
}

size_t socket_bytes(const struct socket *s)
{
    return sizeof *s + s->id_len + who_bytes(s->who) + (s->recovery ? sizeof *s->recovery : 0);
}

static void unlink_from(struct session *session, const struct socket *s)
{
    struct socket **at = &session->sockets;
    while (*at != s) at = &(*at)->next;
    *at = s->next;
}

void socket_end(struct socket *s, enum reason why)
{
    struct gate *g = s->session->gate;
    task_ended(s, why);
    connect_forget(s);
    answer_orphan(s);
    acks_forget(s);
    activity_forget(s);
    if (s->session->listener->raw && session_live(s->session)) gate_doom(s->session, why, true);    /* it is all that the session was for */
    limit_forget(s);
    hold_drop(s);
    recover_end(s, why);
    heartbeat_end(s);
    life_end(s);
    membership_leave_all(s);
    if (s->registered) registry_drop(&g->registry, s);
    if (s->told)
        GATE_SAY(g, ROLE_PRESENCE, s->presence, SESSION_DOWN, .sid = socket_id(s), .nsp = s->space->name,
                 .realm = span_of(s->space->config->realm), .user = socket_user(s), .reason = span_of(reason_name(why)));
    if (s->state == SOCKET_OPEN) {
        g->stats->sockets_open--;
        s->space->sockets--;
        gate_note(g, "disconnect", s, reason_name(why));
        if (feed_wants(g, TOPIC_DISCONNECT)) feed_disconnect(s, reason_name(why));
    }
    unlink_from(s->session, s);
    space_leave(g, s->space);
    g->socket_bytes -= socket_bytes(s);
    free(s->recovery);
    free(s->who);
    free(s);
}

void socket_disconnect(struct socket *s)
{
    struct buf packet = { 0 };
    sio_disconnect(&packet, s->space->shown);
    socket_send_text(s, buf_span(&packet));
    buf_fini(&packet);
    socket_end(s, REASON_SERVER_LEAVE);
}
