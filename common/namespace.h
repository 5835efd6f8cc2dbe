/* namespace - which entry of the topology's 'namespaces:' is meant by a name.
 *
 * An entry's name may be a pattern: '*' stands for one or more characters but '/', "**"
 * for one or more of any, '#' for one or more digits. The entry of exactly that name
 * comes first; of the patterns that fit, the one with most characters of its own, and
 * of equals the one that is written first. A pattern fits the whole name, in time
 * (characters of the pattern x bytes of the name); longer names than NAMESPACE_MAX
 * fit none.
 *
 * A listener may have a prefix: its clients' names are the ends of ours. A namespace
 * is for the listeners whose prefix is the longest one that it is at or below. Pure. Specification: docs/TOPOLOGY.md, "namespaces". */
#ifndef CAUSEWAY_NAMESPACE_H
#define CAUSEWAY_NAMESPACE_H

#include "buf.h"
#include "config.h"
#include "span.h"

enum { NAMESPACE_MAX = 256, NAMESPACE_PARTS_MAX = 8 };      /* bytes of a name; wildcards of a pattern */

bool   namespace_is_pattern(struct span name);
bool   namespace_fits(struct span pattern, struct span name);
size_t namespace_wildcards(struct span pattern);
/* What each wildcard stands for, the first ones as short as can be; as many as there are. Only where it fits. */
size_t namespace_parts(struct span pattern, struct span name, struct span parts[NAMESPACE_PARTS_MAX]);
/* Index of the entry in config.namespaces, or namespace_count. */
size_t namespace_find(const struct config *c, struct span name);

/* ---- prefixes */

bool        namespace_is_below(struct span prefix, struct span name);      /* "/music": "/music", "/music/x", not "/musical" */
struct span namespace_shown(const struct config_namespace *ns, struct span name);      /* as its clients call it: "/" */
void        namespace_meant(struct buf *out, struct span prefix, struct span shown);   /* and back: appended */

#endif
