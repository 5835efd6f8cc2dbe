#include "verbs.h"

#include "address.h"
#include "cidr.h"
#include "json.h"
#include "msg.h"
#include "namespace.h"
#include "placeholder.h"
#include "reserved.h"
#include "revoked.h"

static const uint64_t SECONDS_MAX = 253402300799;      /* the year 9999 */
enum { TEXT_MAX = 256, NSP_MAX = 256, USERS_MAX = 1000, IDS_MAX = 10000, LIMIT_MAX = 1000, LIMIT_DEFAULT = 100, TIMEOUT_MAX_MS = 60000 };

/* ---- the tables */

static const struct { const char *name; enum verb_plane plane; enum verb_type subject; const char *doc; } verbs[VERB_COUNT] = {
#define VERB(name, plane, subject, doc) [VERB_##name] = { #name, PLANE_##plane, TYPE_##subject, doc },
#define FIELD(verb, name, type, need, doc)
#include "verbs.def"
#undef VERB
#undef FIELD
};

enum need { FIELD_UNKNOWN, FIELD_OPTIONAL, FIELD_REQUIRED };
static const struct { enum need need; enum verb_type type; const char *doc; } fields[VERB_COUNT][FIELD_COUNT] = {
#define VERB(name, plane, subject, doc)
#define FIELD(verb, name, type, need, doc) [VERB_##verb][FIELD_##name] = { FIELD_##need, TYPE_##type, doc },
#include "verbs.def"
#undef VERB
#undef FIELD
};

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_nsp] = "nsp", [FIELD_to] = "to", [FIELD_except] = "except", [FIELD_args] = "args", [FIELD_volatile] = "volatile",
    [FIELD_reached] = "reached", [FIELD_ack] = "ack", [FIELD_timeout] = "timeout", [FIELD_id] = "id", [FIELD_ref] = "ref", [FIELD_close] = "close",
    [FIELD_after] = "after", [FIELD_limit] = "limit", [FIELD_realm] = "realm", [FIELD_user] = "user",
    [FIELD_room] = "room", [FIELD_gateway] = "gateway", [FIELD_address] = "address", [FIELD_fields] = "fields",
    [FIELD_before] = "before", [FIELD_expires] = "expires",
    [FIELD_follows] = "follows", [FIELD_add] = "add", [FIELD_remove] = "remove",
    [FIELD_event] = "event", [FIELD_reset] = "reset",
};

/* ---- one check a type: true, or what is wanted */

static bool is_text(struct span v, size_t min, size_t max)
{
    return json_type_of(v) == JSON_STRING && v.len >= min + 2 && v.len <= max + 2;
}

static bool is_event(struct span v, const struct verb_limits *limits)
{
    (void)limits;
    uint64_t n;
    return (is_text(v, 1, TEXT_MAX) && !reserved_name(v)) || json_to_uint(v, INT64_MAX, &n);
}

static bool is_nsp(struct span v, const struct verb_limits *limits)
{
    (void)limits;
    return is_text(v, 1, NSP_MAX) && v.ptr[1] == '/' && span_find(v, '\\') < 0 && span_find(v, ',') < 0;
}

static bool is_nsps(struct span v, const struct verb_limits *limits)
{
    return json_string_is(v, SPAN("*")) || is_nsp(v, limits);
}

static bool is_address(struct span v, const struct verb_limits *limits)
{
    (void)limits;
    if (!is_text(v, 1, 2 * ADDRESS_MAX)) return false;
    struct buf text = { 0 };
    struct address a;
    json_unquote(&text, v);
    bool good = address_decode(&a, buf_span(&text)) == OK;
    buf_fini(&text);
    return good;
}

static bool is_addresses(struct span v, const struct verb_limits *limits)
{
    if (json_type_of(v) != JSON_ARRAY) return is_address(v, limits);
    struct span element;
    size_t count = 0;
    while (json_next(&v, &element))
        if (++count > limits->max_addresses || !is_address(element, limits)) return false;
    return count > 0;
}

static bool is_room(struct span v)
{
    return is_text(v, 1, ADDRESS_MAX - sizeof "room:") && memmem(v.ptr, v.len, "\\u0000", 6) == NULL;
}

static bool is_rooms(struct span v, const struct verb_limits *limits)
{
    if (json_type_of(v) != JSON_ARRAY) return is_room(v);
    struct span element;
    size_t count = 0;
    while (json_next(&v, &element))
        if (++count > limits->max_addresses || !is_room(element)) return false;
    return count > 0;
}

