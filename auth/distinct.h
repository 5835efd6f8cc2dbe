/* distinct - does a JSON object name each of its members once?
 *
 * RFC 7515 and 7519 leave open what a name that stands twice means; two readers
 * that take different ones disagree on who somebody is. So it is refused. Names
 * are compared by what they mean ("a" is "\u0061"). Pure. */
#ifndef CAUSEWAY_DISTINCT_H
#define CAUSEWAY_DISTINCT_H

#include "err.h"
#include "span.h"

#define DISTINCT_MAX 256        /* members */

enum err distinct_check(struct span object);    /* of checked JSON: ERR_DUPLICATE; ERR_LIMIT: more members */

#endif
