#include "place_os.h"
#include "rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names */

static char *take(struct buf *b)
{
    char *text = strdup(buf_text(b));
    NEED(text);
    buf_fini(b);
    return text;
}

static char *programs_dir(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return strdup(".");
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (slash) *slash = '\0';
    return strdup(path);
}

static char *absolute(const char *path)
{
    char *real = realpath(path, NULL);
    if (real || path[0] == '/') return real ? real : strdup(path);
    char here[4096];
    struct buf b = { 0 };
    if (!getcwd(here, sizeof here)) here[0] = '\0';
    buf_add_format(&b, "%s/%s", here, path);
    return take(&b);
}

static char *recorded_topology(const char *state)
{
    struct buf name = { 0 };
    char path[4096];
    buf_add_format(&name, "%s/run/topology", state);
    ssize_t n = readlink(buf_text(&name), path, sizeof path - 1);
    buf_fini(&name);
    if (n <= 0) return NULL;
    path[n] = '\0';
    return access(path, R_OK) == 0 ? strdup(path) : NULL;
}

static char *default_topology(const char *programs)
{
    static const char *const places[] = { "/../topology/local.yaml", "/../../topology/local.yaml", "/../share/causeway/topology/local.yaml" };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct buf b = { 0 };
        buf_add_format(&b, "%s%s", programs, places[i]);
        char *real = realpath(buf_text(&b), NULL);
        buf_fini(&b);
        if (real) return real;
    }
    return strdup("topology/local.yaml");
}

static bool is_dir(const char *path)
{
    struct stat st;
    return path && *path && stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0;
}

static char *default_state(const char *name)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");
    struct buf b = { 0 };
    if (is_dir(runtime)) buf_add_format(&b, "%s/causeway-%s", runtime, name);
    else if (home && *home) buf_add_format(&b, "%s/.local/state/causeway/%s", home, name);
    else buf_add_format(&b, "/tmp/causeway-%u-%s", (unsigned)geteuid(), name);
    return take(&b);
}

const char *place_path(struct buf *out, const struct place *p, const char *format, ...)
{
    char name[256];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(name, sizeof name, format, values);
    va_end(values);
    buf_clear(out);
    buf_add_format(out, "%s/%s", p->state, name);
    return buf_text(out);
}

struct launch place_launch(const struct place *p)
{
    return (struct launch){ p->programs, p->topology, p->state };
}

/* ---- open */

static char *name_of(const char *topology)
{
    struct config c;
    struct buf errors = { 0 };
    (void)config_read(&c, topology, "/nonexistent", &errors);      /* what is wrong is said when it is read in earnest */
    char *name = strdup(c.name ? c.name : "causeway");
    config_fini(&c);
    buf_fini(&errors);
    return name;
}

void place_find(struct place *p, const struct arguments *a, const char *named, bool starting)
{
    *p = (struct place){ .programs = programs_dir() };
    const char *state = arguments_flag(a, "state"), *from_env = getenv("CAUSEWAY_TOPOLOGY");
    if (!state || !*state) state = getenv("CAUSEWAY_STATE");
    if (state && !*state) state = NULL;
    if (!named) named = arguments_flag(a, "topology");
    char *file = named ? strdup(named) : NULL;
    if (!file && state && !starting) file = recorded_topology(state);
    if (!file && from_env && *from_env) file = strdup(from_env);
    if (!file) file = default_topology(p->programs);
    p->topology = absolute(file);
    free(file);
    p->name = name_of(p->topology);
    char *made = state ? strdup(state) : default_state(p->name);
    p->state = absolute(made);
    free(made);
}

bool place_open(struct place *p, const struct arguments *a, const char *named, bool starting)
{
    struct buf errors = { 0 };
    place_find(p, a, named, starting);
    bool good = config_read(&p->config, p->topology, p->state, &errors);
    fputs(buf_text(&errors), stderr);
    buf_fini(&errors);
    if (good && strlen(p->state) > LAUNCH_STATE_MAX) {
        fprintf(stderr, "causeway: %s: a state directory's name may have %d bytes, since there are sockets in it\n", p->state, LAUNCH_STATE_MAX);
        good = false;
    }
    if (!good) place_close(p);
    return good;
}

void place_close(struct place *p)
{
    config_fini(&p->config);
    free(p->topology), free(p->state), free(p->programs), free(p->name);
    *p = (struct place){ 0 };
}

bool place_check(const struct place *p)
{
    struct buf errors = { 0 };
    for (size_t i = 0; i < p->config.namespace_count; i++) {
        struct rules *rules = rules_new(&p->config.namespaces[i], &errors);
        rules_destroy(&rules);
    }
    if (p->config.warnings.len) fwrite(p->config.warnings.ptr, 1, p->config.warnings.len, stderr);
    fputs(buf_text(&errors), stderr);
    bool good = errors.len == 0;
    buf_fini(&errors);
    return good;
}

/* ---- the directory */

static bool make_dirs(char *path)       /* all above it */
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        bool made = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made) return false;
    }
    return true;
}

bool place_make(const struct place *p, struct buf *error)
{
    static const char *const within[] = { "run", "log", "redis" };
    struct stat st;
    struct buf path = { 0 };
    char *copy = strdup(p->state);
    bool good = make_dirs(copy) && (mkdir(p->state, 0700) == 0 || errno == EEXIST) && lstat(p->state, &st) == 0;
    if (!good) {
        buf_add_format(error, "%s: %s", p->state, strerror(errno));
    } else if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
        buf_add_format(error, "%s: is not a directory of ours", p->state);
        good = false;
    } else if ((st.st_mode & 077) && chmod(p->state, 0700) != 0) {
        buf_add_format(error, "%s: others can enter it: %s", p->state, strerror(errno));
        good = false;
    }
    for (size_t i = 0; good && i < sizeof within / sizeof within[0]; i++) {
        good = mkdir(place_path(&path, p, "%s", within[i]), 0700) == 0 || errno == EEXIST;
        if (!good) buf_add_format(error, "%s: %s", buf_text(&path), strerror(errno));
    }
    free(copy);
    buf_fini(&path);
    return good;
}

/* ---- secrets: never replaced */

static bool write_secret(const char *path, const void *bytes, size_t len, struct buf *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) return true;
    bool good = fd >= 0 && write(fd, bytes, len) == (ssize_t)len && fsync(fd) == 0;
    if (!good) buf_add_format(error, "%s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    if (!good && fd >= 0) unlink(path);
    return good;
}

static bool in_state(const struct place *p, const char *path)
{
    struct span rest = span_of(path);
    return span_eat_prefix(&rest, span_of(p->state)) && span_starts(rest, '/');
}

bool place_secrets(const struct place *p, struct buf *error)
{
    uint8_t random[48];
    struct buf text = { 0 };
    NEED(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
    bool good = write_secret(place_path(&text, p, "sid.key"), random + 32, 16, error);
    for (size_t i = 0; good && i < p->config.auth.key_count; i++) {
        const struct config_key *k = &p->config.auth.keys[i];
        if (k->kind != CONFIG_KEY_SECRET || !in_state(p, k->file)) continue;
        NEED(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random);
        buf_clear(&text);
        for (size_t b = 0; b < 32; b++) buf_add_format(&text, "%02x", random[b]);
        buf_add_byte(&text, '\n');
        good = write_secret(k->file, text.ptr, text.len, error);
    }
    explicit_bzero(random, sizeof random);
    if (text.ptr) explicit_bzero(text.ptr, text.cap);
    buf_fini(&text);
    return good;
}
