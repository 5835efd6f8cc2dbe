#include "placeholder.h"
#include "t.h"
#include "work_frame.h"

static char all[] = "*", chat[] = "/chat", games[] = "/game-*";
static char *any_list[] = { all }, *few_list[] = { chat, games };
static const struct config_plane open_plane = { .namespaces = { any_list, 1 } }, narrow = { .namespaces = { few_list, 2 } };
static const struct work_limits limits = { &open_plane, 4096, 4, 100 }, few = { &narrow, 4096, 4, 100 };

TEST(work_frames_refused_name_the_field)
{
    static const struct { const char *name, *code, *field; enum err e; } rows[] = {
        { "",                                                          "bad-json", "", ERR_TRUNC },
        { "[]",                                                        "bad-json", "", ERR_TYPE },
        { "{}",                                                        "unknown-frame", "", ERR_UNKNOWN },
        { "{\"welcome\":\"x\",\"beat\":1,\"silence\":2}",              "unknown-frame", "", ERR_UNKNOWN },
        { "{\"ping\":1,\"pong\":2}",                                   "two-frames", "pong", ERR_SYNTAX },
        { "{\"ready\":7,\"namespaces\":[\"/\"],\"events\":[\"*\"]}",   "wrong-type", "ready", ERR_TYPE },
        { "{\"ready\":\"a\",\"events\":[\"*\"]}",                      "missing-field", "namespaces", ERR_MISSING },
        { "{\"ready\":\"a\",\"namespaces\":[],\"events\":[\"*\"]}",    "wrong-type", "namespaces", ERR_TYPE },
        { "{\"ready\":\"a\",\"namespaces\":[\"chat\"],\"events\":[\"*\"]}", "wrong-type", "namespaces", ERR_TYPE },
        { "{\"ready\":\"a\",\"namespaces\":[\"/\"],\"events\":[1]}",   "wrong-type", "events", ERR_TYPE },
        { "{\"ready\":\"a\",\"namespaces\":[\"/\"],\"events\":[\"*\"],\"capacity\":101}", "wrong-type", "capacity", ERR_TYPE },
        { "{\"ready\":\"a\",\"namespaces\":[\"/\"],\"events\":[\"*\"],\"to\":1}", "unknown-field", "to", ERR_UNKNOWN },
        { "{\"reply\":1}",                                             "wrong-type", "reply", ERR_TYPE },
        { "{\"reply\":\"r\",\"ack\":1}",                               "wrong-type", "ack", ERR_TYPE },
        { "{\"reply\":\"r\",\"emits\":{}}",                            "wrong-type", "emits", ERR_TYPE },
        { "{\"reply\":\"r\",\"emits\":[{\"event\":\"a\"}]}",           "missing-field", "to", ERR_TYPE },
        { "{\"reply\":\"r\",\"emits\":[{\"event\":\"connect\",\"to\":\"*\"}]}", "wrong-type", "event", ERR_TYPE },
        { "{\"reply\":\"r\",\"emits\":[{\"event\":\"a\",\"to\":\"elsewhere\"}]}", "wrong-type", "to", ERR_TYPE },
        { "{\"reply\":\"r\",\"emits\":[{\"event\":\"a\",\"to\":\"*\",\"ack\":true}]}", "unknown-field", "ack", ERR_TYPE },
        { "{\"reply\":\"r\",\"replies\":[{\"event\":\"a\",\"to\":\"*\"}]}", "unknown-field", "to", ERR_TYPE },
        { "{\"reply\":\"r\",\"joins\":[\"\"]}",                        "wrong-type", "joins", ERR_TYPE },
        { "{\"reply\":\"r\",\"refuse\":\"no\"}",                       "wrong-type", "refuse", ERR_TYPE },
        { "{\"reply\":\"r\",\"refuse\":{}}",                           "missing-field", "message", ERR_TYPE },
        { "{\"reply\":\"r\",\"disconnect\":1}",                        "wrong-type", "disconnect", ERR_TYPE },
    }, *r;
    EACH(r, rows) {
        struct work_frame f;
        struct work_problem p;
        EQUAL_ERR(work_frame_check(&f, t_exact(span_of(r->name)), &limits, &p), r->e);
        SAME(span_of(p.code), r->code);
        SAME(p.field, r->field);
        CHECK(*p.message);
    }
}

TEST(work_frames_name_only_namespaces_that_the_socket_may)
{
    static const struct { const char *name; bool good; } rows[] = { { "/chat", true }, { "/game-7", true }, { "/game-*", true }, { "/", false }, { "*", false }, { "/chat2", false } }, *r;
    EACH(r, rows) {
        struct buf json = { 0 };
        struct work_frame f;
        struct work_problem p;
        buf_add_format(&json, "{\"ready\":\"a\",\"namespaces\":[\"%s\"],\"events\":[\"*\"]}", r->name);
        CHECK((work_frame_check(&f, buf_span(&json), &few, &p) == OK) == r->good);
        buf_clear(&json);
        buf_add_format(&json, "{\"reply\":\"r\",\"emits\":[{\"nsp\":\"%s\",\"event\":\"a\",\"to\":\"*\"}]}", r->name);
        CHECK((work_frame_check(&f, buf_span(&json), &few, &p) == OK) == r->good);
        buf_fini(&json);
    }
}

