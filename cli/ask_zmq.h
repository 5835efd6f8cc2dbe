/* ask - the routers' outside sockets, from a command: requests with answers, and the stats socket. Blocking.
 *
 * Plain libzmq, made at the first use: the supervisor never comes here. Where a socket has an allow-list of keys
 * the operator's key is shown: <keys_dir>/operator, made by 'causeway keys init'. */
#ifndef CAUSEWAY_CLI_ASK_ZMQ_H
#define CAUSEWAY_CLI_ASK_ZMQ_H

#include "place_os.h"
#include "samples.h"

struct ask;
/* status: the supervisor's answer, which has the endpoints; or empty: then as the configuration says. */
struct ask *ask_new(const struct place *p, struct span status);
void ask_destroy(struct ask **self);

/* One request to the first router that answers within 'ms' (each). frames: [json][attachment]... or [address][json].
 * False: none did, and *answer says why. */
bool ask_command(struct ask *self, const struct span *frames, size_t count, unsigned ms, struct buf *answer);

bool ask_subscribe(struct ask *self, const char *prefix);       /* to the stats of the first router; may be called again */
/* The next of it. False: nothing came within 'ms'. */
bool ask_next(struct ask *self, unsigned ms, struct buf *topic, struct buf *json);

/* Everything of 'stats.' until each of 'count' daemons has been heard twice, or 'ms' have passed. */
void ask_samples(struct ask *self, struct samples *s, size_t count, unsigned ms);

#endif
