/* json_text - the half of json.h that knows what a quoted string means. */
#include "json.h"

struct span json_inside(struct span string)
{
    return string.len >= 2 ? (struct span){ string.ptr + 1, string.len - 2 } : SPAN("");
}

static uint32_t four_hex(struct span s)
{
    uint32_t n = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t c = (uint8_t)s.ptr[i];
        n = n << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return n;
}

static bool eat_unit(struct span *s, uint32_t *unit)    /* \uXXXX */
{
    if (s->len < 6 || s->ptr[0] != '\\' || s->ptr[1] != 'u') return false;
    *unit = four_hex(span_skip(*s, 2));
    *s = span_skip(*s, 6);
    return true;
}

/* What the escape at the front stands for: a code point, a lone surrogate as it is. */
static uint32_t eat_escape(struct span *s)
{
    uint32_t unit, low;
    if (eat_unit(s, &unit)) {
        struct span rest = *s;
        if (unit - 0xd800 < 0x400 && eat_unit(&rest, &low) && low - 0xdc00 < 0x400) {
            *s = rest;
            return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        }
        return unit;
    }
    char c = s->len > 1 ? s->ptr[1] : '\\';
    *s = span_skip(*s, 2);
    switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default:  return (uint8_t)c;
    }
}

bool json_next_point(struct span *text, uint32_t *point)
{
    if (text->len == 0) return false;
    const uint8_t *p = (const uint8_t *)text->ptr;
    if (p[0] == '\\') {
        *point = eat_escape(text);
        return true;
    }
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) c = c << 6 | (p[i] & 0x3f);
    *point = c;
    *text = span_skip(*text, n);
    return true;
}

static struct span eat_unescaped(struct span *s)
{
    ptrdiff_t at = span_find(*s, '\\');
    struct span run = span_head(*s, at < 0 ? s->len : (size_t)at);
    *s = span_skip(*s, run.len);
    return run;
}

void json_unquote(struct buf *out, struct span string)
{
    for (struct span s = json_inside(string); ; ) {
        buf_add(out, eat_unescaped(&s));
        if (s.len == 0) return;
        utf8_add(out, eat_escape(&s));
    }
}

bool json_string_is(struct span string, struct span text)
{
    struct span s = json_inside(string);
    if (!span_starts(string, '"')) return false;
    if (span_find(s, '\\') < 0) return span_same(s, text);
    for (;;) {
        if (!span_eat_prefix(&text, eat_unescaped(&s))) return false;
        if (s.len == 0) return text.len == 0;
        char bytes[4];
        struct buf one = { bytes, 0, sizeof bytes };    /* never grows: a character is 4 bytes at most */
        utf8_add(&one, eat_escape(&s));
        if (!span_eat_prefix(&text, buf_span(&one))) return false;
    }
}

size_t json_utf16_length(struct span string)
{
    size_t units = 0;
    for (struct span s = json_inside(string); s.len; ) {
        struct span run = eat_unescaped(&s);
        for (size_t i = 0; i < run.len; i++) {      /* a head byte counts, a long one's twice: a surrogate pair */
            uint8_t c = (uint8_t)run.ptr[i];
            units += (c & 0xc0) != 0x80;
            units += c >= 0xf0;
        }
        if (s.len) units += eat_escape(&s) >= 0x10000 ? 2 : 1;
    }
    return units;
}

static void quote_byte(struct buf *out, uint8_t c)
{
    static const char short_forms[0x20] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
    static const char digits[] = "0123456789abcdef";
    buf_add_byte(out, '\\');
    if (c == '"' || c == '\\') {
        buf_add_byte(out, (char)c);
    } else if (short_forms[c]) {
        buf_add_byte(out, short_forms[c]);
    } else {
        buf_add_literal(out, "u00");
        buf_add_byte(out, digits[c >> 4]);
        buf_add_byte(out, digits[c & 15]);
    }
}

static void quote_valid(struct buf *out, struct span s)
{
    size_t from = 0;        /* the run that stands for itself */
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0xe2) continue;
        size_t n = 1;
        if (c == 0xe2) {    /* U+2028/9: lines end there in older JavaScript, so in JSONP */
            if ((uint8_t)s.ptr[i + 1] != 0x80 || ((uint8_t)s.ptr[i + 2] & 0xfe) != 0xa8) continue;
            n = 3;
        }
        buf_add(out, span_from(s.ptr + from, i - from));
        if (n == 1) quote_byte(out, c);
        else if ((uint8_t)s.ptr[i + 2] == 0xa8) buf_add_literal(out, "\\u2028");
        else buf_add_literal(out, "\\u2029");
        i += n - 1;
        from = i + 1;
    }
    buf_add(out, span_skip(s, from));
}

void json_quote(struct buf *out, struct span utf8)
{
    size_t good;
    buf_add_byte(out, '"');
    while (utf8_check(utf8, &good) != OK) {
        quote_valid(out, span_head(utf8, good));
        utf8_add(out, UINT32_MAX);      /* is none: U+FFFD */
        utf8 = span_skip(utf8, good + 1);
    }
    quote_valid(out, utf8);
    buf_add_byte(out, '"');
}
