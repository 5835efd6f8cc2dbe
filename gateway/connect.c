/* connect - a socket's way into its namespace: who it is (auth), whether it may
 * (presence), then its rooms, then the answer. Each step waits for a daemon and has
 * a deadline; nothing waits for ever.
 *
 *     CONNECT -> token -> VERIFY ... VERDICT -> SESSION_UP ... ADMITTED -> "*" and user:<id> -> 40{sid}
 */
#include "feed.h"
#include "hold.h"
#include "recover.h"
#include "token.h"

#include "json.h"
#include "user.h"

#include <stdlib.h>

enum {
    VERIFY_AGAIN_MS = 1000,     /* no answer: another auth is asked */
    NOBODY_AGAIN_MS = 100,      /* nobody to ask: looked for again */
    SPARE_MS        = 500,      /* the refusal comes before the connect time-out would close */
};

enum waits_for { FOR_VERDICT, FOR_PRESENCE, FOR_ADMITTED, FOR_REFRESH };    /* the last: of an open socket's new token */

struct pending {
    uint64_t       ref;
    struct socket *socket;
    struct timer   timer;
    uint64_t       until;
    enum waits_for what;
    uint16_t       tries;
    struct buf     token;
};

/* ---- the question that is open */

static struct pending *pending_need(struct socket *s)
{
    struct gate *g = s->session->gate;
    if (s->pending) return s->pending;
    struct pending *p = calloc(1, sizeof *p);
    NEED(p);
    p->socket = s, p->ref = gate_ref(g);
    map_put_u64(&g->pendings, p->ref, p);
    s->pending = p;
    return p;
}

void connect_forget(struct socket *s)
{
    struct pending *p = s->pending;
    if (!p) return;
    struct gate *g = s->session->gate;
    timer_cancel(g, &p->timer);
    map_drop_u64(&g->pendings, p->ref);
    buf_fini(&p->token);
    free(p);
    s->pending = NULL;
}

void connect_print(struct buf *out, const struct socket *s)
{
    if (s->session->dialect & DIALECT_V3) sio_connect_v2(out, s->space->shown);
    else sio_connect(out, s->space->shown, socket_id(s), recover_pid(s));
}

/* ---- in: rooms, then the answer */

/* At once, and again before it is let in: it may be revoked while others are asked. */
static bool refused_revoked(struct socket *s)
{
    struct gate *g = s->session->gate;
    if (!revoke_refuses(s)) return false;
    g->stats->refused_auth[ERR_GONE]++;
    connect_refuse(s, REJECTION_INVALID, SPAN("token revoked"), SPAN(""));
    return true;
}

static void join(struct socket *s)
{
    struct gate *g = s->session->gate;
    connect_forget(s);
    if (refused_revoked(s)) return;
    if (s->recovery && s->recovery->resume) {
        recover_finish(s);
        return;
    }
    struct buf address = { 0 }, text = { 0 };
    struct span user = socket_user(s);
    if (user.len && template_user_address(&address, span_of(s->space->config->realm), user) != OK) {
        buf_fini(&address);
        connect_refuse(s, REJECTION_INVALID, SPAN("invalid user"), SPAN(""));
        return;
    }
    registry_add(&g->registry, s);
    s->registered = true;
    struct answer *a = answer_new(s);
    a->opens = true;
    buf_clear(&g->key);
    address_key(&g->key, s->space->name, SPAN("*"));
    answer_wait(a, membership_join(s, buf_span(&g->key)));
    if (address.len) {
        buf_clear(&g->key);
        address_key(&g->key, s->space->name, buf_span(&address));
        answer_wait(a, membership_join(s, buf_span(&g->key)));
    }
    task_joins(s, a);
    recover_save(s, SAVE_NEW);
    connect_print(&text, s);
    struct frames f = frames_packet(buf_span(&text), SPAN(""));
    struct blob *frame = blob_hold(frames_for(&f, s->session->dialect, &s->session->gate->compression));
    frames_fini(&f);
    buf_fini(&address), buf_fini(&text);
    answer_give(&a, &frame);
}