static bool is_array(struct span v, const struct verb_limits *limits) { (void)limits; return json_type_of(v) == JSON_ARRAY; }
static bool is_bool(struct span v, const struct verb_limits *limits)  { (void)limits; return json_type_of(v) == JSON_BOOL; }
static bool is_any(struct span v, const struct verb_limits *limits)   { (void)limits; return v.len <= 4 * TEXT_MAX; }
static bool is_short(struct span v, const struct verb_limits *limits) { (void)limits; return is_text(v, 1, TEXT_MAX); }
static bool is_prefix(struct span v, const struct verb_limits *limits) { (void)limits; return is_text(v, 0, TEXT_MAX); }

static bool is_ms(struct span v, const struct verb_limits *limits)
{
    (void)limits;
    uint64_t n;
    return json_to_uint(v, TIMEOUT_MAX_MS, &n) && n > 0;
}

static bool is_count(struct span v, const struct verb_limits *limits)
{
    (void)limits;
    uint64_t n;
    return json_to_uint(v, LIMIT_MAX, &n) && n > 0;
}

static bool is_user(struct span v)
{
    return is_text(v, 1, TEXT_MAX) || (json_type_of(v) == JSON_NUMBER && v.len <= 32);
}

static bool is_one_user(struct span v, const struct verb_limits *limits) { (void)limits; return is_user(v); }

/* Is the text of a string good by that function? */
static bool text_is(struct span v, bool (*good)(struct span text))
{
    if (!is_text(v, 1, TEXT_MAX)) return false;
    struct buf text = { 0 };
    json_unquote(&text, v);
    bool is = good(buf_span(&text));
    buf_fini(&text);
    return is;
}

static bool names_daemon(struct span text)
{
    enum role role;
    uint16_t number;
    return member_id_decode(text, &role, &number) == OK;
}

static bool names_network(struct span text)
{
    struct cidr c;
    return cidr_decode(&c, text) == OK;
}

static bool names_revoked(struct span text)
{
    struct buf name = { 0 };
    bool is = revoked_name(&name, text) == OK;
    buf_fini(&name);
    return is;
}

static bool is_revoked(struct span v, const struct verb_limits *limits)
{
    if (json_type_of(v) != JSON_ARRAY) return text_is(v, names_revoked);
    struct span element;
    size_t count = 0;
    while (json_next(&v, &element))
        if (++count > limits->max_addresses || !text_is(element, names_revoked)) return false;
    return count > 0;
}

static bool is_seconds(struct span v, const struct verb_limits *limits)
{
    (void)limits;
    uint64_t n;
    return json_to_uint(v, SECONDS_MAX, &n) && n > 0;
}

static bool is_daemon(struct span v, const struct verb_limits *limits)  { (void)limits; return text_is(v, names_daemon); }
static bool is_network(struct span v, const struct verb_limits *limits) { (void)limits; return text_is(v, names_network); }

static const char *const socket_fields[VERB_SOCKETS] = {
#define SOCKET(name, doc) #name,
#include "sockets.def"
#undef SOCKET
};

bool verbs_socket(struct span quoted, enum verb_socket *field)
{
    for (int i = 0; i < VERB_SOCKETS; i++)
        if (json_string_is(quoted, span_of(socket_fields[i]))) {
            *field = (enum verb_socket)i;
            return true;
        }
    return false;
}

static bool is_fields(struct span v, const struct verb_limits *limits)
{
    (void)limits;
    struct span element;
    enum verb_socket field;
    size_t count = 0;
    if (json_type_of(v) != JSON_ARRAY) return false;
    while (json_next(&v, &element))
        if (!verbs_socket(element, &field)) return false;
        else count++;
    return count > 0 && count <= 2 * VERB_SOCKETS;
}

static bool is_ids(struct span v, const struct verb_limits *limits)
{
    (void)limits;
    if (json_type_of(v) != JSON_ARRAY) return is_user(v);
    struct span element;
    size_t count = 0;
    while (json_next(&v, &element))
        if (++count > IDS_MAX || !is_user(element)) return false;
    return true;
}

static bool is_users(struct span v, const struct verb_limits *limits)
{
    (void)limits;
    if (json_type_of(v) != JSON_ARRAY) return is_user(v);
    struct span element;
    size_t count = 0;
    while (json_next(&v, &element))
        if (++count > USERS_MAX || !is_user(element)) return false;
    return true;
}

