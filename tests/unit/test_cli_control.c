#include "control.h"
#include "launch.h"
#include "t.h"

TEST(cli_control_requests_there_and_back)
{
    static const struct row { const char *name, *line; bool good; } rows[] = {
        { "status",       "{\"do\":\"status\"}\n", true },
        { "stop",         "{\"do\":\"stop\"}\n", true },
        { "scale",        "{\"do\":\"scale\",\"role\":\"gateway\",\"count\":4}\n", true },
        { "restart",      "{\"do\":\"restart\",\"id\":\"router-1\"}\n", true },
        { "restart redis","{\"do\":\"restart\",\"id\":\"redis\"}\n", true },
        { "drain",        "{\"do\":\"drain\",\"id\":\"gateway-3\"}\n", true },
        { "no redis two", "{\"do\":\"scale\",\"role\":\"redis\",\"count\":2}", false },
        { "too many",     "{\"do\":\"scale\",\"role\":\"router\",\"count\":65}", false },
        { "negative",     "{\"do\":\"scale\",\"role\":\"router\",\"count\":-1}", false },
        { "no count",     "{\"do\":\"scale\",\"role\":\"router\"}", false },
        { "no id",        "{\"do\":\"drain\"}", false },
        { "no verb",      "{\"do\":\"dance\"}", false },
        { "no object",    "[1]", false },
        { "no JSON",      "{\"do\":", false },
        { "deep",         "{\"do\":[[[[[[[[[[]]]]]]]]]]}", false },
        { "empty",        "", false },
    };
    const struct row *r;
    EACH(r, rows) {
        struct control_request q;
        struct buf error = { 0 }, line = { 0 };
        bool good = control_parse(&q, span_trim(span_head(span_of(r->line), strcspn(r->line, "\n"))), &error);
        EQUAL(good, r->good);
        EQUAL(error.len == 0, r->good);
        if (good) control_print(&line, &q), SAME(buf_span(&line), r->line);
        buf_fini(&error), buf_fini(&line);
    }
}

TEST(cli_control_events_are_lines)
{
    struct buf line = { 0 };
    const struct control_event e = { { UNIT_GATEWAY, 3 }, 12, 31 };
    control_ready(&line, &e, SPAN("http://a/\"b"));
    SAME(buf_span(&line), "{\"event\":\"ready\",\"id\":\"gateway-3\",\"pid\":12,\"ms\":31,\"endpoint\":\"http://a/\\\"b\"}\n");
    buf_clear(&line);
    control_exit(&line, &e, SUPERVISE_CODE_UNKNOWN, "stopped");
    SAME(buf_span(&line), "{\"event\":\"exit\",\"id\":\"gateway-3\",\"pid\":12,\"ms\":31,\"code\":-1,\"text\":\"stopped\"}\n");
    EQUAL(control_number(buf_span(&line), "code", 7), -1);
    EQUAL(control_number(buf_span(&line), "nothing", 7), 7);
    EQUAL(control_number(buf_span(&line), "text", 7), 7);
    buf_clear(&line);
    control_failed(&line, NULL, 0, "no");
    SAME(buf_span(&line), "{\"ok\":false,\"error\":\"no\"}\n");
    buf_fini(&line);
}

TEST(cli_launch_knows_its_own_commands)
{
    const struct launch l = { "/opt/bin", "/t/local.yaml", "/run/cw" };
    static const char *const names[] = { "router-0", "router-1", "gateway-11", "auth-0", "presence-0", "redis" };
    enum { NAMES = sizeof names / sizeof names[0] };
    for (size_t i = 0; i < NAMES; i++)
        for (size_t j = 0; j < NAMES; j++) {
            struct unit_id a, b;
            struct buf words = { 0 };
            CHECK(unit_parse(span_of(names[i]), &a) && unit_parse(span_of(names[j]), &b));
            launch_command(&words, &l, a);
            EQUAL(launch_is(buf_span(&words), &l, b), i == j);
            buf_fini(&words);
        }
    struct buf words = { 0 };
    launch_command(&words, &(const struct launch){ "/usr/bin", "/elsewhere.yaml", "/run/cw" }, (struct unit_id){ UNIT_AUTH, 0 });
    CHECK(launch_is(buf_span(&words), &l, (struct unit_id){ UNIT_AUTH, 0 }));      /* program and file may have moved */
    buf_clear(&words);
    launch_command(&words, &(const struct launch){ "/opt/bin", "/t/local.yaml", "/run/other" }, (struct unit_id){ UNIT_AUTH, 0 });
    CHECK(!launch_is(buf_span(&words), &l, (struct unit_id){ UNIT_AUTH, 0 }));
    buf_fini(&words);
}
