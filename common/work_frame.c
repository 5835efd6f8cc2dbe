#include "work_frame.h"

#include "address.h"
#include "json.h"
#include "namespace.h"
#include "reserved.h"

enum { TEXT_MAX = 256, NAME_MAX_BYTES = 64, MESSAGE_MAX = 1024 };

/* ---- the tables */

enum by { BY_WORKER, BY_ROUTER, BY_BOTH, BY_PART };
static const struct { const char *name; enum by by; enum work_type subject; const char *doc; } frames[WORK_FRAMES] = {
#define FRAME(name, by, subject, doc) [WORK_FRAME_##name] = { #name, BY_##by, WORK_T_##subject, doc },
#define FIELD(frame, name, type, need, doc)
#include "work.def"
#undef FRAME
#undef FIELD
};

enum need { FIELD_UNKNOWN, FIELD_OPTIONAL, FIELD_REQUIRED };
static const struct { enum need need; enum work_type type; const char *doc; } fields[WORK_FRAMES][WORK_FIELDS] = {
#define FRAME(name, by, subject, doc)
#define FIELD(frame, name, type, need, doc) [WORK_FRAME_##frame][WORK_F_##name] = { FIELD_##need, WORK_T_##type, doc },
#include "work.def"
#undef FRAME
#undef FIELD
};

static const char *const field_names[WORK_FIELDS] = {
    [WORK_F_namespaces] = "namespaces", [WORK_F_events] = "events", [WORK_F_capacity] = "capacity", [WORK_F_joins] = "joins", [WORK_F_leaves] = "leaves",
    [WORK_F_emits] = "emits", [WORK_F_replies] = "replies", [WORK_F_ack] = "ack", [WORK_F_refuse] = "refuse", [WORK_F_disconnect] = "disconnect",
    [WORK_F_event] = "event", [WORK_F_to] = "to", [WORK_F_args] = "args", [WORK_F_except] = "except", [WORK_F_volatile] = "volatile", [WORK_F_nsp] = "nsp",
    [WORK_F_message] = "message", [WORK_F_data] = "data", [WORK_F_beat] = "beat", [WORK_F_silence] = "silence", [WORK_F_waits] = "waits",
    [WORK_F_recovered] = "recovered", [WORK_F_socket] = "socket", [WORK_F_user] = "user", [WORK_F_claims] = "claims", [WORK_F_handshake] = "handshake",
    [WORK_F_reply] = "reply",
};

/* ---- one check a type */

struct check {
    const struct work_limits *limits;
    struct work_problem      *problem;
};

static enum err check_part(struct check *c, struct work_frame *f, enum work_frame_kind kind, struct span json);

static bool is_text(struct span v, size_t min, size_t max)
{
    return json_type_of(v) == JSON_STRING && v.len >= min + 2 && v.len <= max + 2;
}

static bool is_name(struct check *c, struct span v) { (void)c; return is_text(v, 1, NAME_MAX_BYTES) && span_find(v, '\\') < 0; }
static bool is_ref(struct check *c, struct span v)  { (void)c; return is_text(v, 1, WORK_REF_MAX) && span_find(v, '\\') < 0; }
static bool is_array(struct check *c, struct span v) { (void)c; return json_type_of(v) == JSON_ARRAY; }
static bool is_bool(struct check *c, struct span v) { (void)c; return json_type_of(v) == JSON_BOOL; }
static bool is_message(struct check *c, struct span v) { (void)c; return is_text(v, 1, MESSAGE_MAX); }
static bool is_any(struct check *c, struct span v)  { (void)c; return v.len <= TEXT_MAX; }
static bool is_json(struct check *c, struct span v) { (void)c; return v.len > 0; }

static bool is_event(struct check *c, struct span v)
{
    (void)c;
    uint64_t n;
    return (is_text(v, 1, TEXT_MAX) && !reserved_name(v)) || json_to_uint(v, INT64_MAX, &n);
}

static bool is_count(struct check *c, struct span v)
{
    (void)c;
    uint64_t n;
    return json_to_uint(v, UINT32_MAX, &n);
}

static bool is_capacity(struct check *c, struct span v)
{
    uint64_t n;
    return json_to_uint(v, c->limits->max_capacity, &n) && n > 0;
}

