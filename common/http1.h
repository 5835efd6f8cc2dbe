/* http1 - HTTP/1.1 requests, server side (RFC 9112), and its responses.
 *
 * Bytes go in as they come; out come one head, then its body in pieces, then
 * the next head (pipelining: exactly one request is taken from the input).
 *     e = http1_head(&h, &limits, &in, &request);         until OK
 *     e = http1_body(&h, &limits, &in, &piece);           until OK with an empty piece
 * ERR_AGAIN: all of 'in' is taken, more is needed. Any other error: answer
 * h.status, close; nothing more can be read.
 *
 * Strict where leniency lets one hop see two requests and the next one three:
 * one Content-Length or chunked, never both; no folded lines, no bare CR or
 * LF, no blank before a colon, exactly one Host.
 *
 * Memory: a head that lies whole in one read is not copied. One that doesn't is
 * kept in 'h' until http1_release, the next http1_head or http1_body. So the
 * request's spans live until the next call, or until the input's bytes go. */
#ifndef CAUSEWAY_HTTP1_H
#define CAUSEWAY_HTTP1_H

#include "buf.h"
#include "err.h"

enum { HTTP1_MAX_FIELDS = 100 };

struct http1_limits {
    uint32_t max_head;      /* bytes of request line and fields: 431 */
    uint32_t max_fields;    /* at most HTTP1_MAX_FIELDS: 431 */
    uint64_t max_body;      /* bytes: 413, from the first http1_body on, so the head can still be looked at */
};

struct http1 {                  /* a connection's state; { 0 } is a fresh one */
    struct buf head;            /* an incomplete head's bytes */
    uint64_t   left;            /* of the body, or of the chunk */
    uint64_t   taken;           /* body bytes so far */
    uint32_t   scanned;         /* of the head; in a chunked body: bytes of its framing line */
    uint16_t   status;          /* the answer, after an error */
    uint8_t    phase;
    bool       blank;           /* an empty line stood before the head: one is forgiven */
};

struct http1_field { struct span name, value; };

struct http1_request {
    struct span method;         /* as sent: "GET" */
    struct span path;           /* still percent-encoded; "/" at least, or "*" */
    struct span query;          /* behind the '?', or empty */
    struct span host;           /* of an absolute target, else the Host field's */
    unsigned    minor;          /* HTTP/1.<minor>: 0 or 1 */
    bool        keep_alive;
    bool        expect_continue;    /* answer 100 before the body, or refuse */
    bool        chunked;
    bool        upgrade;        /* Connection names 'upgrade' */
    uint64_t    length;         /* Content-Length; 0 where there is none */
    unsigned    count;
    struct http1_field fields[HTTP1_MAX_FIELDS];    /* only 'count' of them are set */
};

enum err http1_head(struct http1 *h, const struct http1_limits *limits, struct span *in, struct http1_request *out);
enum err http1_body(struct http1 *h, const struct http1_limits *limits, struct span *in, struct span *piece);
void http1_release(struct http1 *h);    /* the head was looked at: its bytes go */
void http1_fini(struct http1 *h);

struct span http1_find(const struct http1_request *r, struct span name);   /* the first such field's value; ptr NULL: none */
bool http1_names(const struct http1_request *r, struct span field, struct span token);     /* any "Field: a, token" */
bool http1_lists(struct span value, struct span token);     /* "keep-alive, Upgrade" names upgrade */

/* The last value of that exact name, percent-decoded, into 'out' ('+' is a blank, a
 * broken escape stands for itself, what is no UTF-8 becomes U+FFFD). False: not there. */
bool http1_query(struct span query, struct span name, struct buf *out);

/* All of it as a JSON object of texts; of names that come twice, both are in it, the last one last. */
void http1_query_json(struct buf *out, struct span query);

/* A response: status line, any fields, then the rest. */
const char *http1_status_text(unsigned status);
void http1_status(struct buf *out, unsigned status);                    /* HTTP/1.1 200 OK */
#define HTTP1_DATE_LENGTH 29
void http1_date(char out[HTTP1_DATE_LENGTH], uint64_t unix_s);          /* Sun, 06 Nov 1994 08:49:37 GMT */
void http1_add(struct buf *out, struct span name, struct span value);   /* control characters become blanks */
void http1_finish(struct buf *out, bool keep_alive, struct span body);  /* Connection, Content-Length, blank line, body */
void http1_finish_head(struct buf *out, bool keep_alive, uint64_t length);      /* the same for HEAD: no body */
void http1_finish_bare(struct buf *out);                                /* only the blank line: 100, 101, 204 */

#endif
