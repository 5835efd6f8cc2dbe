/* revoked - tokens that are refused though they verify: the list that every router
 * and gateway holds.
 *
 *     user:42        tokens of that user (as in addresses: user:staff/42 of another realm),
 *     token:<jti>    that one token,
 *     *              all tokens,
 *                    issued before a time; a token without "iat" was issued at the beginning of time
 *
 * Copies of the list on different daemons become the same by telling each other what
 * changed, in any order and as often as they like. An entry is
 *
 *     undone    when it was last taken back (Unix ms); 0: never
 *     decided   when it was last decided; what was decided before 'undone' is void
 *     before    Unix ms: tokens issued before this are refused; 0: none (only 'undone' is remembered)
 *     expires   Unix ms: forgotten from then on, since the tokens that it means are too
 *
 * and of two copies each number's larger one stands. Every change has the next version
 * of this list, so that "what is newer than 17" has an answer; 'sum' is the same for
 * lists that say the same. Pure. One owner. */
#ifndef CAUSEWAY_REVOKED_H
#define CAUSEWAY_REVOKED_H

#include "map.h"
#include "msg.h"

struct revoked;
struct revoked *revoked_new(const struct siphash_key *seed);
void revoked_destroy(struct revoked **self);

size_t   revoked_count(const struct revoked *self);         /* entries, those taken back included */
size_t   revoked_bytes(const struct revoked *self);         /* as revoked_since writes them all */
uint64_t revoked_version(const struct revoked *self);
uint64_t revoked_sum(const struct revoked *self);

/* What somebody else has, or a new decision. True: that changed something. ERR_SYNTAX in *e: the name is none. */
bool revoked_apply(struct revoked *self, const struct msg_REVOCATION *r, enum err *e);
/* Entries that are over by 'wall' go. They are no change: every copy loses them by itself. */
void revoked_expire(struct revoked *self, uint64_t wall);
bool revoked_find(const struct revoked *self, struct span name, struct msg_REVOCATION *r);

/* Appends entries newer than 'since' as strs of REVOCATIONs, in the order of their versions, about 'most' bytes of them; up to
 * which version, and whether that is all. */
uint64_t revoked_since(const struct revoked *self, uint64_t since, struct buf *strs, size_t most, bool *all);

/* Of the newer ones by name, sorted, those behind 'after' that begin with 'prefix' and are not taken back: the first 'limit' as
 * JSON objects with commas between. True: there are more; *last is the last one's name. */
bool revoked_print(const struct revoked *self, struct span prefix, struct span after, size_t limit, struct buf *json, struct buf *last);

/* Is a token with these claims (a JSON object, or empty) of this user refused? */
bool revoked_refuses(const struct revoked *self, struct span realm, struct span user, struct span claims);

/* "user:42" as it stands in the list: one spelling for each. ERR_SYNTAX, ERR_LIMIT: it is none. */
enum err revoked_name(struct buf *out, struct span text);

/* ---- what a daemon knows of a router's list */
struct revoked_peer { uint64_t epoch, version, asked; };        /* of that life; { 0 }: nothing */
/* It beats, with this version and sum: has it more than we, and is it not asked yet? Then it is asked for what is behind peer->version. */
bool revoked_behind(const struct revoked *self, struct revoked_peer *peer, uint64_t epoch, uint64_t version, uint64_t sum);
void revoked_heard(struct revoked_peer *peer, uint64_t epoch, uint64_t since, uint64_t version);    /* a REVOKED of it was applied */

#endif
