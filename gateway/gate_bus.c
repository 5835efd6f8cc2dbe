/* gate_bus - what daemons say to this gateway, and where it goes. */
#include "gate_state.h"
#include "recover.h"

/* Who may say what: the bus checked that; here only what a gateway takes at all. */
static bool on_message(struct gate *g, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields)
{
    union {
        struct msg_VERDICT verdict; struct msg_ADMITTED admitted; struct msg_TICK tick; struct msg_REPLAYED replayed;
        struct msg_ASK ask; struct msg_FENCE fence; struct msg_RELAY relay; struct msg_RELAY_GONE relay_gone; struct msg_RELAYED relayed;
        struct msg_TUNNEL_OPEN opened; struct msg_TUNNEL_DATA data; struct msg_TUNNEL_MORE more; struct msg_TUNNEL_CLOSE closed;
        struct msg_RESUMED resumed; struct msg_RESUMED_AWAY resumed_away;
    } m;
    switch (type) {
    case MSG_DELIVER:
        deliver_on(g, number, epoch, fields);
        return true;
    case MSG_TICK:
        if (msg_decode_TICK(&m.tick, fields) != OK) return false;
        deliver_tick(g, number, epoch, &m.tick);
        return true;
    case MSG_REPLAYED:
        if (msg_decode_REPLAYED(&m.replayed, fields) != OK) return false;
        deliver_replayed(g, number, epoch, &m.replayed);
        return true;
    case MSG_VERDICT:
        if (msg_decode_VERDICT(&m.verdict, fields) != OK) return false;
        connect_on_verdict(g, &m.verdict);
        return true;
    case MSG_ADMITTED:
        if (msg_decode_ADMITTED(&m.admitted, fields) != OK) return false;
        connect_on_admitted(g, &m.admitted);
        return true;
    case MSG_RESUMED:
        if (msg_decode_RESUMED(&m.resumed, fields) != OK) return false;
        recover_on_resumed(g, &m.resumed);
        return true;
    case MSG_RESUMED_AWAY:
        if (msg_decode_RESUMED_AWAY(&m.resumed_away, fields) != OK) return false;
        recover_on_away(g, &m.resumed_away);
        return true;
    case MSG_ASK:
        if (msg_decode_ASK(&m.ask, fields) != OK) return false;
        ask_on(g, number, &m.ask);
        return true;
    case MSG_RELAY:
        if (msg_decode_RELAY(&m.relay, fields) != OK) return false;
        relay_in(g, number, &m.relay);
        return true;
    case MSG_RELAY_GONE:
        if (msg_decode_RELAY_GONE(&m.relay_gone, fields) != OK) return false;
        relay_gone(g, number, &m.relay_gone);
        return true;
    case MSG_RELAYED:
        if (msg_decode_RELAYED(&m.relayed, fields) != OK) return false;
        relay_on_relayed(g, number, &m.relayed);
        return true;
    case MSG_TUNNEL_OPEN:
        if (msg_decode_TUNNEL_OPEN(&m.opened, fields) != OK) return false;
        tunnel_on_open(g, number, &m.opened);
        return true;
    case MSG_TUNNEL_DATA:
        if (msg_decode_TUNNEL_DATA(&m.data, fields) != OK) return false;
        tunnel_on_data(g, number, &m.data);
        return true;
    case MSG_TUNNEL_MORE:
        if (msg_decode_TUNNEL_MORE(&m.more, fields) != OK) return false;
        tunnel_on_more(g, number, &m.more);
        return true;
    case MSG_TUNNEL_CLOSE:
        if (msg_decode_TUNNEL_CLOSE(&m.closed, fields) != OK) return false;
        tunnel_on_close(g, number, &m.closed);
        return true;
    case MSG_FENCE:
        if (msg_decode_FENCE(&m.fence, fields) != OK) return false;
        gate_on_fence(g, number, m.fence.view);
        return true;
    case MSG_EMITTED:       /* for emits with a ref: we make none */
        return true;
    default:
        return false;
    }
}

void gate_on_message(struct gate *g, enum role role, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields, struct gate_time now)
{
    (void)role;
    g->now = now;
    if (!on_message(g, number, epoch, type, fields)) g->stats->bus_unknown++;
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
        membership_tell(g, number);         /* first, so that what is sent again finds its members */
        sender_on_reborn(g->sender, number, epoch, &g->effects);
        deliver_reborn(g, number, epoch);
        if (g->view && view_holding(g->view)) sender_fence(g->sender, &g->effects);
        if (g->view) recover_view(g);       /* what was asked on the old link */
    } else if (role == ROLE_PRESENCE) {
        gate_tell_presence(g, number);
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
