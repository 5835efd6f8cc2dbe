#include "base64.h"
#include "t.h"

static const struct row { const char *name, *bytes, *text, *url; } rows[] = {
    { "empty",  "",       "",         "" },
    { "f",      "f",      "Zg==",     "Zg" },
    { "fo",     "fo",     "Zm8=",     "Zm8" },
    { "foo",    "foo",    "Zm9v",     "Zm9v" },
    { "foob",   "foob",   "Zm9vYg==", "Zm9vYg" },
    { "fooba",  "fooba",  "Zm9vYmE=", "Zm9vYmE" },
    { "foobar", "foobar", "Zm9vYmFy", "Zm9vYmFy" },
    { "signs",  "\xfb\xff\xfe", "+//+", "-__-" },
};

TEST(base64_both_ways)
{
    const struct row *r;
    EACH(r, rows) {
        struct buf b = { 0 };
        base64_encode(&b, t_exact(span_of(r->bytes)));
        SAME(buf_span(&b), r->text);
        buf_clear(&b);
        base64_encode_url(&b, t_exact(span_of(r->bytes)));
        SAME(buf_span(&b), r->url);
        buf_clear(&b);
        EQUAL_ERR(base64_decode(&b, t_exact(span_of(r->text))), OK);
        EQUAL_ERR(base64_decode_url(&b, t_exact(span_of(r->url))), OK);
        SAME_SPAN(span_head(buf_span(&b), b.len / 2), span_of(r->bytes));
        SAME_SPAN(span_skip(buf_span(&b), b.len / 2), span_of(r->bytes));
        buf_fini(&b);
    }
}

static const struct bad { const char *name, *text; } bads[] = {
    { "one character",     "Z" },
    { "no padding",        "Zg" },
    { "half the padding",  "Zg=" },
    { "too much",          "Z===" },
    { "only padding",      "====" },
    { "padding inside",    "Zg==Zg==" },
    { "unused bits, one",  "Zh==" },
    { "unused bits, two",  "Zm9=" },
    { "blank",             "Zm 9" },
    { "newline",           "Zm9v\nZm9v" },
    { "url's alphabet",    "-__-" },
    { "high bit",          "Zm9\xff" },
};

TEST(base64_refuses)
{
    const struct bad *r;
    struct buf b = { 0 };
    EACH(r, bads) {
        buf_clear(&b);
        EQUAL_ERR(base64_decode(&b, t_exact(span_of(r->text))), ERR_SYNTAX);
        EQUAL(b.len, 0);
    }
    t_row = NULL;
    EQUAL_ERR(base64_decode_url(&b, SPAN("Zg==")), ERR_SYNTAX);
    EQUAL_ERR(base64_decode_url(&b, SPAN("+//+")), ERR_SYNTAX);
    EQUAL_ERR(base64_decode_url(&b, SPAN("Z")), ERR_SYNTAX);
    EQUAL_ERR(base64_decode_url(&b, SPAN("Zh")), ERR_SYNTAX);
    EQUAL(b.len, 0);
    buf_fini(&b);
}