static const struct { bool (*good)(struct span v, const struct verb_limits *limits); const char *wanted; } types[TYPES] = {
    [TYPE_EVENT]     = { is_event,     "a string of 1 to 256 bytes that is none of Socket.IO's own events (`connect`, `connect_error`, `disconnect`, `disconnecting`, `newListener`, `removeListener`), or an integer" },
    [TYPE_NSP]       = { is_nsp,       "a namespace: a string that begins with '/', without comma or backslash" },
    [TYPE_NSPS]      = { is_nsps,      "a namespace as above, or \"*\": all" },
    [TYPE_NSP_ANY]   = { is_nsps,      "a namespace as above, or \"*\": all" },
    [TYPE_ADDRESS]   = { is_address,   "an address: \"user:42\", \"room:lobby\", \"socket:<id>\" or \"*\"" },
    [TYPE_ADDRESSES] = { is_addresses, "an address (\"user:42\", \"room:lobby\", \"socket:<id>\", \"*\") or a list of them, not empty, at most router.max_addresses_count" },
    [TYPE_ROOMS]     = { is_rooms,     "a room's name, 1 to 506 bytes, or a list of names" },
    [TYPE_ARRAY]     = { is_array,     "an array" },
    [TYPE_BOOL]      = { is_bool,      "true or false" },
    [TYPE_MS]        = { is_ms,        "milliseconds, 1 to 60000" },
    [TYPE_COUNT]     = { is_count,     "an integer, 1 to 1000" },
    [TYPE_TEXT]      = { is_short,     "a string of 1 to 256 bytes" },
    [TYPE_PREFIX]    = { is_prefix,    "a string of up to 256 bytes" },
    [TYPE_USER]      = { is_one_user,  "a user id: a string or a number" },
    [TYPE_DAEMON]    = { is_daemon,    "a daemon's id: \"gateway-0\"" },
    [TYPE_NETWORK]   = { is_network,   "an IP address, or a network as \"10.0.0.0/8\"" },
    [TYPE_FIELDS]    = { is_fields,    "a list of names from below, not empty" },
    [TYPE_REVOKED]   = { is_revoked,   "\"user:42\", \"token:<jti>\" or \"*\", or a list of these, not empty, at most router.max_addresses_count" },
    [TYPE_SECONDS]   = { is_seconds,   "Unix seconds, an integer from 1 on" },
    [TYPE_IDS]       = { is_ids,       "a user id (string or number) or a list of at most 10000" },
    [TYPE_USERS]     = { is_users,     "a user id (string or number) or a list of at most 1000" },
    [TYPE_ANY]       = { is_any,       "any JSON of up to 1024 bytes" },
};

/* ---- the check */

static enum err refuse(struct verb_problem *p, enum err e, const char *code, struct span field, const char *message)
{
    *p = (struct verb_problem){ code, field, message };
    return e;
}

/* The index of a quoted key in a list of names, or -1. */
static int name_index(struct span quoted, const char *const *names, size_t stride, int count)
{
    for (int i = 0; i < count; i++) {
        const char *name = *(const char *const *)(const void *)((const char *)names + (size_t)i * stride);
        if (quoted.len == strlen(name) + 2 && json_string_is(quoted, span_of(name))) return i;
    }
    return -1;
}

static struct span unquoted(struct span quoted)
{
    return quoted.len >= 2 ? span_head(span_skip(quoted, 1), quoted.len - 2) : quoted;
}

enum err verbs_check(struct request *r, struct span json, const struct verb_limits *limits, bool addressed, struct verb_problem *p)
{
    const struct span none = { "", 0 };
    *r = (struct request){ .verb = VERB_COUNT, .timeout_ms = limits->answer_ms, .limit = LIMIT_DEFAULT };
    if (json.len > limits->max_body_bytes) return refuse(p, ERR_LIMIT, "too-large", none, "over router.max_body_bytes");
    enum err e = json_check(json, JSON_MAX_DEPTH);
    if (e != OK) return refuse(p, e, "bad-json", none, err_text(e));
    if (json_type_of(json) != JSON_OBJECT) return refuse(p, ERR_TYPE, "bad-json", none, "a request is one JSON object");

