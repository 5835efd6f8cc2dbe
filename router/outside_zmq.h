/* outside - the sockets that outsiders use: publish (PULL, SUB), command (ROUTER)
 * and stats (XPUB). docs/ZMQ-API.md is their contract.
 *
 * Each has its own endpoint, allow-list, frame limit and, where the topology names
 * keys, its own CURVE domain. What comes in goes to the core as a request; what a
 * stranger sends is refused there, answered where somebody waits, and counted. A
 * late subscriber of the stats gets the last value of each topic at once. The
 * shell's part of the router; one owner: main. */
#ifndef CAUSEWAY_OUTSIDE_ZMQ_H
#define CAUSEWAY_OUTSIDE_ZMQ_H

#include "daemon_uv.h"
#include "router.h"

struct outside;
struct outside *outside_new(struct daemon *d, struct router *router, struct lasts *lasts, struct router_stats *stats);   /* NULL: logged, exit 111 */
void outside_destroy(struct outside **self);
void outside_reply(struct outside *self, struct reply *reply);      /* takes both blobs */
void outside_flush(struct outside *self);                           /* answers that wait for their askers: now and then */
bool outside_quiet(const struct outside *self);                     /* none waits for one that reads */
void outside_stats(struct outside *self, struct span id, struct span kind, struct span json);
/* {"publish_pull":"tcp://...",...} for MEMBER.public, with those of others; NULL: there is none */
struct outside_more { const char *name, *endpoint; };
void outside_endpoints(const struct outside *self, const struct outside_more *more, size_t count, struct buf *json);

#endif
