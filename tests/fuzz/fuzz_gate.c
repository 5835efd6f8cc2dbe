/* A stranger's bytes at the gateway's door, in pieces, with time passing between
 * them: HTTP, WebSocket, Engine.IO and Socket.IO behind one another. The first byte
 * of the input chooses: raw, or behind a WebSocket handshake. A byte 0xFE in the
 * input ends a piece; after it time passes. */
#include "gate.h"

#include <stdlib.h>
#include <string.h>

static uint64_t seed;
static void random_bytes(void *self, void *bytes, size_t n)
{
    unsigned char *at = bytes;
    (void)self;
    for (size_t i = 0; i < n; i++) at[i] = (unsigned char)((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 56);
}

static void drain(struct gate *g, struct conn **mine, struct gate_time now)
{
    char scratch[512];
    effects_clear(gate_effects(g));
    for (struct conn *c; (c = gate_next_dirty(g)); ) {
        for (size_t n; (n = conn_gather(c, scratch, sizeof scratch)); ) conn_wrote(c, n);
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
    gate_on_bytes(g, *c, copy, n, now);
    free(copy);
    drain(g, c, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *origins[] = { (char *)"http://a" };
    struct config_listener listeners[2] = { { .name = (char *)"fuzz", .address = (char *)"x", .path = (char *)"/socket.io/", .raw_namespace = (char *)"", .origins = { origins, 1 },
        .upgrades = true, .ping_interval_ms = 25000, .ping_timeout_ms = 20000, .connect_timeout_ms = 45000, .upgrade_timeout_ms = 10000,
        .max_message_bytes = 4096, .max_head_bytes = 4096, .max_headers_count = 50, .head_timeout_ms = 10000, .body_timeout_ms = 10000,
        .keep_alive_ms = 10000, .queue_bytes = 65536, .queue_age_ms = 10000, .max_namespaces_count = 4, .max_rooms_count = 4,
        .max_attachments_count = 10 } };
    listeners[1] = listeners[0], listeners[1].raw_namespace = (char *)"/";
    size_t at = size ? data[0] >> 1 & 1 : 0;
    struct config_namespace spaces[] = {
        { .name = (char *)"/", .realm = (char *)"", .identity = CONFIG_IDENTITY_NONE },
        { .name = (char *)"/t", .realm = (char *)"", .identity = CONFIG_IDENTITY_TOKEN },
    };
    struct config config = { .listeners = listeners, .listener_count = 2, .namespaces = spaces, .namespace_count = 2 };
    config.bus.queue_bytes = 1 << 20;
    struct gateway_stats stats = { 0 };
    struct gate_time now = { 1000, 1700000000000 };
    seed = 1;
    struct gate *g = gate_new(&(struct gate_setup){ .config = &config, .number = 0, .epoch = 1, .sid_key = (const uint8_t *)"0123456789abcdef",
        .random = random_bytes, .stats = &stats }, now);
    struct conn *c = gate_accept(g, at, SPAN("1.2.3.4"), NULL, now);
    static const char hello[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    if (size && data[0] & 1) feed(g, &c, hello, sizeof hello - 1, now);
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
        if (!c) c = gate_accept(g, at, SPAN("1.2.3.4"), NULL, now);
    }
    if (c) gate_on_closed(g, c, now);
    gate_drain(g, 0, now);
    struct conn *none = NULL;
    drain(g, &none, now);
    if (!gate_drained(g) || stats.sessions_open || stats.sockets_open || stats.connections_open) abort();
    gate_destroy(&g);
    return 0;
}
