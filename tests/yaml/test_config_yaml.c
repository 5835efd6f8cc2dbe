/* The topology file as it is on disk: libyaml, includes, limits, environment,
 * and files that somebody damaged. Runs in the project's directory, with the
 * frame of the unit tests: 'yaml [PREFIX]'. */
#include "config_yaml.h"
#include "msg.h"
#include "rules.h"
#include "t.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *directory(void)
{
    static char path[] = "/tmp/causeway-yaml-XXXXXX";
    static bool made;
    if (!made) {
        NEED(mkdtemp(path));
        made = true;
    }
    return path;
}

static void put(const char *name, struct span bytes)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", directory(), name);
    FILE *f = fopen(path, "wb");
    NEED(f && fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len);
    (void)fclose(f);
}

static const char *path_of(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", directory(), name);
    return path;
}

__attribute__((destructor)) static void clean(void)
{
    static const char *const names[] = { "t.yaml", "a.yaml", "b.yaml", "c.yaml", "sub/d.yaml", "cert.pem", "big.yaml", "sub" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) (void)remove(path_of(names[i]));
    (void)rmdir(directory());
}

static void slurp(struct buf *out, const char *file)
{
    FILE *f = fopen(file, "rb");
    NEED(f);
    for (size_t n; (n = fread(buf_room(out, 4096), 1, 4096, f)) > 0; ) buf_grew(out, n);
    (void)fclose(f);
}

#define BASE "listeners: {public: {}}\n"

TEST(yaml_topologies_of_the_project_are_right)
{
    static const struct { const char *name; uint16_t routers; int transport; } rows[] = {
        { "topology/local.yaml", 2, CONFIG_IPC }, { "topology/cluster.yaml", 2, CONFIG_TCP },
    }, *r;
    EACH(r, rows) {
        struct config c;
        struct buf errors = { 0 };
        if (!config_read(&c, r->name, "/state/", &errors)) FAIL("%s", buf_text(&errors));
        SAME(buf_span(&c.warnings), "");
        EQUAL(c.instances.router, r->routers);
        EQUAL(c.instances.gateway, 2);
        EQUAL(c.bus.transport, r->transport);
        EQUAL(c.bus.curve, r->transport == CONFIG_TCP);
        SAME(span_of(c.state_dir), "/state");
        SAME(span_of(c.auth.keys[0].file), "/state/demo.secret");
        SAME(span_of(c.listeners[0].name), "public");
        EQUAL(c.listeners[0].port_step, 1);
        SAME(span_of(c.namespaces[0].name), "/");
        EQUAL(c.namespaces[0].token.count, 3);
        EQUAL(c.namespaces[0].events->count, 9);
        SAME(span_of(node_find(c.namespaces[0].events, "join-room")->file), "topology/apps/chat.yaml");
        CHECK(node_find(c.namespaces[0].connect, "reply"));
        struct rules *rules = rules_new(&c.namespaces[0], &errors);
        if (!rules) FAIL("%s", buf_text(&errors));
        rules_destroy(&rules);
        CHECK(node_find(c.namespaces[0].online, "to") && node_find(c.namespaces[0].offline, "event"));
        config_fini(&c);
        buf_fini(&errors);
    }
}

TEST(yaml_what_config_prints_reads_back)
{
    struct config c;
    struct buf errors = { 0 }, first = { 0 }, second = { 0 };
    char *local = realpath("topology/local.yaml", NULL);        /* so that its files are found from elsewhere */
    if (!config_read(&c, local, "/state", &errors)) FAIL("%s", buf_text(&errors));
    free(local);
    config_print(&first, &c);
    config_fini(&c);
    put("t.yaml", buf_span(&first));
    if (!config_read(&c, path_of("t.yaml"), "/state", &errors)) FAIL("%s", buf_text(&errors));
    config_print(&second, &c);
    SAME_SPAN(buf_span(&second), buf_span(&first));
    config_fini(&c);
    buf_fini(&first);
    buf_fini(&second);
    buf_fini(&errors);
}

