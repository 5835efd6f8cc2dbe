/* config - the topology file as one typed, validated struct.
 *
 * config_yaml reads files into nodes (node.h); config_load (pure) checks them
 * against the schema table of config.def and fills 'struct config' with values
 * and documented defaults. Every error names file, line and column and all of
 * them are reported, not just the first. The config owns everything it points
 * to; strings are NUL-terminated, "" where absent. Units are in the names:
 * _ms, _bytes, _count. Rules are kept as nodes and compiled by rules.c.
 * Specification: docs/TOPOLOGY.md, which is generated from the same table. */
#ifndef CAUSEWAY_CONFIG_H
#define CAUSEWAY_CONFIG_H

#include "buf.h"
#include "err.h"
#include "node.h"

struct config_strings { char **at; size_t count; };

struct config_tls { char *certificate, *key; };                 /* PEM files; both or neither */

struct config_cookie {              /* what a handshake over polling sets to the session's id */
    char    *name;                  /* "": none is set */
    char    *path, *domain;         /* "": the attribute is left out */
    uint32_t max_age_s;             /* 0: until the browser is closed */
    bool     http_only, secure;
    enum { CONFIG_SAME_SITE_LAX, CONFIG_SAME_SITE_STRICT, CONFIG_SAME_SITE_NONE, CONFIG_SAME_SITE_UNSET } same_site;
};

struct config_file { char *path, *file, *type; };               /* served as it is: URL path, file, Content-Type */

struct config_listener {
    char    *name;
    char    *address;               /* 127.0.0.1 */
    uint16_t port;                  /* instance i listens on port + i * port_step */
    uint16_t port_step;             /* 0: all instances share the port (SO_REUSEPORT) */
    char    *path;                  /* "/socket.io/" */
    char    *prefix;                /* "/music": what its clients call "/" (namespace.h); "": "/" */
    char    *raw_namespace;         /* Engine.IO alone, its messages are events of this namespace; "": Socket.IO */
    struct config_tls tls;
    struct config_strings origins;  /* CORS: allowed origins; "*" reflects any */
    bool     credentials;           /* Access-Control-Allow-Credentials */
    struct config_strings trusted_proxies;  /* addresses or CIDRs whose X-Forwarded-For counts */
    struct config_strings transports;       /* websocket, polling */
    bool     upgrades;
    bool     msgpack;               /* parser: its clients use socket.io-msgpack-parser */
    bool     serve_client;          /* /socket.io/socket.io.js and its variants */
    char    *client_dir;            /* where those files are; "": the packaged ones */
    struct config_file *files; size_t file_count;
    uint32_t ping_interval_ms, ping_timeout_ms, connect_timeout_ms, upgrade_timeout_ms;
    uint32_t max_message_bytes;     /* Socket.IO's maxHttpBufferSize */
    uint32_t max_head_bytes, max_headers_count, head_timeout_ms, body_timeout_ms, keep_alive_ms;
    uint32_t max_connections, max_connections_per_address, max_sessions_per_address;
    uint32_t max_handshakes_per_address, handshake_window_ms;
    uint32_t queue_bytes, queue_age_ms;     /* of one connection's output */
    uint32_t send_buffer_bytes;     /* SO_SNDBUF */
    uint32_t max_namespaces_count, max_rooms_count, max_acks_count, max_attachments_count;
    bool     allow_eio3;            /* clients of Socket.IO 2 */
    struct config_cookie cookie;
    bool     http_compression;      /* gzip or deflate for answers to polls, gzip for files */
    bool     permessage_deflate;    /* agreed on with WebSocket clients that offer it */
};

struct config_key {
    char *kid;                      /* "": any token without a kid, or whose kid no other key has */
    char *file;                     /* PEM public key or certificate, secret bytes, or JWKS: by 'kind' */
    enum { CONFIG_KEY_SECRET, CONFIG_KEY_PEM, CONFIG_KEY_JWKS } kind;
    struct config_strings algorithms;       /* HS256 ... EdDSA: what the key may be used for */
};

struct config_auth {
    struct config_key *keys; size_t key_count;
    char    *issuer;                /* "": not checked */
    struct config_strings audience; /* empty: not checked */
    uint32_t leeway_s, max_token_bytes, cache_count;
    bool     require_expiry;
};

