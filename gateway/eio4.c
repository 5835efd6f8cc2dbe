#include "eio4.h"

#include "base64.h"
#include "json.h"

enum err eio4_decode(struct eio4_packet *p, struct span text)
{
    if (text.len == 0) return ERR_TRUNC;
    if (text.ptr[0] < '0' || text.ptr[0] > '6') return ERR_SYNTAX;
    *p = (struct eio4_packet){ (enum eio4_type)(text.ptr[0] - '0'), span_skip(text, 1) };
    return OK;
}

enum err eio4_decode_frame(struct eio4_packet *p, struct span text, struct buf *binary)
{
    if (!span_starts(text, 'b')) return eio4_decode(p, text);
    buf_clear(binary);
    enum err e = base64_decode(binary, span_skip(text, 1));
    *p = (struct eio4_packet){ EIO4_BINARY, buf_span(binary) };
    return e;
}

void eio4_encode(struct buf *out, const struct eio4_packet *p)
{
    if (p->type != EIO4_BINARY) buf_add_byte(out, (char)('0' + (int)p->type));
    buf_add(out, p->data);
}

struct eio4_payload eio4_payload(struct span body)
{
    return (struct eio4_payload){ body, true };
}


enum err eio4_next(struct eio4_payload *it, struct eio4_packet *p, struct buf *binary)
{
    if (!it->more) return ERR_TRUNC;
    ptrdiff_t at = span_find(it->rest, EIO4_SEPARATOR);
    struct span packet = span_head(it->rest, at < 0 ? it->rest.len : (size_t)at);
    it->more = at >= 0;
    it->rest = span_skip(it->rest, packet.len + 1);
    enum err e = utf8_valid(packet) ? eio4_decode_frame(p, packet, binary) : ERR_UTF8;
    if (e) it->more = false;
    return e;
}

void eio4_append(struct buf *payload, const struct eio4_packet *p)
{
    if (payload->len) buf_add_byte(payload, EIO4_SEPARATOR);
    if (p->type == EIO4_BINARY) {
        buf_add_byte(payload, 'b');
        base64_encode(payload, p->data);
    } else {
        eio4_encode(payload, p);
    }
}

void eio4_open(struct buf *out, const struct eio4_open *o)
{
    buf_add_literal(out, "0{\"sid\":");
    json_quote(out, o->sid);
    buf_add(out, o->upgrade ? SPAN(",\"upgrades\":[\"websocket\"]") : SPAN(",\"upgrades\":[]"));
    buf_add_literal(out, ",\"pingInterval\":");
    buf_add_uint(out, o->ping_interval);
    buf_add_literal(out, ",\"pingTimeout\":");
    buf_add_uint(out, o->ping_timeout);
    buf_add_literal(out, ",\"maxPayload\":");
    buf_add_uint(out, o->max_payload);
    buf_add_byte(out, '}');
}
