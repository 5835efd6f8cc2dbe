/* pass - an upgrade whose session another gateway has, until its descriptor went there or its tunnel is open. */
#include "gate_state.h"

enum { TRIES = 8, TRY_MS = 20 };        /* to hand over a descriptor while its gateway's queue for them is full */

static void on_due(struct gate *g, struct timer *timer);

void pass_on_request(struct conn *c, const struct http1_request *r, uint16_t owner)
{
    struct gate *g = c->gate;
    struct tunnel *t = tunnel_new(c, owner, true);
    relay_copy_head(&t->head, r);
    buf_add_literal(&t->head, "\r\n");
    conn_forget(c);
    http1_fini(&c->http);
    c->phase = CONN_PASS;
    timer_set(g, &c->timer, on_due, c->listener->config->upgrade_timeout_ms);
    gate_dirty(c);      /* the shell has to look at it */
    gate_resume(c);     /* or, where it can't: at the end of this call the tunnel opens */
}

void pass_on_bytes(struct conn *c, struct span in)
{
    struct tunnel *t = c->tunnel;
    if (t->head.len + in.len > 2 * (c->listener->config->max_head_bytes + 65536u)) {
        c->gate->stats->refused_http[ERR_FULL]++;
        conn_kill(c);
        return;
    }
    buf_add(&t->head, in);
}

/* ---- by its descriptor */

static bool can_hand(const struct conn *c)
{
    return c->gate->config->bus.transport == CONFIG_IPC && !c->listener->port->config->tls.certificate[0];
}

bool conn_passes(const struct conn *c, uint16_t *gateway, struct buf *message)
{
    if (c->phase != CONN_PASS || c->fate != CONN_OPEN || c->out.count || !can_hand(c)) return false;
    *gateway = c->tunnel->gateway;
    struct buf address = { 0 };
    ip_print(&address, &c->peer);
    msg_encode_PASSED(message, &(struct msg_PASSED){ .listener = tunnel_listener(c), .address = buf_span(&address),
                                                     .bytes = buf_span(&c->tunnel->head) });
    buf_fini(&address);
    return true;
}

void gate_on_passed(struct gate *g, struct conn *c, enum err outcome, struct gate_time now)
{
    g->now = now;
    if (outcome == OK) {
        g->stats->upgrades_handed_out++;
        tunnel_fini(c);
        gate_drop_conn(c);
    } else if (outcome == ERR_FULL && c->tunnel->tries++ < TRIES) {
        timer_set(g, &c->timer, on_due, TRY_MS);
    } else {
        g->stats->refused_pass[outcome]++;
        timer_set(g, &c->timer, on_due, c->listener->config->upgrade_timeout_ms);
        tunnel_open(c);
    }
    gate_settle(g);
}

/* ---- by a tunnel */

void pass_settle(struct conn *c)
{
    if (c->phase == CONN_PASS && c->fate == CONN_OPEN && !can_hand(c)) tunnel_open(c);
}

void pass_refuse(struct conn *c, enum err why)
{
    c->gate->stats->refused_pass[why]++;
    tunnel_fini(c);
    request_refuse_upgrade(c, FAILED_SID);       /* as if nobody knew the session: the client stays on polling, or begins anew */
    c->phase = CONN_DONE;
}

static void on_due(struct gate *g, struct timer *timer)
{
    struct conn *c = TIMER_OWNER(timer, struct conn, timer);
    if (c->phase == CONN_PASS && c->tunnel->tries) {
        gate_dirty(c);
        return;
    }
    g->stats->connections_timeout++;
    tunnel_on_lost(c);
    pass_refuse(c, ERR_TIMEOUT);
}
