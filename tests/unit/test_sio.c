#include "sio.h"
#include "json.h"
#include "t.h"

static const struct row { const char *name, *in; enum err err; const char *want; } rows[] = {
    { "connect",                "0",                            OK, "CONNECT /" },
    { "connect, namespace",     "0/chat,",                      OK, "CONNECT /chat" },
    { "connect with auth",      "0/chat,{\"token\":\"x\"}",     OK, "CONNECT /chat {\"token\":\"x\"}" },
    { "namespace is literal",   "0/chat?x=1,{}",                OK, "CONNECT /chat?x=1 {}" },
    { "disconnect",             "1",                            OK, "DISCONNECT /" },
    { "disconnect, namespace",  "1/chat,",                      OK, "DISCONNECT /chat" },
    { "event",                  "2[\"say\"]",                   OK, "EVENT / [\"say\"]" },
    { "event wants ack",        "2/chat,12[\"say\",\"hi\"]",    OK, "EVENT /chat #12 [\"say\",\"hi\"]" },
    { "event wants ack 0",      "20[\"say\"]",                  OK, "EVENT / #0 [\"say\"]" },
    { "largest ack id",         "29007199254740991[\"a\"]",     OK, "EVENT / #9007199254740991 [\"a\"]" },
    { "name is a number",       "2[7,\"x\"]",                   OK, "EVENT / [7,\"x\"]" },
    { "error is ordinary",      "2[\"error\"]",                 OK, "EVENT / [\"error\"]" },
    { "lone surrogate",         "2[\"a\",\"\\ud800\"]",         OK, "EVENT / [\"a\",\"\\ud800\"]" },
    { "ack",                    "312[1,null]",                  OK, "ACK / #12 [1,null]" },
    { "ack, empty",             "3/chat,0[]",                   OK, "ACK /chat #0 []" },
    { "connect error",          "4/chat,{\"message\":\"no\"}",  OK, "CONNECT_ERROR /chat {\"message\":\"no\"}" },
    { "connect error, v2",      "4\"missing token\"",           OK, "CONNECT_ERROR / \"missing token\"" },
    { "one attachment",         "51-[\"b\",{\"_placeholder\":true,\"num\":0}]", OK,
                                "BINARY_EVENT / +1 [\"b\",{\"_placeholder\":true,\"num\":0}]" },
    { "two, namespace, ack",    "52-/a,0[\"b\"]",               OK, "BINARY_EVENT /a +2 #0 [\"b\"]" },
    { "ten attachments",        "510-[\"b\"]",                  OK, "BINARY_EVENT / +10 [\"b\"]" },
    { "binary ack",             "61-/a,3[{}]",                  OK, "BINARY_ACK /a +1 #3 [{}]" },

    { "empty",                  "",                             ERR_TRUNC,  NULL },
    { "unknown digit",          "7",                            ERR_SYNTAX, NULL },
    { "no digit",               "abc",                          ERR_SYNTAX, NULL },
    { "connect with null",      "0null",                        ERR_SYNTAX, NULL },
    { "connect with array",     "0[]",                          ERR_SYNTAX, NULL },
    { "connect with text",      "0/a,\"x\"",                    ERR_SYNTAX, NULL },
    { "connect with id",        "01{}",                         ERR_SYNTAX, NULL },
    { "connect, broken",        "0{\"a\":}",                    ERR_SYNTAX, NULL },
    { "connect, cut",           "0{\"a\":1",                    ERR_TRUNC,  NULL },
    { "disconnect + payload",   "1{}",                          ERR_SYNTAX, NULL },
    { "disconnect + NUL",       "1/a,x",                        ERR_SYNTAX, NULL },
    { "event bare",             "2",                            ERR_TRUNC,  NULL },
    { "event bare, namespace",  "2/chat",                       ERR_TRUNC,  NULL },
    { "event, object",          "2{}",                          ERR_SYNTAX, NULL },
    { "event, empty array",     "2[]",                          ERR_TYPE,   NULL },
    { "name is null",           "2[null]",                      ERR_TYPE,   NULL },
    { "name is an object",      "2[{}]",                        ERR_TYPE,   NULL },
    { "name is a boolean",      "2[true]",                      ERR_TYPE,   NULL },
    { "two values",             "2[\"a\"][]",                   ERR_SYNTAX, NULL },
    { "reserved",               "2[\"disconnect\"]",            ERR_UNKNOWN, NULL },
    { "reserved, escaped",      "2[\"\\u0063onnect\"]",         ERR_UNKNOWN, NULL },
    { "reserved, binary",       "51-[\"newListener\"]",         ERR_UNKNOWN, NULL },
    { "id is text",             "2abc[\"a\"]",                  ERR_SYNTAX, NULL },
    { "id is negative",         "2-1[\"a\"]",                   ERR_SYNTAX, NULL },
    { "id is a fraction",       "21.5[\"a\"]",                  ERR_SYNTAX, NULL },
    { "id beyond 2^53-1",       "29007199254740992[\"a\"]",     ERR_RANGE,  NULL },
    { "id beyond 64 bits",      "299999999999999999999[\"a\"]", ERR_RANGE,  NULL },
    { "id with a zero",         "207[\"a\"]",                   ERR_SYNTAX, NULL },
    { "ack without id",         "3[]",                          ERR_SYNTAX, NULL },
    { "ack, nothing",           "3",                            ERR_TRUNC,  NULL },
    { "ack without payload",    "312",                          ERR_TRUNC,  NULL },
    { "ack with object",        "312{}",                        ERR_SYNTAX, NULL },
    { "connect error, bare",    "4",                            ERR_TRUNC,  NULL },
    { "no attachments",         "50-[\"a\"]",                   ERR_RANGE,  NULL },
    { "attachments 01",         "501-[\"a\"]",                  ERR_SYNTAX, NULL },
    { "eleven attachments",     "511-[\"a\"]",                  ERR_LIMIT,  NULL },
    { "attachments overflow",   "599999999999999999999-[\"a\"]", ERR_LIMIT, NULL },
    { "attachments, no number", "5-[\"a\"]",                    ERR_SYNTAX, NULL },
    { "attachments, no dash",   "51[\"a\"]",                    ERR_SYNTAX, NULL },
    { "attachments, cut",       "51",                           ERR_TRUNC,  NULL },
    { "binary ack without id",  "61-[]",                        ERR_SYNTAX, NULL },
    { "raw bad utf-8",          "2[\"a\xff\"]",                 ERR_UTF8,   NULL },
};

