/* Two gates and their clients do anything in any order, while the bus answers late and the gates lose sight of one
 * another. Asked is that nothing breaks (expectations, sanitizers), that clients who fall silent are gone in the end, that
 * a gate can leave at any moment, and that every gauge returns to 0 (bed_fini). */
#include "bed.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 12, SIDS = 24, STEPS = 1500, SEEDS = 12 };

static const char topology[] =
    "{bus: {transport: tcp, tunnel_bytes: 4096}, listeners: {"
    "public: {allow_eio3: true, permessage_deflate: true, queue_bytes: 16384, max_message_bytes: 4000, keep_alive_ms: 20s, max_head_bytes: 2k}, "
    "packed: {path: /packed/, parser: msgpack, max_message_bytes: 4000}, raw: {path: /raw/, raw_namespace: /raw, max_message_bytes: 4000}}, "
    "compression: {threshold_bytes: 40}, gateway: {input_bytes: 64k}, auth: {keys: [{kind: secret, file: '/s', algorithms: [HS256]}]}, namespaces: {"
    "/: {identity: none, connect: {join: all}, events: {say: {emit: {to: 'room:all', event: said, args: ['{args}']}, ack: '{args.0}'}}}, "
    "/chat: {recovery: true, events: {say: {join: '{args.0}', reply: {event: said, args: ['{args}']}, ack: 1}}}, '/p-*': {identity: none}, "
    "/raw: {identity: none, events: {message: {emit: {to: '*', event: message, args: ['{args}']}}}}}}";

struct chaos {
    struct bed bed[2];
    uint64_t   seed;
    char       sids[SIDS][SID_LENGTH];
    unsigned   sid_count;
    struct client {
        unsigned sid;           /* of which its request was, from 1 */
        bool     waits;         /* for an answer */
        bool     websocket;
        unsigned frames;        /* it has sent */
    } client[2][CLIENTS];
};

static unsigned any(struct chaos *c, unsigned n)
{
    c->seed = c->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(c->seed >> 33) % n;
}

#define ANY(c, list) (list)[any((c), sizeof (list) / sizeof (list)[0])]

/* Ids of sessions that stand in answers; and which clients are WebSockets by now. */
static void look(struct chaos *c, unsigned b, unsigned i)
{
    static const char greeting[] = "0{\"sid\":\"";
    struct bed_client *client = &c->bed[b].client[i];
    struct span in = buf_span(&client->in);
    const char *at = in.len ? memmem(in.ptr, in.len, greeting, sizeof greeting - 1) : NULL;
    if (at && in.len - (size_t)(at - in.ptr) >= sizeof greeting - 1 + SID_LENGTH)
        memcpy(c->sids[c->sid_count++ % SIDS], at + sizeof greeting - 1, SID_LENGTH);
    if (in.len && memmem(in.ptr, in.len, "HTTP/1.1 101 ", 13)) c->client[b][i].websocket = true;
    if (in.len || !client->conn) c->client[b][i].waits = false;
    buf_clear(&client->in);
}

static void bytes(struct chaos *c, unsigned b, unsigned i, struct span s)
{
    size_t first = any(c, 6) ? s.len : any(c, (unsigned)s.len + 1);
    bed_bytes(&c->bed[b], i, span_head(s, first));
    if (first < s.len && any(c, 6)) bed_bytes(&c->bed[b], i, span_skip(s, first));
    look(c, b, i);
}

static bool is_polled(const struct chaos *c, unsigned sid)
{
    for (unsigned b = 0; b < 2; b++)
        for (unsigned i = 0; i < CLIENTS; i++)
            if (c->client[b][i].sid == sid && c->client[b][i].waits) return true;
    return false;
}

/* From 1; 0: none. */
static unsigned pick_sid(struct chaos *c)
{
    unsigned known = c->sid_count < SIDS ? c->sid_count : SIDS;
    if (!known || any(c, 8) == 0) return 0;
    return 1 + (any(c, 4) ? (c->sid_count - 1 - any(c, known < 4 ? known : 4)) % SIDS : any(c, known));
}

