#include "bed.h"
#include "standin.h"
#include "t.h"

#include <stdio.h>

/* ---- what is worth it */

static const struct try { const char *name, *in; uint32_t threshold; bool made; } tries[] = {
    { "long",               "aaaaaaaaaaaaaaaaaaaa", 20, true },
    { "one byte too short", "aaaaaaaaaaaaaaaaaaaa", 21, false },
    { "gets no smaller",    "abcdefghijklmnopqrst", 20, false },
    { "empty",              "",                     0,  false },
};

TEST(compression_only_where_it_helps)
{
    const struct try *r;
    EACH(r, tries) {
        struct compression with = { .by = &standin, .threshold_bytes = r->threshold }, none = { .threshold_bytes = r->threshold };
        struct buf out = { 0 };
        buf_add_literal(&out, "before");
        EQUAL(compression_try(&with, COMPRESSION_MESSAGE, span_of(r->in), &out), r->made);
        CHECK(span_has_prefix(buf_span(&out), SPAN("before")) && (out.len > 6) == r->made);
        EQUAL(with.made[COMPRESSION_MESSAGE], r->made);
        EQUAL(with.saved_bytes, r->made ? strlen(r->in) - (out.len - 6) : 0);
        buf_fini(&out);
        CHECK(!compression_try(&none, COMPRESSION_MESSAGE, span_of(r->in), &out));
        CHECK(!compression_try(&with, COMPRESSION_NONE, span_of(r->in), &out) && out.len == 0);
    }
}

/* ---- Accept-Encoding */

enum { N = COMPRESSION_NONE, G = COMPRESSION_GZIP, Z = COMPRESSION_ZLIB };
static const struct accept { const char *name, *fields; int form; } accepts[] = {
    { "no field",             "", N },
    { "empty",                "Accept-Encoding:\r\n", N },
    { "as browsers say",      "Accept-Encoding: gzip, deflate, br\r\n", G },
    { "case",                 "accept-encoding: GZip\r\n", G },
    { "its other name",       "Accept-Encoding: x-gzip\r\n", G },
    { "deflate",              "Accept-Encoding: deflate\r\n", Z },
    { "gzip among equals",    "Accept-Encoding: deflate, gzip\r\n", G },
    { "two fields",           "Accept-Encoding: br\r\nAccept-Encoding: deflate\r\n", Z },
    { "weights",              "Accept-Encoding: gzip;q=0.5, deflate;q=0.8\r\n", Z },
    { "weights, blanks",      "Accept-Encoding: gzip ; q=0.5 , deflate ;\tQ=0.512\r\n", Z },
    { "weight 1.000",         "Accept-Encoding: gzip;q=1.000\r\n", G },
    { "refused",              "Accept-Encoding: gzip;q=0\r\n", N },
    { "refused, three zeros", "Accept-Encoding: gzip;q=0.000, deflate;q=0\r\n", N },
    { "all but gzip",         "Accept-Encoding: gzip;q=0, *\r\n", Z },
    { "anything",             "Accept-Encoding: *\r\n", G },
    { "nothing",              "Accept-Encoding: *;q=0\r\n", N },
    { "deflate, no others",   "Accept-Encoding: deflate;q=0.1, *;q=0\r\n", Z },
    { "identity first",       "Accept-Encoding: identity, gzip;q=0.9\r\n", N },
    { "identity last",        "Accept-Encoding: identity;q=0.1, gzip;q=0.2\r\n", G },
    { "identity as good",     "Accept-Encoding: gzip, identity\r\n", G },
    { "identity refused",     "Accept-Encoding: identity;q=0, gzip;q=0\r\n", N },
    { "only others",          "Accept-Encoding: br, zstd\r\n", N },
    { "a longer name",        "Accept-Encoding: gzipped\r\n", N },
    { "no weight",            "Accept-Encoding: gzip;q=, deflate;q=x, x-gzip;q=2\r\n", N },
    { "weight too long",      "Accept-Encoding: gzip;q=0.1234\r\n", N },
    { "weight over one",      "Accept-Encoding: gzip;q=1.001\r\n", N },
    { "other parameters",     "Accept-Encoding: gzip;level=9;q=0.5, ;, ,\r\n", G },
};