TEST(sio_decodes_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct sio_packet p;
        EQUAL_ERR(sio_decode(&p, t_exact(span_of(r->in))), r->err);
        if (r->err) continue;
        struct buf text = { 0 }, wire = { 0 };
        sio_print(&text, &p);
        SAME(buf_span(&text), r->want);
        sio_encode(&wire, &p);
        SAME(buf_span(&wire), r->in);       /* law: encode undoes decode */
        buf_fini(&text), buf_fini(&wire);
    }
}

TEST(sio_survives_every_prefix)
{
    const struct row *r;
    EACH(r, rows) {
        struct span in = span_of(r->in);
        for (size_t n = 0; n <= in.len; n++) {
            struct sio_packet p;
            (void)sio_decode(&p, t_exact(span_head(in, n)));
        }
    }
}

TEST(sio_takes_a_namespace_without_comma)
{
    struct sio_packet p;
    EQUAL_ERR(sio_decode(&p, SPAN("0/chat")), OK);
    SAME(p.nsp, "/chat");
    EQUAL_ERR(sio_decode(&p, SPAN("1/chat")), OK);
}

TEST(sio_names_its_events)
{
    struct sio_packet p;
    EQUAL_ERR(sio_decode(&p, SPAN("2/c,1[ \"say\" ,1]")), OK);
    SAME(p.name, "\"say\"");
    EQUAL_ERR(sio_decode(&p, SPAN("31[\"say\"]")), OK);
    SAME(p.name, "");
}

TEST(sio_bounds_the_depth)
{
    struct buf b = { 0 };
    struct sio_packet p;
    buf_add_literal(&b, "2[\"a\",");
    for (int i = 0; i < 200000; i++) buf_add_byte(&b, '[');
    EQUAL_ERR(sio_decode(&p, buf_span(&b)), ERR_DEPTH);
    buf_fini(&b);
}

static void same_and_clear(struct buf *got, const char *want)
{
    struct sio_packet p;
    SAME(buf_span(got), want);
    EQUAL_ERR(sio_decode(&p, buf_span(got)), OK);
    buf_clear(got);
}

