#include "http1.h"
#include "json.h"
#include "t.h"

static const struct http1_limits limits = { .max_head = 200, .max_fields = 5, .max_body = 20 };

#define H "Host: x\r\n"

/* How one input is cut: whole, byte by byte, or in two at each place. */
struct reader {
    struct http1 h;
    struct buf   text;      /* what came of it: one line a request */
    struct http1_request r;
    bool in_body;
    enum err err;
};

static void print_head(struct buf *out, const struct http1_request *r)
{
    buf_add(out, r->method);
    buf_add_byte(out, ' ');
    buf_add(out, r->path);
    if (r->query.len) buf_add_byte(out, '?');
    buf_add(out, r->query);
    buf_add_literal(out, " @");
    buf_add(out, r->host);
    if (r->minor == 0) buf_add_literal(out, " 1.0");
    if (!r->keep_alive) buf_add_literal(out, " close");
    if (r->upgrade) buf_add_literal(out, " upgrade");
    if (r->expect_continue) buf_add_literal(out, " continue");
    if (r->chunked) buf_add_literal(out, " chunked");
    if (r->length) buf_add_literal(out, " ");
    if (r->length) buf_add_uint(out, r->length);
}

static enum err step(struct reader *x, struct span *in)     /* OK: there may be more in it */
{
    if (!x->in_body) {
        enum err e = http1_head(&x->h, &limits, in, &x->r);
        if (e) return e;
        if (x->text.len) buf_add_literal(&x->text, " | ");
        print_head(&x->text, &x->r);
        x->in_body = true;
        if (x->r.length || x->r.chunked) buf_add_literal(&x->text, " : ");
        return OK;
    }
    struct span piece;
    enum err e = http1_body(&x->h, &limits, in, &piece);
    if (e) return e;
    buf_add(&x->text, piece);
    if (piece.len == 0) x->in_body = false;
    return OK;
}

static void feed(struct reader *x, struct span bytes)
{
    struct span in = t_exact(bytes);
    if (x->err != OK && x->err != ERR_AGAIN) return;
    while ((x->err = step(x, &in)) == OK) {}
    if (x->err == ERR_AGAIN) EQUAL(in.len, 0);
}

static void done(struct reader *x)
{
    http1_fini(&x->h);
    buf_fini(&x->text);
}

