#include "json.h"

#include <endian.h>

/* Of eight bytes, how many at the front stand for themselves inside a string:
 * ASCII, no control, no quote, no backslash. Each term marks its bytes by their top
 * bit; a borrow can mark wrongly only above a byte that is rightly marked, so the lowest mark counts. */
static inline size_t plain_of_eight(const uint8_t *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t x;
    memcpy(&x, p, sizeof x);
    x = le64toh(x);
    uint64_t quote = x ^ ones * '"', slash = x ^ ones * '\\';
    uint64_t marks = (x | (x - ones * 0x20) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & tops;
    return marks ? (size_t)__builtin_ctzll(marks) / 8 : 8;
}

static inline const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 8) {
        size_t n = plain_of_eight(p);
        p += n;
        if (n < 8) return p;
    }
    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') p++;
    return p;
}

static inline bool blank(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
static inline bool digit(uint8_t c) { return c >= '0' && c <= '9'; }

static inline const uint8_t *skip_blanks(const uint8_t *p, const uint8_t *end)
{
    while (p < end && blank(*p)) p++;
    return p;
}

static int hex(uint8_t c)
{
    if (digit(c)) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- check: each part takes *at behind what it read */

static enum err check_escape(const uint8_t **at, const uint8_t *end)    /* *at: behind the backslash */
{
    const uint8_t *p = *at;
    if (p == end) return ERR_TRUNC;
    switch (*p++) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        break;
    case 'u':
        for (int i = 0; i < 4; i++, p++) {
            if (p == end) return ERR_TRUNC;
            if (hex(*p) < 0) return ERR_SYNTAX;
        }
        break;
    default:
        return ERR_SYNTAX;
    }
    *at = p;
    return OK;
}

static inline enum err check_string(const uint8_t **at, const uint8_t *end)    /* *at: behind the quote */
{
    const uint8_t *p = *at;
    for (;;) {
        p = skip_plain(p, end);
        if (p == end) return ERR_TRUNC;
        if (*p == '"') {
            *at = p + 1;
            return OK;
        }
        if (*p == '\\') {
            p++;
            enum err e = check_escape(&p, end);
            if (e) return e;
        } else if (*p < 0x20) {
            return ERR_SYNTAX;
        } else do {
            int n = utf8_step(p, (size_t)(end - p));
            if (n <= 0) return n ? ERR_UTF8 : ERR_TRUNC;
            p += n;
        } while (p < end && *p >= 0x80);
    }
}

static enum err check_digits(const uint8_t **at, const uint8_t *end)    /* one at least */
{
    const uint8_t *p = *at;
    if (p == end) return ERR_TRUNC;
    if (!digit(*p)) return ERR_SYNTAX;
    while (p < end && digit(*p)) p++;
    *at = p;
    return OK;
}

static inline enum err check_number(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    enum err e = OK;
    if (*p == '-') p++;
    if (p < end && *p == '0') p++;
    else e = check_digits(&p, end);
    if (!e && p < end && *p == '.') {
        p++;
        e = check_digits(&p, end);
    }
    if (!e && p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        e = check_digits(&p, end);
    }
    *at = p;
    return e;
}

static enum err check_word(const uint8_t **at, const uint8_t *end, struct span word)
{
    size_t there = (size_t)(end - *at), n = there < word.len ? there : word.len;
    if (memcmp(*at, word.ptr, n) != 0) return ERR_SYNTAX;
    *at += n;
    return n < word.len ? ERR_TRUNC : OK;
}

/* The grammar as three places: before a value, behind one, before a key. What
 * each open level is (array or object) is one bit of a stack. */
enum err json_check(struct span in, unsigned max_depth)
{
    const uint8_t *p = (const uint8_t *)in.ptr, *end = p + in.len;
    uint64_t objects[JSON_DEEPEST / 64];    /* each bit is written before it is read */
    unsigned depth = 0;
    bool object = false;                    /* the innermost level's bit */
    enum err e = OK;
    if (max_depth > JSON_DEEPEST) max_depth = JSON_DEEPEST;

value:
    p = skip_blanks(p, end);
    if (p == end) return ERR_TRUNC;
    switch (*p) {
    case '"':
        p++;
        e = check_string(&p, end);
        break;
    case '{': case '[':
        if (depth == max_depth) return ERR_DEPTH;
        if (depth % 64 == 0) objects[depth / 64] = 0;
        object = *p == '{';
        objects[depth / 64] = (objects[depth / 64] & ~(UINT64_C(1) << depth % 64)) | (uint64_t)object << depth % 64;
        depth++;
        p = skip_blanks(p + 1, end);
        if (p == end) return ERR_TRUNC;
        if (*p == (object ? '}' : ']')) goto behind;
        if (object) goto key;
        goto value;
    case 't': e = check_word(&p, end, SPAN("true")); break;
    case 'f': e = check_word(&p, end, SPAN("false")); break;
    case 'n': e = check_word(&p, end, SPAN("null")); break;
    default:
        if (*p != '-' && !digit(*p)) return ERR_SYNTAX;
        e = check_number(&p, end);
    }
    if (e) return e;

behind:
    p = skip_blanks(p, end);
    if (depth == 0) return p == end ? OK : ERR_SYNTAX;
    if (p == end) return ERR_TRUNC;
    if (*p == ',') {
        p++;
        if (object) goto key;
        goto value;
    }
    if (*p != (object ? '}' : ']')) return ERR_SYNTAX;
    p++;
    depth--;
    if (depth) object = objects[(depth - 1) / 64] >> (depth - 1) % 64 & 1;
    goto behind;

key:
    p = skip_blanks(p, end);
    if (p == end) return ERR_TRUNC;
    if (*p++ != '"') return ERR_SYNTAX;
    e = check_string(&p, end);
    if (e) return e;
    p = skip_blanks(p, end);
    if (p == end) return ERR_TRUNC;
    if (*p++ != ':') return ERR_SYNTAX;
    goto value;
}

/* ---- walk: the text was checked, but nothing here reads beyond it even if it was not */

static struct span without_blanks(struct span s)
{
    while (s.len && blank((uint8_t)s.ptr[0])) s = span_skip(s, 1);
    return s;
}

static const uint8_t *behind_string(const uint8_t *p, const uint8_t *end)   /* p: at the quote */
{
    for (p++; p < end; ) {
        p = skip_plain(p, end);
        if (p == end) break;
        if (*p == '"') return p + 1;
        p += *p == '\\' && end - p > 1 ? 2 : 1;
    }
    return end;
}

static const uint8_t *behind_brackets(const uint8_t *p, const uint8_t *end)
{
    size_t open = 0;
    while (p < end) {
        if (*p == '"') {
            p = behind_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[') open++;
        if ((*p == '}' || *p == ']') && --open == 0) return p + 1;
        p++;
    }
    return end;
}

struct span json_eat(struct span *in)
{
    *in = without_blanks(*in);
    const uint8_t *start = (const uint8_t *)in->ptr, *p = start, *end = p + in->len;
    if (p == end) return *in;
    if (*p == '"') p = behind_string(p, end);
    else if (*p == '{' || *p == '[') p = behind_brackets(p, end);
    else while (p < end && !blank(*p) && *p != ',' && *p != ']' && *p != '}' && *p != ':') p++;
    struct span value = span_head(*in, (size_t)(p - start));
    *in = without_blanks(span_skip(*in, value.len));
    return value;
}

enum json_type json_type_of(struct span value)
{
    value = without_blanks(value);
    if (value.len == 0) return JSON_NONE;
    switch (value.ptr[0]) {
    case '"': return JSON_STRING;
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case 't': case 'f': return JSON_BOOL;
    case 'n': return JSON_NULL;
    default:  return JSON_NUMBER;
    }
}

/* What is left of a container begins with its bracket only before the first
 * step, later with the comma or the closing bracket. */
static bool step_into(struct span *rest, char open)
{
    *rest = without_blanks(*rest);
    if (!span_eat(rest, open) && !span_eat(rest, ',')) return false;
    *rest = without_blanks(*rest);
    return rest->len && !span_starts(*rest, ']') && !span_starts(*rest, '}');
}

bool json_next(struct span *array, struct span *element)
{
    if (!step_into(array, '[')) return false;
    *element = json_eat(array);
    return element->len > 0;
}

bool json_next_member(struct span *object, struct span *key, struct span *value)
{
    if (!step_into(object, '{')) return false;
    *key = json_eat(object);
    if (!span_eat(object, ':')) return false;
    *value = json_eat(object);
    return value->len > 0;
}

struct span json_find(struct span object, struct span key)
{
    struct span k, v, found = SPAN("");
    while (json_next_member(&object, &k, &v))
        if (json_string_is(k, key)) found = v;
    return found;
}

bool json_is_true(struct span value)
{
    return span_same(value, SPAN("true"));
}

bool json_to_uint(struct span value, uint64_t max, uint64_t *n)
{
    return span_to_uint(value, max, n);
}

enum err json_event_name(struct span payload, struct span *name)
{
    if (json_type_of(payload) != JSON_ARRAY || !json_next(&payload, name)) return ERR_TYPE;
    enum json_type type = json_type_of(*name);
    return type == JSON_STRING || type == JSON_NUMBER ? OK : ERR_TYPE;
}