TEST(sio_cuts_the_query_of_a_namespace)
{
    static const struct { const char *name, *in; enum err err; const char *nsp, *query; } rows2[] = {
        { "a query",            "0/chat?a=b&c,",       OK, "/chat", "a=b&c" },
        { "an empty one",       "0/chat?,",            OK, "/chat", "" },
        { "none",               "0/chat,",             OK, "/chat", "" },
        { "of the main one",    "0/?a=b",              OK, "/", "a=b" },
        { "two marks",          "2/chat?a?b,[\"x\"]", OK, "/chat", "a?b" },
        { "a separator of polling's", "0/a\x1e" "b,",  ERR_SYNTAX, NULL, NULL },
        { "in the query",       "0/a?\n",              ERR_SYNTAX, NULL, NULL },
    }, *r;
    EACH(r, rows2) {
        struct sio_packet p;
        struct span query;
        EQUAL_ERR(sio_decode(&p, t_exact(span_of(r->in))), OK);
        EQUAL_ERR(sio_cut_query(&p, &query), r->err);
        if (r->err) continue;
        SAME(p.nsp, r->nsp);
        SAME(query, r->query);
    }
}

TEST(sio_writes_for_version_2)
{
    struct buf b = { 0 };
    sio_connect_v2(&b, SPAN("/"));
    SAME(buf_span(&b), "0");
    buf_clear(&b);
    sio_connect_v2(&b, SPAN("/chat"));
    SAME(buf_span(&b), "0/chat,");
    buf_clear(&b);
    sio_error_v2(&b, SPAN("/"), SPAN("missing \"token\""), SPAN(""));
    SAME(buf_span(&b), "4\"missing \\\"token\\\"\"");
    buf_clear(&b);
    sio_error_v2(&b, SPAN("/chat"), SPAN("no"), SPAN("{\"code\":1}"));
    SAME(buf_span(&b), "4/chat,{\"code\":1}");
    buf_fini(&b);
}

TEST(sio_writes_what_a_gateway_sends)
{
    struct buf b = { 0 };
    sio_connect(&b, SPAN("/"), SPAN("abc"), SPAN(""));
    same_and_clear(&b, "0{\"sid\":\"abc\"}");
    sio_connect(&b, SPAN("/chat"), SPAN("abc"), SPAN("p"));
    same_and_clear(&b, "0/chat,{\"sid\":\"abc\",\"pid\":\"p\"}");
    sio_connect_error(&b, SPAN("/nsp"), SPAN("Invalid namespace"), SPAN(""));
    same_and_clear(&b, "4/nsp,{\"message\":\"Invalid namespace\"}");
    sio_connect_error(&b, SPAN("/"), SPAN("no"), SPAN("[1]"));
    same_and_clear(&b, "4{\"message\":\"no\",\"data\":[1]}");
    sio_disconnect(&b, SPAN("/chat"));
    same_and_clear(&b, "1/chat,");
    sio_ack(&b, SPAN("/chat"), 7, SPAN("[null]"), 0);
    same_and_clear(&b, "3/chat,7[null]");
    sio_ack(&b, SPAN("/"), SIO_MAX_ID, SPAN("[{}]"), 2);
    same_and_clear(&b, "62-9007199254740991[{}]");

    struct sio_event e = { .nsp = SPAN("/"), .name = SPAN("news"), .args = SPAN("[]"), .id = SIO_NO_ID };
    sio_event(&b, &e);
    same_and_clear(&b, "2[\"news\"]");
    e.args = SPAN(" [ 1 , [2] ] ");
    sio_event(&b, &e);
    same_and_clear(&b, "2[\"news\",1 , [2]]");
    e.args = SPAN("\r\n[\n]\n");
    sio_event(&b, &e);
    same_and_clear(&b, "2[\"news\"]");
    e.offset = SPAN("Q7xw");
    e.nsp = SPAN("/chat");
    e.args = SPAN("[{}]");
    sio_event(&b, &e);
    same_and_clear(&b, "2/chat,[\"news\",{},\"Q7xw\"]");
    e.args = SPAN("");
    e.id = 0;
    e.attachments = 3;
    sio_event(&b, &e);
    same_and_clear(&b, "53-/chat,0[\"news\",\"Q7xw\"]");
    buf_fini(&b);
}
