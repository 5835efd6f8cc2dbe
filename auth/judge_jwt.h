/* judge - one question, one answer: may this token into this namespace?
 *
 * Puts the parts together in the one order that is safe: size and form, key
 * choice (jws), signature (keys), claims and policy (verdict), with the cache
 * of good tokens before the signature. It has keys and counters, no socket and
 * no clock: tests ask it directly. One owner: main. */
#ifndef CAUSEWAY_JUDGE_JWT_H
#define CAUSEWAY_JUDGE_JWT_H

#include "config.h"
#include "msg.h"
#include "refusal.h"

#define STATS     auth_stats
#define STATS_DEF "../auth/stats.def"
#include "stats_table.h"

struct judge;
/* config and stats are borrowed. NULL: 'errors' says why, a line each. */
struct judge *judge_new(const struct config *config, struct auth_stats *stats, struct buf *errors, struct buf *warnings);
void judge_destroy(struct judge **self);

/* Reads the keys again. False: the old ones stay, 'errors' says why. */
bool judge_reload(struct judge *self, struct buf *errors, struct buf *warnings);
/* A topology that was read anew: what the judge needs of it, made and checked first (NULL: 'errors' says why), taken over
 * when the configuration has its new values. The keys point into 'fresh', whose list of them the configuration takes. */
struct judge_news;
struct judge_news *judge_news_new(const struct config *fresh, struct buf *errors, struct buf *warnings);
void judge_news_destroy(struct judge_news **self);
void judge_take(struct judge *self, struct judge_news **news);

/* now: Unix ms. The answer's spans are valid until the next call. */
enum refusal judge_verify(struct judge *self, const struct msg_VERIFY *question, uint64_t now, struct msg_VERDICT *answer);

#endif
