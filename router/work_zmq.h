/* work_zmq - the worker socket: workers' frames to the core of work.h and back, and its
 * messages for gateways onto the bus.
 *
 * ROUTER_MANDATORY says who is gone, or does not read, when it is sent something; so each
 * worker is, as soon as any connection ends. One owner: main. docs/ZMQ-API.md is the contract. */
#ifndef CAUSEWAY_ROUTER_WORK_ZMQ_H
#define CAUSEWAY_ROUTER_WORK_ZMQ_H

#include "daemon_uv.h"
#include "router.h"

struct workers;
struct workers *workers_new(struct daemon *d, struct router_stats *stats);      /* NULL: logged, exit 111 */
void workers_destroy(struct workers **self);
void workers_on_work(struct workers *self, struct peer *gateway, struct span fields);   /* of a WORK */
void workers_greet(struct workers *self, struct peer *gateway);         /* its link is there, or new */
void workers_forget(struct workers *self, struct peer *gateway);        /* a new life, or gone */
void workers_on_tick(struct workers *self);                             /* each ROUTER_TICK_MS */
void workers_drain(struct workers *self);
bool workers_quiet(const struct workers *self);
const char *workers_endpoint(const struct workers *self);               /* or NULL */

#endif
