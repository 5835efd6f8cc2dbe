/* registry - who is here, by name: namespaces, sockets by id, rooms and their
 * members; who gets a delivery.
 *
 *     room key -> room -> seats { socket, place in its list }
 *                 socket -> memberships { room, place in its members }
 *
 * Both sides know their place on the other, so joining and leaving is O(1) (the
 * last one moves into the hole) at 2 x 16 bytes a membership. The lists of one to
 * a few entries lie inside their owner. A room is born with its first member and
 * dies with its last one; both are told (registry_change), for the routers.
 *
 * A delivery goes to a union of addresses minus others, to each socket once: each
 * socket carries the number of the delivery that has seen it, so there is no set
 * to build. Pure. One owner: the gate. */
#ifndef CAUSEWAY_GATEWAY_REGISTRY_H
#define CAUSEWAY_GATEWAY_REGISTRY_H

#include "map.h"

struct socket;

struct seat { struct socket *socket; uint32_t place; };           /* place: in socket->rooms */
struct membership { struct room *room; uint32_t place; };           /* place: in room->members */

enum { ROOM_INLINE = 1, ROOMS_INLINE = 2 };

struct room {
    struct seat *members;         /* 'one', or on the heap */
    uint32_t       count, cap;
    struct seat  one[ROOM_INLINE];
    uint64_t       ticket;          /* of its INTEREST: joining is done when that is; may be done already */
    uint32_t       key_len;
    char           key[];           /* namespace, NUL, address */
};

struct rooms {                      /* of a socket */
    struct membership *at;          /* 'few', or on the heap */
    uint32_t           count, cap;
    struct membership  few[ROOMS_INLINE];
};

struct registry {
    struct map rooms;               /* key -> room */
    struct map sockets;             /* id -> socket */
    uint32_t   epoch;               /* of the newest delivery */
    size_t     memberships, bytes;
};

void registry_init(struct registry *self, const struct siphash_key *seeds);        /* two of them */
void registry_fini(struct registry *self);      /* empty by now */

void registry_add(struct registry *self, struct socket *s);         /* by its id; in no room yet */
void registry_drop(struct registry *self, struct socket *s);        /* it is in no room any more */
struct socket *registry_find(const struct registry *self, struct span sid);

/* *first: the room was born with it. Joining twice is joining once (then false). */
struct room *registry_join(struct registry *self, struct socket *s, struct span key, bool *first, bool *joined);
/* The room of its i-th membership: others move into its place. True: it was the last member, the room is out of
 * the registry, and the caller frees it after it told of it. */
bool registry_leave(struct registry *self, struct socket *s, uint32_t i, struct room **room);
void registry_free(struct registry *self, struct room **room);
struct room *registry_room(const struct registry *self, struct span key);
uint32_t registry_place(const struct socket *s, const struct room *room);   /* index of the membership, or UINT32_MAX */

/* A delivery: begin, then each socket is new once. */
void registry_begin(struct registry *self);
bool registry_mark(struct registry *self, struct socket *s);        /* true: not seen in this delivery yet */

static inline struct span room_key(const struct room *r) { return (struct span){ r->key, r->key_len }; }
size_t registry_bytes(const struct registry *self);

#endif
