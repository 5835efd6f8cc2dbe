#include "config_table.h"
#include "msg.h"
#include "t.h"
#include "tree.h"

#include <stdlib.h>

/* Something valid around what a row changes. */
#define LISTENER "\"listeners\":{\"public\":{}}"
#define KEY      "\"auth\":{\"keys\":[{\"kind\":\"secret\",\"file\":\"/s\",\"algorithms\":[\"HS256\"]}]}"
#define NSP      "\"namespaces\":{\"/\":{}}"

static bool load(struct config *c, const char *json, struct buf *errors)
{
    *c = (struct config){ .state_dir = strdup("/state") };
    return config_load(c, tree_of(json), errors);
}

TEST(config_rows_fit_their_fields)
{
    static const size_t sizes[] = { [ROW_TEXT] = sizeof(char *), [ROW_CHOICE] = 4, [ROW_BOOL] = 1, [ROW_TEXTS] = sizeof(struct config_strings),
        [ROW_RULES] = sizeof(struct node *), [ROW_LIST] = sizeof(void *), [ROW_MAP] = sizeof(void *) };
    for (const struct config_row *r = config_rows; r < config_rows + config_row_count; r++) {
        t_row = r->key;
        if (r->kind == ROW_NUMBER) {
            CHECK(r->size == 2 || r->size == 4);
            CHECK(r->min <= r->max && r->max <= (r->size == 2 ? UINT16_MAX : UINT32_MAX));
            CHECK(r->unit != UNIT_PORT || r->size == 2);
        } else if (r->kind == ROW_GROUP) {
            CHECK(r->size == config_sections[r->sub].size);
        } else {
            CHECK(r->size == sizes[r->kind] || (r->kind == ROW_CHOICE && r->size == 1));
        }
        CHECK(r->help[0] && !strchr(r->help, '|'));     /* a cell of a table in Markdown */
        if (r->kind == ROW_NUMBER) {                    /* units are in the names */
            const char *end = strrchr(r->key, '_');
            EQUAL(r->unit == UNIT_BYTES, end && strcmp(end, "_bytes") == 0);
            EQUAL(r->unit == UNIT_MS, (end && strcmp(end, "_ms") == 0));
        }
        for (const struct config_row *o = config_rows; o < r; o++) CHECK(o->table != r->table || strcmp(o->key, r->key) != 0);
    }
}

TEST(config_defaults)
{
    struct config c;
    struct buf errors = { 0 };
    CHECK(load(&c, "{" LISTENER "," KEY "," NSP "}", &errors));
    SAME(buf_span(&errors), "");
    SAME(buf_span(&c.warnings), "");
    SAME(span_of(c.name), "causeway");
    EQUAL(c.instances.router, 1);
    EQUAL(c.bus.transport, CONFIG_IPC);
    SAME(span_of(c.bus.keys_dir), "/state/keys");
    EQUAL(c.router.history_ms, 120000);
    EQUAL(c.router.publish_pull.port, 5570);
    EQUAL(c.router.publish_sub.port, 5571);
    EQUAL(c.router.command.port, 5572);
    EQUAL(c.router.stats.port, 5575);
    EQUAL(c.router.port_step, 10);
    CHECK(c.router.command.on);
    SAME(span_of(c.router.command.verbs.at[0]), "*");
    EQUAL(c.listener_count, 1);
    const struct config_listener *l = c.listeners;
    SAME(span_of(l->name), "public");
    SAME(span_of(l->path), "/socket.io/");
    EQUAL(l->port, 8080);
    EQUAL(l->ping_interval_ms, 25000);
    EQUAL(l->ping_timeout_ms, 20000);
    EQUAL(l->max_message_bytes, 1000000);
    EQUAL(l->transports.count, 2);
    SAME(span_of(l->transports.at[1]), "websocket");
    EQUAL(l->origins.count, 0);
    SAME(span_of(l->tls.key), "");
    EQUAL(c.auth.keys[0].kind, CONFIG_KEY_SECRET);
    SAME(span_of(c.namespaces[0].user_claim), "sub");
    EQUAL(c.namespaces[0].token.count, 2);
    CHECK(!c.namespaces[0].events && !c.namespaces[0].acks_error_first);
    config_fini(&c);
    config_fini(&c);
    buf_fini(&errors);
}