enum config_refuse { CONFIG_REFUSE_CONNECT_ERROR, CONFIG_REFUSE_EVENT, CONFIG_REFUSE_DISCONNECT, CONFIG_REFUSE_CLOSE };
enum config_identity { CONFIG_IDENTITY_JWT, CONFIG_IDENTITY_TOKEN, CONFIG_IDENTITY_QUERY, CONFIG_IDENTITY_NONE };

struct config_namespace {
    char    *name;                  /* "/chat", or a pattern (namespace.h) */
    uint16_t prefix_len;            /* bytes of it that its clients don't say: the longest listeners' prefix that it is below */
    char    *realm;
    enum config_identity identity;  /* jwt; token and query are insecure, for tests, and warned of; none: anonymous */
    char    *identity_query;        /* with query: the parameter's name */
    struct config_strings token;    /* sources in order: auth.<key>, query.<key>, bearer, cookie.<name> */
    char    *user_claim;            /* "sub" */
    struct node *require;           /* claims that must have these values, or NULL */
    enum config_refuse refuse;
    struct node *refusals;          /* by reason, in its own words; or NULL */
    bool     acks_error_first;      /* [null, value] */
    bool     recovery;              /* connection state recovery, */
    uint32_t recovery_ms;           /* so long */
    struct { bool close; uint32_t warn_ms; char *event, *refresh; } expiry;     /* of tokens */
    struct { char *event; uint32_t scan_ms, timeout_ms, misses; } heartbeat;        /* event "": none */
    uint32_t max_connections_per_user;      /* 0: no limit */
    uint32_t grace_ms;              /* from a user's last socket to offline */
    struct config_strings records;  /* in Redis: connections, mapping, socket, user, online_users; none */
    char    *connect_worker;        /* name of the workers that CONNECT waits for; "*": any; "": nobody */
    struct node *connect;           /* rule run at connect: join, emit, reply */
    struct node *room_presence;     /* rooms whose members are told who comes and goes: rules_roll.h */
    struct node *push;              /* what its sockets are told by the clock: rules_push.h */
    struct node *online, *offline;  /* announcements of a user's first and last socket: {to, event, args} */
    struct node *every;             /* before each rule: require, allow; or NULL */
    struct node *errors;            /* answers to refused events, or NULL */
    struct node *limit;             /* of events without one of their own, or NULL */
    char    *limit_key;             /* of counters in Redis: "rate:limit:{user}:{event}" */
    char    *words_file;            /* of banned words; "": none */
    struct buf words;               /* what it holds: config_read's */
    struct node *events;            /* event name -> rule, or NULL */
};

struct config_plane {               /* one outside socket of the routers */
    bool     on;
    char    *address;               /* 127.0.0.1 */
    uint16_t port;                  /* router i: port + i * router.port_step; 0: ipc in the state directory */
    struct config_strings verbs;    /* allowed; "*": all of the plane */
    struct config_strings namespaces;
    struct config_strings keys;     /* CURVE public keys that may connect; empty: any the transport lets in */
    uint32_t max_frame_bytes;
};

struct config_metrics {             /* where routers answer over HTTP */
    char    *address;
    uint16_t port;                  /* as a plane's; 0: none */
    uint32_t max_connections_count, timeout_ms;
};

