#include "renumber.h"
#include "json.h"

enum key { OTHER, MARK, NUM };      /* what the value to come belongs to */

struct level {
    size_t   out, used;             /* how much there was before it opened: where its replacement goes */
    unsigned num;                   /* "num", or UINT_MAX */
    bool     object, marked;        /* marked: "_placeholder":true */
    uint8_t  key;
};

static enum key key_of(struct span key)
{
    if (json_string_is(key, SPAN("_placeholder"))) return MARK;
    return json_string_is(key, SPAN("num")) ? NUM : OTHER;
}

/* The last value of a key counts, as in JavaScript: each one overwrites. */
static void on_value(struct level *at, struct span value, unsigned attachments)
{
    uint64_t n;
    if (at->key == MARK) at->marked = json_is_true(value);
    if (at->key == NUM) at->num = attachments && json_to_uint(value, attachments - 1, &n) ? (unsigned)n : UINT32_MAX;
    at->key = OTHER;
}

static void add_placeholder(struct buf *out, unsigned num, struct renumber *r)
{
    unsigned k = 0;
    while (k < r->count && r->used[k] != num) k++;
    if (num > UINT8_MAX || k == RENUMBER_MAX) {
        buf_add_literal(out, "null");
        return;
    }
    if (k == r->count) r->used[r->count++] = (uint8_t)num;
    buf_add_literal(out, "{\"_placeholder\":true,\"num\":");
    buf_add_uint(out, r->base + k);
    buf_add_byte(out, '}');
}

/* An object shows what it is only at its end: then what was copied of it, and counted
 * inside it, is taken back. So the outermost placeholder wins, as in JavaScript. */
void renumber(struct buf *out, struct span json, unsigned attachments, struct renumber *r)
{
    struct level levels[JSON_MAX_DEPTH + 1] = { { .key = OTHER } };     /* [0]: around the value */
    struct level *at = levels;
    size_t out_before = out->len;
    unsigned used_before = r->count;
    while (json.len) {
        char c = json.ptr[0];
        if (c == '{' || c == '[') {
            if (at == levels + JSON_MAX_DEPTH) {
                out->len = out_before, r->count = used_before;
                buf_add_literal(out, "null");
                return;
            }
            on_value(at, SPAN(""), attachments);    /* neither true nor a number */
            *++at = (struct level){ .out = out->len, .used = r->count, .num = UINT32_MAX, .object = c == '{' };
        } else if (c == '}' || c == ']') {
            struct level closed = *at;
            if (at > levels) at--;
            if (closed.marked) {
                out->len = closed.out, r->count = (unsigned)closed.used;
                add_placeholder(out, closed.num, r);
                json = span_skip(json, 1);
                continue;
            }
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            json = span_skip(json, 1);              /* json_eat would look behind it, and eat brackets whole */
            continue;
        } else if (c != ',' && c != ':') {
            struct span value = json_eat(&json);
            if (at->object && span_starts(json, ':')) at->key = (uint8_t)key_of(value);
            else on_value(at, value, attachments);
            buf_add(out, value);
            continue;
        }
        buf_add_byte(out, c);
        json = span_skip(json, 1);
    }
}
