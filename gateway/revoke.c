/* revoke - tokens that are refused though they verify: this gateway's copy of the routers' list, and who is closed for it. */
#include "gate_state.h"

#include <stdlib.h>

bool revoke_refuses(const struct socket *s)
{
    const struct gate *g = s->session->gate;
    return revoked_refuses(g->revoked, span_of(s->space->config->realm), socket_user(s), socket_claims(s));
}

/* ---- who is connected with such a token */

struct found { struct socket **at; size_t count, cap; };

static bool see(struct gate *g, struct socket *s, void *with)
{
    struct found *f = with;
    (void)g;
    if (!revoke_refuses(s)) return false;
    if (f->count == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 16;
        f->at = realloc(f->at, f->cap * sizeof *f->at);
        NEED(f->at);
    }
    f->at[f->count++] = s;
    return true;
}

/* The sockets of a user are in the room of his name; whose token it is else, only the sockets know. */
static void find(struct gate *g, struct span user, struct found *f)
{
    struct map_walk walk = { 0 };
    if (!user.len) {
        for (struct socket *s; (s = map_next(&g->registry.sockets, &walk)); ) see(g, s, f);
        return;
    }
    struct buf to = { 0 };
    msg_add_str(&to, user);
    for (struct space *space; (space = map_next(&g->spaces, &walk)); )
        targets_each(g, &(struct msg_BODY){ .nsp = space->name, .to = buf_span(&to) }, see, f);
    buf_fini(&to);
}

static void end(struct gate *g, struct socket *s)
{
    g->stats->sockets_revoked++;
    gate_note(g, "revoked", s, "");
    if (s->state == SOCKET_OPEN) connect_expel(s, REASON_TOKEN_REVOKED, SPAN("token revoked"));
    else connect_refuse(s, REJECTION_INVALID, SPAN("token revoked"), SPAN(""));
}

static uint32_t end_all(struct gate *g, struct span user)
{
    struct found f = { 0 };
    find(g, user, &f);
    uint32_t count = (uint32_t)f.count;
    for (size_t i = 0; i < f.count; i++) end(g, f.at[i]);
    free(f.at);
    return count;
}

/* ---- the list */

/* One walk over all sockets is enough for whatever is no user. */
static uint32_t apply(struct gate *g, struct span entries)
{
    struct span one;
    struct msg_REVOCATION r;
    uint32_t count = 0;
    bool walk = false;
    while (msg_next_str(&entries, &one)) {
        enum err e;
        if (msg_decode_REVOCATION(&r, one) != OK || !revoked_apply(g->revoked, &r, &e) || !r.before) continue;
        if (span_has_prefix(r.name, SPAN("user:"))) count += end_all(g, r.name);
        else walk = true;
    }
    if (walk) count += end_all(g, SPAN(""));
    g->stats->revoked_tokens = revoked_count(g->revoked);
    return count;
}

void revoke_on(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_REVOKED *m)
{
    uint32_t count = apply(g, m->entries);
    if (router < VIEW_OWNERS_MAX) revoked_heard(&g->revoked_peers[router], epoch, m->since, m->version);
    if (!m->ref) return;
    struct buf json = { 0 };
    buf_add_format(&json, "{\"gateways\":[{\"id\":\"gateway-%u\",\"reached\":%u}],\"reached\":%u}", g->setup.number, count, count);
    GATE_SAY(g, ROLE_ROUTER, router, TOLD, .ref = m->ref, .error = OK, .json = buf_span(&json));
    buf_fini(&json);
}

void revoke_reborn(struct gate *g, uint16_t router)
{
    if (router < VIEW_OWNERS_MAX) g->revoked_peers[router].asked = 0;
}

void gate_on_beat(struct gate *g, uint16_t router, uint64_t epoch, uint64_t version, uint64_t sum, struct gate_time now)
{
    g->now = now;
    revoked_expire(g->revoked, now.wall);
    g->stats->revoked_tokens = revoked_count(g->revoked);
    if (router >= VIEW_OWNERS_MAX || !revoked_behind(g->revoked, &g->revoked_peers[router], epoch, version, sum)) return;
    GATE_SAY(g, ROLE_ROUTER, router, REVOKED_ASK, .since = g->revoked_peers[router].version);
}
