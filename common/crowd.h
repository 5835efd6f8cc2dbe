/* crowd - the daemons that a router hears: their BEATs, BYEs and silences.
 *
 * A daemon is known by role and number; its epoch tells its lives apart. A life
 * that ended (BYE, or another epoch came) never comes back; one that fell silent
 * may. Copies what it keeps; entries stand in the order of roster members, and
 * move when one comes: pointers are good until the next BEAT. Pure. */
#ifndef CAUSEWAY_CROWD_H
#define CAUSEWAY_CROWD_H

#include "msg.h"
#include "view.h"

struct one {
    enum role         role;
    uint16_t          number;
    uint64_t          epoch, ended;     /* of this life; of the one before that ended */
    enum member_state state;
    uint32_t          version, pid;
    uint64_t          load, heard;      /* heard: when */
    uint64_t          view;             /* newest that it has taken */
    char             *endpoint, *public;
    bool live;
    bool held, awaited;                 /* the roster's: in the hold; its SETTLED is waited for */
};

struct crowd {
    struct one *all;
    size_t      count, cap;
};

struct crowd_news {     /* what an event changed; flags are only ever set */
    bool members;       /* what a roster tells of somebody, or who is there */
    bool held_died;     /* one that is in the hold ended or fell silent */
};

void crowd_fini(struct crowd *self);
/* ERR_RANGE, ERR_SYNTAX, ERR_LIMIT: not fit for a roster. ERR_FULL: VIEW_MEMBERS_MAX are live. ERR_GONE: of an ended life. */
enum err crowd_on_beat(struct crowd *self, const struct msg_MEMBER *m, uint64_t view, uint64_t now, struct crowd_news *news);
enum err crowd_on_bye(struct crowd *self, struct span id, struct crowd_news *news);
void crowd_silence(struct crowd *self, uint64_t heard_before, const struct one *but, struct crowd_news *news);
struct one *crowd_find(const struct crowd *self, enum role role, uint16_t number);      /* live or not; NULL: never heard */
bool crowd_live(const struct crowd *self, enum role role, uint16_t number);
bool crowd_same(const struct crowd *self, const struct view *view);     /* the live are the view's members, as it tells of them */
void crowd_list(const struct crowd *self, struct buf *strs);            /* the live ones, as MEMBERs */

#endif
