#define _GNU_SOURCE 1                   /* epoll_pwait2 */
#include "pool.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dial.h"
#include "frame.h"
#include "upgrade.h"

#define SECOND 1000000000ull

enum { BATCH = 1024, RECV = 256 * 1024, SCRATCH = 128 * 1024, PER_SOURCE = 20000, COMPLAINTS = 5 };
enum { ENTER_PATIENCE = 20, CLOSE_PATIENCE = 3 };      /* seconds */

struct pool {
    const struct options     *o;
    const struct pool_events *on;
    void                     *self;
    struct conn              *conns;
    unsigned                  size;
    struct conn             **queue;        /* to be dialled, a ring of 'size' */
    unsigned                  queue_head, queue_len;
    unsigned                  entering;     /* handshakes under way */
    unsigned                  sources;
    char                     *carries;      /* one block, 'carry_cap' each */
    size_t                    carry_cap;
    struct pool_count         count;
    bool                     *stdin_readable;
    int                       epoll;
    uint32_t                  mask;
    uint64_t                  now, next_scan;
    char                      in[RECV], out[SCRATCH];
};

uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

struct pool *pool_new(const struct options *o, unsigned size, const struct pool_events *e, void *self)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (size + 16 > files.rlim_max)
        errx(111, "%u connections, but only %llu descriptors", size, (unsigned long long)files.rlim_max);

    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        err(111, "pool");
    p->o = o, p->on = e, p->self = self, p->size = size;
    p->mask = (uint32_t)clock_ns() | 1;
    p->now = clock_ns();
    p->sources = o->sources ? o->sources : 1 + size / PER_SOURCE;
    p->carry_cap = 2048 + (size_t)o->size + (size_t)o->size / 2;
    p->conns = calloc(size, sizeof *p->conns);
    p->queue = calloc(size, sizeof *p->queue);
    p->carries = calloc(size, p->carry_cap);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!p->conns || !p->queue || !p->carries || p->epoll < 0)
        err(111, "pool");
    for (unsigned i = 0; i < size; i++)
        p->conns[i] = (struct conn){ .fd = -1, .index = i, .carry = p->carries + i * p->carry_cap };
    return p;
}

void pool_destroy(struct pool **pp)
{
    struct pool *p = *pp;
    if (!p)
        return;
    for (unsigned i = 0; i < p->size; i++) {
        if (p->conns[i].fd >= 0)
            close(p->conns[i].fd);
        free(p->conns[i].late);
    }
    close(p->epoll);
    free(p->carries), free(p->queue), free(p->conns), free(p);
    *pp = NULL;
}

struct conn *pool_conn(struct pool *p, unsigned index)       { return &p->conns[index]; }
const struct pool_count *pool_count(const struct pool *p)    { return &p->count; }
uint64_t pool_now(const struct pool *p)                      { return p->now; }

uint32_t pool_mask(struct pool *p)
{
    p->mask ^= p->mask << 13, p->mask ^= p->mask >> 17, p->mask ^= p->mask << 5;
    return p->mask;
}

static bool entering(const struct conn *c)
{
    return c->state >= CONN_UPGRADING && c->state <= CONN_ENTERING;
}

static void conn_drop(struct pool *p, struct conn *c)
{
    if (entering(c))
        p->entering--;
    if (c->state == CONN_UP)
        p->count.up--;
    if (c->fd >= 0)
        close(c->fd);                       /* leaves the epoll set by itself */
    free(c->late);
    c->fd = -1, c->state = CONN_NONE, c->late = NULL, c->late_len = 0, c->carry_len = 0, c->error = 0;
    p->on->down(p->self, c);
}

/* What went wrong is counted always and told a few times only. */
static void conn_fail(struct pool *p, struct conn *c, const char *why)
{
    if (c->state == CONN_CLOSING) {
        p->count.unclosed++;
    } else {
        uint64_t *n = c->state == CONN_UP ? &p->count.lost : &p->count.failed;
        if (++*n <= COMPLAINTS)
            fprintf(stderr, "load: connection %u, %s: %s\n", c->index, c->state == CONN_UP ? "up" : "entering", why);
    }
    conn_drop(p, c);
}

static void conn_poll(struct pool *p, struct conn *c, int op, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.ptr = c };
    if (epoll_ctl(p->epoll, op, c->fd, &e) != 0)
        err(111, "epoll_ctl");
}

