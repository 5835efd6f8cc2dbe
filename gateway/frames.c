#include "frames.h"

#include "base64.h"
#include "eio4.h"
#include "sio.h"
#include "ws.h"

/* ---- the dialects: how a Socket.IO text and its attachments become bytes, and come apart again */

static void ws4_text(struct buf *out, struct span text)     /* "4" and the packet, in one text frame */
{
    char header[WS_MAX_HEADER];
    buf_add(out, span_from(header, ws_header(header, WS_TEXT, text.len + 1)));
    buf_add_byte(out, '4');
    buf_add(out, text);
}
static void ws4_binary(struct buf *out, struct span bytes) { ws_frame(out, WS_BINARY, bytes); }
static void ws4_engine(struct buf *out, struct span packet) { ws_frame(out, WS_TEXT, packet); }

static void poll4_text(struct buf *out, struct span text)
{
    eio4_append(out, &(struct eio4_packet){ EIO4_MESSAGE, text });
}
static void poll4_binary(struct buf *out, struct span bytes)
{
    eio4_append(out, &(struct eio4_packet){ EIO4_BINARY, bytes });
}
static void poll4_engine(struct buf *out, struct span packet)
{
    if (out->len) buf_add_byte(out, '\x1e');
    buf_add(out, packet);
}

static const struct row {
    void (*text)(struct buf *out, struct span text);
    void (*binary)(struct buf *out, struct span bytes);
    void (*engine)(struct buf *out, struct span packet);
} dialects[DIALECT_COUNT] = {
    [DIALECT_WS4]   = { ws4_text,   ws4_binary,   ws4_engine },
    [DIALECT_POLL4] = { poll4_text, poll4_binary, poll4_engine },
};

/* ---- frames */

struct frames frames_event(struct span nsp, struct span args, struct span attachments)
{
    return (struct frames){ .nsp = nsp, .args = args, .attachments = attachments,
                            .attachment_count = (unsigned)msg_count_strs(attachments) };
}

struct frames frames_packet(struct span text, struct span attachments)
{
    return (struct frames){ .text = text, .attachments = attachments,
                            .attachment_count = (unsigned)msg_count_strs(attachments) };
}

struct blob *frames_for(struct frames *self, enum dialect dialect)
{
    if (self->made[dialect]) return self->made[dialect];
    const struct row *row = &dialects[dialect];
    struct buf out = { 0 }, text = { 0 };
    struct span packet = self->text;
    if (packet.len == 0) {
        struct sio_packet p = { .type = self->attachment_count ? SIO_BINARY_EVENT : SIO_EVENT,
            .attachments = self->attachment_count, .nsp = self->nsp, .id = SIO_NO_ID, .json = self->args };
        sio_encode(&text, &p);
        packet = buf_span(&text);
    }
    row->text(&out, packet);
    struct span rest = self->attachments, one;
    while (msg_next_str(&rest, &one)) row->binary(&out, one);
    self->made[dialect] = blob_new(buf_span(&out));
    buf_fini(&out), buf_fini(&text);
    return self->made[dialect];
}

void frames_fini(struct frames *self)
{
    for (unsigned i = 0; i < DIALECT_COUNT; i++) blob_drop(&self->made[i]);
}

struct blob *frames_engine(struct span packet, enum dialect dialect)
{
    struct buf out = { 0 };
    dialects[dialect].engine(&out, packet);
    struct blob *frame = blob_new(buf_span(&out));
    buf_fini(&out);
    return frame;
}

/* Polling payloads are split at 0x1e, which JSON never holds raw; WebSocket frames are ours, so they decode. */
static void from_poll4(struct buf *out, struct span in, const struct row *to)
{
    struct buf bytes = { 0 };
    struct eio4_packet p;
    for (struct eio4_payload it = eio4_payload(in); it.more; ) {
        NEED(eio4_next(&it, &p, &bytes) == OK);
        struct buf packet = { 0 };
        if (p.type == EIO4_BINARY) to->binary(out, p.data);
        else if (p.type == EIO4_MESSAGE) to->text(out, p.data);
        else eio4_encode(&packet, &p), to->engine(out, buf_span(&packet));
        buf_fini(&packet);
    }
    buf_fini(&bytes);
}

static void from_ws4(struct buf *out, struct span in, const struct row *to)
{
    while (in.len) {
        const unsigned char *h = (const unsigned char *)in.ptr;
        NEED(in.len >= 2);
        size_t head = 2, len = h[1];
        if (len == 126) head = 4, len = (size_t)h[2] << 8 | h[3];
        else if (len == 127) {
            head = 10, len = 0;
            for (int i = 2; i < 10; i++) len = len << 8 | h[i];
        }
        struct span payload = span_head(span_skip(in, head), len);
        if ((h[0] & 15) == WS_BINARY) to->binary(out, payload);
        else if (span_starts(payload, '4')) to->text(out, span_skip(payload, 1));
        else to->engine(out, payload);
        in = span_skip(in, head + len);
    }
}

struct blob *frames_translate(const struct blob *from, enum dialect dialect, enum dialect to)
{
    struct buf out = { 0 };
    if (dialect == to) buf_add(&out, blob_span(from));
    else if (dialect == DIALECT_POLL4) from_poll4(&out, blob_span(from), &dialects[to]);
    else from_ws4(&out, blob_span(from), &dialects[to]);
    struct blob *frame = blob_new(buf_span(&out));
    buf_fini(&out);
    return frame;
}
