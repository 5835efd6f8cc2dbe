/* past - the streams that this router knows of, and how much of each it has lost.
 *
 * A stream is one life (epoch) of one router. 'dropped' is the highest number that a
 * limit of the history has removed, here or at whoever handed the history on; what is
 * newer is still there, as far as this router holds those rooms. A stream that is not
 * in the table is not known at all. At most PAST_MAX: the oldest lives go first.
 * Pure; one owner: history.h. */
#ifndef CAUSEWAY_PAST_H
#define CAUSEWAY_PAST_H

#include "msg.h"

enum { PAST_MAX = 256 };

struct past_stream {
    uint16_t router;
    uint64_t epoch, head;       /* head: the highest number that was here */
    uint64_t dropped, until;    /* until: Unix ms, the newest of what was dropped */
};

struct past {
    struct past_stream *at;
    size_t              count, cap;
};

void past_fini(struct past *self);
struct past_stream *past_find(const struct past *self, uint16_t router, uint64_t epoch);   /* or NULL */
struct past_stream *past_need(struct past *self, uint16_t router, uint64_t epoch);
/* HANDED's streams: "router epoch head dropped until" texts. */
void past_give(const struct past *self, struct buf *strs);
void past_take(struct past *self, struct span strs);

#endif