TEST(config_takes_values)
{
    struct config c;
    struct buf errors = { 0 };
    CHECK(load(&c, "{\"name\":\"n\",\"instances\":{\"router\":3,\"gateway\":2},\"bus\":{\"transport\":\"tcp\",\"curve\":true},"
        "\"router\":{\"history_bytes\":\"128MiB\",\"command\":{\"port\":6000,\"verbs\":\"emit\",\"namespaces\":[\"/a\"]},\"stats\":{\"on\":false}},"
        "\"auth\":{\"keys\":[{\"kid\":1,\"kind\":\"jwks\",\"file\":\"{state}/k\",\"algorithms\":[\"ES256\",\"EdDSA\"]},"
                            "{\"kind\":\"pem\",\"file\":\"k.pem\",\"algorithms\":\"RS256\"}],\"audience\":\"a\",\"leeway_s\":\"2min\"},"
        "\"listeners\":{\"x\":{\"port\":1,\"port_step\":1,\"ping_interval_ms\":\"500ms\",\"tls\":{\"certificate\":\"c\",\"key\":\"k\"},\"origins\":[\"*\",\"https://a.b:1\"],"
            "\"trusted_proxies\":[\"10.0.0.0/8\",\"::1\"],\"files\":[{\"path\":\"/\",\"file\":\"/f\"}]},\"y\":null},"
        "\"namespaces\":{\"/a\":{\"acks\":\"error-first\",\"refuse\":\"event\",\"events\":{\"say\":{\"ack\":1}},\"require\":{\"status\":1}}}}", &errors));
    SAME(buf_span(&errors), "");
    EQUAL(c.instances.router, 3);
    EQUAL(c.bus.transport, CONFIG_TCP);
    CHECK(c.bus.curve && !c.router.stats.on && c.router.publish_sub.on);
    EQUAL(c.router.history_bytes, 128 << 20);
    EQUAL(c.router.command.port, 6000);
    EQUAL(c.router.command.verbs.count, 1);
    SAME(span_of(c.auth.keys[0].kid), "1");
    SAME(span_of(c.auth.keys[0].file), "/state/k");
    EQUAL(c.auth.keys[0].algorithms.count, 2);
    EQUAL(c.auth.leeway_s, 120);
    SAME(span_of(c.auth.audience.at[0]), "a");
    EQUAL(c.listener_count, 2);
    EQUAL(c.listeners[0].ping_interval_ms, 500);
    SAME(span_of(c.listeners[0].tls.key), "k");
    SAME(span_of(c.listeners[0].files[0].type), "text/html; charset=utf-8");
    EQUAL(c.listeners[1].port, 8080);
    CHECK(c.namespaces[0].acks_error_first && c.namespaces[0].refuse == CONFIG_REFUSE_EVENT);
    struct buf json = { 0 };
    node_json(&json, c.namespaces[0].events);
    SAME(buf_span(&json), "{\"say\":{\"ack\":1}}");
    buf_fini(&json);
    config_fini(&c);
    buf_fini(&errors);
}

TEST(config_files_stand_beside_their_file)
{
    static const struct { const char *name, *file, *want; unsigned line; } rows[] = {
        { "relative",       "tls/cert.pem",  "etc/top/tls/cert.pem", 1 },
        { "absolute",       "/a/cert.pem",   "/a/cert.pem",          1 },
        { "state",          "{state}/c.pem", "/state/c.pem",         1 },
        { "environment",    "c.pem",         "c.pem",                0 },
        { "state twice",    "{state}{state}","/state/state",         1 },
    }, *r;
    const struct config_row *row = config_next_row(CONFIG_FILE, config_next_row(CONFIG_FILE, NULL));
    SAME(span_of(row->key), "file");
    EACH(r, rows) {
        struct config c = { .state_dir = (char *)(uintptr_t)"/state" };
        struct buf errors = { 0 };
        struct node place = { .file = "etc/top/local.yaml", .line = r->line }, *n = node_text(NODE_STRING, &place, span_of(r->file));
        char *text = NULL;
        CHECK(config_value_set(&(struct config_target){ &c, &errors }, row, &text, n, "k"));
        SAME(span_of(text), r->want);
        free(text);
        node_destroy(&n);
    }
}