TEST(yaml_kinds)
{
    static const struct { const char *name, *yaml, *json; } rows[] = {
        { "plain and quoted", "{a: 1, b: '1', c: \"1\", d: true, e: 'true', f: yes, g: , h: null, i: 64k}",
          "{\"a\":1,\"b\":\"1\",\"c\":\"1\",\"d\":true,\"e\":\"true\",\"f\":\"yes\",\"g\":null,\"h\":null,\"i\":\"64k\"}" },
        { "block texts", "a: |\n  two\n  lines\nb: >\n  one\n  line\n", "{\"a\":\"two\\nlines\\n\",\"b\":\"one line\\n\"}" },
        { "lists", "- 1\n- [2, {x: 3}]\n-\n", "[1,[2,{\"x\":3}],null]" },
        { "anchor and alias", "a: &x {k: [1]}\nb: *x\n", "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]}}" },
        { "anchor said again", "a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}" },
        { "str tag", "a: !!str 5\n", "{\"a\":\"5\"}" },
        { "empty", "# nothing\n", "null" },
        { "byte order mark", "\xef\xbb\xbf" "a: 1\n", "{\"a\":1}" },
        { "namespace key", "/: {}\n/chat:\n  x: 1\n", "{\"/\":{},\"/chat\":{\"x\":1}}" },
    }, *r;
    EACH(r, rows) {
        struct buf errors = { 0 }, json = { 0 };
        struct config_reader reader = { .names = node_new(NODE_NULL, "", 0, 0), .errors = &errors };
        put("t.yaml", span_of(r->yaml));
        struct node *n = config_parse_yaml(&reader, path_of("t.yaml"), NULL);
        if (!n) FAIL("%s", buf_text(&errors));
        node_json(&json, n);
        SAME(buf_span(&json), r->json);
        node_destroy(&n);
        node_destroy(&reader.names);
        buf_fini(&json);
        buf_fini(&errors);
    }
}

TEST(yaml_refuses)
{
    static const struct { const char *name, *yaml, *want; } rows[] = {
        { "not YAML", "a: [1\n", ":2:1: not YAML: while parsing a flow sequence, did not find expected ',' or ']'" },
        { "a tab", "a:\n\tb: 1\n", "not YAML" },
        { "no UTF-8", "a: \xff\n", "not YAML" },
        { "a control character", "a: \"\x01\"\n", "not YAML" },
        { "NUL in a text", "name: \"a\\0b\"\n", ":1:7: a text may not hold a NUL" },
        { "NUL in a key", "\"a\\0b\": 1\n", "a key may not hold a NUL" },
        { "key twice", BASE "name: a\nname: b\n", "t.yaml:3:1: name: the same key again; it stands in line 2 already" },
        { "key twice, further on", "a: 1\n" BASE "listeners: &x {}\nname: *x\n", "name: a map is not allowed here" },
        { "a key that is a list", "[1]: 2\n", "a key must be a plain text" },
        { "alias without anchor", "a: *x\n", "there is no such anchor" },
        { "alias of itself", "a: &x [*x]\n", "there is no such anchor" },
        { "two documents", BASE "---\nname: b\n", "a second document" },
        { "an unknown key", BASE "rooter: {}\n", "t.yaml:2:1: rooter: there is no such key; did you mean 'router'?" },
        { "a bad value", BASE "router:\n  history_bytes: 64x\n", "t.yaml:3:3: router.history_bytes: '64x' is not allowed here" },
        { "include of nothing", BASE "include: none.yaml\n", "t.yaml:2:1: include: " },
        { "include of a number", BASE "include: 5\n", "include: it must be a file's name" },
        { "include of a list with a map", BASE "include: [{}]\n", "include: it must be a file's name" },
        { "include with what it has not", BASE "include: {file: a.yaml, as: /x}\n", "include: it must be a file's name" },
        { "include below no name", BASE "include: {file: a.yaml, prefix: x}\n", "include: prefix must be a namespace such as /music" },
        { "include below, not at the top", BASE "namespaces: {include: {file: a.yaml, prefix: /x}}\n", "include: a prefix is for whole files" },
        { "include of itself", BASE "include: t.yaml\n", "this file includes itself" },
        { "include of a directory", BASE "include: .\n", "Is a directory" },
        { "tls file missing", "listeners: {public: {tls: {certificate: nocert.pem, key: /dev/null/x}}}\n", "listeners.public.tls.certificate: " },
        { "tls file a directory", "listeners: {public: {tls: {certificate: ., key: .}}}\n", "a directory" },
        { "client_dir a file", "listeners: {public: {client_dir: t.yaml}}\n", "not a directory" },
        { "key missing", BASE "auth: {keys: [{kind: pem, file: nokey.pem, algorithms: RS256}]}\n", "auth.keys.0.file: " },
    }, *r;
    EACH(r, rows) {
        struct config c;
        struct buf errors = { 0 };
        put("t.yaml", span_of(r->yaml));
        CHECK(!config_read(&c, path_of("t.yaml"), "/state", &errors));
        if (!strstr(buf_text(&errors), r->want)) FAIL("no '%s' in:\n%s", r->want, buf_text(&errors));
        config_fini(&c);
        buf_fini(&errors);
    }
}

