/* counters_inside - what counters.c, counters_say.c and counters_store.c share; nobody else. */
#ifndef CAUSEWAY_COUNTERS_INSIDE_H
#define CAUSEWAY_COUNTERS_INSIDE_H

#include "counters.h"

struct holder {                     /* a gateway's life that has, or had, permits of a counter */
    struct holder *next;
    uint64_t epoch;
    uint64_t ends;                  /* mono ms: its permits can't be used any more */
    uint32_t out;
    uint16_t gateway;
    bool     recalled;              /* its answer is waited for */
};

struct wish {                       /* a question that waits for Redis, or for what others give back */
    struct wish *next;
    uint64_t epoch, asked;
    uint32_t want;
    uint16_t gateway;
    bool     gathered;              /* the others were asked */
};

struct parked {                     /* a grant that waits until Redis has its sum */
    struct parked *next;
    struct blob   *message;
    uint16_t       gateway;
};

enum counter_state { COUNTER_NEW, COUNTER_READ, COUNTER_WHOLE };   /* not read; asked for; all that is known of it is here */

struct counter {
    struct wheel_timer timer;
    struct counter *next, **at;     /* the user's */
    struct counter *due_next, *arrived_next;
    bool            due, read, write;       /* in the queue: to be read, to be written */
    bool            arrived;                /* it was read */
    uint8_t         state;
    struct quota_limit limit;
    struct quota    quota;
    struct holder  *holders;
    struct wish    *wishes, **wishes_end;
    struct parked  *parked;
    uint64_t        recall_by;      /* mono ms; 0: nothing is waited for */
    uint64_t        read_value, read_ttl;
    uint32_t        out;
    uint32_t        turn;           /* of fixed windows: which one this is; of the others: how often it was set back */
    uint32_t        orders;         /* commands under way */
    uint16_t        user_len, key_len, event_len;
    char            text[];         /* user NUL key event */
};

static inline struct span counter_user(const struct counter *c) { return span_from(c->text, c->user_len); }
static inline struct span counter_id(const struct counter *c) { return span_from(c->text, (size_t)c->user_len + 1 + c->key_len); }
static inline struct span counter_key(const struct counter *c) { return span_from(c->text + c->user_len + 1, c->key_len); }
static inline struct span counter_event(const struct counter *c) { return span_from(c->text + c->user_len + 1 + c->key_len, c->event_len); }

/* counters.c */
struct counter *counter_first(const struct counters *self, struct span user);
void     counter_void(struct counters *self, struct counter *c);      /* permits that are out are worth nothing any more */
void     counter_refresh(struct counters *self, struct counter *c, uint64_t mono);      /* what is over is forgotten */
uint32_t counter_sum(struct counter *c, uint64_t mono);                     /* used and out */
uint64_t counter_lease_ms(const struct quota_limit *l);                     /* how long permits are good, but for fixed windows */
void     counter_recall(struct counters *self, struct counter *c, const struct wish *but, bool forget, uint64_t mono);     /* from all others */
bool     counter_awaited(struct counters *self, struct counter *c, uint64_t mono);      /* somebody has still to give back */
void     counter_serve(struct counters *self, struct counter *c, struct counters_time now);
void     counter_arm(struct counters *self, struct counter *c, uint64_t mono);          /* its timer; or it goes, if nothing is left of it */

/* counters_store.c */
bool     counter_read(struct counters *self, struct counter *c, uint64_t mono);         /* true: it is whole; else it is read first. Once all gateways have told */
void     counter_written(struct counters *self, struct counter *c);                     /* its sum has changed */
void     counter_say(struct counters *self, struct counter *c, uint16_t gateway, struct buf *message);      /* once Redis has the sum */
void     counter_take_read(struct counters *self, struct counter *c, uint64_t mono);      /* what Redis knew */
void     counter_unorder(struct counters *self, struct counter *c);                     /* it goes: its answers are nobody's */

#endif
