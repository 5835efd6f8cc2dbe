/* keep - sockets that may come back: what a gateway needs to resume one that had
 * another gateway, or one that has died.
 *
 *   LIVE       connected; its gateway (lease) tells each change of its rooms
 *   RESUMING   a gateway has asked for it and not said yet that it has it: nobody else gets it
 *   AWAY       its connection ended in a way that may be recovered, or its gateway did; until the window is over
 *
 * Of each room it knows since when (Unix ms of this daemon; 0: from ever), so that
 * nobody is sent what was said before he joined, whatever offset he names. Bounded in
 * sockets and bytes: when full, who has been away longest goes first.
 *
 * The table owns its records; a lease only lists them. Pure; one owner: presence. */
#ifndef CAUSEWAY_KEEP_H
#define CAUSEWAY_KEEP_H

#include "buf.h"
#include "lease.h"
#include "sid.h"
#include "wheel.h"

enum kept_state { KEPT_LIVE, KEPT_RESUMING, KEPT_AWAY };

struct kept {
    struct kept  *lease_next, **lease_at;       /* LIVE, RESUMING: its gateway's */
    struct kept  *older, *newer;                /* AWAY: in the order of going */
    struct lease *lease;
    struct wheel_timer timer;                   /* AWAY: the end of the window */
    struct buf    rooms;                        /* SEATs, as strs */
    uint64_t      since;                        /* Unix ms: when it first connected; 0: not known */
    uint8_t       state;
    bool          doubted;                      /* lease.h */
    uint16_t      sid_len, nsp_len, user_len;
    char          text[];                       /* pid, sid, nsp, user: the first is the key */
};

struct keeps {
    struct map    by_pid;
    struct wheel  wheel;
    struct kept  *oldest, *newest;              /* AWAY */
    size_t        max, max_bytes, away, bytes, expired, evicted;
};

void keeps_init(struct keeps *self, const struct siphash_key *seed, size_t max, size_t max_bytes);
void keeps_fini(struct keeps *self);
struct kept *keeps_find(const struct keeps *self, struct span pid);
struct span  kept_pid(const struct kept *k);
struct span  kept_sid(const struct kept *k);
struct span  kept_nsp(const struct kept *k);
struct span  kept_user(const struct kept *k);

/* A gateway has it. Rooms that were known keep their time, others count from 'time' on (fresh ones), or from ever. */
enum err keeps_save(struct keeps *self, struct lease *lease, const struct msg_SAVE *m, uint64_t time);     /* ERR_SYNTAX, ERR_LIMIT, ERR_FULL */
enum err keeps_rooms(struct keeps *self, const struct lease *lease, const struct msg_SAVE_ROOMS *m, uint64_t time);    /* ERR_GONE, ERR_LIMIT */
/* It may be resumed by 'lease': RESUMING from now on. ERR_UNKNOWN; ERR_AUTH: of another user or namespace; ERR_DUPLICATE: being resumed. */
enum err keeps_resume(struct keeps *self, struct lease *lease, const struct msg_RESUME *m, struct kept **kept);
void keeps_leave(struct keeps *self, struct kept *k, uint64_t until);       /* AWAY */
void keeps_forget(struct keeps *self, struct kept *k);
void keeps_expire(struct keeps *self, uint64_t now);
void keeps_doubt(struct lease *lease);
size_t keeps_bytes(const struct keeps *self);

#endif
