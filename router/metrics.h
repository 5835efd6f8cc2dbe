/* metrics - every daemon's figures as Prometheus reads them (text format 0.0.4).
 *
 * Made of the last counters that each daemon has published, so that one router tells of the
 * whole cluster. Names, kinds and helps are those of the stats.def tables: 'sessions_open' of a
 * gateway is causeway_gateway_sessions_open{role="gateway",id="gateway-0"}, the bus's and
 * the process's are causeway_bus_... and causeway_process_... of every role. A counter ends with
 * _total, one by reason has the label 'reason'. Units are base units and stand last: '_ms' becomes _seconds,
 * '_permille' _ratio. A latency (histogram.h) is a histogram in seconds. Pure. */
#ifndef CAUSEWAY_ROUTER_METRICS_H
#define CAUSEWAY_ROUTER_METRICS_H

#include "lasts.h"
#include "view.h"

void metrics_print(struct buf *out, const struct lasts *lasts, const struct view *view);

#endif
