/* msgpack - the half of msgpack.h that knows the format: one item at a time. */
#include "msgpack.h"

/* What the bytes c0 to df begin. 'width': of the number, or of the length, that follows. */
static const struct form { uint8_t kind, width; bool is_long, is_set; uint8_t fixed; } forms[32] = {
#define WORD(kind, number)          { kind, 0, false, true, number }
#define NUMBER(kind, width)         { kind, width, false, true, 0 }
#define LONG(kind, width)           { kind, width, true, true, 0 }     /* a length, then so many bytes or elements */
#define FIXED(length)               { MSGPACK_EXT, 0, true, true, length }
    [0x00] = WORD(MSGPACK_NIL, 0), [0x02] = WORD(MSGPACK_BOOL, 0), [0x03] = WORD(MSGPACK_BOOL, 1),
    [0x04] = LONG(MSGPACK_BIN, 1), LONG(MSGPACK_BIN, 2), LONG(MSGPACK_BIN, 4),
    [0x07] = LONG(MSGPACK_EXT, 1), LONG(MSGPACK_EXT, 2), LONG(MSGPACK_EXT, 4),
    [0x0a] = NUMBER(MSGPACK_FLOAT, 4), NUMBER(MSGPACK_FLOAT, 8),
    [0x0c] = NUMBER(MSGPACK_UINT, 1), NUMBER(MSGPACK_UINT, 2), NUMBER(MSGPACK_UINT, 4), NUMBER(MSGPACK_UINT, 8),
    [0x10] = NUMBER(MSGPACK_INT, 1), NUMBER(MSGPACK_INT, 2), NUMBER(MSGPACK_INT, 4), NUMBER(MSGPACK_INT, 8),
    [0x14] = FIXED(1), FIXED(2), FIXED(4), FIXED(8), FIXED(16),
    [0x19] = LONG(MSGPACK_STR, 1), LONG(MSGPACK_STR, 2), LONG(MSGPACK_STR, 4),
    [0x1c] = LONG(MSGPACK_ARRAY, 2), LONG(MSGPACK_ARRAY, 4),
    [0x1e] = LONG(MSGPACK_MAP, 2), LONG(MSGPACK_MAP, 4),
};

/* ---- in */

static bool eat_big(struct span *in, unsigned bytes, uint64_t *n)
{
    if (in->len < bytes) return false;
    *n = 0;
    for (unsigned i = 0; i < bytes; i++) *n = *n << 8 | (uint8_t)in->ptr[i];
    *in = span_skip(*in, bytes);
    return true;
}

static int64_t sign_extended(uint64_t n, unsigned bytes)
{
    unsigned above = 64 - 8 * bytes;
    return (int64_t)(n << above) >> above;
}

static void set_int(struct msgpack_item *item, int64_t n)
{
    item->kind = n < 0 ? MSGPACK_INT : MSGPACK_UINT;
    item->integer = n;
    item->number = (uint64_t)n;
}

static void set_float(struct msgpack_item *item, uint64_t bits, unsigned bytes)
{
    uint32_t low = (uint32_t)bits;
    float single;
    if (bytes == sizeof single) memcpy(&single, &low, sizeof single), item->real = (double)single;
    else memcpy(&item->real, &bits, sizeof item->real);
}

/* Type 0 is notepack.io's own, by length and form. */
static void set_ext(struct msgpack_item *item, bool fixed)
{
    if (item->ext != 0) return;
    if (!fixed) {
        item->kind = MSGPACK_BIN;
    } else if (item->bytes.len == 1) {
        item->kind = MSGPACK_UNDEFINED;
    } else if (item->bytes.len == 8) {
        struct span bytes = item->bytes;
        uint64_t ms;
        eat_big(&bytes, 8, &ms);
        item->kind = MSGPACK_DATE, item->integer = (int64_t)ms;
    }
}

/* Behind the length: so many bytes, or elements of one byte at least. */
static enum err next_long(struct span *in, struct msgpack_item *item, uint64_t length, bool fixed)
{
    uint64_t type;
    if (item->kind == MSGPACK_EXT) {
        if (!eat_big(in, 1, &type)) return ERR_TRUNC;
        item->ext = (int8_t)sign_extended(type, 1);
    }
    if (length > in->len / (item->kind == MSGPACK_MAP ? 2 : 1)) return ERR_TRUNC;
    item->count = (uint32_t)length;
    if (item->kind == MSGPACK_ARRAY || item->kind == MSGPACK_MAP) return OK;
    item->bytes = span_head(*in, (size_t)length);
    *in = span_skip(*in, (size_t)length);
    if (item->kind == MSGPACK_EXT) set_ext(item, fixed);
    return OK;
}

