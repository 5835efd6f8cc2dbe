/* What a topology must keep to beyond single values. */
#include "config_table.h"
#include "msg.h"
#include "namespace.h"

#include <stdarg.h>
#include <stdio.h>

#define IPC_PATH_MAX 107    /* of a Unix socket's address, its end's NUL aside */

const struct node *config_place(const struct config *c, ...)
{
    const struct node *at = c->tree;
    va_list keys;
    va_start(keys, c);
    for (const char *key; (key = va_arg(keys, const char *)); ) {
        uint64_t index;
        const struct node *below = NULL;
        if (at->kind == NODE_LIST && span_to_uint(span_of(key), at->count, &index) && index < at->count) below = at->child[index];
        else if (at->kind == NODE_MAP) below = node_find(at, key);
        if (!below) break;
        at = below;
    }
    va_end(keys);
    return at;
}

static const char *key_of(struct buf *b, const char *map, const char *name, const char *key)
{
    buf_clear(b);
    buf_add_format(b, "%s.%s.%s", map, name, key);
    return buf_text(b);
}

static bool has(const struct config_strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i], text) == 0) return true;
    return false;
}

static bool has_namespace(const struct config *c, const char *name)
{
    return namespace_find(c, span_of(name)) < c->namespace_count;
}

/* The listener's raw namespace: a name as it stands, not one of a pattern. */
static bool names_one(const struct config *c, const struct config_listener *l)
{
    struct buf name = { 0 };
    namespace_meant(&name, span_of(l->prefix), span_of(l->raw_namespace));
    size_t i = namespace_find(c, buf_span(&name));
    bool good = i < c->namespace_count && span_same(span_of(c->namespaces[i].name), buf_span(&name)) && c->namespaces[i].prefix_len == strlen(l->prefix);
    buf_fini(&name);
    return good;
}

void config_find_prefixes(struct config *c)
{
    for (size_t i = 0; i < c->namespace_count; i++) {
        struct config_namespace *n = &c->namespaces[i];
        n->prefix_len = 0;
        for (size_t k = 0; k < c->listener_count; k++) {
            struct span prefix = span_of(c->listeners[k].prefix);
            if (prefix.len > n->prefix_len && namespace_is_below(prefix, span_of(n->name))) n->prefix_len = (uint16_t)prefix.len;
        }
    }
}

static bool has_below(const struct config *c, const char *prefix)
{
    for (size_t i = 0; i < c->namespace_count; i++)
        if (c->namespaces[i].prefix_len == strlen(prefix) && span_has_prefix(span_of(c->namespaces[i].name), span_of(prefix))) return true;
    return false;
}

