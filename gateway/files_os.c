#include "files_os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* NULL: errno says why. */
static struct blob *read_file(const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    struct stat st;
    struct buf text = { 0 };
    ssize_t n = -1;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    else if (st.st_size > FILES_MAX_BYTES) errno = EFBIG;
    else while ((n = read(fd, buf_room(&text, 65536), 65536)) > 0 && text.len <= FILES_MAX_BYTES) buf_grew(&text, (size_t)n);
    struct blob *b = n == 0 ? blob_new(buf_span(&text)) : NULL;
    int why = errno;
    buf_fini(&text);
    close(fd);
    errno = why;
    return b;
}

static void load(struct gate *gate, size_t listener, struct span path, struct span type, const char *name, struct log *log)
{
    struct blob *b = read_file(name);
    if (b) gate_add_file(gate, listener, path, type, &b);
    else log_warn(log, "file not served", "path=%.*s file=%s why=%s", (int)path.len, path.ptr, name, strerror(errno));
}

/* ---- the client library */

static const char *const variants[] = { "socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js" };
#define SCRIPT SPAN("application/javascript; charset=utf-8")
#define MAP    SPAN("application/json; charset=utf-8")

/* Installed beside the program, or in the tree that it was built in. */
static bool find_packaged(struct buf *dir)
{
    static const char *const from_program[] = {
        "../share/causeway/client", "../tests/client/node_modules/socket.io-client/dist", "../../tests/client/node_modules/socket.io-client/dist" };
    char program[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program);
    while (n > 0 && program[n - 1] != '/') n--;
    for (size_t i = 0; n > 0 && i < sizeof from_program / sizeof from_program[0]; i++) {
        buf_clear(dir);
        buf_add(dir, span_from(program, (size_t)n));
        buf_add(dir, span_of(from_program[i]));
        if (access(buf_text(dir), R_OK | X_OK) == 0) return true;
    }
    return false;
}

static void load_client(struct gate *gate, size_t listener, const struct config_listener *l, const char *dir, struct log *log)
{
    struct buf path = { 0 }, name = { 0 };
    for (size_t i = 0; i < 2 * sizeof variants / sizeof variants[0]; i++) {
        const char *suffix = i % 2 ? ".map" : "";
        buf_clear(&path), buf_clear(&name);
        buf_add_format(&path, "%s%s%s", l->path, variants[i / 2], suffix);
        buf_add_format(&name, "%s/%s%s", dir, variants[i / 2], suffix);
        load(gate, listener, buf_span(&path), i % 2 ? MAP : SCRIPT, buf_text(&name), log);
    }
    buf_fini(&path), buf_fini(&name);
}

void files_load(struct gate *gate, const struct config *config, struct log *log)
{
    struct buf packaged = { 0 };
    bool found = find_packaged(&packaged);
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *l = &config->listeners[i];
        for (size_t k = 0; k < l->file_count; k++)
            load(gate, i, span_of(l->files[k].path), span_of(l->files[k].type), l->files[k].file, log);
        const char *dir = l->client_dir[0] ? l->client_dir : found ? buf_text(&packaged) : NULL;
        if (!l->serve_client) continue;
        if (dir) load_client(gate, i, l, dir, log);
        else log_warn(log, "client library not found", "listener=%s hint=%s", l->name, "client_dir names it, scripts/deps installs it");
    }
    buf_fini(&packaged);
}
