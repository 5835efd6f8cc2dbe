#include "sidkey_os.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

void sidkey_random(void *self, void *bytes, size_t n)
{
    (void)self;
    for (size_t done = 0; done < n; ) {
        ssize_t got = getrandom((char *)bytes + done, n - done, 0);
        if (got > 0) done += (size_t)got;
        else NEED(got < 0 && errno == EINTR);
    }
}

static bool read_key(const char *file, uint8_t key[SID_KEY_BYTES])
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    char more;
    bool good = read(fd, key, SID_KEY_BYTES) == SID_KEY_BYTES && read(fd, &more, 1) == 0;
    close(fd);
    if (!good) errno = EINVAL;
    return good;
}

/* Whole under a name of its own first; then linked, which fails where somebody was first. */
static void make_key(const char *file)
{
    uint8_t key[SID_KEY_BYTES];
    struct buf own = { 0 };
    buf_add_format(&own, "%s.%d", file, (int)getpid());
    (void)unlink(buf_text(&own));
    int fd = open(buf_text(&own), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        sidkey_random(NULL, key, sizeof key);
        bool good = write(fd, key, sizeof key) == (ssize_t)sizeof key && fsync(fd) == 0;
        close(fd);
        if (good) (void)!link(buf_text(&own), file);        /* there is one now, ours or another's */
        (void)unlink(buf_text(&own));
        explicit_bzero(key, sizeof key);
    }
    buf_fini(&own);
}

bool sidkey_read(const char *state_dir, uint8_t key[SID_KEY_BYTES], struct buf *why)
{
    struct buf file = { 0 };
    buf_add_format(&file, "%s/sid.key", state_dir);
    bool good = read_key(buf_text(&file), key);
    if (!good && errno == ENOENT) {
        make_key(buf_text(&file));
        good = read_key(buf_text(&file), key);
    }
    if (!good) buf_add_format(why, "%s: %s", buf_text(&file), errno == EINVAL ? "not 16 bytes" : strerror(errno));
    buf_fini(&file);
    return good;
}
