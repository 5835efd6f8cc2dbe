/* heartbeat - sockets of namespaces with an application heartbeat (pulse.h): heard, missed, disconnected. */
#include "gate_state.h"
#include "pulse.h"

#include "json.h"

#include <stdlib.h>

struct heart {
    struct socket *socket;
    struct timer   timer;
    struct pulse   pulse;           /* monotonic */
    uint64_t       heard;           /* Unix ms of the same, for people */
};

static const struct pulse_terms *terms_of(const struct socket *s, struct pulse_terms *terms)
{
    const struct config_namespace *ns = s->space->config;
    *terms = (struct pulse_terms){ ns->heartbeat.scan_ms, ns->heartbeat.timeout_ms, ns->heartbeat.misses };
    return terms;
}

static void on_due(struct gate *g, struct timer *t)
{
    struct heart *heart = TIMER_OWNER(t, struct heart, timer);
    struct pulse_terms terms;
    uint32_t before = heart->pulse.missed;
    bool dead = pulse_look(&heart->pulse, terms_of(heart->socket, &terms), g->now.mono);
    if (heart->pulse.missed > before) g->stats->heartbeats_missed += heart->pulse.missed - before;
    if (dead) {
        g->stats->heartbeats_dead++;
        client_dismiss(heart->socket, REASON_HEARTBEAT);
    } else {
        timer_set(g, t, on_due, pulse_due(&heart->pulse, &terms) - g->now.mono);
    }
}

void heartbeat_begin(struct socket *s)
{
    struct gate *g = s->session->gate;
    if (!s->space->config->heartbeat.event[0] || s->heart) return;
    struct pulse_terms terms;
    struct heart *heart = calloc(1, sizeof *heart);
    NEED(heart);
    s->heart = heart;
    heart->socket = s;
    heart->heard = g->now.wall;
    pulse_hear(&heart->pulse, g->now.mono);
    timer_set(g, &heart->timer, on_due, pulse_due(&heart->pulse, terms_of(s, &terms)) - g->now.mono);
    g->socket_bytes += sizeof *heart;
}

void heartbeat_end(struct socket *s)
{
    struct gate *g = s->session->gate;
    if (!s->heart) return;
    timer_cancel(g, &s->heart->timer);
    free(s->heart);
    s->heart = NULL;
    g->socket_bytes -= sizeof *s->heart;
}

void heartbeat_hear(struct socket *s, struct span event)
{
    const char *wanted = s->space->config->heartbeat.event;
    struct gate *g = s->session->gate;
    if (strcmp(wanted, "*") != 0 && !json_string_is(event, span_of(wanted))) return;
    g->stats->heartbeats_in++;
    pulse_hear(&s->heart->pulse, g->now.mono);
    s->heart->heard = g->now.wall;
}

bool heartbeat_last(const struct socket *s, uint64_t *heard, uint32_t *missed)
{
    if (!s->heart) return false;
    *heard = s->heart->heard, *missed = s->heart->pulse.missed;
    return true;
}

/* Who had no heartbeat is heard now; who has one goes by the new times, from when it was heard. */
void heartbeats_reload(struct gate *g)
{
    struct map_walk walk = { 0 };
    struct pulse_terms terms;
    for (struct socket *s; (s = map_next(&g->registry.sockets, &walk)); ) {
        if (!s->space->config->heartbeat.event[0]) heartbeat_end(s);
        else if (s->state == SOCKET_OPEN && !s->heart) heartbeat_begin(s);
        else if (s->heart) {
            uint64_t due = pulse_due(&s->heart->pulse, terms_of(s, &terms));
            timer_set(g, &s->heart->timer, on_due, due > g->now.mono ? due - g->now.mono : 0);
        }
    }
}
