/* fold - a character as it is compared where case does not matter: simple case folding,
 * one character for one, of all of Unicode. Pure. */
#ifndef CAUSEWAY_FOLD_H
#define CAUSEWAY_FOLD_H

#include "span.h"

uint32_t fold_point(uint32_t point);

#endif
