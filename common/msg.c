#include "msg.h"
#include "little.h"

/* ---- numbers and texts, one function a type of field: size, put, take */

static inline size_t size_u8(uint8_t n)       { (void)n; return 1; }
static inline size_t size_u16(uint16_t n)     { (void)n; return 2; }
static inline size_t size_u32(uint32_t n)     { (void)n; return 4; }
static inline size_t size_u64(uint64_t n)     { (void)n; return 8; }
static inline size_t size_str(struct span s)  { return 4 + s.len; }
static inline size_t size_strs(struct span s) { return 4 + s.len; }

static inline char *put_u8(char *at, uint8_t n)   { return little_put(at, n, 1); }
static inline char *put_u16(char *at, uint16_t n) { return little_put(at, n, 2); }
static inline char *put_u32(char *at, uint32_t n) { return little_put(at, n, 4); }
static inline char *put_u64(char *at, uint64_t n) { return little_put(at, n, 8); }

static inline char *put_str(char *at, struct span s)
{
    NEED(s.len <= UINT32_MAX);
    at = little_put(at, s.len, 4);
    if (s.len) memcpy(at, s.ptr, s.len);
    return at + s.len;
}

static inline char *put_strs(char *at, struct span s)
{
    return put_str(at, s);
}

/* Nothing left is a field that the sender's version did not know: zero. */
static inline __attribute__((always_inline)) enum err take(struct span *in, uint64_t *n, size_t bytes)
{
    *n = 0;
    if (in->len == 0) return OK;
    if (in->len < bytes) return ERR_TRUNC;
    *n = little_get(in->ptr, bytes);
    *in = span_skip(*in, bytes);
    return OK;
}

