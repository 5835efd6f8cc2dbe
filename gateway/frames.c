#include "frames.h"

#include "base64.h"
#include "eio4.h"
#include "json.h"
#include "sio_msgpack.h"
#include "ws_deflate.h"

/* ---- carriers: how an Engine.IO packet becomes bytes */

static void marked(struct buf *out, enum ws_opcode opcode, struct span mark, struct span payload)   /* in one frame */
{
    char header[WS_MAX_HEADER];
    buf_add(out, span_from(header, ws_header(header, opcode, mark.len + payload.len)));
    buf_add(out, mark);
    buf_add(out, payload);
}
static void base64(struct buf *out, struct span mark, struct span bytes)
{
    struct buf text = { 0 };
    base64_encode(&text, bytes);
    marked(out, WS_TEXT, mark, buf_span(&text));
    buf_fini(&text);
}
static void ws_text(struct buf *out, struct span text) { marked(out, WS_TEXT, SPAN("4"), text); }
static void ws_engine(struct buf *out, struct span packet) { ws_frame(out, WS_TEXT, packet); }
static void ws4_binary(struct buf *out, struct span bytes) { ws_frame(out, WS_BINARY, bytes); }
static void ws3_binary(struct buf *out, struct span bytes) { marked(out, WS_BINARY, SPAN("\4"), bytes); }
static void ws4_base64(struct buf *out, struct span bytes) { base64(out, SPAN("b"), bytes); }
static void ws3_base64(struct buf *out, struct span bytes) { base64(out, SPAN("b4"), bytes); }

static void poll_text(struct buf *out, struct span text)
{
    eio4_append(out, &(struct eio4_packet){ EIO4_MESSAGE, text });
}
static void poll_binary(struct buf *out, struct span bytes)
{
    eio4_append(out, &(struct eio4_packet){ EIO4_BINARY, bytes });
}
static void poll_engine(struct buf *out, struct span packet)
{
    if (out->len) buf_add_byte(out, EIO4_SEPARATOR);
    buf_add(out, packet);
}

static const struct carrier {
    void (*text)(struct buf *out, struct span text);        /* a message */
    void (*binary)(struct buf *out, struct span bytes);     /* a binary one */
    void (*engine)(struct buf *out, struct span packet);    /* any packet, with its digit */
} poll = { poll_text, poll_binary, poll_engine },
  ws4 = { ws_text, ws4_binary, ws_engine }, ws4_for_text = { ws_text, ws4_base64, ws_engine },
  ws3 = { ws_text, ws3_binary, ws_engine }, ws3_for_text = { ws_text, ws3_base64, ws_engine };

static const struct carrier *carrier_of(uint8_t dialect)
{
    if (dialect & DIALECT_POLL) return &poll;
    if (dialect & DIALECT_B64) return dialect & DIALECT_V3 ? &ws3_for_text : &ws4_for_text;
    return dialect & DIALECT_V3 ? &ws3 : &ws4;
}

/* ---- content: how a Socket.IO packet becomes messages */

/* An event's arguments, and behind them where the stream stands (trap 41). The offset needs no escapes. */
static struct span args_of(const struct frames *f, uint8_t dialect, struct buf *keep)
{
    if (!(dialect & DIALECT_OFFSET) || f->id != SIO_NO_ID) return f->args;
    struct span args = span_trim(f->args);
    buf_add(keep, span_head(args, args.len - 1));
    buf_add_literal(keep, ",\"");
    buf_add(keep, f->offset);
    buf_add_literal(keep, "\"]");
    return buf_span(keep);
}

static struct sio_packet packet_of(const struct frames *f, uint8_t dialect, struct buf *keep)
{
    struct sio_packet p = { .type = f->attachment_count ? SIO_BINARY_EVENT : SIO_EVENT,
        .attachments = f->attachment_count, .nsp = f->nsp, .id = f->id };
    if (f->text.len) NEED(sio_decode_head(&p, f->text) == OK);
    else p.json = args_of(f, dialect, keep);
    return p;
}

static void add_text(const struct frames *f, uint8_t dialect, const struct carrier *to, struct buf *out)
{
    struct buf text = { 0 }, args = { 0 };
    struct span packet = f->text;
    if (packet.len == 0) {
        struct sio_packet p = packet_of(f, dialect, &args);
        sio_encode(&text, &p);
        packet = buf_span(&text);
    }
    to->text(out, packet);
    struct span rest = f->attachments, one;
    while (msg_next_str(&rest, &one)) to->binary(out, one);
    buf_fini(&text), buf_fini(&args);
}

static void add_msgpack(const struct frames *f, uint8_t dialect, const struct carrier *to, struct buf *out)
{
    struct buf bytes = { 0 }, args = { 0 };
    struct sio_packet p = packet_of(f, dialect, &args);
    sio_msgpack_encode(&bytes, &p, f->attachments);
    to->binary(out, buf_span(&bytes));
    buf_fini(&bytes), buf_fini(&args);
}