static bool listed(const struct config_strings *list, struct span nsp)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i], "*") == 0 || span_same(span_of(list->at[i]), nsp) || namespace_fits(span_of(list->at[i]), nsp)) return true;
    return false;
}

/* A namespace, or a pattern, that the socket's allow-list has: "*" in it allows all, a pattern there what it fits. */
static bool is_nsp(struct check *c, struct span v)
{
    if (!is_text(v, 1, TEXT_MAX) || span_find(v, '\\') >= 0 || span_find(v, ',') >= 0) return false;
    struct span nsp = span_head(span_skip(v, 1), v.len - 2);
    return (span_starts(nsp, '/') || span_same(nsp, SPAN("*"))) && listed(&c->limits->plane->namespaces, nsp);
}

typedef bool one_check(struct check *c, struct span v);

static bool is_list(struct check *c, struct span v, size_t min, size_t max, one_check *one)
{
    struct span element;
    size_t count = 0;
    if (json_type_of(v) != JSON_ARRAY) return false;
    while (json_next(&v, &element))
        if (++count > max || !one(c, element)) return false;
    return count >= min;
}

static bool is_pattern(struct check *c, struct span v) { (void)c; return is_text(v, 1, TEXT_MAX); }
static bool is_namespaces(struct check *c, struct span v) { return is_list(c, v, 1, WORK_NAMESPACES_MAX, is_nsp); }
static bool is_events(struct check *c, struct span v) { return is_list(c, v, 1, WORK_EVENTS_MAX, is_pattern); }

static bool is_address(struct check *c, struct span v)
{
    (void)c;
    if (!is_text(v, 1, 2 * ADDRESS_MAX)) return false;
    struct buf text = { 0 };
    struct address a;
    json_unquote(&text, v);
    bool good = address_decode(&a, buf_span(&text)) == OK;
    buf_fini(&text);
    return good;
}

static bool is_addresses(struct check *c, struct span v)
{
    return json_type_of(v) == JSON_ARRAY ? is_list(c, v, 1, c->limits->max_addresses, is_address) : is_address(c, v);
}

static bool is_room(struct check *c, struct span v)
{
    (void)c;
    return is_text(v, 1, ADDRESS_MAX - sizeof "room:") && memmem(v.ptr, v.len, "\\u0000", 6) == NULL;
}

static bool is_rooms(struct check *c, struct span v)
{
    return json_type_of(v) == JSON_ARRAY ? is_list(c, v, 0, WORK_ITEMS_MAX, is_room) : is_room(c, v);
}

static bool is_part(struct check *c, struct span v, enum work_frame_kind kind)
{
    struct work_frame inner;
    return check_part(c, &inner, kind, v) == OK;
}

static bool is_emit(struct check *c, struct span v)    { return is_part(c, v, WORK_FRAME_emit); }
static bool is_answer(struct check *c, struct span v)  { return is_part(c, v, WORK_FRAME_answer); }
static bool is_refusal(struct check *c, struct span v) { return is_part(c, v, WORK_FRAME_refusal); }
static bool is_emits(struct check *c, struct span v)   { return is_list(c, v, 0, WORK_ITEMS_MAX, is_emit); }
static bool is_answers(struct check *c, struct span v) { return is_list(c, v, 0, WORK_ITEMS_MAX, is_answer); }

