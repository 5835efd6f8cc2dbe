/* shortest - the fewest decimal digits that mean a double, the nearest of those
 * (R. Giulietti, "The Schubfach way to render doubles"): what JavaScript prints.
 *
 * Powers of ten are kept to 128 bits. Where that leaves open on which side of a bound a
 * number lies (it takes an exact tie, or bad luck of 2^-60), the C library is asked, slowly. Pure. */
#ifndef CAUSEWAY_SHORTEST_H
#define CAUSEWAY_SHORTEST_H

#include <stdint.h>

struct shortest { uint64_t digits; int exponent; };     /* digits * 10^exponent; the last digit is no 0 */

struct shortest shortest_of(double n);      /* above 0, finite */

#endif
