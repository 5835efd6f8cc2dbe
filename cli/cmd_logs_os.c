/* logs [ID] [-f]: the log files of the state directory. */
#include "command.h"
#include "place_os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MAX = 512, LAST_BYTES = 16384, STEP_MS = 200 };

static const struct flag flags[] = { PLACE_FLAGS, { "follow", NULL, "go on as lines come" }, { 0 } };

struct followed { char id[48]; off_t at; };
struct logs { struct followed file[FILES_MAX]; size_t count; const struct place *place; const char *only; bool first; };

static bool known(const struct logs *l, const char *id)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->file[i].id, id) == 0) return true;
    return false;
}

static void scan(struct logs *l)            /* daemons may come while we follow */
{
    struct buf path = { 0 };
    DIR *dir = opendir(place_path(&path, l->place, "log"));
    buf_fini(&path);
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir)) && l->count < FILES_MAX;) {
        struct span name = span_of(e->d_name);
        if (name.len <= 4 || memcmp(name.ptr + name.len - 4, ".log", 4) != 0 || name.len - 4 >= sizeof l->file->id) continue;
        e->d_name[name.len - 4] = '\0';
        if (known(l, e->d_name) || (l->only && strcmp(l->only, e->d_name) != 0)) continue;
        memcpy(l->file[l->count++].id, e->d_name, name.len - 4 + 1);
    }
    closedir(dir);
}

/* What is new: whole lines from where we were; of a file that became shorter, from its start. */
static void show(struct logs *l, struct followed *f)
{
    struct stat st;
    struct buf path = { 0 }, text = { 0 };
    int fd = open(place_path(&path, l->place, "log/%s.log", f->id), O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        bool cut = l->first && st.st_size > LAST_BYTES;
        if (st.st_size < f->at) f->at = 0;
        if (cut) f->at = st.st_size - LAST_BYTES;
        for (ssize_t n; (n = pread(fd, buf_room(&text, LAST_BYTES), LAST_BYTES, f->at + (off_t)text.len)) > 0;) buf_grew(&text, (size_t)n);
        struct span rest = buf_span(&text);
        if (cut) (void)span_cut(&rest, '\n');
        size_t whole = rest.len;
        while (whole && rest.ptr[whole - 1] != '\n') whole--;
        fwrite(rest.ptr, 1, whole, stdout);
        f->at += (off_t)((size_t)(rest.ptr - buf_span(&text).ptr) + whole);
    }
    if (fd >= 0) close(fd);
    buf_fini(&path), buf_fini(&text);
}

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    (void)self;
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;
    struct logs *l = calloc(1, sizeof *l);
    if (!l) return COMMAND_ENVIRONMENT;
    *l = (struct logs){ .place = &p, .only = a->words ? a->word[0] : NULL, .first = true };
    scan(l);
    int code = COMMAND_OK;
    if (!l->count) code = command_fail(COMMAND_NO, "no log %sin %s/log", l->only ? "of that name " : "", p.state);
    bool follow = arguments_flag(a, "follow") != NULL;
    while (code == COMMAND_OK) {
        for (size_t i = 0; i < l->count; i++) show(l, &l->file[i]);
        l->first = false;
        if (!follow || fflush(stdout) != 0) break;
        nanosleep(&(struct timespec){ .tv_nsec = STEP_MS * 1000000L }, NULL);
        scan(l);
    }
    free(l);
    place_close(&p);
    return code;
}

const struct command command_logs = { .name = "logs", .words = "[ID]", .help = "the end of the logs; -f follows", .flags = flags, .most = 1, .run = run };
