/* listen: the stats socket by prefix, or a room as a Socket.IO client. */
#include "ask_zmq.h"
#include "command.h"
#include "talk_os.h"
#include "terminal.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct flag flags[] = { PLACE_FLAGS,
    { "token", "T", "of the user to be" }, { "room", "R", "to join (lobby)" }, { "nsp", "NAME", "namespace (/)" },
    { "count", "N", "stats: stop after so many" }, { 0 } };

/* ---- stats */

static int listen_stats(const struct arguments *a)
{
    struct place p;
    struct buf status = { 0 }, topic = { 0 }, json = { 0 };
    uint64_t most = UINT64_MAX;
    const char *count = arguments_flag(a, "count");
    if (count && !span_to_uint(span_of(count), UINT64_MAX, &most)) return command_fail(COMMAND_USAGE, "--count: '%s' is no number", count);
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;
    bool runs = talk_status(&p, &status);
    struct ask *ask = ask_new(&p, buf_span(&status));
    int code = COMMAND_OK;
    if (!ask_subscribe(ask, a->word[0])) code = command_fail(COMMAND_ENVIRONMENT, "there is no stats socket");
    for (uint64_t n = 0; code == COMMAND_OK && n < most;) {
        if (ask_next(ask, 5000, &topic, &json)) {
            n++;
            if (printf("%s %s\n", buf_text(&topic), buf_text(&json)) < 0 || fflush(stdout) != 0) break;
        } else if (!runs || !talk_status(&p, &status)) {
            code = command_fail(COMMAND_NO, "nothing comes: %s is not running in %s", p.config.name, p.state);
        }
    }
    ask_destroy(&ask);
    buf_fini(&status), buf_fini(&topic), buf_fini(&json);
    place_close(&p);
    return code;
}

/* ---- a client */

static int dial(const char *host, const char *port)
{
    struct addrinfo *list = NULL, hints = { .ai_socktype = SOCK_STREAM };
    int fd = -1, e = getaddrinfo(host, port, &hints, &list);
    if (e != 0) return command_fail(-1, "%s: %s", host, gai_strerror(e));
    for (struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) close(fd), fd = -1;
    }
    if (fd < 0) command_fail(-1, "%s:%s: %s", host, port, strerror(errno));
    freeaddrinfo(list);
    return fd;
}

static bool flush(int fd, struct buf *send_buf, struct buf *show)
{
    size_t at = 0;
    if (show->len) fwrite(show->ptr, 1, show->len, stdout);
    fflush(stdout);
    buf_clear(show);
    while (at < send_buf->len) {
        ssize_t n = send(fd, send_buf->ptr + at, send_buf->len - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) return false;
        if (n > 0) at += (size_t)n;
    }
    buf_clear(send_buf);
    return true;
}

static bool take(int fd, struct buf *in)
{
    ssize_t n = read(fd, buf_room(in, 65536), 65536);
    if (n < 0) return errno == EINTR;
    buf_grew(in, (size_t)n);
    return n > 0;
}

/* The end of the input says no more, but the room is listened to on: 'causeway listen ... < /dev/null' is a log. */
static int talk_on(struct terminal *t, int fd)
{
    struct buf typed = { 0 }, came = { 0 }, send_buf = { 0 }, show = { 0 };
    struct pollfd fds[2] = { { fd, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
    terminal_init(t, &send_buf);
    while (flush(fd, &send_buf, &show) && !t->ended) {
        fds[1].fd = t->connected && fds[1].fd != -2 ? STDIN_FILENO : fds[1].fd == -2 ? -2 : -1;
        if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
        if (fds[0].revents) {
            if (!take(fd, &came)) {
                if (!t->ended) buf_add_literal(&show, "! the connection is gone\n"), t->ended = t->refused = true;
                continue;
            }
            terminal_on_bytes(t, buf_span(&came), &send_buf, &show);
            buf_clear(&came);
        }
        if (fds[1].fd >= 0 && fds[1].revents && !take(STDIN_FILENO, &typed)) fds[1].fd = -2;
        for (ptrdiff_t eol; (eol = span_find(buf_span(&typed), '\n')) >= 0 && !t->ended; buf_drop_head(&typed, (size_t)eol + 1))
            terminal_on_line(t, span_head(buf_span(&typed), (size_t)eol), &send_buf, &show);
    }
    buf_fini(&typed), buf_fini(&came), buf_fini(&send_buf), buf_fini(&show);
    return t->refused ? COMMAND_NO : COMMAND_OK;
}

static int listen_room(const struct command *self, const struct arguments *a)
{
    struct buf host = { 0 }, port = { 0 }, path = { 0 }, shown = { 0 };
    const char *why, *token = arguments_flag(a, "token"), *room = arguments_flag(a, "room"), *nsp = arguments_flag(a, "nsp");
    int code = COMMAND_USAGE;
    if (!terminal_url(span_of(a->word[0]), &host, &port, &path, &why)) {
        code = command_misused(self, "'%s': %s", a->word[0], why);
    } else {
        bool v6 = strchr(buf_text(&host), ':') != NULL;
        buf_add_format(&shown, "%s%s%s:%s", v6 ? "[" : "", buf_text(&host), v6 ? "]" : "", buf_text(&port));
        struct terminal t = { .host = buf_text(&shown), .path = buf_text(&path), .nsp = nsp ? nsp : "/", .token = token ? token : "", .room = room ? room : "lobby" };
        (void)!getrandom(&t.seed, sizeof t.seed, 0);
        int fd = dial(buf_text(&host), buf_text(&port));
        code = fd < 0 ? COMMAND_ENVIRONMENT : talk_on(&t, fd);
        if (fd >= 0) close(fd);
        terminal_fini(&t);
    }
    buf_fini(&host), buf_fini(&port), buf_fini(&path), buf_fini(&shown);
    return code;
}

static int run(const struct command *self, const struct arguments *a)
{
    bool stats = span_has_prefix(span_of(a->word[0]), SPAN("stats"));
    return stats ? listen_stats(a) : listen_room(self, a);
}

const struct command command_listen = { .name = "listen", .words = "stats[.PREFIX] | URL", .help = "print figures as they come; or be in a room", .flags = flags, .least = 1, .most = 1, .run = run };
