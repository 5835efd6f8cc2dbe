#include "owner.h"

#define STATS     router_stats
#define STATS_DEF "../router/stats.def"
#define STATS_ROWS
#include "stats_table.h"
