/* activity - presence hears when users have said something: of each socket the newest
 * time, once in presence.activity_ms, and nothing while nobody says anything. */
#include "gate_state.h"

#include "user.h"

#include <stdlib.h>

enum { BATCH_BYTES = 60000 };       /* of one ACTIVE */

struct activity { struct socket *socket; uint64_t time; };      /* Unix ms; socket NULL: it is gone */

static void send(struct gate *g, uint16_t presence, struct buf *users)
{
    if (users->len) GATE_SAY(g, ROLE_PRESENCE, presence, ACTIVE, .users = buf_span(users));
    buf_clear(users);
}

static void tell(struct gate *g, uint16_t presence)
{
    struct buf users = { 0 }, one = { 0 };
    for (size_t i = 0; i < g->active_count; i++) {
        const struct activity *a = &g->active[i];
        if (!a->socket || !a->socket->told || a->socket->presence != presence) continue;
        buf_clear(&g->key), buf_clear(&one);
        if (user_key(&g->key, span_of(a->socket->space->config->realm), socket_user(a->socket)) != OK) continue;
        msg_encode_ACTIVITY(&one, &(struct msg_ACTIVITY){ .time = a->time, .user = buf_span(&g->key) });
        msg_add_str(&users, buf_span(&one));
        if (users.len > BATCH_BYTES) send(g, presence, &users);
    }
    send(g, presence, &users);
    buf_fini(&users), buf_fini(&one);
}

static void on_due(struct gate *g, struct timer *t)
{
    (void)t;
    for (size_t i = 0; i < g->presences.count; i++) tell(g, g->presences.number[i]);
    for (size_t i = 0; i < g->active_count; i++)
        if (g->active[i].socket) g->active[i].socket->active = 0;
    g->active_count = 0;
}

void activity_note(struct socket *s)
{
    struct gate *g = s->session->gate;
    if (s->active) {
        g->active[s->active - 1].time = g->now.wall;
        return;
    }
    if (!s->told || !g->config->presence.activity_ms) return;
    if (g->active_count == g->active_cap) {
        g->active_cap = g->active_cap ? 2 * g->active_cap : 64;
        g->active = realloc(g->active, g->active_cap * sizeof *g->active);
        NEED(g->active);
    }
    if (g->active_count == 0) timer_set(g, &g->activity, on_due, g->config->presence.activity_ms);
    g->active[g->active_count++] = (struct activity){ s, g->now.wall };
    s->active = (uint32_t)g->active_count;
}

void activity_forget(struct socket *s)
{
    if (s->active) s->session->gate->active[s->active - 1].socket = NULL;
}

void activity_fini(struct gate *g)
{
    timer_cancel(g, &g->activity);
    free(g->active);
}
