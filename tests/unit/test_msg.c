#include "msg.h"
#include "t.h"

/* One of each message with every field filled, made of msg.def like the codec. */
static uint64_t filler;
static char filler_list[] = "\3\0\0\0abc\0\0\0\0\2\0\0\0de";
static inline msg_u8   fill_u8(void)   { return (msg_u8)(filler += 0x11); }
static inline msg_u16  fill_u16(void)  { return (msg_u16)(filler += 0x1111); }
static inline msg_u32  fill_u32(void)  { return (msg_u32)(filler += 0x11111111); }
static inline msg_u64  fill_u64(void)  { return (msg_u64)(filler += 0x1111111111111111); }
static inline msg_str  fill_str(void)  { return span_from("a text", (size_t)(filler++ % 7)); }
static inline msg_strs fill_strs(void) { return span_from(filler_list, filler++ % 2 ? 0 : sizeof filler_list - 1); }

static inline bool same_u8(msg_u8 a, msg_u8 b)       { return a == b; }
static inline bool same_u16(msg_u16 a, msg_u16 b)    { return a == b; }
static inline bool same_u32(msg_u32 a, msg_u32 b)    { return a == b; }
static inline bool same_u64(msg_u64 a, msg_u64 b)    { return a == b; }
static inline bool same_str(msg_str a, msg_str b)    { return span_same(a, b); }
static inline bool same_strs(msg_strs a, msg_strs b) { return span_same(a, b); }

#define F(type, name, doc) m.name = fill_##type();
#define MSG(name, class, doc, fields) \
    static void sample_##name(struct buf *out) { struct msg_##name m; fields msg_encode_##name(out, &m); }
#include "msg.def"
#undef MSG
#undef F

#define F(type, name, doc) && same_##type(a->name, b->name)
#define MSG(name, class, doc, fields) \
    static bool same_##name(const struct msg_##name *a, const struct msg_##name *b) { return true fields; }
#include "msg.def"
#undef MSG
#undef F

/* Decodes, encodes again. */
#define MSG(name, class, doc, fields) \
    static enum err again_##name(struct buf *out, struct span in) \
    { \
        struct msg_##name m, back; \
        enum err e = msg_decode_##name(&m, in); \
        if (e != OK) return e; \
        msg_encode_##name(out, &m); \
        struct span body = buf_span(out); \
        if (MSG_##class != MSG_RECORD) body = span_skip(body, MSG_HEAD_BYTES); \
        if (msg_decode_##name(&back, body) != OK || !same_##name(&m, &back)) FAIL(#name " does not come back"); \
        return OK; \
    }
#include "msg.def"
#undef MSG

static const struct row {
    const char *name;
    enum msg_type type;
    void (*sample)(struct buf *out);
    enum err (*again)(struct buf *out, struct span in);
} rows[] = {
#define MSG(name, class, doc, fields) { #name, MSG_##name, sample_##name, again_##name },
#include "msg.def"
#undef MSG
};

static struct span fields_of(const struct row *r, struct buf *wire)
{
    struct span frame = buf_span(wire), fields;
    enum msg_type type;
    enum err e;
    if (msg_class(r->type) == MSG_RECORD) return frame;
    CHECK(msg_next(&frame, &type, &fields, &e));
    EQUAL(type, r->type);
    CHECK(!msg_next(&frame, &type, &(struct span){ 0 }, &e));
    EQUAL_ERR(e, OK);
    return fields;
}

TEST(msg_every_message_comes_back)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf wire = { 0 }, back = { 0 };
        r->sample(&wire);
        EQUAL_ERR(r->again(&back, fields_of(r, &wire)), OK);
        SAME_SPAN(buf_span(&back), buf_span(&wire));
        CHECK(span_same(span_of(msg_name(r->type)), span_of(r->name)));
        buf_fini(&wire), buf_fini(&back);
    }
}

