/* pool - many Socket.IO clients on one epoll: dialled, upgraded, let in, and
 * then handed their packets. It owns every connection and answers the
 * heartbeats; what the packets mean is the mode's affair (struct pool_events).
 *
 * One receive buffer serves everyone: a frame is read in place, and only the
 * cut-off last frame of a segment is copied into its connection's small carry. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

enum conn_state { CONN_NONE, CONN_UPGRADING, CONN_OPENING, CONN_ENTERING, CONN_UP, CONN_CLOSING };

struct conn {
    int             fd;
    enum conn_state state;
    uint32_t        index;              /* its place in the pool, for good */
    int             error;              /* why the last send failed */
    uint32_t        carry_len;
    char           *carry;              /* the start of a frame whose rest is still to come */
    char           *late;               /* what a full socket did not take */
    size_t          late_len;
    uint64_t        since;              /* when it was dialled, or our close sent */
};

struct pool;

/* All of these run inside pool_turn. A connection may be closed in any of
 * them, and is dialled again by pool_dial alone. */
struct pool_events {
    void (*up)(void *self, struct conn *c);                                     /* the server sent 40{"sid" */
    void (*packet)(void *self, struct conn *c, const char *text, size_t len);   /* an Engine.IO message, with its '4' */
    void (*down)(void *self, struct conn *c);                                   /* gone, for whatever reason */
};

struct pool_count {
    uint64_t up;                        /* let in at this moment */
    uint64_t entered;                   /* let in, ever */
    uint64_t failed;                    /* refused, reset or timed out on the way in */
    uint64_t lost;                      /* gone while up, not by our doing */
    uint64_t unclosed;                  /* the server did not answer our close in time */
};

struct pool *pool_new(const struct options *o, unsigned size, const struct pool_events *e, void *self);
void pool_destroy(struct pool **p);

struct conn *pool_conn(struct pool *p, unsigned index);
const struct pool_count *pool_count(const struct pool *p);
uint64_t pool_now(const struct pool *p);        /* monotonic ns, taken after the last recv */
uint32_t pool_mask(struct pool *p);             /* a fresh masking key */

void pool_dial(struct pool *p, struct conn *c);     /* queued; at most options.concurrency at a time */
void pool_say(struct pool *p, struct conn *c, const char *text, size_t len);    /* one text frame */
void pool_send(struct pool *p, struct conn *c, const char *bytes, size_t len);  /* frames, already encoded */
void pool_close(struct pool *p, struct conn *c);    /* a close frame, then wait for the server's end */
void pool_turn(struct pool *p, uint64_t wait_ns);   /* one epoll_wait and what it brought */
void pool_watch_stdin(struct pool *p, bool *readable);  /* set when a line, or the end, waits there */

uint64_t clock_ns(void);
