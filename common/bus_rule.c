#include "bus_rule.h"

bool bus_connects(enum role from, uint16_t from_number, enum role to, uint16_t to_number)
{
    if (from == to) return (from == ROLE_ROUTER || from == ROLE_GATEWAY) && from_number > to_number;
    if (to == ROLE_ROUTER) return from == ROLE_GATEWAY || from == ROLE_PRESENCE || from == ROLE_AUTH;
    return from == ROLE_GATEWAY && (to == ROLE_PRESENCE || to == ROLE_AUTH);
}

bool bus_talks(enum role a, uint16_t a_number, enum role b, uint16_t b_number)
{
    return bus_connects(a, a_number, b, b_number) || bus_connects(b, b_number, a, a_number);
}

/* Sets of roles, a bit each. */
#define R (1u << ROLE_ROUTER)
#define G (1u << ROLE_GATEWAY)
#define P (1u << ROLE_PRESENCE)
#define A (1u << ROLE_AUTH)
#define ALL (R | G | P | A)

static const struct { unsigned char from, to; } right[MSG_COUNT] = {
    [MSG_BEAT]         = { ALL, ALL },
    [MSG_BYE]          = { ALL, ALL },
    [MSG_ROSTER]       = { R, ALL },
    [MSG_STATS]        = { ALL, R },
    [MSG_FENCE]        = { R | G | P, R | G },
    [MSG_HAND]         = { R, R },
    [MSG_HANDED]       = { R, R },
    [MSG_SETTLED]      = { R | G | P, R },
    [MSG_INTEREST]     = { G, R },
    [MSG_EMIT]         = { R | G | P, R },
    [MSG_EMITTED]      = { R, R | G | P },
    [MSG_DELIVER]      = { R, G },
    [MSG_REACHED]      = { G, R },
    [MSG_TICK]         = { R, G },
    [MSG_REPLAY]       = { R | G, R },
    [MSG_REPLAYED]     = { R, R | G },
    [MSG_COPY]         = { R, R },
    [MSG_VERIFY]       = { G, A },
    [MSG_VERDICT]      = { A, G },
    [MSG_SESSION_UP]   = { G, P },
    [MSG_ADMITTED]     = { P, G },
    [MSG_SESSION_DOWN] = { G, P },
    [MSG_SYNCED]       = { G, P },
    [MSG_SAVE]         = { G, P },
    [MSG_SAVE_ROOMS]   = { G, P },
    [MSG_SAVE_END]     = { G, P },
    [MSG_RESUME]       = { G, P },
    [MSG_RESUMED]      = { P, G },
    [MSG_RESUMED_AWAY] = { P, G },
    [MSG_ACTIVE]       = { G, P },
    [MSG_WATCH]        = { G, P },
    [MSG_WATCHED]      = { P, G },
    [MSG_ROOM_IN]      = { G, P },
    [MSG_ROOM_OUT]     = { G, P },
    [MSG_LIMIT_SAY]    = { G, P },
    [MSG_LIMIT_GRANT]  = { P, G },
    [MSG_LIMIT_RECALL] = { P, G },
    [MSG_ASK]          = { R, ALL },
    [MSG_TOLD]         = { ALL, R },
    [MSG_RELAY]        = { G, G },
    [MSG_RELAY_GONE]   = { G, G },
    [MSG_RELAYED]      = { G, G },
    [MSG_TUNNEL_OPEN]  = { G, G },
    [MSG_TUNNEL_DATA]  = { G, G },
    [MSG_TUNNEL_MORE]  = { G, G },
    [MSG_REVOKED]      = { R, R | G },
    [MSG_REVOKED_ASK]  = { R | G, R },
    [MSG_TUNNEL_CLOSE] = { G, G },
    [MSG_FEED_WANTS]   = { R, G },
    [MSG_FEED]         = { G, R },
    [MSG_WORKERS]      = { R, G },
    [MSG_WORK]         = { G, R },
    [MSG_WORKED]       = { R, G },
};

bool bus_may_say(enum role from, enum role to, enum msg_type type)
{
    if ((unsigned)type >= MSG_COUNT || (unsigned)from >= ROLE_COUNT || (unsigned)to >= ROLE_COUNT) return false;
    return (right[type].from >> from & 1u) && (right[type].to >> to & 1u);
}

enum err bus_route_decode(struct span route, enum role *role, uint16_t *number)
{
    return member_id_decode(span_cut(&route, '.'), role, number);
}
