#include "sio.h"

#include "json.h"
#include "reserved.h"

static const struct shape {
    const char *name;
    const char *json;           /* bytes a payload may start with */
    bool attachments, named;    /* named: the payload's first element is the event's name */
    enum { NO_ID, MAY_ID, MUST_ID } id;
    bool bare;                  /* the payload may be absent */
} shapes[] = {
    [SIO_CONNECT]       = { "CONNECT",       "{",   false, false, NO_ID,   true  },
    [SIO_DISCONNECT]    = { "DISCONNECT",    "",    false, false, NO_ID,   true  },
    [SIO_EVENT]         = { "EVENT",         "[",   false, true,  MAY_ID,  false },
    [SIO_ACK]           = { "ACK",           "[",   false, false, MUST_ID, false },
    [SIO_CONNECT_ERROR] = { "CONNECT_ERROR", "{\"", false, false, NO_ID,   false },     /* text: to v2 clients */
    [SIO_BINARY_EVENT]  = { "BINARY_EVENT",  "[",   true,  true,  MAY_ID,  false },
    [SIO_BINARY_ACK]    = { "BINARY_ACK",    "[",   true,  false, MUST_ID, false },
};
_Static_assert(sizeof shapes / sizeof shapes[0] == 7, "one shape for each digit");

/* Digits without leading zeros, so that encoding gives them back as they came. */
static bool eat_canonical(struct span *in, uint64_t *n)
{
    if (span_starts(*in, '0') && in->len > 1 && in->ptr[1] >= '0' && in->ptr[1] <= '9') return false;
    return span_eat_uint(in, n);
}

static enum err decode_attachments(struct sio_packet *p, struct span *in)
{
    uint64_t n;
    if (!eat_canonical(in, &n)) return in->len ? ERR_SYNTAX : ERR_TRUNC;
    if (!span_eat(in, '-')) return in->len ? ERR_SYNTAX : ERR_TRUNC;
    if (n == 0) return ERR_RANGE;
    if (n > SIO_MAX_ATTACHMENTS) return ERR_LIMIT;
    p->attachments = (unsigned)n;
    return OK;
}

static enum err decode_payload(struct sio_packet *p, const struct shape *shape)
{
    if (p->json.len == 0) return shape->bare ? OK : ERR_TRUNC;
    if (p->json.ptr[0] == '\0' || !strchr(shape->json, p->json.ptr[0])) return ERR_SYNTAX;
    enum err e = json_check(p->json, JSON_MAX_DEPTH);
    if (e || !shape->named) return e;
    e = json_event_name(p->json, &p->name);
    if (e) return e;
    return reserved_name(p->name) ? ERR_UNKNOWN : OK;
}

enum err sio_decode_head(struct sio_packet *p, struct span in)
{
    if (in.len == 0) return ERR_TRUNC;
    if (in.ptr[0] < '0' || in.ptr[0] > '6') return ERR_SYNTAX;
    *p = (struct sio_packet){ .type = (enum sio_type)(in.ptr[0] - '0'), .nsp = SPAN("/"), .id = SIO_NO_ID };
    in = span_skip(in, 1);
    const struct shape *shape = &shapes[p->type];

    if (shape->attachments) {
        enum err e = decode_attachments(p, &in);
        if (e) return e;
    }
    if (span_starts(in, '/')) p->nsp = span_cut(&in, ',');
    uint64_t n;
    if (shape->id != NO_ID && eat_canonical(&in, &n)) {     /* saturates, so overflow is visible */
        if (n > (uint64_t)SIO_MAX_ID) return ERR_RANGE;
        p->id = (int64_t)n;
    }
    if (shape->id == MUST_ID && p->id == SIO_NO_ID) return in.len ? ERR_SYNTAX : ERR_TRUNC;
    p->json = in;
    return OK;
}

enum err sio_decode(struct sio_packet *p, struct span in)
{
    enum err e = sio_decode_head(p, in);
    return e ? e : decode_payload(p, &shapes[p->type]);
}

