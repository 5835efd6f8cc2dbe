#include "node_flow.h"
#include "msg.h"
#include "rules_push.h"
#include "t.h"

static struct rules_pushes *compile(const char *push, struct buf *errors)
{
    static char name[] = "/game-*";
    struct config_namespace ns = { .name = name, .push = node_flow(push) };
    struct rules_pushes *p = rules_pushes_new(&ns, errors);
    struct rules *rules = rules_new(&ns, errors);       /* says the same */
    CHECK((rules == NULL) == (errors->len > 0));
    rules_destroy(&rules);
    node_destroy(&ns.push);
    return p;
}

TEST(rules_push_what_the_clock_says)
{
    struct buf errors = { 0 };
    struct rules_pushes *p = compile("[{every: 30s, event: 'system:status', args: [{cpu: '{system.cpu}', where: '{nsp.1}', at: '{now.ms}'}]},"
                                     " {every: 1500, to: ['room:{nsp.1}', '*'], except: 'user:7', volatile: true, event: online, args: ['{online.total}', '{online.users}']}]", &errors);
    CHECK(p && errors.len == 0);
    EQUAL(rules_pushes_count(p), 2);
    EQUAL(rules_push_every(p, 0), 30000);
    EQUAL(rules_push_every(p, 1), 1500);
    CHECK(!rules_push_asks(p, 0, SPAN("online")) && rules_push_asks(p, 1, SPAN("online")) && rules_push_asks(p, 0, SPAN("system")) && !rules_push_asks(p, 0, SPAN("sys")));
    struct span part = SPAN("7");
    struct template_scope scope = { .nsp = SPAN("/game-7"), .nsp_parts = &part, .nsp_part_count = 1, .now_ms = 1000,
                                    .extra = SPAN("{\"system\":{\"cpu\":12.5},\"online\":{\"total\":2,\"users\":[42,\"ann\"]}}") };
    struct rules_effects out = { 0 };
    EQUAL_ERR(rules_push(p, 0, &scope, &out), OK);
    EQUAL(out.count, 1);
    SAME(out.at[0].args, "[\"system:status\",{\"cpu\":12.5,\"where\":\"7\",\"at\":1000}]");
    struct span to = out.at[0].to, one;
    CHECK(msg_next_str(&to, &one));
    SAME(one, "*");
    EQUAL_ERR(rules_push(p, 1, &scope, &out), OK);
    SAME(out.at[0].args, "[\"online\",2,[42,\"ann\"]]");
    to = out.at[0].to;
    CHECK(out.at[0].is_volatile && msg_next_str(&to, &one));
    SAME(one, "room:7");
    rules_effects_fini(&out);
    rules_pushes_destroy(&p);
}

TEST(rules_push_mistakes)
{
    static const struct { const char *name, *wants; } rows[] = {
        { "[{event: x}]", "push: every is missing" }, { "[{every: 30s}]", "event is missing" }, { "[{every: soon, event: x}]", "every must be a time" },
        { "[{every: 1ms, event: x}]", "from 100ms" }, { "[{every: 25h, event: x}]", "to 24h" }, { "[{every: 1s, event: x, others: true}]", "unknown key 'others'" },
        { "[{every: 1s, event: connect}]", "Socket.IO's own events" }, { "[{every: 1s, event: x, args: ['{socket.id}']}]", "socket" },
        { "[{every: 1s, event: x, to: self}]", "self" }, { "[7]", "must be" }, { "[{every: [1], event: x}]", "every must be a time" } }, *r;
    EACH(r, rows) {
        struct buf errors = { 0 };
        CHECK(!compile(r->name, &errors));
        if (!strstr(buf_text(&errors), r->wants)) FAIL("'%s' is not in '%s'", r->wants, buf_text(&errors));
        buf_fini(&errors);
    }
    struct buf none = { 0 };
    CHECK(!compile("[]", &none) && !none.len);
    buf_fini(&none);
}
