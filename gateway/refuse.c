/* refuse - a connection to a namespace that is not let in, told so as the namespace says (rules.h, "refused"). */
#include "gate_state.h"

static void send_text(struct socket *s, struct buf *text)
{
    socket_send_text(s, buf_span(text));
    buf_clear(text);
}

static void send_event(struct socket *s, struct span args)
{
    struct frames f = frames_event(s->space->shown, args, SPAN(""));
    session_send(s->session, &f);
    frames_fini(&f);
}

static void send_error(struct socket *s, struct span message, struct span data)
{
    struct buf text = { 0 };
    struct span nsp = s->space->shown;
    if (s->session->dialect & DIALECT_V3) sio_error_v2(&text, nsp, message, data);
    else sio_connect_error(&text, nsp, message, data);
    send_text(s, &text);
    buf_fini(&text);
}

/* Connected, told why, disconnected: as servers do that refuse in their connection handler. */
static void let_go(struct socket *s, const struct rules_rejected *r)
{
    struct buf text = { 0 };
    connect_print(&text, s);
    send_text(s, &text);
    if (r->as == CONFIG_REFUSE_EVENT) send_event(s, buf_span(&r->args));
    sio_disconnect(&text, s->space->shown);
    send_text(s, &text);
    buf_fini(&text);
}

void connect_refuse(struct socket *s, enum rejection_reason why, struct span message, struct span data)
{
    struct gate *g = s->session->gate;
    struct session *session = s->session;
    struct rules_rejected r;
    struct buf address = { 0 };
    struct template_scope scope = event_scope(s, NULL, &address);
    g->stats->sockets_refused++;
    gate_note(g, "refused", s, "");
    rules_reject(s->space->rules, s->space->config->refuse, why, message, &scope, &r);
    if (r.as == CONFIG_REFUSE_CONNECT_ERROR) send_error(s, buf_span(&r.message), r.data.len ? buf_span(&r.data) : data);
    else let_go(s, &r);
    bool close = r.as == CONFIG_REFUSE_CLOSE;
    rules_rejected_fini(&r), buf_fini(&address);
    socket_end(s, REASON_SERVER_LEAVE);
    if (close && session_live(session)) gate_doom(session, REASON_FORCED_CLOSE, true);
}

void connect_gone(struct socket *s)
{
    struct buf text = { 0 };
    if (s->state == SOCKET_OPEN) {
        sio_disconnect(&text, s->space->shown);
        send_text(s, &text);
    } else {
        send_error(s, SPAN("Invalid namespace"), SPAN(""));
    }
    buf_fini(&text);
    socket_end(s, REASON_SERVER_LEAVE);
}

void connect_expel(struct socket *s, enum reason why, struct span message)
{
    struct session *session = s->session;
    struct rules_rejected r;
    struct buf address = { 0 }, text = { 0 };
    struct template_scope scope = event_scope(s, NULL, &address);
    rules_reject(s->space->rules, s->space->config->refuse, REJECTION_INVALID, message, &scope, &r);
    if (r.as == CONFIG_REFUSE_EVENT) send_event(s, buf_span(&r.args));
    sio_disconnect(&text, s->space->shown);
    send_text(s, &text);
    bool close = r.as == CONFIG_REFUSE_CLOSE;
    rules_rejected_fini(&r), buf_fini(&address), buf_fini(&text);
    socket_end(s, why);
    if ((close || !session->sockets) && session_live(session)) gate_doom(session, REASON_SERVER_LEAVE, true);
}
