/* roll - who is in a room, of rooms with room_presence (rules_roll.h): counted over all gateways, and what has
 * changed since it was told last.
 *
 *     roll ─ by key ─► attendee (a user, or an anonymous socket) ◄── sitting (one of his sockets) ── lease
 *
 * A roll is due 'every' after its first change. Who came and went in between is no change. A sitting that
 * is told again ('known') by its gateway is none either; what was told of a room before this daemon had it is not
 * known, so that roll is 'whole' once: its members are to be told all of it. The table owns all three; a lease lists
 * sittings. Bounded in sittings. Pure; one owner: presence. */
#ifndef CAUSEWAY_ROLL_H
#define CAUSEWAY_ROLL_H

#include "blob.h"
#include "lease.h"
#include "wheel.h"

enum { ROLL_NEW_MAX = 10000 };      /* sockets that came, and are to be told who is there; more are not */

struct attendee {
    struct attendee *changed_next;
    struct blob     *member;        /* JSON */
    uint32_t         sockets;
    bool             changed, told; /* told: of his being there */
    uint16_t         key_len;
    char             key[];
};

struct roll {
    struct wheel_timer timer;
    struct map       attendees;
    struct attendee *changed;
    uint64_t         every_ms;
    uint32_t         count, fresh_count;
    struct buf       fresh;         /* strs: "socket:<id>" of those that came */
    bool             whole, gone;
    size_t           key_len;
    char             key[];         /* namespace, NUL, address */
};

struct sitting {
    struct sitting  *lease_next, **lease_at;
    struct lease    *lease;
    struct roll     *roll;
    struct attendee *attendee;
    bool             doubted;
    uint16_t         key_len;
    char             key[];         /* its roll's place in memory, then the socket's id */
};

struct rolls {
    struct map   rolls, sittings;
    struct wheel wheel;
    struct siphash_key seed;
    size_t       max;
};

struct rolls_in {
    struct span key;                /* of the room */
    struct span sid, who, member;   /* who: a user's key, or empty; member: JSON */
    uint64_t    every_ms;
    bool        known, whole, states;      /* states: who comes is to be told who is there */
};

void rolls_init(struct rolls *self, const struct siphash_key *seed, size_t max);
void rolls_fini(struct rolls *self);
enum err rolls_in(struct rolls *self, struct lease *lease, const struct rolls_in *in, uint64_t now);       /* ERR_FULL */
void rolls_out(struct rolls *self, const struct lease *lease, struct span key, struct span sid, uint64_t now);
void rolls_end(struct rolls *self, struct sitting *s, uint64_t now);
void rolls_keep(struct rolls *self, bool (*kept)(const void *with, const struct roll *r), const void *with);   /* the others go in silence */
void rolls_doubt(struct lease *lease);

struct roll *rolls_due(struct rolls *self, uint64_t now);
void rolls_later(struct rolls *self, struct roll *r, uint64_t now);     /* not now */
/* Lists in JSON of those who came and who went, at most so many each; how many more there are. Nothing has changed then. */
uint32_t rolls_take(struct roll *r, struct buf *joined, struct buf *left, uint32_t most);
uint32_t rolls_list(const struct roll *r, struct buf *members, uint32_t most);     /* of all who are there */
void rolls_done(struct rolls *self, struct roll *r);            /* it is told: who came has been, too; an empty one goes */

static inline struct span roll_key(const struct roll *r) { return span_from(r->key, r->key_len); }

#endif
