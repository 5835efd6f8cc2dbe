/* stats - counters and gauges out of one table; this module is the one place
 * that knows how a counter looks outside. Pure.
 *
 * A daemon's table is <role>/stats.def:
 *     STAT(sessions_open, GAUGE, "sessions that are open")
 *     STAT(messages_in,   COUNTER, "Socket.IO messages from clients")
 *     STAT_ERRS(refused_http, "requests refused, by reason")
 * and becomes a struct and a table by including stats_table.h (see there):
 *     stats->messages_in++;    stats->refused_http[ERR_LIMIT]++;
 * Outside, the first underscore of a name is a dot, and an error's name follows
 * behind another: "sessions.open", "refused.http.ERR_LIMIT". Errors that never
 * happened are not printed; every other row always is. */
#ifndef CAUSEWAY_STATS_H
#define CAUSEWAY_STATS_H

#include "buf.h"
#include "err.h"

enum stat_kind { STAT_COUNTER, STAT_GAUGE, STAT_ERRORS };

struct stat_row {
    const char    *name, *help;
    enum stat_kind kind;
    size_t         offset;      /* in the table's struct */
};

struct stats_view {             /* a table and the struct that it describes */
    const struct stat_row *rows;
    size_t                 count;
    const void            *values;
};

struct stats_meta {
    const char *role, *id;
    uint64_t    pid, uptime_ms, seq, time;      /* time: Unix ms */
};

/* {"role":"gateway","id":"gateway-0","pid":1,"uptime_ms":2,"seq":3,"time":4,"sessions.open":5,...} */
void stats_json(struct buf *out, const struct stats_meta *meta, const struct stats_view *views, size_t count);
void stats_name(struct buf *out, const char *name);             /* sessions_open -> sessions.open */
void stats_document(struct buf *markdown, const struct stats_view *view);       /* a table of names, kinds, helps */

#endif
