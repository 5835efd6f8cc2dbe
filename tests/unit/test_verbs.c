#include "address.h"
#include "buf.h"
#include "msg.h"
#include "t.h"
#include "verbs.h"

static const struct verb_limits limits = { 1000, 100000, 4 };

static const struct row { const char *name, *json, *to_frame; enum err err; const char *code, *field; } rows[] = {
    { "emit", "{\"emit\":\"news\",\"to\":\"room:x\",\"args\":[1,{\"a\":2}]}", "", OK, 0, 0 },
    { "emit to a list", "{\"emit\":\"news\",\"to\":[\"room:x\",\"user:42\",\"*\"]}", "", OK, 0, 0 },
    { "event names may be numbers", "{\"emit\":7,\"to\":\"*\"}", "", OK, 0, 0 },
    { "none of Socket.IO's own", "{\"emit\":\"disconnect\",\"to\":\"*\"}", "", ERR_TYPE, "wrong-type", "emit" },
    { "nor in disguise", "{\"emit\":\"\\u0064isconnecting\",\"to\":\"*\"}", "", ERR_TYPE, "wrong-type", "emit" },
    { "all fields", "{\"emit\":\"e\",\"nsp\":\"/chat\",\"to\":\"*\",\"except\":[\"user:1\"],\"args\":[],\"volatile\":false,\"reached\":true,\"timeout\":5,\"id\":\"x\",\"ref\":{\"a\":1}}", "", OK, 0, 0 },
    { "address in its own frame", "{\"emit\":\"e\"}", "room:x", OK, 0, 0 },
    { "join", "{\"join\":[\"a\",\"b\"],\"to\":\"user:1\"}", "", OK, 0, 0 },
    { "disconnect", "{\"disconnect\":\"user:1\",\"close\":true}", "", OK, 0, 0 },
    { "online of numbers and texts", "{\"online\":[42,\"ann\"]}", "", OK, 0, 0 },
    { "no JSON", "hello", "", ERR_SYNTAX, "bad-json", "" },
    { "cut short", "{\"emit\":\"e\"", "", ERR_TRUNC, "bad-json", "" },
    { "no object", "[1]", "", ERR_TYPE, "bad-json", "" },
    { "no verb", "{\"to\":\"*\"}", "", ERR_UNKNOWN, "unknown-verb", "" },
    { "two verbs", "{\"emit\":\"a\",\"join\":\"b\",\"to\":\"*\"}", "", ERR_SYNTAX, "two-verbs", "join" },
    { "unknown field", "{\"emit\":\"a\",\"to\":\"*\",\"room\":\"x\"}", "", ERR_UNKNOWN, "unknown-field", "room" },
    { "field of another verb", "{\"emit\":\"a\",\"to\":\"*\",\"close\":true}", "", ERR_UNKNOWN, "unknown-field", "close" },
    { "no address", "{\"emit\":\"a\"}", "", ERR_MISSING, "missing-field", "to" },
    { "address of no kind", "{\"emit\":\"a\",\"to\":\"lobby\"}", "", ERR_TYPE, "wrong-type", "to" },
    { "too many addresses", "{\"emit\":\"a\",\"to\":[\"*\",\"*\",\"*\",\"*\",\"*\"]}", "", ERR_TYPE, "wrong-type", "to" },
    { "empty list", "{\"emit\":\"a\",\"to\":[]}", "", ERR_TYPE, "wrong-type", "to" },
    { "args is no array", "{\"emit\":\"a\",\"to\":\"*\",\"args\":{}}", "", ERR_TYPE, "wrong-type", "args" },
    { "namespace without slash", "{\"emit\":\"a\",\"to\":\"*\",\"nsp\":\"chat\"}", "", ERR_TYPE, "wrong-type", "nsp" },
    { "event is null", "{\"emit\":null,\"to\":\"*\"}", "", ERR_TYPE, "wrong-type", "emit" },
    { "timeout too long", "{\"emit\":\"a\",\"to\":\"*\",\"timeout\":60001}", "", ERR_TYPE, "wrong-type", "timeout" },
    { "room with a NUL", "{\"join\":\"a\\u0000b\",\"to\":\"*\"}", "", ERR_TYPE, "wrong-type", "join" },
    { "address twice", "{\"emit\":\"e\",\"to\":\"*\"}", "room:x", ERR_DUPLICATE, "two-addresses", "to" },
    { "address where none is wanted", "{\"sockets\":\"*\"}", "room:x", ERR_UNKNOWN, "unknown-field", "to" },
    { "sockets filtered", "{\"sockets\":[\"*\"],\"nsp\":\"*\",\"user\":42,\"room\":\"x\",\"gateway\":\"gateway-1\",\"address\":\"10.0.0.0/8\",\"fields\":[\"id\",\"user\"]}", "", OK, 0, 0 },
    { "unknown field of a socket", "{\"sockets\":\"*\",\"fields\":[\"id\",\"shoes\"]}", "", ERR_TYPE, "wrong-type", "fields" },
    { "no network", "{\"sockets\":\"*\",\"address\":\"10.0.0.0/64\"}", "", ERR_TYPE, "wrong-type", "address" },
    { "revoke", "{\"revoke\":[\"user:42\",\"token:x\",\"*\"],\"before\":5,\"expires\":9}", "", OK, 0, 0 },
    { "revoke a room", "{\"revoke\":\"room:x\"}", "", ERR_TYPE, "wrong-type", "revoke" },
    { "limit 0", "{\"sockets\":\"*\",\"limit\":0}", "", ERR_TYPE, "wrong-type", "limit" },
};

