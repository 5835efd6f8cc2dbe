#include "gate_state.h"

#include <stdlib.h>

enum { PIECE = 65536 };         /* most bytes in one message */

struct tunnel *tunnel_new(struct conn *c, uint16_t gateway, bool door)
{
    struct tunnel *t = calloc(1, sizeof *t);
    NEED(t && !c->tunnel);
    t->gateway = gateway, t->door = door;
    c->tunnel = t;
    return t;
}

uint16_t tunnel_listener(const struct conn *c)
{
    return (uint16_t)(c->listener->port - c->gate->listeners);
}

/* ---- the door */

void tunnel_open(struct conn *c)
{
    struct gate *g = c->gate;
    struct tunnel *t = c->tunnel;
    if (!view_find(g->view, ROLE_GATEWAY, t->gateway)) {
        pass_refuse(c, ERR_GONE);
        return;
    }
    struct buf address = { 0 };
    ip_print(&address, &c->peer);
    t->ref = gate_ref(g);
    t->window = g->config->bus.tunnel_bytes;
    t->sent = (uint32_t)t->head.len;
    t->before = outbox_left(&c->out);
    map_put_u64(&g->tunnels_out, t->ref, c);
    c->phase = CONN_TUNNEL;
    g->stats->upgrades_tunnelled_out++, g->stats->tunnels_open++;
    GATE_SAY(g, ROLE_GATEWAY, t->gateway, TUNNEL_OPEN, .ref = t->ref, .listener = tunnel_listener(c),
             .address = buf_span(&address), .window = t->window, .bytes = buf_span(&t->head));
    buf_fini(&address), buf_fini(&t->head);
}

void tunnel_on_bytes(struct conn *c, struct span in)
{
    struct gate *g = c->gate;
    struct tunnel *t = c->tunnel;
    bool heard = !conn_deaf(c);
    t->sent += (uint32_t)in.len;
    GATE_SAY(g, ROLE_GATEWAY, t->gateway, TUNNEL_DATA, .ref = t->ref, .door = 1, .bytes = in);
    if (!heard || !conn_deaf(c)) return;
    g->stats->tunnels_waited++;
    gate_dirty(c);
}

bool conn_deaf(const struct conn *c)
{
    return c->phase == CONN_TUNNEL && c->tunnel->sent >= c->tunnel->window;
}

static void take(struct conn *c, size_t n)
{
    struct tunnel *t = c->tunnel;
    t->taken += (uint32_t)n;
    if (t->taken < t->window / 4) return;
    GATE_SAY(c->gate, ROLE_GATEWAY, t->gateway, TUNNEL_MORE, .ref = t->ref, .door = t->door, .taken = t->taken);
    t->taken = 0;
}

void tunnel_on_wrote(struct conn *c, size_t n)
{
    if (c->phase != CONN_TUNNEL) return;
    size_t before = n < c->tunnel->before ? n : c->tunnel->before;
    c->tunnel->before -= before;
    take(c, n - before);
}

/* What came of the owner. Its window is the limit of this queue. */
static void say(struct conn *c, struct span bytes)
{
    struct gate *g = c->gate;
    struct tunnel *t = c->tunnel;
    struct blob *frame = blob_new(bytes);
    if (!t->answered) timer_cancel(g, &c->timer);
    t->answered = true;
    if (outbox_left(&c->out) - t->before + bytes.len > t->window ||
        outbox_push(&c->out, &g->pool, &(struct outbox_limits){ 0 }, frame, g->now.mono) != OK) conn_kill(c);
    else gate_dirty(c);
    blob_drop(&frame);
}

/* ---- the owner */

void tunnel_on_open(struct gate *g, uint16_t gateway, const struct msg_TUNNEL_OPEN *m)
{
    struct conn *c = NULL;
    if (m->listener < g->listener_count && m->window && !map_find_u64(&g->tunnels_in, gate_foreign(gateway, m->ref)))
        c = gate_admit(g, m->listener, m->address, NULL);
    if (!c) {
        GATE_SAY(g, ROLE_GATEWAY, gateway, TUNNEL_CLOSE, .ref = m->ref, .kill = 1);
        return;
    }
    struct tunnel *t = tunnel_new(c, gateway, false);
    t->ref = m->ref, t->window = m->window;
    c->passed = true;
    map_put_u64(&g->tunnels_in, gate_foreign(gateway, m->ref), c);
    g->stats->upgrades_tunnelled_in++, g->stats->tunnels_open++;
    struct buf bytes = { 0 };
    buf_add(&bytes, m->bytes);
    take(c, bytes.len);
    conn_on_bytes(c, bytes.ptr, bytes.len);
    buf_fini(&bytes);
}

