#include "eio3.h"

#include "base64.h"
#include "utf8.h"

enum { DIGITS_MAX = 10, END_OF_LENGTH = 0xff };

/* ---- one packet */

static const struct span base64_mark = { "b4", 2 };

enum err eio3_decode(struct eio4_packet *p, struct span text, struct buf *binary)
{
    if (!span_starts(text, 'b')) return eio4_decode(p, text);
    if (!span_eat_prefix(&text, base64_mark)) return ERR_SYNTAX;
    buf_clear(binary);
    enum err e = base64_decode(binary, text);
    *p = (struct eio4_packet){ EIO4_BINARY, buf_span(binary) };
    return e;
}

enum err eio3_decode_binary(struct eio4_packet *p, struct span bytes)
{
    if (bytes.len == 0) return ERR_TRUNC;
    if (bytes.ptr[0] != EIO4_MESSAGE) return ERR_SYNTAX;
    *p = (struct eio4_packet){ EIO4_BINARY, span_skip(bytes, 1) };
    return OK;
}

/* ---- text payloads */

/* How many UTF-16 units: a character beyond the first 65,536 is two. */
static size_t units_of(struct span utf8)
{
    size_t n = 0;
    for (size_t i = 0; i < utf8.len; i++) {
        unsigned char c = (unsigned char)utf8.ptr[i];
        n += (c & 0xc0) != 0x80;
        n += c >= 0xf0;
    }
    return n;
}

/* The first n units of 'in'. */
static enum err cut_units(struct span *in, uint64_t n, struct span *text)
{
    size_t at = 0;
    while (n && at < in->len) {
        int bytes = utf8_step((const uint8_t *)in->ptr + at, in->len - at);
        if (bytes <= 0) return ERR_UTF8;
        uint64_t units = bytes == 4 ? 2 : 1;
        if (units > n) return ERR_RANGE;
        n -= units, at += (size_t)bytes;
    }
    if (n) return ERR_TRUNC;
    *text = span_head(*in, at);
    *in = span_skip(*in, at);
    return OK;
}

static enum err next_text(struct span *in, struct eio4_packet *p, struct buf *binary)
{
    struct span text;
    uint64_t n;
    if (in->len == 0) return ERR_TRUNC;
    if (span_starts(*in, '0') || !span_eat_uint(in, &n)) return ERR_SYNTAX;
    if (!span_eat(in, ':')) return in->len ? ERR_SYNTAX : ERR_TRUNC;
    enum err e = cut_units(in, n, &text);
    return e ? e : eio3_decode(p, text, binary);
}

void eio3_append(struct buf *payload, const struct eio4_packet *p)
{
    struct buf packet = { 0 };
    if (p->type == EIO4_BINARY) buf_add(&packet, base64_mark), base64_encode(&packet, p->data);
    else eio4_encode(&packet, p);
    buf_add_uint(payload, units_of(buf_span(&packet)));
    buf_add_byte(payload, ':');
    buf_add(payload, buf_span(&packet));
    buf_fini(&packet);
}

/* ---- binary payloads */

static enum err next_bytes(struct span *in, struct eio4_packet *p, struct buf *binary)
{
    if (in->len == 0) return ERR_TRUNC;
    char kind = in->ptr[0];
    uint64_t n = 0;
    size_t digits = 0;
    if (kind != 0 && kind != 1) return ERR_SYNTAX;
    for (*in = span_skip(*in, 1); in->len && (unsigned char)in->ptr[0] <= 9; *in = span_skip(*in, 1)) {
        if (++digits > DIGITS_MAX) return ERR_RANGE;
        n = n * 10 + (uint64_t)in->ptr[0];
    }
    if (in->len == 0) return ERR_TRUNC;
    if (digits == 0 || !span_eat(in, (char)END_OF_LENGTH)) return ERR_SYNTAX;
    if (n > in->len) return ERR_TRUNC;
    struct span packet = span_head(*in, (size_t)n);
    *in = span_skip(*in, packet.len);
    if (kind == 1) return eio3_decode_binary(p, packet);
    return utf8_valid(packet) ? eio3_decode(p, packet, binary) : ERR_UTF8;
}

void eio3_append_binary(struct buf *payload, const struct eio4_packet *p)
{
    bool is_binary = p->type == EIO4_BINARY;
    struct buf length = { 0 };
    buf_add_uint(&length, p->data.len + 1);
    buf_add_byte(payload, is_binary);
    for (size_t i = 0; i < length.len; i++) buf_add_byte(payload, (char)(length.ptr[i] - '0'));
    buf_add_byte(payload, (char)END_OF_LENGTH);
    if (is_binary) buf_add_byte(payload, EIO4_MESSAGE);
    eio4_encode(payload, p);
    buf_fini(&length);
}

/* ---- both */

static enum err walk(enum err (*next)(struct span *, struct eio4_packet *, struct buf *),
                     struct eio4_payload *it, struct eio4_packet *p, struct buf *binary)
{
    if (!it->more) return ERR_TRUNC;
    enum err e = next(&it->rest, p, binary);
    it->more = e == OK && it->rest.len;
    return e;
}

enum err eio3_next(struct eio4_payload *it, struct eio4_packet *p, struct buf *binary)
{
    return walk(next_text, it, p, binary);
}

enum err eio3_next_binary(struct eio4_payload *it, struct eio4_packet *p, struct buf *binary)
{
    return walk(next_bytes, it, p, binary);
}

static bool holds_binary(struct span queued)
{
    while (queued.len)
        if (span_starts(span_cut(&queued, EIO4_SEPARATOR), 'b')) return true;
    return false;
}

bool eio3_payload(struct buf *out, struct span queued, bool base64)
{
    bool raw = !base64 && holds_binary(queued);
    struct buf binary = { 0 };
    struct eio4_packet p;
    for (struct eio4_payload it = eio4_payload(queued); it.more; ) {
        NEED(eio4_next(&it, &p, &binary) == OK);        /* ours */
        if (raw) eio3_append_binary(out, &p);
        else eio3_append(out, &p);
    }
    buf_fini(&binary);
    return raw;
}
