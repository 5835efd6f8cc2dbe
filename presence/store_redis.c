#include "store_redis.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum { PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 5000, PASSWORD_MAX = 512 };
enum state { RESTS, RESOLVES, CONNECTS, GREETS, UP };

struct adapter {                /* one connection's descriptor in the loop */
    redisAsyncContext *ac;      /* NULL: it is gone */
    uv_poll_t          poll;
    int                events;
};

struct store_redis {
    struct service        *svc;
    struct log            *log;
    const struct config   *config;
    struct store          *store;
    struct presence_stats *stats;
    enum state             state;
    redisAsyncContext     *ac;
    uint64_t               pause, progress;     /* progress: when the last answer came, or the first question went */
    struct service_timer   timer;               /* RESTS: the end of the pause; else: answers overdue */
    struct service_timer   due;                 /* the store's */
    struct resolve        *resolve;
    char                  *host, *path;         /* one of them */
    uint16_t               port;
    struct span           *list;                /* of an answer */
    size_t                 list_cap;
    bool                   warned;              /* that it is away */
};

struct resolve { uv_getaddrinfo_t request; struct store_redis *self; };     /* self NULL: nobody waits any more */

/* ---- the adapter */

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct adapter *a = handle->data;
    if (status < 0) {           /* libuv has stopped the handle; hiredis finds the error by itself */
        a->events = 0;
        if (a->ac) redisAsyncHandleRead(a->ac);
        return;
    }
    if (a->ac && (events & UV_READABLE)) redisAsyncHandleRead(a->ac);
    if (a->ac && (events & UV_WRITABLE)) redisAsyncHandleWrite(a->ac);
}

static void watch(struct adapter *a, int events)
{
    if (a->events == events) return;
    a->events = events;
    if (events) uv_poll_start(&a->poll, events, on_poll);
    else uv_poll_stop(&a->poll);
}

static void add_read(void *a)  { watch(a, ((struct adapter *)a)->events | UV_READABLE); }
static void del_read(void *a)  { watch(a, ((struct adapter *)a)->events & ~UV_READABLE); }
static void add_write(void *a) { watch(a, ((struct adapter *)a)->events | UV_WRITABLE); }
static void del_write(void *a) { watch(a, ((struct adapter *)a)->events & ~UV_WRITABLE); }

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void cleanup(void *self)
{
    struct adapter *a = self;
    a->ac = NULL;
    uv_poll_stop(&a->poll);
    uv_close((uv_handle_t *)&a->poll, on_poll_closed);
}

static bool attach(redisAsyncContext *ac, uv_loop_t *loop)
{
    struct adapter *a = calloc(1, sizeof *a);
    NEED(a);
    a->ac = ac;
    if (uv_poll_init(loop, &a->poll, ac->c.fd) != 0) {
        free(a);
        return false;
    }
    a->poll.data = a;
    ac->ev.data = a;
    ac->ev.addRead = add_read, ac->ev.delRead = del_read, ac->ev.addWrite = add_write, ac->ev.delWrite = del_write;
    ac->ev.cleanup = cleanup;
    return true;
}

/* ---- away */

static void connect_now(struct store_redis *self);

static void rest(struct store_redis *self, enum err e, const char *why)
{
    bool was_up = self->state == UP;
    self->state = RESTS;
    self->ac = NULL;
    self->stats->redis_errors[e]++;
    self->stats->redis_reconnects++;
    if (was_up) store_on_lost(self->store);
    else store_on_refused(self->store);
    if (!self->warned) log_warn(self->log, "redis away", "why=%s", why);
    self->warned = true;
    self->pause = was_up || !self->pause ? PAUSE_MIN_MS : self->pause < PAUSE_MAX_MS / 2 ? self->pause * 2 : PAUSE_MAX_MS;
    service_timer_cancel(self->svc, &self->due);
    service_timer_set(self->svc, &self->timer, service_now(self->svc) + self->pause);
}

/* We give it up: after this no callback of that connection is for us. */
static void leave(struct store_redis *self, enum err e, const char *why)
{
    redisAsyncContext *ac = self->ac;
    char reason[160];
    snprintf(reason, sizeof reason, "%s", why);     /* it may be the context's own text */
    rest(self, e, reason);
    if (!ac) return;
    ac->data = NULL;
    redisAsyncFree(ac);
}

static void on_timer(void *fn_self)
{
    struct store_redis *self = fn_self;
    if (self->state == RESTS) {
        connect_now(self);
        return;
    }
    uint64_t now = service_now(self->svc), deadline = self->progress + self->config->presence.redis_timeout_ms;
    bool waits = self->state != UP || self->store->under_way;
    if (waits && now >= deadline) {
        if (self->resolve) self->resolve->self = NULL, self->resolve = NULL;
        leave(self, ERR_TIMEOUT, "no answer in time");
    } else {
        service_timer_set(self->svc, &self->timer, waits ? deadline : now + self->config->presence.redis_timeout_ms);
    }
}

