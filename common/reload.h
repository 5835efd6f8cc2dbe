/* reload - a topology that was read anew, beside the one in force: what differs, and what of that is taken over.
 *
 * Namespaces with all that stands below them, and the keys that config.def names LIVE, are taken over while the
 * daemon runs. Everything else (ports, addresses, instances, what was handed out at start) stays as it was
 * until a restart, and is named. A namespace's realm is such a key: its users are known by it. Pure. */
#ifndef CAUSEWAY_RELOAD_H
#define CAUSEWAY_RELOAD_H

#include "config.h"
#include "msg.h"

struct reload {
    struct buf changed, restart;    /* strs of keys: "namespaces./chat.events", "listeners.public.port" */
};
void reload_fini(struct reload *self);

/* What is to be said of it by a daemon of this role: restarts of what it does not use are others' to name. */
void reload_compare(struct reload *self, const struct config *running, const struct config *fresh, enum role role);
/* The running configuration takes what it can; 'fresh' has what stood there before, to be freed once nobody uses it. */
void reload_apply(struct config *running, struct config *fresh);

/* A daemon's part of the verb's answer: {"daemons":[{"id","role","reload":"done"|"unchanged"|"refused",...}]}.
 * errors: lines as node_error writes them, empty where it was not refused. */
void reload_print(struct buf *json, const char *id, enum role role, const struct reload *self, struct span errors);
/* Of that: "done", "unchanged" or "refused". */
const char *reload_outcome(const struct reload *self, struct span errors);

#endif
