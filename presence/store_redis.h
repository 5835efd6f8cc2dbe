/* store_redis - store's commands, sent to Redis and answered: hiredis on the loop.
 *
 *     RESTS ──► RESOLVES ──► CONNECTS ──► GREETS ──► UP          a tcp host is looked up off the loop
 *       ▲                                (AUTH, PING)  │
 *       └── after a pause that doubles ◄── any failure, or no answer for redis_timeout_ms
 *
 * The adapter is our own: hiredis's does nothing with a failed poll, so a refused
 * connect would never be heard of. hiredis has no deadlines: a timer watches that
 * answers come. Nothing waits for Redis; each transition is one log line.
 * One owner: main; destroy it before the loop. */
#ifndef CAUSEWAY_STORE_REDIS_H
#define CAUSEWAY_STORE_REDIS_H

#include "config.h"
#include "service_uv.h"
#include "store.h"

struct store_redis;
/* The config's presence.redis: NULL where it is "none". All borrowed. */
struct store_redis *store_redis_new(struct service *svc, const struct config *config, struct store *store, struct presence_stats *stats);
void store_redis_destroy(struct store_redis **self);
void store_redis_flush(struct store_redis *self);       /* at a turn's end: what the store has to say */

#endif
