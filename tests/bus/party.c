#include "party.h"

#include <stdio.h>

static void on_numbered(struct party *n, uint64_t number)
{
    n->got++;
    if (number != n->last + 1) n->wrong++;
    n->last = number;
}

static void on_message(void *self, struct peer *peer, enum msg_type type, struct span fields, uint64_t number)
{
    struct party *n = self;
    struct msg_EMIT emit;
    struct msg_DELIVER deliver;
    (void)number;
    switch ((unsigned)type) {
    case MSG_EMIT:
        if (msg_decode_EMIT(&emit, fields) != OK) { n->wrong++; return; }
        on_numbered(n, emit.number);
        if (n->echo) bus_say(peer, EMITTED, &(struct msg_EMITTED){ .ref = emit.number });
        return;
    case MSG_DELIVER:
        if (msg_decode_DELIVER(&deliver, fields) != OK) { n->wrong++; return; }
        on_numbered(n, deliver.seq);
        if (n->echo) bus_say(peer, REACHED, &(struct msg_REACHED){ .ref = deliver.seq });
        return;
    case MSG_EMITTED: case MSG_REACHED:
        n->answers++;
        return;
    default:
        n->others++;
    }
}

static void on_peer(void *self, struct peer *peer, enum bus_event event)
{
    struct party *n = self;
    unsigned *const counts[] = { [BUS_UP] = &n->ups, [BUS_REBORN] = &n->reborns, [BUS_DOWN] = &n->downs, [BUS_GONE] = &n->gones };
    ++*counts[event];
    if (!n->take || (event != BUS_REBORN && event != BUS_GONE)) return;
    for (struct blob *b; (b = bus_take_unconfirmed(peer)); n->taken++) blob_drop(&b);
}

static void on_confirm(void *self, struct peer *peer, uint64_t up_to)
{
    struct party *n = self;
    (void)peer;
    n->confirmed = up_to;
}

static void on_view(void *self, enum view_change change)
{
    struct party *n = self;
    n->views++;
    n->change = change;
}

static void on_beat(void *self, struct peer *peer, const struct msg_BEAT *beat, const struct msg_MEMBER *member)
{
    struct party *n = self;
    (void)peer, (void)beat;
    n->beats += member->epoch != 0;
}

static void on_bye(void *self, struct peer *peer)
{
    struct party *n = self;
    (void)peer;
    n->byes++;
}

static const struct bus_handler handler = {
    .on_message = on_message, .on_peer = on_peer, .on_confirm = on_confirm, .on_view = on_view, .on_beat = on_beat, .on_bye = on_bye,
};

void party_open(struct party *n, struct service *svc, const char *dir, uint16_t port, enum role role, uint16_t number)
{
    (void)snprintf(n->dir, sizeof n->dir, "%s", dir);
    (void)snprintf(n->keys, sizeof n->keys, "%s/keys", dir);
    n->config.state_dir = n->dir;
    n->config.bus.transport = port ? CONFIG_TCP : CONFIG_IPC;
    static char loopback[] = "127.0.0.1";
    n->config.bus.address = loopback;
    n->config.bus.port = port;
    n->config.bus.roles_port = (uint16_t)(port ? port + 50 : 0);
    n->config.bus.curve = port != 0;
    n->config.bus.keys_dir = n->keys;
    n->config.bus.beat_ms = 50;
    n->config.bus.beat_timeout_ms = 400;
    n->config.bus.resend_ms = 100;
    n->config.bus.queue_bytes = 64u << 20;
    n->config.bus.max_frame_bytes = 16u << 20;
    if (!n->config.bus.high_water_count) n->config.bus.high_water_count = 1000;
    if (!n->config.instances.router) n->config.instances.router = 1;
    n->bus = bus_new(svc, &(struct bus_options){
        .role = role, .number = number, .config = &n->config, .handler = &handler, .self = n, .stats = &n->stats });
    if (!n->bus) return;
    if (!bus_listen(n->bus, NULL)) { bus_destroy(&n->bus); return; }
    bus_start(n->bus);
}

void party_close(struct party *n)
{
    if (!n->bus) return;
    bus_bye(n->bus);
    bus_destroy(&n->bus);
}

uint64_t party_say(struct peer *to, uint64_t number, size_t size)
{
    static const char filler[1 << 20];
    struct span body = span_from(filler, size < sizeof filler ? size : sizeof filler);
    if (peer_role(to) == ROLE_ROUTER) return bus_say(to, EMIT, (&(struct msg_EMIT){ .number = number, .body = body }));
    return bus_say(to, DELIVER, (&(struct msg_DELIVER){ .seq = number, .body = body }));
}
