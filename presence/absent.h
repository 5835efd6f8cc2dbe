/* absent - users whose last socket in a namespace has gone, and who are online there
 * still: for the namespace's grace_ms. One who comes back in time was never away.
 *
 * What is due in Redis for that last socket waits as long: should this daemon die
 * meanwhile, the next one finds the entry, and announces what is due.
 *
 * An absence hangs on its user; the wheel knows when it is over. Pure; one owner: presence. */
#ifndef CAUSEWAY_ABSENT_H
#define CAUSEWAY_ABSENT_H

#include "users.h"
#include "wheel.h"

struct absent {
    struct wheel_timer timer;
    struct absent     *next;        /* the user's */
    struct user       *user;
    struct blob       *ended;       /* store.h; or NULL */
    uint16_t           nsp;
};

struct absents {
    struct wheel wheel;
    size_t       count;
};

void absents_init(struct absents *self);
/* Takes 'ended'. The user's place there is 'away'. */
void absents_add(struct absents *self, struct user *u, uint16_t nsp, struct blob **ended, uint64_t until);
/* It is over, one way or the other: NULL, or what is the caller's to give to the store. */
struct blob *absents_end(struct absents *self, struct user *u, uint16_t nsp);
struct absent *absents_due(struct absents *self, uint64_t now);    /* to be ended; or NULL */

#endif
