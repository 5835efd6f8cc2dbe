#include "probe_uv.h"

#include "probe.h"

#include <stdlib.h>
#include <uv.h>

enum { READ_BYTES = 4096, BACKLOG = 64 };

struct probes {
    struct daemon       *d;
    const struct lasts  *lasts;
    struct router_stats *stats;
    uv_tcp_t            *tcp;           /* outlives us until libuv has closed it */
    struct asker        *first;
    size_t               count;
    char                *url;
    char                 in[READ_BYTES];
};

struct asker {                          /* a connection; freed when libuv has closed it */
    uv_tcp_t             tcp;
    uv_write_t           write;
    struct probes       *probes;        /* NULL: it is closing */
    struct asker        *next, **at;
    struct probe         probe;
    struct buf           out;
    struct service_timer timer;
    bool                 last;          /* no more after what is being written */
};

/* ---- a connection's end */

static void on_closed(uv_handle_t *handle)
{
    struct asker *a = handle->data;
    probe_fini(&a->probe);
    buf_fini(&a->out);
    free(a);
}

static void end(struct asker *a)
{
    struct probes *self = a->probes;
    if (!self) return;
    service_timer_cancel(self->d->svc, &a->timer);
    *a->at = a->next;
    if (a->next) a->next->at = a->at;
    a->probes = NULL;
    self->count--;
    uv_close((uv_handle_t *)&a->tcp, on_closed);
}

static void on_timeout(void *fn_self)
{
    struct asker *a = fn_self;
    a->probes->stats->probes_refused++;
    end(a);
}

static void be_patient(struct asker *a)
{
    struct service *svc = a->probes->d->svc;
    service_timer_set(svc, &a->timer, service_now(svc) + a->probes->d->config.router.metrics.timeout_ms);
}

/* ---- in and out */

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct asker *a = handle->data;
    (void)suggested;
    *buf = uv_buf_init(a->probes ? a->probes->in : NULL, a->probes ? READ_BYTES : 0);
}

static void on_written(uv_write_t *request, int status)
{
    struct asker *a = request->data;
    if (!a->probes) return;
    if (status != 0 || a->last || uv_read_start((uv_stream_t *)&a->tcp, on_alloc, on_read) != 0) {
        end(a);
        return;
    }
    buf_fini(&a->out);
    be_patient(a);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct asker *a = stream->data;
    struct probes *self = a->probes;
    if (!self || n == 0) return;
    if (n < 0) {
        end(a);
        return;
    }
    const struct probe_state state = { .lasts = self->lasts, .view = bus_view(self->d->bus), .config = &self->d->config, .asked = &self->stats->probes_in,
        .refused = &self->stats->probes_refused, .number = self->d->options.number, .draining = service_draining(self->d->svc), .wall = service_wall(self->d->svc) };
    enum probe_next next = probe_on_bytes(&a->probe, &state, span_from(buf->base, (size_t)n), &a->out);
    if (next == PROBE_READ) return;
    a->last = next == PROBE_CLOSE;
    uv_read_stop(stream);
    be_patient(a);
    uv_buf_t out = uv_buf_init(a->out.ptr, (unsigned)a->out.len);
    if (uv_write(&a->write, stream, &out, 1, on_written) != 0) end(a);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct probes *self = server->data;
    if (status != 0 || !self) return;
    struct asker *a = calloc(1, sizeof *a);
    NEED(a);
    NEED(uv_tcp_init(service_loop(self->d->svc), &a->tcp) == 0);
    a->tcp.data = a->write.data = a;
    a->timer = (struct service_timer){ .fn = on_timeout, .self = a };
    if (uv_accept(server, (uv_stream_t *)&a->tcp) != 0 || self->count >= self->d->config.router.metrics.max_connections_count) {
        self->stats->probes_refused++;
        uv_close((uv_handle_t *)&a->tcp, on_closed);
        return;
    }
    a->probes = self, a->next = self->first, a->at = &self->first;
    if (a->next) a->next->at = &a->next;
    self->first = a;
    self->count++;
    be_patient(a);
    if (uv_read_start((uv_stream_t *)&a->tcp, on_alloc, on_read) != 0) end(a);
}

/* ---- life */

static void on_server_closed(uv_handle_t *handle)
{
    free(handle);
}

static bool listen_on(struct probes *self, const char *address, unsigned port)
{
    struct sockaddr_storage at;
    bool v6 = strchr(address, ':') != NULL;
    int e = v6 ? uv_ip6_addr(address, (int)port, (struct sockaddr_in6 *)&at) : uv_ip4_addr(address, (int)port, (struct sockaddr_in *)&at);
    self->tcp = calloc(1, sizeof *self->tcp);
    NEED(self->tcp);
    NEED(uv_tcp_init(service_loop(self->d->svc), self->tcp) == 0);
    self->tcp->data = self;
    if (e == 0) e = uv_tcp_bind(self->tcp, (const struct sockaddr *)&at, v6 ? UV_TCP_IPV6ONLY : 0);
    if (e == 0) e = uv_listen((uv_stream_t *)self->tcp, BACKLOG, on_connection);
    if (e != 0) log_fatal(self->d->log, "cannot listen for probes", "address=%s port=%u why=%s", address, port, uv_strerror(e));
    return e == 0;
}

struct probes *probes_new(struct daemon *d, const struct lasts *lasts, struct router_stats *stats)
{
    struct probes *self = calloc(1, sizeof *self);
    struct buf url = { 0 };
    NEED(self);
    self->d = d, self->lasts = lasts, self->stats = stats;
    if (!d->config.router.metrics.port) return self;
    if (!listen_on(self, d->config.router.metrics.address, config_metrics_port(&d->config, d->options.number))) {
        probes_destroy(&self);
        return NULL;
    }
    config_metrics_url(&url, &d->config, d->options.number);
    self->url = strdup(buf_text(&url));
    buf_fini(&url);
    return self;
}

void probes_destroy(struct probes **self_p)
{
    struct probes *self = *self_p;
    if (!self) return;
    while (self->first) end(self->first);
    if (self->tcp) self->tcp->data = NULL, uv_close((uv_handle_t *)self->tcp, on_server_closed);
    free(self->url);
    free(self);
    *self_p = NULL;
}

const char *probes_url(const struct probes *self)
{
    return self->url;
}
