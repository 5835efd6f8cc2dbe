/* roster - the routers' side of membership: who is there, who decides, and when
 * rooms change owner.
 *
 * Each router feeds it the BEATs and BYEs of all daemons (its own too), every
 * ROSTER that it receives, and SETTLEDs. One router, the coordinator, decides
 * views; the others only follow, ready to take over. The coordinator is the
 * lowest-numbered live READY router among those that have taken a view (their
 * BEAT says so), so one that comes back first learns the roster and then leads.
 * Where no such router is left: a draining one, then one that is starting.
 * Where no router at all has a view (first start) it is the lowest READY one,
 * after all routers of the topology are ready or the grace time has passed.
 *
 *   who is there changed            a new view, phase ACTIVE at once
 *   the owners changed              a new view, phase HOLD; the same view ACTIVE
 *   (READY routers)                 once every owner and every READY gateway in it
 *                                   has said SETTLED(view)
 *   one of those died holding       taken out; the hold starts anew, higher view
 *   anything else while holding     waits
 *   a router was restarted faster   for one view it owns nothing, so that its standbys
 *   than its silence was noticed    take over what its life before owned
 *   no READY router is left         draining ones stay owners: there is no heir
 *
 * Who began a hold ends it, if it lives, and is told SETTLED: router view % 100.
 * Time that passes without any event is our own stall, not the others' silence.
 *
 * View numbers only grow, over coordinators too: a new one is above everything
 * that was seen in a ROSTER or a BEAT. They never coincide: view % 100
 * (ROSTER_COORDINATORS) is the router that made it (301: router 1, the third or so). Two
 * routers that both believe to lead cannot hear each other: everyone takes the
 * highest view, and each of the two tries again at most once per beat time-out.
 *
 * Pure: events and time in, at most one ROSTER out, which goes to all members
 * and to this daemon itself. Owner: the router's shell. */
#ifndef CAUSEWAY_ROSTER_H
#define CAUSEWAY_ROSTER_H

#include "view.h"

struct roster_options {
    uint16_t number;            /* of this router */
    uint16_t routers;           /* the topology names routers 0 .. routers - 1 */
    uint64_t beat_timeout_ms;   /* silent for so long: gone */
    uint64_t grace_ms;          /* first view: wait so long for all routers */
    uint64_t hold_ms;           /* not settled after so long: hold anew with a higher view; 0: never */
};

struct roster_out {             /* the effect of one event */
    bool send;                  /* 'roster' goes to all members, and into our own view */
    struct msg_ROSTER roster;   /* its spans are good until the next event */
};

struct roster;
struct roster *roster_new(const struct roster_options *options, uint64_t now);
void roster_destroy(struct roster **self);

/* Events. ERR_RANGE, ERR_SYNTAX, ERR_LIMIT, ERR_FULL, ERR_UNKNOWN: refused; ERR_GONE: of an ended life or an old view. */
enum err roster_on_beat(struct roster *self, const struct msg_MEMBER *member, uint64_t view, uint64_t now, struct roster_out *out);
enum err roster_on_bye(struct roster *self, struct span id, uint64_t now, struct roster_out *out);
enum err roster_on_roster(struct roster *self, const struct msg_ROSTER *roster, uint64_t now, struct roster_out *out);
enum err roster_on_settled(struct roster *self, enum role role, uint16_t number, uint64_t view, uint64_t now, struct roster_out *out);
void     roster_expire(struct roster *self, uint64_t now, struct roster_out *out);
uint64_t roster_deadline(const struct roster *self);    /* when to expire next: after each event too */

/* What it knows, for the command socket and health. */
uint16_t roster_coordinator(const struct roster *self);     /* RANK_NOBODY: none yet */
uint64_t roster_view(const struct roster *self);            /* newest decided or taken */
bool     roster_holding(const struct roster *self);
void     roster_unsettled(const struct roster *self, struct buf *strs);     /* ids that a hold waits for */
size_t   roster_live(const struct roster *self, enum role role);            /* how many are heard; ROLE_NONE: of all */

#endif