enum err sio_cut_query(struct sio_packet *p, struct span *query)
{
    for (size_t i = 0; i < p->nsp.len; i++)
        if ((unsigned char)p->nsp.ptr[i] < 0x20) return ERR_SYNTAX;
    struct span rest = p->nsp;
    p->nsp = span_cut(&rest, '?');
    *query = rest;
    return OK;
}

static void encode_head(struct buf *out, enum sio_type type, unsigned attachments, struct span nsp, int64_t id)
{
    buf_add_byte(out, (char)('0' + (int)type));
    if (shapes[type].attachments) {
        buf_add_uint(out, attachments);
        buf_add_byte(out, '-');
    }
    if (!span_same(nsp, SPAN("/"))) {
        buf_add(out, nsp);
        buf_add_byte(out, ',');
    }
    if (id != SIO_NO_ID) buf_add_int(out, id);
}

void sio_encode(struct buf *out, const struct sio_packet *p)
{
    encode_head(out, p->type, p->attachments, p->nsp, p->id);
    buf_add(out, p->json);
}

void sio_print(struct buf *out, const struct sio_packet *p)
{
    buf_add(out, span_of(shapes[p->type].name));
    buf_add_byte(out, ' ');
    buf_add(out, p->nsp);
    if (p->attachments) {
        buf_add_literal(out, " +");
        buf_add_uint(out, p->attachments);
    }
    if (p->id != SIO_NO_ID) {
        buf_add_literal(out, " #");
        buf_add_int(out, p->id);
    }
    if (p->json.len) buf_add_byte(out, ' ');
    buf_add(out, p->json);
}

void sio_connect(struct buf *out, struct span nsp, struct span sid, struct span pid)
{
    encode_head(out, SIO_CONNECT, 0, nsp, SIO_NO_ID);
    buf_add_literal(out, "{\"sid\":");
    json_quote(out, sid);
    if (pid.len) {
        buf_add_literal(out, ",\"pid\":");
        json_quote(out, pid);
    }
    buf_add_byte(out, '}');
}

void sio_connect_error(struct buf *out, struct span nsp, struct span message, struct span data)
{
    encode_head(out, SIO_CONNECT_ERROR, 0, nsp, SIO_NO_ID);
    buf_add_literal(out, "{\"message\":");
    json_quote(out, message);
    if (data.len) {
        buf_add_literal(out, ",\"data\":");
        buf_add(out, data);
    }
    buf_add_byte(out, '}');
}

void sio_connect_v2(struct buf *out, struct span nsp)
{
    encode_head(out, SIO_CONNECT, 0, nsp, SIO_NO_ID);
}

void sio_error_v2(struct buf *out, struct span nsp, struct span message, struct span data)
{
    encode_head(out, SIO_CONNECT_ERROR, 0, nsp, SIO_NO_ID);
    if (data.len) buf_add(out, data);
    else json_quote(out, message);
}

void sio_disconnect(struct buf *out, struct span nsp)
{
    encode_head(out, SIO_DISCONNECT, 0, nsp, SIO_NO_ID);
}

void sio_ack(struct buf *out, struct span nsp, int64_t id, struct span args, unsigned attachments)
{
    encode_head(out, attachments ? SIO_BINARY_ACK : SIO_ACK, attachments, nsp, id);
    buf_add(out, args);
}

static struct span without_blanks(struct span s)      /* JSON's: line ends as well */
{
    while (s.len && strchr(" \t\r\n", s.ptr[0])) s = span_skip(s, 1);
    while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1])) s.len--;
    return s;
}

static struct span elements(struct span array)      /* what stands between its brackets */
{
    array = without_blanks(array);
    return array.len > 2 ? without_blanks((struct span){ array.ptr + 1, array.len - 2 }) : SPAN("");
}

void sio_event(struct buf *out, const struct sio_event *e)
{
    struct span args = elements(e->args);
    encode_head(out, e->attachments ? SIO_BINARY_EVENT : SIO_EVENT, e->attachments, e->nsp, e->id);
    buf_add_byte(out, '[');
    json_quote(out, e->name);
    if (args.len) {
        buf_add_byte(out, ',');
        buf_add(out, args);
    }
    if (e->offset.len) {
        buf_add_byte(out, ',');
        json_quote(out, e->offset);
    }
    buf_add_byte(out, ']');
}
