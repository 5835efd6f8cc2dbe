/* reserved - names of events that Socket.IO's libraries use for their own signals:
 * nobody may send them. Pure. */
#ifndef CAUSEWAY_RESERVED_H
#define CAUSEWAY_RESERVED_H

#include "span.h"

bool reserved_name(struct span quoted);     /* a JSON string, checked */

#endif