/* Does the connect rule, or a worker, look at what CONNECT carries? Then that is the first of what came early. */
static bool asks(struct gate *g, const struct space *space)
{
    return (space->rules && rules_connect_asks(space->rules)) || *space->config->connect_worker || task_offered(g, space, SPAN("\"connect\""));
}

void connect_opened(struct socket *s, struct span payload)
{
    if (!recover_back(s)) event_connected(s, payload);
    task_opened(s, payload);
}

void connect_on_open(struct socket *s)
{
    struct gate *g = s->session->gate;
    struct session *session = s->session;
    s->state = SOCKET_OPEN;
    s->space->sockets++;
    g->stats->sockets_open++, g->stats->sockets_connected++;
    session->connected = true;
    timer_cancel(g, &session->connect);
    heartbeat_begin(s);
    life_begin(s);
    gate_note(g, recover_back(s) ? "recover" : "connect", s, "");
    if (feed_wants(g, TOPIC_CONNECT)) feed_connect(s, recover_back(s));
    bool kept = s->early && span_starts(blob_span(s->early->text), '0' + SIO_CONNECT);  /* rules may have been read anew since */
    if (!kept) connect_opened(s, SPAN(""));
    hold_release(s);
}

/* ---- presence */

static void on_due(struct gate *g, struct timer *t);

static void look_again(struct gate *g, struct pending *p, uint64_t after_ms)
{
    uint64_t left = p->until > g->now.mono ? p->until - g->now.mono : 0;
    timer_set(g, &p->timer, on_due, after_ms < left ? after_ms : left);
}

void connect_tell(struct gate *g, struct socket *s, bool known, uint64_t ref)
{
    struct buf address = { 0 };
    const struct session *session = s->session;
    ip_print(&address, &session->address);
    s->told = true;
    GATE_SAY(g, ROLE_PRESENCE, s->presence, SESSION_UP, .ref = ref, .sid = socket_id(s), .nsp = s->space->name,
             .realm = span_of(s->space->config->realm), .user = socket_user(s), .claims = socket_claims(s),
             .address = buf_span(&address), .agent = interned_span(session->handshake->agent), .since = s->since,
             .limit = s->space->config->max_connections_per_user, .known = known);
    buf_fini(&address);
}

void connect_tell_again(struct gate *g, struct socket *s)
{
    bool asks = s->pending && s->pending->what == FOR_ADMITTED;
    if (asks || s->told) connect_tell(g, s, !asks, asks ? s->pending->ref : 0);
}

/* Nobody keeps this user's presence: it may come in if nothing is counted. */
static void without_presence(struct socket *s)
{
    s->session->gate->stats->presence_timeout++;
    if (s->space->config->max_connections_per_user) connect_refuse(s, REJECTION_UNAVAILABLE, SPAN("presence is not available"), SPAN(""));
    else join(s);
}

static void ask_presence(struct socket *s)
{
    struct gate *g = s->session->gate;
    struct pending *p = pending_need(s);
    uint16_t owner = gate_presence_of(g, s);
    if (p->what != FOR_PRESENCE && p->what != FOR_ADMITTED) p->until = g->now.mono + g->config->presence.wait_ms;
    if (owner == RANK_NOBODY) {
        p->what = FOR_PRESENCE;
        look_again(g, p, NOBODY_AGAIN_MS);
        return;
    }
    p->what = FOR_ADMITTED;
    s->presence = owner, s->presence_epoch = gate_presence_epoch(g, owner);
    connect_tell(g, s, false, p->ref);
    look_again(g, p, UINT64_MAX);
}

void connect_on_admitted(struct gate *g, const struct msg_ADMITTED *m)
{
    struct pending *p = map_find_u64(&g->pendings, m->ref);
    if (!p || p->what != FOR_ADMITTED) return;
    struct socket *s = p->socket;
    if (m->allowed) {
        join(s);
        return;
    }
    s->told = false;        /* presence keeps nothing of it */
    connect_refuse(s, REJECTION_FULL, SPAN("too many connections"), SPAN(""));
}

