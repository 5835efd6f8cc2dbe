/* gate_bus - what daemons say to this gateway, and where it goes. */
#include "feed.h"
#include "recover.h"

typedef bool take(struct gate *g, uint16_t number, uint64_t epoch, struct span fields);

/* What a gateway takes, and what it does with it. Who may say what, the bus has checked. */
#define TAKEN(TAKE) \
    TAKE(TICK,         deliver_tick(g, number, epoch, &m)) \
    TAKE(REPLAYED,     deliver_replayed(g, number, epoch, &m)) \
    TAKE(VERDICT,      connect_on_verdict(g, &m)) \
    TAKE(ADMITTED,     connect_on_admitted(g, &m)) \
    TAKE(WATCHED,      follow_on_watched(g, &m)) \
    TAKE(RESUMED,      recover_on_resumed(g, &m)) \
    TAKE(RESUMED_AWAY, recover_on_away(g, &m)) \
    TAKE(LIMIT_GRANT,  permits_on_grant(&g->permits, number, epoch, &m, (struct permits_time){ g->now.mono, g->now.wall })) \
    TAKE(LIMIT_RECALL, permits_on_recall(&g->permits, number, epoch, &m, (struct permits_time){ g->now.mono, g->now.wall })) \
    TAKE(ASK,          ask_on(g, number, &m)) \
    TAKE(RELAY,        relay_in(g, number, &m)) \
    TAKE(RELAY_GONE,   relay_gone(g, number, &m)) \
    TAKE(RELAYED,      relay_on_relayed(g, number, &m)) \
    TAKE(TUNNEL_OPEN,  tunnel_on_open(g, number, &m)) \
    TAKE(TUNNEL_DATA,  tunnel_on_data(g, number, &m)) \
    TAKE(TUNNEL_MORE,  tunnel_on_more(g, number, &m)) \
    TAKE(TUNNEL_CLOSE, tunnel_on_close(g, number, &m)) \
    TAKE(WORKERS,      task_on_workers(g, number, epoch, &m)) \
    TAKE(FENCE,        gate_on_fence(g, number, m.view)) \
    TAKE(FEED_WANTS,   feed_on_wants(g, number, &m)) \
    TAKE(REVOKED,      revoke_on(g, number, epoch, &m)) \
    TAKE(EMITTED,      (void)m)         /* for emits with a ref: we make none */

#define TAKE(NAME, call) \
static bool take_##NAME(struct gate *g, uint16_t number, uint64_t epoch, struct span fields) \
{ \
    struct msg_##NAME m; \
    (void)g, (void)number, (void)epoch; \
    if (msg_decode_##NAME(&m, fields) != OK) return false; \
    call; \
    return true; \
}
TAKEN(TAKE)
#undef TAKE

/* Held undecoded where something before it is missing. */
static bool take_DELIVER(struct gate *g, uint16_t number, uint64_t epoch, struct span fields)
{
    deliver_on(g, number, epoch, fields);
    return true;
}

static bool take_WORKED(struct gate *g, uint16_t number, uint64_t epoch, struct span fields)
{
    task_on_worked(g, number, epoch, fields);
    return true;
}

static take *const taken[MSG_COUNT] = {
    [MSG_DELIVER] = take_DELIVER, [MSG_WORKED] = take_WORKED,
#define TAKE(NAME, call) [MSG_##NAME] = take_##NAME,
    TAKEN(TAKE)
#undef TAKE
};

void gate_on_message(struct gate *g, enum role role, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields, struct gate_time now)
{
    (void)role;
    g->now = now;
    if (type >= MSG_COUNT || !taken[type] || !taken[type](g, number, epoch, fields)) g->stats->bus_unknown++;
    gate_settle(g);
}

void gate_on_sent(struct gate *g, uint16_t router, uint64_t ticket, uint64_t link_number)
{
    sender_on_sent(g->sender, router, ticket, link_number);
}

void gate_on_confirm(struct gate *g, enum role role, uint16_t number, uint64_t up_to, struct gate_time now)
{
    g->now = now;
    if (role == ROLE_ROUTER) sender_on_confirm(g->sender, number, up_to);
    gate_settle(g);
}

void gate_on_reborn(struct gate *g, enum role role, uint16_t number, uint64_t epoch, struct gate_time now)
{
    g->now = now;
    if (role == ROLE_ROUTER) {
        revoke_reborn(g, number);
        membership_tell(g, number);         /* first, so that what is sent again finds its members */
        sender_on_reborn(g->sender, number, epoch, &g->effects);
        deliver_reborn(g, number, epoch);
        task_reborn(g, number);
        feed_forget(g, number);
        if (g->view && view_holding(g->view)) sender_fence(g->sender, &g->effects);
        if (g->view) recover_view(g);       /* what was asked on the old link */
    } else if (role == ROLE_PRESENCE) {
        gate_tell_presence(g, number, epoch);
        follow_view(g);
    } else if (role == ROLE_GATEWAY) {
        relay_view(g, number);
        tunnels_view(g, number);
    }
    gate_settle(g);
}

void gate_on_view(struct gate *g, const struct view *view, enum view_change change, struct gate_time now)
{
    g->now = now;
    g->view = view;
    gate_take_view(g, change);
    gate_settle(g);
}

void gate_positions(const struct gate *g, struct buf *out)
{
    bool space = false;
    for (size_t i = 0; i < VIEW_OWNERS_MAX; i++) {
        const struct stream *s = g->streams[i];
        if (!s || !s->now.epoch) continue;
        buf_add_format(out, "%s%zu:%llu:%llu", space ? " " : "", i, (unsigned long long)s->now.epoch, (unsigned long long)s->head);
        space = true;
    }
}