TEST(msg_survives_every_prefix)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf wire = { 0 };
        r->sample(&wire);
        struct span whole = fields_of(r, &wire);
        for (size_t n = 0; n <= whole.len; n++) {
            struct buf back = { 0 };
            struct span cut = t_exact(span_head(whole, n));
            enum err e = r->again(&back, cut);
            CHECK(e == OK || e == ERR_TRUNC);       /* OK: cut between two fields, as an older version would */
            buf_clear(&back);
            msg_print(&back, r->type, cut);
            buf_fini(&back);
            struct span frame = t_exact(span_head(buf_span(&wire), n)), fields;
            enum msg_type type;
            if (n && msg_class(r->type) != MSG_RECORD && n < wire.len) {
                CHECK(!msg_next(&frame, &type, &fields, &e));
                EQUAL_ERR(e, ERR_TRUNC);
            }
        }
        buf_fini(&wire);
    }
}

TEST(msg_a_longer_one_is_a_newer_version)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf wire = { 0 }, back = { 0 };
        r->sample(&wire);
        struct buf longer = { 0 };
        buf_add(&longer, fields_of(r, &wire));
        buf_add_literal(&longer, "and more");
        EQUAL_ERR(r->again(&back, buf_span(&longer)), OK);
        SAME_SPAN(buf_span(&back), buf_span(&wire));
        buf_fini(&wire), buf_fini(&back), buf_fini(&longer);
    }
}

TEST(msg_missing_fields_are_zero)
{
    struct msg_EMIT m;
    EQUAL_ERR(msg_decode_EMIT(&m, SPAN("\7\0\0\0\0\0\0\0")), OK);
    EQUAL(m.number, 7);
    EQUAL(m.ref, 0);
    SAME(m.body, "");
}

#define BYTES(literal) { "" literal, sizeof(literal) - 1 }
static const struct broken { const char *name; struct span in; enum err err; } broken[] = {
    { "str beyond its end",     BYTES("\5\0\0\0abcd"), ERR_TRUNC },
    { "half a length",          BYTES("\1\0\0"), ERR_TRUNC },
    { "a huge length",          BYTES("\377\377\377\377"), ERR_TRUNC },
    { "list element too long",  BYTES("\0\0\0\0\5\0\0\0\2\0\0\0x"), ERR_LIMIT },
    { "list ends in a length",  BYTES("\0\0\0\0\2\0\0\0\1\0"), ERR_LIMIT },
    { "a good list",            BYTES("\0\0\0\0\5\0\0\0\1\0\0\0x"), OK },
};

TEST(msg_refuses_broken_texts_and_lists)
{
    const struct broken *r;
    EACH(r, broken) {
        struct buf in = { 0 };
        buf_add_literal(&in, "\1\2\0\0\0\0");       /* BODY: kind, flags, ack_timeout; then nsp, to */
        buf_add(&in, r->in);
        struct msg_BODY m;
        EQUAL_ERR(msg_decode_BODY(&m, t_exact(buf_span(&in))), r->err);
        buf_fini(&in);
    }
}

/* The type byte of row n in msg.def is a fact of the wire. */
static const struct frame { const char *name; struct span in; enum err err; int messages; } frames[] = {
    { "empty",                    BYTES(""), OK, 0 },
    { "an EMIT without fields",   BYTES("\1\0\0\0\15"), OK, 1 },
    { "a BEAT, then a BYE",       BYTES("\1\0\0\0\204" "\1\0\0\0\206"), OK, 2 },
    { "no type",                  BYTES("\0\0\0\0"), ERR_TRUNC, 0 },
    { "no type, and more",        BYTES("\0\0\0\0\15"), ERR_TRUNC, 0 },
    { "longer than the frame",    BYTES("\3\0\0\0\15x"), ERR_TRUNC, 0 },
    { "a record alone",           BYTES("\1\0\0\0\1"), ERR_UNKNOWN, 0 },
    { "EMIT as a datagram",       BYTES("\1\0\0\0\215"), ERR_SYNTAX, 0 },
    { "BEAT as a reliable one",   BYTES("\1\0\0\0\4"), ERR_SYNTAX, 0 },
    { "newer ones are skipped",   BYTES("\2\0\0\0\176x" "\2\0\0\0\376x" "\1\0\0\0\15"), OK, 3 },
};

