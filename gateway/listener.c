/* listener - the configuration's listeners, made ready: ranges parsed, limits at hand, files. */
#include "gate_state.h"

#include "json.h"
#include "namespace.h"
#include "sha1.h"

#include <stdlib.h>

static bool lists(const struct config_strings *strings, const char *text)
{
    for (size_t i = 0; i < strings->count; i++)
        if (strcmp(strings->at[i], text) == 0) return true;
    return strings->count == 0;     /* nothing said: all */
}

/* What a reload may change. */
static void ready(struct listener *l)
{
    const struct config_listener *c = l->config;
    free(l->trusted);
    l->trusted = calloc(c->trusted_proxies.count + 1, sizeof *l->trusted);
    NEED(l->trusted);
    l->trusted_count = 0;
    for (size_t i = 0; i < c->trusted_proxies.count; i++)
        if (cidr_decode(&l->trusted[l->trusted_count], span_of(c->trusted_proxies.at[i])) == OK) l->trusted_count++;
    l->queue = (struct outbox_limits){ c->queue_bytes, c->queue_age_ms };
}

static void init(struct gate *g, struct listener *l, const struct config_listener *c)
{
    l->config = c;
    l->port = l;
    for (struct listener *i = g->listeners; i < l && l->port == l; i++)
        if (i->config->port == c->port && strcmp(i->config->address, c->address) == 0) l->port = i->port;
    size_t n = strlen(c->path);
    l->path_text = malloc(n + 2);
    NEED(l->path_text);
    memcpy(l->path_text, c->path, n);
    if (n == 0 || c->path[n - 1] != '/') l->path_text[n++] = '/';
    l->path = (struct span){ l->path_text, n };
    l->polling = lists(&c->transports, "polling");
    l->websocket = lists(&c->transports, "websocket");
    l->upgrades = c->upgrades && l->websocket;
    l->deflate = c->permessage_deflate && g->compression.by;
    l->http = (struct http1_limits){ c->max_head_bytes, c->max_headers_count, c->max_message_bytes };
    l->ws = (struct ws_limits){ c->max_message_bytes, false };
    if (c->raw_namespace[0]) {
        buf_clear(&g->key);
        namespace_meant(&g->key, span_of(c->prefix), span_of(c->raw_namespace));
        l->raw = gate_space(g, buf_span(&g->key));
    }
    ready(l);
    throttle_init(&l->handshakes, (struct siphash_key[]){ gate_seed(g), gate_seed(g) });
}

void listeners_init(struct gate *g)
{
    g->listener_count = g->config->listener_count;
    g->listeners = calloc(g->listener_count + 1, sizeof *g->listeners);
    NEED(g->listeners);
    for (size_t i = 0; i < g->listener_count; i++) init(g, &g->listeners[i], &g->config->listeners[i]);
}

void listeners_reload(struct gate *g)
{
    for (size_t i = 0; i < g->listener_count; i++) ready(&g->listeners[i]);
}

void listeners_fini(struct gate *g)
{
    for (size_t i = 0; i < g->listener_count; i++) {
        struct listener *l = &g->listeners[i];
        for (size_t k = 0; k < l->file_count; k++) {
            free(l->files[k].path), free(l->files[k].type);
            blob_drop(&l->files[k].body), blob_drop(&l->files[k].gzip);
        }
        free(l->files), free(l->trusted), free(l->path_text);
        throttle_fini(&l->handshakes);
    }
    free(g->listeners);
}

/* ---- files */

static char *copy(struct span s)
{
    char *z = malloc(s.len + 1);
    NEED(z);
    if (s.len) memcpy(z, s.ptr, s.len);
    z[s.len] = 0;
    return z;
}

void gate_add_file(struct gate *g, size_t listener, struct span path, struct span type, struct blob **take)
{
    NEED(listener < g->listener_count);
    struct listener *l = &g->listeners[listener];
    l->files = realloc(l->files, (l->file_count + 1) * sizeof *l->files);
    NEED(l->files);
    struct file *f = &l->files[l->file_count++];
    *f = (struct file){ .path = copy(path), .type = copy(type), .body = *take };
    *take = NULL;
    uint8_t digest[SHA1_BYTES];
    struct buf tag = { 0 }, packed = { 0 };
    sha1(digest, blob_span(f->body));
    for (size_t i = 0; i < 8; i++) buf_add_format(&tag, "%02x", digest[i]);
    memcpy(f->etag, tag.ptr, tag.len);
    if (l->config->http_compression && compression_try(&g->compression, COMPRESSION_GZIP, blob_span(f->body), &packed))
        f->gzip = blob_new(buf_span(&packed));
    buf_fini(&tag), buf_fini(&packed);
}

