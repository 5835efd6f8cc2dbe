/* buf - owned bytes that grow at the end. { 0 } is an empty buf.
 *
 * The owner is whoever declared it; buf_fini frees and empties it (and may be
 * called again). Growth doubles; out of memory aborts, since every input that
 * reaches a buf was bounded before. buf_span is valid until the next change. */
#ifndef CAUSEWAY_BUF_H
#define CAUSEWAY_BUF_H

#include "span.h"

struct buf {
    char  *ptr;
    size_t len, cap;
};

void  buf_fini(struct buf *b);
void  buf_clear(struct buf *b);                     /* keeps the memory */
char *buf_room(struct buf *b, size_t n);            /* n writable bytes behind the end; then buf_grew */
void  buf_grew(struct buf *b, size_t n);
void  buf_add(struct buf *b, struct span s);
void  buf_add_byte(struct buf *b, char c);
void  buf_add_uint(struct buf *b, uint64_t n);      /* decimal */
void  buf_add_int(struct buf *b, int64_t n);
void  buf_add_format(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void  buf_drop_head(struct buf *b, size_t n);       /* removes the first n bytes */
void  buf_trim(struct buf *b);                      /* gives unused memory back; an empty buf frees all */
const char *buf_text(struct buf *b);                /* NUL-terminated view; valid until the next change */

static inline struct span buf_span(const struct buf *b)
{
    return (struct span){ b->ptr ? b->ptr : "", b->len };
}

#define buf_add_literal(b, literal) buf_add((b), SPAN(literal))

#endif