static void on_connected(const redisAsyncContext *ac, int status)
{
    struct store_redis *self = ac->data;
    if (!self || status == REDIS_OK) return;
    rest(self, ERR_GONE, ac->errstr);       /* hiredis frees the context */
}

static void on_disconnected(const redisAsyncContext *ac, int status)
{
    struct store_redis *self = ac->data;
    (void)status;
    if (self) rest(self, ERR_GONE, ac->err ? ac->errstr : "closed");
}

/* ---- answers */

static struct span text_of(const redisReply *r)
{
    return r->type == REDIS_REPLY_NIL ? span_from(NULL, 0) : span_from(r->str ? r->str : "", r->len);
}

static const struct span *list_of(struct store_redis *self, const redisReply *r, size_t *count)
{
    if (r->elements > self->list_cap) {
        self->list_cap = r->elements;
        self->list = realloc(self->list, self->list_cap * sizeof *self->list);
        NEED(self->list);
    }
    for (size_t i = 0; i < r->elements; i++) self->list[i] = text_of(r->element[i]);
    *count = r->elements;
    return self->list;
}

static struct store_reply reply_of(struct store_redis *self, const redisReply *r)
{
    struct store_reply out = { .kind = STORE_TEXT };
    if (r->type == REDIS_REPLY_ERROR) {
        out.kind = STORE_ERROR, out.text = text_of(r);
    } else if (r->type != REDIS_REPLY_ARRAY) {
        out.text = text_of(r);
    } else if (r->elements == 2 && r->element[1]->type == REDIS_REPLY_ARRAY) {      /* a page */
        out.kind = STORE_LIST, out.cursor = text_of(r->element[0]);
        out.at = list_of(self, r->element[1], &out.count);
    } else {
        out.kind = STORE_LIST, out.at = list_of(self, r, &out.count);
    }
    return out;
}

static void on_answer(redisAsyncContext *ac, void *given, void *nothing)
{
    struct store_redis *self = ac->data;
    const redisReply *r = given;
    (void)nothing;
    if (!self || !r || self->state != UP) return;       /* lost with its connection: on_disconnected tells */
    self->progress = service_now(self->svc);
    struct store_reply reply = reply_of(self, r);
    enum err e = store_on_reply(self->store, &reply);
    if (e != OK) leave(self, e, r->type == REDIS_REPLY_ERROR ? r->str : err_name(e));
}

static void on_greeted(redisAsyncContext *ac, void *given, void *last)
{
    struct store_redis *self = ac->data;
    const redisReply *r = given;
    if (!self || !r || self->state != GREETS) return;
    if (r->type == REDIS_REPLY_ERROR) {
        leave(self, store_error(text_of(r)), r->str);
        return;
    }
    if (!last) return;
    self->state = UP;
    self->pause = 0;
    self->warned = false;
    self->progress = service_now(self->svc);
    log_info(self->log, "redis up", "at=%s", self->path ? self->path : self->host);
    store_on_up(self->store, service_now(self->svc));
    store_redis_flush(self);
}

/* ---- out */

static bool send_command(struct store_redis *self, const struct store_command *c)
{
    const char *argv[STORE_ARGS_MAX];
    size_t len[STORE_ARGS_MAX];
    for (size_t i = 0; i < c->count; i++) argv[i] = c->arg[i].ptr, len[i] = c->arg[i].len;
    return redisAsyncCommandArgv(self->ac, on_answer, NULL, (int)c->count, argv, len) == REDIS_OK;
}

void store_redis_flush(struct store_redis *self)
{
    if (!self || self->state != UP) return;
    uint64_t now = service_now(self->svc);
    struct store_command c;
    bool idle = self->store->under_way == 0;
    while (self->state == UP && store_next(self->store, &c, now)) {
        if (!send_command(self, &c)) {
            leave(self, ERR_GONE, "no command is taken");
            return;
        }
    }
    if (idle && self->store->under_way) self->progress = now;
    uint64_t deadline = store_deadline(self->store);
    if (deadline != UINT64_MAX && deadline > now) service_timer_set(self->svc, &self->due, deadline);
}

static void on_due(void *self)
{
    store_redis_flush(self);
}

/* ---- there */

/* The first line, read at each connect: it may have changed. */
static bool password(const struct store_redis *self, struct buf *out)
{
    const char *file = self->config->presence.redis_password_file;
    if (!*file) return true;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, buf_room(out, PASSWORD_MAX), PASSWORD_MAX);
    close(fd);
    if (n <= 0) return false;
    buf_grew(out, (size_t)n);
    struct span text = buf_span(out), line = span_cut(&text, '\n');
    while (line.len && line.ptr[line.len - 1] == '\r') line.len--;
    out->len = line.len;
    return line.len > 0;
}

