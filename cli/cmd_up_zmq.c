/* up [TOPOLOGY]: checks it, makes what is missing, leaves a supervisor and waits until all is ready. */
#include "child_os.h"
#include "command.h"
#include "curve_zmq.h"
#include "roster_zmq.h"
#include "supervisor_os.h"
#include "talk_os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct flag flags[] = { PLACE_FLAGS, { 0 } };

/* Keys are made in a process of its own: nothing of ZeroMQ may have run where something is forked from. */
static bool make_keys(const struct place *p, struct buf *error)
{
    struct span in_state = span_of(p->config.bus.keys_dir);
    if (!p->config.bus.curve) return true;
    bool ours = span_eat_prefix(&in_state, span_of(p->state)) && span_starts(in_state, '/');
    if (!ours) return true;         /* whoever named another directory fills it: 'keys init' */
    pid_t pid = fork();
    if (pid == 0) {
        struct buf why = { 0 };
        bool good = keys_init(p->config.bus.keys_dir, &p->config, &why);
        if (!good) fprintf(stderr, "causeway: %s\n", buf_text(&why));
        _exit(good ? 0 : 1);
    }
    int status = 1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) { }
    if (status != 0) buf_add_format(error, "%s: no keys could be made", p->config.bus.keys_dir);
    return status == 0;
}

static bool check_keys(const struct place *p, struct buf *error)
{
    struct buf path = { 0 };
    if (!p->config.bus.curve) return true;
    buf_add_format(&path, "%s/router-0", p->config.bus.keys_dir);
    bool good = access(buf_text(&path), R_OK) == 0;
    if (!good) buf_add_format(error, "%s: no key of router-0: causeway keys init %s makes them", p->config.bus.keys_dir, p->topology);
    buf_fini(&path);
    return good;
}

static bool check_programs(const struct place *p, struct buf *error)
{
    const struct launch l = place_launch(p);
    const struct config *c = &p->config;
    return (!launch_has_redis(c) || child_may_start(&l, (struct unit_id){ UNIT_REDIS, 0 }, error))
        && child_may_start(&l, (struct unit_id){ UNIT_ROUTER, 0 }, error)
        && (!c->instances.auth || child_may_start(&l, (struct unit_id){ UNIT_AUTH, 0 }, error))
        && (!c->instances.presence || child_may_start(&l, (struct unit_id){ UNIT_PRESENCE, 0 }, error))
        && (!c->instances.gateway || child_may_start(&l, (struct unit_id){ UNIT_GATEWAY, 0 }, error));
}

static int already(const struct place *p)
{
    struct buf json = { 0 };
    bool answers = talk_status(p, &json);
    long long pid = answers ? control_number(buf_span(&json), "pid", 0) : 0;
    buf_fini(&json);
    if (!answers) return command_fail(COMMAND_ENVIRONMENT, "%s is held by a supervisor that does not answer", p->state);
    printf("%s is already running in %s (supervisor pid %lld)\n", p->config.name, p->state, pid);
    return COMMAND_OK;
}

static int start(const struct place *p)
{
    struct talk_report report = { .place = p, .code = SUPERVISE_CODE_UNKNOWN };
    int fd = supervisor_spawn(p);
    if (fd < 0) return command_fail(COMMAND_ENVIRONMENT, "cannot start the supervisor: %s", strerror(errno));
    enum talk_end end = talk_read(fd, talk_report_line, &report);
    int code = COMMAND_OK;
    struct buf missing = { 0 };
    if (end == TALK_OK && !roster_wait(p, NULL, &missing)) {
        code = command_fail(COMMAND_ENVIRONMENT, "all run, but %s after %d s; they are left running: causeway down stops them", buf_text(&missing), ROSTER_WAIT_MS / 1000);
    } else if (end == TALK_OK) {
        printf("%s is up. State, logs and secrets: %s\n", p->config.name, p->state);
    } else {
        talk_report_why(&report);
        struct buf json = { 0 };
        for (int i = 0; i < 600 && talk_status(p, &json); i++) usleep(50000);      /* the rest is being stopped */
        buf_fini(&json);
        code = COMMAND_ENVIRONMENT;
    }
    buf_fini(&missing);
    talk_report_fini(&report);
    return code;
}

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct buf error = { 0 };
    (void)self;
    if (!place_open(&p, a, a->words ? a->word[0] : NULL, true)) return COMMAND_USAGE;
    int code = COMMAND_ENVIRONMENT;
    if (!place_check(&p)) code = COMMAND_USAGE;
    else if (!place_make(&p, &error)) code = COMMAND_ENVIRONMENT;
    else if (supervisor_locked(&p)) code = already(&p);
    else if (place_secrets(&p, &error) && make_keys(&p, &error) && check_keys(&p, &error) && check_programs(&p, &error)) code = start(&p);
    if (error.len) command_fail(code, "%s", buf_text(&error));
    buf_fini(&error);
    place_close(&p);
    return code;
}

const struct command command_up = { .name = "up", .words = "[TOPOLOGY]", .help = "start a topology and leave it running", .flags = flags, .most = 1, .run = run };