TEST(compression_by_what_is_accepted)
{
    static const struct http1_limits most = { .max_head = 1000, .max_fields = 20, .max_body = 1000 };
    const struct accept *r;
    EACH(r, accepts) {
        struct http1 h = { 0 };
        struct http1_request request;
        struct buf text = { 0 };
        buf_add_format(&text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", r->fields);
        struct span in = buf_span(&text);
        EQUAL_ERR(http1_head(&h, &most, &in, &request), OK);
        EQUAL(compression_accepted(&request), r->form);
        http1_fini(&h), buf_fini(&text);
    }
    SAME(compression_coding(COMPRESSION_GZIP), "gzip");
    SAME(compression_coding(COMPRESSION_ZLIB), "deflate");
}

/* ---- files: compressed once, when they are read */

static void ask(struct bed *b, const char *method, const char *fields, struct buf *head, struct buf *body, unsigned want)
{
    struct buf request = { 0 };
    unsigned status = 0;
    buf_fini(head), buf_fini(body);
    bed_open(b, 0, 0, "127.0.0.1");
    buf_add_format(&request, "%s /page HTTP/1.1\r\nHost: x\r\n%s\r\n", method, fields);
    bed_bytes(b, 0, buf_span(&request));
    CHECK(bed_next_answer(b, 0, &status, head, body));
    EQUAL(status, want);
    bed_hang_up(b, 0);
    buf_fini(&request);
}

static bool holds(const struct buf *head, const char *line)
{
    return memmem(head->ptr, head->len, line, strlen(line));
}

TEST(compression_of_files)
{
    struct bed b;
    struct buf text = { 0 }, head = { 0 }, body = { 0 };
    bed_init(&b, NULL);
    for (int i = 0; i < 2000; i++) buf_add_byte(&text, 'x');
    struct blob *page = blob_new(buf_span(&text));
    gate_add_file(b.gate, 0, SPAN("/page"), SPAN("text/html"), &page);
    gate_measure(b.gate);
    EQUAL(b.stats.answers_deflated, 1);

    ask(&b, "GET", "", &head, &body, 200);
    SAME_SPAN(buf_span(&body), buf_span(&text));
    CHECK(holds(&head, "\r\nVary: Accept-Encoding\r\n") && !holds(&head, "Content-Encoding") && !holds(&head, "-gzip\""));
    ask(&b, "GET", "Accept-Encoding: gzip\r\n", &head, &body, 200);
    CHECK(body.len < 100 && holds(&head, "\r\nVary: Accept-Encoding\r\n") && holds(&head, "\r\nContent-Encoding: gzip\r\n"));
    CHECK(holds(&head, "-gzip\"\r\n"));
    size_t small = body.len;
    const char *at = memmem(head.ptr, head.len, "ETag: ", 6);
    CHECK(at);
    char fields[100];
    snprintf(fields, sizeof fields, "Accept-Encoding: gzip\r\nIf-None-Match: %.*s\r\n", (int)strcspn(at + 6, "\r"), at + 6);
    ask(&b, "GET", fields, &head, &body, 304);
    CHECK(body.len == 0 && !holds(&head, "Content-Encoding"));
    bed_open(&b, 0, 0, "127.0.0.1");
    bed_bytes(&b, 0, SPAN("HEAD /page HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"));
    char length[40];
    snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", small);
    CHECK(holds(&b.client[0].in, "\r\nContent-Encoding: gzip\r\n") && holds(&b.client[0].in, length));
    bed_hang_up(&b, 0);
    ask(&b, "GET", strstr(fields, "If-None"), &head, &body, 200);       /* not of the bytes that it would get */
    ask(&b, "GET", "Accept-Encoding: deflate\r\n", &head, &body, 200);  /* only gzip is kept */
    SAME_SPAN(buf_span(&body), buf_span(&text));
    gate_measure(b.gate);
    EQUAL(b.stats.answers_deflated, 1);
    buf_fini(&text), buf_fini(&head), buf_fini(&body);
    bed_fini(&b);
}