TEST(config_refuses)
{
    static const struct { const char *name, *json, *want; } rows[] = {
        { "a text", "\"x\"", "a topology is a map" },
        { "unknown key", "{\"routre\":{}}", "routre: there is no such key; did you mean 'router'?" },
        { "unknown key below", "{\"router\":{\"histroy_bytes\":1}}", "router.histroy_bytes: there is no such key; did you mean 'history_bytes'?" },
        { "unknown, nothing near", "{\"zzzzzzzzz\":1}", "zzzzzzzzz: there is no such key; docs/TOPOLOGY.md" },
        { "unknown in a listener", "{\"listeners\":{\"public\":{\"prot\":1}}}", "listeners.public.prot: there is no such key; did you mean 'port'?" },
        { "unknown in tls", "{\"listeners\":{\"public\":{\"tls\":{\"cert\":\"x\"}}}}", "listeners.public.tls.cert: there is no such key" },
        { "unknown in a plane", "{\"router\":{\"command\":{\"verb\":\"emit\"}}}", "router.command.verb: there is no such key; did you mean 'verbs'?" },
        { "section is no map", "{\"router\":5}", "t:1:11: router: it must be a map" },
        { "group is no map", "{\"router\":{\"command\":[]}}", "router.command: it must be a map" },
        { "listeners is no map", "{\"listeners\":[]}", "listeners: it must be a map of names" },
        { "listener is no map", "{\"listeners\":{\"a\":3}}", "listeners.a: it must be a map" },
        { "keys is no list", "{\"auth\":{\"keys\":{}}}", "auth.keys: it must be a list" },
        { "key is no map", "{\"auth\":{\"keys\":[1]}}", "auth.keys.0: it must be a map" },
        { "number too large", "{\"instances\":{\"router\":65}}", "t:1:24: instances.router: '65' is not allowed here; it must be a whole number from 1 to 64" },
        { "number is a word", "{\"instances\":{\"router\":\"two\"}}", "'two' is not allowed" },
        { "number is a list", "{\"instances\":{\"router\":[1]}}", "a list is not allowed" },
        { "number is negative", "{\"instances\":{\"router\":-1}}", "'-1' is not allowed" },
        { "number overflows", "{\"router\":{\"history_bytes\":\"99999999999999999999G\"}}", "it must be a size" },
        { "bytes with a wrong unit", "{\"router\":{\"history_bytes\":\"64s\"}}", "it must be a size (65536, 64k, 1M, 1MiB) from 0 to 4294967295" },
        { "duration with a wrong unit", "{\"router\":{\"history_ms\":\"5m\"}}", "it must be a duration" },
        { "count with a unit", "{\"router\":{\"max_rooms\":\"5k\"}}", "it must be a whole number" },
        { "ping timeout 0", "{\"listeners\":{\"a\":{\"ping_timeout_ms\":0}}}", "listeners.a.ping_timeout_ms: '0' is not allowed here; it must be a duration (25000, 25s, 500ms, 2min) from 1ms to 1h" },
        { "bool is yes", "{\"bus\":{\"curve\":\"yes\"}}", "bus.curve: 'yes' is not allowed here; it must be true or false" },
        { "choice", "{\"bus\":{\"transport\":\"udp\"}}", "it must be ipc or tcp" },
        { "text is a bool", "{\"name\":true}", "name: 'true' is not allowed here; it must be a text" },
        { "text is a map", "{\"name\":{}}", "name: a map is not allowed" },
        { "name", "{\"name\":\"a b\"}", "it must be letters" },
        { "log level", "{\"service\":{\"log_level\":\"loud\"}}", "it must be error, warn, info or debug" },
        { "address", "{\"listeners\":{\"a\":{\"address\":\"example.org\"}}}", "it must be an IPv4 or IPv6 address" },
        { "path", "{\"listeners\":{\"a\":{\"path\":\"/socket.io\"}}}", "it must be a path that begins and ends with '/'" },
        { "origin", "{\"listeners\":{\"a\":{\"origins\":[\"http://a/b\"]}}}", "it must be * or an origin" },
        { "proxy", "{\"listeners\":{\"a\":{\"trusted_proxies\":[\"10.0.0.0/33\"]}}}", "'10.0.0.0/33' is not allowed" },
        { "proxy with an empty network", "{\"listeners\":{\"a\":{\"trusted_proxies\":[\"10.0.0.0/\"]}}}", "'10.0.0.0/' is not allowed" },
        { "transport", "{\"listeners\":{\"a\":{\"transports\":[\"polling\",\"webtransport\"]}}}", "'webtransport' is not allowed here; it must be polling or websocket" },
        { "no transport", "{\"listeners\":{\"a\":{\"transports\":[]}}}", "listeners.a.transports: at least one" },
        { "list of lists", "{\"listeners\":{\"a\":{\"origins\":[[]]}}}", "a list is not allowed" },
        { "token", "{\"namespaces\":{\"/\":{\"token\":[\"header.x\"]}}}", "it must be bearer, auth.<key>" },
        { "redis", "{\"presence\":{\"redis\":\"redis://x\"}}", "it must be private, none, unix:<path>" },
        { "redis port", "{\"presence\":{\"redis\":\"tcp:localhost:0\"}}", "it must be private" },
        { "verb", "{\"router\":{\"command\":{\"verbs\":[\"shout\"]}}}", "'shout' is not allowed" },
        { "curve key", "{\"router\":{\"command\":{\"keys\":[\"short\"]}}}", "40 characters of Z85" },
        { "required", "{\"auth\":{\"keys\":[{}]}}", "auth.keys.0.file: a value is needed" },
        { "events are no map", "{\"namespaces\":{\"/\":{\"events\":[1]}}}", "namespaces./.events: a list is not allowed here; it must be a map" },

        { "no listener", "{}", "listeners: gateways need at least one listener" },
        { "listener name", "{\"listeners\":{\"a.b\":{}}}", "a listener's name is made of letters" },
        { "half a tls", "{\"listeners\":{\"a\":{\"tls\":{\"key\":\"x\"}}}}", "listeners.a.tls: 'certificate' and 'key' go together: 'certificate' is missing" },
        { "message beyond body", "{\"listeners\":{\"a\":{\"max_message_bytes\":\"3M\"}}}", "are more than router.max_body_bytes" },
        { "body beyond frame", "{\"router\":{\"max_body_bytes\":\"16M\"}}", "bus.max_frame_bytes: 16777216 bytes do not hold" },
        { "beats", "{\"bus\":{\"beat_ms\":\"5s\"}}", "bus.beat_timeout_ms: 2500 ms must be more than bus.beat_ms" },
        { "bus without curve", "{\"bus\":{\"transport\":\"tcp\",\"address\":\"10.0.0.1\"}}", "bus.address: 10.0.0.1 is not loopback: 'curve: true' is needed" },
        { "bus on all without curve", "{\"bus\":{\"transport\":\"tcp\",\"address\":\"::\"}}", "bus.address: :: is not loopback" },
        { "plane without keys", "{\"router\":{\"stats\":{\"address\":\"0.0.0.0\"}}}", "router.stats.address: 0.0.0.0 is not loopback: 'keys'" },
        { "dangling namespace", "{\"router\":{\"command\":{\"namespaces\":[\"/nope\"]}}}", "router.command.namespaces: there is no namespace '/nope'" },
        { "raw of a pattern", "{\"listeners\":{\"a\":{\"raw_namespace\":\"/a-1\"}},\"namespaces\":{\"/a-*\":{\"identity\":\"none\"}}}", "listeners.a.raw_namespace: there is no namespace '/a-1'" },
        { "too many wildcards", "{\"namespaces\":{\"/*#*#*#*#*\":{\"identity\":\"none\"}}}", "'/*#*#*#*#*': at most 256 bytes and 8 wildcards" },
        { "a parser of nothing", "{\"listeners\":{\"a\":{\"raw_namespace\":\"/\",\"parser\":\"msgpack\"}},\"namespaces\":{\"/\":{\"identity\":\"none\"}}}", "listeners.a.parser: with 'raw_namespace' there are no packets" },
        { "a parser for version 2", "{\"listeners\":{\"a\":{\"allow_eio3\":true,\"parser\":\"msgpack\"}}}", "listeners.a.parser: 'allow_eio3' lets Socket.IO 2 clients in" },
        { "raw without a namespace", "{\"listeners\":{\"a\":{\"raw_namespace\":\"/nope\"}}}", "listeners.a.raw_namespace: there is no namespace '/nope'" },
        { "prefix without /", "{\"listeners\":{\"a\":{\"prefix\":\"music\"}}}", "listeners.a.prefix: 'music' is not allowed here; it must be a namespace such as /music" },
        { "prefix with / behind", "{\"listeners\":{\"a\":{\"prefix\":\"/music/\"}}}", "listeners.a.prefix: '/music/' is not allowed" },
        { "prefix of nothing", "{\"listeners\":{\"a\":{\"prefix\":\"/music\"}},\"namespaces\":{\"/musical\":{\"identity\":\"none\"}}}", "listeners.a.prefix: there is no namespace '/music' and none below it" },
        { "raw elsewhere", "{\"listeners\":{\"a\":{\"prefix\":\"/m\",\"raw_namespace\":\"/raw\"}},\"namespaces\":{\"/raw\":{\"identity\":\"none\"},\"/m/x\":{\"identity\":\"none\"}}}", "listeners.a.raw_namespace: there is no namespace '/raw'" },
        { "namespace without /", "{\"namespaces\":{\"chat\":{}}}", "'chat': a namespace begins with '/'" },
        { "namespace with a comma", "{\"namespaces\":{\"/a,b\":{}}}", "a namespace begins with '/' and has no ','" },
        { "jwt without keys", "{\"namespaces\":{\"/\":{}}}", "namespaces./.identity: jwt needs a key" },
        { "jwt without auth", "{\"instances\":{\"auth\":0},\"namespaces\":{\"/\":{}}}", "jwt needs an auth daemon" },
        { "query without a name", "{\"namespaces\":{\"/\":{\"identity\":\"query\"}}}", "namespaces./.identity_query: it goes with" },
        { "claims without jwt", "{\"namespaces\":{\"/\":{\"identity\":\"none\",\"require\":{\"a\":1}}}}", "only a jwt has claims" },
        { "HS with pem", "{\"auth\":{\"keys\":[{\"kind\":\"pem\",\"file\":\"f\",\"algorithms\":[\"HS256\"]}]}}", "auth.keys.0.algorithms: HS256 is not for a key of kind pem" },
        { "RS with a secret", "{\"auth\":{\"keys\":[{\"kind\":\"secret\",\"file\":\"f\",\"algorithms\":[\"HS256\",\"RS256\"]}]}}", "RS256 is not for a key of kind secret" },
        { "algorithm none", "{\"auth\":{\"keys\":[{\"kind\":\"secret\",\"file\":\"f\",\"algorithms\":[\"none\"]}]}}", "'none' is not allowed here" },
        { "no algorithm", "{\"auth\":{\"keys\":[{\"kind\":\"secret\",\"file\":\"f\",\"algorithms\":[]}]}}", "auth.keys.0.algorithms: say what the key may be used for" },
        { "two keys of a kid", "{\"auth\":{\"keys\":[{\"kind\":\"pem\",\"file\":\"f\",\"algorithms\":[\"RS256\"]},{\"kind\":\"pem\",\"file\":\"g\",\"algorithms\":[\"RS256\"]}]}}", "key 1 has the kid of key 0, ''" },

        { "two listeners, one port", "{\"listeners\":{\"a\":{},\"b\":{}}}", "port 8080 is wanted twice: by listener b of gateway 0 and listener a of gateway 0" },
        { "steps meet", "{\"instances\":{\"gateway\":3},\"listeners\":{\"a\":{\"port_step\":1},\"b\":{\"port\":8082}}}", "port 8082 is wanted twice" },
        { "all addresses", "{\"listeners\":{\"a\":{\"address\":\"0.0.0.0\"},\"b\":{}}}", "port 8080 is wanted twice" },
        { "planes meet", "{\"router\":{\"command\":{\"port\":5570}}}", "port 5570 is wanted twice: by router.command of router 0 and router.publish_pull of router 0" },
        { "planes meet by step", "{\"instances\":{\"router\":2},\"router\":{\"port_step\":1}}", "port 5571 is wanted twice" },
        { "bus and listener", "{\"bus\":{\"transport\":\"tcp\"},\"listeners\":{\"a\":{\"port\":5500}}}", "port 5500 is wanted twice" },
        { "bus roles", "{\"bus\":{\"transport\":\"tcp\",\"roles_port\":5400}," LISTENER ",\"instances\":{\"gateway\":100,\"router\":1,\"presence\":1}}", "port 5500 is wanted twice: by the bus of presence 0 and the bus of router 0" },
        { "beyond the last port", "{\"instances\":{\"gateway\":3},\"listeners\":{\"a\":{\"port\":65534,\"port_step\":1}}}", "listener a of gateway 2 would need port 65536" },
    }, *r;
    EACH(r, rows) {
        struct config c;
        struct buf errors = { 0 };
        CHECK(!load(&c, r->json, &errors));
        if (!strstr(buf_text(&errors), r->want)) FAIL("no '%s' in:\n%s", r->want, buf_text(&errors));
        config_fini(&c);
        buf_fini(&errors);
    }
}

