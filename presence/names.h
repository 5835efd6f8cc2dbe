/* names - namespaces as small numbers, for the table of users.
 *
 * Those of the topology are kept. One that a pattern stands for lives as long as
 * somebody holds it; then its number is another's. Found by name in constant time.
 * Pure; one owner: users. */
#ifndef CAUSEWAY_NAMES_H
#define CAUSEWAY_NAMES_H

#include "map.h"

enum { NAMES_MAX = 65000, NAMES_TEXT_MAX = 256 };   /* at once; bytes of one */
#define NAMES_NONE UINT16_MAX

struct names {
    struct map      by_text;
    struct name   **at;             /* NULL: a free number */
    uint16_t       *free;
    size_t          count, cap, free_count, bytes;
};

void        names_init(struct names *self, const struct siphash_key *seed);
void        names_fini(struct names *self);
uint16_t    names_find(const struct names *self, struct span text);    /* or NAMES_NONE */
/* Held for the caller, who drops it. NAMES_NONE: no room, or no sound name. */
uint16_t    names_hold_text(struct names *self, struct span text);
void        names_hold(struct names *self, uint16_t number);
void        names_drop(struct names *self, uint16_t number);
void        names_keep(struct names *self, uint16_t number);           /* for ever */
/* What is kept and not 'wanted' any more goes with who holds it. */
void        names_let_go(struct names *self, bool (*wanted)(void *wanted_self, struct span text), void *wanted_self);
bool        names_kept(const struct names *self, uint16_t number);
struct span names_text(const struct names *self, uint16_t number);     /* empty: none */
/* How many users are there: told by who counts them. */
void        names_count(struct names *self, uint16_t number, bool came);
uint32_t    names_users(const struct names *self, uint16_t number);
size_t      names_bytes(const struct names *self);

#endif