static void print_deeds(struct buf *out, struct span deeds)
{
    struct span one, rest, s;
    struct msg_DEED d;
    while (msg_next_str(&deeds, &one)) {
        EQUAL_ERR(msg_decode_DEED(&d, one), OK);
        buf_add_format(out, "%u%s%.*s(", d.kind, d.is_volatile ? "v" : "", (int)d.nsp.len, d.nsp.ptr);
        for (rest = d.to; msg_next_str(&rest, &s); ) buf_add(out, s), buf_add_byte(out, ' ');
        for (rest = d.except; msg_next_str(&rest, &s); ) buf_add_byte(out, '-'), buf_add(out, s), buf_add_byte(out, ' ');
        buf_add(out, d.address), buf_add(out, d.args);
        for (size_t i = 0; i < d.attachments.len; i++) buf_add_format(out, " #%u", (uint8_t)d.attachments.ptr[i]);
        buf_add_byte(out, ')');
    }
}

TEST(work_replies_become_deeds)
{
    static const struct { const char *name, *want; enum err e; } rows[] = {
        { "{\"reply\":\"r\"}", "", OK },
        { "{\"reply\":\"r\",\"ack\":[]}", "4([])", OK },
        { "{\"reply\":\"r\",\"ack\":[1,\"a\"],\"leaves\":\"x\",\"joins\":[\"a\",\"b\\u0041\"],\"disconnect\":true}", "0(room:a)0(room:bA)1(room:x)4([1,\"a\"])5()", OK },
        { "{\"reply\":\"r\",\"disconnect\":false,\"emits\":[{\"event\":\"e\",\"to\":[\"user:1\",\"*\"],\"except\":\"socket:s\",\"args\":[{\"a\":1}],\"volatile\":true,\"nsp\":\"/x\"},{\"event\":7,\"to\":\"*\"}]}",
          "2v/x(user:1 * -socket:s [\"e\",{\"a\":1}])2(* [7])", OK },
        { "{\"reply\":\"r\",\"replies\":[{\"event\":\"e\",\"args\":[{\"_placeholder\":true,\"num\":1},2]}],\"ack\":[{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]}",
          "3([\"e\",{\"_placeholder\":true,\"num\":0},2] #1)4([{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}] #0 #1)", OK },
        { "{\"reply\":\"r\",\"ack\":[{\"_placeholder\":true,\"num\":2}]}", "", ERR_RANGE },
    }, *r;
    EACH(r, rows) {
        struct work_frame f;
        struct work_problem p;
        struct msg_WORKED m;
        struct buf text = { 0 }, said = { 0 };
        EQUAL_ERR(work_frame_check(&f, t_exact(span_of(r->name)), &limits, &p), OK);
        EQUAL_ERR(work_frame_worked(&m, &text, &f, 2, &p), r->e);
        if (r->e == OK) print_deeds(&said, m.deeds), SAME(buf_span(&said), r->want);
        else SAME(span_of(p.code), "bad-placeholder");
        buf_fini(&text), buf_fini(&said);
    }
}

TEST(work_refusals)
{
    struct work_frame f;
    struct work_problem p;
    struct msg_WORKED m;
    struct buf text = { 0 }, said = { 0 };
    EQUAL_ERR(work_frame_check(&f, SPAN("{\"reply\":\"r\",\"joins\":[\"a\"],\"refuse\":{\"message\":\"n\\u006f\",\"data\":{\"a\":1},\"ack\":{\"b\":2}}}"), &limits, &p), OK);
    EQUAL_ERR(work_frame_worked(&m, &text, &f, 0, &p), OK);
    CHECK(m.refused);
    SAME(m.message, "no"), SAME(m.data, "{\"a\":1}");
    print_deeds(&said, m.deeds);
    SAME(buf_span(&said), "4([{\"b\":2}])");
    buf_fini(&text), buf_fini(&said);
}

TEST(work_requests_are_json)
{
    struct buf json = { 0 };
    work_frame_request(&json, SPAN("1.2"), &(struct msg_WORK){ .nsp = SPAN("/"), .event = SPAN("\"say\""), .args = SPAN("[1]"), .socket = SPAN("S"), .ack = 1,
        .address = SPAN("::1"), .agent = SPAN("a\"b"), .query = SPAN("{\"q\":\"1\"}"), .time = 5 });
    SAME(buf_span(&json), "{\"request\":\"1.2\",\"nsp\":\"/\",\"event\":\"say\",\"args\":[1],\"ack\":true,\"socket\":\"S\",\"user\":null,\"claims\":null,"
         "\"handshake\":{\"address\":\"::1\",\"query\":{\"q\":\"1\"},\"headers\":{\"user-agent\":\"a\\\"b\"},\"time\":5}}");
    buf_fini(&json);
}
