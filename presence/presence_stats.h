/* presence_stats - the daemon's counters as a struct: stats.def. */
#ifndef CAUSEWAY_PRESENCE_STATS_H
#define CAUSEWAY_PRESENCE_STATS_H

#define STATS     presence_stats
#define STATS_DEF "../presence/stats.def"
#include "stats_table.h"

#endif
