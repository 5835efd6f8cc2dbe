/* presence - the core of the daemon: users, leases, announcements and what is to be
 * written, tied together.
 *
 * Who owns a user is decided by rank over the ready presence daemons of the roster
 * (user.h). When one of them goes, others get its users: the gateways tell them those
 * sockets again ('known') and say SYNCED. Until all have (or presence.lease_ms is over)
 * this daemon is not synced, and what depends on knowing everything waits:
 *
 *     a first socket        online is announced then, unless somebody told a known one
 *     a last socket         offline is announced then, if there is still none
 *     a limit               the SESSION_UP is held and answered then (others overtake it)
 *     who, online           are answered then, or in part after half of router.answer_ms
 *     stale Redis entries   are swept then
 *
 * Pure: the shell feeds messages, views, what the bus reports, and time; it drains
 * effects after each, and moves commands and answers between 'store' and Redis.
 * One owner: main. */
#ifndef CAUSEWAY_PRESENCE_H
#define CAUSEWAY_PRESENCE_H

#include "announce.h"
#include "config.h"
#include "generation.h"
#include "store.h"

struct presence_time { uint64_t mono, wall; };      /* ms: monotonic; Unix */

struct presence_options {
    struct span id;                         /* "presence-0", borrowed, and all below */
    uint16_t    number;
    uint64_t    epoch;
    const struct config *config;
    struct generation *generation;          /* rules of the config's namespaces: replaced by presence_reload, owned by the caller; or NULL */
    const struct view *view;
    struct presence_stats *stats;
    bool        redis;                      /* there is one to write to */
    struct siphash_key seed;
};

struct presence;
struct presence *presence_new(const struct presence_options *options);
void presence_destroy(struct presence **self);

/* 'epoch': of the sender's life. */
void presence_on_message(struct presence *self, enum role role, uint16_t number, uint64_t epoch, enum msg_type type, struct span fields,
                         struct presence_time now);
void presence_on_view(struct presence *self, struct presence_time now);
/* A router or gateway has a new life (its epoch), or is gone (0): the shell has taken back what the link had. */
void presence_on_lost(struct presence *self, enum role role, uint16_t number, uint64_t epoch, struct presence_time now);
void presence_on_sent(struct presence *self, const struct effect *effect, uint64_t link_number, uint64_t epoch);   /* of an effect with a ticket; 0: no such peer */
void presence_on_confirm(struct presence *self, uint16_t router, uint64_t up_to);
void presence_on_stored(struct presence *self, struct presence_time now);   /* Redis may have answered: what waited for that goes */
void presence_on_time(struct presence *self, struct presence_time now);     /* each PRESENCE_TICK_MS */
enum { PRESENCE_TICK_MS = 50 };

/* The configuration has new values (reload_apply), and these are its rules. Sockets of namespaces that are no more are the gateways' to end. */
void presence_reload(struct presence *self, struct generation *generation);

struct effects *presence_effects(struct presence *self);    /* the shell sends and clears them */
struct store   *presence_store(struct presence *self);      /* for what moves its commands */
bool     presence_synced(const struct presence *self);
uint64_t presence_load(const struct presence *self);        /* users online, for the beat */
void     presence_measure(struct presence *self);           /* brings the gauges up to date */
void     presence_drain(struct presence *self);             /* nothing more is restored or swept */
bool     presence_quiet(const struct presence *self);       /* all is announced and written, as far as it can be */

#endif
