/* http1_inside - what http1.c and http1_body.c share and nobody else needs. */
#ifndef CAUSEWAY_HTTP1_INSIDE_H
#define CAUSEWAY_HTTP1_INSIDE_H

#include "http1.h"

enum http1_phase {
    HTTP1_HEAD,             /* between requests, or in a head */
    HTTP1_LENGTH,           /* in a body of known length */
    HTTP1_CHUNK_SIZE, HTTP1_CHUNK_EXTENSION, HTTP1_CHUNK_LF,    /* in a chunk's first line */
    HTTP1_CHUNK_DATA, HTTP1_CHUNK_DATA_CR, HTTP1_CHUNK_DATA_LF,
    HTTP1_TRAILER, HTTP1_TRAILER_LINE, HTTP1_TRAILER_LF, HTTP1_LAST_LF,
    HTTP1_BROKEN,           /* an error was reported */
};

enum { HTTP1_TOKEN = 1, HTTP1_VALUE = 2, HTTP1_TARGET = 4 };    /* classes a byte can belong to */
bool http1_is(char c, int class);

enum err http1_fail(struct http1 *h, unsigned status, enum err e);      /* returns e; nothing more is read */

#endif