TEST(config_reports_all_errors_and_nothing_else)
{
    struct config c;
    struct buf errors = { 0 };
    CHECK(!load(&c, "{\"nam\":1,\"router\":{\"history_ms\":-1,\"comand\":{}},\"listeners\":{\"a\":{\"port\":0,\"tls\":5}}," KEY "," NSP "}", &errors));
    SAME(buf_span(&errors),
        "t:1:74: listeners.a.port: '0' is not allowed here; it must be a port from 1 to 65535\n"
        "t:1:82: listeners.a.tls: it must be a map of keys and values\n"
        "t:1:33: router.history_ms: '-1' is not allowed here; it must be a duration (25000, 25s, 500ms, 2min) from 0 to 24h\n"
        "t:1:8: nam: there is no such key; did you mean 'name'?\n"
        "t:1:45: router.comand: there is no such key; did you mean 'command'?\n");
    config_fini(&c);
    buf_fini(&errors);
}

TEST(config_allows_what_looks_alike)
{
    static const struct { const char *name, *json; } rows[] = {
        { "one port on two addresses", "{\"listeners\":{\"a\":{},\"b\":{\"address\":\"127.0.0.2\"}}," KEY "," NSP "}" },
        { "shared port",     "{\"instances\":{\"gateway\":4}," LISTENER "," KEY "," NSP "}" },
        { "no gateway",      "{\"instances\":{\"gateway\":0}}" },
        { "planes off",      "{\"router\":{\"command\":{\"on\":false,\"port\":5570}}," LISTENER "}" },
        { "planes on ipc",   "{\"router\":{\"command\":{\"port\":0},\"stats\":{\"port\":0,\"address\":\"0.0.0.0\"}}," LISTENER "}" },
        { "bus with curve",  "{\"bus\":{\"transport\":\"tcp\",\"address\":\"10.0.0.1\",\"curve\":true}," LISTENER "}" },
        { "loopback v6",     "{\"bus\":{\"transport\":\"tcp\",\"address\":\"::1\"}," LISTENER "}" },
        { "plane with keys", "{\"router\":{\"stats\":{\"address\":\"0.0.0.0\",\"keys\":[\"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"]}}," LISTENER "}" },
        { "64 routers",      "{\"instances\":{\"router\":64,\"gateway\":100,\"presence\":100,\"auth\":100},\"bus\":{\"transport\":\"tcp\"}," LISTENER "}" },
        { "two jwks",        "{\"auth\":{\"keys\":[{\"kind\":\"jwks\",\"file\":\"f\",\"algorithms\":[\"RS256\"]},{\"kind\":\"jwks\",\"file\":\"g\",\"algorithms\":[\"RS256\"]}]}," LISTENER "}" },
        { "empty text",      "{\"auth\":{\"issuer\":\"\"}," LISTENER "}" },
        { "empty sections",  "{\"router\":null,\"namespaces\":null," LISTENER "}" },
    }, *r;
    EACH(r, rows) {
        struct config c;
        struct buf errors = { 0 };
        if (!load(&c, r->json, &errors)) FAIL("%s", buf_text(&errors));
        config_fini(&c);
        buf_fini(&errors);
    }
}