void pool_send(struct pool *p, struct conn *c, const char *bytes, size_t len)
{
    ssize_t n = 0;
    if (c->late_len == 0) {
        n = send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n == (ssize_t)len)
            return;
        if (n < 0 && errno != EAGAIN) {
            c->error = errno;               /* the next read ends it */
            return;
        }
        if (n < 0)
            n = 0;
        conn_poll(p, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    size_t rest = len - (size_t)n;
    c->late = realloc(c->late, c->late_len + rest);
    if (!c->late)
        err(111, "late bytes");
    memcpy(c->late + c->late_len, bytes + n, rest);
    c->late_len += rest;
}

void pool_say(struct pool *p, struct conn *c, const char *text, size_t len)
{
    if (len + FRAME_HEAD > sizeof p->out)
        errx(111, "a packet of %zu bytes", len);
    pool_send(p, c, p->out, frame_encode(p->out, FRAME_TEXT, pool_mask(p), text, len));
}

void pool_close(struct pool *p, struct conn *c)
{
    static const char normal[] = "\x03\xe8";            /* 1000 */
    pool_send(p, c, p->out, frame_encode(p->out, FRAME_CLOSE, pool_mask(p), normal, 2));
    if (c->state == CONN_UP)
        p->count.up--;
    else if (entering(c))
        p->entering--;
    c->state = CONN_CLOSING;
    c->since = p->now;
}

void pool_dial(struct pool *p, struct conn *c)
{
    p->queue[(p->queue_head + p->queue_len++) % p->size] = c;
}

/* The request goes out with the dial, and waits as late bytes where the kernel
 * is not through with the handshake: on loopback it nearly always is. */
static void conn_dial(struct pool *p, struct conn *c)
{
    const struct server *s = &p->o->servers[c->index % p->o->n_servers];
    unsigned source = p->sources > 1 ? 1 + c->index / p->o->n_servers % p->sources : 0;
    p->entering++;
    c->state = CONN_UPGRADING;
    c->since = clock_ns();
    c->fd = dial_open(&s->addr, source);
    if (c->fd < 0) {
        conn_fail(p, c, strerror(errno));
        return;
    }
    conn_poll(p, c, EPOLL_CTL_ADD, EPOLLIN);
    pool_send(p, c, p->out, upgrade_request(p->out, sizeof p->out, p->o->path, s->host));
}

static void conn_writable(struct pool *p, struct conn *c)
{
    ssize_t n = send(c->fd, c->late, c->late_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) {
        conn_fail(p, c, strerror(errno));
        return;
    }
    if (n > 0) {
        c->late_len -= (size_t)n;
        memmove(c->late, c->late + n, c->late_len);
    }
    if (c->late_len == 0)
        conn_poll(p, c, EPOLL_CTL_MOD, EPOLLIN);
}

static bool starts(const char *text, size_t len, const char *with)
{
    size_t n = strlen(with);
    return len >= n && memcmp(text, with, n) == 0;
}

/* Engine.IO's open packet, then Socket.IO's CONNECT and its answer. */
static void conn_enter(struct pool *p, struct conn *c, const char *text, size_t len)
{
    if (c->state == CONN_OPENING && starts(text, len, "0{")) {
        char hello[4200];
        int n = snprintf(hello, sizeof hello, "40{\"token\":\"%s\"}", p->o->tokens[c->index % p->o->n_tokens]);
        c->state = CONN_ENTERING;
        pool_say(p, c, hello, (size_t)n);
    } else if (c->state == CONN_ENTERING && starts(text, len, "40{\"sid\":\"")) {
        c->state = CONN_UP;
        p->entering--;
        p->count.up++;
        p->count.entered++;
        p->on->up(p->self, c);
    } else if (c->state == CONN_ENTERING && starts(text, len, "42")) {
        return;                             /* a greeting, or what a recovery missed, may come first */
    } else {
        char why[160];
        snprintf(why, sizeof why, "the server said %.*s", len < 120 ? (int)len : 120, text);
        conn_fail(p, c, why);
    }
}

static void conn_on_frame(struct pool *p, struct conn *c, const struct frame *f)
{
    if (f->op == FRAME_TEXT && f->len > 0) {
        if (f->text[0] == '4' && c->state == CONN_UP)
            p->on->packet(p->self, c, f->text, f->len);
        else if (f->text[0] == '2')
            pool_say(p, c, "3", 1);
        else if (c->state < CONN_UP)
            conn_enter(p, c, f->text, f->len);
        else if (c->state == CONN_UP && f->text[0] != '6')
            conn_fail(p, c, "an Engine.IO packet that no server sends here");
    } else if (f->op == FRAME_PING) {
        pool_send(p, c, p->out, frame_encode(p->out, FRAME_PONG, pool_mask(p), f->text, f->len));
    } else if (f->op == FRAME_CLOSE) {
        if (c->state == CONN_CLOSING)
            conn_drop(p, c);                /* our close, answered */
        else
            conn_fail(p, c, "closed by the server");
    } else if (f->op != FRAME_PONG && c->state != CONN_CLOSING) {
        conn_fail(p, c, "a frame that no server sends here");
    }
}

/* Returns the bytes used; the connection may be gone afterwards. */
static size_t conn_consume(struct pool *p, struct conn *c, const char *in, size_t len)
{
    size_t used = 0;
    if (c->state == CONN_UPGRADING) {
        ssize_t n = upgrade_decode(in, len);
        if (n < 0) {
            char why[160];
            snprintf(why, sizeof why, "no upgrade: %.*s", (int)(len < 120 ? len : 120), in);
            conn_fail(p, c, why);
        }
        if (n <= 0)
            return 0;
        c->state = CONN_OPENING;
        used = (size_t)n;
    }
    while (c->fd >= 0) {
        struct frame f;
        ssize_t n = frame_decode(&f, in + used, len - used);
        if (n == 0)
            break;
        if (n < 0) {
            conn_fail(p, c, "not a server's frame");
            break;
        }
        used += (size_t)n;
        conn_on_frame(p, c, &f);
    }
    return used;
}

static void conn_readable(struct pool *p, struct conn *c)
{
    size_t have = c->carry_len;
    memcpy(p->in, c->carry, have);
    ssize_t n = recv(c->fd, p->in + have, sizeof p->in - have, MSG_DONTWAIT);
    p->now = clock_ns();
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 && c->state == CONN_CLOSING) {
        conn_drop(p, c);
        return;
    }
    if (n <= 0) {
        conn_fail(p, c, n < 0 ? strerror(errno) : c->error ? strerror(c->error) : "end of stream");
        return;
    }
    have += (size_t)n;
    size_t used = conn_consume(p, c, p->in, have);
    if (c->fd < 0)
        return;
    if (have - used > p->carry_cap) {
        conn_fail(p, c, "a frame beyond every expectation");
        return;
    }
    c->carry_len = (uint32_t)(have - used);
    memcpy(c->carry, p->in + used, c->carry_len);
}

