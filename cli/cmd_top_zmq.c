/* top: a live view of the stats. q quits, s sorts by the next thing. */
#include "command.h"
#include "look_zmq.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { TURN_MS = 1000 };

static const struct flag flags[] = { PLACE_FLAGS, { "once", NULL, "one look, then the end" }, { "sort", "BY", "role, cpu, load or memory" }, { 0 } };

static volatile sig_atomic_t interrupted;       /* the terminal has to be set right again */

static void on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
}

static bool raw_terminal(struct termios *before)
{
    struct termios raw;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before) != 0) return false;
    raw = *before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* Only as many lines as the terminal has: nothing scrolls. */
static void draw(const struct buf *text, bool live)
{
    struct winsize size = { .ws_row = 0 };
    if (!live) {
        fwrite(text->ptr, 1, text->len, stdout);
        return;
    }
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_row) size.ws_row = 24, size.ws_col = 200;
    fputs("\033[H", stdout);
    struct span rest = buf_span(text);
    for (unsigned row = 0; rest.len && row + 1 < size.ws_row; row++) {
        struct span line = span_head(span_cut(&rest, '\n'), size.ws_col);
        printf("%.*s\033[K\n", (int)line.len, line.ptr);
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

static void compose(struct buf *out, struct overview *o, const struct place *p, enum overview_sort sort, bool live)
{
    char clock[16];
    time_t now = time(NULL);
    struct tm local;
    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &local));
    buf_add_format(out, "%s  %s  ", p->config.name, clock);
    overview_totals(out, o);
    if (live) buf_add_format(out, "   [by %s; s: next, q: quit]", overview_sort_name(sort));
    buf_add_literal(out, "\n\n");
    overview_sort(o, sort);
    overview_table(out, o);
    struct span rest = buf_span(&o->problems);
    if (rest.len) buf_add_byte(out, '\n');
    while (rest.len) {
        struct span line = span_cut(&rest, '\n');
        buf_add_format(out, "! %.*s\n", (int)line.len, line.ptr);
    }
}

/* Waits for the rest of the turn; the key that was pressed, or 0. */
static char key_within(int ms, bool keys)
{
    struct pollfd fd = { keys ? STDIN_FILENO : -1, POLLIN, 0 };
    char key = 0;
    if (poll(&fd, 1, ms) > 0 && read(STDIN_FILENO, &key, 1) != 1) key = 'q';
    return key;
}

static int watch(const struct place *p, enum overview_sort sort, bool live, bool keys)
{
    struct ask *ask = NULL;
    struct samples samples = { 0 };
    struct buf status = { 0 };
    struct overview o;
    int code = COMMAND_OK;
    for (bool more = true; more && !interrupted;) {
        if (!look(&o, p, &ask, &samples, &status, live && samples.count ? 50 : p->config.service.stats_ms * 3 + 300)) {
            if (live) fputs("\033[H\033[J", stdout);
            code = command_fail(COMMAND_NO, "%s is not running in %s", p->config.name, p->state);
            break;
        }
        struct buf text = { 0 };
        compose(&text, &o, p, sort, live);
        draw(&text, live);
        bool lost = !o.has_roster;
        buf_fini(&text);
        overview_fini(&o);
        if (lost) ask_destroy(&ask);            /* that router may be gone: another one next time */
        char key = live ? key_within(TURN_MS, keys) : 'q';
        if (key == 's') sort = (enum overview_sort)((sort + 1) % OVERVIEW_SORTS);
        more = key != 'q';
    }
    ask_destroy(&ask);
    samples_fini(&samples);
    buf_fini(&status);
    return code;
}

static bool sort_of(const char *name, enum overview_sort *sort)
{
    for (unsigned i = 0; i < OVERVIEW_SORTS; i++)
        if (strcmp(name, overview_sort_name((enum overview_sort)i)) == 0) return *sort = (enum overview_sort)i, true;
    return false;
}

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct termios before;
    enum overview_sort sort = OVERVIEW_BY_ROLE;
    const char *by = arguments_flag(a, "sort");
    if (by && !sort_of(by, &sort)) return command_misused(self, "--sort: role, cpu, load or memory");
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;
    bool live = !arguments_flag(a, "once") && isatty(STDOUT_FILENO), keys = live && raw_terminal(&before);
    if (live) {
        sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_signal }, NULL);
        sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_signal }, NULL);
        fputs("\033[?1049h\033[?25l\033[H\033[J", stdout);      /* the other screen, no cursor */
    }
    int code = watch(&p, sort, live, keys);
    if (live) fputs("\033[?25h\033[?1049l", stdout), fflush(stdout);
    if (keys) tcsetattr(STDIN_FILENO, TCSANOW, &before);
    place_close(&p);
    return code;
}

const struct command command_top = { .name = "top", .words = "", .help = "a live view of the stats; q quits, s sorts", .flags = flags, .run = run };
