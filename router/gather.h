/* gather - a question to many daemons, and one answer out of their parts.
 *
 * Asked are the daemons that the verb concerns; each part is a JSON object with
 * one sorted list. When all have answered, or the time is up, the parts are
 * merged: by the order of their keys, the first 'limit', counts of the same room
 * added up. What did not answer is named: "complete":false,"missing":[...].
 * One owner: the router's core. Pure. */
#ifndef CAUSEWAY_GATHER_H
#define CAUSEWAY_GATHER_H

#include "blob.h"
#include "verbs.h"
#include "view.h"

struct gather {
    enum verb    verb;
    uint32_t     limit;
    bool         room;              /* who: of a room */
    uint64_t     deadline;
    struct blob *asked;             /* the request, as it came */
    struct buf   waiting;           /* ids that are due, each with a space behind it */
    struct buf   parts;             /* strs */
    struct buf   failed;            /* ids that answered with an error */
};

/* What roles a verb asks; ROLE_NONE ends the list. health asks all. */
const enum role *gather_roles(const struct request *r);

void gather_init(struct gather *self, const struct request *r, struct span json, uint64_t deadline);
void gather_fini(struct gather *self);
void gather_expect(struct gather *self, struct span id);
void gather_fail(struct gather *self, struct span id);          /* it is not there to be asked */
bool gather_on_told(struct gather *self, struct span id, enum err error, struct span json);      /* false: nobody asked it */
bool gather_refused(const struct gather *self);     /* somebody would not do it: 'reload' of a topology that is bad */
bool gather_complete(const struct gather *self);
/* The merged fields, each with a comma before it: ,"sockets":[...],"complete":true,"missing":[] */
void gather_merge(const struct gather *self, struct buf *json);

#endif
