/* task - events of clients that workers answer (docs/WORKERS.md): on their way to a router that
 * has workers for them, until the reply, or their time is over.
 *
 *     event ─► task, in its socket's lane ─► WORK to a router ... WORKED ─► in the lane's order: what the reply causes
 *
 * A lane's tasks are with one router at a time. When that one goes, or has nobody for them any more, they go to another; with
 * nobody anywhere they wait. The first answer from where a task is counts; all else is dropped and counted, so each event is
 * answered once. A lane outlives its socket: what its events cause for others happens all the same.
 *
 * For the files of this folder; one owner: the gate. */
#ifndef CAUSEWAY_GATEWAY_TASK_H
#define CAUSEWAY_GATEWAY_TASK_H

#include "gate_state.h"

struct task {
    struct task *next;              /* the lane's */
    struct lane *lane;
    struct timer timer;             /* gateway.worker_ms */
    uint64_t     ref;
    int64_t      ack;               /* the client's ack id, or SIO_NO_ID */
    struct blob *work;              /* the WORK, as it is said */
    struct blob *worked;            /* fields of the WORKED, once it has come, or ours in its place */
    uint8_t      kind;              /* enum work_kind */
    bool         sent;
};

struct lane {                       /* of a socket that has tasks, or had one that let it in */
    struct lane   *next, **at;      /* the gate's */
    struct gate   *gate;
    struct socket *socket;          /* NULL: it is gone */
    struct space  *space;           /* kept: one user of it */
    struct task   *first, **end;
    struct task   *unsent;          /* the first that is not at a router */
    struct blob   *welcome;         /* fields of the reply that let it in, until it is in */
    uint32_t       count, sent;
    uint16_t       router;          /* where those that are sent are, */
    uint64_t       epoch;           /* in this life */
    bool           busy;            /* replies are being applied */
    bool           leaving;         /* its socket is disconnected once it has been told what it is to be told, */
    struct lane   *next_leaving;    /* on the gate's list */
};

/* ---- task.c: on their way */
struct task *task_new(struct socket *s, enum work_kind kind, struct span name, struct span event, struct span args, const struct span *attachments,
                      unsigned attachment_count, int64_t ack);      /* NULL: too many; encoded, not sent */
void task_lane_advance(struct lane *l);
void task_lane_settle(struct lane *l);               /* replies whose turn has come; frees an empty lane */
void task_lane_forget(struct lane *l);               /* no welcome any more: frees an empty lane */

/* ---- task_reply.c: what replies cause */
void task_apply(struct task *t);
void task_refused(struct socket *s, const struct sio_packet *p, const struct span *attachments, enum err why);      /* no task was made of it */

#endif
