/* handover - the barrier through which ownership moves from one view to the next.
 *
 *   HOLD(v)   every sender holds, and fences: FENCE(v) is the last of the old view
 *   fenced    all senders' fences are here: nothing of the old view is on its way
 *             to us, so we hand our records over and fence the gateways
 *   settled   and all old owners have handed over to us: SETTLED(v)
 *   ACTIVE(v) the held may go to the new owners
 *
 * Senders are all gateways and routers of the roster. A newer hold begins anew.
 * What arrives for a view that we have not heard of yet is remembered (the
 * links from different daemons are not ordered among themselves). Pure. */
#ifndef CAUSEWAY_HANDOVER_H
#define CAUSEWAY_HANDOVER_H

#include "view.h"

enum { HANDOVER_NUMBERS = 1024 };

struct handover {
    uint64_t view;              /* 0: none under way */
    uint64_t fences[2][HANDOVER_NUMBERS];        /* newest fence seen: [0] routers, [1] gateways */
    uint64_t handed[VIEW_OWNERS_MAX];
    bool     gave, settled;
};

enum handover_step { HANDOVER_WAIT, HANDOVER_GIVE, HANDOVER_SETTLED };

void handover_begin(struct handover *self, const struct view *view);
void handover_end(struct handover *self);
void handover_on_fence(struct handover *self, enum role role, uint16_t number, uint64_t view);
void handover_on_handed(struct handover *self, uint16_t number, uint64_t view);
/* What this daemon sends now belongs to the coming view: it has fenced, or we have handed over. */
bool handover_passed(const struct handover *self, enum role role, uint16_t number);
/* What is to be done now, each once: GIVE, later SETTLED. Ask after every event until it says WAIT. */
enum handover_step handover_step(struct handover *self, const struct view *view);

#endif
