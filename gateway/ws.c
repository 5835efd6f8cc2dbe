#include "ws.h"

#include "utf8.h"

enum flags {
    OPCODE     = 0x03,  /* WS_TEXT or WS_BINARY: a message is under way; 0: none */
    COMPRESSED = 0x04,  /* that message */
    YIELDED    = 0x08,  /* the caller has seen the message that ws->message holds */
    CONTROL    = 0x10,  /* the caller has seen the control frame at the end of ws->message */
    OVER       = 0x20,  /* a close frame or an error: nothing counts any more */
};

struct frame { uint8_t opcode; bool fin, control; uint64_t len; };

_Static_assert(sizeof(struct ws) <= 48, "an idle connection pays for this");

/* ---- the header */

static size_t header_size(const uint8_t *h)
{
    unsigned len = h[1] & 127;
    return 2 + (len == 126 ? 2 : len == 127 ? 8 : 0) + 4;
}

static struct frame frame_of(const uint8_t *h)
{
    struct frame f = { .opcode = h[0] & 15, .fin = h[0] >> 7, .control = h[0] >> 3 & 1, .len = h[1] & 127 };
    int bytes = f.len == 126 ? 2 : f.len == 127 ? 8 : 0;
    if (bytes) f.len = 0;
    for (int i = 0; i < bytes; i++) f.len = f.len << 8 | h[2 + i];
    return f;
}

/* What the first two bytes can already get wrong. */
static enum err check_start(const struct ws *ws, bool deflate)
{
    const uint8_t *h = ws->header;
    uint8_t opcode = h[0] & 15;
    bool fin = h[0] & 0x80, compressed = h[0] & 0x40, begun = ws->flags & OPCODE;
    if (h[0] & 0x30 || (compressed && !(deflate && (opcode == WS_TEXT || opcode == WS_BINARY)))) return ERR_SYNTAX;
    if (!(h[1] & 0x80)) return ERR_MASK;
    switch (opcode) {
    case WS_CONTINUATION:               return begun ? OK : ERR_STATE;
    case WS_TEXT: case WS_BINARY:       return begun ? ERR_STATE : OK;
    case WS_CLOSE: case WS_PING: case WS_PONG: return fin && (h[1] & 127) <= 125 ? OK : ERR_SYNTAX;
    default:                            return ERR_SYNTAX;
    }
}

static enum err check_length(const struct ws *ws, const struct ws_limits *limits)
{
    struct frame f = frame_of(ws->header);
    unsigned form = ws->header[1] & 127;
    if (f.len >> 63 || (form == 126 && f.len < 126) || (form == 127 && f.len < 65536)) return ERR_SYNTAX;
    if (f.control) return OK;
    return f.len > limits->max_message || ws->message.len > limits->max_message - f.len ? ERR_LIMIT : OK;
}

static bool fill_header(struct ws *ws, struct ws_input *in, size_t size)
{
    while (ws->header_len < size && in->len) {
        ws->header[ws->header_len++] = (uint8_t)*in->ptr++;
        in->len--;
    }
    return ws->header_len >= size;
}

/* OK: a header is whole, its payload comes. */
static enum err read_header(struct ws *ws, const struct ws_limits *limits, struct ws_input *in)
{
    if (ws->header_len < 2) {
        if (!fill_header(ws, in, 2)) return ERR_AGAIN;
        enum err e = check_start(ws, limits->deflate);
        if (e) return e;
    }
    if (!fill_header(ws, in, header_size(ws->header))) return ERR_AGAIN;
    enum err e = check_length(ws, limits);
    if (e) return e;
    struct frame f = frame_of(ws->header);
    ws->left = (uint32_t)f.len;     /* fits: it is below a limit of 32 bits */
    if (f.opcode == WS_TEXT || f.opcode == WS_BINARY)
        ws->flags = (uint8_t)(f.opcode | (ws->header[0] & 0x40 ? COMPRESSED : 0));
    return OK;
}

/* ---- the payload */

static void unmask(char *p, size_t n, const uint8_t *mask, size_t from)     /* from: bytes of the frame before p */
{
    uint8_t eight[8];
    for (size_t i = 0; i < 8; i++) eight[i] = mask[(from + i) & 3];
    uint64_t key, x;
    memcpy(&key, eight, sizeof key);
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&x, p, sizeof x);
        x ^= key;
        memcpy(p, &x, sizeof x);
    }
    for (size_t i = 0; i < n; i++) p[i] = (char)(p[i] ^ (char)eight[i]);
}

/* Takes what there is of the payload, unmasked, from the input. */
static struct span take_payload(struct ws *ws, struct ws_input *in, uint64_t len)
{
    size_t n = in->len < ws->left ? in->len : ws->left;
    unmask(in->ptr, n, ws->header + header_size(ws->header) - 4, (size_t)(len - ws->left));
    struct span piece = { in->ptr, n };
    in->ptr += n;
    in->len -= n;
    ws->left -= (uint32_t)n;
    return piece;
}

static bool code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum err on_close_frame(struct ws *ws, struct ws_event *out)
{
    ws->flags |= OVER;
    if (out->payload.len == 0) return OK;
    if (out->payload.len == 1) return ERR_SYNTAX;
    out->code = (uint16_t)((uint8_t)out->payload.ptr[0] << 8 | (uint8_t)out->payload.ptr[1]);
    out->payload = span_skip(out->payload, 2);
    if (!code_valid(out->code)) return ERR_SYNTAX;
    return utf8_valid(out->payload) ? OK : ERR_UTF8;
}

