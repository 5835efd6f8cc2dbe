/* watch - who follows whom.
 *
 *     person ──follows──► tie ──► person        an entry of the one's list, and an index of the other's followers
 *
 * A tie is kept by the presence that owns the followed user, so that his coming and
 * going finds his followers at once, however many others there are. A user's list is
 * thus spread over the presences; each has its part. Both are of one realm.
 *
 * Bounded in ties, all and of one follower. The table owns persons and ties. A tie
 * may be marked as due (to be written again): these are a list. Pure; one owner: presence. */
#ifndef CAUSEWAY_WATCH_H
#define CAUSEWAY_WATCH_H

#include "buf.h"
#include "err.h"
#include "map.h"

struct tie {
    struct person *ends[2];                 /* follower, followed: the key */
    struct tie    *next[2], **at[2];        /* the follower's, the followed's */
    struct tie    *due_next, **due_at;      /* due_at NULL: not due */
    bool           marked;                  /* the caller's */
};

enum { TIE_FOLLOWER, TIE_FOLLOWED };

struct person {
    struct tie *ties[2];            /* in which he is the follower, the followed */
    uint32_t    count[2];
    uint16_t    key_len;
    bool        quoted;             /* his id is a JSON string */
    char        key[];              /* user.h */
};

struct watches {
    struct map  persons, ties;
    struct tie *due, **due_end;
    size_t      max, max_each, bytes;
};

struct watch_user { struct span key; bool quoted; };

void watches_init(struct watches *self, const struct siphash_key *seed, size_t max, size_t max_each);
void watches_fini(struct watches *self);

/* OK; ERR_DUPLICATE: there is such a tie; ERR_LIMIT: he follows too many; ERR_FULL: all do. */
enum err watches_add(struct watches *self, struct watch_user follower, struct watch_user followed);
bool     watches_drop(struct watches *self, struct span follower, struct span followed);      /* false: there was none */
struct tie *watches_tie(const struct watches *self, struct span follower, struct span followed);      /* or NULL */
struct person *watches_find(const struct watches *self, struct span key);      /* NULL: he follows nobody, and nobody him */
void     watches_remove(struct watches *self, struct tie *tie);

void        watches_due_all(struct watches *self);
struct tie *watches_take_due(struct watches *self);     /* in no order; or NULL */

static inline struct span person_key(const struct person *p) { return span_from(p->key, p->key_len); }
void   person_id(struct buf *out, const struct person *p);     /* JSON: 42, "42" */
size_t watches_bytes(const struct watches *self);

#endif