/* What its outbox holds, as far as the window reaches; then its fate. */
static void flush(struct conn *c)
{
    struct gate *g = c->gate;
    struct tunnel *t = c->tunnel;
    while (c->fate != CONN_KILL && t->sent < t->window) {
        size_t room = t->window - t->sent;
        buf_clear(&g->body);
        size_t n = outbox_gather(&c->out, buf_room(&g->body, PIECE), room < PIECE ? room : PIECE);
        if (n == 0) break;
        buf_grew(&g->body, n);
        t->sent += (uint32_t)n;
        GATE_SAY(g, ROLE_GATEWAY, t->gateway, TUNNEL_DATA, .ref = t->ref, .bytes = buf_span(&g->body));
        outbox_wrote(&c->out, &g->pool, n);
    }
    if (c->fate == CONN_KILL || (c->fate == CONN_CLOSE && conn_idle(c))) gate_lost(c);
}

void tunnels_flush(struct gate *g)
{
    while (g->tunnelled) {
        for (struct conn *c; (c = g->tunnelled); ) {
            g->tunnelled = c->next_dirty;
            c->dirty = false;
            if (!c->gone) flush(c);
            else if (!c->resuming) conn_free(c);
        }
        gate_settle(g);
    }
}

/* ---- both ends */

static struct conn *find(const struct gate *g, uint16_t gateway, uint64_t ref, bool from_door)
{
    struct conn *c = from_door ? map_find_u64(&g->tunnels_in, gate_foreign(gateway, ref)) : map_find_u64(&g->tunnels_out, ref);
    return c && c->tunnel->gateway == gateway ? c : NULL;
}

void tunnel_on_data(struct gate *g, uint16_t gateway, const struct msg_TUNNEL_DATA *m)
{
    struct conn *c = find(g, gateway, m->ref, m->door);
    if (!c) return;
    if (c->tunnel->door) {
        say(c, m->bytes);
        return;
    }
    struct buf bytes = { 0 };
    buf_add(&bytes, m->bytes);      /* frames are unmasked in place */
    take(c, bytes.len);
    conn_on_bytes(c, bytes.ptr, bytes.len);
    buf_fini(&bytes);
}

void tunnel_on_more(struct gate *g, uint16_t gateway, const struct msg_TUNNEL_MORE *m)
{
    struct conn *c = find(g, gateway, m->ref, m->door);
    if (!c) return;
    struct tunnel *t = c->tunnel;
    t->sent -= m->taken < t->sent ? m->taken : t->sent;
    gate_dirty(c);      /* the owner's end has room again; the door's may read again */
}

void tunnel_on_close(struct gate *g, uint16_t gateway, const struct msg_TUNNEL_CLOSE *m)
{
    struct conn *c = find(g, gateway, m->ref, m->door);
    if (!c) return;
    bool door = c->tunnel->door;
    tunnel_fini(c);
    if (!door) {
        gate_lost(c);
        return;
    }
    c->phase = CONN_DONE;
    if (m->kill) conn_kill(c);
    else conn_close(c);
}

void tunnel_on_lost(struct conn *c)
{
    struct tunnel *t = c->tunnel;
    if (t && t->ref) GATE_SAY(c->gate, ROLE_GATEWAY, t->gateway, TUNNEL_CLOSE, .ref = t->ref, .door = t->door, .kill = c->fate == CONN_KILL);
    tunnel_fini(c);
}

void tunnel_fini(struct conn *c)
{
    struct gate *g = c->gate;
    struct tunnel *t = c->tunnel;
    if (!t) return;
    if (t->ref) {
        if (t->door) map_drop_u64(&g->tunnels_out, t->ref);
        else map_drop_u64(&g->tunnels_in, gate_foreign(t->gateway, t->ref));
        g->stats->tunnels_open--;
    }
    buf_fini(&t->head);
    free(t);
    c->tunnel = NULL;
}

/* ---- gateways that are gone, or this one goes */

void gate_end_stuck(struct gate *g, struct gate_time now)
{
    struct map_walk walk = { 0 };
    g->now = now;
    for (struct conn *c; (c = map_next(&g->tunnels_in, &walk)); )
        if (c->fate == CONN_CLOSE) conn_kill(c);
}

static void end_door(struct conn *c, bool answered, enum err why)
{
    if (!answered) {
        pass_refuse(c, why);
        return;
    }
    c->phase = CONN_DONE;
    conn_close(c);
}

void tunnel_drain(struct conn *c)
{
    bool answered = c->tunnel->answered;
    tunnel_on_lost(c);
    end_door(c, answered, ERR_STATE);
}

void tunnels_view(struct gate *g, uint16_t reborn)
{
    struct map_walk walk = { 0 };
    for (struct conn *c; (c = map_next(&g->tunnels_out, &walk)); ) {
        if (gate_knows(g, c->tunnel->gateway, reborn)) continue;
        bool answered = c->tunnel->answered;
        tunnel_fini(c);
        end_door(c, answered, ERR_GONE);
    }
    walk = (struct map_walk){ 0 };
    for (struct conn *c; (c = map_next(&g->tunnels_in, &walk)); ) {
        if (gate_knows(g, c->tunnel->gateway, reborn)) continue;
        tunnel_fini(c);
        gate_lost(c);
    }
}
