/* What strangers and damaged frames can do to a bus: nothing, and it is counted. */
#include "world.h"

#include <czmq.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void *stranger(const char *route, struct party *to)
{
    void *socket = zmq_socket(zsys_init(), ZMQ_DEALER);
    int zero = 0;
    zmq_setsockopt(socket, ZMQ_ROUTING_ID, route, strlen(route));
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_connect(socket, bus_endpoint(to->bus));
    return socket;
}

static const struct garbage { const char *name, *route, *frame; size_t len; enum err why; } garbages[] = {
    { "nothing",            "gateway-7",   "", 0,                            ERR_TRUNC },
    { "text",               "gateway-7",   "GET / HTTP/1.1\r\n\r\n", 18,     ERR_TRUNC },
    { "no magic",           "gateway-7.x", "01234567890123456789012345678901234567890123456789", 50, ERR_SYNTAX },
    { "another version",    "gateway-7",   "\x43\x57\x63\x63\0\0\0\0" "1234567890123456789012345678901234567890", 48, ERR_VERSION },
    { "no daemon",          "browser-1",   "x", 1,                           ERR_SYNTAX },
    { "number too large",   "gateway-1024","x", 1,                           ERR_RANGE },
    { "comes by the wrong door", "router-0", "x", 1,                         ERR_AUTH },
};

TEST(bus_garbage_is_dropped_and_counted)
{
    pair();
    const struct garbage *r;
    EACH(r, garbages) {
        uint64_t before = w.a.stats.bus_refused[r->why];
        void *socket = stranger(r->route, &w.a);
        zmq_send(socket, r->frame, r->len, 0);
        until_ms(3000, w.a.stats.bus_refused[r->why] == before + 1);
        zmq_close(socket);
    }
    t_row = "several frames";
    void *socket = stranger("gateway-8", &w.a);
    zmq_send(socket, "a", 1, ZMQ_SNDMORE), zmq_send(socket, "b", 1, ZMQ_SNDMORE), zmq_send(socket, "c", 1, 0);
    uint64_t before = w.a.stats.bus_refused[ERR_SYNTAX];
    until_ms(3000, w.a.stats.bus_refused[ERR_SYNTAX] == before + 1);
    zmq_close(socket);
    CHECK(!up(gateway(&w.a, 7)) && !up(gateway(&w.a, 8)));
    party_say(router(&w.b, 0), 1, 10);
    until(w.a.got == 1);                  /* the others never noticed */
    EQUAL(w.b.stats.bus_disconnects, 0);
    end();
}

/* Frames that are well formed but for random bytes: whatever they mean, nothing breaks. */
TEST(bus_survives_mutated_frames)
{
    pair();
    void *socket = stranger("gateway-9", &w.a);
    struct link_limits limits = { .queue_bytes = 1 << 20, .frame_bytes = 65536, .resend_after_ms = 100 };
    struct link *link = link_new(77, &limits);
    struct buf message = { 0 };
    msg_encode_EMIT(&message, &(struct msg_EMIT){ .number = 1, .body = SPAN("body") });
    link_send(link, blob_new(buf_span(&message)));
    link_send_datagram(link, buf_span(&message));
    struct blob *frame = link_frame(link, 0);
    CHECK(frame);
    unsigned seed = 1;
    uint64_t before = w.a.stats.bus_frames_in, sent = 0;
    for (int i = 0; i < 5000; i++) {
        struct blob *copy = blob_new(blob_span(frame));
        for (int k = 0; k < 1 + i % 4; k++) copy->bytes[(unsigned)rand_r(&seed) % copy->len] = (char)rand_r(&seed);
        sent += zmq_send(socket, copy->bytes, (size_t)rand_r(&seed) % 3 ? copy->len : (unsigned)rand_r(&seed) % copy->len, 0) >= 0;
        blob_drop(&copy);
        if (i % 100 == 0) uv_run(service_loop(w.svc), UV_RUN_NOWAIT);
    }
    until(w.a.stats.bus_frames_in - before >= sent);
    CHECK(refused(&w.a) > 1000);
    zmq_close(socket);
    blob_drop(&frame), buf_fini(&message), link_destroy(&link);
    w.a.last = 0, w.a.wrong = 0;
    party_say(router(&w.b, 0), 1, 10);
    until(w.a.last == 1);
    end();
}

/* ZeroMQ never dials again after a handshake that broke: the bus does. */
TEST(bus_somebody_else_had_our_routers_endpoint)
{
    begin();
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/router-0.bus", w.dir);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    EQUAL(bind(listener, (const struct sockaddr *)&at, sizeof at), 0);
    EQUAL(listen(listener, 1), 0);
    party_open(&w.b, w.svc, w.dir, 0, ROLE_GATEWAY, 0);
    int fd = accept(listener, NULL, NULL);
    char greeting[64 + 7] = "\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL";
    memcpy(greeting + 64, "\x04\x05\x04" "WHAT", 7);           /* a command that is none */
    CHECK(write(fd, greeting, sizeof greeting) == sizeof greeting);
    until(w.b.stats.bus_handshakes_failed == 1);
    close(fd);
    close(listener);
    party_open(&w.a, w.svc, w.dir, 0, ROLE_ROUTER, 0);
    CHECK(w.a.bus);
    until(up(router(&w.b, 0)) && up(gateway(&w.a, 0)));
    end();
}

TEST(bus_an_endpoint_in_use_is_refused_and_a_stale_one_taken)
{
    begin();
    party_open(&w.a, w.svc, w.dir, 0, ROLE_ROUTER, 0);
    CHECK(w.a.bus);
    party_open(&w.b, w.svc, w.dir, 0, ROLE_ROUTER, 0);
    CHECK(!w.b.bus);
    struct sockaddr_un to = { .sun_family = AF_UNIX };          /* a file that nobody listens on */
    (void)snprintf(to.sun_path, sizeof to.sun_path, "%s/presence-0.bus", w.dir);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    EQUAL(bind(fd, (const struct sockaddr *)&to, sizeof to), 0);
    close(fd);
    party_open(&w.c, w.svc, w.dir, 0, ROLE_PRESENCE, 0);
    CHECK(w.c.bus);
    until(up(presence(&w.a, 0)));
    end();
}

TEST(bus_a_directory_open_to_others_is_refused)
{
    begin();
    EQUAL(chmod(w.dir, 0755), 0);
    party_open(&w.a, w.svc, w.dir, 0, ROLE_ROUTER, 0);
    CHECK(!w.a.bus);
    end();
}
