/* http1_body - a request's body: so many bytes, or chunks (RFC 9112, 7.1). */
#include "http1_inside.h"

enum { MAX_EXTENSION = 256 };       /* bytes behind a chunk's size: read over, never kept */

static struct span take(struct http1 *h, struct span *in)
{
    struct span piece = span_head(*in, h->left < in->len ? (size_t)h->left : in->len);
    *in = span_skip(*in, piece.len);
    h->left -= piece.len;
    h->taken += piece.len;
    return piece;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum err broken(struct http1 *h)
{
    return http1_fail(h, 400, ERR_SYNTAX);
}

static enum err enter(struct http1 *h, bool may, enum http1_phase next)
{
    h->phase = (uint8_t)next;
    return may ? OK : broken(h);
}

static enum err on_size(struct http1 *h, const struct http1_limits *limits, char c)
{
    int digit = hex(c);
    if (digit >= 0) {
        if (++h->scanned > 16) return broken(h);
        h->left = h->left << 4 | (uint64_t)digit;
        return h->left > limits->max_body - h->taken ? http1_fail(h, 413, ERR_LIMIT) : OK;
    }
    if (h->scanned == 0) return broken(h);
    h->scanned = 0;
    return enter(h, c == '\r' || c == ';', c == ';' ? HTTP1_CHUNK_EXTENSION : HTTP1_CHUNK_LF);
}

/* One byte of what stands around the chunks' data. */
static enum err on_framing(struct http1 *h, const struct http1_limits *limits, char c)
{
    switch ((enum http1_phase)h->phase) {
    case HTTP1_CHUNK_SIZE:
        return on_size(h, limits, c);
    case HTTP1_CHUNK_EXTENSION:
        if (c == '\r') return enter(h, true, HTTP1_CHUNK_LF);
        return http1_is(c, HTTP1_VALUE) && ++h->scanned <= MAX_EXTENSION ? OK : broken(h);
    case HTTP1_CHUNK_LF:
        h->scanned = 0;
        return enter(h, c == '\n', h->left ? HTTP1_CHUNK_DATA : HTTP1_TRAILER);
    case HTTP1_CHUNK_DATA_CR:
        return enter(h, c == '\r', HTTP1_CHUNK_DATA_LF);
    case HTTP1_CHUNK_DATA_LF:
        return enter(h, c == '\n', HTTP1_CHUNK_SIZE);
    case HTTP1_TRAILER:     /* at the start of a line; trailers are checked and thrown away */
        if (c == '\r') return enter(h, true, HTTP1_LAST_LF);
        if (++h->scanned > limits->max_head) return http1_fail(h, 431, ERR_LIMIT);
        return enter(h, http1_is(c, HTTP1_TOKEN), HTTP1_TRAILER_LINE);
    case HTTP1_TRAILER_LINE:
        if (c == '\r') return enter(h, true, HTTP1_TRAILER_LF);
        if (++h->scanned > limits->max_head) return http1_fail(h, 431, ERR_LIMIT);
        return http1_is(c, HTTP1_VALUE) ? OK : broken(h);
    case HTTP1_TRAILER_LF:
        return enter(h, c == '\n', HTTP1_TRAILER);
    case HTTP1_LAST_LF:
        h->scanned = 0;
        return enter(h, c == '\n', HTTP1_HEAD);
    default:
        return ERR_STATE;
    }
}

enum err http1_body(struct http1 *h, const struct http1_limits *limits, struct span *in, struct span *piece)
{
    *piece = SPAN("");
    http1_release(h);
    if (h->phase == HTTP1_BROKEN) return ERR_STATE;
    if (h->taken > limits->max_body || h->left > limits->max_body - h->taken) return http1_fail(h, 413, ERR_LIMIT);
    while (h->phase != HTTP1_HEAD) {
        if (in->len == 0) return ERR_AGAIN;
        if (h->phase == HTTP1_LENGTH || h->phase == HTTP1_CHUNK_DATA) {
            *piece = take(h, in);
            if (h->left == 0) h->phase = h->phase == HTTP1_LENGTH ? HTTP1_HEAD : HTTP1_CHUNK_DATA_CR;
            return OK;
        }
        char c = in->ptr[0];
        *in = span_skip(*in, 1);
        enum err e = on_framing(h, limits, c);
        if (e) return e;
    }
    return OK;
}