#define TAKE_NUMBER(bits) \
    static inline enum err take_u##bits(struct span *in, uint##bits##_t *n) \
    { \
        uint64_t wide; \
        enum err e = take(in, &wide, bits / 8); \
        *n = (uint##bits##_t)wide; \
        return e; \
    }
TAKE_NUMBER(8)
TAKE_NUMBER(16)
TAKE_NUMBER(32)
TAKE_NUMBER(64)

static inline enum err take_str(struct span *in, struct span *s)
{
    uint64_t len;
    enum err e = take(in, &len, 4);
    if (e != OK || len > in->len) return ERR_TRUNC;
    *s = span_head(*in, len);
    *in = span_skip(*in, len);
    return OK;
}

static enum err take_strs(struct span *in, struct span *s)
{
    enum err e = take_str(in, s);
    struct span each;
    for (struct span rest = *s; e == OK && rest.len;)
        if (rest.len < 4 || take_str(&rest, &each) != OK) e = ERR_LIMIT;
    return e;
}

/* ---- the messages, out of msg.def: how large, its fields, then the whole */

#define F(type, name, doc) size += size_##type(m->name);
#define MSG(name, class, doc, fields) \
    static inline size_t size_##name(const struct msg_##name *m) { size_t size = 0; fields return size; }
#include "msg.def"
#undef MSG
#undef F

#define F(type, name, doc) at = put_##type(at, m->name);
#define MSG(name, class, doc, fields) \
    static inline void put_##name(char *at, const struct msg_##name *m) { fields (void)at; }
#include "msg.def"
#undef MSG
#undef F

static inline char *put_head(char *at, enum msg_type type, enum msg_class class, size_t size)
{
    NEED(size < UINT32_MAX);
    at = put_u32(at, (uint32_t)(size + 1));
    return put_u8(at, (uint8_t)(type | (class == MSG_DATAGRAM ? MSG_DATAGRAM_BIT : 0)));
}

#define MSG(name, class, doc, fields) \
    void msg_encode_##name(struct buf *out, const struct msg_##name *m) \
    { \
        size_t size = size_##name(m), head = MSG_##class == MSG_RECORD ? 0 : MSG_HEAD_BYTES; \
        char *at = buf_room(out, head + size); \
        if (head) at = put_head(at, MSG_##name, MSG_##class, size); \
        put_##name(at, m); \
        buf_grew(out, head + size); \
    }
#include "msg.def"
#undef MSG

#define F(type, name, doc) if (e == OK) e = take_##type(&in, &m->name);
#define MSG(name, class, doc, fields) \
    enum err msg_decode_##name(struct msg_##name *m, struct span in) { enum err e = OK; fields return e; }
#include "msg.def"
#undef MSG
#undef F

/* ---- the table, for what is not on a message's way */

struct field {
    enum { KIND_u8, KIND_u16, KIND_u32, KIND_u64, KIND_str, KIND_strs } kind;
    const char *type, *name, *doc;
};

#define F(type, name, doc) { KIND_##type, #type, #name, doc },
#define MSG(name, class, doc, fields) static const struct field fields_##name[] = { fields };
#include "msg.def"
#undef MSG
#undef F

static const struct shape {
    const char         *name, *doc;
    const struct field *fields;
    size_t              count;
    enum msg_class      class;
} shapes[MSG_TYPES_MAX] = {
    [MSG_NONE] = { "NONE", "", NULL, 0, MSG_RECORD },
#define MSG(name, class, doc, fields) \
    [MSG_##name] = { #name, doc, fields_##name, sizeof fields_##name / sizeof fields_##name[0], MSG_##class },
#include "msg.def"
#undef MSG
};

static const char *const class_names[] = { "reliable", "datagram", "record" };

const char *msg_name(enum msg_type type)
{
    return (unsigned)type < MSG_COUNT ? shapes[type].name : "?";
}

enum msg_class msg_class(enum msg_type type)
{
    return (unsigned)type < MSG_COUNT ? shapes[type].class : MSG_RECORD;
}

bool msg_next(struct span *frame, enum msg_type *type, struct span *fields, enum err *e)
{
    *e = OK;
    if (frame->len == 0) return false;
    struct span rest = *frame;
    uint64_t len;
    *e = ERR_TRUNC;
    if (rest.len < MSG_HEAD_BYTES) return false;
    (void)take(&rest, &len, 4);
    if (len == 0 || len > rest.len) return false;
    unsigned byte = (unsigned char)rest.ptr[0], number = byte & ~(unsigned)MSG_DATAGRAM_BIT;
    *type = number < MSG_COUNT ? (enum msg_type)number : MSG_NONE;
    if (*type != MSG_NONE) {
        *e = ERR_UNKNOWN;
        if (shapes[number].class == MSG_RECORD) return false;
        *e = ERR_SYNTAX;
        if ((shapes[number].class == MSG_DATAGRAM) != (byte != number)) return false;
    }
    *fields = (struct span){ rest.ptr + 1, len - 1 };
    *frame = span_skip(rest, len);
    *e = OK;
    return true;
}

/* ---- lists */

void msg_add_str(struct buf *strs, struct span str)
{
    char *at = buf_room(strs, 4 + str.len);
    put_str(at, str);
    buf_grew(strs, 4 + str.len);
}

bool msg_next_str(struct span *strs, struct span *str)
{
    return strs->len > 0 && take_str(strs, str) == OK;
}

size_t msg_count_strs(struct span strs)
{
    size_t count = 0;
    struct span str;
    while (msg_next_str(&strs, &str)) count++;
    return count;
}

/* ---- for people */

static void print_text(struct buf *out, struct span s)
{
    enum { SHOWN = 100 };
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= ' ' && c != 0x7f) continue;
        buf_add_format(out, "<%zu bytes>", s.len);
        return;
    }
    buf_add(out, span_head(s, SHOWN));
    if (s.len > SHOWN) buf_add_format(out, "... (%zu)", s.len);
}

static void print_list(struct buf *out, struct span strs)
{
    struct span str;
    const char *before = "[";
    while (msg_next_str(&strs, &str)) {
        buf_add(out, span_of(before));
        print_text(out, str);
        before = ", ";
    }
    buf_add_byte(out, ']');
}

static enum err print_field(struct buf *out, const struct field *f, struct span *in)
{
    static const size_t bytes[] = { [KIND_u8] = 1, [KIND_u16] = 2, [KIND_u32] = 4, [KIND_u64] = 8 };
    uint64_t n = 0;
    struct span s = SPAN("");
    enum err e = f->kind == KIND_strs ? take_strs(in, &s) : f->kind == KIND_str ? take_str(in, &s)
               : take(in, &n, bytes[f->kind]);
    if (e != OK || (n == 0 && s.len == 0)) return e;        /* zero and empty go without saying */
    buf_add_byte(out, ' ');
    buf_add(out, span_of(f->name));
    buf_add_byte(out, '=');
    if (f->kind == KIND_strs) print_list(out, s);
    else if (f->kind == KIND_str) print_text(out, s);
    else buf_add_uint(out, n);
    return OK;
}

void msg_print(struct buf *out, enum msg_type type, struct span fields)
{
    const struct shape *shape = &shapes[(unsigned)type < MSG_COUNT ? type : MSG_NONE];
    buf_add(out, span_of(shape->name));
    for (size_t i = 0; i < shape->count; i++) {
        enum err e = print_field(out, &shape->fields[i], &fields);
        if (e == OK) continue;
        buf_add_byte(out, ' ');
        buf_add(out, span_of(err_name(e)));
        return;
    }
}

static void document_row(struct buf *out, const struct shape *shape, unsigned type)
{
    unsigned byte = type | (shape->class == MSG_DATAGRAM ? MSG_DATAGRAM_BIT : 0);
    if (shape->class == MSG_RECORD) buf_add_format(out, "| | **%s** | record |", shape->name);
    else buf_add_format(out, "| `0x%02x` | **%s** | %s |", byte, shape->name, class_names[shape->class]);
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *f = &shape->fields[i];
        buf_add_format(out, "%s%s `%s`%s%s", i ? ";<br>" : " ", f->type, f->name, f->doc[0] ? ": " : "", f->doc);
    }
    buf_add_format(out, " | %s |\n", shape->doc);
}

