/* history - the bounded past: sequenced bodies, for replays, for a standby and
 * for hand-over.
 *
 * Records stay in the order in which they came; they may stem from the streams
 * of several routers: our own, those whose standby we are, and those whose rooms
 * came to us. The oldest go first when bytes, count or age pass their limit.
 * Each record is one counted blob, an encoded STAMPED; nothing is copied to
 * replay it. One owner: the router's core. Pure; wall-clock time comes in. */
#ifndef CAUSEWAY_HISTORY_H
#define CAUSEWAY_HISTORY_H

#include "blob.h"
#include "past.h"

struct history_limits { size_t bytes, count; uint64_t age_ms; };

struct record {
    uint16_t     router;        /* whose stream */
    uint64_t     epoch, seq;    /* position in it */
    uint64_t     time;
    uint64_t     hash;          /* rank_hash of the key of its first address: who owns it */
    bool         alone;         /* there is no other address */
    struct blob *stamped;
};

struct history {
    struct history_limits limits;
    struct record *at;
    size_t         head, count, cap, bytes;
    uint64_t       dropped;     /* records that the limits have removed */
    struct past    past;        /* the streams that they are of */
};

void history_init(struct history *self, const struct history_limits *limits);
void history_fini(struct history *self);
void history_add(struct history *self, const struct record *record);    /* takes the blob's reference */
void history_trim(struct history *self, uint64_t now);
const struct record *history_at(const struct history *self, size_t i);  /* 0: the oldest */
/* Everything newer than 'since' in that stream that was ever here still is. */
bool history_reaches(const struct history *self, uint16_t router, uint64_t epoch, uint64_t since);
/* The index of the first record that can be newer than 'since' in that stream. */
size_t history_since(const struct history *self, uint16_t router, uint64_t epoch, uint64_t since);

#endif