static enum err next_form(struct span *in, struct msgpack_item *item, const struct form *form)
{
    uint64_t n = form->fixed;
    if (!form->is_set) return ERR_SYNTAX;
    item->kind = (enum msgpack_kind)form->kind;
    if (form->width && !eat_big(in, form->width, &n)) return ERR_TRUNC;
    if (form->is_long) return next_long(in, item, n, form->width == 0);
    item->number = n;
    if (item->kind == MSGPACK_INT) set_int(item, sign_extended(n, form->width));
    if (item->kind == MSGPACK_FLOAT) set_float(item, n, form->width);
    return OK;
}

enum err msgpack_next(struct span *in, struct msgpack_item *item)
{
    uint64_t first;
    *item = (struct msgpack_item){ .kind = MSGPACK_UINT };
    if (!eat_big(in, 1, &first)) return ERR_TRUNC;
    if (first >= 0xc0 && first < 0xe0) return next_form(in, item, &forms[first - 0xc0]);
    if (first < 0x80 || first >= 0xe0) {
        set_int(item, sign_extended(first, 1));
        return OK;
    }
    item->kind = first >= 0xa0 ? MSGPACK_STR : first >= 0x90 ? MSGPACK_ARRAY : MSGPACK_MAP;
    return next_long(in, item, first & (first >= 0xa0 ? 0x1f : 0x0f), false);
}

enum err msgpack_skip(struct span *in)
{
    struct msgpack_item item;
    for (uint64_t left = 1; left; left--) {     /* never overflows: no count is more than the bytes there are */
        enum err e = msgpack_next(in, &item);
        if (e) return e;
        if (item.kind == MSGPACK_ARRAY) left += item.count;
        if (item.kind == MSGPACK_MAP) left += 2 * (uint64_t)item.count;
    }
    return OK;
}

bool msgpack_is_uint(const struct msgpack_item *item, uint64_t max, uint64_t *n)
{
    *n = item->number;
    if (item->kind == MSGPACK_FLOAT) {
        if (!(item->real >= 0 && item->real < 9007199254740992.0)) return false;   /* 2^53 */
        *n = (uint64_t)item->real;
        if ((double)*n < item->real) return false;
    } else if (item->kind != MSGPACK_UINT) {
        return false;
    }
    return *n <= max;
}

/* ---- out */

static void add_big(struct buf *out, uint8_t first, uint64_t n, unsigned bytes)
{
    char *at = buf_room(out, 1 + bytes);
    at[0] = (char)first;
    for (unsigned i = bytes; i > 0; i--, n >>= 8) at[i] = (char)(unsigned char)n;
    buf_grew(out, 1 + bytes);
}

/* The first byte of its 8 bit form; those of 16, 32 and 64 bits are the next ones. */
static void add_shortest(struct buf *out, uint8_t first, uint64_t n)
{
    unsigned power = n <= UINT8_MAX ? 0 : n <= UINT16_MAX ? 1 : n <= UINT32_MAX ? 2 : 3;
    add_big(out, (uint8_t)(first + power), n, 1u << power);
}

void msgpack_add_nil(struct buf *out) { buf_add_byte(out, '\xc0'); }
void msgpack_add_bool(struct buf *out, bool b) { buf_add_byte(out, b ? '\xc3' : '\xc2'); }

void msgpack_add_uint(struct buf *out, uint64_t n)
{
    if (n < 0x80) buf_add_byte(out, (char)n);
    else add_shortest(out, 0xcc, n);
}

void msgpack_add_int(struct buf *out, int64_t n)
{
    if (n >= 0) msgpack_add_uint(out, (uint64_t)n);
    else if (n >= -0x20) buf_add_byte(out, (char)n);
    else if (n >= INT8_MIN) add_big(out, 0xd0, (uint64_t)n, 1);
    else if (n >= INT16_MIN) add_big(out, 0xd1, (uint64_t)n, 2);
    else if (n >= INT32_MIN) add_big(out, 0xd2, (uint64_t)n, 4);
    else add_big(out, 0xd3, (uint64_t)n, 8);
}

void msgpack_add_float(struct buf *out, double n)
{
    uint64_t bits;
    memcpy(&bits, &n, sizeof bits);
    add_big(out, 0xcb, bits, 8);
}

void msgpack_add_str(struct buf *out, struct span utf8)
{
    if (utf8.len < 0x20) buf_add_byte(out, (char)(0xa0 | utf8.len));
    else add_shortest(out, 0xd9, utf8.len);
    buf_add(out, utf8);
}

void msgpack_add_bin(struct buf *out, struct span bytes)
{
    add_shortest(out, 0xc4, bytes.len);
    buf_add(out, bytes);
}

static void add_container(struct buf *out, uint8_t small, uint8_t large, uint32_t count)
{
    if (count < 0x10) buf_add_byte(out, (char)(small | count));
    else if (count <= UINT16_MAX) add_big(out, large, count, 2);
    else add_big(out, (uint8_t)(large + 1), count, 4);
}

void msgpack_add_array(struct buf *out, uint32_t count) { add_container(out, 0x90, 0xdc, count); }
void msgpack_add_map(struct buf *out, uint32_t pairs) { add_container(out, 0x80, 0xde, pairs); }
