/* counters - how often users did something of late, over all gateways: who may have how
 * many permits.
 *
 * A counter is one limit of one user. Gateways use permits that they were granted
 * before: as many as are asked for and some more, fewer as the limit comes near, so that
 * most events cost no question. A permit that is out counts as used, wherever it is, until its
 * gateway says what became of it:
 *
 *     used (quota.h) + out (holders) <= count         at any time, whoever dies
 *
 *     LIMIT_SAY want ─► enough left ──────────────────────────────► LIMIT_GRANT
 *                       not, and others hold some ─► LIMIT_RECALL
 *                                  LIMIT_SAY give ─► what there is ► LIMIT_GRANT last: the others are refused
 *
 * Nobody is refused before every gateway that lives has given back what it did not use (or has
 * not answered in COUNTERS_RECALL_MS). Permits end by themselves: those of a fixed window with
 * it, the others a quarter of their window after they were asked for, then their gateway says what
 * it used. A gateway that dies takes what it had along: that counts as used.
 *
 * With Redis a grant leaves once Redis has the sum, so a new owner of the user finds it there
 * (and hears from the gateways what they have): it never grants what was granted. A counter that
 * may have been another owner's is read before the first grant, while Redis is away not granted from. DESIGN.md, "Limits".
 *
 * Pure: effects, commands and answers as in store.h, which is the only one to call
 * counters_next and counters_on_reply. One owner: presence. */
#ifndef CAUSEWAY_COUNTERS_H
#define CAUSEWAY_COUNTERS_H

#include "effect.h"
#include "err.h"
#include "map.h"
#include "presence_stats.h"
#include "quota.h"
#include "sweep.h"
#include "wheel.h"

enum {
    COUNTERS_RECALL_MS  = 500,      /* how long a gateway may take to give back */
    COUNTERS_KEY_MAX    = 1024,     /* of a counter, in Redis */
    COUNTERS_EVENT_MAX  = 256,
    COUNTERS_CHUNK_MAX  = 1000,     /* most permits granted beyond what is asked for */
    COUNTERS_FULL_MS    = 1000,     /* the table is full: asked again after so long */
};

struct counters_time { uint64_t mono, wall; };      /* ms */

struct counters_hooks {
    bool (*lives)(void *self, uint16_t gateway, uint64_t epoch);    /* it may be asked to give back */
    void *self;
};

struct counter;
struct counters_order;

struct counters {
    struct map      by_key, by_user;        /* user NUL key -> counter; user -> its first one */
    struct wheel    wheel;
    struct effects *effects;
    struct presence_stats *stats;
    struct counters_hooks hooks;
    struct span     prefix;
    size_t          max, gateways;          /* gateways: among how many permits are shared */
    size_t          out, bytes;
    bool            redis, up;              /* there is one; it answers */
    bool            settled;                /* counters_synced, since users came */
    bool            blind;                  /* some gateway has not said what it has */
    uint64_t        since;                  /* mono ms: what was counted before may be another owner's */
    uint32_t        turns;
    struct counter *due, **due_end;         /* something to be read or written */
    struct counter *arrived;                /* were read */
    struct counter *half;                   /* its value was asked for, its time is next */
    struct counters_order *orders, **orders_end;    /* commands under way */
    struct buf      scratch, key, text;
};

struct counters_options {
    const struct siphash_key *seed;
    struct span     prefix;         /* borrowed */
    size_t          max;
    bool            redis;
    uint32_t        turns;          /* random */
    struct effects *effects;
    struct presence_stats *stats;
    struct counters_hooks hooks;
};
void counters_init(struct counters *self, const struct counters_options *options, uint64_t mono);
void counters_fini(struct counters *self);

enum err counters_on_say(struct counters *self, uint16_t gateway, uint64_t epoch, const struct msg_LIMIT_SAY *m, struct counters_time now);
bool     counters_knows(const struct counters *self, const struct msg_LIMIT_SAY *m);     /* its counter is here, and whole */
void     counters_on_gone(struct counters *self, uint16_t gateway, uint64_t epoch, struct counters_time now);     /* that life is over for certain */
void     counters_on_time(struct counters *self, struct counters_time now);
uint64_t counters_deadline(const struct counters *self);
/* Users came to this daemon: what is not here was perhaps counted elsewhere. */
void     counters_taken_over(struct counters *self, uint64_t mono);
/* Every gateway has told what it has: what Redis knows beside that is read, and it is told the rest. */
void     counters_synced(struct counters *self, uint64_t mono);
void     counters_drop(struct counters *self, bool (*ours)(void *self, struct span user), void *ours_self);    /* those of others */

/* The verb: has each gateway given back what this user's counters have out? If not it is asked to. */
bool     counters_settle(struct counters *self, struct span user, struct span event, struct counters_time now);
void     counters_print(struct counters *self, struct buf *json, struct span user, struct span event, struct counters_time now);      /* objects, by commas */
void     counters_reset(struct counters *self, struct span user, struct span event, struct counters_time now);     /* event empty: all */

/* ---- Redis */
void     counters_on_up(struct counters *self);
void     counters_on_lost(struct counters *self);
bool     counters_next(struct counters *self, struct store_command *command, uint64_t mono);
void     counters_on_reply(struct counters *self, const struct store_reply *reply);      /* what it means comes of counters_on_time */
bool     counters_quiet(const struct counters *self);

#endif
