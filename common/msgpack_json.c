/* msgpack_json - the half of msgpack.h that turns values into JSON texts, and back. */
#include "msgpack.h"

#include "iso.h"
#include "json.h"
#include "msg.h"

#include <stdlib.h>

/* ---- to JSON */

struct level {                      /* an open array or map */
    size_t   text;                  /* where its bracket is, */
    unsigned attachments;           /* and how many there were before it */
    uint32_t left;                  /* elements or pairs still to come */
    bool     map, marked;           /* marked: "_placeholder":true */
    bool     mark;                  /* the value to come is that of "_placeholder" */
};

static enum err add_attachment(struct msgpack_json *to, struct span bytes)
{
    to->binary = true;
    if (to->attachment_count == to->max_attachments) return ERR_LIMIT;
    if (bytes.len > to->max_bytes) return ERR_LIMIT;
    to->max_bytes -= bytes.len;
    buf_add_literal(&to->text, "{\"_placeholder\":true,\"num\":");
    buf_add_uint(&to->text, to->attachment_count);
    buf_add_byte(&to->text, '}');
    to->attachments[to->attachment_count++] = bytes;
    return OK;
}

static enum err add_ext(struct msgpack_json *to, const struct msgpack_item *item)
{
    buf_add_byte(&to->text, '[');
    buf_add_int(&to->text, item->ext);
    buf_add_byte(&to->text, ',');
    enum err e = add_attachment(to, item->bytes);
    buf_add_byte(&to->text, ']');
    return e;
}

static void add_date(struct buf *text, int64_t ms)
{
    char date[ISO_LENGTH_MAX];
    bool known = ms <= ISO_MS_MAX && ms >= -ISO_MS_MAX;
    if (known) json_quote(text, iso_date(date, ms));
    else buf_add_literal(text, "null");
}

static enum err add_str(struct buf *text, struct span utf8)
{
    if (!utf8_valid(utf8)) return ERR_UTF8;
    json_quote(text, utf8);
    return OK;
}

static enum err add_scalar(struct msgpack_json *to, const struct msgpack_item *item)
{
    struct buf *text = &to->text;
    switch (item->kind) {
    case MSGPACK_BOOL:  buf_add(text, item->number ? SPAN("true") : SPAN("false")); break;
    case MSGPACK_UINT:  buf_add_uint(text, item->number); break;
    case MSGPACK_INT:   buf_add_int(text, item->integer); break;
    case MSGPACK_FLOAT: json_add_number(text, item->real); break;
    case MSGPACK_DATE:  add_date(text, item->integer); break;
    case MSGPACK_STR:   return add_str(text, item->bytes);
    case MSGPACK_BIN:   return add_attachment(to, item->bytes);
    case MSGPACK_EXT:   return add_ext(to, item);
    default:            buf_add_literal(text, "null"); break;
    }
    return OK;
}

static enum err add_key(struct msgpack_json *to, const struct msgpack_item *item)
{
    enum err e = OK;
    if (item->kind == MSGPACK_STR) {
        e = add_str(&to->text, item->bytes);
    } else if (item->kind == MSGPACK_UINT || item->kind == MSGPACK_INT) {
        buf_add_byte(&to->text, '"');
        add_scalar(to, item);
        buf_add_byte(&to->text, '"');
    } else {
        return ERR_TYPE;
    }
    buf_add_byte(&to->text, ':');
    return e;
}

/* What a map is shows itself only at its end: then all of it is taken back. */
static void close_level(struct msgpack_json *to, const struct level *level)
{
    if (level->marked) {
        to->feigned = true;
        to->text.len = level->text;
        to->attachment_count = level->attachments;
        buf_add_literal(&to->text, "null");
    } else {
        buf_add_byte(&to->text, level->map ? '}' : ']');
    }
}

static struct level open_level(struct msgpack_json *to, const struct msgpack_item *item)
{
    struct level level = { .text = to->text.len, .attachments = to->attachment_count, .left = item->count,
                           .map = item->kind == MSGPACK_MAP };
    buf_add_byte(&to->text, level.map ? '{' : '[');
    return level;
}

