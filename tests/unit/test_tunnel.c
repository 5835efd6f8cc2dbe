/* Two gates: the door, where a WebSocket comes to, and the owner of its session; between them what they say. */
#include "bed.h"
#include "outbox.h"
#include "t.h"

#include <stdlib.h>

enum { WINDOW = 4096, QUEUE = 16384 };

static const char topology[] =
    "{bus: {transport: tcp, tunnel_bytes: 4096}, listeners: {public: {queue_bytes: 16384}}, "
    "auth: {keys: [{kind: secret, file: '/s', algorithms: [HS256]}]}, namespaces: {/: {identity: none}}}";

struct pair { struct bed owner, door; };

static void carry(struct pair *p)
{
    while (bed_post(&p->door, &p->owner) | bed_post(&p->owner, &p->door)) { }
}

static void expect(struct bed *b, unsigned client, const char *want)
{
    struct buf got = { 0 };
    int opcode;
    if (!bed_next_frame(b, client, &opcode, &got)) FAIL("nothing came, want %s", want);
    SAME(buf_span(&got), want);
    buf_fini(&got);
}

static void skip_answer(struct bed *b, unsigned client, unsigned want, struct buf *body)
{
    struct buf head = { 0 };
    unsigned status = 0;
    CHECK(bed_next_answer(b, client, &status, &head, body));
    EQUAL(status, want);
    buf_fini(&head);
}

static void request(struct bed *b, unsigned client, const char *sid, const char *method, const char *body)
{
    struct buf text = { 0 }, got = { 0 };
    bed_open(b, client, 0, "10.0.0.1");
    buf_add_format(&text, "%s /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", method, sid, strlen(body), body);
    bed_bytes(b, client, buf_span(&text));
    skip_answer(b, client, 200, &got);
    bed_hang_up(b, client);
    buf_fini(&text), buf_fini(&got);
}

/* Client 0 of the door, upgraded, with a session of the owner that is connected to "/". */
static void pair_init(struct pair *p)
{
    struct buf open = { 0 }, text = { 0 }, body = { 0 };
    bed_init_as(&p->owner, topology, 0);
    bed_init_as(&p->door, topology, 1);
    bed_open(&p->owner, 0, 0, "10.0.0.1");
    bed_bytes(&p->owner, 0, SPAN("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n"));
    skip_answer(&p->owner, 0, 200, &open);
    struct span sid = span_head(span_skip(buf_span(&open), strlen("0{\"sid\":\"")), SID_LENGTH);
    buf_add(&text, sid);
    char *id = strdup(buf_text(&text));
    request(&p->owner, 1, id, "POST", "40");
    request(&p->owner, 1, id, "GET", "");
    buf_clear(&text);
    buf_add_format(&text, "GET /socket.io/?EIO=4&transport=websocket&sid=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", id);
    bed_open(&p->door, 0, 0, "10.0.0.1");
    bed_bytes(&p->door, 0, buf_span(&text));
    carry(p);
    skip_answer(&p->door, 0, 101, &body);
    bed_text(&p->door, 0, "2probe");
    carry(p);
    expect(&p->door, 0, "3probe");
    bed_text(&p->door, 0, "5");
    carry(p);
    EQUAL(p->owner.stats.sessions_upgraded, 1);
    EQUAL(p->owner.stats.tunnels_open, 1);
    EQUAL(p->door.stats.tunnels_open, 1);
    buf_fini(&open), buf_fini(&text), buf_fini(&body);
    free(id);
}

static void pair_fini(struct pair *p)
{
    for (unsigned i = 0; i < BED_CLIENTS; i++) bed_hang_up(&p->door, i);
    carry(p);
    EQUAL(p->owner.stats.tunnels_open, 0);
    EQUAL(p->owner.stats.sessions_open, 0);
    bed_fini(&p->door);
    bed_fini(&p->owner);
}

static void news(struct bed *b, unsigned n)
{
    struct buf to = { 0 }, args = { 0 };
    msg_add_str(&to, SPAN("*"));
    buf_add_format(&args, "[\"news\",%u,\"%0200u\"]", n, n);
    bed_deliver(b, &(struct msg_BODY){ .kind = BODY_EMIT, .nsp = SPAN("/"), .to = buf_span(&to), .args = buf_span(&args) });
    bed_turn(b);
    buf_fini(&to), buf_fini(&args);
}

static void expect_news(struct bed *b, unsigned n)
{
    struct buf want = { 0 };
    buf_add_format(&want, "42[\"news\",%u,\"%0200u\"]", n, n);
    expect(b, 0, buf_text(&want));
    buf_fini(&want);
}