static void use(struct store_redis *self, redisAsyncContext *ac)
{
    struct buf secret = { 0 };
    NEED(ac);
    self->ac = ac;
    ac->data = self;
    if (ac->err || !attach(ac, service_loop(self->svc))) {
        leave(self, ERR_GONE, ac->err ? ac->errstr : "no poll handle");
        return;
    }
    redisAsyncSetConnectCallback(ac, on_connected);
    redisAsyncSetDisconnectCallback(ac, on_disconnected);
    self->state = GREETS;
    if (!password(self, &secret)) {
        leave(self, ERR_AUTH, "the password file can't be read");
    } else {
        if (secret.len) redisAsyncCommand(ac, on_greeted, NULL, "AUTH %b", secret.ptr, secret.len);
        redisAsyncCommand(ac, on_greeted, self, "PING");
    }
    if (secret.ptr) memset(secret.ptr, 0, secret.cap);
    buf_fini(&secret);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct resolve *r = request->data;
    struct store_redis *self = r->self;
    char ip[64] = "";
    if (status == 0) {
        if (found->ai_family == AF_INET6) uv_ip6_name((const struct sockaddr_in6 *)(const void *)found->ai_addr, ip, sizeof ip);
        else uv_ip4_name((const struct sockaddr_in *)(const void *)found->ai_addr, ip, sizeof ip);
    }
    uv_freeaddrinfo(found);
    free(r);
    if (!self) return;
    self->resolve = NULL;
    if (*ip) use(self, redisAsyncConnect(ip, self->port));
    else leave(self, ERR_GONE, uv_strerror(status));
}

static void connect_now(struct store_redis *self)
{
    uint64_t now = service_now(self->svc);
    self->progress = now;
    self->state = CONNECTS;
    service_timer_set(self->svc, &self->timer, now + self->config->presence.redis_timeout_ms);
    if (self->path) {
        use(self, redisAsyncConnectUnix(self->path));
        return;
    }
    struct resolve *r = calloc(1, sizeof *r);
    NEED(r);
    r->self = self;
    r->request.data = r;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC };
    self->state = RESOLVES;
    int status = uv_getaddrinfo(service_loop(self->svc), &r->request, on_resolved, self->host, NULL, &hints);
    if (status == 0) {
        self->resolve = r;
        return;
    }
    free(r);
    leave(self, ERR_GONE, uv_strerror(status));
}

/* "private", "unix:/run/redis.sock", "tcp:host:6379", "tcp:[::1]:6379"; the configuration has checked it. */
static void place(struct store_redis *self, const char *where)
{
    struct buf text = { 0 };
    if (strcmp(where, "private") == 0) {
        buf_add_format(&text, "%s/redis.sock", self->config->state_dir);
        self->path = strdup(buf_text(&text));
    } else if (strncmp(where, "unix:", 5) == 0) {
        self->path = strdup(where + 5);
    } else {
        const char *host = where + 4, *colon = strrchr(host, ':');
        NEED(colon);
        struct span name = span_from(host, (size_t)(colon - host));
        if (name.len > 1 && name.ptr[0] == '[') name = span_from(name.ptr + 1, name.len - 2);
        uint64_t port = 6379;
        (void)span_to_uint(span_of(colon + 1), UINT16_MAX, &port);
        buf_add(&text, name);
        self->host = strdup(buf_text(&text));
        self->port = (uint16_t)port;
    }
    buf_fini(&text);
}

struct store_redis *store_redis_new(struct service *svc, const struct config *config, struct store *store, struct presence_stats *stats)
{
    if (strcmp(config->presence.redis, "none") == 0) return NULL;
    struct store_redis *self = calloc(1, sizeof *self);
    NEED(self);
    *self = (struct store_redis){ .svc = svc, .log = service_log(svc), .config = config, .store = store, .stats = stats };
    self->timer = (struct service_timer){ .fn = on_timer, .self = self };
    self->due = (struct service_timer){ .fn = on_due, .self = self };
    place(self, config->presence.redis);
    connect_now(self);
    return self;
}

void store_redis_destroy(struct store_redis **self_p)
{
    struct store_redis *self = *self_p;
    if (!self) return;
    if (self->resolve) {
        self->resolve->self = NULL;             /* its callback comes while the loop closes */
        uv_cancel((uv_req_t *)&self->resolve->request);
    }
    if (self->state == UP) store_on_lost(self->store);
    if (self->ac) {
        self->ac->data = NULL;
        redisAsyncFree(self->ac);
    }
    service_timer_cancel(self->svc, &self->timer);
    service_timer_cancel(self->svc, &self->due);
    free(self->list), free(self->host), free(self->path);
    free(self);
    *self_p = NULL;
}