void connect_go_on(struct socket *s)
{
    if (recover_start(s)) return;
    bool comes_back = s->recovery && s->recovery->resume;
    if (comes_back || !task_admits(s)) connect_admit(s);
}

void connect_admit(struct socket *s)
{
    if (socket_user(s).len) ask_presence(s);
    else join(s);
}

static void identified(struct socket *s)
{
    struct gate *g = s->session->gate;
    if (refused_revoked(s)) return;
    buf_clear(&g->key);
    if (user_key(&g->key, span_of(s->space->config->realm), socket_user(s)) == OK) {
        connect_go_on(s);
        return;
    }
    g->stats->refused_auth[ERR_TYPE]++;         /* an id that no address could name */
    connect_refuse(s, REJECTION_INVALID, SPAN("invalid user"), SPAN(""));
}

/* ---- auth */

static void ask_auth(struct socket *s)
{
    struct gate *g = s->session->gate;
    struct pending *p = s->pending;
    if (g->auths.count == 0) {
        look_again(g, p, NOBODY_AGAIN_MS);
        return;
    }
    g->stats->verify_out++;
    if (p->tries++) g->stats->verify_again++;
    uint16_t auth = g->auths.number[g->next_auth++ % g->auths.count];
    GATE_SAY(g, ROLE_AUTH, auth, VERIFY, .ref = p->ref, .nsp = s->space->name, .token = buf_span(&p->token));
    look_again(g, p, VERIFY_AGAIN_MS);
}

bool connect_verify(struct socket *s, struct buf *token, uint64_t patience_ms)
{
    if (s->pending) return false;
    struct pending *p = pending_need(s);
    p->what = FOR_REFRESH;
    p->until = s->session->gate->now.mono + patience_ms;
    p->token = *token, *token = (struct buf){ 0 };
    ask_auth(s);
    return true;
}

