/* permits - what this gateway may let through of users' limited events without asking: permits
 * that presence granted it (presence/counters.h), and counts of its own for connections and addresses.
 *
 *     permits_take: a permit is here              YES, at once
 *                   it is known that none is left NO, at once, until something comes back
 *                   else                          WAIT: presence is asked; the answer comes by permits_decided
 *
 * Who waits for a counter is answered in order. When half of what was granted is gone more is asked
 * for, so that a user who goes on finds it here. What is used is remembered as long as it
 * counts, to be told to a new owner of the user; what was not used goes back when presence asks for it.
 *
 * Without presence, or where it does not answer in wait_ms: what is here may be used, then all is
 * refused (ALONE_MS at a time): fewer than the limit, never more.
 *
 * Times are ms: mono of the gateway's clock, wall for what clients are told. A permit is good
 * for as long as the grant says from the time of the *question*, so it ends here before it
 * does at presence. Pure: effects out. One owner: the gate. */
#ifndef CAUSEWAY_GATEWAY_PERMITS_H
#define CAUSEWAY_GATEWAY_PERMITS_H

#include "effect.h"
#include "map.h"
#include "quota.h"
#include "stats.h"
#include "wheel.h"

enum { PERMITS_ALONE_MS = 1000 };

struct permits_time { uint64_t mono, wall; };

struct permits_hooks {
    /* Who owns a user (user.h's key), and its life; false: nobody is there. */
    bool (*owner)(void *self, struct span user, uint16_t *presence, uint64_t *epoch);
    void *self;
};

struct permit;
struct permit_wait {                /* somebody's place in a counter's row; { 0 } outside of it */
    struct permit_wait *next;
    struct permit      *permit;     /* NULL: it does not wait */
    bool                yes;        /* decided: it may */
    uint64_t            reset;      /* decided: it may not; Unix ms when something comes back */
};

struct permits {
    struct map      by_key;
    struct wheel    wheel;
    struct effects *effects;
    struct permits_hooks hooks;
    size_t          max;
    uint64_t        wait_ms, born;
    uint64_t        nobody_since;           /* no presence is there; 0: there is one, as far as is known */
    struct permit_wait *decided, **decided_end;
    size_t          bytes, held, waiting;
    uint64_t        asked, recalled, alone, full;       /* counted */
    struct buf      scratch, key, uses;
};

struct permits_options {
    const struct siphash_key *seed;
    size_t          max;            /* counters */
    uint64_t        wait_ms;
    struct effects *effects;
    struct permits_hooks hooks;
};
void permits_init(struct permits *self, const struct permits_options *options, uint64_t mono);
void permits_fini(struct permits *self);

struct permits_ask {
    struct span user;               /* user.h's key; empty: counted here alone */
    struct span key, event;         /* the counter's name; what it counts, for people */
    struct quota_limit limit;
};
enum permits_answer { PERMITS_YES, PERMITS_NO, PERMITS_WAIT };

/* NO: *reset is the Unix ms when something comes back. WAIT: permits_wait with that permit is next. */
enum permits_answer permits_take(struct permits *self, const struct permits_ask *ask, struct permits_time now, uint64_t *reset, struct permit **permit);
void permits_wait(struct permits *self, struct permit *permit, struct permit_wait *wait, struct permits_time now);  /* in its row, until permits_decided or permits_forget */
struct permit_wait *permits_decided(struct permits *self);      /* one after the other, in order; NULL: no more */
void permits_forget(struct permits *self, struct permit_wait *wait);

void permits_on_grant(struct permits *self, uint16_t presence, uint64_t epoch, const struct msg_LIMIT_GRANT *m, struct permits_time now);
void permits_on_recall(struct permits *self, uint16_t presence, uint64_t epoch, const struct msg_LIMIT_RECALL *m, struct permits_time now);
/* Presence daemons came or went: new owners are told; before SYNCED is said. */
void permits_view(struct permits *self, struct permits_time now);
/* The link to one was made anew: it is told all again; all at once, if it has a new life, which the roster may name later. */
void permits_tell(struct permits *self, uint16_t presence, uint64_t epoch, struct permits_time now);
void permits_on_time(struct permits *self, struct permits_time now);
uint64_t permits_deadline(const struct permits *self);
size_t permits_bytes(const struct permits *self);

#endif