TEST(yaml_limits)
{
    struct config c;
    struct buf errors = { 0 }, text = { 0 };
    static const char *const wants[] = { "nested too deeply", "too many values", "too many members", "larger than 16 MiB", "nested too deeply" };
    for (unsigned i = 0; i < 5; i++) {
        buf_clear(&text);
        if (i == 0) for (unsigned j = 0; j < 65; j++) buf_add_byte(&text, '[');
        if (i == 1) {                               /* a billion laughs */
            buf_add_literal(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
            for (unsigned j = 1; j < 10; j++) {
                buf_add_format(&text, "a%u: &a%u [", j, j);
                for (unsigned k = 0; k < 10; k++) buf_add_format(&text, "%s*a%u", k ? "," : "", j - 1);
                buf_add_literal(&text, "]\n");
            }
        }
        if (i == 2) for (unsigned j = 0; j < 100001; j++) buf_add_format(&text, "k%u: 1\n", j);
        if (i == 3) while (text.len <= CONFIG_FILE_MAX) buf_add_literal(&text, "# nothing at all\n");
        if (i == 4) {                               /* aliases that nest */
            buf_add_literal(&text, "a0: &a0 []\n");
            for (unsigned j = 1; j < 70; j++) buf_add_format(&text, "a%u: &a%u [*a%u]\n", j, j, j - 1);
        }
        put("big.yaml", buf_span(&text));
        buf_clear(&errors);
        CHECK(!config_read(&c, path_of("big.yaml"), "/state", &errors));
        if (!strstr(buf_text(&errors), wants[i])) FAIL("no '%s' in:\n%.500s", wants[i], buf_text(&errors));
        config_fini(&c);
    }
    buf_fini(&errors);
    buf_fini(&text);
}

TEST(yaml_includes)
{
    struct config c;
    struct buf errors = { 0 };
    (void)mkdir(path_of("sub"), 0700);
    put("cert.pem", SPAN("x"));
    put("t.yaml", SPAN("include: [a.yaml, b.yaml]\nname: mine\n" "listeners:\n  include: sub/d.yaml\n  public: {port: 9000}\n"));
    put("a.yaml", SPAN("name: theirs\nrouter: {history_count: 1}\nnamespaces:\n  include: c.yaml\n  /a: {identity: none}\n"));
    put("b.yaml", SPAN("router: {history_count: 1, max_rooms: 2}\n"));
    put("c.yaml", SPAN("/c: {identity: none}\n/a: {identity: none, realm: r}\n"));
    put("sub/d.yaml", SPAN("public: {port: 1, path: /d/}\nsecure: {port: 8443, tls: {certificate: ../cert.pem, key: ../cert.pem}}\n"));
    if (!config_read(&c, path_of("t.yaml"), "/state", &errors)) FAIL("%s", buf_text(&errors));
    SAME(span_of(c.name), "mine");
    EQUAL(c.router.history_count, 1);
    EQUAL(c.router.max_rooms, 2);
    EQUAL(c.namespace_count, 2);
    SAME(span_of(c.namespaces[0].name), "/a");
    SAME(span_of(c.namespaces[0].realm), "r");
    EQUAL(c.listener_count, 2);
    EQUAL(c.listeners[0].port, 9000);
    SAME(span_of(c.listeners[0].path), "/d/");
    CHECK(strstr(c.listeners[1].tls.key, "/sub/../cert.pem"));
    config_fini(&c);

    put("b.yaml", SPAN("router: {history_count: 2}\nname: theirs\n"));      /* two includes that differ */
    CHECK(!config_read(&c, path_of("t.yaml"), "/state", &errors));
    CHECK(strstr(buf_text(&errors), "b.yaml:1:10: history_count: another included file says something else"));
    config_fini(&c);

    buf_clear(&errors);                             /* whole applications below a prefix, also one in another */
    put("t.yaml", SPAN("include: [{file: a.yaml, prefix: /m}, b.yaml]\nnamespaces: {/m/y: {realm: mine}}\nlisteners: {b: {port: 3}}\n"));
    put("a.yaml", SPAN("include: {file: c.yaml, prefix: /x}\nnamespaces: {/: {identity: none, realm: r}, /y: {identity: none}}\nlisteners: {a: {port: 1}}\n"));
    put("c.yaml", SPAN("namespaces: {/z: {identity: none}}\nlisteners: {c: {port: 2, prefix: /z}}\n"));
    put("b.yaml", SPAN("namespaces: {/: {identity: none}}\n"));
    if (!config_read(&c, path_of("t.yaml"), "/state", &errors)) FAIL("%s", buf_text(&errors));
    static const struct { const char *name, *realm; uint16_t prefix; } wanted[] = { { "/m/y", "mine", 2 }, { "/m", "r", 2 }, { "/m/x/z", "x", 6 }, { "/", "", 0 } };
    EQUAL(c.namespace_count, 4);
    for (size_t i = 0; i < 4; i++) {
        SAME(span_of(c.namespaces[i].name), wanted[i].name);
        EQUAL(c.namespaces[i].prefix_len, wanted[i].prefix);
        SAME(span_of(c.namespaces[i].realm), wanted[i].realm);
    }
    SAME(span_of(c.listeners[0].prefix), "");
    SAME(span_of(c.listeners[1].prefix), "/m");
    SAME(span_of(c.listeners[2].prefix), "/m/x/z");
    config_fini(&c);

    buf_clear(&errors);
    put("a.yaml", SPAN("include: b.yaml\n"));
    put("b.yaml", SPAN("include: a.yaml\n"));
    CHECK(!config_read(&c, path_of("t.yaml"), "/state", &errors));
    CHECK(strstr(buf_text(&errors), "b.yaml:1:1: include: ") && strstr(buf_text(&errors), "this file includes itself"));
    config_fini(&c);
    buf_fini(&errors);
}

TEST(yaml_environment)
{
    struct config c;
    struct buf errors = { 0 };
    put("t.yaml", SPAN(BASE));
    (void)setenv("CAUSEWAY_STATE", "/elsewhere", 1);
    (void)setenv("CAUSEWAY_INSTANCES_GATEWAY", "4", 1);
    (void)setenv("CAUSEWAY_LISTENERS_PUBLIC_PORT", "9000", 1);
    bool good = config_read(&c, path_of("t.yaml"), "/state", &errors);
    (void)unsetenv("CAUSEWAY_LISTENERS_PUBLIC_PORT");
    (void)setenv("CAUSEWAY_INSTANCES_GATEWAY", "many", 1);
    if (!good) FAIL("%s", buf_text(&errors));
    EQUAL(c.instances.gateway, 4);
    EQUAL(c.listeners[0].port, 9000);
    SAME(span_of(c.state_dir), "/state");
    config_fini(&c);

    (void)setenv("CAUSEWAY_INSTANCES_GATEWAYS", "1", 1);
    good = config_read(&c, path_of("t.yaml"), "/state", &errors);
    (void)unsetenv("CAUSEWAY_INSTANCES_GATEWAYS");
    (void)unsetenv("CAUSEWAY_INSTANCES_GATEWAY");
    CHECK(!good);
    CHECK(strstr(buf_text(&errors), "CAUSEWAY_INSTANCES_GATEWAY: instances.gateway: 'many' is not allowed"));
    CHECK(strstr(buf_text(&errors), "CAUSEWAY_INSTANCES_GATEWAYS: no key of the topology has this name; did you mean CAUSEWAY_INSTANCES_GATEWAY?"));
    config_fini(&c);
    buf_fini(&errors);
}

/* Bytes flipped, cut out and doubled: an answer, and nothing else, every time. */
TEST(yaml_survives_damaged_files)
{
    static const char *const files[] = { "topology/local.yaml", "topology/apps/chat.yaml" };
    struct buf whole = { 0 }, damaged = { 0 }, errors = { 0 };
    uint32_t random = 12345;
    unsigned refused = 0;
#define NEXT (random = random * 1664525u + 1013904223u, random >> 8)
    for (unsigned round = 0; round < 2000; round++) {
        struct config c;
        buf_clear(&whole);
        buf_clear(&damaged);
        buf_clear(&errors);
        slurp(&whole, files[round % 2]);
        buf_add(&damaged, buf_span(&whole));
        for (unsigned flips = 1 + NEXT % 4; flips; flips--) {
            size_t at = NEXT % damaged.len, n = NEXT % 40;
            switch (NEXT % 4) {
            case 0: damaged.ptr[at] = (char)(damaged.ptr[at] ^ (1 << NEXT % 8)); break;
            case 1: damaged.ptr[at] = (char)NEXT; break;
            case 2: damaged.ptr[at] = "{}[]:,&*!|>'\"#- \n\t?%@"[NEXT % 21]; break;
            default:
                if (n > damaged.len - at) n = damaged.len - at;
                memmove(damaged.ptr + at, damaged.ptr + at + n, damaged.len - at - n);
                damaged.len -= n;
            }
        }
        put("t.yaml", buf_span(&damaged));
        bool good = config_read(&c, path_of("t.yaml"), "/state", &errors);
        CHECK(good == (errors.len == 0));
        refused += !good;
        config_fini(&c);
    }
    CHECK(refused > 500);
    buf_fini(&whole);
    buf_fini(&damaged);
    buf_fini(&errors);
}

TEST(yaml_docs_end_with_what_the_tables_say)
{
    static const struct { const char *name; void (*document)(struct buf *out); } rows[] = {
        { "docs/TOPOLOGY.md", config_document }, { "docs/WIRE.md", msg_document }, { "docs/ZMQ-API.md", verbs_document } }, *r;
    EACH(r, rows) {
        struct buf file = { 0 }, text = { 0 };
        slurp(&file, r->name);
        r->document(&text);
        size_t before = file.len > text.len ? file.len - text.len : 0;
        bool same = span_same(span_skip(buf_span(&file), before), buf_span(&text));
        buf_fini(&file);
        buf_fini(&text);
        if (!same) FAIL("%s is not what its table says: run scripts/docs", r->name);
    }
}