TEST(config_warns_of_what_is_insecure)
{
    struct config c;
    struct buf errors = { 0 };
    CHECK(load(&c, "{\"listeners\":{\"a\":{\"origins\":\"*\",\"credentials\":true},\"b\":{\"path\":\"/b/\",\"origins\":\"http://a\",\"allow_eio3\":true}},\"namespaces\":{\"/t\":{\"identity\":\"token\"},"
                   "\"/q\":{\"identity\":\"query\",\"identity_query\":\"userId\"},\"/n\":{\"identity\":\"none\"}}}", &errors));
    const char *w = buf_text(&c.warnings);
    CHECK(strstr(w, "listeners.a.credentials: with origin '*'"));
    CHECK(strstr(w, "listeners.b.allow_eio3: pages of other origins with Socket.IO 2"));
    CHECK(strstr(w, "namespaces./t.identity: INSECURE"));
    CHECK(strstr(w, "namespaces./q.identity: INSECURE"));
    CHECK(!strstr(w, "/n"));
    config_fini(&c);
    CHECK(load(&c, "{\"listeners\":{\"a\":{}},\"instances\":{\"presence\":0},\"namespaces\":{\"/l\":{\"identity\":\"none\",\"recovery\":true,\"recovery_ms\":\"5min\"},"
                   "\"/s\":{\"identity\":\"none\",\"recovery\":false,\"recovery_ms\":\"5min\"}}}", &errors));
    w = buf_text(&c.warnings);
    CHECK(strstr(w, "namespaces./l.recovery: recovery_ms is longer than router.history_ms"));
    CHECK(strstr(w, "namespaces./l.recovery: nobody comes back without a presence daemon"));
    CHECK(!strstr(w, "/s"));
    config_fini(&c);
    buf_fini(&errors);
}

