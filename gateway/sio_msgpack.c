#include "sio_msgpack.h"

#include "json.h"
#include "msgpack.h"
#include "reserved.h"

/* ---- in */

enum field { FIELD_TYPE, FIELD_NSP, FIELD_DATA, FIELD_ID, FIELDS };

/* What stands behind each key; with nothing left of it where the key is absent or undefined. */
static enum err find_fields(struct span at[FIELDS], struct span in)
{
    static const char *const names[FIELDS] = { [FIELD_TYPE] = "type", [FIELD_NSP] = "nsp", [FIELD_DATA] = "data", [FIELD_ID] = "id" };
    struct msgpack_item packet, key, value;
    enum err e = msgpack_next(&in, &packet);
    if (e) return e;
    if (packet.kind != MSGPACK_MAP) return ERR_TYPE;
    for (uint32_t i = 0; i < packet.count; i++) {
        if ((e = msgpack_next(&in, &key))) return e;
        if (key.kind != MSGPACK_STR) return ERR_TYPE;
        struct span start = in, peek = in;
        if ((e = msgpack_skip(&in))) return e;
        if ((e = msgpack_next(&peek, &value))) return e;
        if (value.kind == MSGPACK_UNDEFINED) start = SPAN("");
        for (int f = 0; f < FIELDS; f++)
            if (span_same(key.bytes, span_of(names[f]))) at[f] = start;
    }
    return in.len ? ERR_SYNTAX : OK;
}

static enum err decode_uint(struct span at, uint64_t max, uint64_t *n)
{
    struct msgpack_item item;
    enum err e = msgpack_next(&at, &item);
    if (e) return e;
    if (msgpack_is_uint(&item, max, n)) return OK;
    return item.kind == MSGPACK_UINT || item.kind == MSGPACK_INT || item.kind == MSGPACK_FLOAT ? ERR_RANGE : ERR_TYPE;
}

static enum err decode_nsp(struct span at, struct span *nsp)
{
    struct msgpack_item item;
    enum err e = msgpack_next(&at, &item);
    if (e) return e;
    *nsp = item.bytes;
    if (item.kind != MSGPACK_STR) return ERR_TYPE;
    if (!utf8_valid(*nsp)) return ERR_UTF8;
    return span_starts(*nsp, '/') && span_find(*nsp, ',') < 0 ? OK : ERR_SYNTAX;
}

static enum err check_name(struct sio_packet *p)
{
    enum err e = json_event_name(p->json, &p->name);
    if (e) return e;
    return reserved_name(p->name) ? ERR_UNKNOWN : OK;
}

/* Of what each type's data must be: the first byte of its JSON. */
static enum err check_data(struct sio_packet *p)
{
    static const struct { const char *first; bool absent; } of[] = {
        [SIO_CONNECT] = { "{", true }, [SIO_DISCONNECT] = { "", true }, [SIO_EVENT] = { "[", false },
        [SIO_ACK] = { "[", false }, [SIO_CONNECT_ERROR] = { "{\"", false } };
    if (p->json.len == 0) return of[p->type].absent ? OK : ERR_MISSING;
    if (!strchr(of[p->type].first, p->json.ptr[0])) return ERR_TYPE;
    return p->type == SIO_EVENT ? check_name(p) : OK;
}

enum err sio_msgpack_decode(struct sio_packet *p, struct span attachments[SIO_MAX_ATTACHMENTS], struct buf *text,
                            struct span in, size_t max_bytes)
{
    struct span at[FIELDS] = { SPAN(""), SPAN(""), SPAN(""), SPAN("") };
    uint64_t type, id;
    enum err e = find_fields(at, in);
    if (e) return e;
    if (!at[FIELD_TYPE].len || !at[FIELD_NSP].len) return ERR_MISSING;
    if ((e = decode_uint(at[FIELD_TYPE], SIO_CONNECT_ERROR, &type))) return e;
    *p = (struct sio_packet){ .type = (enum sio_type)type, .id = SIO_NO_ID };
    if ((e = decode_nsp(at[FIELD_NSP], &p->nsp))) return e;
    if (at[FIELD_ID].len) {
        if ((e = decode_uint(at[FIELD_ID], (uint64_t)SIO_MAX_ID, &id))) return e;
        p->id = (int64_t)id;
    } else if (p->type == SIO_ACK) {
        return ERR_MISSING;
    }
    if (at[FIELD_DATA].len) {
        struct msgpack_json to = { .text = *text, .max_bytes = max_bytes, .attachments = attachments, .max_attachments = SIO_MAX_ATTACHMENTS };
        e = msgpack_to_json(&to, &at[FIELD_DATA]);
        *text = to.text;
        if (e) return e;
        p->json = buf_span(text);
        p->attachments = to.attachment_count;
    }
    if ((e = check_data(p))) return e;
    if (p->type != SIO_EVENT && p->type != SIO_ACK) p->attachments = 0, p->id = SIO_NO_ID;      /* nobody asks for them */
    if (p->attachments) p->type = p->type == SIO_EVENT ? SIO_BINARY_EVENT : SIO_BINARY_ACK;
    return OK;
}

/* ---- out */

static void add_id(struct buf *out, int64_t id)
{
    msgpack_add_str(out, SPAN("id"));
    msgpack_add_int(out, id);
}

void sio_msgpack_encode(struct buf *out, const struct sio_packet *p, struct span attachments)
{
    static const uint8_t types[] = { [SIO_CONNECT] = SIO_CONNECT, [SIO_DISCONNECT] = SIO_DISCONNECT, [SIO_EVENT] = SIO_EVENT, [SIO_ACK] = SIO_ACK,
                                     [SIO_CONNECT_ERROR] = SIO_CONNECT_ERROR, [SIO_BINARY_EVENT] = SIO_EVENT, [SIO_BINARY_ACK] = SIO_ACK };
    uint8_t type = types[p->type];
    bool numbered = p->id != SIO_NO_ID;
    msgpack_add_map(out, 2u + (p->json.len > 0) + numbered);
    if (numbered && type == SIO_ACK) add_id(out, p->id);
    msgpack_add_str(out, SPAN("type"));
    msgpack_add_uint(out, type);
    if (p->json.len) {
        msgpack_add_str(out, SPAN("data"));
        msgpack_from_json(out, p->json, attachments);
    }
    if (numbered && type != SIO_ACK) add_id(out, p->id);
    msgpack_add_str(out, SPAN("nsp"));
    msgpack_add_str(out, p->nsp);
}
