/* probe - the HTTP port of a router (probe.h): TCP in the service's loop.
 *
 * At most router.metrics.max_connections_count at once, each for router.metrics.timeout_ms without a whole request or without
 * reading its answer; more are closed unread. While an answer is being written nothing is read. One owner: main. */
#ifndef CAUSEWAY_ROUTER_PROBE_UV_H
#define CAUSEWAY_ROUTER_PROBE_UV_H

#include "daemon_uv.h"
#include "router.h"

struct probes;
struct probes *probes_new(struct daemon *d, const struct lasts *lasts, struct router_stats *stats);     /* NULL: logged, exit 111 */
void probes_destroy(struct probes **self);
const char *probes_url(const struct probes *self);      /* NULL: there is no such port */

#endif
