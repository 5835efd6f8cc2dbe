/* store - what of the table has to be written to Redis, and in which words.
 *
 * What changed is a set of dirty users and sessions, in the users themselves, and a
 * queue of sessions that ended. A dirty user is written as it is when its turn comes:
 * many changes are one write. Nothing is lost with a connection: when Redis is back,
 * every user is dirty. The queue is bounded (presence.max_pending_count); past that it
 * is dropped, and a sweep (sweep.h) finds what it stood for.
 *
 *     while (store_next(&store, &command, now)) send(command);      // at most STORE_WINDOW unanswered
 *     each answer, in order: if (store_on_reply(&store, &reply) != OK) give the connection up
 *
 * Keys, each with 'prefix' in front; NS is the namespace without its first '/', NAME
 * the user's name (user.h). DESIGN.md has the table with fields and expiry.
 * Pure; one owner: presence. */
#ifndef CAUSEWAY_STORE_H
#define CAUSEWAY_STORE_H

#include "counters.h"
#include "watch_store.h"

enum {
    STORE_WINDOW   = 2048,              /* commands under way */
    STORE_EXPIRY_S = 86400,             /* of sockets; refreshed four times in that time */
    STORE_RECORD_S = 30 * 86400,        /* of user:<id>, from its last change */
};

struct store_options {
    struct span prefix;
    uint64_t    write_behind_ms;
    size_t      max_pending;
};

struct store {
    struct store_options o;
    struct users *users;
    struct presence_stats *stats;
    struct counters *counters;          /* users' limits, which have commands of their own; or NULL */
    struct sweep  sweep;
    struct watch_store watch;
    bool          up, tried, sweep_due, sweep_whole, settled, draining;
    struct user  *dirty, **dirty_end;
    size_t        dirty_count;
    uint64_t      due, refresh;         /* mono ms */
    struct blob **ended;                /* [head, sent) under way, [sent, count) to do */
    size_t        ended_head, ended_sent, ended_count, ended_cap;
    struct buf    batch;                /* commands of one user, made and not yet given out: strs of strs */
    size_t        batch_at;
    uint8_t       tag[STORE_WINDOW];    /* of commands under way, a ring */
    size_t        tag_head, under_way;
    struct buf    name, set, text, command;
};

void store_init(struct store *self, const struct store_options *options, struct users *users, struct watches *watches,
                const struct sweep_hooks *hooks, void *hooks_self, struct presence_stats *stats);
void store_fini(struct store *self);

void store_count(struct store *self, struct counters *counters);       /* borrowed; their commands go first: gateways wait for them */

/* ---- what changed */
void store_touch(struct store *self, struct user *u, struct session *s, uint64_t now);      /* s: NULL, or a new one */
void store_active(struct store *self, struct user *u, uint64_t now);                       /* its 'active' alone */
/* What ends with a session, to be given to store_ended: now or later. NULL: nothing. Touch its user after. */
struct blob *store_ending(struct store *self, const struct session *s);
void store_ended(struct store *self, struct blob **ended, uint64_t now);           /* takes it */
void store_forget(struct store *self, struct user *u);                             /* before it is freed */
void store_sweep(struct store *self, bool whole);       /* when the connection lets it, and 'settled'; whole: sweep.h */
void store_settled(struct store *self, bool on);        /* every gateway has told its sockets: what is not known is stale */

/* ---- the connection */
void store_on_up(struct store *self, uint64_t now);
void store_on_lost(struct store *self);
void store_on_refused(struct store *self);              /* it is not there */
bool store_recalls(const struct store *self);           /* watch lists are being read back, or will be as soon as Redis is heard of */
bool store_next(struct store *self, struct store_command *command, uint64_t now);
enum err store_on_reply(struct store *self, const struct store_reply *reply);
uint64_t store_deadline(const struct store *self);      /* when store_next may have something by time; UINT64_MAX: never */
void store_expire(struct store *self, uint64_t now);    /* refreshes what would expire: now and then */
void store_drain(struct store *self);                   /* no sweep any more; what is dirty goes at once */
size_t store_pending(const struct store *self);
bool store_quiet(const struct store *self);             /* all is written, or can't be */
enum err store_error(struct span message);              /* an error reply's kind: "NOAUTH ..." is ERR_AUTH */

#endif
