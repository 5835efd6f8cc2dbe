/* table - columns for people: as wide as what stands in them, numbers to the right. Pure. */
#ifndef CAUSEWAY_CLI_TABLE_H
#define CAUSEWAY_CLI_TABLE_H

#include "buf.h"

struct table { struct buf cells; size_t count; };      /* cells: each with a NUL behind it */

void table_fini(struct table *t);
void table_add(struct table *t, struct span cell);              /* the first row is the heading; row by row */
void table_print(struct buf *out, const struct table *t, const char *align);    /* a letter a column: l or r; the last one is not padded */

/* For cells. */
void table_time(struct buf *out, uint64_t ms);          /* 950ms 12s 5m03s 2h05m 3d04h */
void table_count(struct buf *out, double n);            /* 0 9.5 950 9.5k 1.2M */
void table_bytes(struct buf *out, uint64_t n);          /* 0 950 12K 3.4M */

#endif