static enum err read_control(struct ws *ws, struct ws_input *in, struct frame f, struct ws_event *out)
{
    bool whole = ws->left == f.len && in->len >= f.len;
    struct span piece = take_payload(ws, in, f.len);
    if (whole) {
        ws->header_len = 0;
    } else {        /* behind the message's bytes, until the next call */
        buf_add(&ws->message, piece);
        if (ws->left) return ERR_AGAIN;
        piece = span_skip(buf_span(&ws->message), ws->message.len - (size_t)f.len);
        ws->flags |= CONTROL;
    }
    *out = (struct ws_event){ .opcode = (enum ws_opcode)f.opcode, .payload = piece };
    return f.opcode == WS_CLOSE ? on_close_frame(ws, out) : OK;
}

static enum err read_data(struct ws *ws, struct ws_input *in, struct frame f, struct ws_event *out)
{
    bool text = (ws->flags & (OPCODE | COMPRESSED)) == WS_TEXT;
    bool whole = f.fin && f.opcode != WS_CONTINUATION && ws->left == f.len && in->len >= f.len;
    *out = (struct ws_event){ .opcode = (enum ws_opcode)(ws->flags & OPCODE), .compressed = ws->flags & COMPRESSED };
    out->payload = take_payload(ws, in, f.len);
    if (whole) {
        ws->header_len = 0;
        ws->flags = 0;
        return text && !utf8_valid(out->payload) ? ERR_UTF8 : OK;
    }
    buf_add(&ws->message, out->payload);
    if (text) {     /* as it comes, so that what can't become text ends here */
        size_t good;
        enum err e = utf8_check(span_skip(buf_span(&ws->message), ws->checked), &good);
        if (e == ERR_UTF8) return e;
        ws->checked += (uint32_t)good;
    }
    if (ws->left) return ERR_AGAIN;
    ws->header_len = 0;
    if (!f.fin) return ERR_AGAIN;
    out->payload = buf_span(&ws->message);
    if (text && ws->checked < ws->message.len) return ERR_UTF8;
    ws->flags = YIELDED;
    return OK;
}

/* ---- */

static void release_yielded(struct ws *ws)
{
    if (ws->flags & CONTROL) {
        ws->message.len -= (size_t)frame_of(ws->header).len;
        ws->header_len = 0;
        ws->flags &= (uint8_t)~CONTROL;
        if (!(ws->flags & OPCODE)) buf_fini(&ws->message);
    }
    if (ws->flags & YIELDED) {
        buf_fini(&ws->message);
        ws->checked = 0;
        ws->flags = 0;
    }
}

static uint16_t code_for(enum err e)
{
    return e == ERR_UTF8 ? WS_BAD_TEXT : e == ERR_LIMIT ? WS_TOO_BIG : WS_PROTOCOL;
}

enum err ws_decode(struct ws *ws, const struct ws_limits *limits, struct ws_input *in, struct ws_event *out)
{
    release_yielded(ws);
    for (;;) {
        if (ws->flags & OVER) {
            buf_fini(&ws->message);
            in->ptr += in->len;
            in->len = 0;
            return ERR_AGAIN;
        }
        bool under_way = ws->header_len >= 2 && ws->header_len == header_size(ws->header);
        enum err e = under_way ? OK : read_header(ws, limits, in);
        if (!e) {
            struct frame f = frame_of(ws->header);
            e = f.control ? read_control(ws, in, f, out) : read_data(ws, in, f, out);
        }
        if (e == OK) return OK;
        if (e != ERR_AGAIN) {
            buf_fini(&ws->message);
            ws->flags = OVER;
            *out = (struct ws_event){ .code = code_for(e), .payload = SPAN("") };
            return e;
        }
        if (in->len == 0) return ERR_AGAIN;
    }
}

void ws_fini(struct ws *ws)
{
    buf_fini(&ws->message);
    *ws = (struct ws){ 0 };
}

/* ---- frames to a client */

size_t ws_header(char header[WS_MAX_HEADER], enum ws_opcode opcode, uint64_t len)
{
    size_t bytes = len < 126 ? 0 : len < 65536 ? 2 : 8;
    header[0] = (char)(0x80 | (unsigned)opcode);
    header[1] = (char)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
    for (size_t i = 0; i < bytes; i++) header[2 + i] = (char)(len >> 8 * (bytes - 1 - i));
    return 2 + bytes;
}

void ws_frame(struct buf *out, enum ws_opcode opcode, struct span payload)
{
    char header[WS_MAX_HEADER];
    buf_add(out, span_from(header, ws_header(header, opcode, payload.len)));
    buf_add(out, payload);
}

struct blob *ws_blob(enum ws_opcode opcode, struct span payload)
{
    char header[WS_MAX_HEADER];
    return blob_join(span_from(header, ws_header(header, opcode, payload.len)), payload);
}

void ws_close(struct buf *out, unsigned code, struct span reason)
{
    char payload[125] = { (char)(code >> 8), (char)code };
    size_t n = 0;
    if (code != WS_NO_CODE) {
        (void)utf8_check(span_head(reason, sizeof payload - 2), &n);    /* no half a character */
        if (n) memcpy(payload + 2, reason.ptr, n);
        n += 2;
    }
    ws_frame(out, WS_CLOSE, span_from(payload, n));
}
