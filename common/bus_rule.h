/* bus_rule - who connects to whom, and who may say what to whom. Pure tables.
 *
 * Everyone connects to the routers; gateways to presences and auths; among
 * routers and among gateways the higher number connects to the lower. So for
 * each pair that talks exactly one side connects. */
#ifndef CAUSEWAY_BUS_RULE_H
#define CAUSEWAY_BUS_RULE_H

#include "msg.h"

bool bus_connects(enum role from, uint16_t from_number, enum role to, uint16_t to_number);
bool bus_talks(enum role a, uint16_t a_number, enum role b, uint16_t b_number);     /* either way */
/* Every message of msg.def has a row in bus_rule.c: a new one is refused until it has. */
bool bus_may_say(enum role from, enum role to, enum msg_type type);
/* A ROUTER's routing id: "gateway-7", or "gateway-7.<anything>" so that nobody else can guess it. */
enum err bus_route_decode(struct span route, enum role *role, uint16_t *number);

#endif
