/* probe - the routers' HTTP port, for who watches over the cluster:
 *
 *     GET /metrics           every daemon's figures, for Prometheus (metrics.h)
 *     GET /livez             200: this router's loop turns
 *     GET /readyz            200: the cluster can serve; else 503: a line says for each thing whether it holds
 *     GET /readyz/<daemon>   200: that daemon is ready ("gateway-1"); 503: starting or leaving; 404: not in the roster
 *
 * HEAD is answered, too; nothing else is. A connection is asked one thing at a time: what comes behind a
 * request before its answer is written ends it. No body, heads of PROBE_HEAD_MAX at most. The core of the
 * port: bytes in, answers out. Pure; one probe a connection. */
#ifndef CAUSEWAY_ROUTER_PROBE_H
#define CAUSEWAY_ROUTER_PROBE_H

#include "config.h"
#include "http1.h"
#include "lasts.h"
#include "view.h"

enum { PROBE_HEAD_MAX = 8192, PROBE_FIELDS_MAX = 64 };

struct probe_state {                    /* what is told of: borrowed */
    const struct lasts *lasts;
    const struct view  *view;
    const struct config *config;
    uint64_t *asked, *refused;          /* counters */
    uint16_t number;                    /* of this router */
    bool     draining;
    uint64_t wall;                      /* Unix ms */
};

struct probe { struct http1 http; };    /* { 0 } is a fresh one */
void probe_fini(struct probe *self);

enum probe_next { PROBE_READ, PROBE_ANSWER, PROBE_CLOSE };
/* READ: more is needed. ANSWER: 'out' is to be written, then there may be another request. CLOSE: 'out' is to be written, and that is all. */
enum probe_next probe_on_bytes(struct probe *self, const struct probe_state *state, struct span in, struct buf *out);

#endif
