#include "presence_stats.h"

#define STATS     presence_stats
#define STATS_DEF "../presence/stats.def"
#define STATS_ROWS
#include "stats_table.h"