TEST(verbs_check_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct request request;
        struct verb_problem problem = { 0 };
        enum err e = verbs_check(&request, t_exact(span_of(r->json)), &limits, *r->to_frame, &problem);
        EQUAL_ERR(e, r->err);
        if (e == OK) continue;
        SAME(span_of(problem.code), r->code);
        SAME(problem.field, r->field);
    }
}

TEST(verbs_refuse_every_prefix)
{
    const struct row *r;
    EACH(r, rows) {
        struct span whole = span_of(r->json);
        for (size_t n = 0; n + 1 < whole.len; n++) {
            struct request request;
            struct verb_problem problem;
            CHECK(verbs_check(&request, t_exact(span_head(whole, n)), &limits, *r->to_frame, &problem) != OK);
        }
    }
}

TEST(verbs_keep_the_ref_of_a_refused_request)
{
    struct request request;
    struct verb_problem problem;
    EQUAL_ERR(verbs_check(&request, SPAN("{\"emit\":\"a\",\"ref\":\"r1\",\"to\":\"nowhere\"}"), &limits, false, &problem), ERR_TYPE);
    SAME(request.field[FIELD_ref], "\"r1\"");
}

TEST(verbs_make_bodies)
{
    struct request request;
    struct verb_problem problem;
    struct msg_BODY body;
    struct buf out = { 0 };
    struct span rest, one;
    EQUAL_ERR(verbs_check(&request, SPAN("{\"emit\":\"n\\u00e9ws\",\"nsp\":\"/c\",\"to\":[\"room:x\",\"user:4\"],\"args\":[1.10, {\"a\":2}]}"), &limits, false, &problem), OK);
    verbs_body(&out, &request, span_of(""), span_of(""), 77);
    EQUAL_ERR(msg_decode_BODY(&body, buf_span(&out)), OK);
    SAME(body.args, "[\"n\\u00e9ws\",1.10,{\"a\":2}]");
    SAME(body.nsp, "/c");
    EQUAL(body.time, 77);
    EQUAL(msg_count_strs(body.to), 2);
    rest = body.to;
    CHECK(msg_next_str(&rest, &one));
    SAME(one, "room:x");
    buf_clear(&out);

    EQUAL_ERR(verbs_check(&request, SPAN("{\"emit\":7,\"to\":\"*\",\"ack\":true,\"volatile\":true,\"timeout\":9}"), &limits, false, &problem), OK);
    verbs_body(&out, &request, span_of(""), span_of(""), 77);
    EQUAL_ERR(msg_decode_BODY(&body, buf_span(&out)), OK);
    SAME(body.args, "[7]");         /* a number is a name, and stays one (trap 29) */
    EQUAL(body.flags, BODY_ACK | BODY_VOLATILE);
    EQUAL(body.ack_timeout, 9);
    buf_clear(&out);

    EQUAL_ERR(verbs_check(&request, SPAN("{\"join\":\"r\",\"to\":\"user:1\"}"), &limits, false, &problem), OK);
    verbs_body(&out, &request, span_of(""), span_of(""), 0);
    EQUAL_ERR(msg_decode_BODY(&body, buf_span(&out)), OK);
    EQUAL(body.kind, BODY_JOIN);
    CHECK(body.flags & BODY_REACHED);
    SAME(body.nsp, "/");
    buf_fini(&out);
}

TEST(verbs_allow_lists)
{
    char star[] = "*", emit[] = "emit", chat[] = "/chat";
    char *verbs[] = { emit }, *namespaces[] = { chat }, *all[] = { star };
    struct config_plane narrow = { .verbs = { verbs, 1 }, .namespaces = { namespaces, 1 } }, wide = { .verbs = { all, 1 }, .namespaces = { all, 1 } };
    CHECK(verbs_allowed(&narrow, VERB_emit, SPAN("/chat")));
    CHECK(!verbs_allowed(&narrow, VERB_emit, SPAN("/")));
    CHECK(!verbs_allowed(&narrow, VERB_join, SPAN("/chat")));
    CHECK(verbs_allowed(&wide, VERB_disconnect, SPAN("/x")));
    char games[] = "/game-*";
    namespaces[0] = games;
    CHECK(verbs_allowed(&narrow, VERB_emit, SPAN("/game-1")));
    CHECK(!verbs_allowed(&narrow, VERB_emit, SPAN("/game-")) && !verbs_allowed(&narrow, VERB_emit, SPAN("/game-1/x")));
}

TEST(verbs_document_every_verb)
{
    struct buf out = { 0 };
    verbs_document(&out);
    for (int v = 0; v < VERB_COUNT; v++) {
        struct buf head = { 0 };
        buf_add_format(&head, "### `%s`", verb_name((enum verb)v));
        CHECK(memmem(out.ptr, out.len, head.ptr, head.len));
        buf_fini(&head);
    }
    buf_fini(&out);
}