static const struct { one_check *good; const char *wanted; } types[WORK_TYPES] = {
    [WORK_T_NAME]       = { is_name,       "a string of 1 to 64 bytes, without backslash" },
    [WORK_T_NSP]        = { is_nsp,        "a namespace that this socket's allow-list has: a string that begins with '/', without comma or backslash" },
    [WORK_T_NAMESPACES] = { is_namespaces, "a list of 1 to 64 namespaces, patterns or `*`, which this socket's allow-list has" },
    [WORK_T_EVENTS]     = { is_events,     "a list of 1 to 1000 strings of 1 to 256 bytes" },
    [WORK_T_CAPACITY]   = { is_capacity,   "an integer, 1 to router.max_worker_requests" },
    [WORK_T_REF]        = { is_ref,        "the request's own text" },
    [WORK_T_ROOMS]      = { is_rooms,      "a room's name, 1 to 506 bytes, or a list of at most 256" },
    [WORK_T_EMITS]      = { is_emits,      "a list of at most 256" },
    [WORK_T_ANSWERS]    = { is_answers,    "a list of at most 256" },
    [WORK_T_REFUSAL]    = { is_refusal,    "a `refusal`" },
    [WORK_T_ARRAY]      = { is_array,      "an array" },
    [WORK_T_BOOL]       = { is_bool,       "true or false" },
    [WORK_T_COUNT]      = { is_count,      "an integer" },
    [WORK_T_TEXT]       = { is_message,    "a string of 1 to 1024 bytes" },
    [WORK_T_JSON]       = { is_json,       "any JSON" },
    [WORK_T_ADDRESSES]  = { is_addresses,  "an address (\"user:42\", \"room:lobby\", \"socket:<id>\", \"*\") or a list of them, not empty, at most router.max_addresses_count" },
    [WORK_T_EVENT]      = { is_event,      "a string of 1 to 256 bytes that is none of Socket.IO's own events, or an integer" },
    [WORK_T_ANY]        = { is_any,        "any JSON of up to 256 bytes" },
};

/* ---- the check */

static enum err refuse(struct check *c, enum err e, const char *code, struct span field, const char *message)
{
    if (!c->problem->code) *c->problem = (struct work_problem){ code, field, message };     /* the innermost one says most */
    return e;
}

static struct span unquoted(struct span quoted)
{
    return quoted.len >= 2 ? span_head(span_skip(quoted, 1), quoted.len - 2) : quoted;
}

static int frame_of(struct span key)
{
    for (int i = 0; i < WORK_FRAMES; i++)
        if ((frames[i].by == BY_WORKER || frames[i].by == BY_BOTH) && json_string_is(key, span_of(frames[i].name))) return i;
    return -1;
}

int work_field_of(struct span key)
{
    for (int i = 0; i < WORK_FIELDS; i++)
        if (json_string_is(key, span_of(field_names[i]))) return i;
    return -1;
}

static enum err take_field(struct check *c, struct work_frame *f, struct span key, struct span value)
{
    int field = work_field_of(key);
    if (field < 0 || fields[f->kind][field].need == FIELD_UNKNOWN)
        return refuse(c, ERR_UNKNOWN, "unknown-field", unquoted(key), "this frame has no such field");
    f->field[field] = value;
    if (types[fields[f->kind][field].type].good(c, value)) return OK;
    return refuse(c, ERR_TYPE, "wrong-type", span_of(field_names[field]), types[fields[f->kind][field].type].wanted);
}

static enum err all_there(struct check *c, const struct work_frame *f)
{
    for (int i = 0; i < WORK_FIELDS; i++)
        if (fields[f->kind][i].need == FIELD_REQUIRED && f->field[i].len == 0)
            return refuse(c, ERR_MISSING, "missing-field", span_of(field_names[i]), fields[f->kind][i].doc);
    return OK;
}

static enum err check_part(struct check *c, struct work_frame *f, enum work_frame_kind kind, struct span json)
{
    struct span rest = json, key, value;
    enum err e = OK;
    *f = (struct work_frame){ .kind = kind };
    if (json_type_of(json) != JSON_OBJECT) return ERR_TYPE;
    while (e == OK && json_next_member(&rest, &key, &value)) e = take_field(c, f, key, value);
    return e == OK ? all_there(c, f) : e;
}

enum err work_frame_check(struct work_frame *f, struct span json, const struct work_limits *limits, struct work_problem *problem)
{
    const struct span none = { "", 0 };
    struct check c = { limits, problem };
    *problem = (struct work_problem){ NULL, none, "" };
    *f = (struct work_frame){ .kind = WORK_FRAMES, .subject = none };
    if (json.len > limits->max_bytes) return refuse(&c, ERR_LIMIT, "too-large", none, "over router.max_body_bytes");
    enum err e = json_check(json, JSON_MAX_DEPTH);
    if (e != OK) return refuse(&c, e, "bad-json", none, err_text(e));
    if (json_type_of(json) != JSON_OBJECT) return refuse(&c, ERR_TYPE, "bad-json", none, "a frame is one JSON object");

