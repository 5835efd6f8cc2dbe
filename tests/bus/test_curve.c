/* The bus over tcp with CURVE. The ZAP handler is one for a process, so a second
 * daemon is a process of its own; strangers are sockets with keys of our choice. */
#include "curve_zmq.h"
#include "world.h"

#include <arpa/inet.h>
#include <czmq.h>
#include <signal.h>
#include <sys/stat.h>

static uint16_t port;           /* of router-0; the others' begin 50 above it */
static char port_text[8], pulled_from[32];

static bool is_free(uint16_t number)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool done = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0) close(fd);
    return done;
}

/* A stretch below those that the kernel gives to connections, so that nobody takes one of it by chance. */
static uint16_t free_port(void)
{
    uint16_t from = (uint16_t)(10000 + (unsigned)getpid() * 200 % 20000);
    for (unsigned i = 0; i < 100; i++) {
        uint16_t base = (uint16_t)(10000 + (from - 10000 + i * 200) % 20000);
        bool all = true;
        for (uint16_t k = 0; all && k < 200; k++) all = is_free((uint16_t)(base + k));
        if (all) return base;
    }
    return 0;
}

static void begin_with_keys(void)
{
    begin();
    struct config c = { .instances = { .router = 1, .gateway = 1 } };
    struct buf keys = { 0 }, error = { 0 };
    buf_add_format(&keys, "%s/keys", w.dir);
    CHECK(keys_init(buf_text(&keys), &c, &error));
    EQUAL(error.len, 0);
    buf_fini(&keys);
    port = free_port();
    (void)snprintf(port_text, sizeof port_text, "%u", port);
}

static const char *in_keys(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/keys/%s", w.dir, name);
    return path;
}

TEST(bus_curve_keys_are_private_bound_and_kept)
{
    begin_with_keys();
    struct stat s;
    EQUAL(stat(in_keys("gateway-0_secret"), &s), 0);
    EQUAL(s.st_mode & 0777, 0600);
    zcert_t *cert = zcert_load(in_keys("gateway-0"));
    CHECK(cert);
    SAME(span_of(zcert_meta(cert, "id")), "gateway-0");
    struct buf error = { 0 };
    char directory[128];
    (void)snprintf(directory, sizeof directory, "%s", in_keys(""));
    CHECK(keys_add(directory, ROLE_GATEWAY, 0, &error));        /* there already: nothing happens */
    zcert_t *again = zcert_load(in_keys("gateway-0"));
    CHECK(zcert_eq(cert, again));
    zcert_destroy(&cert);
    zcert_destroy(&again);
    EQUAL(chmod(directory, 0777), 0);
    CHECK(!keys_add(directory, ROLE_GATEWAY, 1, &error));
    CHECK(error.len > 0);
    buf_fini(&error);
    end();
}

TEST(bus_curve_messages_both_ways)
{
    begin_with_keys();
    pid_t pid = spawn_echo("router", "0", port_text);
    CHECK(pid);
    party_open(&w.b, w.svc, w.dir, port, ROLE_GATEWAY, 0);
    CHECK(w.b.bus);
    until(up(router(&w.b, 0)));
    for (uint64_t i = 1; i <= 1000; i++) party_say(router(&w.b, 0), i, 200);
    until(w.b.answers == 1000);
    EQUAL(refused(&w.b), 0);
    EQUAL(stop_echo(pid, SIGTERM), 0);
    end();
}

TEST(bus_curve_without_a_key_nothing_starts)
{
    begin_with_keys();
    EQUAL(spawn_echo("gateway", "1", port_text), 0);
    party_open(&w.b, w.svc, w.dir, port, ROLE_PRESENCE, 0);
    CHECK(!w.b.bus);
    end();
}

TEST(bus_curve_a_key_made_later_is_known)
{
    begin_with_keys();
    party_open(&w.a, w.svc, w.dir, port, ROLE_ROUTER, 0);
    CHECK(w.a.bus);
    struct buf error = { 0 };
    CHECK(keys_add(in_keys(""), ROLE_GATEWAY, 1, &error));
    pid_t pid = spawn_echo("gateway", "1", port_text);
    CHECK(pid);
    until(up(gateway(&w.a, 1)));
    EQUAL(stop_echo(pid, SIGTERM), 0);
    until(w.a.byes == 1);
    end();
}

/* ---- strangers */

