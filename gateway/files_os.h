/* files - what a listener serves beside Socket.IO, read once at start: the files of
 * its table, and the client library (socket.io.js, its variants and source maps)
 * under its path. A file that is not there is a warning, and 404. */
#ifndef CAUSEWAY_GATEWAY_FILES_OS_H
#define CAUSEWAY_GATEWAY_FILES_OS_H

#include "gate.h"
#include "log.h"

enum { FILES_MAX_BYTES = 64 << 20 };    /* of one file */

void files_load(struct gate *gate, const struct config *config, struct log *log);

#endif
