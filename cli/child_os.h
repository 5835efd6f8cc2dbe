/* child - one process of a unit: started, watched by pidfd, signalled. Owner: the supervisor. */
#ifndef CAUSEWAY_CLI_CHILD_OS_H
#define CAUSEWAY_CLI_CHILD_OS_H

#include "launch.h"

#include <sys/types.h>

struct child {
    struct unit_id id;
    pid_t    pid;
    int      pidfd;
    int      ready_fd;          /* -1: has been read, or there is none */
    bool     adopted;           /* not our child: its exit code cannot be seen */
    uint64_t started;
};

/* Its output goes to the end of the log file itself, so it outlives us. False: errno says why. */
bool child_start(struct child *c, const struct launch *l, struct unit_id id, unsigned routers, uint64_t now);
/* A process that a killed supervisor has left, by its pid file. False: there is none, and the pid file is gone. */
bool child_adopt(struct child *c, const struct launch *l, struct unit_id id, uint64_t now);
void child_signal(const struct child *c, int signal);
int  child_reap(struct child *c, const char *state);       /* once the pidfd is readable: its code, 128 + signal, or -1; closes all */
bool child_ready(struct child *c);                          /* once ready_fd is readable: did it say so? */
bool child_redis_answers(const char *state);                /* PING, PONG */
bool child_may_start(const struct launch *l, struct unit_id id, struct buf *error);     /* is the program there? */

/* No log file in the state directory grows without bound: past LOG_FILE_MAX its content moves to <name>.1.
 * Daemons append, so what is cut off here they do not notice. */
#define LOG_FILE_MAX (4u << 20)
void logs_turn(const char *state);

#endif
