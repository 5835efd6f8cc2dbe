/* stream - one router's numbered deliveries as a gateway sees them: in order, once,
 * gaps known.
 *
 * Each DELIVER names the one before it that was meant for this gateway; if that was
 * not seen, something is missing, and what comes is held (bounded) until a replay has
 * filled the hole; then each that was held is looked at anew. When a router dies, its standbys give what it
 * had sequenced and not sent, each its part: a life that is over remembers how far
 * it came and what was given of it since. Pure. */
#ifndef CAUSEWAY_GATEWAY_STREAM_H
#define CAUSEWAY_GATEWAY_STREAM_H

#include "backlog.h"
#include "msg.h"
#include "positions.h"

enum { STREAM_HELD_MAX = 16 << 20, STREAM_PAST = 4 };

struct stream_life {
    uint64_t  epoch, last;          /* last: number of the newest body seen */
    uint64_t *given;                /* numbers beyond it that standbys gave, ascending */
    size_t    given_count, given_cap;
};

struct stream {
    struct stream_life now;         /* epoch 0: nothing seen yet */
    struct stream_life past[STREAM_PAST];
    uint64_t           head;        /* position, bodies for others included */
    uint64_t           replay;      /* ref of the replay that is waited for, or 0 */
    struct backlog     held;        /* encoded DELIVER fields */
};

enum stream_verdict { STREAM_DELIVER, STREAM_SEEN, STREAM_GAP };

void stream_fini(struct stream *self);
/* A new life begins: the old one is remembered. */
void stream_begin(struct stream *self, uint64_t epoch);
enum stream_verdict stream_on(const struct stream *self, uint64_t seq, uint64_t prev);
void stream_seen(struct stream *self, uint64_t seq);
/* A standby gives a body of a life of this router. False: it was here before, or that life is not known. */
bool stream_give(struct stream *self, uint64_t epoch, uint64_t seq);
/* How far its newest life has come, for clients' offsets; epoch 0: nothing is known of it. */
struct position stream_position(const struct stream *self);
/* A life that is over ended there: nobody here misses anything of it. */
void stream_ended(struct stream *self, const struct position *end);
bool stream_hold(struct stream *self, struct span fields);      /* false: too much; give the gap up */
const struct blob *stream_held(const struct stream *self);      /* the oldest held, or NULL */
void stream_release(struct stream *self);                       /* drops it */

#endif
