/* presence_inside - what presence.c, presence_sync.c and presence_ask.c share; nobody else. */
#ifndef CAUSEWAY_PRESENCE_INSIDE_H
#define CAUSEWAY_PRESENCE_INSIDE_H

#include "absent.h"
#include "counters.h"
#include "keep.h"
#include "presence.h"
#include "roll.h"
#include "user.h"

enum {
    PRESENCE_OWNERS_MAX = 256,      /* presence daemons */
    PRESENCE_HELD_MAX   = 65536,    /* messages that wait for the sync */
    PRESENCE_EARLY_MAX  = 256,      /* questions that do */
    PRESENCE_OWING_MAX  = 100000,   /* answers that wait for Redis */
};

struct held {                       /* a SESSION_UP that can't be counted yet, or the DOWN behind it */
    uint16_t      number;
    uint64_t      epoch;
    enum msg_type type;
    struct blob  *fields;
};

struct early {                      /* a question that can't be answered as a whole yet */
    uint16_t     router;
    uint64_t     deadline;
    struct blob *fields;
};

struct owing {                      /* an answer that waits until Redis has what it answers */
    enum role    role;
    uint16_t     number;
    bool         stored;
    uint64_t     ref, ticket;       /* watch_store.h */
    struct blob *json;
};

struct question {                   /* of the command socket */
    struct span json;
    struct buf  text, realm, after;
    uint16_t    nsp;                /* USERS_NO_NSP: in all */
    bool        nowhere;            /* a namespace that nobody is in */
    uint64_t    limit;
};

struct presence {
    struct presence_options o;
    struct presence_stats *stats;
    struct users    users;
    struct leases   leases;
    struct absents  absents;
    struct keeps    keeps;
    struct watches  watches;
    struct rolls    rolls;
    struct counters counters;
    struct announce announce;
    struct store    store;
    struct effects  effects;
    struct rules_effects ruled;

    uint16_t owner[PRESENCE_OWNERS_MAX];    /* ready presence daemons */
    size_t   owner_count;
    bool     member;                        /* this one is among them */
    bool     synced;
    bool     moves;                         /* who leaves the table lives on at another presence */
    uint64_t grace;                         /* mono ms: synced by then at the latest; 0: not a member yet */

    struct held  *held;
    size_t        held_count, held_cap;
    struct early  early[PRESENCE_EARLY_MAX];
    size_t        early_count;
    struct owing *owing;
    size_t        owing_count, owing_cap;
    struct buf    scratch, key, body;
    struct presence_time now;               /* of the call */
};

/* presence.c */
bool presence_owns(const struct presence *self, struct span key);
enum err presence_take(struct presence *self, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields);
void presence_leave(struct presence *self, struct session *s);      /* its socket is gone: counted, announced, written, freed */

/* presence_say.c: announcements, and what a namespace wants of presence */
void     presence_announce(struct presence *self, struct user *u, uint16_t nsp, bool online);
uint8_t  presence_records(const struct presence *self, struct span nsp);
uint64_t presence_grace(const struct presence *self, uint16_t nsp);
void     presence_gone(struct presence *self, struct user *u, uint16_t nsp);       /* nobody is there: announced now, or when all is known */
void     presence_absence_over(struct presence *self, struct user *u, uint16_t nsp, bool gone);     /* gone for good, or back */

/* presence_sync.c: which users are ours, and whether everything about them has been told */
void presence_take_view(struct presence *self);
void presence_on_synced(struct presence *self, struct lease *lease, uint64_t view);
void presence_check_sync(struct presence *self);
enum err presence_hold(struct presence *self, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields);

/* presence_keep.c: sockets that may come back */
bool     presence_keeps(enum msg_type type);            /* is it about them? */
enum err presence_keep(struct presence *self, struct lease *lease, enum msg_type type, struct span fields);
void     presence_keep_away(struct presence *self, struct lease *lease, bool doubted);   /* all of its, or those not told again: away */
void     presence_keep_ours(struct presence *self);     /* drops those of other presences */

/* An EMIT of ours. */
void presence_send(struct presence *self, struct span nsp, bool is_volatile, struct span to, struct span except, struct span args);

/* presence_roll.c: who is in a room */
enum err presence_room_in(struct presence *self, struct lease *lease, struct span fields);
enum err presence_room_out(struct presence *self, const struct lease *lease, struct span fields);
void     presence_rooms_end(struct presence *self, struct lease *lease, bool doubted);   /* all of its, or those not told again */
void     presence_rooms_ours(struct presence *self);    /* drops those of other presences, and those of no rule */
void     presence_rooms_due(struct presence *self);

/* presence_watch.c: who follows whom */
enum err presence_watch(struct presence *self, struct lease *lease, struct span fields);
/* The verb. OK: *json is the answer. ERR_STATE: it comes when Redis has it. Else nothing was changed. */
enum err presence_watch_ask(struct presence *self, uint16_t router, uint64_t ref, const struct question *q, struct buf *json);
void     presence_watch_ours(struct presence *self);    /* drops what others keep */
/* presence_limits.c: what users may do how often */
void     presence_limits_init(struct presence *self);
enum err presence_limits_say(struct presence *self, const struct lease *lease, struct span fields);
void     presence_limits_view(struct presence *self, bool more, bool fewer);   /* some users are ours that were not; or the other way */
bool     presence_limits_settled(struct presence *self, struct span request);       /* for the verb: nobody has anything out */
void     presence_limits_answer(struct presence *self, struct span request, struct buf *json);

/* presence_ask.c: questions of the command socket */
enum err presence_ask(struct presence *self, uint16_t router, struct span fields);
void presence_ask_due(struct presence *self, bool all);     /* early ones: whose time is over, or all */

#endif