/* status 0: all of it is taken, 'want' says what it was. want NULL: not looked at. */
static const struct row { const char *name, *in; unsigned status; const char *want; } rows[] = {
    { "get",                "GET /a?b=c HTTP/1.1\r\n" H "\r\n", 0, "GET /a?b=c @x" },
    { "no query",           "GET / HTTP/1.1\r\n" H "\r\n", 0, "GET / @x" },
    { "1.0 without host",   "GET / HTTP/1.0\r\n\r\n", 0, "GET / @ 1.0 close" },
    { "1.0 keep-alive",     "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 0, "GET / @ 1.0" },
    { "close",              "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", 0, "GET / @x close" },
    { "close wins",         "GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: Close\r\n\r\n", 0, "GET / @x close" },
    { "upgrade",            "GET / HTTP/1.1\r\n" H "connection: keep-alive, Upgrade\r\n\r\n", 0, "GET / @x upgrade" },
    { "empty line before",  "\r\nGET / HTTP/1.1\r\n" H "\r\n", 0, "GET / @x" },
    { "host with port",     "GET / HTTP/1.1\r\nhost:  [::1]:80 \t\r\n\r\n", 0, "GET / @[::1]:80" },
    { "absolute form",      "GET http://y:1/a?b HTTP/1.1\r\n" H "\r\n", 0, "GET /a?b @y:1" },
    { "absolute, no path",  "GET HTTPS://y HTTP/1.1\r\n" H "\r\n", 0, "GET / @y" },
    { "absolute, query",    "GET http://y?b HTTP/1.1\r\n" H "\r\n", 0, "GET /?b @y" },
    { "asterisk",           "OPTIONS * HTTP/1.1\r\n" H "\r\n", 0, "OPTIONS * @x" },
    { "raw utf-8 target",   "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", 0, "GET /\xc3\xa9 @x" },
    { "body",               "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", 0, "POST / @x 5 : hello" },
    { "body of nothing",    "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 0, "POST / @x" },
    { "expect",             "POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", 0, "POST / @x continue 1 : x" },
    { "two requests",       "GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\n", 0, "GET /1 @x | GET /2 @x" },
    { "post, then get",     "POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\n" H "\r\n", 0, "POST /1 @x 2 : hi | GET /2 @x" },
    { "CRLF behind a body", "POST /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi\r\nGET /2 HTTP/1.1\r\n" H "\r\n", 0, "POST /1 @x 2 : hi | GET /2 @x" },
    { "CRLF before each",   "\r\nGET /1 HTTP/1.1\r\n" H "\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n", 0, "GET /1 @x | GET /2 @x" },
    { "chunked",            "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n", 0,
                            "POST / @x chunked : hello0123456789" },
    { "chunked, then get",  "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1;a=\"b\"\r\nx\r\n0\r\nT: v\r\nU:\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n", 0,
                            "POST / @x chunked : x | GET /2 @x" },
    { "empty value",        "GET / HTTP/1.1\r\n" H "a:\r\n\r\n", 0, "GET / @x" },
    { "five fields",        "GET / HTTP/1.1\r\n" H "a:\r\nb:\r\nc:\r\nd:\r\n\r\n", 0, "GET / @x" },

    { "six fields",         "GET / HTTP/1.1\r\n" H "a:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n", 431, "" },
    { "no method",          " / HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "method, bad byte",   "G(T / HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "TLS hello",          "\x16\x03\x01", 400, "" },
    { "no target",          "GET  HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "two blanks",         "GET  / HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "blank in target",    "GET /a b HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "blank at the end",   "GET / HTTP/1.1 \r\n" H "\r\n", 400, "" },
    { "control in target",  "GET /\x01 HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "fragment",           "GET /#a HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "relative target",    "GET a HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "other scheme",       "GET ftp://x/ HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "no authority",       "GET http:///a HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "user in authority",  "GET http://u@y/ HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "authority form",     "CONNECT x:443 HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "asterisk of a get",  "GET * HTTP/1.1\r\n" H "\r\n", 400, "" },
    { "0.9",                "GET /\r\n\r\n", 400, "" },
    { "2.0",                "PRI * HTTP/2.0\r\n\r\n", 505, "" },
    { "1.2",                "GET / HTTP/1.2\r\n" H "\r\n", 505, "" },
    { "lower case version", "GET / http/1.1\r\n" H "\r\n", 400, "" },
    { "long version",       "GET / HTTP/1.10\r\n" H "\r\n", 400, "" },
    { "no host",            "GET / HTTP/1.1\r\n\r\n", 400, "" },
    { "two hosts",          "GET / HTTP/1.1\r\n" H H "\r\n", 400, "" },
    { "host, two words",    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "" },
    { "host with a path",   "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "" },
    { "bare LF",            "GET / HTTP/1.1\n" H "\r\n", 400, "" },
    { "bare LF, field",     "GET / HTTP/1.1\r\nHost: x\n\r\n", 400, "" },
    { "bare LF at the end", "GET / HTTP/1.1\r\n" H "\n", 400, "" },
    { "bare CR",            "GET / HTTP/1.1\r\n" H "a: b\rc\r\n\r\n", 400, "" },
    { "CR CR LF",           "GET / HTTP/1.1\r\n" H "a: b\r\r\n\r\n", 400, "" },
    { "bare CR in line",    "GET / HTTP/1.1\r\r\n" H "\r\n", 400, "" },
    { "folded",             "GET / HTTP/1.1\r\n" H "a: b\r\n c\r\n\r\n", 400, "" },
    { "folded with colon",  "GET / HTTP/1.1\r\n" H "a: b\r\n\tc: d\r\n\r\n", 400, "" },
    { "blank before colon", "GET / HTTP/1.1\r\n" H "a : b\r\n\r\n", 400, "" },
    { "no colon",           "GET / HTTP/1.1\r\n" H "ab\r\n\r\n", 400, "" },
    { "no name",            "GET / HTTP/1.1\r\n" H ": b\r\n\r\n", 400, "" },
    { "control in a value", "GET / HTTP/1.1\r\n" H "a: \x01\r\n\r\n", 400, "" },
    { "delete in a value",  "GET / HTTP/1.1\r\n" H "a: \x7f\r\n\r\n", 400, "" },
    { "two empty lines",    "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 400, "" },

    { "length twice",       "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, "" },
    { "length list",        "POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\nhello", 400, "" },
    { "length negative",    "POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\nhello", 400, "" },
    { "length with plus",   "POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\nhello", 400, "" },
    { "length empty",       "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\nhello", 400, "" },
    { "length hex",         "POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\nhello", 400, "" },
    { "length overflow",    "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551621\r\n\r\nhello", 400, "" },
    { "length and chunked", "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "" },
    { "chunked and length", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, "" },
    { "coding twice",       "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "" },
    { "chunked, chunked",   "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", 400, "" },
    { "gzip, chunked",      "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "" },
    { "gzip",               "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 400, "" },
    { "identity",           "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 400, "" },
    { "xchunked",           "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 400, "" },
    { "chunked in 1.0",     "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 400, "" },
    { "other expectation",  "POST / HTTP/1.1\r\n" H "Expect: coffee\r\n\r\n", 417, "" },
    { "body too long",      "POST / HTTP/1.1\r\n" H "Content-Length: 21\r\n\r\n", 413, "POST / @x 21 : " },
    { "body just fits",     "POST / HTTP/1.1\r\n" H "Content-Length: 20\r\n\r\n01234567890123456789", 0, "POST / @x 20 : 01234567890123456789" },

#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
    { "chunks too long",    CHUNKED "a\r\n0123456789\r\nb\r\n", 413, "POST / @x chunked : 0123456789" },
    { "chunk size huge",    CHUNKED "ffffffffffffffff\r\n", 413, NULL },
    { "chunk size 17 digits", CHUNKED "00000000000000001\r\n", 400, NULL },
    { "chunk without size", CHUNKED "\r\n", 400, NULL },
    { "chunk, extension only", CHUNKED ";a\r\n", 400, NULL },
    { "chunk size negative", CHUNKED "-1\r\n", 400, NULL },
    { "chunk size 0x",      CHUNKED "0x1\r\n", 400, NULL },
    { "chunk size, blank",  CHUNKED "1 \r\nx\r\n", 400, NULL },
    { "chunk size, bare LF", CHUNKED "1\nx\r\n", 400, NULL },
    { "chunk, bare CR",     CHUNKED "1\rx\r\n", 400, NULL },
    { "extension, bare LF", CHUNKED "1;a\nx\r\n", 400, NULL },
    { "chunk too short",    CHUNKED "2\r\nx\r\n\r\n", 400, NULL },
    { "chunk too long",     CHUNKED "1\r\nxy\r\n", 400, NULL },
    { "data, bare LF",      CHUNKED "1\r\nx\n0\r\n", 400, NULL },
    { "trailer folded",     CHUNKED "0\r\na: b\r\n c\r\n\r\n", 400, NULL },
    { "trailer, bare LF",   CHUNKED "0\r\na: b\n\r\n", 400, NULL },
    { "end, bare LF",       CHUNKED "0\r\n\n", 400, NULL },
    { "end, CR alone",      CHUNKED "0\r\n\rx", 400, NULL },
};

static void judge(const struct row *r, struct reader *x)
{
    if (r->status == 0) EQUAL_ERR(x->err, ERR_AGAIN);
    else if (x->err == ERR_AGAIN) FAIL("not refused");
    EQUAL(x->h.status, r->status);
    if (r->want) SAME(buf_span(&x->text), r->want);
    if (r->status == 0) CHECK(x->h.head.ptr == NULL);     /* nothing is kept between requests */
    done(x);
}

TEST(http1_reads_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct reader x = { 0 };
        feed(&x, span_of(r->in));
        judge(r, &x);
    }
}

TEST(http1_reads_byte_by_byte)
{
    const struct row *r;
    EACH(r, rows) {
        struct reader x = { 0 };
        struct span in = span_of(r->in);
        for (size_t i = 0; i < in.len; i++) feed(&x, (struct span){ in.ptr + i, 1 });
        judge(r, &x);
    }
}

TEST(http1_reads_cut_in_two)
{
    const struct row *r;
    EACH(r, rows) {
        struct span in = span_of(r->in);
        for (size_t i = 0; i < in.len; i++) {
            struct reader x = { 0 };
            feed(&x, span_head(in, i));
            feed(&x, span_skip(in, i));
            judge(r, &x);
        }
    }
}

TEST(http1_refuses_NUL_everywhere)
{
    struct span in = SPAN("GET /a HTTP/1.1\r\n" H "a: b\r\n\r\n");
    for (size_t i = 0; i < in.len; i++) {
        struct reader x = { 0 };
        struct buf b = { 0 };
        buf_add(&b, in);
        b.ptr[i] = '\0';
        feed(&x, buf_span(&b));
        CHECK(x.err == ERR_SYNTAX || (i >= in.len - 4 && x.err == ERR_AGAIN));    /* the end destroyed: never ends */
        buf_fini(&b);
        done(&x);
    }
}

TEST(http1_bounds_the_head)
{
    for (size_t pad = 100; pad < 300; pad++) {
        struct reader one = { 0 }, each = { 0 };
        struct buf b = { 0 };
        buf_add_literal(&b, "GET /");
        while (b.len < pad) buf_add_byte(&b, 'a');
        buf_add_literal(&b, " HTTP/1.1\r\n" H "\r\n");
        size_t head = b.len;
        buf_add_literal(&b, "GET /2 HTTP/1.1\r\n" H "\r\n");
        feed(&one, buf_span(&b));
        for (size_t i = 0; i < b.len; i++) feed(&each, (struct span){ b.ptr + i, 1 });
        EQUAL_ERR(one.err, head > limits.max_head ? ERR_LIMIT : ERR_AGAIN);
        EQUAL_ERR(each.err, one.err);
        EQUAL(one.h.status, head > limits.max_head ? 431 : 0);
        buf_fini(&b);
        done(&one);
        done(&each);
    }
}

TEST(http1_bounds_what_stands_around_chunks)
{
    struct reader a = { 0 }, b = { 0 };
    feed(&a, SPAN(CHUNKED "1;"));
    for (int i = 0; i < 300; i++) feed(&a, SPAN("e"));
    EQUAL_ERR(a.err, ERR_SYNTAX);
    feed(&b, SPAN(CHUNKED "0\r\n"));
    for (int i = 0; i < 300; i++) feed(&b, SPAN("t\r\n"));
    EQUAL_ERR(b.err, ERR_LIMIT);
    EQUAL(b.h.status, 431);
    done(&a);
    done(&b);
}

TEST(http1_takes_one_request_and_stops)
{
    struct http1 h = { 0 };
    struct http1_request r;
    struct span in = SPAN("GET /1 HTTP/1.1\r\n" H "\r\nnext"), piece;
    EQUAL_ERR(http1_head(&h, &limits, &in, &r), OK);
    SAME(in, "next");
    EQUAL_ERR(http1_body(&h, &limits, &in, &piece), OK);
    EQUAL(piece.len, 0);
    SAME(in, "next");
    http1_fini(&h);
}

TEST(http1_says_nothing_more_behind_an_error)
{
    struct http1 h = { 0 };
    struct http1_request r;
    struct span in = SPAN("BAD\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), piece;
    EQUAL_ERR(http1_head(&h, &limits, &in, &r), ERR_SYNTAX);
    EQUAL_ERR(http1_head(&h, &limits, &in, &r), ERR_STATE);
    EQUAL_ERR(http1_body(&h, &limits, &in, &piece), ERR_STATE);
    EQUAL(h.status, 400);
    http1_fini(&h);
}

TEST(http1_finds_fields)
{
    struct http1 h = { 0 };
    struct http1_request r;
    struct span in = SPAN("GET / HTTP/1.1\r\n" H "A: 1\r\na: 2, ,x\r\nE:\r\n\r\n");
    EQUAL_ERR(http1_head(&h, &limits, &in, &r), OK);
    SAME(http1_find(&r, SPAN("a")), "1");
    CHECK(http1_find(&r, SPAN("e")).ptr != NULL);
    CHECK(http1_find(&r, SPAN("b")).ptr == NULL);
    CHECK(http1_names(&r, SPAN("A"), SPAN("X")));
    CHECK(http1_names(&r, SPAN("A"), SPAN("1")));
    CHECK(!http1_names(&r, SPAN("A"), SPAN("3")));
    CHECK(!http1_lists(SPAN("keep-alivex, y"), SPAN("keep-alive")));
    http1_fini(&h);
}

static const struct query { const char *name, *query, *key, *want; } queries[] = {
    { "first",              "EIO=4&transport=polling",  "EIO",       "4" },
    { "second",             "EIO=4&transport=polling",  "transport", "polling" },
    { "exact name",         "xsid=1&sid=2",             "sid",       "2" },
    { "not there",          "a=1",                      "sid",       NULL },
    { "empty query",        "",                         "sid",       NULL },
    { "empty value",        "sid=&a",                   "sid",       "" },
    { "no equals sign",     "sid",                      "sid",       "" },
    { "the last one",       "a=%ff&b=3&a=2",            "a",         "2" },
    { "decoded",            "a=%7b%22x%22%3A1%7D+b",    "a",         "{\"x\":1} b" },
    { "name decoded",       "%45IO=4",                  "EIO",       "4" },
    { "chinese",            "u=%E4%B8%AD",              "u",         "\xe4\xb8\xad" },
    { "broken escapes",     "a=%&b=%4&c=%zz",           "c",         "%zz" },
    { "broken at the end",  "a=100%",                   "a",         "100%" },
    { "no utf-8",           "a=x%ffy",                  "a",         "x\xef\xbf\xbdy" },
    { "equals in value",    "a=b=c",                    "a",         "b=c" },
};

TEST(http1_reads_query_values)
{
    const struct query *r;
    EACH(r, queries) {
        struct buf out = { 0 };
        bool found = http1_query(t_exact(span_of(r->query)), span_of(r->key), &out);
        EQUAL(found, r->want != NULL);
        SAME(buf_span(&out), r->want ? r->want : "");
        buf_fini(&out);
    }
}

TEST(http1_writes_a_query_as_json)
{
    static const struct { const char *name, *query, *want; } rows2[] = {
        { "nothing",          "",                  "{}" },
        { "one",              "a=b",               "{\"a\":\"b\"}" },
        { "twice",            "a=1&b=2&a=3",       "{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}" },
        { "escapes",          "a%20b=%22+%5c&c=%ff", "{\"a b\":\"\\\" \\\\\",\"c\":\"\xef\xbf\xbd\"}" },
        { "without a value",  "a&b=&&=c",          "{\"a\":\"\",\"b\":\"\"}" },
    }, *r;
    EACH(r, rows2) {
        struct buf out = { 0 };
        http1_query_json(&out, t_exact(span_of(r->query)));
        SAME(buf_span(&out), r->want);
        EQUAL_ERR(json_check(buf_span(&out), 1), OK);
        buf_fini(&out);
    }
}

TEST(http1_answers)
{
    struct buf b = { 0 };
    http1_status(&b, 200);
    http1_add(&b, SPAN("Content-Type"), SPAN("text/plain; charset=UTF-8"));
    http1_finish(&b, true, SPAN("o\xc3\xa9"));
    SAME(buf_span(&b), "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n"
                       "Content-Length: 3\r\nConnection: keep-alive\r\n\r\no\xc3\xa9");
    buf_clear(&b);
    http1_status(&b, 413);
    http1_finish(&b, false, SPAN(""));
    SAME(buf_span(&b), "HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    buf_clear(&b);
    http1_status(&b, 204);
    http1_add(&b, SPAN("X"), SPAN("a\r\nSet-Cookie: b"));
    http1_finish_bare(&b);
    SAME(buf_span(&b), "HTTP/1.1 204 No Content\r\nX: a  Set-Cookie: b\r\n\r\n");
    buf_fini(&b);
}

static const struct date { const char *name; uint64_t unix_s; const char *want; } dates[] = {
    { "the first",          0,              "Thu, 01 Jan 1970 00:00:00 GMT" },
    { "the RFC's",          784111777,      "Sun, 06 Nov 1994 08:49:37 GMT" },
    { "a leap day",         951782399,      "Mon, 28 Feb 2000 23:59:59 GMT" },
    { "a second later",     951782400,      "Tue, 29 Feb 2000 00:00:00 GMT" },
    { "a day later",        951868800,      "Wed, 01 Mar 2000 00:00:00 GMT" },
    { "no leap day",        4107542400,     "Mon, 01 Mar 2100 00:00:00 GMT" },
    { "end of a year",      1767225599,     "Wed, 31 Dec 2025 23:59:59 GMT" },
    { "the last",           253402300799,   "Fri, 31 Dec 9999 23:59:59 GMT" },
};

TEST(http1_dates)
{
    const struct date *r;
    EACH(r, dates) {
        char text[HTTP1_DATE_LENGTH];
        http1_date(text, r->unix_s);
        SAME(span_from(text, sizeof text), r->want);
    }
}