/* auth/reasons.def's name, as rule files know it. */
static enum rejection_reason reason_of(struct span reason)
{
    static const struct { const char *name; enum rejection_reason why; } names[] = {
        { "missing_token", REJECTION_MISSING }, { "claim_mismatch", REJECTION_DENIED }, { "missing_claim", REJECTION_DENIED }, { "unknown_namespace", REJECTION_DENIED },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (span_same(reason, span_of(names[i].name))) return names[i].why;
    return REJECTION_INVALID;
}

void connect_on_verdict(struct gate *g, const struct msg_VERDICT *m)
{
    struct pending *p = map_find_u64(&g->pendings, m->ref);
    if (!p || (p->what != FOR_VERDICT && p->what != FOR_REFRESH)) return;       /* late: another one answered, or the client went */
    struct socket *s = p->socket;
    if (p->what == FOR_REFRESH) {
        connect_forget(s);
        life_on_verdict(s, m);
        return;
    }
    bool sound = m->allowed && json_check(m->user, 1) == OK && (m->claims.len == 0 || json_check(m->claims, JSON_MAX_DEPTH) == OK);
    if (!sound) {
        g->stats->refused_auth[m->allowed ? ERR_SYNTAX : ERR_AUTH]++;
        connect_refuse(s, reason_of(m->reason), m->message.len ? m->message : SPAN("not authorized"), SPAN(""));
        return;
    }
    socket_identify(s, m->user, m->claims);
    life_set(s, m->expires);
    buf_fini(&p->token);
    identified(s);
}

static void on_due(struct gate *g, struct timer *t)
{
    struct pending *p = TIMER_OWNER(t, struct pending, timer);
    struct socket *s = p->socket;
    bool over = g->now.mono >= p->until;
    switch (p->what) {
    case FOR_VERDICT: case FOR_REFRESH:
        if (!over) {
            ask_auth(s);
            return;
        }
        g->stats->verify_timeout++;
        if (p->what == FOR_REFRESH) {
            connect_forget(s);
            life_on_verdict(s, NULL);
            return;
        }
        g->stats->refused_auth[ERR_TIMEOUT]++;
        connect_refuse(s, REJECTION_UNAVAILABLE, SPAN("authentication is not available"), SPAN(""));
        return;
    case FOR_PRESENCE:
        if (over) without_presence(s);
        else ask_presence(s);
        return;
    case FOR_ADMITTED:
        without_presence(s);
        return;
    }
}

void connect_view(struct gate *g)
{
    struct map_walk walk = { 0 };
    for (struct pending *p; (p = map_next(&g->pendings, &walk)); ) {
        struct socket *s = p->socket;
        if ((p->what == FOR_VERDICT || p->what == FOR_REFRESH) && p->tries == 0) ask_auth(s);
        if (p->what == FOR_PRESENCE && g->presences.count) ask_presence(s);
        /* Who was asked is gone, or has a new life: the others don't know of the question. */
        if (p->what == FOR_ADMITTED && gate_presence_epoch(g, s->presence) != s->presence_epoch) ask_presence(s);
    }
}

/* ---- the packet */

/* An identity that nobody verifies: the text is the user. */
static void believe(struct socket *s, struct span text)
{
    struct buf user = { 0 };
    json_quote(&user, text);
    socket_identify(s, buf_span(&user), SPAN(""));
    buf_fini(&user);
    identified(s);
}

static bool may_join(const struct session *session)
{
    size_t count = 0;
    for (const struct socket *i = session->sockets; i; i = i->next) count++;
    return count < session->listener->config->max_namespaces_count;
}

static void refuse_namespace(struct session *session, struct span nsp, enum err e)
{
    struct gate *g = session->gate;
    struct buf text = { 0 };
    g->stats->sockets_refused++;
    g->stats->refused_sio[e]++;
    sio_connect_error(&text, nsp, e == ERR_UNKNOWN ? SPAN("Invalid namespace") : SPAN("Too many namespaces"), SPAN(""));
    struct frames f = frames_packet(buf_span(&text), SPAN(""));
    session_send(session, &f);
    frames_fini(&f), buf_fini(&text);
}

void connect_begin(struct session *session, const struct sio_packet *packet)
{
    struct gate *g = session->gate;
    struct space *space;
    enum err e = may_join(session) ? space_need(g, session->listener, packet->nsp, &space) : ERR_LIMIT;
    if (e != OK) {
        refuse_namespace(session, packet->nsp, e);
        return;
    }
    struct socket *s = socket_new(session, space);
    const struct config_namespace *ns = space->config;
    if (asks(g, space) && hold_add(s, packet, NULL) != OK) {
        g->stats->refused_sio[ERR_FULL]++;
        connect_refuse(s, REJECTION_INVALID, SPAN("payload is too large"), SPAN(""));
        return;
    }
    recover_new(s, packet);
    if (ns->identity == CONFIG_IDENTITY_NONE) {
        connect_go_on(s);
        return;
    }
    struct buf token = { 0 };
    bool found = ns->identity == CONFIG_IDENTITY_QUERY ? http1_query(session->handshake->query, span_of(ns->identity_query), &token) && token.len
                                                       : token_find(session->handshake, &ns->token, packet->json, &token);
    if (!found) {
        g->stats->refused_auth[ERR_MISSING]++;
        connect_refuse(s, REJECTION_MISSING, ns->identity == CONFIG_IDENTITY_QUERY ? SPAN("missing user") : SPAN("missing token"), SPAN(""));
    } else if (ns->identity == CONFIG_IDENTITY_JWT) {
        struct pending *p = pending_need(s);
        uint64_t patience = session->listener->config->connect_timeout_ms;
        patience = patience > 2 * SPARE_MS ? patience - SPARE_MS : patience / 2;
        uint64_t open_ms = g->now.wall > session->since ? g->now.wall - session->since : 0;
        if (!session->connected && open_ms < patience) patience -= open_ms;
        p->what = FOR_VERDICT;
        p->until = g->now.mono + patience;
        p->token = token, token = (struct buf){ 0 };
        ask_auth(s);
    } else {
        believe(s, buf_span(&token));
    }
    buf_fini(&token);
}
