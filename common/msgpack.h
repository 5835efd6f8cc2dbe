/* msgpack - MessagePack values (the MessagePack specification), and as JSON texts with
 * binary attachments, with the meanings that Socket.IO's msgpack clients (notepack.io) give them.
 *
 *     92 a1 61 c4 01 ff        <->  ["a",{"_placeholder":true,"num":0}]  and the attachment ff
 *
 *     nil, true, false              null, true, false
 *     int, uint 8 to 64             the same digits (JavaScript rounds beyond 2^53, nobody else need)
 *     float 32, 64                  as JavaScript prints it; NaN and the infinities: null
 *     str                           must be UTF-8
 *     bin; ext 8..32 of type 0      an attachment: buffers, and Node's typed arrays
 *     fixext 8 of type 0            a Date: text, "2023-11-14T22:13:20.123Z"; null where JavaScript knows no such day
 *     fixext 1 of type 0            undefined: null in an array, no key in a map
 *     any other ext                 [type,attachment]
 *     map                           an object; keys are str, or integers (as JavaScript names them)
 *
 * A map that says "_placeholder":true of itself is data, as in JSON, where there is no binary
 * at all. Beside binary it becomes null: it would be taken for an attachment that it is not.
 * Back: integers in the shortest form, others as float 64 (but for whole ones below 2^64: as
 * notepack.io does), an attachment as bin. A placeholder of none of the attachments is nil; where
 * there are none, a map.
 *
 * Pure. No recursion; time and memory are linear in the input, a container that says more
 * elements than there are bytes is refused at once. */
#ifndef CAUSEWAY_MSGPACK_H
#define CAUSEWAY_MSGPACK_H

#include "buf.h"
#include "err.h"

/* ---- values, one by one */

enum msgpack_kind { MSGPACK_NIL, MSGPACK_UNDEFINED, MSGPACK_BOOL, MSGPACK_UINT, MSGPACK_INT, MSGPACK_FLOAT, MSGPACK_STR,
                    MSGPACK_BIN, MSGPACK_DATE, MSGPACK_EXT, MSGPACK_ARRAY, MSGPACK_MAP };

struct msgpack_item {
    enum msgpack_kind kind;
    int8_t      ext;            /* EXT: its type */
    uint32_t    count;          /* ARRAY: of its elements, MAP: of its pairs; they follow as items */
    uint64_t    number;         /* UINT, BOOL */
    int64_t     integer;        /* INT: below 0; DATE: ms since 1970 */
    double      real;           /* FLOAT */
    struct span bytes;          /* STR (not checked), BIN, EXT: in the input */
};

/* ERR_TRUNC; ERR_SYNTAX: the one byte that begins nothing (c1). */
enum err msgpack_next(struct span *in, struct msgpack_item *item);
/* A whole value, with all in it. */
enum err msgpack_skip(struct span *in);
/* A whole number 0..max in any form, as JavaScript sees it: 3 or 3.0. */
bool msgpack_is_uint(const struct msgpack_item *item, uint64_t max, uint64_t *n);

void msgpack_add_nil(struct buf *out);
void msgpack_add_bool(struct buf *out, bool b);
void msgpack_add_uint(struct buf *out, uint64_t n);
void msgpack_add_int(struct buf *out, int64_t n);
void msgpack_add_float(struct buf *out, double n);
void msgpack_add_str(struct buf *out, struct span utf8);
void msgpack_add_bin(struct buf *out, struct span bytes);
void msgpack_add_array(struct buf *out, uint32_t count);
void msgpack_add_map(struct buf *out, uint32_t pairs);

/* ---- as JSON */

struct msgpack_json {
    struct buf   text;              /* the owner is who declared it */
    size_t       max_bytes;         /* of text and attachments together */
    struct span *attachments;       /* in the input */
    unsigned     max_attachments, attachment_count;
    bool         feigned, binary;   /* msgpack_json.c's own: what it has seen */
};

/* The next value, no deeper than JSON_MAX_DEPTH, behind what 'to' holds. Undefined adds nothing.
 * ERR_TRUNC, ERR_SYNTAX, ERR_UTF8, ERR_DEPTH; ERR_LIMIT: over 'to's; ERR_TYPE: a key that can't be one. */
enum err msgpack_to_json(struct msgpack_json *to, struct span *in);

/* 'json' is checked; 'attachments' are strs (msg.h). Deeper than JSON_DEEPEST: nil. */
void msgpack_from_json(struct buf *out, struct span json, struct span attachments);

#endif