    struct span rest = json, key, value;
    while (json_next_member(&rest, &key, &value)) {
        int verb = name_index(key, &verbs[0].name, sizeof verbs[0], VERB_COUNT);
        int field = name_index(key, field_names, sizeof field_names[0], FIELD_COUNT);
        if (field == FIELD_ref) r->field[FIELD_ref] = value;    /* known early: also a refusal carries it back */
        if (verb >= 0 && r->verb != VERB_COUNT && r->verb != (enum verb)verb)
            return refuse(p, ERR_SYNTAX, "two-verbs", unquoted(key), "one verb a request");
        if (verb >= 0) r->verb = (enum verb)verb, r->subject = value;
        else if (field >= 0) r->field[field] = value;
    }
    if (r->verb == VERB_COUNT) return refuse(p, ERR_UNKNOWN, "unknown-verb", none, "no key of the object names a verb");
    if (!types[verbs[r->verb].subject].good(r->subject, limits))
        return refuse(p, ERR_TYPE, "wrong-type", span_of(verbs[r->verb].name), types[verbs[r->verb].subject].wanted);

    rest = json;
    while (json_next_member(&rest, &key, &value)) {
        if (name_index(key, &verbs[0].name, sizeof verbs[0], VERB_COUNT) >= 0) continue;
        int field = name_index(key, field_names, sizeof field_names[0], FIELD_COUNT);
        if (field == FIELD_to && addressed)
            return refuse(p, ERR_DUPLICATE, "two-addresses", SPAN("to"), "the frame before says it already");
        if (field < 0 || fields[r->verb][field].need == FIELD_UNKNOWN)
            return refuse(p, ERR_UNKNOWN, "unknown-field", unquoted(key), "this verb has no such field");
        if (!types[fields[r->verb][field].type].good(r->field[field], limits))
            return refuse(p, ERR_TYPE, "wrong-type", unquoted(key), types[fields[r->verb][field].type].wanted);
    }
    if (addressed && fields[r->verb][FIELD_to].need == FIELD_UNKNOWN)
        return refuse(p, ERR_UNKNOWN, "unknown-field", SPAN("to"), "this verb takes no address, in no frame of its own either");
    for (int i = 0; i < FIELD_COUNT; i++)
        if (fields[r->verb][i].need == FIELD_REQUIRED && r->field[i].len == 0 && !(i == FIELD_to && addressed))
            return refuse(p, ERR_MISSING, "missing-field", span_of(field_names[i]), fields[r->verb][i].doc);

    uint64_t n;
    if (json_to_uint(r->field[FIELD_timeout], TIMEOUT_MAX_MS, &n)) r->timeout_ms = (uint32_t)n;
    if (json_to_uint(r->field[FIELD_limit], LIMIT_MAX, &n)) r->limit = (uint32_t)n;
    return OK;
}

const char *verb_name(enum verb verb)
{
    return verb < VERB_COUNT ? verbs[verb].name : "";
}

enum verb_plane verb_plane(enum verb verb)
{
    return verbs[verb].plane;
}

void verbs_namespace(struct buf *out, const struct request *r)
{
    static const char *const defaults[TYPES] = { [TYPE_NSP] = "/", [TYPE_NSPS] = "/", [TYPE_NSP_ANY] = "*" };
    if (r->field[FIELD_nsp].len) json_unquote(out, r->field[FIELD_nsp]);
    else if (!fields[r->verb][FIELD_nsp].need) buf_add(out, r->verb == VERB_health || r->verb == VERB_topology ? SPAN("") : SPAN("*"));
    else buf_add(out, span_of(defaults[fields[r->verb][FIELD_nsp].type]));
}

static bool listed(const struct config_strings *list, struct span text, bool (*fits)(struct span entry, struct span text))
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i], "*") == 0 || fits(span_of(list->at[i]), text)) return true;
    return false;
}

bool verbs_allow_namespace(const struct config_plane *plane, struct span nsp)
{
    return listed(&plane->namespaces, nsp, namespace_fits);
}

bool verbs_allowed(const struct config_plane *plane, enum verb verb, struct span nsp)
{
    return listed(&plane->verbs, span_of(verb_name(verb)), span_same) && (nsp.len == 0 || verbs_allow_namespace(plane, nsp));
}

/* ---- from request to body */

void verbs_texts(struct buf *strs, struct span v)
{
    struct buf text = { 0 };
    struct span element = v;
    bool list = json_type_of(v) == JSON_ARRAY;
    while (v.len && (list ? json_next(&v, &element) : true)) {
        buf_clear(&text);
        json_unquote(&text, element);
        msg_add_str(strs, buf_span(&text));
        if (!list) break;
    }
    buf_fini(&text);
}

