/* decimal - a JSON number as what it says: sign, digits, power of ten.
 *
 * 1, 1.0 and 10e-1 are the same number; nothing goes by way of floating point.
 * Numbers of more than 19 significant digits are carried inexactly and are the
 * same as nothing. Pure. */
#ifndef CAUSEWAY_DECIMAL_H
#define CAUSEWAY_DECIMAL_H

#include "span.h"

struct decimal {
    bool     negative, exact;
    uint64_t digits;            /* without trailing zeros; 0 is +0e0 */
    int      exponent;          /* saturates far beyond what a time or a limit can be */
};

void decimal_decode(struct decimal *d, struct span number);     /* text that json_check found good */
bool decimal_same(const struct decimal *a, const struct decimal *b);
int64_t decimal_scaled(const struct decimal *d, int places);    /* d * 10^places, cut towards 0; saturates */

#endif
