/* work_internal - what the files named work share; nobody else. */
#ifndef CAUSEWAY_ROUTER_WORK_INTERNAL_H
#define CAUSEWAY_ROUTER_WORK_INTERNAL_H

#include "offers.h"
#include "wheel.h"
#include "work.h"

enum { WORK_GATEWAYS = 1024, WORK_REF_TEXT = 48, WORK_OFFERS_MAX = 10000 };

/* A request stands in up to three chains: its lane's, that of whom it waits for, and its worker's. */
enum { IN_LANE, IN_QUEUE, IN_SENT, CHAINS };
struct chain { struct request *first, *last; size_t count; };
void chain_add(struct chain *c, struct request *r, unsigned which);
void chain_add_front(struct chain *c, struct request *r, unsigned which);
void chain_drop(struct chain *c, struct request *r, unsigned which);

enum request_state { REQUEST_IDLE, REQUEST_QUEUED, REQUEST_SENT };      /* IDLE: behind others of its lane */

struct request {
    uint64_t       number, ref;         /* ours; the gateway's */
    struct lane   *lane;                /* NULL: nobody waits for it any more; it is its worker's place that it takes */
    struct class  *class;
    struct worker *worker;              /* SENT: whose it is */
    struct chain  *queue;               /* QUEUED: where */
    struct blob   *fields;              /* the WORK, as it came */
    struct wheel_timer timer;
    uint8_t        state;
    uint32_t       tries;               /* workers that died over it */
    struct { struct request *prev, *next; } in[CHAINS];
};

struct lane {                           /* a socket's requests, in order */
    struct chain    requests;
    struct request *unsent;             /* the first that is not SENT */
    struct worker  *worker;             /* whoever has some of them unanswered, */
    uint32_t        outstanding;        /* so many */
    struct lane    *next;               /* of a list that is being worked at */
    uint16_t        gateway;
    uint32_t        key_len;
    char            key[];              /* gateway's number, two bytes; socket id */
};

struct worker {
    struct worker *next, **at;          /* all of them */
    uint64_t       id;
    struct blob   *peer;
    uint32_t       capacity;
    bool           leaving, delimited;  /* said BYE; its frames have an empty one before them, as REQ's */
    uint64_t       heard, said;         /* ms */
    struct chain   sent, queue;         /* queue: of lanes that are its, for want of room */
};

struct class {                          /* requests that the same workers may get */
    struct class   *next, **at;         /* those with somebody in the queue */
    struct chain    queue;
    struct worker **workers;
    size_t          worker_count, uses;
    struct span     nsp, pattern, name; /* in key: NUL between them */
    uint32_t        key_len;
    char            key[];
};

struct work {
    struct work_options o;
    struct offers   offers;             /* holders: worker ids */
    struct map      peers, ids;         /* struct worker by its peer, by its id */
    struct map      requests, lanes, classes;
    struct worker  *workers;
    struct class   *waiting;
    struct wheel    wheel;
    uint64_t        numbers, now, version;      /* version: of what gateways are told */
    size_t          waiting_count, bytes, turn;
    bool            draining, dirty;    /* dirty: gateways are to be told */
    uint64_t        told_at;
    bool            gateways[WORK_GATEWAYS];    /* with a link */
    char            life[24];           /* what our refs begin with */
    struct work_said *said;
    size_t          said_head, said_count, said_cap;
    struct buf      scratch, text;
};

/* ---- work_class.c: who may get what */
struct class *class_need(struct work *self, const struct msg_WORK *m);     /* NULL: no worker here handles it */
void class_release(struct work *self, struct class **c);
bool class_has(const struct class *c, const struct worker *w);
struct worker *class_pick(struct work *self, const struct class *c);       /* with room, the most of it; or NULL */
void class_wait(struct work *self, struct class *c, struct request *r, bool front);
void class_unwait(struct work *self, struct class *c, struct request *r);
void classes_renew(struct work *self);                                      /* workers came or went */

/* ---- work_lane.c: requests on their way */
static inline bool worker_free(const struct worker *w) { return !w->leaving && w->sent.count < w->capacity; }
struct request *request_new(struct work *self, uint16_t gateway, const struct msg_WORK *m, struct class *class);
void lane_advance(struct work *self, struct lane *l, bool front);          /* sends what may be sent */
void request_answer(struct work *self, struct request **r, const struct msg_WORKED *m, struct effects *out);   /* tells its gateway; it is gone */
void request_forget(struct work *self, struct request **r);                /* nobody is told */
void request_expire(struct work *self, struct request *r);
void worker_serve(struct work *self, struct worker *w);                    /* it has room */
void worker_strip(struct work *self, struct worker *w, struct effects *out);   /* what it has not answered goes to others */
void worker_say(struct work *self, struct worker *w, struct span json, struct span attachments);
void work_reclass(struct work *self, struct effects *out);                 /* queues that no worker serves any more */

/* ---- work_worker.c: what workers say */
enum err worker_on_frames(struct work *self, struct span peer, const struct span *frames, size_t count, struct effects *out);
void worker_tell(struct work *self, struct worker *w, struct span json);
void worker_leave(struct work *self, struct worker *w);                    /* it gets nothing new */
void worker_drop(struct work *self, struct worker **w, struct effects *out);      /* what it has not answered goes to others, and it is gone */
void worker_destroy(struct work *self, struct worker **w);

#endif
