/* msg - the inter-daemon messages of msg.def: struct, encode, decode, print.
 *
 * A message on the wire: u32 length of what follows, u8 type, then its fields.
 * Type is the row's place in msg.def, from 1, with bit 7 set for a DATAGRAM: so
 * a reader can count and skip a message that only a newer version knows.
 * Many of them stand in one bus frame behind one header (link.h). Decoded spans
 * point into the input. Encoding cannot fail; decoding answers ERR_TRUNC (a
 * field is cut short), ERR_LIMIT (a list inside a str is broken). Trailing bytes
 * belong to a newer version and are ignored; missing trailing fields are zero.
 * Pure. Specification: docs/WIRE.md. */
#ifndef CAUSEWAY_MSG_H
#define CAUSEWAY_MSG_H

#include "buf.h"
#include "err.h"

#define MSG_VERSION     1   /* what we speak */
#define MSG_VERSION_MIN 1   /* the oldest that we understand */

enum { MSG_TYPES_MAX = 128 };
enum msg_type {
    MSG_NONE,
#define MSG(name, class, doc, fields) MSG_##name,
#include "msg.def"
#undef MSG
    MSG_COUNT
};
enum msg_class { MSG_RELIABLE, MSG_DATAGRAM, MSG_RECORD };
_Static_assert((int)MSG_COUNT <= MSG_TYPES_MAX, "a type is seven bits on the wire");

enum body_kind { BODY_EMIT, BODY_JOIN, BODY_LEAVE, BODY_DISCONNECT };
enum work_kind { WORK_EVENT, WORK_ADMIT, WORK_CONNECT, WORK_DISCONNECT };
enum deed_kind { DEED_JOIN, DEED_LEAVE, DEED_EMIT, DEED_REPLY, DEED_ACK, DEED_DISCONNECT };
enum { BODY_VOLATILE = 1, BODY_REACHED = 2, BODY_ACK = 4, BODY_CLOSE = 8 };
enum role { ROLE_NONE, ROLE_ROUTER, ROLE_GATEWAY, ROLE_PRESENCE, ROLE_AUTH, ROLE_COUNT };
enum member_state { MEMBER_STARTING, MEMBER_READY, MEMBER_DRAINING };
enum save { SAVE_AGAIN, SAVE_NEW, SAVE_BACK };
enum limit_say { LIMIT_WANT, LIMIT_GIVE, LIMIT_TELL, LIMIT_AGAIN };
enum roster_phase { ROSTER_HOLD, ROSTER_ACTIVE };

typedef uint8_t msg_u8; typedef uint16_t msg_u16; typedef uint32_t msg_u32; typedef uint64_t msg_u64;
typedef struct span msg_str; typedef struct span msg_strs;

/* struct msg_EMIT, msg_encode_EMIT(), msg_decode_EMIT(): one set a row. encode writes
 * length, type and fields; decode takes the fields (what msg_next yields). For a
 * RECORD, encode_X writes the fields alone, ready to stand in a str. */
#define F(type, name, doc) msg_##type name;
#define MSG(name, class, doc, fields) struct msg_##name { fields };
#include "msg.def"
#undef MSG
#undef F
#define MSG(name, class, doc, fields) \
    void msg_encode_##name(struct buf *out, const struct msg_##name *m); \
    enum err msg_decode_##name(struct msg_##name *m, struct span in);
#include "msg.def"
#undef MSG

/* Walks the messages of a frame. False at its end; *e says whether it ended well:
 * OK, ERR_TRUNC, ERR_SYNTAX (a known type with the wrong class), ERR_UNKNOWN (a
 * RECORD, which never stands alone). MSG_NONE: a newer version's type (or the
 * link's own 0): count it, ignore it. */
enum { MSG_HEAD_BYTES = 5, MSG_DATAGRAM_BIT = 0x80 };
bool msg_next(struct span *frame, enum msg_type *type, struct span *fields, enum err *e);

/* Lists: strs are built in a buf and walked. */
void msg_add_str(struct buf *strs, struct span str);
bool msg_next_str(struct span *strs, struct span *str);     /* of a decoded (so checked) strs */
size_t msg_count_strs(struct span strs);

const char *msg_name(enum msg_type type);                   /* "EMIT" */
enum msg_class msg_class(enum msg_type type);
void msg_print(struct buf *out, enum msg_type type, struct span fields);   /* EMIT number=7 ... one line */
void msg_document(struct buf *out);                         /* WIRE.md's table, in Markdown */

const char *role_name(enum role role);                      /* "gateway" */
enum role role_of(struct span name);                        /* ROLE_NONE where unknown */
/* "gateway-7" and back; ERR_SYNTAX where it is none. */
enum err member_id_decode(struct span id, enum role *role, uint16_t *number);
void     member_id_encode(struct buf *out, enum role role, uint16_t number);

#endif
