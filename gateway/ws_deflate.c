#include "ws_deflate.h"

#include "utf8.h"

/* ---- the header's grammar (RFC 6455, 9.1): name [; key [= value]]*, with commas between */

static bool is_token(char c)
{
    return c > 0x20 && c < 0x7f && !memchr("()<>@,;:\\\"/[]?={}", c, 17);
}

static void skip_blanks(struct span *in)
{
    while (in->len && (in->ptr[0] == ' ' || in->ptr[0] == '\t')) *in = span_skip(*in, 1);
}

static bool eat_token(struct span *in, struct span *token)
{
    size_t n = 0;
    while (n < in->len && is_token(in->ptr[n])) n++;
    *token = span_head(*in, n);
    *in = span_skip(*in, n);
    return n > 0;
}

/* A token, or one in quotes; a backslash in it would stand before what needs none, so it is taken for an error. */
static bool eat_value(struct span *in, struct span *value)
{
    if (!span_eat(in, '"')) return eat_token(in, value);
    return eat_token(in, value) && span_eat(in, '"');
}

/* ---- one offer */

struct offer {
    bool     declined;
    bool     seen[4];
    unsigned server_bits;       /* 0: not asked for */
};

/* 8 to 15, without leading zeros; 0: it is none. */
static unsigned bits_of(struct span value)
{
    uint64_t n = 0;
    return !span_starts(value, '0') && span_to_uint(value, 15, &n) && n >= 8 ? (unsigned)n : 0;
}

static void on_parameter(struct offer *o, struct span key, struct span value, bool has_value)
{
    enum { SERVER_NO_CONTEXT, CLIENT_NO_CONTEXT, SERVER_BITS, CLIENT_BITS, COUNT };
    static const struct { const char *name; enum { NONE, MAY, MUST } value; } keys[COUNT] = {
        [SERVER_NO_CONTEXT] = { "server_no_context_takeover", NONE },
        [CLIENT_NO_CONTEXT] = { "client_no_context_takeover", NONE },
        [SERVER_BITS]       = { "server_max_window_bits",     MUST },
        [CLIENT_BITS]       = { "client_max_window_bits",     MAY },
    };
    for (int i = 0; i < COUNT; i++) {
        if (!span_same(key, span_of(keys[i].name))) continue;
        bool fits = has_value ? keys[i].value != NONE && bits_of(value) : keys[i].value != MUST;
        if (!fits || o->seen[i]) o->declined = true;
        if (i == SERVER_BITS) o->server_bits = bits_of(value);
        o->seen[i] = true;
        return;
    }
    o->declined = true;
}

/* Up to the comma behind it, or to the end. */
static enum err eat_offer(struct span *in, struct offer *o)
{
    struct span name, key, value;
    if (!eat_token(in, &name)) return ERR_SYNTAX;
    *o = (struct offer){ .declined = !span_same(name, SPAN("permessage-deflate")) };
    for (;;) {
        skip_blanks(in);
        if (in->len == 0 || in->ptr[0] == ',') return OK;
        if (!span_eat(in, ';')) return ERR_SYNTAX;
        skip_blanks(in);
        if (!eat_token(in, &key)) return ERR_SYNTAX;
        skip_blanks(in);
        bool has_value = span_eat(in, '=');
        value = SPAN("");
        if (has_value) skip_blanks(in);
        if (has_value && !eat_value(in, &value)) return ERR_SYNTAX;
        on_parameter(o, key, value, has_value);
    }
}

static void accept(struct buf *answer, const struct offer *o, unsigned window_bits)
{
    buf_add_literal(answer, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    if (o->server_bits || window_bits < 15) buf_add_format(answer, "; server_max_window_bits=%u", window_bits);
}

enum err ws_deflate_answer(const struct http1_request *r, unsigned window_bits, struct buf *answer)
{
    bool accepted = false;
    for (unsigned i = 0; i < r->count; i++) {
        if (!span_same_nocase(r->fields[i].name, SPAN("Sec-WebSocket-Extensions"))) continue;
        for (struct span rest = r->fields[i].value; ; ) {
            struct offer o;
            skip_blanks(&rest);
            if (rest.len == 0) break;
            if (span_eat(&rest, ',')) continue;     /* a list may have empty elements */
            if (eat_offer(&rest, &o) != OK) return ERR_SYNTAX;
            if (accepted || o.declined || (o.server_bits && o.server_bits < window_bits)) continue;
            accept(answer, &o, window_bits);
            accepted = true;
        }
    }
    return accepted ? OK : ERR_MISSING;
}

/* ---- messages to clients */

enum { RSV1 = 0x40 };

/* One of ours: a whole message, or a control frame. */
static struct span cut_frame(struct span *in, struct span *payload)
{
    const unsigned char *h = (const unsigned char *)in->ptr;
    size_t bytes = (h[1] & 127) == 126 ? 2 : (h[1] & 127) == 127 ? 8 : 0, len = bytes ? 0 : h[1] & 127;
    for (size_t i = 0; i < bytes; i++) len = len << 8 | h[2 + i];
    struct span frame = span_head(*in, 2 + bytes + len);
    *payload = span_skip(frame, 2 + bytes);
    *in = span_skip(*in, frame.len);
    return frame;
}

struct blob *ws_deflate_frames(struct blob *plain, struct compression *with)
{
    struct buf out = { 0 }, packed = { 0 };
    bool any = false;
    for (struct span rest = blob_span(plain), payload; rest.len; ) {
        struct span frame = cut_frame(&rest, &payload);
        enum ws_opcode opcode = (enum ws_opcode)(frame.ptr[0] & 15);
        buf_clear(&packed);
        if ((opcode == WS_TEXT || opcode == WS_BINARY) && compression_try(with, COMPRESSION_MESSAGE, payload, &packed)) {
            size_t at = out.len;
            ws_frame(&out, opcode, buf_span(&packed));
            out.ptr[at] = (char)(out.ptr[at] | RSV1);
            any = true;
        } else {
            buf_add(&out, frame);
        }
    }
    struct blob *made = any ? blob_new(buf_span(&out)) : blob_hold(plain);
    buf_fini(&out), buf_fini(&packed);
    return made;
}

/* ---- and from them */

enum err ws_deflate_open(struct ws_event *event, const struct ws_limits *limits, struct compression *with, struct buf *room)
{
    buf_clear(room);
    enum err e = with->by->inflate(with->by->self, event->payload, limits->max_message, room);
    if (e == OK && event->opcode == WS_TEXT && !utf8_valid(buf_span(room))) e = ERR_UTF8;
    with->opened++;
    event->payload = buf_span(room), event->compressed = false;
    event->code = e == OK ? 0 : e == ERR_LIMIT ? WS_TOO_BIG : WS_BAD_TEXT;
    return e;
}
