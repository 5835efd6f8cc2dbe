/* commits - what is sequenced but not yet held by a standby, and how far each
 * sender's link may be confirmed.
 *
 * Two rows of queues. A lane per standby router: the copies sent to it, in order,
 * with the number that each got on the link; what the standby has received is
 * committed. Not what it has confirmed: confirmation is cumulative, and would wait
 * for the emits in front, whose own copies wait for ours. A queue per sender: its messages in order, each open or done;
 * its link may be confirmed up to the first open one. Pure; one owner: owner.c. */
#ifndef CAUSEWAY_COMMITS_H
#define CAUSEWAY_COMMITS_H

#include "map.h"
#include "owner.h"

struct commit {                 /* in a lane */
    uint64_t ticket, link;      /* link 0: the shell has not said yet */
    uint64_t answer;            /* ref of the answer that waits for it, 0: none */
    uint64_t turn;              /* which of its sender's messages */
    uint64_t seq;               /* its number in our stream, 0: it has none of its own */
    uint16_t sender;
};
struct lane { struct commit *at; size_t head, count, cap; };

struct sender_turn { uint64_t link; bool done; };
struct sender_queue {
    struct sender_turn *at;
    size_t   head, count, cap;
    uint64_t first;             /* number of turn at head */
    uint64_t link;              /* newest message that may be confirmed */
    bool     dirty;
};

enum { COMMITS_SENDERS = ROOMS_GATEWAYS + VIEW_OWNERS_MAX + 2 * ROOMS_GATEWAYS };

struct commits {
    struct lane         lanes[VIEW_OWNERS_MAX];
    struct sender_queue senders[COMMITS_SENDERS];
    uint16_t            dirty[COMMITS_SENDERS];
    size_t              dirty_count;
    struct forward     *forwards;       /* sorted by ticket: they are given in order */
    size_t              forward_count, forward_cap;
    size_t              open;           /* messages not yet done */
};

void commits_init(struct commits *self);
void commits_fini(struct commits *self);
/* A message that is committed when 'standby' has received 'ticket'; ticket 0: at once. */
void commits_add(struct commits *self, const struct from *from, uint16_t standby, uint64_t ticket, uint64_t answer, uint64_t seq);
void commits_forward(struct commits *self, const struct from *from, uint64_t ticket);
void commits_forward_done(struct commits *self, uint64_t ticket);
void commits_on_sent(struct commits *self, uint16_t standby, uint64_t ticket, uint64_t link);
/* Commits one message that 'link' covers (UINT64_MAX: all); its answer's ref and its number, or 0. False: no more. */
bool commits_next(struct commits *self, uint16_t standby, uint64_t link, uint64_t *answer, uint64_t *seq);
bool commits_next_confirm(struct commits *self, enum role *role, uint16_t *number, uint64_t *link);
/* A sender with a new life: its queue is empty, its links count from 1. */
void commits_forget(struct commits *self, enum role role, uint16_t number);

#endif