static void check_listeners(struct config *c, struct buf *errors, struct buf *key)
{
    if (c->instances.gateway && !c->listener_count)
        node_error(errors, config_place(c, "listeners", NULL), "listeners", "gateways need at least one listener");
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct config_listener *l = &c->listeners[i];
        const struct node *at = config_place(c, "listeners", l->name, NULL);
        if (!config_form_fits(FORM_NAME, span_of(l->name)))
            node_error(errors, at, "listeners", "a listener's name is made of %s", config_form_text(FORM_NAME));
        if (!l->tls.certificate[0] != !l->tls.key[0])
            node_error(errors, config_place(c, "listeners", l->name, "tls", NULL), key_of(key, "listeners", l->name, "tls"),
                       "'certificate' and 'key' go together: '%s' is missing", l->tls.key[0] ? "certificate" : "key");
        if (!l->transports.count)
            node_error(errors, config_place(c, "listeners", l->name, "transports", NULL), key_of(key, "listeners", l->name, "transports"),
                       "at least one of polling and websocket is needed");
        if (l->max_message_bytes > c->router.max_body_bytes)
            node_error(errors, config_place(c, "listeners", l->name, "max_message_bytes", NULL), key_of(key, "listeners", l->name, "max_message_bytes"),
                       "%u bytes are more than router.max_body_bytes (%u): such a message could not be carried", l->max_message_bytes, c->router.max_body_bytes);
        if (l->prefix[0] && !has_below(c, l->prefix))
            node_error(errors, config_place(c, "listeners", l->name, "prefix", NULL), key_of(key, "listeners", l->name, "prefix"),
                       "there is no namespace '%s' and none below it", l->prefix);
        if (l->raw_namespace[0] && !names_one(c, l))
            node_error(errors, config_place(c, "listeners", l->name, "raw_namespace", NULL), key_of(key, "listeners", l->name, "raw_namespace"),
                       "there is no namespace '%s'", l->raw_namespace);
        if (l->msgpack && (l->raw_namespace[0] || l->allow_eio3))
            node_error(errors, config_place(c, "listeners", l->name, "parser", NULL), key_of(key, "listeners", l->name, "parser"),
                       l->allow_eio3 ? "'allow_eio3' lets Socket.IO 2 clients in, who have no such parser" : "with 'raw_namespace' there are no packets");
        if (l->credentials && has(&l->origins, "*"))
            node_error(&c->warnings, config_place(c, "listeners", l->name, "credentials", NULL), key_of(key, "listeners", l->name, "credentials"),
                       "with origin '*' every page may act with its visitor's cookies");
        if (l->allow_eio3 && l->origins.count && !l->credentials)
            node_error(&c->warnings, config_place(c, "listeners", l->name, "allow_eio3", NULL), key_of(key, "listeners", l->name, "allow_eio3"),
                       "pages of other origins with Socket.IO 2 poll with credentials, always: without 'credentials: true' their browsers refuse the answers");
        if (l->cookie.name[0] && l->cookie.same_site == CONFIG_SAME_SITE_NONE && !l->cookie.secure)
            node_error(errors, config_place(c, "listeners", l->name, "cookie", "same_site", NULL), key_of(key, "listeners", l->name, "cookie.same_site"),
                       "browsers take 'none' with 'secure: true' only");
    }
}

static void check_plane(struct config *c, struct buf *errors, struct buf *key, const char *name, const struct config_plane *p)
{
    if (!p->on) return;
    if (p->port && !p->keys.count && !config_address_loopback(p->address))
        node_error(errors, config_place(c, "router", name, "address", NULL), key_of(key, "router", name, "address"),
                   "%s is not loopback: 'keys' (CURVE public keys that may connect) are needed", p->address);
    for (size_t i = 0; i < p->namespaces.count; i++) {
        const char *nsp = p->namespaces.at[i];
        if (strcmp(nsp, "*") != 0 && !namespace_is_pattern(span_of(nsp)) && !has_namespace(c, nsp))
            node_error(errors, config_place(c, "router", name, "namespaces", NULL), key_of(key, "router", name, "namespaces"),
                       "there is no namespace '%s'", nsp);
    }
}

static void check_metrics(struct config *c)
{
    if (c->router.metrics.port && !config_address_loopback(c->router.metrics.address))
        node_error(&c->warnings, config_place(c, "router", "metrics", "address", NULL), "router.metrics.address",
                   "%s is not loopback: whoever reaches it reads every daemon's figures", c->router.metrics.address);
}

static void check_bus(struct config *c, struct buf *errors)
{
    if (c->bus.transport == CONFIG_TCP && !c->bus.curve && !config_address_loopback(c->bus.address))
        node_error(errors, config_place(c, "bus", "address", NULL), "bus.address",
                   "%s is not loopback: 'curve: true' is needed (and 'causeway keys init')", c->bus.address);
    if (c->bus.curve && !c->bus.keys_dir[0])
        node_error(errors, config_place(c, "bus", "keys_dir", NULL), "bus.keys_dir", "bus.curve needs a directory of keys");
    if (c->bus.beat_timeout_ms <= c->bus.beat_ms)
        node_error(errors, config_place(c, "bus", "beat_timeout_ms", NULL), "bus.beat_timeout_ms",
                   "%u ms must be more than bus.beat_ms (%u ms)", c->bus.beat_timeout_ms, c->bus.beat_ms);
    if (c->bus.max_frame_bytes < (uint64_t)c->router.max_body_bytes + 65536)
        node_error(errors, config_place(c, "bus", "max_frame_bytes", NULL), "bus.max_frame_bytes",
                   "%u bytes do not hold router.max_body_bytes (%u) and 64 KiB around it", c->bus.max_frame_bytes, c->router.max_body_bytes);
}

