/* stats_table - turns a stats.def into a struct of uint64_t and its table.
 *
 * In the daemon's header:                  In one of its .c files:
 *     #define STATS     gateway_stats          #define STATS     gateway_stats
 *     #define STATS_DEF "../gateway/stats.def" #define STATS_DEF "../gateway/stats.def"
 *     #include "stats_table.h"                 #define STATS_ROWS
 *                                              #include "stats_table.h"
 * defines 'struct gateway_stats' and       defines its rows and the function
 * declares gateway_stats_view().
 *
 * The path is seen from this folder: a bare "stats.def" would find another daemon's
 * where several are compiled together. No include guard: it is a template, included once for each table (and once
 * more, with STATS_ROWS, by the one .c file). STATS and STATS_DEF are undefined again. */
#include "stats.h"

#define STATS_GLUE_(a, b) a##b
#define STATS_GLUE(a, b)  STATS_GLUE_(a, b)

#ifndef STATS_ROWS

struct STATS {
#define STAT(name, kind, help)  uint64_t name;
#define STAT_ERRS(name, help)   uint64_t name[ERR_COUNT];
#include STATS_DEF
#undef STAT
#undef STAT_ERRS
};
struct stats_view STATS_GLUE(STATS, _view)(const struct STATS *values);

#else

static const struct stat_row STATS_GLUE(STATS, _rows)[] = {
#define STAT(name, kind, help)  { #name, help, STAT_##kind, offsetof(struct STATS, name) },
#define STAT_ERRS(name, help)   { #name, help, STAT_ERRORS, offsetof(struct STATS, name) },
#include STATS_DEF
#undef STAT
#undef STAT_ERRS
};
struct stats_view STATS_GLUE(STATS, _view)(const struct STATS *values)
{
    return (struct stats_view){ STATS_GLUE(STATS, _rows),
                                sizeof STATS_GLUE(STATS, _rows) / sizeof STATS_GLUE(STATS, _rows)[0], values };
}

#endif

#undef STATS_GLUE
#undef STATS_GLUE_
#undef STATS
#undef STATS_DEF
#undef STATS_ROWS
