#include "positions.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
_Static_assert(sizeof digits - 1 == POSITIONS_MAX, "a router's number is one digit");

static void add_number(struct buf *out, uint64_t n)
{
    int shift = 0;
    while (shift < 60 && n >> (shift + 6)) shift += 6;
    for (; shift >= 0; shift -= 6) buf_add_byte(out, digits[n >> shift & 63]);
}

void positions_encode(struct buf *out, const struct positions *p)
{
    size_t before = out->len;
    for (size_t i = 0; i < POSITIONS_MAX; i++) {
        if (!p->at[i].epoch) continue;
        if (out->len != before) buf_add_byte(out, '.');
        buf_add_byte(out, digits[i]);
        add_number(out, p->at[i].epoch);
        buf_add_byte(out, '.');
        add_number(out, p->at[i].seq);
    }
    if (out->len == before) buf_add_byte(out, '.');
}

static int digit(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52
         : c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Up to a dot or the end. */
static enum err cut_number(struct span *text, uint64_t *n)
{
    size_t len = 0;
    *n = 0;
    for (int d; len < text->len && (d = digit(text->ptr[len])) >= 0; len++) {
        if (*n >> 58) return ERR_RANGE;
        *n = *n << 6 | (uint64_t)d;
    }
    if (len == 0 || (len > 1 && text->ptr[0] == 'A')) return ERR_SYNTAX;
    *text = span_skip(*text, len);
    return OK;
}

static enum err cut_entry(struct span *text, int *last, struct positions *p)
{
    int router = text->len ? digit(text->ptr[0]) : -1;
    if (router <= *last) return ERR_SYNTAX;
    *last = router;
    *text = span_skip(*text, 1);
    struct position *at = &p->at[router];
    enum err e = cut_number(text, &at->epoch);
    if (e == OK && !at->epoch) e = ERR_RANGE;
    if (e == OK && !span_eat(text, '.')) e = ERR_SYNTAX;
    return e == OK ? cut_number(text, &at->seq) : e;
}

enum err positions_decode(struct positions *p, struct span text)
{
    int last = -1;
    *p = (struct positions){ 0 };
    if (text.len > POSITIONS_TEXT_MAX) return ERR_LIMIT;
    if (span_same(text, SPAN("."))) return OK;
    for (;;) {
        enum err e = cut_entry(&text, &last, p);
        if (e != OK || text.len == 0) return e;
        if (!span_eat(&text, '.')) return ERR_SYNTAX;
    }
}
