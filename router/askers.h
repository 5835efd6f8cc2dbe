/* askers - answers that wait for who asked to read them.
 *
 * A socket takes a few answers for each asker; what it does not take waits here, in
 * order, and is tried again. An asker that never reads costs so many bytes and no more:
 * further answers to it are dropped and counted. All askers together have a limit, too.
 * One that is gone is forgotten with what waits for it. Pure; one owner: outside_zmq. */
#ifndef CAUSEWAY_ASKERS_H
#define CAUSEWAY_ASKERS_H

#include "router.h"

struct askers_limits { size_t each, all; };     /* bytes */
enum { ASKERS_MAX = 1024, ASKERS_OVERHEAD = 128 };      /* askers that wait at once; what an answer costs beside its bytes */

struct askers {
    struct map           at;        /* identity -> struct asker */
    struct askers_limits limits;
    struct router_stats *stats;     /* borrowed: replies_dropped, replies_waiting_bytes */
    size_t               bytes;
};

enum askers_fate { ASKER_TOOK, ASKER_FULL, ASKER_GONE };
typedef enum askers_fate askers_send(void *self, struct span envelope, struct span json, struct span attachments);

void askers_init(struct askers *self, const struct siphash_key *seed, const struct askers_limits *limits, struct router_stats *stats);
void askers_fini(struct askers *self);
void askers_give(struct askers *self, struct reply *take, askers_send *send, void *send_self);      /* now, or behind what waits */
bool askers_flush(struct askers *self, askers_send *send, void *send_self);     /* true: somebody took something */

#endif