struct config {
    char    *name;                  /* of the cluster */
    char    *file;                  /* the topology file */
    char    *state_dir;             /* run files, logs, secrets; 0700 */
    struct { uint16_t router, gateway, presence, auth; } instances;
    struct {
        enum { CONFIG_IPC, CONFIG_TCP } transport;
        char    *address;           /* tcp: where daemons bind */
        uint16_t port;              /* tcp: router i: port + i; other roles: from roles_port up */
        uint16_t roles_port;
        bool     curve;
        char    *keys_dir;          /* made by 'causeway keys init' */
        uint32_t beat_ms, beat_timeout_ms, resend_ms, queue_bytes, max_frame_bytes, high_water_count, tunnel_bytes, drain_ms;
    } bus;
    struct {
        uint16_t port_step;         /* 10 */
        uint32_t history_bytes, history_count, history_ms, recovery_bytes;
        uint32_t publish_ids_count, publish_ids_ms;
        uint32_t answer_ms;         /* how long a query or 'reached' waits for daemons */
        uint32_t max_rooms, max_body_bytes, max_addresses_count, max_batch_count, max_revoked_count, revoked_s, max_acks_bytes, command_queue_bytes, hold_bytes;
        uint32_t max_workers, max_worker_requests, worker_beat_ms, worker_silence_ms, worker_tries_count, worker_queue_count, worker_queue_bytes;
        struct config_metrics metrics;
        struct config_plane publish_pull, publish_sub, command, worker, feed, stats;
    } router;
    struct { uint32_t max_sessions, input_bytes, max_namespaces_count, max_acks_count, max_limits_count, acks_bytes, feed_bytes, worker_ms, max_work_count, max_work_per_socket, work_bytes; } gateway;
    struct {
        char    *redis;             /* "private", "unix:/path", "tcp:host:port", "none" */
        char    *redis_password_file;
        uint32_t redis_timeout_ms, write_behind_ms, max_pending_count;
        uint32_t lease_ms;          /* a gateway silent for so long: its sockets are gone */
        uint32_t wait_ms;           /* how long a connect waits for presence */
        uint32_t activity_ms;       /* 0: activity is not noted */
        uint32_t max_users, max_counters, recovery_count, recovery_bytes, max_watches, max_watches_per_user, max_room_sockets;
        char    *key_prefix;
    } presence;
    struct config_auth auth;
    struct { uint32_t threshold_bytes, level, window_bits; } compression;   /* of a gateway: its listeners share what is compressed */
    struct { uint32_t stats_ms; char *log_level; uint16_t restart_backoff_ms; } service;
    struct config_listener  *listeners;  size_t listener_count;
    struct config_namespace *namespaces; size_t namespace_count;
    struct node *tree;              /* owns all nodes above */
    struct buf   warnings;          /* what is allowed and dangerous, a line each: whoever starts a topology says so */
    bool         refused;           /* its files were read again since and refused: they say something else by now */
};

/* What 'health' says where 'refused' is set. */
#define CONFIG_REFUSED "the topology file was read again and refused: what was in force before stays"

/* Fills *c from the tree; what is wrong goes to 'errors', a line each:
 * "topology/local.yaml:12:7: router.history_bytes: ...". False when there was any.
 * Before, *c is zero but for 'file' and 'state_dir', which are the caller's to set
 * (from malloc, or NULL) and are the config's from here on. "{state}" in a file's
 * name is the state directory; other relative names start where the file stands
 * that says them. After false, too, config_fini is due. */
bool config_load(struct config *c, struct node *tree, struct buf *errors);      /* takes the tree */
void config_fini(struct config *c);
void config_document(struct buf *markdown);     /* docs/TOPOLOGY.md, from the table */
void config_print(struct buf *yaml, const struct config *c);    /* every value as it stands: 'causeway config show' */

/* Sets one value of the tree by the name of its variable: "ROUTER_HISTORY_BYTES",
 * "LISTENERS_0_PORT" or "LISTENERS_PUBLIC_PORT". Lists are cut at commas. False, and
 * a line in 'errors', where no key of the table has that name. */
bool config_override(struct node *tree, struct span name, struct span value, struct buf *errors);

/* ---- config_yaml.c: files, includes, environment (CAUSEWAY_ROUTER_HISTORY_BYTES=...), then config_load.
 * Zeroes *c first. An unreadable file that a value names is an error, but for those in the state directory:
 * 'up' makes them. */
bool config_read(struct config *c, const char *file, const char *state_dir, struct buf *errors);

uint16_t config_instances(const struct config *c, unsigned role);      /* how many 'up' starts */

/* Where a daemon of this number binds its bus socket (role: msg.h), and where a router's outside socket is:
 * "ipc://<state>/router-0.bus", "tcp://127.0.0.1:5500"; 'name' is the file's where a plane has no port ("command"). */
void config_bus_endpoint(struct buf *out, const struct config *c, unsigned role, uint16_t number);
void config_plane_endpoint(struct buf *out, const struct config *c, const struct config_plane *plane, const char *name, uint16_t number);
unsigned config_metrics_port(const struct config *c, unsigned router);
void config_metrics_url(struct buf *out, const struct config *c, unsigned router);       /* "http://127.0.0.1:5576" */
unsigned config_listener_port(const struct config_listener *l, unsigned gateway);
void config_listener_url(struct buf *out, const struct config_listener *l, unsigned gateway);      /* "https://127.0.0.1:8443" */

#endif