/* A text in 'json' as it is meant. Polling's payloads can't carry their own separator: it is replaced. */
static void add_raw_text(const struct carrier *to, struct span json, struct buf *out)
{
    struct buf text = { 0 }, fit = { 0 };
    json_unquote(&text, json);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\x1e') buf_add_literal(&fit, "\xef\xbf\xbd");
        else buf_add_byte(&fit, text.ptr[i]);
    to->text(out, buf_span(&fit));
    buf_fini(&text), buf_fini(&fit);
}

static bool is_attachment(struct span value, uint64_t count, uint64_t *n)
{
    return json_type_of(value) == JSON_OBJECT && json_is_true(json_find(value, SPAN("_placeholder")))
        && count && json_to_uint(json_find(value, SPAN("num")), count - 1, n);
}

/* Text and binary as they are, anything else as its JSON. */
static void add_raw(struct frames *f, const struct carrier *to, struct buf *out)
{
    struct span args = f->args, value;
    if (!json_next(&args, &value) || !span_starts(value, '"') || !json_string_is(value, SPAN("message"))) return;
    while (json_next(&args, &value)) {
        struct span rest = f->attachments, one;
        uint64_t n;
        if (json_type_of(value) == JSON_STRING) {
            add_raw_text(to, value, out);
        } else if (is_attachment(value, f->attachment_count, &n)) {
            do (void)msg_next_str(&rest, &one); while (n--);
            to->binary(out, one);
        } else {
            to->text(out, value);
        }
    }
}

/* ---- frames */

struct frames frames_event(struct span nsp, struct span args, struct span attachments)
{
    return (struct frames){ .nsp = nsp, .args = args, .attachments = attachments, .id = SIO_NO_ID,
                            .attachment_count = (unsigned)msg_count_strs(attachments) };
}

struct frames frames_packet(struct span text, struct span attachments)
{
    return (struct frames){ .text = text, .attachments = attachments, .id = SIO_NO_ID,
                            .attachment_count = (unsigned)msg_count_strs(attachments) };
}

/* Bits that make no difference to the bytes are left out, so that one blob serves them all. */
static uint8_t same_bytes(const struct frames *self, uint8_t dialect)
{
    bool bytes = self->attachment_count || dialect & DIALECT_MSGPACK;
    if (dialect & DIALECT_POLL) return dialect & (DIALECT_POLL | DIALECT_MSGPACK | DIALECT_OFFSET | DIALECT_RAW);
    return bytes ? dialect : dialect & (uint8_t)~(DIALECT_V3 | DIALECT_B64);
}

static struct blob *make(struct frames *self, uint8_t dialect, struct compression *with)
{
    if (dialect & DIALECT_DEFLATE) return ws_deflate_frames(frames_for(self, dialect & (uint8_t)~DIALECT_DEFLATE, with), with);
    struct buf out = { 0 };
    if (dialect & DIALECT_RAW) add_raw(self, carrier_of(dialect), &out);
    else if (dialect & DIALECT_MSGPACK) add_msgpack(self, dialect, carrier_of(dialect), &out);
    else add_text(self, dialect, carrier_of(dialect), &out);
    struct blob *made = blob_new(buf_span(&out));
    buf_fini(&out);
    return made;
}

struct blob *frames_for(struct frames *self, uint8_t dialect, struct compression *with)
{
    dialect = same_bytes(self, dialect);
    for (unsigned i = 0; i < self->made_count; i++)
        if (self->made_dialect[i] == dialect) return self->made[i];
    struct blob *blob = make(self, dialect, with);      /* which may have made the uncompressed one */
    NEED(self->made_count < FRAMES_DIALECTS_MAX);
    self->made_dialect[self->made_count] = dialect;
    return self->made[self->made_count++] = blob;
}

void frames_fini(struct frames *self)
{
    while (self->made_count) blob_drop(&self->made[--self->made_count]);
}

struct blob *frames_engine(struct span packet, uint8_t dialect)
{
    struct buf out = { 0 };
    carrier_of(dialect)->engine(&out, packet);
    struct blob *frame = blob_new(buf_span(&out));
    buf_fini(&out);
    return frame;
}

struct blob *frames_translate(const struct blob *queued, uint8_t dialect, struct compression *with)
{
    const struct carrier *to = carrier_of(dialect);
    struct buf out = { 0 }, bytes = { 0 };
    struct eio4_packet p;
    for (struct eio4_payload it = eio4_payload(blob_span(queued)); it.more; ) {
        NEED(eio4_next(&it, &p, &bytes) == OK);     /* JSON never holds 0x1e raw */
        struct buf packet = { 0 };
        if (p.type == EIO4_BINARY) to->binary(&out, p.data);
        else if (p.type == EIO4_MESSAGE) to->text(&out, p.data);
        else eio4_encode(&packet, &p), to->engine(&out, buf_span(&packet));
        buf_fini(&packet);
    }
    struct blob *plain = blob_new(buf_span(&out)), *frame = plain;
    buf_fini(&out), buf_fini(&bytes);
    if (dialect & DIALECT_DEFLATE) {
        frame = ws_deflate_frames(plain, with);
        blob_drop(&plain);
    }
    return frame;
}

void frames_append(struct buf *out, const struct blob *frame, uint8_t dialect)
{
    if (out->len && blob_span(frame).len && dialect & DIALECT_POLL) buf_add_byte(out, EIO4_SEPARATOR);
    buf_add(out, blob_span(frame));
}
