/* rules_roll - who is in a room, told to the room in differences:
 *
 *     room_presence:
 *       rooms: [lobby, "game:*"]          names; a '*' at the end stands for whatever follows
 *       every: 1s                         at most so often, and only what has changed since: [1s]
 *       most: 100                         members in one list [100]; {more} says how many are left out
 *       member: {userId: "{user.id}"}     what stands for one, of the socket that came first: ["{user.id}"]
 *       event: room-presence
 *       args: [{room: "{room}", joined: "{joined}", left: "{left}", count: "{count}", more: "{more}"}]
 *       state: {event: room-members, args: [{room: "{room}", members: "{members}", count: "{count}", more: "{more}"}]}
 *
 * or a list of these; the first that has the room is its own. 'state' goes to sockets that have come, in place of the
 * difference. Compiled from what a namespace says; part of its rules (rules_rolls), immutable. Pure. */
#ifndef CAUSEWAY_RULES_ROLL_H
#define CAUSEWAY_RULES_ROLL_H

#include "config.h"
#include "template.h"

enum { RULES_ROLLS_MAX = 100, RULES_ROLL_EVERY_MIN_MS = 50, RULES_ROLL_EVERY_MAX_MS = 3600000, RULES_ROLL_MOST_MAX = 10000 };

struct rules_rolls;
struct rules_roll;

struct rules_rolls *rules_rolls_new(const struct config_namespace *ns, struct buf *errors);    /* NULL: none, or errors were written */
void rules_rolls_destroy(struct rules_rolls **self);
const struct rules_roll *rules_roll_find(const struct rules_rolls *self, struct span room);    /* its name alone; or NULL. self may be NULL */

uint64_t rules_roll_every(const struct rules_roll *r);      /* ms */
uint32_t rules_roll_most(const struct rules_roll *r);
bool     rules_roll_has_state(const struct rules_roll *r);
void     rules_roll_member(const struct rules_roll *r, const struct template_scope *scope, struct buf *json);
/* ["event", ...]; the scope's extra has room, count, more, and joined and left or members. */
void     rules_roll_say(const struct rules_roll *r, bool state, const struct template_scope *scope, struct buf *json);

#endif
