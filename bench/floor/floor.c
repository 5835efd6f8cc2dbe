/* floor - the least that a server can do: what is left of the cost when there
 * is no session, no token, no JSON, no room table and no timer. It understands
 * the load generator and nobody else, and is measured only to say how much of
 * a figure is the machine's.
 *
 * One thread, one epoll, one room. What was published in a turn goes to every
 * member in one write at its end.
 *     floor PORT             prints "READY 127.0.0.1:PORT PID" */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNS = 20000, EVENTS = 1024, RECV = 64 * 1024, BATCH = 1 << 20, LATE = 4096 };

static struct conn {
    bool   upgraded, member;
    char  *late;                        /* what a full socket did not take */
    size_t late_len;
    char  *carry;                       /* a frame cut off; there when it happens */
    size_t carry_len;
} conns[CONNS];                         /* by descriptor */

static int members[CONNS], n_members, poll_fd;
static char batch[BATCH];
static size_t batch_len;

static void conn_close(int fd)
{
    struct conn *c = &conns[fd];
    for (int i = 0; c->member && i < n_members; i++) {
        if (members[i] == fd) {
            members[i] = members[--n_members];
            break;
        }
    }
    free(c->late), free(c->carry);
    *c = (struct conn){ 0 };
    close(fd);
}

static void conn_send(int fd, const char *bytes, size_t len)
{
    struct conn *c = &conns[fd];
    ssize_t n = c->late_len ? 0 : send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n == (ssize_t)len || (n < 0 && errno != EAGAIN))
        return;
    if (n < 0)
        n = 0;
    if (c->late_len == 0)
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &(struct epoll_event){ .events = EPOLLIN | EPOLLOUT, .data.fd = fd });
    c->late = realloc(c->late, c->late_len + len - (size_t)n);
    if (!c->late)
        err(111, "late bytes");
    memcpy(c->late + c->late_len, bytes + n, len - (size_t)n);
    c->late_len += len - (size_t)n;
}

static void conn_writable(int fd)
{
    struct conn *c = &conns[fd];
    ssize_t n = send(fd, c->late, c->late_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
        c->late_len -= (size_t)n;
        memmove(c->late, c->late + n, c->late_len);
    }
    if (c->late_len == 0)
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.fd = fd });
}

static size_t frame_text(char *out, const char *text, size_t len)
{
    size_t head = 2;
    out[0] = (char)0x81;
    out[1] = (char)(len < 126 ? len : 126);
    if (len >= 126) {
        out[2] = (char)(len >> 8), out[3] = (char)len;
        head = 4;
    }
    memcpy(out + head, text, len);
    return head + len;
}

static void say(int fd, const char *text)
{
    char out[512];
    conn_send(fd, out, frame_text(out, text, strlen(text)));
}

static void publish(const char *text, size_t len)
{
    char event[RECV];
    const char *m = memmem(text, len, "\"message\":\"", 11), *end = memrchr(text, '"', len);
    if (!m || end <= m || batch_len + len + 256 > BATCH)
        return;
    m += 11;
    int n = snprintf(event, sizeof event, "42[\"room-message\",{\"room\":\"bench\",\"senderId\":\"u0\",\"message\":\"%.*s\","
                     "\"timestamp\":\"2025-01-01T00:00:00.000Z\"}]", (int)(end - m), m);
    batch_len += frame_text(batch + batch_len, event, (size_t)n);
}

static void conn_on_text(int fd, const char *text, size_t len)
{
    if (len >= 2 && memcmp(text, "40", 2) == 0) {
        say(fd, "40{\"sid\":\"aaaaaaaaaaaaaaaaaaaa\"}");
    } else if (len > 3 && memcmp(text, "42[", 3) == 0) {
        publish(text, len);
    } else if (len > 3 && memcmp(text, "42", 2) == 0) {
        char ack[64];
        int id = atoi(text + 2);
        snprintf(ack, sizeof ack, "43%d[{\"success\":true}]", id);
        say(fd, ack);
        if (memmem(text, len, "join-room", 9)) {
            conns[fd].member = true;
            members[n_members++] = fd;
        }
    }
}

/* Returns the bytes used; the connection may be gone afterwards. */
static size_t conn_consume(int fd, char *in, size_t len)
{
    struct conn *c = &conns[fd];
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    if (!c->upgraded) {
        if (!memmem(in, len, "\r\n\r\n", 4))
            return 0;
        c->upgraded = true;
        conn_send(fd, answer, sizeof answer - 1);
        say(fd, "0{\"sid\":\"aaaaaaaaaaaaaaaaaaaa\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}");
        return len;
    }
    size_t used = 0;
    while (len - used >= 6) {
        unsigned char *p = (unsigned char *)in + used;
        size_t head = 6, n = p[1] & 127u;
        if (n == 126)
            head = 8, n = (size_t)p[2] << 8 | p[3];
        if (len - used < head + n)
            break;
        char *text = in + used + head, key[4];
        memcpy(key, text - 4, 4);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(text[i] ^ key[i & 3]);
        used += head + n;
        if ((p[0] & 15) == 8) {
            conn_send(fd, "\x88\x02\x03\xe8", 4);
            conn_close(fd);
            return used;
        }
        conn_on_text(fd, text, n);
    }
    return used;
}

static void conn_readable(int fd)
{
    static char in[LATE + RECV];
    struct conn *c = &conns[fd];
    if (c->carry_len > 0)
        memcpy(in, c->carry, c->carry_len);
    ssize_t n = recv(fd, in + c->carry_len, RECV, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        conn_close(fd);
        return;
    }
    size_t have = c->carry_len + (size_t)n, used = conn_consume(fd, in, have);
    if (have - used > LATE)
        errx(111, "a frame too long for the floor");
    if (used == have || !c->upgraded) {
        c->carry_len = 0;
        return;
    }
    if (!c->carry && !(c->carry = malloc(LATE)))
        err(111, "carry");
    c->carry_len = have - used;
    memcpy(c->carry, in + used, c->carry_len);
}

static void accept_all(int listener)
{
    const int yes = 1;
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0; ) {
        if (fd >= CONNS)
            errx(111, "too many connections");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.fd = fd });
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(100, "usage: floor PORT");
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const int yes = 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 4096) != 0)
        err(111, "port %s", argv[1]);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &(struct epoll_event){ .events = EPOLLIN, .data.fd = listener });
    printf("READY 127.0.0.1:%s %d\n", argv[1], (int)getpid());
    fflush(stdout);
    for (struct epoll_event e[EVENTS];;) {
        int n = epoll_wait(poll_fd, e, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = e[i].data.fd;
            if (fd == listener) {
                accept_all(fd);
                continue;
            }
            if (e[i].events & EPOLLOUT)
                conn_writable(fd);
            if (e[i].events & ~(unsigned)EPOLLOUT)
                conn_readable(fd);
        }
        for (int i = 0; batch_len > 0 && i < n_members; i++)
            conn_send(members[i], batch, batch_len);
        batch_len = 0;
    }
}