/* The comma, and in a map the key. */
static enum err begin_member(struct msgpack_json *to, struct span *in, struct level *at)
{
    if (to->text.len > at->text + 1) buf_add_byte(&to->text, ',');
    if (!at->map) return OK;
    struct msgpack_item key;
    enum err e = msgpack_next(in, &key);
    if (e) return e;
    at->mark = key.kind == MSGPACK_STR && span_same(key.bytes, SPAN("_placeholder"));
    return add_key(to, &key);
}

/* Levels of JSON that a value is made of, beside those of arrays and maps. */
static size_t depth_of(const struct msgpack_item *item)
{
    return item->kind == MSGPACK_BIN ? 1 : item->kind == MSGPACK_EXT ? 2 : 0;
}

/* wary: what feigns to be an attachment becomes null. */
static enum err read_value(struct msgpack_json *to, struct span *in, bool wary)
{
    struct level levels[JSON_MAX_DEPTH], *at = NULL;       /* NULL: around the value */
    struct msgpack_item item;
    for (;;) {
        size_t before = to->text.len;
        enum err e = at ? begin_member(to, in, at) : OK;
        if (!e) e = msgpack_next(in, &item);
        if (e) return e;
        if (at) at->left--;
        if (wary && at && at->mark) at->marked = item.kind == MSGPACK_BOOL && item.number;     /* the last one counts, as in JavaScript */
        if (item.kind == MSGPACK_ARRAY || item.kind == MSGPACK_MAP) {
            if (at == levels + JSON_MAX_DEPTH - 1) return ERR_DEPTH;
            at = at ? at + 1 : levels;
            *at = open_level(to, &item);
        } else if (item.kind == MSGPACK_UNDEFINED && (!at || at->map)) {
            to->text.len = before;      /* with its comma and key */
        } else if ((at ? (size_t)(at - levels) + 1 : 0) + depth_of(&item) > JSON_MAX_DEPTH) {
            return ERR_DEPTH;
        } else {
            e = add_scalar(to, &item);
        }
        for (; at && at->left == 0; at = at == levels ? NULL : at - 1) close_level(to, at);
        if (e) return e;
        if (to->text.len > to->max_bytes) return ERR_LIMIT;
        if (!at) return OK;
    }
}

enum err msgpack_to_json(struct msgpack_json *to, struct span *in)
{
    struct span again = *in;
    size_t before = to->text.len;
    to->feigned = to->binary = false;
    enum err e = read_value(to, in, true);
    if (e || !to->feigned || to->binary) return e;
    to->text.len = before;      /* with no binary beside it, it is data */
    *in = again;
    return read_value(to, in, false);
}

/* ---- from JSON: first how many elements each container has, in the order of their opening brackets */

#define ATTACHMENT (UINT32_C(1) << 31)      /* a count's other meaning: a placeholder, of the attachment with this number */

enum key { OTHER, MARK, NUM };      /* what the value to come belongs to */

struct opened {
    size_t   place;                 /* of its count */
    uint32_t count, num;
    bool     object, marked;
    uint8_t  key;
};

static enum key key_of(struct span key)
{
    if (json_string_is(key, SPAN("_placeholder"))) return MARK;
    return json_string_is(key, SPAN("num")) ? NUM : OTHER;
}

static void on_value(struct opened *at, struct span value)
{
    uint64_t n;
    at->count++;
    if (at->key == MARK) at->marked = json_is_true(value);
    if (at->key == NUM) at->num = json_to_uint(value, ATTACHMENT - 1, &n) ? (uint32_t)n : ATTACHMENT - 1;
    at->key = OTHER;
}

static void add_count(struct buf *counts, uint32_t count) { buf_add(counts, span_from(&count, sizeof count)); }

static uint32_t count_at(const struct buf *counts, size_t i)
{
    uint32_t count = 0;     /* beyond the end: only of what is no JSON */
    if (i < counts->len / sizeof count) memcpy(&count, counts->ptr + i * sizeof count, sizeof count);
    return count;
}

/* The outermost placeholder wins, as in JavaScript: what it holds is never written. */
static void on_closed(struct buf *counts, const struct opened *closed, bool binary)
{
    bool placeholder = binary && closed->marked;
    uint32_t count = placeholder ? ATTACHMENT | closed->num : closed->count;
    if (placeholder) counts->len = (closed->place + 1) * sizeof count;
    memcpy(counts->ptr + closed->place * sizeof count, &count, sizeof count);
}

