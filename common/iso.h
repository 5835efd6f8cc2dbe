/* iso - a time as text, as JavaScript's toISOString writes it: 2023-11-14T22:13:20.123Z,
 * years outside 0..9999 with a sign and six digits. Pure. */
#ifndef CAUSEWAY_ISO_H
#define CAUSEWAY_ISO_H

#include "span.h"

enum { ISO_LENGTH_MAX = 27 };
#define ISO_MS_MAX INT64_C(8640000000000000)    /* the last one that JavaScript knows, on either side of 1970 */

/* Into 'text', without an end. 'ms' since 1970, at most ISO_MS_MAX from it. */
struct span iso_date(char text[ISO_LENGTH_MAX], int64_t ms);

#endif
