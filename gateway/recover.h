/* recover - connection state recovery: a client that lost its connection comes back
 * on any gateway as the socket it was, and gets once and in order what it missed.
 *
 *     CONNECT {pid, offset} ─ token ─► RESUMING   the presence that owns the pid is asked: RESUME ... RESUMED
 *                                      JOINING    its id and rooms again, until the routers have confirmed our interest
 *                                      ASKING     each owner: what was in these rooms since that offset? REPLAY ... REPLAYED
 *                                      ASKED      presence admits it as any other; then: what it missed,
 *                                                 40{"sid","pid"}, what came meanwhile, and it is open
 *
 * What a router delivers before its answer is in the answer; what it delivers after it
 * is held ('cut' is where that changes), so nothing is doubled and nothing is missing. A
 * view that changes meanwhile makes the question void: it is asked anew of the new owners.
 * Whatever stands in the way (a pid nobody has, another user, a history that does not
 * reach back, a time-out) leads to a fresh session: a new id, a new pid, no error.
 *
 * Each recoverable socket is told to the presence that owns its pid: SAVE with all of
 * it, SAVE_ROOMS at each change, SAVE_END. For the files of this folder; one owner: the socket. */
#ifndef CAUSEWAY_GATEWAY_RECOVER_H
#define CAUSEWAY_GATEWAY_RECOVER_H

#include "backlog.h"
#include "positions.h"
#include "socket.h"
#include "timer.h"

enum resume_phase { RESUME_WANTED, RESUME_RESUMING, RESUME_JOINING, RESUME_ASKING, RESUME_ASKED };

struct missed {                         /* a body that came while it was away */
    uint64_t     time, order;
    struct blob *stamped;
};

struct cut {                            /* of a router's stream */
    bool     asked, known;
    uint64_t epoch, seq;                /* its answer goes up to here */
    uint64_t last;                      /* and this one was the last meant for us: until then our own stream has to come */
};

struct resume {
    struct socket   *socket;
    struct timer     timer;
    uint64_t         ref, until;
    uint8_t          phase;
    uint8_t          failed;            /* enum err: to be given up by the timer, where rooms are being walked */
    uint16_t         presence;          /* who was asked */
    struct positions offset;
    uint64_t         since;             /* Unix ms; 0: not known */
    struct buf       seats;             /* SEATs as strs */
    struct cut      *cuts;              /* VIEW_OWNERS_MAX of them, while ASKING */
    struct missed   *missed;
    size_t           missed_count, missed_cap, missed_bytes;
    struct backlog   held;              /* frames that came after their router's answer */
};

struct recovery {
    char           pid[PID_LENGTH];
    bool           saved;               /* presence was told: SAVE_END is due */
    bool           recovered;
    uint16_t       presence;            /* number of that presence, */
    uint64_t       presence_epoch;      /* and its life */
    struct resume *resume;              /* while it comes back */
};

static inline struct span recover_pid(const struct socket *s) { return s->recovery ? (struct span){ s->recovery->pid, PID_LENGTH } : (struct span){ "", 0 }; }
static inline bool recover_back(const struct socket *s) { return s->recovery && s->recovery->recovered; }

/* ---- recover.c: the socket and the presence that keeps it in mind */
void recover_new(struct socket *s, const struct sio_packet *connect);   /* a CONNECT in a namespace with recovery */
bool recover_start(struct socket *s);           /* who it is, is known. True: it comes back, and connect_go_on follows; false: go on */
void recover_save(struct socket *s, enum save how);
void recover_room(struct socket *s, struct span key, bool joined);
void recover_end(struct socket *s, enum reason why);
void recover_tell(struct gate *g, uint16_t presence);   /* its link is new: all that it owns, again; RANK_NOBODY: all that have moved */
void recover_on_resumed(struct gate *g, const struct msg_RESUMED *m);
void recover_on_away(struct gate *g, const struct msg_RESUMED_AWAY *m);
void recover_fail(struct resume *r, enum err why);      /* a fresh session */
void recover_drop(struct resume **r);

/* ---- recover_replay.c: what it missed */
void recover_joined(struct socket *s);          /* its rooms are confirmed */
bool recover_on_replayed(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_REPLAYED *m);       /* false: no question of ours */
bool recover_hold(struct socket *s, struct frames *f);          /* a delivery for one that is not open yet */
void recover_check(struct gate *g);             /* a stream of ours has moved on */
void recover_view(struct gate *g);              /* ownership moves, or has moved */
void recover_finish(struct socket *s);          /* it is in: what it missed, the answer, what came meanwhile */
struct span recover_offset(struct gate *g);     /* where our streams stand */

#endif
