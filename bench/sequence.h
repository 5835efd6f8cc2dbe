/* sequence - which publish is this, and is it the one that had to come next?
 * A publish carries a mark in its text, found by anyone who relays it as it is:
 *     ~ABCDEFGH~       eight nibbles, 'A' to 'P', lowest first: 20 bits of
 *                      number, then 12 bits of sender
 * and each member keeps one track per sender. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MARK_LEN = 10, MARK_NUMBER_BITS = 20, MARK_SENDERS = 4096 };
#define MARK_NUMBERS (1u << MARK_NUMBER_BITS)       /* numbers wrap here */

void mark_encode(char *out, uint32_t sender, uint32_t number);
/* '*at' is where the last one was found: frames of one run are alike, so it is
 * nearly always right; it is corrected when not. */
bool mark_decode(const char *text, size_t len, size_t *at, uint32_t *sender, uint32_t *number);

struct track {
    uint64_t seen;                      /* bit i: 'last' - i has come */
    uint32_t last;
};

struct faults {
    uint64_t lost;                      /* passed over and still missing */
    uint64_t reordered;                 /* came after a later one */
    uint64_t duplicates;
};

void track_start(struct track *t);
bool track_add(struct track *t, uint32_t number, struct faults *f);    /* is it one that had not come yet? */
void track_end(const struct track *t, uint32_t next, struct faults *f);     /* 'next' was never sent */
