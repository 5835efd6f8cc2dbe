/* roster - waiting until the routers' roster has what the supervisor has started, and nothing that it has stopped. */
#ifndef CAUSEWAY_CLI_ROSTER_ZMQ_H
#define CAUSEWAY_CLI_ROSTER_ZMQ_H

#include "place_os.h"
#include "supervise.h"

enum { ROSTER_WAIT_MS = 15000 };

/* only: units of that kind, or NULL: all. False: *missing says what is not so. True at once where there is no command socket. */
bool roster_wait(const struct place *p, const enum unit_kind *only, struct buf *missing);

#endif
