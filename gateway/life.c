/* life - how long a token lasts: its client is warned before, may bring another one, and is let go or kept when it is over.
 *
 * Only sockets of namespaces with `expiry` whose token ends have a 'struct life'. A refresh is an event with the new token:
 * auth verifies it as at CONNECT, it must be the same user's, and its claims and its end are the socket's from then on. */
#include "gate_state.h"

#include "json.h"

#include <stdlib.h>

/* A look at the wall clock so often, whatever it was set to meanwhile; and how long a refresh waits for auth. */
enum { LOOK_MS = 15 * 60 * 1000, PATIENCE_MS = 10000 };

struct life {
    struct socket *socket;
    struct timer   timer;
    uint64_t       expires;         /* Unix ms; UINT64_MAX: never */
    int64_t        ack;             /* the refresh's ack id, or SIO_NO_ID */
    bool           open, warned, asking;
};

static bool is_watched(const struct config_namespace *ns)
{
    return ns->expiry.close || ns->expiry.warn_ms;
}

/* ---- what its client is told */

/* An event, or the ack of one. */
static void say(struct socket *s, int64_t ack, struct span args)
{
    struct rules_effect effect = { .kind = ack == SIO_NO_ID ? RULES_REPLY : RULES_ACK, .args = args };
    const struct rules_effects all = { .at = &effect, .count = 1 };
    const struct sio_packet packet = { .type = SIO_EVENT, .nsp = s->space->shown, .id = ack };
    event_do(s, NULL, &packet, NULL, &all);
}

static void add_time(struct buf *json, uint64_t expires)
{
    buf_add_literal(json, "\"expiresAt\":");
    if (expires == UINT64_MAX) buf_add_literal(json, "null");
    else buf_add_uint(json, expires);
}

static void warn(struct life *l, uint64_t left)
{
    struct buf json = { 0 };
    buf_add_byte(&json, '[');
    json_quote(&json, span_of(l->socket->space->config->expiry.event));
    buf_add_literal(&json, ",{");
    add_time(&json, l->expires);
    buf_add_format(&json, ",\"remaining\":%llu}]", (unsigned long long)left);
    l->warned = true;
    l->socket->session->gate->stats->tokens_warned++;
    say(l->socket, SIO_NO_ID, buf_span(&json));
    buf_fini(&json);
}

/* problem empty: it worked. */
static void answer(struct life *l, struct span problem)
{
    struct socket *s = l->socket;
    const struct config_namespace *ns = s->space->config;
    struct buf json = { 0 };
    buf_add_byte(&json, '[');
    if (l->ack == SIO_NO_ID) json_quote(&json, span_of(ns->expiry.refresh)), buf_add_byte(&json, ',');
    else if (ns->acks_error_first && !problem.len) buf_add_literal(&json, "null,");
    buf_add_format(&json, "{\"success\":%s,", problem.len ? "false" : "true");
    if (problem.len) buf_add_literal(&json, "\"message\":"), json_quote(&json, problem);
    else add_time(&json, l->expires);
    buf_add_literal(&json, "}]");
    l->asking = false;
    say(s, l->ack, buf_span(&json));
    buf_fini(&json);
}

/* ---- time */

static void on_due(struct gate *g, struct timer *t);

static void arm(struct life *l)
{
    struct gate *g = l->socket->session->gate;
    const struct config_namespace *ns = l->socket->space->config;
    timer_cancel(g, &l->timer);
    if (!l->open || l->expires == UINT64_MAX) return;
    uint64_t next = l->expires;
    if (ns->expiry.warn_ms && !l->warned) next = next > ns->expiry.warn_ms ? next - ns->expiry.warn_ms : 0;
    uint64_t left = next > g->now.wall ? next - g->now.wall : 0;
    timer_set(g, &l->timer, on_due, left < LOOK_MS ? left : LOOK_MS);
}

