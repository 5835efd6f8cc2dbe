/* roll - rooms with room_presence: presence hears which sockets are in them (rules_roll.h). */
#include "gate_state.h"

#include "json.h"
#include "rules_roll.h"
#include "user.h"

static const struct rules_roll *rule_of(const struct space *space, struct span key)
{
    const struct rules_rolls *rolls = space && space->rules ? rules_rolls_of(space->rules) : NULL;
    struct span nsp, room;
    if (!rolls) return NULL;
    address_split(key, &nsp, &room);
    return span_eat_prefix(&room, SPAN("room:")) ? rules_roll_find(rolls, room) : NULL;
}

static uint16_t owner_of(const struct gate *g, struct span key)
{
    return user_owner(key, g->presences.number, g->presences.count);
}

static void say_in(struct socket *s, const struct rules_roll *rule, struct span key, uint16_t presence, bool known)
{
    struct gate *g = s->session->gate;
    struct buf address = { 0 }, member = { 0 }, who = { 0 };
    struct template_scope scope = event_scope(s, NULL, &address);
    rules_roll_member(rule, &scope, &member);
    if (socket_user(s).len) (void)user_key(&who, span_of(s->space->config->realm), socket_user(s));
    GATE_SAY(g, ROLE_PRESENCE, presence, ROOM_IN, .key = key, .sid = socket_id(s), .who = buf_span(&who),
             .member = member.len ? buf_span(&member) : SPAN("null"), .known = known);
    buf_fini(&address), buf_fini(&member), buf_fini(&who);
}

void roll_on(struct socket *s, struct span key, bool in)
{
    struct gate *g = s->session->gate;
    const struct rules_roll *rule = rule_of(s->space, key);
    uint16_t presence = rule ? owner_of(g, key) : RANK_NOBODY;
    if (presence == RANK_NOBODY) return;        /* told when one is there */
    if (in) say_in(s, rule, key, presence, false);
    else GATE_SAY(g, ROLE_PRESENCE, presence, ROOM_OUT, .key = key, .sid = socket_id(s));
}

void roll_tell(struct gate *g, uint16_t presence, bool known)
{
    struct map_walk walk = { 0 };
    for (struct room *room; (room = map_next(&g->registry.rooms, &walk)); ) {
        struct span nsp, address;
        address_split(room_key(room), &nsp, &address);
        const struct rules_roll *rule = rule_of(gate_space(g, nsp), room_key(room));
        uint16_t owner = rule ? owner_of(g, room_key(room)) : RANK_NOBODY;
        if (owner == RANK_NOBODY || (presence != RANK_NOBODY && owner != presence)) continue;
        for (uint32_t i = 0; i < room->count; i++) say_in(room->members[i].socket, rule, room_key(room), owner, known);
    }
}