/* ---- how many, from whom */

static size_t count_of(const struct map *addresses, const struct ip *holder)
{
    return (size_t)(uintptr_t)map_find(addresses, span_from(holder->at, sizeof holder->at));
}

static void count_to(struct map *addresses, const struct ip *holder, size_t n)
{
    struct span key = span_from(holder->at, sizeof holder->at);
    if (n) map_put(addresses, key, (void *)(uintptr_t)n);
    else map_drop(addresses, key);
}

bool listener_admit(struct gate *g, struct listener *l, const struct ip *peer, bool *counted)
{
    const struct config_listener *c = l->config;
    *counted = false;
    if (g->draining || (c->max_connections && l->port->connections >= c->max_connections)) return false;
    if (c->max_connections_per_address && !cidr_has(l->trusted, l->trusted_count, peer)) {
        struct ip holder = ip_holder(peer);
        size_t n = count_of(&g->addresses, &holder);
        if (n >= c->max_connections_per_address) return false;
        count_to(&g->addresses, &holder, n + 1);
        *counted = true;
    }
    l->port->connections++;
    return true;
}

void listener_release(struct conn *c)
{
    if (c->relayed) return;
    c->listener->port->connections--;
    if (!c->counted) return;
    struct ip holder = ip_holder(&c->peer);
    count_to(&c->gate->addresses, &holder, count_of(&c->gate->addresses, &holder) - 1);
}

enum { CROWDED_RETRY_S = 10 };

unsigned listener_welcome(struct gate *g, struct listener *l, const struct ip *client, unsigned *retry_s)
{
    const struct config_listener *c = l->config;
    struct ip holder = ip_holder(client);
    *retry_s = CROWDED_RETRY_S;
    if (g->sessions.count >= g->config->gateway.max_sessions) {
        g->stats->handshakes_full++;
        return 503;
    }
    if (c->max_sessions_per_address && count_of(&g->residents, &holder) >= c->max_sessions_per_address) {
        g->stats->handshakes_crowded++;
        return 429;
    }
    struct throttle_limit limit = { c->max_handshakes_per_address, c->handshake_window_ms };
    uint64_t wait = throttle_take(&l->handshakes, span_from(holder.at, sizeof holder.at), &limit, g->now.mono);
    if (wait == 0) return 0;
    g->stats->handshakes_hasty++;
    *retry_s = (unsigned)((wait + 999) / 1000);
    return 429;
}

void listener_settle(struct session *s)
{
    struct gate *g = s->gate;
    if (!s->listener->config->max_sessions_per_address) return;
    s->counted = true;
    struct ip holder = ip_holder(&s->address);
    count_to(&g->residents, &holder, count_of(&g->residents, &holder) + 1);
}

void listener_unsettle(struct session *s)
{
    struct gate *g = s->gate;
    if (!s->counted) return;
    struct ip holder = ip_holder(&s->address);
    count_to(&g->residents, &holder, count_of(&g->residents, &holder) - 1);
}

/* ---- figures */

void gate_listeners(const struct gate *g, struct buf *json)
{
    static const char *const why[LISTENER_FAILURES] = {
        [FAILED_TRANSPORT] = "transport", [FAILED_SID] = "sid", [FAILED_METHOD] = "method", [FAILED_REQUEST] = "request",
        [FAILED_FORBIDDEN] = "forbidden", [FAILED_VERSION] = "version", [FAILED_HTTP] = "http", [FAILED_WS] = "websocket" };
    buf_add_byte(json, '{');
    for (size_t i = 0; i < g->listener_count; i++) {
        const struct listener *l = &g->listeners[i];
        if (i) buf_add_byte(json, ',');
        json_quote(json, span_of(l->config->name));
        buf_add_format(json, ":{\"connections\":%zu,\"accepted\":%llu,\"refused\":%llu,\"sessions\":%llu,\"failed\":{", l->port->connections,
                       (unsigned long long)l->accepted, (unsigned long long)l->refused, (unsigned long long)l->sessions);
        for (size_t k = 0; k < LISTENER_FAILURES; k++)
            buf_add_format(json, "%s\"%s\":%llu", k ? "," : "", why[k], (unsigned long long)l->failed[k]);
        buf_add_literal(json, "}}");
    }
    buf_add_byte(json, '}');
}
