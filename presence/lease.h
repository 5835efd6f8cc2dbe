/* lease - a gateway's sockets hang on its one lease: they end together.
 *
 * A lease is one life (epoch) of one gateway:
 *
 *   LIVE      the roster has that life, or it was just heard of
 *   LAPSING   the roster has it no more: its clients have presence.lease_ms to come
 *             back by another gateway. If it reappears in time, it is LIVE again
 *   the end   all its sessions end in one step; the caller does that, then lease_end
 *
 * 'dead': a later life of that gateway is known, so none of its sockets can still be
 * there. They are kept as long (their users do not flap), but give way to a limit.
 *
 * 'doubted': the link to that gateway was cut and made anew within one life, and what it
 * said meanwhile may be lost. It tells all its sockets again and says SYNCED; those that
 * it has not told then are gone. One that tells none has not noticed, and proves nothing.
 *
 * And who has told what: after the users of this daemon have become more, every ready
 * gateway tells its sockets and says SYNCED; until then what is known is not whole.
 * The table owns leases, not sessions. Pure; one owner: presence. */
#ifndef CAUSEWAY_LEASE_H
#define CAUSEWAY_LEASE_H

#include "users.h"
#include "view.h"

struct kept;
struct sitting;

struct lease {
    struct lease   *next;
    struct session *sessions;
    struct kept    *kept;           /* its sockets that may come back: keep.h */
    struct sitting *sittings;       /* its sockets in rooms that are told who is there: roll.h */
    size_t          count;
    uint64_t        epoch;
    uint64_t        deadline;       /* LAPSING: mono ms; LIVE: 0 */
    uint64_t        synced;         /* newest view it has said SYNCED for */
    uint64_t        awaited;        /* it still owes SYNCED for this view; 0: nothing */
    uint16_t        number;
    bool            dead, doubted;
    bool            retold;         /* doubted, and it has begun to tell its sockets again */
};

struct leases {
    struct lease *first;
    size_t        count, lapsing;
    uint64_t      lease_ms;
};

void leases_init(struct leases *self, uint64_t lease_ms);
void leases_fini(struct leases *self);          /* sessions were forgotten before */

struct lease *leases_find(const struct leases *self, uint16_t number, uint64_t epoch);
struct lease *leases_need(struct leases *self, uint16_t number, uint64_t epoch);       /* of an earlier life than one known: dead */
void lease_add(struct lease *self, struct session *s);
void lease_drop(struct session *s);             /* from the lease it is on */

void leases_on_view(struct leases *self, const struct view *view, uint64_t now);
void leases_on_reborn(struct leases *self, uint16_t number, uint64_t epoch, uint64_t now);
void lease_doubt(struct lease *self);           /* all its sessions */
/* One whose time is over, or NULL. When its sessions have ended: lease_end. */
struct lease *leases_expire(struct leases *self, uint64_t now);
void lease_end(struct leases *self, struct lease *lease);       /* frees it */

/* From now on every gateway of the view that has begun to serve owes SYNCED for it (or a later one). */
void leases_await(struct leases *self, const struct view *view);
void leases_on_synced(struct leases *self, struct lease *lease, uint64_t view);
const struct lease *leases_awaited(const struct leases *self, const struct lease *after);      /* walks those who owe it: NULL begins and ends */

#endif
