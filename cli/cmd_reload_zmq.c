/* reload: every daemon reads the topology again; what each says of it. */
#include "ask_zmq.h"
#include "command.h"
#include "json.h"
#include "talk_os.h"

#include <stdio.h>

enum { ANSWER_MS = 65000, TIMEOUT_MS = 10000 };

static const struct flag flags[] = { PLACE_FLAGS, { "json", NULL, "the answer as it came" },
    { "timeout", "MS", "how long to wait for the daemons (10 s)" }, { 0 } };

static void print_list(struct span one, const char *key, const char *what)
{
    struct span list = json_find(one, span_of(key)), element;
    struct buf text = { 0 };
    while (json_next(&list, &element)) {
        buf_clear(&text);
        json_unquote(&text, element);
        printf("  %s %s\n", what, buf_text(&text));
    }
    buf_fini(&text);
}

static void print_errors(struct span one)
{
    struct span list = json_find(one, SPAN("errors")), error;
    while (json_next(&list, &error)) {
        struct buf file = { 0 }, message = { 0 };
        control_text(&file, error, "file");
        control_text(&message, error, "message");
        if (file.len) printf("  %s:%lld:%lld: %s\n", buf_text(&file), (long long)control_number(error, "line", 0), (long long)control_number(error, "column", 0), buf_text(&message));
        else printf("  %s\n", buf_text(&message));
        buf_fini(&file), buf_fini(&message);
    }
}

static void print(struct span answer)
{
    struct span list = json_find(answer, SPAN("daemons")), one;
    struct buf id = { 0 }, outcome = { 0 };
    while (json_next(&list, &one)) {
        buf_clear(&id), buf_clear(&outcome);
        control_text(&id, one, "id");
        control_text(&outcome, one, "reload");
        printf("%s: %s\n", buf_text(&id), buf_text(&outcome));
        print_list(one, "changed", "changed:");
        print_list(one, "restart", "needs a restart:");
        print_errors(one);
    }
    print_list(answer, "missing", "no answer:");
    buf_fini(&id), buf_fini(&outcome);
}

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct buf json = { 0 }, answer = { 0 }, status = { 0 };
    uint64_t timeout = TIMEOUT_MS;
    if (arguments_flag(a, "timeout") && !span_to_uint(span_of(arguments_flag(a, "timeout")), 60000, &timeout)) return command_misused(self, "--timeout: milliseconds, 60000 at most");
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;      /* a file that can't be read as a topology: said, and nobody is asked */
    (void)talk_status(&p, &status);
    struct ask *ask = ask_new(&p, buf_span(&status));
    buf_add_format(&json, "{\"reload\":true,\"timeout\":%llu}", (unsigned long long)timeout);
    bool answered = ask_command(ask, &(const struct span){ json.ptr, json.len }, 1, ANSWER_MS, &answer);
    struct span said = buf_span(&answer);
    bool good = answered && json_is_true(json_find(said, SPAN("ok"))) && json_is_true(json_find(said, SPAN("complete")));
    if (answered && (arguments_flag(a, "json") || json_type_of(json_find(said, SPAN("daemons"))) != JSON_ARRAY)) puts(buf_text(&answer));
    else if (answered) print(said);
    int code = !answered ? command_fail(COMMAND_ENVIRONMENT, "%s", buf_text(&answer)) : good ? COMMAND_OK : COMMAND_NO;
    ask_destroy(&ask);
    buf_fini(&json), buf_fini(&answer), buf_fini(&status);
    place_close(&p);
    return code;
}

const struct command command_reload = { .name = "reload", .words = "", .help = "every daemon reads the topology again, and nobody is dropped", .flags = flags, .run = run };
