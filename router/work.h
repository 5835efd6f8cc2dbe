/* work - the workers of a router, and the requests that they have not answered yet.
 *
 *     gateway ──WORK──► lane (a socket's requests, in order) ──► worker, up to its capacity
 *             ◄─WORKED─────────────────────────────────────────── reply
 *
 * A socket's requests go to one worker while that one has any of them unanswered, in their order; then to
 * whoever of those that announced the event has most room. What finds no room waits, bounded in number, bytes
 * and time. A worker that is gone (its connection, its silence, a new 'ready') loses what it has not answered to others, in
 * order, before what waits; a request over which several workers died is given up. A reply to something that
 * is nobody's any more is counted and dropped, so each request is answered once.
 *
 * A request whose time is over is forgotten, but its worker's place stays taken until that worker answers it or
 * something newer: who hangs gets nothing more. Requests live in memory alone: the gateway has them, too, and
 * asks another router when this one dies.
 *
 * Pure: frames of workers, messages of gateways and time in; effects (bus) and frames out. One owner: the
 * router's core. Specification: docs/ZMQ-API.md, "Workers". */
#ifndef CAUSEWAY_ROUTER_WORK_H
#define CAUSEWAY_ROUTER_WORK_H

#include "effect.h"
#include "owner.h"
#include "work_frame.h"

struct work_options {
    const struct config *config;        /* borrowed, and the next */
    struct router_stats *stats;
    struct span          id;            /* "router-0" */
    uint64_t             epoch;
    struct siphash_key   seed;
};

enum { WORK_FRAMES_COUNT_MAX = 16 };      /* of one message: the JSON and its attachments */

struct work;
struct work *work_new(const struct work_options *options);
void work_destroy(struct work **self);

/* ---- workers. 'peer' is whatever the shell finds one by again: its identity. frames: [json][attachment]... */
enum err work_on_frames(struct work *self, struct span peer, const struct span *frames, size_t count, struct router_time now, struct effects *out);
void work_on_gone(struct work *self, struct span peer, struct router_time now, struct effects *out);     /* it cannot be sent to any more */
void work_probe(struct work *self);     /* some connection ended: each worker is said something, and who is gone will be seen */

/* ---- gateways */
enum err work_on_request(struct work *self, uint16_t gateway, const struct msg_WORK *m, struct router_time now, struct effects *out);
void work_forget_gateway(struct work *self, uint16_t gateway);     /* a new life, or gone: nobody waits for its requests */
void work_on_gateway(struct work *self, uint16_t gateway, struct effects *out);    /* its link is there, or new: it is told who is here */

void work_drain(struct work *self, struct effects *out);           /* we are leaving: nothing new; workers are told */
bool work_quiet(const struct work *self);                          /* no worker has anything unanswered */
void work_on_time(struct work *self, struct router_time now, struct effects *out);

/* ---- what comes out: frames for a worker. The blobs are the caller's. */
struct work_said { struct blob *peer, *json, *attachments; bool delimited; };      /* attachments: strs, or NULL; an empty frame goes before */
bool work_next(struct work *self, struct work_said *said);

#endif
