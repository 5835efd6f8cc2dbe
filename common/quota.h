/* quota - how many of something were used of late, against a limit: the one place
 * where fixed windows, sliding windows and token buckets are told apart.
 *
 *     FIXED     a window begins with the first use and ends window_ms later, with all in it
 *     SLIDING   each use counts for window_ms
 *     BUCKET    'count' at once; uses come back one by one, 'count' of them in window_ms
 *
 * Uses may be told late and out of order: what was used at 'at' is then counted as if
 * it had been used at that time or later, so a quota never says less than is true. Of a
 * sliding window at most QUOTA_SLOTS times are kept, of a bucket one: uses near each other
 * count from the last of them.
 *
 * A quota is { 0 } where nothing was used; one owner, quota_fini. Times are ms of any
 * one clock. Pure. */
#ifndef CAUSEWAY_QUOTA_H
#define CAUSEWAY_QUOTA_H

#include "buf.h"

enum quota_kind { QUOTA_FIXED, QUOTA_SLIDING, QUOTA_BUCKET, QUOTA_KINDS };
enum { QUOTA_SLOTS = 32, QUOTA_COUNT_MAX = 1000000, QUOTA_WINDOW_MAX_MS = 86400000 };

struct quota_limit { uint32_t count, window_ms; uint8_t kind; };       /* enum quota_kind; count 0: no limit */

struct quota_use { uint64_t at; uint32_t count; };

struct quota {
    struct quota_use *use;          /* SLIDING: oldest first */
    uint32_t count;                 /* of those; FIXED: used in the window */
    uint32_t cap;
    uint64_t until;                 /* FIXED: the window's end, 0: none has begun; BUCKET: when all is back, in us */
};

void     quota_fini(struct quota *self);
void     quota_clear(struct quota *self);       /* nothing was used */
uint32_t quota_used(struct quota *self, const struct quota_limit *limit, uint64_t now);      /* forgets what is over */
void     quota_add(struct quota *self, const struct quota_limit *limit, uint64_t at, uint32_t count);   /* quota_used(at or later) was asked before */
bool     quota_take(struct quota *self, const struct quota_limit *limit, uint64_t now);      /* one, if it may be */
uint64_t quota_frees_at(const struct quota *self, const struct quota_limit *limit);      /* when something comes back; 0: nothing is used */
uint64_t quota_clears_at(const struct quota *self, const struct quota_limit *limit);     /* when all is back; 0: it is */
size_t   quota_bytes(const struct quota *self);

/* "30/60s", "10/min", "5/500ms": the limit's count and window. False: it is none. */
bool quota_parse(struct span text, struct quota_limit *limit);
void quota_print_window(struct buf *json, const struct quota_limit *limit);      /* in seconds: 60, 0.5 */

/* The newest 'count' uses as bytes for a message, with ages instead of times: the other end adds them with quota_told.
 * Those that are forgotten already stand there as one window old. Not of a BUCKET: who wants to tell keeps a SLIDING one. */
void quota_tell(const struct quota *self, const struct quota_limit *limit, uint64_t now, uint32_t count, struct buf *out);
bool quota_told(struct quota *self, const struct quota_limit *limit, uint64_t now, struct span told);   /* false: broken, in part added */
uint32_t quota_told_count(struct span told);        /* uses in it */

#endif
