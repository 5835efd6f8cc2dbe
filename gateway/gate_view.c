/* gate_view - daemons come, go and come back: who is asked, who owns, who must be told anew. */
#include "feed.h"
#include "recover.h"

#include "user.h"

#include <stdlib.h>

static bool take_peers(struct gate *g, struct peers *peers, enum role role)
{
    struct peers *old = malloc(sizeof *old);
    NEED(old);
    *old = *peers;
    peers->count = 0;
    for (size_t i = 0; i < view_count(g->view); i++) {
        const struct member *m = view_member(g->view, i);
        if (m->role != role || m->state != MEMBER_READY || peers->count == GATE_MEMBERS_MAX) continue;
        peers->number[peers->count] = m->number;
        peers->epoch[peers->count++] = m->epoch;
    }
    bool same = old->count == peers->count &&
                memcmp(old->number, peers->number, peers->count * sizeof peers->number[0]) == 0 &&
                memcmp(old->epoch, peers->epoch, peers->count * sizeof peers->epoch[0]) == 0;
    free(old);
    return !same;
}

bool gate_knows(const struct gate *g, uint16_t gateway, uint16_t reborn)
{
    return gateway != reborn && g->view && view_find(g->view, ROLE_GATEWAY, gateway);
}

/* ---- presence */

uint64_t gate_presence_epoch(const struct gate *g, uint16_t number)
{
    for (size_t i = 0; i < g->presences.count; i++)
        if (g->presences.number[i] == number) return g->presences.epoch[i];
    return 0;
}

uint16_t gate_presence_of(struct gate *g, const struct socket *s)
{
    buf_clear(&g->key);
    if (user_key(&g->key, span_of(s->space->config->realm), socket_user(s)) != OK) return RANK_NOBODY;
    return user_owner(buf_span(&g->key), g->presences.number, g->presences.count);
}

/* Sockets whose owner is another one now, or has forgotten them: they are told again, and nothing is announced. */
static void tell_presences(struct gate *g)
{
    struct map_walk walk = { 0 };
    for (struct socket *s; (s = map_next(&g->registry.sockets, &walk)); ) {
        if (socket_user(s).len == 0) continue;
        uint16_t owner = gate_presence_of(g, s);
        if (owner == RANK_NOBODY) {
            s->presence_epoch = 0;      /* it may come back in the same life, and will have forgotten */
            continue;
        }
        uint64_t epoch = gate_presence_epoch(g, owner);
        if (s->told && s->presence == owner && s->presence_epoch == epoch) continue;
        s->presence = owner, s->presence_epoch = epoch;
        connect_tell(g, s, s->told, 0);     /* one that came in while there was no presence is new to all of them */
    }
    recover_tell(g, RANK_NOBODY);
    roll_tell(g, RANK_NOBODY, true);
    permits_view(&g->permits, (struct permits_time){ g->now.mono, g->now.wall });
    for (size_t i = 0; i < g->presences.count; i++)
        GATE_SAY(g, ROLE_PRESENCE, g->presences.number[i], SYNCED, .view = view_number(g->view));
}

void gate_tell_presence(struct gate *g, uint16_t number, uint64_t epoch)
{
    struct map_walk walk = { 0 };
    for (struct socket *s; (s = map_next(&g->registry.sockets, &walk)); )
        if (s->presence == number && socket_user(s).len) connect_tell_again(g, s);
    recover_tell(g, number);
    roll_tell(g, number, true);
    permits_tell(&g->permits, number, epoch, (struct permits_time){ g->now.mono, g->now.wall });
    if (g->view) GATE_SAY(g, ROLE_PRESENCE, number, SYNCED, .view = view_number(g->view));
}

/* ---- routers */

static void check_streams(struct gate *g)
{
    for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++) {
        struct stream *s = g->streams[i];
        const struct member *m = view_find(g->view, ROLE_ROUTER, i);
        if (!s || !s->now.epoch || (m && m->epoch == s->now.epoch)) continue;
        stream_begin(s, 0);
    }
}

/* Every old owner that lives has fenced: what comes from now on is of the coming
 * view, so its coordinator may let it begin. A fence may overtake the roster. */
static void settle_view(struct gate *g)
{
    uint64_t view = view_number(g->view);
    const struct owners *old = view_owners(g->view);
    if (!view_holding(g->view) || g->settled == view) return;
    for (size_t i = 0; i < old->count; i++)
        if (view_find(g->view, ROLE_ROUTER, old->number[i]) && g->fences[old->number[i]] != view) return;
    g->settled = view;
    GATE_SAY(g, ROLE_ROUTER, (uint16_t)(view % ROSTER_COORDINATORS), SETTLED, .view = view);
}

void gate_on_fence(struct gate *g, uint16_t router, uint64_t view)
{
    if (router >= VIEW_OWNERS_MAX) return;
    g->fences[router] = view;
    if (g->view) settle_view(g);
}

void gate_take_view(struct gate *g, enum view_change change)
{
    if (change == VIEW_SAME) return;
    if (change == VIEW_HOLDING) {
        sender_hold(g->sender, g->view);
        membership_moved(g, view_coming(g->view));
        sender_fence(g->sender, &g->effects);
        settle_view(g);
    } else {
        membership_moved(g, view_coming(g->view));
        if (change == VIEW_ACTIVE) {
            sender_activate(g->sender, g->view, &g->effects);
            check_streams(g);
        }
    }
    take_peers(g, &g->auths, ROLE_AUTH);
    if (take_peers(g, &g->presences, ROLE_PRESENCE)) tell_presences(g), follow_view(g);
    connect_view(g);
    feed_view(g);
    relay_view(g, RANK_NOBODY);
    tunnels_view(g, RANK_NOBODY);
    task_view(g);
    if (change != VIEW_MEMBERS) recover_view(g);
}
