/* router_internal - what router.c, asked.c and request.c share; nobody else. */
#ifndef CAUSEWAY_ROUTER_INTERNAL_H
#define CAUSEWAY_ROUTER_INTERNAL_H

#include "batch.h"
#include "gather.h"
#include "handover.h"
#include "push.h"
#include "revoked.h"
#include "router.h"

enum { ASKED_MAX = 65536 };         /* requests under way at once; more are answered "busy" */

struct router {
    struct router_options o;
    struct sender  *sender;
    struct owner   *owner;
    struct handover handover;
    struct map      asked;          /* our ref -> struct asked */
    struct batches  batches;
    struct pushes  *pushes;
    uint64_t        pushes_life;    /* counts reloads */
    struct revoked *revoked;
    struct revoked_peer revoked_peers[VIEW_OWNERS_MAX];     /* what we know of the other routers' lists */
    struct buf      journal;        /* REVOCATIONs as strs, to be written */
    bool            journal_failed;
    uint64_t        refs;
    struct effects  effects;
    size_t          pumped;         /* of effects: those before were looked at for ourselves */
    struct reply   *replies;
    size_t          reply_head, reply_count, reply_cap;
    uint64_t        hold_since, ticks;
    struct buf      scratch, key;
};

void router_on_turn(struct router *self, struct router_time now);    /* what an event has made possible */

/* ---- asked.c: who waits for which answer */
struct asked {
    uint64_t     ref;
    struct blob *envelope;          /* an outsider's, or NULL */
    struct blob *client_ref;        /* the JSON of its "ref", or NULL */
    enum role    role;              /* else a daemon whose EMIT we forwarded */
    uint16_t     number;
    uint64_t     peer_ref;
    bool         counts, acks;      /* it wants 'reached', and the clients' answers, */
    bool         apart;             /* and what each gateway has done */
    bool         gathers;
    uint64_t     deadline;
    struct gather gather;
    struct asked_push { uint64_t life; struct blob *nsp; size_t entry, index; } push;      /* it is for one in this namespace; or NULL */
};
struct asked *asked_add(struct router *self, uint64_t deadline);        /* NULL: too many */
uint64_t asked_for_peer(struct router *self, const struct from *from, const struct msg_EMIT *emit, struct router_time now);
void asked_on_emitted(struct router *self, const struct msg_EMITTED *m);
enum err asked_on_told(struct router *self, struct span id, const struct msg_TOLD *m, struct router_time now);
void asked_finish_gather(struct router *self, struct asked *a, struct router_time now);
void asked_expire(struct router *self, struct router_time now);
void asked_fini(struct router *self);

/* ---- message.c: the frames of an outsider's message as requests */
struct message {                    /* one request */
    struct span        to;          /* a frame of its own; or empty */
    struct span        json;
    const struct span *attachments;
    size_t             count;
};

/* ---- revoke.c: the list of revoked tokens */
enum err revoke_on_asked(struct router *self, const struct from *from, struct span fields);
enum err revoke_on_told(struct router *self, const struct from *from, struct span fields);
enum err revoke_do(struct router *self, struct asking *asking, const struct request *r, struct span json, struct router_time now);
enum err revoke_list(struct router *self, struct asking *asking, const struct request *r);
void revoke_expire(struct router *self, struct router_time now);

/* ---- request.c: what outsiders ask */
struct asked *request_gather(struct router *self, struct asking *asking, const struct request *r, struct span json, struct router_time now);    /* NULL: refused, too many */
#define PROBLEM(code, field, message) (&(struct verb_problem){ (code), SPAN(field), (message) })
enum err request_refuse(struct router *self, struct asking *asking, struct span ref, enum err e, const struct verb_problem *p);
enum err request_on(struct router *self, struct asking *asking, const struct message *m, struct router_time now);
/* attachments: strs, frames behind the JSON. Takes the envelope; NULL: nobody waits. */
void router_reply(struct router *self, struct blob *envelope, struct span json, struct span attachments);
void router_health(const struct router *self, struct buf *json);

#endif