    struct span rest = json, key, value;
    while (json_next_member(&rest, &key, &value)) {
        int kind = frame_of(key);
        if (kind < 0) continue;
        if (f->kind != WORK_FRAMES) return refuse(&c, ERR_SYNTAX, "two-frames", unquoted(key), "one of them at a time");
        f->kind = (enum work_frame_kind)kind, f->subject = value;
    }
    if (f->kind == WORK_FRAMES) return refuse(&c, ERR_UNKNOWN, "unknown-frame", none, "no key of the object names a frame: ready, reply, ping, pong or bye");
    if (!types[frames[f->kind].subject].good(&c, f->subject)) {
        f->subject = none;
        return refuse(&c, ERR_TYPE, "wrong-type", span_of(frames[f->kind].name), types[frames[f->kind].subject].wanted);
    }
    for (rest = json; e == OK && json_next_member(&rest, &key, &value); )
        if (frame_of(key) < 0) e = take_field(&c, f, key, value);
    return e == OK ? all_there(&c, f) : e;
}

/* ---- what a router says */

static void add_or_null(struct buf *json, struct span value)
{
    buf_add(json, value.len ? value : SPAN("null"));
}

void work_frame_request(struct buf *json, struct span ref, const struct msg_WORK *w)
{
    buf_add_literal(json, "{\"request\":\"");
    buf_add(json, ref);
    buf_add_literal(json, "\",\"nsp\":");
    json_quote(json, w->nsp);
    buf_add_literal(json, ",\"event\":");
    buf_add(json, w->event);
    buf_add_literal(json, ",\"args\":");
    buf_add(json, w->args.len ? w->args : SPAN("[]"));
    buf_add(json, w->ack ? SPAN(",\"ack\":true") : SPAN(",\"ack\":false"));
    if (w->kind == WORK_ADMIT) buf_add_literal(json, ",\"waits\":true");
    if (w->recovered) buf_add_literal(json, ",\"recovered\":true");
    buf_add_literal(json, ",\"socket\":");
    json_quote(json, w->socket);
    buf_add_literal(json, ",\"user\":");
    add_or_null(json, w->user);
    buf_add_literal(json, ",\"claims\":");
    add_or_null(json, w->claims);
    buf_add_literal(json, ",\"handshake\":{\"address\":");
    json_quote(json, w->address);
    buf_add_literal(json, ",\"query\":");
    buf_add(json, w->query.len ? w->query : SPAN("{}"));
    buf_add_literal(json, ",\"headers\":{");
    if (w->agent.len) buf_add_literal(json, "\"user-agent\":"), json_quote(json, w->agent);
    buf_add_format(json, "},\"time\":%llu}}", (unsigned long long)w->time);
}

void work_frame_error(struct buf *json, const struct work_problem *p, struct span reply)
{
    buf_add_format(json, "{\"error\":{\"code\":\"%s\",\"message\":", p->code);
    json_quote(json, span_of(p->message));
    buf_add_literal(json, ",\"field\":");
    json_quote(json, p->field);
    buf_add_byte(json, '}');
    if (reply.len) buf_add_literal(json, ",\"reply\":"), buf_add(json, reply);
    buf_add_byte(json, '}');
}

/* ---- docs/ZMQ-API.md */

void work_frame_document(struct buf *out)
{
    static const char *const by[] = { [BY_WORKER] = "A worker says it", [BY_ROUTER] = "A router says it", [BY_BOTH] = "Either says it", [BY_PART] = "A part of others" };
    for (int v = 0; v < WORK_FRAMES; v++) {
        buf_add_format(out, "\n#### `%s`\n\n%s. %s.\n\n| field | | what it is |\n|---|---|---|\n", frames[v].name, frames[v].doc, by[frames[v].by]);
        if (frames[v].by != BY_PART) buf_add_format(out, "| `%s` | subject | %s |\n", frames[v].name, types[frames[v].subject].wanted);
        for (int f = 0; f < WORK_FIELDS; f++)
            if (fields[v][f].need)
                buf_add_format(out, "| `%s` | %s | %s; %s |\n", field_names[f],
                               fields[v][f].need == FIELD_REQUIRED ? "required" : "optional", fields[v][f].doc, types[fields[v][f].type].wanted);
    }
}
