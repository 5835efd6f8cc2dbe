/* rules_limit - how often an event may come, as a rule or its namespace says:
 *
 *     limit: 30/60s
 *     limit: {count: 30, per: 60s, kind: fixed, scope: user, name: talk}
 *     limit: none
 *
 *     count, per   so many, in such a time
 *     kind         fixed    (default) a window begins with the first event and ends 'per' later
 *                  sliding  so many in any stretch of that time
 *                  bucket   so many at once, and then one by one as they come back, 'count' of them in 'per'
 *     scope        user     (default) of a user, on all his connections, over the whole cluster; a socket of nobody: its own
 *                  connection, address: of one gateway
 *     name         limits of one name are one counter; default: the name of the event's rule
 *
 * The namespace's limit is that of each rule without one. It is the first thing that is looked at: who sends what is refused
 * for another reason has used it up as well. Refused by problem 'limit'; its scope has {limit}, {window} in seconds and
 * {resetTime}, Unix ms. Pure. */
#ifndef CAUSEWAY_RULES_LIMIT_H
#define CAUSEWAY_RULES_LIMIT_H

#include "quota.h"
#include "rules.h"

enum rules_scope { RULES_SCOPE_USER, RULES_SCOPE_CONNECTION, RULES_SCOPE_ADDRESS };

struct rules_limit {
    struct quota_limit quota;       /* count 0: no limit */
    enum rules_scope   scope;
    struct span        name;
    struct span        key;         /* the counter's, with the marks below */
    char              *text;        /* both of these */
};

/* The limit of an event (its name as it stands in the packet), or NULL. An event without a rule has none. Good until the rules go. */
const struct rules_limit *rules_limit(const struct rules *r, struct span event);
/* That of what has no rule and is handled all the same (a worker's event), or NULL: the namespace's, one counter for all such. */
const struct rules_limit *rules_limit_default(const struct rules *r);
/* The counter's key: user as user_name writes it, nsp without its first '/'. */
void rules_limit_key(const struct rules_limit *limit, struct span user, struct span nsp, struct buf *out);
/* The members of its refusal's scope: for rules_refuse. */
void rules_limit_scope(const struct rules_limit *limit, uint64_t reset, struct buf *out);

#endif
