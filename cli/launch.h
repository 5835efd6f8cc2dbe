/* launch - how a unit is started and where it is reached: command lines and endpoints. Pure. */
#ifndef CAUSEWAY_CLI_LAUNCH_H
#define CAUSEWAY_CLI_LAUNCH_H

#include "config.h"
#include "supervise.h"

enum { LAUNCH_READY_FD = 3 };       /* where a daemon says that it is ready */
enum { LAUNCH_STATE_MAX = 80 };     /* bytes of a state directory's name: sockets in it have 107 */

struct launch {
    const char *programs;           /* directory of causeway-router and the others */
    const char *topology, *state;   /* absolute */
};

void launch_command(struct buf *words, const struct launch *l, struct unit_id id);     /* each with a NUL behind it */
bool launch_says_ready(enum unit_kind kind);            /* on LAUNCH_READY_FD; redis is asked instead */
/* Is that the command line of this unit? To know again what a killed supervisor has left. */
bool launch_is(struct span words, const struct launch *l, struct unit_id id);

/* What people connect to: gateway: its first listener's URL; router: its command socket; others: their bus socket. */
void launch_endpoint(struct buf *out, const struct config *c, struct unit_id id);
void launch_bus(struct buf *out, const struct config *c, struct unit_id id);    /* empty for redis */
void launch_redis_socket(struct buf *out, const char *state);
bool launch_has_redis(const struct config *c);
unsigned launch_role(enum unit_kind kind);              /* enum role of msg.h; 0 for redis */

#endif
