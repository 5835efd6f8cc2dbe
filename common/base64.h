/* base64 - RFC 4648, both alphabets, one text for each sequence of bytes.
 *
 * Standard: + and /, padded. URL: - and _, never padded. Decoding is strict:
 * no blanks, no foreign characters, padding exactly as encoding writes it and
 * unused bits zero, so encode(decode(x)) == x. ERR_SYNTAX leaves out as it was. */
#ifndef CAUSEWAY_BASE64_H
#define CAUSEWAY_BASE64_H

#include "buf.h"
#include "err.h"

void base64_encode(struct buf *out, struct span bytes);
void base64_encode_url(struct buf *out, struct span bytes);
enum err base64_decode(struct buf *out, struct span text);
enum err base64_decode_url(struct buf *out, struct span text);

#endif
