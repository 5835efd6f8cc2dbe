#include "item.h"
#include "t.h"

static const struct row { const char *name, *channel, *json, *request, *field; enum err err; } rows[] = {
    { "text", "", "{\"channel\":\"x\",\"formats\":{\"ws-message\":{\"content\":\"h\\u00e9\"}}}", "{\"emit\":\"message\",\"to\":\"room:x\",\"args\":[\"h\\u00e9\"]}", 0, OK },
    { "channel of its frame", "a b", "{\"formats\":{\"ws-message\":{\"content\":\"h\"}}}", "{\"emit\":\"message\",\"to\":\"room:a b\",\"args\":[\"h\"]}", 0, OK },
    { "an id is its channel's", "", "{\"channel\":\"x\",\"id\":\"7\",\"prev-id\":\"6\",\"formats\":{\"http-stream\":{},\"ws-message\":{\"content\":\"\"}}}",
      "{\"emit\":\"message\",\"to\":\"room:x\",\"args\":[\"\"],\"id\":\"x 7\"}", 0, OK },
    { "namespace and ref", "", "{\"channel\":\"x\",\"nsp\":\"/c\",\"ref\":1,\"formats\":{\"ws-message\":{\"action\":\"send\",\"content\":\"h\"}}}",
      "{\"emit\":\"message\",\"to\":\"room:x\",\"args\":[\"h\"],\"nsp\":\"/c\",\"ref\":1}", 0, OK },
    { "binary", "", "{\"channel\":\"x\",\"formats\":{\"ws-message\":{\"content-bin\":\"AQI=\"}}}", "{\"emit\":\"message\",\"to\":\"room:x\",\"args\":[{\"_placeholder\":true,\"num\":0}]}", 0, OK },
    { "close", "", "{\"channel\":\"x\",\"id\":\"1\",\"formats\":{\"ws-message\":{\"action\":\"close\"}}}", "{\"disconnect\":\"room:x\"}", 0, OK },
    { "no channel", "", "{\"formats\":{\"ws-message\":{\"content\":\"h\"}}}", 0, "channel", ERR_MISSING },
    { "channel is a number", "", "{\"channel\":7,\"formats\":{\"ws-message\":{\"content\":\"h\"}}}", 0, "channel", ERR_TYPE },
    { "formats is a list", "", "{\"channel\":\"x\",\"formats\":[]}", 0, "formats", ERR_TYPE },
    { "for others only", "", "{\"channel\":\"x\",\"formats\":{\"http-stream\":{\"content\":\"h\"}}}", 0, "formats.ws-message", ERR_MISSING },
    { "no content", "", "{\"channel\":\"x\",\"formats\":{\"ws-message\":{}}}", 0, "formats.ws-message.content", ERR_MISSING },
    { "content is a number", "", "{\"channel\":\"x\",\"formats\":{\"ws-message\":{\"content\":1}}}", 0, "formats.ws-message.content", ERR_TYPE },
    { "no base64", "", "{\"channel\":\"x\",\"formats\":{\"ws-message\":{\"content-bin\":\"%\"}}}", 0, "formats.ws-message.content-bin", ERR_SYNTAX },
    { "id is a number", "", "{\"channel\":\"x\",\"id\":1,\"formats\":{\"ws-message\":{\"content\":\"h\"}}}", 0, "id", ERR_TYPE },
    { "unknown action", "", "{\"channel\":\"x\",\"formats\":{\"ws-message\":{\"action\":\"hint\"}}}", 0, "formats.ws-message.action", ERR_RANGE },
};

TEST(items_are_read_as_requests)
{
    const struct row *r;
    EACH(r, rows) {
        struct item item = { 0 };
        struct verb_problem problem = { 0 };
        CHECK(item_is(span_of(r->json)));
        EQUAL_ERR(item_read(&item, span_of(r->channel), t_exact(span_of(r->json)), &problem), r->err);
        if (r->err == OK) SAME(buf_span(&item.request), r->request);
        else SAME(problem.field, r->field);
        if (item.binary) SAME(buf_span(&item.attachment), "\1\2");
        item_fini(&item);
    }
}

TEST(items_are_no_other_requests)
{
    CHECK(!item_is(SPAN("{\"emit\":\"formats\",\"to\":\"*\"}")));
    CHECK(!item_is(SPAN("{\"emit\":\"x\",\"to\":\"*\",\"formats\":1}")));      /* a request with an unknown field */
    CHECK(!item_is(SPAN("{\"args\":{\"formats\":1}}")));
    CHECK(!item_is(SPAN("{\"formats\":")));
    CHECK(!item_is(SPAN("[{\"formats\":{}}]")));
}
