#include "namespace.h"
#include "t.h"

#include <stdlib.h>

static const struct row { const char *pattern, *name; bool fits; const char *parts; } rows[] = {
    { "/",               "/",                   true,  "" },
    { "/chat",           "/chat",               true,  "" },
    { "/chat",           "/chats",              false, "" },
    { "/chat",           "/cha",                false, "" },
    { "/game-*",         "/game-1",             true,  "1" },
    { "/game-*",         "/game-1-b",           true,  "1-b" },
    { "/game-*",         "/game-",              false, "" },
    { "/game-*",         "/game-1/x",           false, "" },
    { "/game-**",        "/game-1/x",           true,  "1/x" },
    { "/game-*",         "/game-*",             true,  "*" },
    { "/dynamic-#",      "/dynamic-101",        true,  "101" },
    { "/dynamic-#",      "/dynamic-1a",         false, "" },
    { "/dynamic-#",      "/dynamic-",           false, "" },
    { "/*/chat",         "/acme/chat",          true,  "acme" },
    { "/*/chat",         "/a/b/chat",           false, "" },
    { "/**/chat",        "/a/b/chat",           true,  "a/b" },
    { "/**/chat",        "/chat/chat/chat",     true,  "chat/chat" },
    { "/*-*",            "/a-b-c",              true,  "a b-c" },
    { "/*-#",            "/a-1-2",              true,  "a-1 2" },
    { "/*-#",            "/a-1-b",              false, "" },
    { "/##",             "/12",                 true,  "1 2" },
    { "/##",             "/1",                  false, "" },
    { "/*x",             "/xxx",                true,  "xx" },
    { "/**",             "/a/b",                true,  "a/b" },
    { "/**",             "/",                   false, "" },
    { "/***",            "/ab",                 true,  "a b" },
    { "/*",              "/\xc3\xa9",         true,  "\xc3\xa9" },
};

TEST(namespace_patterns_fit_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct span parts[NAMESPACE_PARTS_MAX];
        EQUAL(namespace_fits(t_exact(span_of(r->pattern)), t_exact(span_of(r->name))), r->fits);
        if (!r->fits) continue;
        struct buf got = { 0 };
        size_t n = namespace_parts(span_of(r->pattern), span_of(r->name), parts);
        EQUAL(n, namespace_wildcards(span_of(r->pattern)));
        EQUAL(n > 0, namespace_is_pattern(span_of(r->pattern)));
        for (size_t i = 0; i < n; i++) {
            if (i) buf_add_byte(&got, ' ');
            buf_add(&got, parts[i]);
        }
        SAME(buf_span(&got), r->parts);
        buf_fini(&got);
    }
}

TEST(namespace_patterns_take_time_that_is_bounded)
{
    char pattern[2 * NAMESPACE_MAX], name[NAMESPACE_MAX + 1];
    for (size_t i = 0; i < sizeof pattern; i += 2) pattern[i] = '*', pattern[i + 1] = 'a';
    memset(name, 'a', sizeof name);
    CHECK(!namespace_fits(span_from(pattern, 200), span_from(name, 64)));
    CHECK(namespace_fits(span_from(pattern, 200), span_from(name, NAMESPACE_MAX)));
    CHECK(!namespace_fits(SPAN("**"), span_from(name, sizeof name)));
}

TEST(namespace_prefixes_come_off_and_on)
{
    static const struct { const char *prefix, *name, *shown; } names[] = {
        { "", "/", "/" }, { "", "/music", "/music" }, { "/music", "/music", "/" }, { "/music", "/music/x", "/x" }, { "/music", "/music//", "//" },
    }, *r;
    EACH(r, names) {
        struct buf meant = { 0 };
        struct config_namespace ns = { .prefix_len = (uint16_t)strlen(r->prefix) };
        CHECK(*r->prefix == 0 || namespace_is_below(span_of(r->prefix), t_exact(span_of(r->name))));
        SAME(namespace_shown(&ns, t_exact(span_of(r->name))), r->shown);
        namespace_meant(&meant, span_of(r->prefix), span_of(r->shown));
        SAME(buf_span(&meant), r->name);
        buf_fini(&meant);
    }
    CHECK(!namespace_is_below(SPAN("/music"), SPAN("/musical")) && !namespace_is_below(SPAN("/music"), SPAN("/")));
}

TEST(namespace_of_the_exact_name_then_the_most_specific_pattern)
{
    static char names[][16] = { "/", "/**", "/game-*", "/game-1", "/game-#", "/*-1", "/game-*/**" };
    struct config_namespace spaces[sizeof names / sizeof names[0]];
    struct config c = { .namespaces = spaces, .namespace_count = sizeof names / sizeof names[0] };
    for (size_t i = 0; i < c.namespace_count; i++) spaces[i] = (struct config_namespace){ .name = names[i] };
    static const struct { const char *name; size_t index; } wanted[] = {
        { "/", 0 }, { "/x", 1 }, { "/x/y", 1 }, { "/game-1", 3 }, { "/game-2", 2 }, { "/game-x", 2 }, { "/y-1", 5 }, { "/game-1/x", 6 }, { "", 7 }, { "x", 7 } };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) EQUAL(namespace_find(&c, span_of(wanted[i].name)), wanted[i].index);
}