void verbs_body(struct buf *out, const struct request *r, struct span to_frame, struct span attachments, uint64_t wall)
{
    static const enum body_kind kinds[VERB_COUNT] = {
        [VERB_emit] = BODY_EMIT, [VERB_join] = BODY_JOIN, [VERB_leave] = BODY_LEAVE, [VERB_disconnect] = BODY_DISCONNECT };
    struct buf nsp = { 0 }, to = { 0 }, except = { 0 }, args = { 0 };
    struct msg_BODY body = { .kind = (uint8_t)kinds[r->verb], .attachments = attachments, .time = wall, .ack_timeout = r->timeout_ms };
    if (r->field[FIELD_nsp].len) json_unquote(&nsp, r->field[FIELD_nsp]);
    else buf_add_literal(&nsp, "/");
    if (to_frame.len) msg_add_str(&to, to_frame);
    else verbs_texts(&to, r->verb == VERB_disconnect ? r->subject : r->field[FIELD_to]);
    verbs_texts(&except, r->field[FIELD_except]);
    if (json_is_true(r->field[FIELD_volatile])) body.flags |= BODY_VOLATILE;
    if (json_is_true(r->field[FIELD_ack])) body.flags |= BODY_ACK;
    if (json_is_true(r->field[FIELD_close])) body.flags |= BODY_CLOSE;
    if (json_is_true(r->field[FIELD_reached]) || r->verb != VERB_emit) body.flags |= BODY_REACHED;
    if (r->verb == VERB_emit) {
        struct span rest = r->field[FIELD_args], first;
        buf_add_byte(&args, '[');
        buf_add(&args, r->subject);
        while (rest.len && json_next(&rest, &first)) buf_add_byte(&args, ','), buf_add(&args, first);
        buf_add_byte(&args, ']');
    } else if (r->verb == VERB_join || r->verb == VERB_leave) {
        verbs_texts(&args, r->subject);
    } else {
        buf_add_literal(&args, "server namespace disconnect");
    }
    body.nsp = buf_span(&nsp), body.to = buf_span(&to), body.except = buf_span(&except), body.args = buf_span(&args);
    msg_encode_BODY(out, &body);
    buf_fini(&nsp), buf_fini(&to), buf_fini(&except), buf_fini(&args);
}

/* ---- the table for programs */

void verbs_print(struct buf *json)
{
    static const struct { enum verb verb; const char *json; } rows[] = {
#define VERB(name, plane, subject, doc) { VERB_##name, "]},{\"verb\":\"" #name "\",\"plane\":\"" #plane "\",\"subject\":\"" #subject "\",\"fields\":[" },
#define FIELD(verb, name, type, need, doc) { VERB_##verb, ",{\"name\":\"" #name "\",\"type\":\"" #type "\",\"need\":\"" #need "\"}" },
#include "verbs.def"
#undef VERB
#undef FIELD
    };
    buf_add_byte(json, '[');
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span row = span_of(rows[i].json);
        if (i == 0) (void)span_eat_prefix(&row, SPAN("]},"));
        if (i && rows[i].verb == rows[i - 1].verb && span_has_prefix(span_of(rows[i - 1].json), SPAN("]}"))) (void)span_eat(&row, ',');
        buf_add(json, row);
    }
    buf_add_literal(json, "]}]\n");
}

/* ---- docs/ZMQ-API.md */

static void document_sockets(struct buf *out)
{
    buf_add_literal(out, "\n| of a socket | |\n|---|---|\n");
#define SOCKET(name, doc) buf_add_literal(out, "| `" #name "` | " doc " |\n");
#include "sockets.def"
#undef SOCKET
}

void verbs_document(struct buf *out)
{
    for (int v = 0; v < VERB_COUNT; v++) {
        buf_add_format(out, "\n### `%s`\n\n%s. Plane: %s.\n\n| field | | what it is |\n|---|---|---|\n| `%s` | subject | %s |\n",
                       verbs[v].name, verbs[v].doc, verbs[v].plane == PLANE_PUBLISH ? "publish" : "administration",
                       verbs[v].name, types[verbs[v].subject].wanted);
        for (int f = 0; f < FIELD_COUNT; f++)
            if (fields[v][f].need)
                buf_add_format(out, "| `%s` | %s | %s; %s |\n", field_names[f],
                               fields[v][f].need == FIELD_REQUIRED ? "required" : "optional", fields[v][f].doc, types[fields[v][f].type].wanted);
        if (v == VERB_sockets) document_sockets(out);
    }
}
