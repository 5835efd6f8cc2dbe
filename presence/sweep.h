/* sweep - what other runs left in Redis: read back, and taken away where nobody has it
 * any more. SCAN and HSCAN in small steps, never KEYS; one page under way at a time.
 *
 *     RECORDS   SCAN user:*     -> HMGET each     -> restored(): last disconnect, was it online
 *     SOCKETS   SCAN socket:*   -> SMEMBERS, GET, HGET  -> SREM, DEL what no session of ours has; stale()
 *     ONLINE    HSCAN online_users                -> HDEL who is not online here
 *
 * Before all gateways have told their sockets only RECORDS runs: nothing is known to be
 * stale yet. Entries of users that another presence owns are left alone, and so is
 * everything that does not look like ours. What to think of a user is decided when the
 * answer comes, by the table as it is then. Commands come out as arguments, answers go
 * in, in the same order. Pure; one owner: store. */
#ifndef CAUSEWAY_SWEEP_H
#define CAUSEWAY_SWEEP_H

#include "presence_stats.h"
#include "users.h"

enum { STORE_ARGS_MAX = 20 };

struct store_command {
    struct span arg[STORE_ARGS_MAX];
    size_t      count;
};

struct store_reply {
    enum { STORE_ERROR, STORE_TEXT, STORE_LIST } kind;
    struct span text;               /* ERROR: its message; TEXT: a status, a string, or a number as text */
    struct span cursor;             /* LIST: of SCAN and HSCAN */
    const struct span *at;          /* LIST: nil is { NULL, 0 } */
    size_t count;
};

struct sweep_record { uint64_t last_connect, last_disconnect; bool quoted, online; };

struct sweep_hooks {
    bool (*ours)(void *self, struct span key);          /* does this daemon own that user? */
    void (*restored)(void *self, struct span key, const struct sweep_record *record, bool whole);
    void (*stale)(void *self, struct span key, struct span nsp);    /* a user of ours had sockets there that nobody has */
    bool (*named)(void *self, struct span nsp);         /* may there be such a namespace? */
};

enum sweep_phase { SWEEP_IDLE, SWEEP_RECORDS, SWEEP_SOCKETS, SWEEP_ONLINE };

struct sweep {
    struct buf   prefix;
    const struct users *users;
    const struct sweep_hooks *hooks;
    void        *hooks_self;
    struct presence_stats *stats;
    enum sweep_phase phase;
    bool         whole, more;       /* more: the scan of this phase is not at its end */
    struct sweep_queue { struct buf strs; size_t at; } keys, asked, todo;
    struct buf   cursor, arg, command, key, nsp;
};

void sweep_init(struct sweep *self, struct span prefix, const struct users *users, const struct sweep_hooks *hooks, void *hooks_self,
                struct presence_stats *stats);
void sweep_fini(struct sweep *self);

void sweep_begin(struct sweep *self, bool whole);       /* anew, if it was running */
bool sweep_rests(const struct sweep *self);             /* no answer is due: it may begin */
void sweep_stop(struct sweep *self);                    /* the connection is gone */
bool sweep_busy(const struct sweep *self);
bool sweep_next(struct sweep *self, struct store_command *command);    /* spans are good until the next call */
void sweep_on_reply(struct sweep *self, const struct store_reply *reply);

/* Text as it is, for MATCH, which takes a pattern. */
void sweep_add_pattern(struct buf *out, struct span text);

/* "/chat" stands in keys as "chat", "/" as itself: the seeds' names. */
struct span sweep_nsp_text(struct span nsp);

#endif