TEST(config_overrides_by_name)
{
    static const struct { const char *name, *value, *key, *want; } rows[] = {
        { "ROUTER_HISTORY_BYTES", "1M", "router.history_bytes", "\"1M\"" },
        { "INSTANCES_GATEWAY", "4", "instances.gateway", "4" },
        { "NAME", "true", "name", "\"true\"" },
        { "BUS_CURVE", "true", "bus.curve", "true" },
        { "ROUTER_COMMAND_VERBS", "emit, join", "router.command.verbs", "[\"emit\",\"join\"]" },
        { "ROUTER_COMMAND_KEYS", "", "router.command.keys", "[]" },
        { "LISTENERS_0_PORT", "9000", "listeners.my-own.port", "9000" },
        { "LISTENERS_MY_OWN_PORT", "9000", "listeners.my-own.port", "9000" },
        { "LISTENERS_MY_OWN_TLS_KEY", "k", "listeners.my-own.tls.key", "\"k\"" },
        { "AUTH_KEYS_0_FILE", "/other", "auth.keys.0.file", "\"/other\"" },
        { "NAMESPACES_0_USER_CLAIM", "id", "namespaces./.user_claim", "\"id\"" },
        { "AUTH_KEYS_1_FILE", "x", NULL, NULL },
        { "LISTENERS_OTHER_PORT", "1", NULL, NULL },
        { "LISTENERS", "x", NULL, NULL },
        { "ROUTER", "x", NULL, NULL },
        { "NAMESPACES_0_EVENTS", "x", NULL, NULL },
        { "name", "x", NULL, NULL },
        { "", "x", NULL, NULL },
    }, *r;
    EACH(r, rows) {
        struct node *tree = tree_of("{\"listeners\":{\"my-own\":{\"port\":8081}},\"instances\":{\"gateway\":2}," KEY "," NSP "}");
        struct buf errors = { 0 }, json = { 0 };
        EQUAL(config_override(tree, t_exact(span_of(r->name)), t_exact(span_of(r->value)), &errors), r->key != NULL);
        EQUAL(errors.len == 0, r->key != NULL);
        if (r->key) {
            struct node *n = config_find(tree, span_of(r->key));
            CHECK(n && n->line == 0);
            node_json(&json, n);
            SAME(buf_span(&json), r->want);
        }
        buf_fini(&json);
        buf_fini(&errors);
        node_destroy(&tree);
    }
}