/* Once a second: who has been on the way in, or out, for too long? */
static void impatient(struct pool *p)
{
    if (p->now < p->next_scan)
        return;
    p->next_scan = p->now + SECOND;
    for (unsigned i = 0; i < p->size; i++) {
        struct conn *c = &p->conns[i];
        uint64_t age = p->now - c->since;
        if ((entering(c) && age > ENTER_PATIENCE * SECOND) || (c->state == CONN_CLOSING && age > CLOSE_PATIENCE * SECOND))
            conn_fail(p, c, "no answer");
    }
}

void pool_watch_stdin(struct pool *p, bool *readable)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL };
    p->stdin_readable = readable;
    if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &e) != 0)
        *readable = true;                   /* a plain file: never waits */
}

void pool_turn(struct pool *p, uint64_t wait_ns)
{
    struct epoll_event events[BATCH];
    for (unsigned n = p->queue_len; n > 0 && p->entering < p->o->concurrency; n--) {
        struct conn *c = p->queue[p->queue_head];
        p->queue_head = (p->queue_head + 1) % p->size;
        p->queue_len--;
        conn_dial(p, c);
    }
    struct timespec t = { .tv_sec = (time_t)(wait_ns / SECOND), .tv_nsec = (long)(wait_ns % SECOND) };
    int got = epoll_pwait2(p->epoll, events, BATCH, &t, NULL);
    if (got < 0 && errno != EINTR)
        err(111, "epoll_pwait2");
    p->now = clock_ns();
    for (int i = 0; i < got; i++) {
        struct conn *c = events[i].data.ptr;
        if (!c) {
            *p->stdin_readable = true;
            epoll_ctl(p->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
            continue;
        }
        if (c->fd >= 0 && events[i].events & EPOLLOUT)
            conn_writable(p, c);
        if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            conn_readable(p, c);
    }
    impatient(p);
}