TEST(tunnel_carries_more_than_its_window_both_ways)
{
    static struct pair p;
    pair_init(&p);
    struct buf text = { 0 };
    for (unsigned round = 0, n = 0; round < 20; round++) {
        unsigned first = n;
        for (; n < first + 60; n++) {
            news(&p.owner, n);
            buf_clear(&text);
            buf_add_format(&text, "42%u[\"x\"]", n);
            bed_text(&p.door, 0, buf_text(&text));
        }
        CHECK(p.owner.mail.len < WINDOW + 1024);
        carry(&p);
        unsigned acks = first, told = first;
        struct buf got = { 0 };
        for (int opcode; bed_next_frame(&p.door, 0, &opcode, &got); buf_clear(&got)) {     /* each of the two in its order */
            bool ack = span_has_prefix(buf_span(&got), SPAN("43"));
            buf_clear(&text);
            if (ack) buf_add_format(&text, "43%u[null]", acks++);
            else buf_add_format(&text, "42[\"news\",%u,\"%0200u\"]", told, told), told++;
            SAME(buf_span(&got), buf_text(&text));
        }
        EQUAL(acks, n);
        EQUAL(told, n);
        buf_fini(&got);
    }
    buf_fini(&text);
    EQUAL(p.owner.stats.packets_in, p.owner.stats.events_in + 1);   /* and its CONNECT */
    pair_fini(&p);
}

TEST(tunnel_of_a_slow_client_fills_its_owners_queue_only)
{
    static struct pair p;
    pair_init(&p);
    p.door.client[0].stuck = true;
    unsigned n = 0;
    for (; p.owner.stats.connections_slow == 0; n++) {
        CHECK(n < 1000);
        news(&p.owner, n);
        carry(&p);
        gate_measure(p.door.gate), gate_measure(p.owner.gate);
        CHECK(p.door.stats.queue_bytes <= WINDOW);
        CHECK(p.owner.stats.queue_bytes <= QUEUE);
    }
    CHECK(n * (200 + OUTBOX_FRAME_COST) > QUEUE);
    carry(&p);
    CHECK(p.door.client[0].closed);
    EQUAL(p.owner.stats.sessions_open, 0);
    EQUAL(p.door.stats.tunnels_open, 0);
    pair_fini(&p);
}

TEST(tunnel_of_a_client_that_reads_again_loses_nothing)
{
    static struct pair p;
    pair_init(&p);
    p.door.client[0].stuck = true;
    for (unsigned n = 0; n < 60; n++) news(&p.owner, n);
    carry(&p);
    gate_measure(p.owner.gate);
    CHECK(p.owner.stats.queue_bytes > 0);
    p.door.client[0].stuck = false;
    bed_writable(&p.door, 0);
    carry(&p);
    for (unsigned n = 0; n < 60; n++) expect_news(&p.door, n);
    pair_fini(&p);
}

TEST(tunnel_of_a_client_that_does_not_read_ends_with_a_drain)
{
    static struct pair p;
    pair_init(&p);
    p.door.client[0].stuck = true;
    for (unsigned n = 0; n < 60; n++) news(&p.owner, n);
    carry(&p);
    gate_drain(p.owner.gate, 0, p.owner.now);
    carry(&p);
    CHECK(!gate_drained(p.owner.gate));
    gate_end_stuck(p.owner.gate, p.owner.now);
    bed_turn(&p.owner);
    carry(&p);
    CHECK(gate_drained(p.owner.gate));
    CHECK(p.door.client[0].closed);
    pair_fini(&p);
}

TEST(tunnel_of_a_fast_client_is_not_read_from)
{
    static struct pair p;
    pair_init(&p);
    char event[700];
    unsigned sent = 0;
    memset(event, 'x', sizeof event);
    memcpy(event, "42[\"", 4), memcpy(event + sizeof event - 3, "\"]", 3);
    for (; !conn_deaf(p.door.client[0].conn); sent++) {     /* its owner does not take it */
        CHECK(p.door.mail.len < WINDOW);
        bed_text(&p.door, 0, event);
    }
    CHECK(p.door.mail.len < WINDOW + 2 * sizeof event);
    EQUAL(p.door.stats.tunnels_waited, 1);
    carry(&p);
    CHECK(!conn_deaf(p.door.client[0].conn));
    EQUAL(p.owner.stats.events_in, sent);
    pair_fini(&p);
}

TEST(tunnel_ends_with_either_gateway)
{
    static const char *const one[] = { "0", NULL };
    static const char *const without_door[] = { "router-0", "gateway-0", "presence-0", "auth-0", NULL };
    static const char *const without_owner[] = { "router-0", "gateway-1", "presence-0", "auth-0", NULL };
    static struct pair p;
    pair_init(&p);
    bed_roster(&p.owner, ROSTER_ACTIVE, one, without_door);
    EQUAL(p.owner.stats.sessions_open, 0);
    EQUAL(p.owner.stats.tunnels_open, 0);
    bed_roster(&p.door, ROSTER_ACTIVE, one, without_owner);
    CHECK(p.door.client[0].closed);
    EQUAL(p.door.stats.connections_open, 0);
    pair_fini(&p);
}
