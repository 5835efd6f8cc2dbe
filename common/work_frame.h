/* work_frame - the frames of the worker socket: one JSON object each, checked against
 * the table of work.def before anything is done, as verbs.h does for commands.
 *
 * A frame's kind is the one key of the object that names one; its value is the
 * subject. A reply is turned into DEEDs (msg.def), which its gateway does. Decoded
 * spans point into the input. Pure. Documented in docs/ZMQ-API.md, whose tables
 * work_frame_document writes. */
#ifndef CAUSEWAY_WORK_FRAME_H
#define CAUSEWAY_WORK_FRAME_H

#include "buf.h"
#include "config.h"
#include "err.h"
#include "msg.h"

enum work_frame_kind {
#define FRAME(name, by, subject, doc) WORK_FRAME_##name,
#define FIELD(frame, name, type, need, doc)
#include "work.def"
#undef FRAME
#undef FIELD
    WORK_FRAMES
};
enum work_type { WORK_T_NAME, WORK_T_NSP, WORK_T_NAMESPACES, WORK_T_EVENTS, WORK_T_CAPACITY, WORK_T_REF, WORK_T_ROOMS, WORK_T_EMITS, WORK_T_ANSWERS,
                 WORK_T_REFUSAL, WORK_T_ARRAY, WORK_T_BOOL, WORK_T_COUNT, WORK_T_TEXT, WORK_T_JSON, WORK_T_ADDRESSES, WORK_T_EVENT, WORK_T_ANY, WORK_TYPES };

/* All field names there are; a frame that has no such field refuses it. */
enum work_field { WORK_F_namespaces, WORK_F_events, WORK_F_capacity, WORK_F_joins, WORK_F_leaves, WORK_F_emits, WORK_F_replies, WORK_F_ack, WORK_F_refuse,
                  WORK_F_disconnect, WORK_F_event, WORK_F_to, WORK_F_args, WORK_F_except, WORK_F_volatile, WORK_F_nsp, WORK_F_message, WORK_F_data,
                  WORK_F_beat, WORK_F_silence, WORK_F_waits, WORK_F_recovered, WORK_F_socket, WORK_F_user, WORK_F_claims, WORK_F_handshake, WORK_F_reply,
                  WORK_FIELDS };

struct work_frame {
    enum work_frame_kind kind;
    struct span subject, field[WORK_FIELDS];    /* JSON values as they stand; empty where absent */
};

struct work_problem {
    const char *code;                   /* as a command's: "bad-json", "wrong-type", ... */
    struct span field;
    const char *message;
};

struct work_limits {
    const struct config_plane *plane;   /* whose namespaces may be named */
    uint32_t max_bytes, max_addresses, max_capacity;
};

enum { WORK_REF_MAX = 64, WORK_NAMESPACES_MAX = 64, WORK_EVENTS_MAX = 1000, WORK_ITEMS_MAX = 256 };

/* What a worker has said. OK, or the reason for the counter, and *problem for the answer; a reply's subject is known as early as can be. */
enum err work_frame_check(struct work_frame *f, struct span json, const struct work_limits *limits, struct work_problem *problem);

/* A checked READY's lists, as strs. */
void work_frame_texts(struct buf *strs, struct span list);
/* A checked reply: fields of 'out' but ref and error; spans into 'text', which is cleared first. ERR_RANGE, ERR_LIMIT: placeholders. */
enum err work_frame_worked(struct msg_WORKED *out, struct buf *text, const struct work_frame *reply, size_t attachments, struct work_problem *problem);

int work_field_of(struct span key);     /* enum work_field of a quoted key, or -1 */

/* What a router says. */
void work_frame_request(struct buf *json, struct span ref, const struct msg_WORK *w);
void work_frame_error(struct buf *json, const struct work_problem *problem, struct span reply);     /* reply: JSON, or empty */
void work_frame_document(struct buf *markdown);

#endif