static void *dial(const char *route, zcert_t *key, const char *server)
{
    void *socket = zmq_socket(zsys_init(), ZMQ_DEALER);
    int zero = 0;
    struct buf endpoint = { 0 };
    zmq_setsockopt(socket, ZMQ_ROUTING_ID, route, strlen(route));
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    if (key) {
        zcert_t *cert = zcert_load(in_keys(server));
        zcert_apply(key, socket);
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, zcert_public_key(cert), 32);
        zcert_destroy(&cert);
    }
    buf_add_format(&endpoint, "tcp://127.0.0.1:%u", port);
    zmq_connect(socket, buf_text(&endpoint));
    buf_fini(&endpoint);
    zmq_send(socket, "?", 1, 0);
    return socket;
}

TEST(bus_curve_a_key_speaks_for_its_daemon_only)
{
    begin_with_keys();
    party_open(&w.a, w.svc, w.dir, port, ROLE_ROUTER, 0);
    CHECK(w.a.bus);
    struct buf error = { 0 };
    CHECK(keys_add(in_keys(""), ROLE_GATEWAY, 1, &error));
    zcert_t *own = zcert_load(in_keys("gateway-1")), *unknown = zcert_new();
    CHECK(own && unknown);

    void *honest = dial("gateway-1", own, "router-0");          /* let in; what it says is no frame */
    until(w.a.stats.bus_refused[ERR_TRUNC] == 1);
    void *liar = dial("gateway-0", own, "router-0");            /* let in, but not as somebody else */
    until(w.a.stats.bus_refused[ERR_AUTH] == 1);
    uint64_t failed = w.a.stats.bus_handshakes_failed;
    void *stranger = dial("gateway-0", unknown, "router-0");
    until(curve_refused(bus_curve(w.a.bus)) > 0 && w.a.stats.bus_handshakes_failed > failed);
    failed = w.a.stats.bus_handshakes_failed;
    void *bare = dial("gateway-0", NULL, NULL);                 /* no CURVE at all */
    until(w.a.stats.bus_handshakes_failed > failed);
    EQUAL(refused(&w.a), 2);
    CHECK(!up(gateway(&w.a, 0)) && !up(gateway(&w.a, 1)));

    zmq_close(honest), zmq_close(liar), zmq_close(stranger), zmq_close(bare);
    zcert_destroy(&own);
    zcert_destroy(&unknown);
    end();
}

static unsigned on_pull(void *socket, unsigned budget)
{
    zmq_msg_t msg;
    (void)budget;
    zmq_msg_init(&msg);
    if (zmq_msg_recv(&msg, socket, ZMQ_DONTWAIT) == 5) (void)snprintf(pulled_from, sizeof pulled_from, "%s", zmq_msg_gets(&msg, "User-Id"));
    zmq_msg_close(&msg);
    return 0;
}

TEST(bus_curve_outside_planes_have_lists_of_their_own)
{
    begin_with_keys();
    struct curve *curve = curve_new(w.svc, in_keys(""), "router-0");
    CHECK(curve);
    CHECK(!curve_new(w.svc, in_keys(""), "router-0"));          /* a second ZAP handler: refused, never ignored */
    zcert_t *publisher = zcert_new();
    zsock_t *pull = zsock_new(ZMQ_PULL);
    curve_allow(curve, "publish", zcert_public_txt(publisher), "billing");
    curve_allow(curve, "publish", "too short", "nobody");
    CHECK(curve_serve(curve, zsock_resolve(pull), "publish"));
    CHECK(zsock_bind(pull, "tcp://127.0.0.1:%u", port) >= 0);
    void *push = zmq_socket(zsys_init(), ZMQ_PUSH);
    zcert_t *server = zcert_load(in_keys("router-0"));
    zcert_apply(publisher, push);
    zmq_setsockopt(push, ZMQ_CURVE_SERVERKEY, zcert_public_key(server), 32);
    struct buf endpoint = { 0 };
    buf_add_format(&endpoint, "tcp://127.0.0.1:%u", port);
    zmq_connect(push, buf_text(&endpoint));
    zmq_send(push, "hello", 5, 0);
    struct service_watch *watch = service_watch_zmq(w.svc, zsock_resolve(pull), on_pull, zsock_resolve(pull));
    until(pulled_from[0]);
    SAME(span_of(pulled_from), "billing");
    service_unwatch(&watch);
    zmq_close(push);
    zsock_destroy(&pull);
    curve_destroy(&curve);
    zcert_destroy(&publisher);
    zcert_destroy(&server);
    buf_fini(&endpoint);
    end();
}