static void on_due(struct gate *g, struct timer *t)
{
    struct life *l = TIMER_OWNER(t, struct life, timer);
    const struct config_namespace *ns = l->socket->space->config;
    uint64_t left = l->expires > g->now.wall ? l->expires - g->now.wall : 0;
    if (left && ns->expiry.warn_ms && !l->warned && left <= ns->expiry.warn_ms) warn(l, left);
    if (left) {
        arm(l);
        return;
    }
    g->stats->tokens_expired++;
    if (!ns->expiry.close) return;
    gate_note(g, "expired", l->socket, "");
    connect_expel(l->socket, REASON_TOKEN_EXPIRED, SPAN("token expired"));
}

/* ---- a socket's */

void life_set(struct socket *s, uint64_t expires_s)
{
    struct gate *g = s->session->gate;
    if (!is_watched(s->space->config) || s->session->dialect & DIALECT_RAW) return;
    if (!s->life && !expires_s) return;
    if (!s->life) {
        s->life = calloc(1, sizeof *s->life);
        NEED(s->life);
        s->life->socket = s;
        g->socket_bytes += sizeof *s->life;
    }
    s->life->expires = expires_s && expires_s < UINT64_MAX / 1000 ? expires_s * 1000 : UINT64_MAX;
    s->life->warned = false;
    arm(s->life);
}

void life_begin(struct socket *s)
{
    if (!s->life) return;
    s->life->open = true;
    arm(s->life);
}

void life_end(struct socket *s)
{
    struct gate *g = s->session->gate;
    if (!s->life) return;
    timer_cancel(g, &s->life->timer);
    free(s->life);
    s->life = NULL;
    g->socket_bytes -= sizeof *s->life;
}

uint64_t life_expires(const struct socket *s)
{
    return s->life ? s->life->expires : UINT64_MAX;
}

/* Keys of the topology may have changed: who is watched goes by the new ones; who was not, from its next token on. */
void lives_reload(struct gate *g)
{
    struct map_walk walk = { 0 };
    for (struct socket *s; (s = map_next(&g->registry.sockets, &walk)); )
        if (s->life) s->life->warned = false, arm(s->life);
}

/* ---- another token */

bool life_is_refresh(const struct socket *s, const struct sio_packet *p)
{
    const char *refresh = s->space->config->expiry.refresh;
    return s->life && refresh[0] && json_string_is(p->name, span_of(refresh));
}

/* {token} or the token itself. */
static bool find_token(struct span packet, struct buf *token)
{
    struct span value;
    if (!json_next(&packet, &value) || !json_next(&packet, &value)) return false;
    if (json_type_of(value) == JSON_OBJECT) value = json_find(value, SPAN("token"));
    if (json_type_of(value) != JSON_STRING) return false;
    json_unquote(token, value);
    return token->len > 0;
}

void life_refresh(struct socket *s, const struct sio_packet *p)
{
    struct life *l = s->life;
    struct buf token = { 0 };
    s->session->gate->stats->refreshes_in++;
    if (l->asking) {        /* one at a time: this one's answer is its own */
        struct life other = { .socket = s, .ack = p->id };
        answer(&other, SPAN("a refresh is under way"));
        return;
    }
    l->ack = p->id;
    if (!find_token(p->json, &token)) {
        answer(l, SPAN("missing token"));
    } else if (!connect_verify(s, &token, PATIENCE_MS)) {
        answer(l, SPAN("authentication is not available"));
    } else {
        l->asking = true;
    }
    buf_fini(&token);
}

static bool is_sound(const struct msg_VERDICT *m)
{
    return m->allowed && json_check(m->user, 1) == OK && (m->claims.len == 0 || json_check(m->claims, JSON_MAX_DEPTH) == OK);
}

void life_on_verdict(struct socket *s, const struct msg_VERDICT *m)
{
    struct gate *g = s->session->gate;
    struct life *l = s->life;
    struct span problem = SPAN("");
    if (!l) return;
    if (!m) problem = SPAN("authentication is not available");
    else if (!is_sound(m)) problem = m->message.len ? m->message : SPAN("not authorized");
    else if (!span_same(m->user, socket_user(s))) problem = SPAN("the token is another user's");
    else if (revoked_refuses(g->revoked, span_of(s->space->config->realm), m->user, m->claims)) problem = SPAN("token revoked");
    if (problem.len) {
        g->stats->refreshes_refused++;
    } else {
        socket_identify(s, m->user, m->claims);
        life_set(s, m->expires);
    }
    answer(l, problem);
}