static void add_request(struct chaos *c, struct buf *out, const char *method, const char *more, const char *body, unsigned sid)
{
    static const char *const paths[] = { "/socket.io/", "/socket.io/", "/socket.io/", "/packed/", "/raw/" };
    static const char *const versions[] = { "EIO=4", "EIO=4", "EIO=4", "EIO=3", "EIO=3&b64=1", "EIO=4&j=7" };
    bool upgrade = strcmp(more, "upgrade") == 0;
    buf_add_format(out, "%s %s?%s&transport=%s", method, ANY(c, paths), ANY(c, versions), upgrade && any(c, 20) ? "websocket" : "polling");
    if (sid) buf_add_format(out, "&sid=%.*s", SID_LENGTH, c->sids[sid - 1]);
    buf_add_literal(out, " HTTP/1.1\r\nHost: x\r\n");
    if (upgrade) buf_add_literal(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    if (upgrade && any(c, 4) == 0) buf_add_literal(out, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    if (any(c, 10) == 0) buf_add_literal(out, "Accept-Encoding: gzip\r\n");
    if (any(c, 30) == 0) buf_add_literal(out, "Expect: 100-continue\r\n");
    if (any(c, 10) == 0 && *body) buf_add_format(out, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n", strlen(body), body);
    else if (*body) buf_add_format(out, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    else buf_add_literal(out, "\r\n");
}

static const char *const good[] = { "40", "40/chat,{\"token\":\"1\"}", "40/p-1,", "42[\"say\",\"x\"]", "420[\"say\",1]", "6", "3", "430[1]" };
static const char *const packets[] = {
    "40", "40", "40/chat,{\"token\":\"1\"}", "40/chat,{\"token\":\"1\",\"pid\":\"0123456789012345678901\",\"offset\":\"0:64:1\"}", "40/p-1,", "41", "41/chat,",
    "42[\"say\",\"x\"]", "420[\"say\",1]", "42/chat,1[\"say\",\"room\"]", "451-[\"say\",{\"_placeholder\":true,\"num\":0}]", "bAQID", "b4AQID", "430[1]", "43/chat,0[]",
    "2", "3", "2probe", "5", "6", "1", "42[\"say\"", "nonsense", "4" };

static const char *packet(struct chaos *c)
{
    return any(c, 12) ? ANY(c, good) : ANY(c, packets);
}

static void request(struct chaos *c, unsigned b, unsigned i)
{
    struct buf out = { 0 }, body = { 0 };
    static const char *const methods[] = { "HEAD", "OPTIONS", "PUT" };
    unsigned sid = pick_sid(c);
    bool v3 = any(c, 4) == 0;
    if (!sid || (any(c, 3) == 0 && !is_polled(c, sid))) {
        add_request(c, &out, "GET", any(c, 6) ? "" : "upgrade", any(c, 20) ? "" : "body", sid);
        c->client[b][i].sid = sid, c->client[b][i].waits = sid > 0;
    } else if (any(c, 3) == 0) {
        add_request(c, &out, "GET", "upgrade", "", sid);
    } else if (any(c, 30) == 0) {
        add_request(c, &out, ANY(c, methods), "", any(c, 5) ? "" : "body", sid);
    } else {
        for (unsigned n = 1 + any(c, 3); n; n--) {
            const char *one = packet(c);
            if (v3) buf_add_format(&body, "%zu:%s", strlen(one), one);
            else buf_add_format(&body, "%s%s", body.len ? "\x1e" : "", one);
        }
        if (any(c, 40) == 0) while (body.len < 5000) buf_add_byte(&body, '4');
        add_request(c, &out, "POST", "", buf_text(&body), sid);
    }
    bytes(c, b, i, buf_span(&out));
    buf_fini(&out), buf_fini(&body);
}

static void frame(struct chaos *c, unsigned b, unsigned i)
{
    static const char connect[] = "\x83\xa4type\x00\xa3nsp\xa1/\xa4""data\x80", say[] = "\x83\xa4type\x02\xa3nsp\xa1/\xa4""data\x92\xa3say\xc4\x01x";
    struct bed *bed = &c->bed[b];
    unsigned before = c->client[b][i].frames++;
    if (before < 2 && any(c, 6)) bed_text(bed, i, before ? "5" : "2probe");
    else switch (any(c, 40)) {
    case 0:  bed_frame(bed, i, 0x88, any(c, 2) ? SPAN("") : SPAN("\x03\xe8")); break;
    case 1:  bed_frame(bed, i, 0x89, SPAN("ping")); break;
    case 2:  bed_frame(bed, i, 0x82, span_from(connect, sizeof connect - 1)); break;
    case 3:  bed_frame(bed, i, 0x82, any(c, 4) ? span_from(say, sizeof say - 1) : SPAN("\1\2\3")); break;
    case 4:  bed_frame(bed, i, any(c, 2) ? 0x01 : 0x80, SPAN("42[\"sa")); break;
    default: bed_text(bed, i, packet(c)); break;
    }
    look(c, b, i);
}

static void deliver(struct chaos *c, unsigned b)
{
    static const char *const spaces[] = { "/", "/chat", "/p-1", "/raw" };
    struct buf to = { 0 }, body = { 0 }, message = { 0 };
    struct bed *bed = &c->bed[b];
    msg_add_str(&to, any(c, 3) ? SPAN("*") : SPAN("room:all"));
    bool acks = any(c, 4) == 0;
    unsigned kind = any(c, 12);
    msg_encode_BODY(&body, &(struct msg_BODY){ .kind = (uint8_t)(kind < 9 ? BODY_EMIT : kind == 9 ? BODY_DISCONNECT : kind == 10 ? BODY_JOIN : BODY_LEAVE),
        .flags = (uint8_t)(acks ? BODY_ACK : any(c, 4) ? 0 : kind == 9 ? BODY_CLOSE : BODY_VOLATILE), .ack_timeout = 2000,
        .nsp = span_of(ANY(c, spaces)), .to = buf_span(&to), .args = kind < 9 ? SPAN("[\"message\",\"0123456789012345678901234567890123456789\"]") : SPAN("there"), .time = bed->now.wall });
    msg_encode_DELIVER(&message, &(struct msg_DELIVER){ .seq = bed->seq + 1, .prev = bed->seq, .ref = acks, .body = buf_span(&body) });
    bed->seq++;
    bed_say(bed, ROLE_ROUTER, 0, MSG_DELIVER, &message);
    bed_turn(bed);
    buf_fini(&to), buf_fini(&body);
}

static void forget_each_other(struct chaos *c, bool gone)
{
    static const char *const owners[] = { "0", NULL };
    static const char *const both[] = { "router-0", "gateway-0", "gateway-1", "presence-0", "auth-0", NULL };
    static const char *const alone[2][5] = { { "router-0", "gateway-0", "presence-0", "auth-0", NULL }, { "router-0", "gateway-1", "presence-0", "auth-0", NULL } };
    for (unsigned b = 0; b < 2; b++) buf_fini(&c->bed[b].mail);
    for (unsigned b = 0; b < 2; b++) {
        if (gone) bed_roster(&c->bed[b], ROSTER_ACTIVE, owners, alone[b]);
        else gate_on_reborn(c->bed[b].gate, ROLE_GATEWAY, (uint16_t)(1 - b), c->bed[b].epoch, c->bed[b].now);
    }
    for (unsigned b = 0; b < 2; b++) {
        buf_fini(&c->bed[b].mail);
        if (gone) bed_roster(&c->bed[b], ROSTER_ACTIVE, owners, both);
        else bed_turn(&c->bed[b]);
    }
}

static void step(struct chaos *c)
{
    unsigned b = any(c, 2), i = any(c, CLIENTS);
    struct bed *bed = &c->bed[b];
    struct bed_client *client = &bed->client[i];
    unsigned what = any(c, 100);
    if (what < 70) {
        if (!client->conn) {
            c->client[b][i] = (struct client){ 0 };
            bed_open(bed, i, 0, "10.1.2.3");
        }
        if (c->client[b][i].websocket) frame(c, b, i);
        else request(c, b, i);
    } else if (what < 74) {
        bed_hang_up(bed, i);
    } else if (what < 80) {
        deliver(c, b);
    } else if (what < 83) {
        client->stuck = !client->stuck;
        if (client->conn && !client->stuck) bed_writable(bed, i), look(c, b, i);
    } else if (what < 86) {
        static const unsigned times[] = { 1, 20, 100, 1000, 11000, 25000 };
        unsigned ms = ANY(c, times);
        for (b = 0; b < 2; b++) bed_pass(&c->bed[b], ms);
    } else if (what < 88) {
        bed->by_hand = !bed->by_hand;
        if (!bed->by_hand) bed_confirm(bed, 0), bed_turn(bed);
    } else if (what == 88 && any(c, 5) == 0) {
        forget_each_other(c, any(c, 2));
    } else {
        bed_post(bed, &c->bed[1 - b]);
    }
    for (b = 0; b < 2; b++) buf_clear(&c->bed[b].said);
    for (b = 0; b < 2; b++) for (i = 0; i < CLIENTS; i++) look(c, b, i);
}

static void carry(struct chaos *c)
{
    while (bed_post(&c->bed[0], &c->bed[1]) | bed_post(&c->bed[1], &c->bed[0])) { }
}

/* Clients that say nothing any more, and perhaps read nothing: each state has an end of its own. */
static void fall_silent(struct chaos *c)
{
    for (unsigned b = 0; b < 2; b++) c->bed[b].by_hand = false, bed_confirm(&c->bed[b], 0), bed_turn(&c->bed[b]);
    for (unsigned s = 0; s < 300; s++) {
        for (unsigned b = 0; b < 2; b++) bed_pass(&c->bed[b], 1000);
        carry(c);
    }
    for (unsigned b = 0; b < 2; b++) {
        EQUAL(c->bed[b].stats.sessions_open, 0);
        EQUAL(c->bed[b].stats.connections_open, 0);
    }
}

static void leave(struct chaos *c)
{
    struct bed *bed = &c->bed[0];
    gate_drain(bed->gate, 1000, bed->now);
    bed_turn(bed);
    for (unsigned s = 0; s < 300 && !gate_drained(bed->gate); s++) {
        for (unsigned b = 0; b < 2; b++) bed_pass(&c->bed[b], 100);
        carry(c);
    }
    CHECK(gate_drained(bed->gate));
}

static void run(uint64_t seed, unsigned steps)
{
    static struct chaos chaos;
    struct chaos *c = &chaos;
    *c = (struct chaos){ .seed = seed };
    for (unsigned b = 0; b < 2; b++) bed_init_as(&c->bed[b], topology, (uint16_t)b), c->bed[b].hand = ERR_GONE;
    while (steps--) step(c);
    if (seed % 4 == 1) leave(c);
    if (seed % 2 == 0) fall_silent(c);
    for (unsigned b = 0; b < 2; b++) for (unsigned i = 0; i < CLIENTS; i++) bed_hang_up(&c->bed[b], i);
    carry(c);
    for (unsigned b = 0; b < 2; b++) bed_fini(&c->bed[b]);
}

/* CHAOS_SEEDS=1000: that many, each another afternoon. */
TEST(chaos_of_two_gates_ends_with_nothing)
{
    const char *more = getenv("CHAOS_SEEDS");
    uint64_t count = more ? strtoull(more, NULL, 10) : SEEDS;
    char place[32];
    t_row = place;
    for (uint64_t seed = 0; seed < count; seed++) {
        snprintf(place, sizeof place, "seed %llu", (unsigned long long)seed);
        run(seed, STEPS);
    }
}
