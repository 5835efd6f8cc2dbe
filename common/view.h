/* view - the roster as one daemon sees it: who is there, and who owns which room.
 *
 * Taken from ROSTER messages; a newer view replaces an older one, a hold phase
 * is remembered beside the settled view until it becomes active. Members are
 * copied in; find answers are valid until the next view_take. Pure. */
#ifndef CAUSEWAY_VIEW_H
#define CAUSEWAY_VIEW_H

#include "msg.h"
#include "rank.h"

#define VIEW_MEMBERS_MAX 1024
#define VIEW_OWNERS_MAX  64

/* view % ROSTER_COORDINATORS is the number of the router that decided the view (roster.h). */
#define ROSTER_COORDINATORS 100

struct member {                     /* a MEMBER with its texts owned by the view */
    enum role         role;
    uint16_t          number;
    uint64_t          epoch;
    enum member_state state;
    uint32_t          version, pid;
    uint64_t          load;
    char              id[32];       /* "gateway-0" */
    char             *endpoint, *public;
};

struct owners {                     /* the routers that own rooms, ascending */
    uint16_t number[VIEW_OWNERS_MAX];
    size_t   count;
};

struct view;
struct view *view_new(void);
void view_destroy(struct view **self);

enum view_change { VIEW_SAME, VIEW_MEMBERS, VIEW_HOLDING, VIEW_ACTIVE };
/* VIEW_HOLDING: ownership is about to move, hold and fence. VIEW_ACTIVE: the held may go. VIEW_MEMBERS: only who is there changed. */
/* ERR_SYNTAX, ERR_TRUNC, ERR_RANGE, ERR_DUPLICATE, ERR_LIMIT: refused as a whole, nothing changed. An older one
 * is OK and VIEW_SAME; a member of a role that only a newer version knows is left out. */
enum err view_take(struct view *self, const struct msg_ROSTER *roster, enum view_change *change);

uint64_t view_number(const struct view *self);              /* newest taken, 0: none yet */
uint64_t view_settled(const struct view *self);             /* the newest that was active, as far as we know; 0: none */
bool     view_holding(const struct view *self);
const struct owners *view_owners(const struct view *self);  /* of the settled view; who came while it was held has them from the roster */
const struct owners *view_coming(const struct view *self);  /* while holding; else the same */
uint16_t view_owner(const struct view *self, struct span room_key);     /* settled; RANK_NOBODY before the first view */
size_t   view_count(const struct view *self);
const struct member *view_member(const struct view *self, size_t i);
const struct member *view_find(const struct view *self, enum role role, uint16_t number);
size_t   view_of_role(const struct view *self, enum role role, uint16_t *numbers, size_t max);     /* ready ones, ascending */

#endif
