/* process - what /proc/self and the limits say about this process. */
#ifndef CAUSEWAY_PROCESS_OS_H
#define CAUSEWAY_PROCESS_OS_H

#include "stats.h"

#define STATS     process_stats
#define STATS_DEF "process_stats.def"
#include "stats_table.h"

/* What the shares are shares of: { 0 } before the first reading. */
struct process_marks { uint64_t cpu_us, at_us, host_busy, host_all; };
void process_stats_read(struct process_stats *stats, struct process_marks *before, uint64_t seq);      /* all but turns and log_held; seq: of the reading */
/* Raises RLIMIT_NOFILE to its hard limit, at most PROCESS_FDS_MAX: libwebsockets takes 2,560 for what is larger. */
#define PROCESS_FDS_MAX 1000000
uint64_t process_raise_fds(void);
/* Gives back what a burst has freed in the heap's middle, which malloc keeps; true: there was enough of it. */
void process_one_heap(void);           /* all threads share one, where little is allocated per message: less lies unused. Before any thread */
bool process_trim(size_t *kept);        /* *kept: 0 at first, for the next call */
uint64_t process_random(void);          /* 64 bits of the kernel's */

#endif