TEST(config_override_that_is_wrong_names_its_variable)
{
    struct config c = { 0 };
    struct buf errors = { 0 };
    struct node *tree = tree_of("{" LISTENER "," KEY "," NSP "}");
    CHECK(config_override(tree, SPAN("INSTANCES_ROUTER"), SPAN("many"), &errors));
    CHECK(!config_override(tree, SPAN("ROUTER_HISTRY_BYTES"), SPAN("1"), &errors));
    CHECK(!config_load(&c, tree, &errors));
    SAME(buf_span(&errors), "CAUSEWAY_ROUTER_HISTRY_BYTES: no key of the topology has this name; did you mean CAUSEWAY_ROUTER_HISTORY_BYTES?\n"
        "CAUSEWAY_INSTANCES_ROUTER: instances.router: 'many' is not allowed here; it must be a whole number from 1 to 64\n");
    config_fini(&c);
    buf_fini(&errors);
}

TEST(config_endpoints)
{
    static const struct { const char *name, *json; unsigned role; uint16_t number; const char *want; } rows[] = {
        { "ipc router",   "{" LISTENER "}", ROLE_ROUTER, 0, "ipc:///state/router-0.bus" },
        { "ipc gateway",  "{" LISTENER "}", ROLE_GATEWAY, 7, "ipc:///state/gateway-7.bus" },
        { "tcp router",   "{" LISTENER ",\"bus\":{\"transport\":\"tcp\"}}", ROLE_ROUTER, 3, "tcp://127.0.0.1:5503" },
        { "tcp gateway",  "{" LISTENER ",\"bus\":{\"transport\":\"tcp\"}}", ROLE_GATEWAY, 1, "tcp://127.0.0.1:5201" },
        { "tcp presence", "{" LISTENER ",\"bus\":{\"transport\":\"tcp\"}}", ROLE_PRESENCE, 0, "tcp://127.0.0.1:5300" },
        { "tcp auth v6",  "{" LISTENER ",\"bus\":{\"transport\":\"tcp\",\"address\":\"::1\"}}", ROLE_AUTH, 2, "tcp://[::1]:5402" },
        { "command",      "{" LISTENER "}", ROLE_NONE, 2, "tcp://127.0.0.1:5592" },
        { "command ipc",  "{" LISTENER ",\"router\":{\"command\":{\"port\":0}}}", ROLE_NONE, 2, "ipc:///state/router-2.command" },
    }, *r;
    EACH(r, rows) {
        struct config c;
        struct buf errors = { 0 }, out = { 0 };
        if (!load(&c, r->json, &errors)) FAIL("%s", buf_text(&errors));
        if (r->role) config_bus_endpoint(&out, &c, r->role, r->number);
        else config_plane_endpoint(&out, &c, &c.router.command, "command", r->number);
        SAME(buf_span(&out), r->want);
        config_fini(&c);
        buf_fini(&out);
        buf_fini(&errors);
    }
}

TEST(config_refuses_a_state_directory_too_long_for_ipc)
{
    for (size_t n = 80; n <= 107; n++) {
        struct buf dir = { 0 }, errors = { 0 };
        while (dir.len < n) buf_add_byte(&dir, '/' + (dir.len > 0) * 50);
        struct config c = { .state_dir = strdup(buf_text(&dir)) };
        bool fits = n + strlen("/presence-0.bus") <= 107;
        EQUAL(config_load(&c, tree_of("{" LISTENER "}"), &errors), fits);
        CHECK(fits || strstr(buf_text(&errors), "at most 107 bytes"));
        config_fini(&c);
        buf_fini(&errors);
        buf_fini(&dir);
    }
}

