/* look - one look at a running topology: the supervisor, a router and the stats asked together, for status and top. */
#ifndef CAUSEWAY_CLI_LOOK_ZMQ_H
#define CAUSEWAY_CLI_LOOK_ZMQ_H

#include "ask_zmq.h"
#include "overview.h"

/* False: no supervisor. 'status' is its answer. Samples are kept from look to look. */
bool look(struct overview *o, const struct place *p, struct ask **ask, struct samples *samples, struct buf *status, unsigned sample_ms);

#endif