static bool count_all(struct buf *counts, struct span json, bool binary)
{
    struct opened levels[JSON_DEEPEST + 1], *at = levels;
    *at = (struct opened){ .key = OTHER };
    while (json.len) {
        char c = json.ptr[0];
        if (c == '{' || c == '[') {
            if (at == levels + JSON_DEEPEST) return false;
            on_value(at, SPAN(""));
            *++at = (struct opened){ .place = counts->len / sizeof(uint32_t), .num = ATTACHMENT - 1, .object = c == '{' };
            add_count(counts, 0);
        } else if (c == '}' || c == ']') {
            if (at > levels) on_closed(counts, at--, binary);
        } else if (c != ',' && c != ':' && (uint8_t)c > ' ') {
            struct span value = json_eat(&json);
            if (at->object && span_starts(json, ':')) at->key = (uint8_t)key_of(value);
            else on_value(at, value);
            continue;
        }
        json = span_skip(json, 1);
    }
    return at == levels;
}

/* ---- then, what each element is */

static void add_quoted(struct buf *out, struct span string, struct buf *scratch)
{
    struct span plain = string.len >= 2 ? span_from(string.ptr + 1, string.len - 2) : SPAN("");
    if (span_find(plain, '\\') >= 0) {
        buf_clear(scratch);
        json_unquote(scratch, string);
        plain = buf_span(scratch);
    }
    msgpack_add_str(out, plain);
}

static bool fits(struct span digits, struct span largest)
{
    return digits.len < largest.len || (digits.len == largest.len && span_order(digits, largest) <= 0);
}

static bool add_whole(struct buf *out, struct span text)
{
    struct span digits = text;
    uint64_t n;
    bool negative = span_eat(&digits, '-');
    struct span largest = negative ? SPAN("9223372036854775808") : SPAN("18446744073709551615");
    if (!fits(digits, largest) || !span_to_uint(digits, UINT64_MAX, &n)) return false;
    if (negative) msgpack_add_int(out, (int64_t)(0 - n));
    else msgpack_add_uint(out, n);
    return true;
}

static void add_number(struct buf *out, struct span text, struct buf *scratch)
{
    if (add_whole(out, text)) return;
    buf_clear(scratch);
    buf_add(scratch, text);
    double n = strtod(buf_text(scratch), NULL);
    if (n >= 0 && n < 18446744073709551616.0 && (double)(uint64_t)n == n) msgpack_add_uint(out, (uint64_t)n);
    else if (n < 0 && n >= -9223372036854775808.0 && (double)(int64_t)n == n) msgpack_add_int(out, (int64_t)n);
    else msgpack_add_float(out, n);
}

static void add_value(struct buf *out, struct span value, struct buf *scratch)
{
    switch (json_type_of(value)) {
    case JSON_STRING: add_quoted(out, value, scratch); break;
    case JSON_NUMBER: add_number(out, value, scratch); break;
    case JSON_BOOL:   msgpack_add_bool(out, json_is_true(value)); break;
    default:          msgpack_add_nil(out); break;
    }
}

static void add_numbered(struct buf *out, struct span attachments, uint32_t num)
{
    struct span one;
    while (msg_next_str(&attachments, &one))
        if (num-- == 0) {
            msgpack_add_bin(out, one);
            return;
        }
    msgpack_add_nil(out);
}

void msgpack_from_json(struct buf *out, struct span json, struct span attachments)
{
    struct buf counts = { 0 }, scratch = { 0 };
    if (!count_all(&counts, json, attachments.len > 0)) {
        msgpack_add_nil(out);
        json = SPAN("");
    }
    for (size_t i = 0; json.len; ) {
        char c = json.ptr[0];
        uint32_t count = 0;
        if (c == '{' || c == '[') count = count_at(&counts, i++);
        if (count & ATTACHMENT) {
            add_numbered(out, attachments, count & ~ATTACHMENT);
            json_eat(&json);
            continue;
        }
        if (c == '{') msgpack_add_map(out, count);
        else if (c == '[') msgpack_add_array(out, count);
        else if (c != ',' && c != ':' && c != '}' && c != ']' && (uint8_t)c > ' ') {
            add_value(out, json_eat(&json), &scratch);
            continue;
        }
        json = span_skip(json, 1);
    }
    buf_fini(&counts), buf_fini(&scratch);
}