void msg_document(struct buf *out)
{
    buf_add_literal(out, "| type | message | class | fields, in this order | meaning |\n|---|---|---|---|---|\n");
    for (unsigned type = MSG_NONE + 1; type < MSG_COUNT; type++) document_row(out, &shapes[type], type);
}

/* ---- who is who */

static const char *const role_names[ROLE_COUNT] = {
    [ROLE_NONE] = "none", [ROLE_ROUTER] = "router", [ROLE_GATEWAY] = "gateway",
    [ROLE_PRESENCE] = "presence", [ROLE_AUTH] = "auth",
};

const char *role_name(enum role role)
{
    return (unsigned)role < ROLE_COUNT ? role_names[role] : role_names[ROLE_NONE];
}

enum role role_of(struct span name)
{
    for (enum role r = ROLE_NONE + 1; r < ROLE_COUNT; r++)
        if (span_same(name, span_of(role_names[r]))) return r;
    return ROLE_NONE;
}

enum err member_id_decode(struct span id, enum role *role, uint16_t *number)
{
    enum { HIGHEST = UINT16_MAX - 1 };      /* the last one is rank.h's nobody */
    uint64_t n;
    *role = role_of(span_cut(&id, '-'));
    if (*role == ROLE_NONE || !span_to_uint(id, HIGHEST, &n)) return ERR_SYNTAX;
    if (id.len > 1 && id.ptr[0] == '0') return ERR_SYNTAX;
    *number = (uint16_t)n;
    return OK;
}

void member_id_encode(struct buf *out, enum role role, uint16_t number)
{
    buf_add(out, span_of(role_name(role)));
    buf_add_byte(out, '-');
    buf_add_uint(out, number);
}
