/* feed - the feed socket of a router (XPUB): what clients do, on all gateways, by topic.
 * docs/ZMQ-API.md is its contract.
 *
 * What its subscribers want is told to every gateway (FEED_WANTS) at the end of a turn in
 * which it changed, and to each that comes; what they send (FEED) goes out as it is, one
 * message an item: [topic][json][attachment]... Nobody waits for a subscriber: XPUB drops
 * what one cannot take. The shell's part of the router; one owner: main. */
#ifndef CAUSEWAY_ROUTER_FEED_ZMQ_H
#define CAUSEWAY_ROUTER_FEED_ZMQ_H

#include "daemon_uv.h"
#include "router.h"

struct feed;
struct feed *feed_new(struct daemon *d, struct router_stats *stats);    /* NULL: logged, exit 111 */
void feed_destroy(struct feed **self);
void feed_greet(struct feed *self, struct peer *gateway);               /* it came, or came back */
void feed_publish(struct feed *self, struct span fields);               /* of a FEED */
const char *feed_endpoint(const struct feed *self);                     /* NULL: there is no such socket */

#endif
