#include "talk_os.h"
#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LAST_LINES = 12, LAST_BYTES = 8192 };

static int dial(const struct place *p)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct buf path = { 0 };
    place_path(&path, p, "control.sock");
    NEED(path.len < sizeof address.sun_path);
    memcpy(address.sun_path, path.ptr, path.len);
    buf_fini(&path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

enum talk_end talk_read(int fd, talk_fn *fn, void *self)
{
    struct buf in = { 0 };
    enum talk_end end = TALK_CUT;
    for (;;) {
        ssize_t n = read(fd, buf_room(&in, 65536), 65536);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        buf_grew(&in, (size_t)n);
        for (ptrdiff_t eol; (eol = span_find(buf_span(&in), '\n')) >= 0; buf_drop_head(&in, (size_t)eol + 1)) {
            struct span line = span_head(buf_span(&in), (size_t)eol);
            if (json_check(line, JSON_MAX_DEPTH) != OK) continue;
            struct span ok = json_find(line, SPAN("ok"));
            if (ok.len) end = json_is_true(ok) ? TALK_OK : TALK_FAILED;
            fn(self, line);
        }
    }
    close(fd);
    buf_fini(&in);
    return end;
}

enum talk_end talk(const struct place *p, const struct control_request *r, talk_fn *fn, void *self)
{
    struct buf line = { 0 };
    int fd = dial(p);
    if (fd < 0) return TALK_NOBODY;
    control_print(&line, r);
    bool sent = send(fd, line.ptr, line.len, MSG_NOSIGNAL) == (ssize_t)line.len;
    buf_fini(&line);
    if (!sent) return close(fd), TALK_CUT;
    return talk_read(fd, fn, self);
}

static void keep(void *self, struct span line)
{
    buf_clear(self);
    buf_add(self, line);
}

bool talk_status(const struct place *p, struct buf *json)
{
    return talk(p, &(struct control_request){ .verb = CONTROL_STATUS }, keep, json) == TALK_OK;
}

/* ---- for people */

void talk_report_line(void *self, struct span line)
{
    struct talk_report *r = self;
    struct buf event = { 0 }, id = { 0 }, text = { 0 };
    control_text(&event, line, "event");
    control_text(&id, line, "id");
    long long pid = control_number(line, "pid", 0), code = control_number(line, "code", SUPERVISE_CODE_UNKNOWN), ms = control_number(line, "ms", 0);
    if (span_same(buf_span(&event), SPAN("ready"))) {
        control_text(&text, line, "endpoint");
        printf("%-12s up       pid %-7lld %5lld ms  %s\n", buf_text(&id), pid, ms, buf_text(&text));
    } else if (span_same(buf_span(&event), SPAN("exit"))) {
        control_text(&text, line, "text");
        if (code == SUPERVISE_CODE_UNKNOWN) printf("%-12s %s, pid %lld (it was adopted: its exit code is not known)\n", buf_text(&id), buf_text(&text), pid);
        else if (code >= 128) printf("%-12s %s, pid %lld, signal %lld\n", buf_text(&id), buf_text(&text), pid, code - 128);
        else printf("%-12s %s, pid %lld, exit %lld\n", buf_text(&id), buf_text(&text), pid, code);
        if (code != 0 && code != SUPERVISE_CODE_UNKNOWN) r->bad++;
    } else if (json_find(line, SPAN("ok")).len) {
        buf_clear(&r->failed_id), buf_clear(&r->error);
        control_text(&r->failed_id, line, "id");
        control_text(&r->error, line, "error");
        r->code = code;
    }
    fflush(stdout);
    buf_fini(&event), buf_fini(&id), buf_fini(&text);
}

void talk_report_fini(struct talk_report *r)
{
    buf_fini(&r->failed_id), buf_fini(&r->error);
}

static void print_log_end(const struct place *p, const char *id)
{
    struct buf path = { 0 }, text = { 0 };
    struct stat st;
    int fd = open(place_path(&path, p, "log/%s.log", id), O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        off_t from = st.st_size > LAST_BYTES ? st.st_size - LAST_BYTES : 0;
        ssize_t n = pread(fd, buf_room(&text, LAST_BYTES), LAST_BYTES, from);
        if (n > 0) buf_grew(&text, (size_t)n);
    }
    if (fd >= 0) close(fd);
    size_t at = text.len ? text.len - 1 : 0;
    for (unsigned lines = 0; at > 0; at--)
        if (text.ptr[at - 1] == '\n' && ++lines == LAST_LINES) break;
    if (text.len) fprintf(stderr, "---- the end of %s\n%s", buf_text(&path), buf_text(&text) + at);
    buf_fini(&path), buf_fini(&text);
}

void talk_report_why(const struct talk_report *r)
{
    struct buf id = { 0 }, error = { 0 };
    buf_add(&id, buf_span(&r->failed_id)), buf_add(&error, buf_span(&r->error));
    fprintf(stderr, "causeway: %s%s%s", buf_text(&id), id.len ? ": " : "", error.len ? buf_text(&error) : "the supervisor ended without an answer: see its log");
    if (r->code >= 128) fprintf(stderr, " (signal %d)", (int)r->code - 128);
    else if (r->code > 0) fprintf(stderr, " (exit %d)", (int)r->code);
    fputc('\n', stderr);
    struct unit_id unit;
    if (unit_parse(buf_span(&id), &unit) && r->code != SUPERVISE_CODE_UNKNOWN) print_log_end(r->place, buf_text(&id));
    buf_fini(&id), buf_fini(&error);
}
