#include "edge_inside_lws.h"
#include "json.h"

#define STATS     edge_stats
#define STATS_DEF "../gateway/edge_stats.def"
#define STATS_ROWS
#include "stats_table.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

enum { DESTROY_TURNS = 64 };

/* ---- TLS handshakes. OpenSSL's callbacks come for the first time within edge_accept. */

static struct client *client_of(const SSL *ssl)
{
    struct client *c = SSL_get_app_data(ssl);
    if (c) return c;
    struct edge *e = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return e ? e->adopting : NULL;
}

static int on_hello(SSL *ssl, int *alert, void *self)
{
    struct client *c = client_of(ssl);
    (void)alert, (void)self;
    return c && certificate_show(&c->port->certificate, ssl) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

static void on_progress(const SSL *ssl, int where, int ret)
{
    struct client *c = client_of(ssl);
    if (!c || c->shaken) return;
    if (where & SSL_CB_HANDSHAKE_DONE) {
        c->shaken = c->timed = true;            /* libwebsockets sets one on its way out of here */
        c->port->shaken++, c->port->edge->stats->tls_accepted++;
        edge_make_ready(c);
    } else if (where == SSL_CB_ACCEPT_EXIT && ret <= 0) {
        unsigned long e = ERR_peek_error();
        if (e) c->why = ERR_GET_REASON(e) == SSL_R_HTTP_REQUEST ? WHY_PLAIN : WHY_PROTOCOL;
    }
}

/* A connection has libwebsockets' SSL_CTX first and its port's from the hello on. */
static void watch(struct edge *e, SSL_CTX *ctx)
{
    SSL_CTX_set_app_data(ctx, e);
    SSL_CTX_set_info_callback(ctx, on_progress);
}

void edge_take_base(struct edge *e, SSL_CTX *base)
{
    certificate_base(base);
    watch(e, base);
    SSL_CTX_set_client_hello_cb(base, on_hello, NULL);
    e->based = true;
}

/* ---- ports */

struct edge_port *edge_add_port(struct edge *e, size_t listener, const struct config_listener *config, uint16_t number)
{
    struct edge_port *port = calloc(1, sizeof *port);
    NEED(port);
    *port = (struct edge_port){ .edge = e, .listener = listener, .name = config->name, .address = config->address, .port = number,
        .tls = config->tls.certificate[0] != '\0',
        .certificate = { .certificate = config->tls.certificate, .key = config->tls.key } };
    port->vhost = port->tls ? e->tls : e->plain;
    struct buf why = { 0 };
    if (port->tls && !certificate_load(&port->certificate, &why)) {
        log_fatal(service_log(e->svc), "no certificate", "listener=%s why=%s", port->name, buf_text(&why));
        buf_fini(&why);
        free(port);
        return NULL;
    }
    if (port->tls) watch(e, port->certificate.shown);
    port->next = e->ports;
    e->ports = port;
    return port;
}

void edge_reload(struct edge *e)
{
    for (struct edge_port *port = e->ports; port; port = port->next) {
        struct buf why = { 0 };
        if (!port->tls) continue;
        if (certificate_load(&port->certificate, &why)) {
            watch(e, port->certificate.shown);
            e->stats->tls_reloaded++;
            log_info(service_log(e->svc), "certificate loaded", "listener=%s file=%s", port->name, port->certificate.certificate);
        } else {
            e->stats->tls_refused++;
            log_error(service_log(e->svc), "new certificate not usable, the old one stays", "listener=%s why=%s", port->name, buf_text(&why));
        }
        buf_fini(&why);
    }
}

void edge_ports(const struct edge *e, struct buf *json)
{
    static const char *const names[WHYS] = { "closed", "timeout", "plain", "protocol" };
    e->stats->connections_lingering = e->lingers;
    buf_add_byte(json, '{');
    for (const struct edge_port *p = e->ports; p; p = p->next) {
        buf_add_format(json, "%s\"%u\":{\"listener\":", p == e->ports ? "" : ",", p->port);
        json_quote(json, span_of(p->name));
        buf_add_literal(json, ",\"address\":");
        json_quote(json, span_of(p->address));
        buf_add_format(json, ",\"tls\":%s,\"accepted\":%llu", p->tls ? "true" : "false", (unsigned long long)p->accepted);
        if (p->tls) {
            buf_add_format(json, ",\"handshakes\":%llu,\"failed\":{", (unsigned long long)p->shaken);
            for (size_t i = 0; i < WHYS; i++) buf_add_format(json, "%s\"%s\":%llu", i ? "," : "", names[i], (unsigned long long)p->failed[i]);
            buf_add_byte(json, '}');
        }
        buf_add_byte(json, '}');
    }
    buf_add_byte(json, '}');
}

/* ---- life */

static struct log *lws_log;             /* libwebsockets' log has no pointer of ours */

static void on_lws_log(int level, const char *line)
{
    (void)level;
    size_t n = strcspn(line, "\n");
    log_error(lws_log, "libwebsockets", "line=%.*s", (int)n, line);
}

/* Its tables are as large as the process's limit of descriptors, touched at once, and Debian's build walks one of them
 * whenever it closes a plain socket (an assertion): 20,000 entries cost 30 us. More clients are for more gateways. */
static void limit_fds(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= EDGE_FDS_MAX) return;
    limit.rlim_cur = EDGE_FDS_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static bool start(struct edge *e)
{
    static const struct lws_protocols protocols[] = { { .name = "raw", .callback = edge_on_raw, .tx_packet_size = SCRATCH }, { .name = NULL } };
    static const lws_retry_bo_t no_validity;        /* else a timer for each connection, in a sorted list, and pings of its own */
    void *loops[1] = { service_loop(e->svc) };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER, .protocols = protocols, .foreign_loops = loops, .pt_serv_buf_size = SCRATCH,
        .retry_and_idle_policy = &no_validity, .gid = -1, .uid = -1, .alpn = "http/1.1", .pcontext = &e->context, .user = e,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
    };
    lws_log = service_log(e->svc);
    lws_set_log_level(LLL_ERR, on_lws_log);
    e->context = lws_create_context(&info);
    if (!e->context) {
        log_fatal(lws_log, "libwebsockets does not start", "hint=%s", "is its libuv plugin there? Debian: libwebsockets-evlib-uv");
        return false;
    }
    info.vhost_name = "plain";
    e->plain = lws_create_vhost(e->context, &info);
    info.vhost_name = "tls";
    info.options |= LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
    e->tls = lws_create_vhost(e->context, &info);
    if (e->plain && e->tls && e->based) return true;
    log_fatal(lws_log, "libwebsockets does not start", "hint=%s", "no virtual host");
    return false;
}

struct edge *edge_new(struct service *svc, struct gate *gate, struct edge_stats *stats)
{
    struct edge *e = calloc(1, sizeof *e);
    NEED(e);
    e->svc = svc, e->gate = gate, e->stats = stats;
    edge_init(e);
    limit_fds();
    if (start(e)) return e;
    edge_destroy(&e);
    return NULL;
}

void edge_destroy(struct edge **self)
{
    struct edge *e = *self;
    if (!e) return;
    service_timer_cancel(e->svc, &e->linger_timer);
    e->ending = true;
    if (e->context) {
        /* It closes handles in the loop's turns, and is freed by a second call after them. */
        lws_context_destroy(e->context);
        for (unsigned i = 0; e->context && i < DESTROY_TURNS; i++) uv_run(service_loop(e->svc), UV_RUN_NOWAIT);
        if (e->context) lws_context_destroy(e->context);
    }
    for (struct edge_port *p; (p = e->ports); ) {
        e->ports = p->next;
        certificate_fini(&p->certificate);
        free(p);
    }
    buf_fini(&e->message);
    free(e);
    *self = NULL;
}