static void check_router(struct config *c, struct buf *errors)
{
    if (c->router.worker_silence_ms <= c->router.worker_beat_ms)
        node_error(errors, config_place(c, "router", "worker_silence_ms", NULL), "router.worker_silence_ms",
                   "%u ms must be more than router.worker_beat_ms (%u ms)", c->router.worker_silence_ms, c->router.worker_beat_ms);
    if (c->bus.max_frame_bytes < (uint64_t)c->router.max_acks_bytes + 65536)
        node_error(errors, config_place(c, "router", "max_acks_bytes", NULL), "router.max_acks_bytes",
                   "%u bytes and 64 KiB around them do not fit into bus.max_frame_bytes (%u)", c->router.max_acks_bytes, c->bus.max_frame_bytes);
}

/* The longest Unix socket's path that this topology would bind. */
static void check_ipc(struct config *c, struct buf *errors, const struct config_plane_at planes[CONFIG_PLANES])
{
    struct buf endpoint = { 0 }, longest = { 0 };
    for (unsigned i = 0; i < ROLE_COUNT + CONFIG_PLANES; i++) {
        const struct config_plane_at *p = i < ROLE_COUNT ? NULL : &planes[i - ROLE_COUNT];
        uint16_t n = config_instances(c, p ? ROLE_ROUTER : i);
        if (!n || (p && !p->plane->on)) continue;
        buf_clear(&endpoint);
        if (p) config_plane_endpoint(&endpoint, c, p->plane, p->name, (uint16_t)(n - 1));
        else config_bus_endpoint(&endpoint, c, i, (uint16_t)(n - 1));
        if (!span_has_prefix(buf_span(&endpoint), SPAN("ipc://")) || endpoint.len <= longest.len) continue;
        buf_clear(&longest);
        buf_add(&longest, buf_span(&endpoint));
    }
    struct span path = span_skip(buf_span(&longest), strlen("ipc://"));
    if (path.len > IPC_PATH_MAX)
        node_error(errors, c->tree, "", "the state directory's name is too long: a Unix socket's path has at most %d bytes, and '%.*s' has %zu",
                   IPC_PATH_MAX, (int)path.len, path.ptr, path.len);
    buf_fini(&endpoint);
    buf_fini(&longest);
}

static void check_keys(struct config *c, struct buf *errors)
{
    static const char *const kinds[] = { "secret", "pem", "jwks" };
    for (size_t i = 0; i < c->auth.key_count; i++) {
        const struct config_key *k = &c->auth.keys[i];
        char number[24], key[64];
        (void)snprintf(number, sizeof number, "%zu", i);
        (void)snprintf(key, sizeof key, "auth.keys.%zu.algorithms", i);
        const struct node *at = config_place(c, "auth", "keys", number, "algorithms", NULL);
        if (!k->algorithms.count && at->kind == NODE_LIST && !at->count) node_error(errors, at, key, "say what the key may be used for");
        for (size_t j = 0; j < k->algorithms.count; j++) {
            bool hmac = span_has_prefix(span_of(k->algorithms.at[j]), SPAN("HS"));
            if (hmac != (k->kind == CONFIG_KEY_SECRET))
                node_error(errors, at, key, "%s is not for a key of kind %s: %s", k->algorithms.at[j], kinds[k->kind],
                           hmac ? "HS256, HS384 and HS512 take a secret" : "a secret is for HS256, HS384 and HS512");
        }
        for (size_t j = 0; j < i; j++)
            if (strcmp(k->kid, c->auth.keys[j].kid) == 0 && k->kind != CONFIG_KEY_JWKS && c->auth.keys[j].kind != CONFIG_KEY_JWKS)
                node_error(errors, config_place(c, "auth", "keys", number, "kid", NULL), "auth.keys", "key %zu has the kid of key %zu, '%s'", i, j, k->kid);
    }
}