TEST(config_numbers_print_and_parse)
{
    static const struct { const char *name; enum config_unit unit; const char *in; uint64_t n; const char *out; } rows[] = {
        { "bytes",  UNIT_BYTES, "65536", 65536, "64KiB" },   { "k",   UNIT_BYTES, "64k", 65536, "64KiB" },
        { "M",      UNIT_BYTES, "3M", 3 << 20, "3MiB" },     { "GiB", UNIT_BYTES, "2GiB", 2ull << 30, "2GiB" },
        { "odd",    UNIT_BYTES, "1000000", 1000000, "1000000" }, { "zero", UNIT_BYTES, "0", 0, "0" },
        { "s",      UNIT_MS, "25s", 25000, "25s" },          { "ms",  UNIT_MS, "1500ms", 1500, "1500ms" },
        { "plain",  UNIT_MS, "120000", 120000, "2min" },     { "h",   UNIT_MS, "1h", 3600000, "1h" },
        { "second", UNIT_SECONDS, "90", 90, "90s" },         { "count", UNIT_COUNT, "5", 5, "5" },
        { "saturates", UNIT_BYTES, "99999999999999999999", UINT64_MAX, NULL }, { "saturates too", UNIT_BYTES, "99999999999999G", UINT64_MAX, NULL },
    }, *r;
    EACH(r, rows) {
        uint64_t n;
        struct buf out = { 0 };
        CHECK(config_parse_number(r->unit, t_exact(span_of(r->in)), &n));
        CHECK(n == r->n);
        config_print_number(&out, r->unit, n);
        if (r->out) SAME(buf_span(&out), r->out);
        CHECK(config_parse_number(r->unit, buf_span(&out), &n) && n == r->n);
        buf_fini(&out);
    }
}

TEST(config_document_has_a_line_for_each_row)
{
    struct buf text = { 0 }, line = { 0 };
    config_document(&text);
    for (const struct config_row *r = config_rows; r < config_rows + config_row_count; r++) {
        t_row = r->key;
        const char *section = strstr(buf_text(&text), config_sections[r->table].heading);
        buf_clear(&line);
        buf_add_format(&line, "\n| `%s` | ", r->key);
        const char *found = section ? strstr(section, buf_text(&line)) : NULL;
        CHECK(found && strstr(found, r->help));
        const char *end = strchr(found + 1, '\n');
        unsigned bars = 0;
        for (const char *p = found; p < end; p++) bars += *p == '|';
        EQUAL(bars, 5);
    }
    buf_fini(&text);
    buf_fini(&line);
}

struct seen { size_t count; bool port, file; };

static void see(void *self, const struct config_row *row, const char *key, const void *field)
{
    struct seen *seen = self;
    seen->count++;
    seen->port |= strcmp(key, "listeners.public.port") == 0 && *(const uint16_t *)field == 8080;
    seen->file |= strcmp(key, "auth.keys.0.file") == 0 && row->form == FORM_FILE && strcmp(*(char *const *)field, "/s") == 0;
}

TEST(config_each_visits_every_value)
{
    struct config c;
    struct seen seen = { 0 };
    struct buf errors = { 0 };
    size_t want = 0;
    CHECK(load(&c, "{" LISTENER "," KEY "," NSP "}", &errors));
    config_each(&c, see, &seen);
    for (const struct config_row *r = config_rows; r < config_rows + config_row_count; r++)
        if (r->kind < ROW_GROUP && r->table != CONFIG_FILE) want += r->table == CONFIG_PLANE ? CONFIG_PLANES : 1;
    EQUAL(seen.count, want);
    CHECK(seen.port && seen.file);
    config_fini(&c);
    buf_fini(&errors);
}

TEST(config_prints_every_value)
{
    struct config c;
    struct buf errors = { 0 }, text = { 0 };
    CHECK(load(&c, "{\"instances\":{\"router\":2}," LISTENER "," KEY "," NSP "}", &errors));
    config_print(&text, &c);
    CHECK(strstr(buf_text(&text), "\ninstances:\n  router: 2\n  gateway: 1\n"));
    CHECK(strstr(buf_text(&text), "\nlisteners:\n  \"public\":\n    address: \"127.0.0.1\"\n    port: 8080\n"));
    CHECK(strstr(buf_text(&text), "\nauth:\n  keys:\n    -\n      kid: \"\"\n      file: \"/s\"\n      kind: secret\n      algorithms: [\"HS256\"]\n"));
    CHECK(strstr(buf_text(&text), "\n  history_bytes: 64MiB\n"));
    CHECK(strstr(buf_text(&text), "\n  command:\n    on: true\n"));
    config_fini(&c);
    buf_fini(&errors);
    buf_fini(&text);
}
