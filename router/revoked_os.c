#include "revoked_os.h"

#include "err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SLACK_BYTES = 1 << 16, READ_BYTES = 1 << 16 };
static const char first_line[] = "causeway revoked 1\n";

static struct span head(void)
{
    return (struct span){ first_line, sizeof first_line - 1 };
}

static bool write_all(int fd, struct span bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno != EINTR) return false;
        if (n > 0) bytes = span_skip(bytes, (size_t)n);
    }
    return true;
}

static bool read_all(int fd, struct buf *out)
{
    for (ssize_t n; (n = read(fd, buf_room(out, READ_BYTES), READ_BYTES)) != 0; ) {
        if (n < 0 && errno != EINTR) return false;
        if (n > 0) buf_grew(out, (size_t)n);
    }
    return true;
}

bool revoked_file_read(struct revoked_file *self, const char *state_dir, uint16_t number, struct buf *content, struct buf *why)
{
    *self = (struct revoked_file){ .fd = -1 };
    buf_add_format(&self->path, "%s/router-%u.revoked", state_dir, number);
    int fd = open(buf_text(&self->path), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return true;
    struct buf bytes = { 0 };
    bool good = fd >= 0 && read_all(fd, &bytes);
    struct span rest = buf_span(&bytes);
    if (!good) buf_add_format(why, "%s: %s", buf_text(&self->path), strerror(errno));
    else if (!span_eat_prefix(&rest, head()) && rest.len) good = false, buf_add_format(why, "%s: no list of revoked tokens", buf_text(&self->path));
    if (good) buf_add(content, rest);
    if (fd >= 0) close(fd);
    buf_fini(&bytes);
    return good;
}

bool revoked_file_append(struct revoked_file *self, struct span entries)
{
    if (self->fd < 0) return errno = EBADF, false;
    if (!write_all(self->fd, entries) || fdatasync(self->fd) != 0) return false;
    self->bytes += entries.len;
    return true;
}

/* The name's new meaning is in the directory. */
static bool sync_directory(struct buf *path)
{
    struct buf directory = { 0 };
    const char *text = buf_text(path), *slash = strrchr(text, '/');
    buf_add(&directory, span_from(text, slash ? (size_t)(slash - text) : 0));
    int fd = open(slash ? buf_text(&directory) : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    buf_fini(&directory);
    return good;
}

bool revoked_file_replace(struct revoked_file *self, struct span entries)
{
    struct buf fresh = { 0 };
    buf_add(&fresh, buf_span(&self->path)), buf_add_literal(&fresh, ".new");
    int fd = open(buf_text(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_all(fd, head()) && write_all(fd, entries) && fsync(fd) == 0 &&
                rename(buf_text(&fresh), buf_text(&self->path)) == 0;
    if (good) {
        if (self->fd >= 0) close(self->fd);
        self->fd = fd, self->bytes = entries.len;
        good = sync_directory(&self->path);
    } else if (fd >= 0) {
        int why = errno;
        close(fd);
        errno = why;
    }
    buf_fini(&fresh);
    return good;
}

bool revoked_file_loose(const struct revoked_file *self, size_t live)
{
    return self->bytes > 2 * live + SLACK_BYTES;
}

void revoked_file_close(struct revoked_file *self)
{
    if (self->fd >= 0) close(self->fd);
    self->fd = -1;
    buf_fini(&self->path);
}