TEST(msg_walks_frames)
{
    const struct frame *r;
    EACH(r, frames) {
        struct span frame = t_exact(r->in), fields;
        enum msg_type type;
        enum err e;
        int messages = 0;
        while (msg_next(&frame, &type, &fields, &e)) messages++;
        EQUAL_ERR(e, r->err);
        EQUAL(messages, r->messages);
    }
}

TEST(msg_prints_one_line)
{
    struct buf rooms = { 0 }, wire = { 0 }, text = { 0 };
    msg_add_str(&rooms, SPAN("a"));
    msg_add_str(&rooms, SPAN("room:b"));
    EQUAL(msg_count_strs(buf_span(&rooms)), 2);
    msg_encode_REPLAY(&wire, &(struct msg_REPLAY){ .ref = 9, .since = 3, .rooms = buf_span(&rooms) });
    msg_print(&text, MSG_REPLAY, span_skip(buf_span(&wire), MSG_HEAD_BYTES));
    SAME(buf_span(&text), "REPLAY ref=9 since=3 rooms=[a, room:b]");
    buf_clear(&text), buf_clear(&wire);
    msg_encode_EMIT(&wire, &(struct msg_EMIT){ .number = 1, .origin = SPAN("gateway-1"), .body = SPAN("\0\1") });
    msg_print(&text, MSG_EMIT, span_skip(buf_span(&wire), MSG_HEAD_BYTES));
    SAME(buf_span(&text), "EMIT number=1 origin=gateway-1 body=<2 bytes>");
    buf_clear(&text);
    msg_print(&text, MSG_FENCE, SPAN("\1\0"));
    SAME(buf_span(&text), "FENCE ERR_TRUNC");
    buf_fini(&rooms), buf_fini(&wire), buf_fini(&text);
}

TEST(msg_documents_itself)
{
    struct buf text = { 0 };
    msg_document(&text);
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++) lines += text.ptr[i] == '\n';
    EQUAL(lines, 2 + MSG_COUNT - 1);
    CHECK(strstr(buf_text(&text), "| `0x08` | **FENCE** | reliable | u64 `view`: the view that is coming | "));
    CHECK(strstr(buf_text(&text), "| | **BODY** | record | "));
    CHECK(strstr(buf_text(&text), "| `0x84` | **BEAT** | datagram | str `member`: a MEMBER: the sender;<br>"));
    buf_fini(&text);
}

static const struct id { const char *name; enum err err; enum role role; uint16_t number; } ids[] = {
    { "gateway-0",      OK, ROLE_GATEWAY,  0 },
    { "router-12",      OK, ROLE_ROUTER,   12 },
    { "presence-65534", OK, ROLE_PRESENCE, 65534 },
    { "auth-1",         OK, ROLE_AUTH,     1 },
    { "auth-65535",     ERR_SYNTAX, 0, 0 },
    { "auth-01",        ERR_SYNTAX, 0, 0 },
    { "auth-",          ERR_SYNTAX, 0, 0 },
    { "auth",           ERR_SYNTAX, 0, 0 },
    { "auth-1x",        ERR_SYNTAX, 0, 0 },
    { "none-1",         ERR_SYNTAX, 0, 0 },
    { "-1",             ERR_SYNTAX, 0, 0 },
    { "",               ERR_SYNTAX, 0, 0 },
};

TEST(msg_member_ids)
{
    const struct id *r;
    EACH(r, ids) {
        enum role role;
        uint16_t number;
        EQUAL_ERR(member_id_decode(t_exact(span_of(r->name)), &role, &number), r->err);
        if (r->err != OK) continue;
        EQUAL(role, r->role);
        EQUAL(number, r->number);
        struct buf b = { 0 };
        member_id_encode(&b, role, number);
        SAME(buf_span(&b), r->name);
        buf_fini(&b);
    }
}
