/* push - what namespaces are told by the clock (common/rules_push.h): once in the cluster,
 * by the router that owns the namespace's "*", and only where somebody is there.
 *
 * Due are the multiples of 'every' on the wall clock: so whoever owns the room by then
 * tells it, and one that takes it over does not tell it again. While ownership moves,
 * what is due waits; what was missed is not made good.
 *
 * The scope's values, beside now, nsp and new.id:
 *     system.cpu, system.memory         of this router's host, in use, percent with one decimal
 *     system.connections                Engine.IO sessions of all gateways
 *     system.sockets                    Socket.IO sockets of all gateways
 *     system.daemons.cpu, .bytes        of all daemons: percent of a core; resident memory
 *     online.total, online.users        users in the namespace; their ids, the first PUSH_USERS_MAX in order
 * Where no presence answers, there is no online. Pure; one owner: the router's core. */
#ifndef CAUSEWAY_ROUTER_PUSH_H
#define CAUSEWAY_ROUTER_PUSH_H

#include "router.h"
#include "rules_push.h"

enum { PUSH_USERS_MAX = 1000 };

struct pushes;
struct asked;

/* errors: a line for each that does not compile; that namespace's are left out. */
struct pushes *pushes_new(const struct config *config, struct buf *errors);
void pushes_destroy(struct pushes **self);
void pushes_on_time(struct router *router, struct router_time now);
void pushes_told(struct router *router, const struct asked *a, struct router_time now);      /* who is online, as far as presences have said */

#endif