static void check_namespaces(struct config *c, struct buf *errors, struct buf *key)
{
    if (!c->namespace_count) node_error(&c->warnings, c->tree, "namespaces", "there is none: no client can connect");
    for (size_t i = 0; i < c->namespace_count; i++) {
        const struct config_namespace *n = &c->namespaces[i];
        const struct node *identity = config_place(c, "namespaces", n->name, "identity", NULL);
        if (n->name[0] != '/' || strpbrk(n->name, ",?"))
            node_error(errors, config_place(c, "namespaces", n->name, NULL), "namespaces", "'%s': a namespace begins with '/' and has no ',' or '?'", n->name);
        if (strlen(n->name) > NAMESPACE_MAX || namespace_wildcards(span_of(n->name)) > NAMESPACE_PARTS_MAX)
            node_error(errors, config_place(c, "namespaces", n->name, NULL), "namespaces", "'%s': at most %d bytes and %d wildcards", n->name, NAMESPACE_MAX, NAMESPACE_PARTS_MAX);
        if (n->identity == CONFIG_IDENTITY_JWT && !c->auth.key_count)
            node_error(errors, identity, key_of(key, "namespaces", n->name, "identity"), "jwt needs a key in auth.keys");
        if (n->identity == CONFIG_IDENTITY_JWT && !c->instances.auth)
            node_error(errors, identity, key_of(key, "namespaces", n->name, "identity"), "jwt needs an auth daemon: instances.auth is 0");
        if ((n->identity == CONFIG_IDENTITY_JWT || n->identity == CONFIG_IDENTITY_TOKEN) && !n->token.count)
            node_error(errors, config_place(c, "namespaces", n->name, "token", NULL), key_of(key, "namespaces", n->name, "token"), "say where the token stands");
        if ((n->identity == CONFIG_IDENTITY_QUERY) != (n->identity_query[0] != '\0'))
            node_error(errors, identity, key_of(key, "namespaces", n->name, "identity_query"), "it goes with 'identity: query', and that with it");
        if (n->require && n->identity != CONFIG_IDENTITY_JWT)
            node_error(errors, config_place(c, "namespaces", n->name, "require", NULL), key_of(key, "namespaces", n->name, "require"),
                       "only a jwt has claims to require");
        const struct node *recovery = config_place(c, "namespaces", n->name, "recovery", NULL);
        if (n->recovery && n->recovery_ms > c->router.history_ms)
            node_error(&c->warnings, recovery, key_of(key, "namespaces", n->name, "recovery"), "recovery_ms is longer than router.history_ms: late ones may get fresh sessions");
        if (n->recovery && !c->instances.presence)
            node_error(&c->warnings, recovery, key_of(key, "namespaces", n->name, "recovery"), "nobody comes back without a presence daemon: instances.presence is 0");
        if (n->identity == CONFIG_IDENTITY_TOKEN || n->identity == CONFIG_IDENTITY_QUERY)
            node_error(&c->warnings, identity, key_of(key, "namespaces", n->name, "identity"),
                       "INSECURE: the client itself says who it is, nothing is verified; for tests only");
    }
}

void config_check(struct config *c, struct buf *errors)
{
    struct config_plane_at planes[CONFIG_PLANES];
    struct buf key = { 0 };
    config_planes(c, planes);
    config_find_prefixes(c);
    check_listeners(c, errors, &key);
    check_namespaces(c, errors, &key);
    check_keys(c, errors);
    check_bus(c, errors);
    check_metrics(c);
    check_router(c, errors);
    for (unsigned i = 0; i < CONFIG_PLANES; i++) check_plane(c, errors, &key, planes[i].name, planes[i].plane);
    check_ipc(c, errors, planes);
    config_check_ports(c, errors);
    buf_fini(&key);
}
