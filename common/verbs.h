/* verbs - what outsiders ask for: one JSON object per request, checked against
 * the table of verbs.def, before anything is done.
 *
 * The verb is the one key of the object that names a verb; its value is the
 * subject. An unknown field, a wrong type, a missing field, a text that is too
 * long: the problem names the field and says what is wanted, and costs nobody
 * else anything. Decoded spans point into the request. Pure. Documented in
 * docs/ZMQ-API.md, whose tables verbs_document writes. */
#ifndef CAUSEWAY_VERBS_H
#define CAUSEWAY_VERBS_H

#include "buf.h"
#include "config.h"
#include "err.h"

enum verb {
#define VERB(name, plane, subject, doc) VERB_##name,
#define FIELD(verb, name, type, need, doc)
#include "verbs.def"
#undef VERB
#undef FIELD
    VERB_COUNT
};
enum verb_plane { PLANE_PUBLISH, PLANE_ADMIN };
enum verb_type { TYPE_EVENT, TYPE_NSP, TYPE_NSPS, TYPE_NSP_ANY, TYPE_ADDRESS, TYPE_ADDRESSES, TYPE_ROOMS, TYPE_ARRAY, TYPE_BOOL, TYPE_MS,
                 TYPE_COUNT, TYPE_TEXT, TYPE_PREFIX, TYPE_USER, TYPE_USERS, TYPE_IDS, TYPE_DAEMON, TYPE_NETWORK, TYPE_FIELDS, TYPE_REVOKED, TYPE_SECONDS, TYPE_ANY, TYPES };

/* All field names there are; a verb that has no such field refuses it. */
enum field { FIELD_nsp, FIELD_to, FIELD_except, FIELD_args, FIELD_volatile, FIELD_reached, FIELD_ack, FIELD_timeout, FIELD_id, FIELD_ref,
             FIELD_close, FIELD_after, FIELD_limit, FIELD_realm, FIELD_user, FIELD_room, FIELD_gateway, FIELD_address, FIELD_fields, FIELD_before, FIELD_expires,
             FIELD_follows, FIELD_add, FIELD_remove, FIELD_event, FIELD_reset, FIELD_COUNT };

/* What the verb sockets tells of a socket: sockets.def. */
enum verb_socket {
#define SOCKET(name, doc) VERB_SOCKET_##name,
#include "sockets.def"
#undef SOCKET
    VERB_SOCKETS
};
bool verbs_socket(struct span quoted, enum verb_socket *field);        /* by its name in JSON */

struct request {
    enum verb   verb;
    struct span subject;                /* JSON values, as they stand; empty where absent */
    struct span field[FIELD_COUNT];
    uint32_t    timeout_ms, limit;      /* defaults applied */
};

struct verb_problem {
    const char *code;                   /* "bad-json", "unknown-verb", "unknown-field", "wrong-type", ... */
    struct span field;                  /* the field's name as between the quotes of JSON, or empty */
    const char *message;
};

struct verb_limits {
    uint32_t answer_ms, max_body_bytes, max_addresses;
};

/* OK, or the reason for the counter, and *problem for the answer. addressed: a frame
 * of its own says 'to' already, so that field is not required and not allowed. */
enum err verbs_check(struct request *r, struct span json, const struct verb_limits *limits, bool addressed, struct verb_problem *problem);

const char *verb_name(enum verb verb);
enum verb_plane verb_plane(enum verb verb);
/* The namespace that a request is about, its default included: "*" stands for all; nothing: it looks only, at daemons. */
void verbs_namespace(struct buf *out, const struct request *r);
bool verbs_allow_namespace(const struct config_plane *plane, struct span nsp);
/* May this request pass a socket with this allow-list? "" as namespace asks for the verb only, "*" has to be listed. */
bool verbs_allowed(const struct config_plane *plane, enum verb verb, struct span nsp);
/* An encoded BODY of an emit, join, leave or disconnect. The addresses may come from a frame of their own. */
void verbs_body(struct buf *out, const struct request *r, struct span to_frame, struct span attachments, uint64_t wall);
void verbs_texts(struct buf *strs, struct span json);     /* a string, or each of a list of strings, unquoted */
void verbs_document(struct buf *markdown);
void verbs_print(struct buf *json);         /* the table for programs: [{verb, plane, subject, fields: [{name, type, need}]}] */

#endif
