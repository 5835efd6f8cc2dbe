/* supervisor - the small process that starts a topology, watches it and stops it. supervise.h decides; this does.
 *
 * It holds no ZeroMQ socket and no thread: one poll() over its signals, its children's pidfds and ready pipes, and
 * <state>/control.sock. If it is killed, the daemons and Redis go on; the next 'up' starts a new one that adopts
 * them. <state>/lock is locked as long as it lives. */
#ifndef CAUSEWAY_CLI_SUPERVISOR_OS_H
#define CAUSEWAY_CLI_SUPERVISOR_OS_H

#include "place_os.h"

/* Answers the exit code. report_fd: events of the start go there, as control.h says; -1: nowhere. */
int supervisor_run(const struct place *place, int report_fd);

/* Leaves it as a process of its own: a new session, an exec of this program. The end of the pipe to read
 * its report from; -1: errno says why. */
int supervisor_spawn(const struct place *place);
bool supervisor_locked(const struct place *place);      /* somebody supervises this state directory */

#endif
