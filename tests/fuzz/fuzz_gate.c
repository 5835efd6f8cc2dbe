/* A stranger's bytes at the gateway's door, in pieces, with time passing between
 * them: HTTP, WebSocket, Engine.IO and Socket.IO behind one another. The first byte
 * of the input chooses: raw, or behind a WebSocket handshake (1); the listener (2, 8); with permessage-deflate (4); of Engine.IO 3 (16).
 * A byte 0xFE in the input ends a piece; after it time passes. Twenty '$' in it stand for the newest session's id. */
#include "deflate_z.h"
#include "gate.h"
#include "node_flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTENER "origins: ['http://a'], max_message_bytes: 4096, max_head_bytes: 4096, max_headers_count: 50, queue_bytes: 64k, queue_age_ms: 10s, " \
    "body_timeout_ms: 10s, keep_alive_ms: 10s, max_namespaces_count: 4, max_rooms_count: 4, permessage_deflate: true"
static const char TOPOLOGY[] =
    "{listeners: {fuzz: {port: 1, allow_eio3: true, " LISTENER "}, raw: {port: 2, allow_eio3: true, raw_namespace: /, " LISTENER "}, z: {port: 3, parser: msgpack, " LISTENER "}}, compression: {threshold_bytes: 20}, "
    "bus: {queue_bytes: 1M}, auth: {keys: [{kind: secret, file: '/s', algorithms: [HS256]}]}, "
    "namespaces: {/: {identity: none}, /t: {identity: token, recovery: true}, '/p-*': {identity: none}, '/#/**': {identity: none}}, gateway: {max_namespaces_count: 3}}";

static uint64_t seed;
static void random_bytes(void *self, void *bytes, size_t n)
{
    unsigned char *at = bytes;
    (void)self;
    for (size_t i = 0; i < n; i++) at[i] = (unsigned char)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 56);
}

static char sid[20];

static void look_for_sid(const char *bytes, size_t n)
{
    static const char name[] = "\"sid\":\"";
    const char *at = memmem(bytes, n, name, sizeof name - 1), *end = bytes + n;
    if (at && (size_t)(end - at) >= sizeof name - 1 + sizeof sid) memcpy(sid, at + sizeof name - 1, sizeof sid);
}

static void put_sid(char *bytes, size_t n)
{
    for (char *at = bytes; (at = memmem(at, n - (size_t)(at - bytes), "$$$$$$$$$$$$$$$$$$$$", sizeof sid)); at += sizeof sid) memcpy(at, sid, sizeof sid);
}

static void drain(struct gate *g, struct conn **mine, struct gate_time now)
{
    char scratch[512];
    effects_clear(gate_effects(g));
    for (struct conn *c; (c = gate_next_dirty(g)); ) {
        for (size_t n; (n = conn_gather(c, scratch, sizeof scratch)); ) look_for_sid(scratch, n), conn_wrote(c, n);
        if (conn_fate(c) == CONN_OPEN) continue;
        if (c == *mine) *mine = NULL;
        gate_on_closed(g, c, now);
    }
    effects_clear(gate_effects(g));
}

static void feed(struct gate *g, struct conn **c, const void *bytes, size_t n, struct gate_time now)
{
    if (!*c || !n) return;
    char *copy = malloc(n);
    if (!copy) abort();
    memcpy(copy, bytes, n);
    put_sid(copy, n);
    gate_on_bytes(g, *c, copy, n, now);
    free(copy);
    drain(g, c, now);
}

/* Small limits, and everything that may be switched on. */
static void prepare(struct config *config)
{
    struct buf errors = { 0 };
    config->state_dir = strdup("/state");
    if (!config_load(config, node_flow(TOPOLOGY), &errors)) fputs(buf_text(&errors), stderr), abort();
    buf_fini(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config;
    static struct deflate *deflate;
    if (!deflate) deflate = deflate_new(1, 15), prepare(&config);
    size_t at = size ? data[0] & 8 ? 2 : data[0] >> 1 & 1 : 0;
    struct gateway_stats stats = { 0 };
    struct gate_time now = { 1000, 1700000000000 };
    seed = 1;
    struct gate *g = gate_new(&(struct gate_setup){ .config = &config, .number = 0, .epoch = 1, .sid_key = (const uint8_t *)"0123456789abcdef",
        .random = random_bytes, .compressor = deflate_compressor(deflate), .stats = &stats }, now);
    struct conn *c = gate_accept(g, at, SPAN("1.2.3.4"), g, now);
    memset(sid, '$', sizeof sid);
    static const char hello[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", offer[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    char request[sizeof hello];
    memcpy(request, hello, sizeof hello);
    if (size && data[0] & 16) *strchr(request, '4') = '3';
    if (size && data[0] & 1) feed(g, &c, request, sizeof hello - 1, now);
    if (size && (data[0] & 5) == 5) feed(g, &c, offer, sizeof offer - 1, now);
    if (size && data[0] & 1) feed(g, &c, "\r\n", 2, now);
    while (size > 1) {
        size--, data++;
        size_t n = 0;
        while (n < size && data[n] != 0xfe) n++;
        feed(g, &c, data, n, now);
        data += n, size -= n;
        if (size == 0) break;
        now.mono += 3000, now.wall += 3000;
        gate_on_time(g, now);
        drain(g, &c, now);
        if (!c) c = gate_accept(g, at, SPAN("1.2.3.4"), g, now);
    }
    if (c) gate_on_closed(g, c, now);
    gate_drain(g, 0, now);
    struct conn *none = NULL;
    drain(g, &none, now);
    if (!gate_drained(g) || stats.sessions_open || stats.sockets_open || stats.connections_open) abort();
    gate_destroy(&g);
    return 0;
}
