/* supervise - what of a topology to start, stop and start again, and when. Pure.
 *
 * A unit is one process: redis, router-0, gateway-3. Starting goes by stages, each waits until
 * the one before is ready; stopping goes the other way:
 *     redis -> routers -> auth and presence -> gateways
 * Routers stop one by one, from the highest number: each hands what it holds to one that stays.
 *
 *     WAITING --its stage's turn--> STARTING --ready--> UP --wanted gone--> STOPPING --exit--> (no more)
 *                                      |  ^             |
 *                                      exit  pause over  exit
 *                                      v  |             |
 *                                     PAUSED <----------+     the pause doubles, up to SUPERVISE_PAUSE_MAX_MS;
 *                                                             SUPERVISE_STABLE_MS of life make it short again
 *
 * Whoever asks for something (boot, scale, restart, drain, stop) names an operation; OP_DONE or OP_FAILED
 * answers it exactly once. A unit that dies before it was ever ready fails the operation that wanted it: at boot
 * everything is then stopped, at scale that unit is forgotten. Nothing else is ever given up.
 *
 * Events and time in, effects out; the caller carries them out in order. Owner: the supervisor's shell. */
#ifndef CAUSEWAY_CLI_SUPERVISE_H
#define CAUSEWAY_CLI_SUPERVISE_H

#include "buf.h"
#include "err.h"

enum unit_kind { UNIT_REDIS, UNIT_ROUTER, UNIT_AUTH, UNIT_PRESENCE, UNIT_GATEWAY, UNIT_KINDS };
enum unit_state { UNIT_WAITING, UNIT_STARTING, UNIT_UP, UNIT_PAUSED, UNIT_STOPPING, UNIT_STATES };
enum { SUPERVISE_PAUSE_MAX_MS = 60000, SUPERVISE_STABLE_MS = 10000 };
enum { SUPERVISE_CODE_UNKNOWN = -1 };       /* an exit nobody could see: of an adopted process */

struct unit_id { enum unit_kind kind; uint16_t number; };

struct unit {
    struct unit_id  id;
    enum unit_state state;
    bool     leaving;           /* once it has stopped it is forgotten */
    bool     again;             /* once it has stopped it is started: a restart that was asked for */
    bool     late;              /* killed since it was not ready, or not gone, in time */
    bool     was_up;            /* ready at least once */
    uint32_t restarts;          /* how often it was started again */
    uint32_t pause_ms;          /* before the next start after a death */
    uint64_t deadline;          /* of the state; UINT64_MAX: none */
    uint64_t since;             /* when the state began */
    uint32_t op;                /* who waits for it; 0: nobody */
};

struct supervise_options {
    uint32_t start_ms;          /* to be ready in */
    uint32_t stop_ms;           /* to be gone in, after the request */
    uint32_t pause_ms;          /* service.restart_backoff_ms */
};

enum effect_what {
    DO_START, DO_TERM, DO_KILL, /* to the unit's process */
    SAY_READY, SAY_EXIT,        /* it happened: 'code', 'text' */
    SAY_FORGOTTEN,              /* the unit is no more */
    OP_DONE, OP_FAILED,         /* op, and unit and text of what failed */
    ALL_GONE                    /* after a stop: the supervisor ends */
};
struct supervise_effect {
    enum effect_what what;
    struct unit_id   unit;
    uint32_t         op;        /* OP_*; SAY_*: who waits for the unit, or 0 */
    int              code;      /* SAY_EXIT: as waitid says: code, or 128 + signal */
    const char      *text;      /* a constant: "killed: it was not ready in time" */
};
struct supervise_out { struct supervise_effect *at; size_t count, cap; };   /* { 0 } is empty */
void supervise_out_fini(struct supervise_out *out);

struct supervise;
struct supervise *supervise_new(const struct supervise_options *options);
void supervise_destroy(struct supervise **self);

/* Before boot: what the topology has, and which of it already runs (left by a supervisor that was killed). */
void supervise_add(struct supervise *self, struct unit_id id);
void supervise_adopt(struct supervise *self, struct unit_id id, uint64_t now);

/* Requests. Each is answered by one OP_*, maybe at once. */
void supervise_boot(struct supervise *self, uint32_t op, uint64_t now, struct supervise_out *out);
void supervise_scale(struct supervise *self, enum unit_kind kind, uint16_t count, uint32_t op, uint64_t now, struct supervise_out *out);
void supervise_restart(struct supervise *self, struct unit_id id, uint32_t op, uint64_t now, struct supervise_out *out);
void supervise_drain(struct supervise *self, struct unit_id id, uint32_t op, uint64_t now, struct supervise_out *out);
void supervise_stop(struct supervise *self, uint32_t op, uint64_t now, struct supervise_out *out);
void supervise_forget_op(struct supervise *self, uint32_t op);      /* who asked went away: the work goes on, unanswered */

/* What processes do. */
void supervise_on_ready(struct supervise *self, struct unit_id id, uint64_t now, struct supervise_out *out);
void supervise_on_exit(struct supervise *self, struct unit_id id, int code, uint64_t now, struct supervise_out *out);

void supervise_expire(struct supervise *self, uint64_t now, struct supervise_out *out);
uint64_t supervise_deadline(const struct supervise *self);      /* UINT64_MAX: none */

const struct unit *supervise_find(const struct supervise *self, struct unit_id id);     /* or NULL */
const struct unit *supervise_next(const struct supervise *self, const struct unit *after);  /* by kind, then number; NULL: from the first */
bool supervise_stopping(const struct supervise *self);
size_t supervise_count(const struct supervise *self, enum unit_kind kind);      /* wanted ones: not leaving */

const char *unit_kind_name(enum unit_kind kind);            /* "gateway" */
const char *unit_state_name(const struct unit *u);          /* "up", "starting", ... */
bool unit_kind_of(struct span name, enum unit_kind *kind);
void unit_print(struct buf *out, struct unit_id id);        /* "gateway-3"; "redis" */
bool unit_parse(struct span text, struct unit_id *id);
uint16_t unit_kind_max(enum unit_kind kind);                /* how many there may be */

#endif
