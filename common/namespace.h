/* namespace - which entry of the topology's 'namespaces:' is meant by a name.
 *
 * An entry's name may be a pattern: '*' stands for one or more characters but '/', "**"
 * for one or more of any, '#' for one or more digits. The entry of exactly that name
 * comes first; of the patterns that fit, the one with most characters of its own, and
 * of equals the one that is written first. A pattern fits the whole name, in time
 * (characters of the pattern x bytes of the name); longer names than NAMESPACE_MAX
 * fit none. Pure. Specification: docs/TOPOLOGY.md, "namespaces". */
#ifndef CAUSEWAY_NAMESPACE_H
#define CAUSEWAY_NAMESPACE_H

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

#endif
