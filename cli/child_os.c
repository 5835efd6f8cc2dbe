#include "child_os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *path_of(struct buf *path, const char *state, const char *folder, struct unit_id id, const char *end)
{
    buf_clear(path);
    buf_add_format(path, "%s/%s/", state, folder);
    unit_print(path, id);
    buf_add(path, span_of(end));
    return buf_text(path);
}

/* ---- start. Between fork and exec only calls that may stand there. */

struct plan {
    char **argv;
    char **env;
    int    log_fd, ready_fd;
};

static char **vector(struct buf *words)
{
    size_t n = 0;
    for (size_t i = 0; i < words->len; i++) n += words->ptr[i] == '\0';
    char **argv = calloc(n + 1, sizeof *argv);
    NEED(argv);
    char *at = words->ptr;
    for (size_t i = 0; i < n; i++, at += strlen(at) + 1) argv[i] = at;
    return argv;
}

/* Which routers there are belongs to the configuration; after 'scale router=3' it is not what the file says. */
static char **environment(struct buf *extra, unsigned routers)
{
    static const char name[] = "CAUSEWAY_INSTANCES_ROUTER=";
    size_t n = 0, kept = 0;
    while (environ[n]) n++;
    char **env = calloc(n + 2, sizeof *env);
    NEED(env);
    for (size_t i = 0; i < n; i++) {
        struct span variable = span_of(environ[i]);
        bool drop = span_has_prefix(variable, SPAN("NOTIFY_SOCKET=")) || (routers && span_has_prefix(variable, span_of(name)));
        if (!drop) env[kept++] = environ[i];
    }
    buf_add_format(extra, "%s%u", name, routers);
    if (routers) env[kept] = (char *)(uintptr_t)buf_text(extra);
    return env;
}

static _Noreturn void become(const struct plan *p)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    int null = open("/dev/null", O_RDONLY);
    /* All of ours are close-on-exec; these three, and the fourth, are not. */
    if (null >= 0) dup2(null, STDIN_FILENO);
    dup2(p->log_fd, STDOUT_FILENO), dup2(p->log_fd, STDERR_FILENO);
    if (p->ready_fd >= 0) {
        if (p->ready_fd == LAUNCH_READY_FD) fcntl(p->ready_fd, F_SETFD, 0);
        else dup2(p->ready_fd, LAUNCH_READY_FD);
    }
    NEED(p->argv[0]);
    environ = p->env;
    execvp(p->argv[0], p->argv);
    dprintf(STDERR_FILENO, "causeway: %s: %s\n", p->argv[0], strerror(errno));
    _exit(127);
}

