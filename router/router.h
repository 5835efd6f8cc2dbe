/* router - the core of the daemon: owner, sender, hand-over and what outsiders
 * ask, tied together. docs/WIRE.md and docs/ZMQ-API.md say what crosses it.
 *
 * Pure: the shell feeds messages of daemons, requests of outsiders, views, what
 * the bus reports, and time; it drains effects (bus), replies (command socket)
 * and confirmations after each. Effects for this router itself never come out,
 * but for SETTLED, which its roster wants to know. One owner: main. */
#ifndef CAUSEWAY_ROUTER_H
#define CAUSEWAY_ROUTER_H

#include "config.h"
#include "lasts.h"
#include "owner.h"
#include "sender.h"
#include "verbs.h"

struct router_options {
    uint16_t number;
    uint64_t epoch;
    struct span id;                     /* "router-0", borrowed */
    const struct config *config;        /* borrowed, and the next two */
    const struct view *view;
    struct router_stats *stats;
    struct lasts *lasts;
    struct siphash_key seed;
    /* What any daemon answers of itself whatever its role (reload, drain), asked of this one: JSON appended, or false. NULL: nothing. */
    bool (*answer)(void *answer_self, struct span verb, struct buf *json);
    void *answer_self;
};

struct router;
struct router *router_new(const struct router_options *options);
void router_destroy(struct router **self);
bool router_may_reload(const struct config *fresh, struct buf *errors);
void router_reload(struct router *self);        /* its configuration has new namespaces */

/* ---- daemons */
void router_on_message(struct router *self, const struct from *from, enum msg_type type, struct span fields, struct router_time now);
void router_on_positions(struct router *self, uint16_t gateway, struct span positions);    /* of a gateway's BEAT */
void router_on_beat(struct router *self, const struct from *from, uint64_t revoked, uint64_t revoked_sum);  /* of a router's BEAT */
void router_noted(struct router *self, const struct from *from);       /* a RELIABLE message that the shell took itself */
void router_on_view(struct router *self, enum view_change change, struct router_time now);
void router_on_reborn(struct router *self, enum role role, uint16_t number, uint64_t epoch, struct router_time now);
void router_on_gone(struct router *self, enum role role, uint16_t number, struct router_time now);
void router_on_sent(struct router *self, const struct effect *effect, uint64_t link_number);    /* of an effect with a ticket */
void router_on_confirm(struct router *self, uint16_t number, uint64_t link_number, struct router_time now);    /* from a router */
void router_on_received(struct router *self, uint16_t number, uint64_t link_number, struct router_time now);   /* by a router */
void router_clog(struct router *self, uint16_t gateway, bool on);
void router_on_time(struct router *self, struct router_time now);       /* each ROUTER_TICK_MS */
enum { ROUTER_TICK_MS = 50 };

/* ---- outsiders. A message is its frames behind the envelope: [json][attachment]... or
 * [address][json][attachment]... ; a list as json is a batch. envelope NULL: nobody waits for an answer.
 * Takes the envelope. The answer says why the first refused request was; all of them are counted in 'refused'. */
enum { REQUEST_FRAMES_MAX = 64 };
struct asking {
    const struct config_plane *plane;
    struct blob *envelope;
    uint64_t    *refused;               /* by enum err; or NULL */
    struct span  frames[REQUEST_FRAMES_MAX];
    size_t       count;                 /* more than fit: REQUEST_FRAMES_MAX + 1 */
};
bool router_is_json(struct span frame);     /* an object or a list, by how it begins; perhaps with a J before it */
enum err router_on_request(struct router *self, struct asking *asking, struct router_time now);

/* ---- revoked tokens, kept in a file. At start the shell gives what the file has: strs of REVOCATIONs; ERR_x: no further than
 * that can be read. Later it takes what has changed (strs again) and writes it before anything else leaves. */
enum err router_load_revoked(struct router *self, struct span entries, struct router_time now);
void router_save_revoked(const struct router *self, struct buf *out);      /* all of it, as strs */
bool router_take_journal(struct router *self, struct buf *out);             /* false: nothing changed */
void router_journal_failed(struct router *self, bool failed);              /* health says so */
uint64_t router_revoked_version(const struct router *self, uint64_t *sum, size_t *bytes);

/* ---- what comes out */
struct effects *router_effects(struct router *self);        /* the shell sends and clears them */
struct reply { struct blob *envelope, *json, *attachments; };     /* attachments: strs, or NULL */
bool router_next_reply(struct router *self, struct reply *reply);       /* the blobs are the caller's now */
bool router_next_confirm(struct router *self, enum role *role, uint16_t *number, uint64_t *link_number);
bool router_quiet(const struct router *self);               /* a drain may end: nothing is under way, nothing is owned */

#endif
