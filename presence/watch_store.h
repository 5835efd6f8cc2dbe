/* watch_store - watch lists in Redis: changes written, in order, and the lists read back.
 *
 *     watchers:NAME   hash, of a followed user: follower's text -> "nn", "ns", "sn", "ss": are the ids
 *                     of follower and followed numbers or strings in JSON. Never expires
 *
 * A change is a command of its own, at once; its number is a ticket: when 'done' has
 * reached it, Redis has it. Changes are kept until answered, at most max_pending; while
 * Redis is away none are: when it is back, all ties are written again, and what it has
 * that is no tie any more is removed.
 *
 * Reading back (recall): SCAN watchers:*, then HSCAN each that is ours, a page under way
 * at a time. TAKE adds what is not here (after a start, or when users have become ours);
 * PRUNE removes from Redis what is not here. Pure; one owner: store. */
#ifndef CAUSEWAY_WATCH_STORE_H
#define CAUSEWAY_WATCH_STORE_H

#include "sweep.h"
#include "watch.h"


enum recall { RECALL_NONE, RECALL_TAKE, RECALL_PRUNE };

struct watch_store {
    struct watches *watches;
    struct buf      prefix;
    const struct sweep_hooks *hooks;        /* 'ours' */
    void           *hooks_self;
    size_t          max_pending;
    bool            up, missed;             /* missed: changes were made while Redis was away */
    struct blob   **change;                 /* [head, sent) under way, [sent, count) to do; as strs: command, key, field, value */
    size_t          head, sent, count, cap;
    uint64_t        done, lost_from, lost_to;   /* the newest ticket that is answered; those that went with the connection last */
    enum recall     due, recall;            /* to begin, under way */
    bool            asked, more;            /* asked: an answer is due; more: SCAN is not at its end */
    bool            stale;                  /* a tie went while a page was under way: it is asked for again */
    struct buf      keys, key, cursor, inner, command, field;      /* keys: strs to HSCAN; key: the one under way */
    size_t          keys_at;
    uint64_t        taken;
};

void watch_store_init(struct watch_store *self, struct span prefix, size_t max_pending, struct watches *watches, const struct sweep_hooks *hooks,
                      void *hooks_self);
void watch_store_fini(struct watch_store *self);

/* A tie came or goes. The ticket; 0: Redis is away, or there is none. */
uint64_t watch_store_change(struct watch_store *self, struct watch_user follower, struct watch_user followed, bool on);
bool     watch_store_lost(const struct watch_store *self, uint64_t ticket);        /* that is done: Redis went, it may not have it */
bool     watch_store_full(const struct watch_store *self);      /* too many changes wait */
void     watch_store_recall(struct watch_store *self);          /* TAKE: when the connection lets it */
bool     watch_store_recalling(const struct watch_store *self);

void watch_store_on_up(struct watch_store *self);
void watch_store_on_lost(struct watch_store *self);
enum watch_tag { WATCH_WRITE, WATCH_CHANGE, WATCH_RECALL };
bool watch_store_next(struct watch_store *self, struct store_command *c, enum watch_tag *tag);
void watch_store_on_reply(struct watch_store *self, enum watch_tag tag, const struct store_reply *r);
size_t watch_store_pending(const struct watch_store *self);

#endif