static void write_pid(const char *state, struct unit_id id, pid_t pid)
{
    struct buf path = { 0 };
    int fd = open(path_of(&path, state, "run", id, ".pid"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0) dprintf(fd, "%d\n", (int)pid), close(fd);
    buf_fini(&path);
}

bool child_start(struct child *c, const struct launch *l, struct unit_id id, unsigned routers, uint64_t now)
{
    struct buf words = { 0 }, path = { 0 }, extra = { 0 };
    int ready[2] = { -1, -1 };
    launch_command(&words, l, id);
    struct plan p = { .argv = vector(&words), .env = environment(&extra, routers), .ready_fd = -1 };
    *c = (struct child){ .id = id, .pidfd = -1, .ready_fd = -1, .started = now };
    p.log_fd = open(path_of(&path, l->state, "log", id, ".log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool good = p.log_fd >= 0 && (!launch_says_ready(id.kind) || pipe2(ready, O_CLOEXEC) == 0);
    p.ready_fd = ready[1];
    if (good) {
        c->pid = fork();
        if (c->pid == 0) become(&p);
        good = c->pid > 0;
    }
    int why = errno;
    if (good) {
        c->pidfd = pidfd_open(c->pid, 0);
        c->ready_fd = ready[0];
        if (ready[0] >= 0) fcntl(ready[0], F_SETFL, O_NONBLOCK);
        NEED(c->pidfd >= 0);
        write_pid(l->state, id, c->pid);
    } else if (ready[0] >= 0) {
        close(ready[0]);
    }
    if (ready[1] >= 0) close(ready[1]);
    if (p.log_fd >= 0) close(p.log_fd);
    free(p.argv), free(p.env);
    buf_fini(&words), buf_fini(&path), buf_fini(&extra);
    errno = why;
    return good;
}

bool child_may_start(const struct launch *l, struct unit_id id, struct buf *error)
{
    struct buf words = { 0 };
    launch_command(&words, l, id);
    const char *program = buf_text(&words);
    bool good = strchr(program, '/') ? access(program, X_OK) == 0 : false;
    struct span dirs = span_of(getenv("PATH"));
    while (!good && !strchr(program, '/') && dirs.len) {
        struct buf path = { 0 };
        struct span dir = span_cut(&dirs, ':');
        buf_add_format(&path, "%.*s/%s", (int)dir.len, dir.ptr, program);
        good = access(buf_text(&path), X_OK) == 0;
        buf_fini(&path);
    }
    if (!good) buf_add_format(error, "%s: %s", program, strchr(program, '/') ? "is not there, or cannot be run: is it built?"
                                                                             : "is not installed (Debian: redis-server)");
    buf_fini(&words);
    return good;
}

/* ---- adoption */

static bool read_small(struct buf *out, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, buf_room(out, 8192), 8192);
    if (n > 0) buf_grew(out, (size_t)n);
    close(fd);
    return n > 0;
}

/* How long it has been running, in ms: field 22 of its stat is its start, in ticks since the machine's. */
static uint64_t age_of(pid_t pid)
{
    struct buf path = { 0 }, text = { 0 };
    struct timespec up;
    unsigned long long start = 0;
    buf_add_format(&path, "/proc/%d/stat", (int)pid);
    const char *rest = read_small(&text, buf_text(&path)) ? strrchr(buf_text(&text), ')') : NULL;    /* its name may hold blanks */
    for (int field = 2; rest && field < 22; field++) rest = strchr(rest + 1, ' ');
    if (rest) start = strtoull(rest, NULL, 10) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
    buf_fini(&path), buf_fini(&text);
    clock_gettime(CLOCK_BOOTTIME, &up);
    uint64_t now = (uint64_t)up.tv_sec * 1000 + (uint64_t)up.tv_nsec / 1000000;
    return start && start < now ? now - start : 0;
}

/* 0 where there is none. */
static pid_t pid_of(struct span text)
{
    uint64_t n;
    return span_eat_uint(&text, &n) && n <= INT32_MAX ? (pid_t)n : 0;
}

bool child_adopt(struct child *c, const struct launch *l, struct unit_id id, uint64_t now)
{
    struct buf path = { 0 }, text = { 0 };
    *c = (struct child){ .id = id, .pidfd = -1, .ready_fd = -1, .adopted = true, .started = now };
    bool there = read_small(&text, path_of(&path, l->state, "run", id, ".pid"));
    if (there) {
        c->pid = pid_of(buf_span(&text));
        c->pidfd = c->pid > 1 ? pidfd_open(c->pid, 0) : -1;     /* held first: then the number cannot be somebody else's */
        buf_clear(&text);
        struct buf proc = { 0 };
        buf_add_format(&proc, "/proc/%d/cmdline", (int)c->pid);
        there = c->pidfd >= 0 && read_small(&text, buf_text(&proc)) && launch_is(buf_span(&text), l, id);
        buf_fini(&proc);
        uint64_t age = there ? age_of(c->pid) : 0;
        if (age < now) c->started = now - age;
        if (!there) unlink(buf_text(&path));
        if (!there && c->pidfd >= 0) close(c->pidfd);
    }
    buf_fini(&path), buf_fini(&text);
    return there;
}

/* ---- watching */

void child_signal(const struct child *c, int signal)
{
    (void)pidfd_send_signal(c->pidfd, signal, NULL, 0);
}

int child_reap(struct child *c, const char *state)
{
    siginfo_t info = { 0 };
    struct buf path = { 0 };
    int code = SUPERVISE_CODE_UNKNOWN;
    if (!c->adopted && waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) == 0)
        code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    unlink(path_of(&path, state, "run", c->id, ".pid"));
    buf_fini(&path);
    close(c->pidfd);
    if (c->ready_fd >= 0) close(c->ready_fd);
    c->pidfd = c->ready_fd = -1;
    return code;
}

bool child_ready(struct child *c)
{
    char text[16];
    ssize_t n = read(c->ready_fd, text, sizeof text);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    close(c->ready_fd);
    c->ready_fd = -1;
    return n > 0;
}

bool child_redis_answers(const char *state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct buf path = { 0 };
    char answer[16] = "";
    launch_redis_socket(&path, state);
    size_t len = path.len < sizeof address.sun_path ? path.len : sizeof address.sun_path - 1;
    memcpy(address.sun_path, path.ptr, len);
    buf_fini(&path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = { .tv_usec = 200000 };
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0
        && connect(fd, (struct sockaddr *)&address, sizeof address) == 0
        && send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && recv(fd, answer, 5, MSG_WAITALL) == 5;
    if (fd >= 0) close(fd);
    return good && memcmp(answer, "+PONG", 5) == 0;
}

/* ---- logs */

static void turn(int dir, const char *name)
{
    struct stat st;
    struct buf old = { 0 };
    int from = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (from >= 0 && fstat(from, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)LOG_FILE_MAX) {
        buf_add_format(&old, "%s.1", name);
        int to = openat(dir, buf_text(&old), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        off_t at = st.st_size > 2 * (off_t)LOG_FILE_MAX ? st.st_size - 2 * (off_t)LOG_FILE_MAX : 0;
        while (to >= 0 && at < st.st_size && copy_file_range(from, &at, to, NULL, (size_t)(st.st_size - at), 0) > 0) { }
        if (to >= 0) close(to);
        (void)!ftruncate(from, 0);
    }
    if (from >= 0) close(from);
    buf_fini(&old);
}

void logs_turn(const char *state)
{
    struct buf path = { 0 };
    buf_add_format(&path, "%s/log", state);
    DIR *dir = opendir(buf_text(&path));
    buf_fini(&path);
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        if (len > 4 && strcmp(e->d_name + len - 4, ".log") == 0) turn(dirfd(dir), e->d_name);
    }
    closedir(dir);
}
