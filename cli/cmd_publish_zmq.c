/* publish ADDRESS EVENT [JSON...]: an emit over the command socket, and its answer. */
#include "ask_zmq.h"
#include "command.h"
#include "json.h"
#include "talk_os.h"

#include <stdio.h>

enum { ANSWER_MS = 15000 };

static const struct flag flags[] = { PLACE_FLAGS,
    { "nsp", "NAME", "namespace (/)" }, { "except", "ADDRESS", "sockets of it get none; may be given again" },
    { "id", "ID", "publish id: the same again is not sent twice" }, { "reached", NULL, "count the sockets it was queued for" },
    { "ack", NULL, "ask each socket for an ack, and print what they answer" }, { "timeout", "MS", "how long to wait for acks and counts (router.answer_ms)" },
    { "volatile", NULL, "may be dropped for a slow client" }, { 0 } };

static void add_text(struct buf *json, const char *key, const char *text)
{
    if (!text) return;
    buf_add_format(json, ",\"%s\":", key);
    json_quote(json, span_of(text));
}

static void make(struct buf *json, const struct arguments *a, uint64_t timeout)
{
    buf_add_literal(json, "{\"emit\":");
    json_quote(json, span_of(a->word[1]));
    add_text(json, "nsp", arguments_flag(a, "nsp"));
    add_text(json, "id", arguments_flag(a, "id"));
    if (arguments_flag(a, "reached")) buf_add_literal(json, ",\"reached\":true");
    if (arguments_flag(a, "ack")) buf_add_literal(json, ",\"ack\":true");
    if (timeout) buf_add_format(json, ",\"timeout\":%llu", (unsigned long long)timeout);
    if (arguments_flag(a, "volatile")) buf_add_literal(json, ",\"volatile\":true");
    buf_add_literal(json, ",\"to\":[");
    json_quote(json, span_of(a->word[0]));
    buf_add_literal(json, "],\"args\":[");
    for (size_t i = 2; i < a->words; i++) {     /* JSON as it is; what is none is a text */
        struct span word = span_of(a->word[i]);
        if (i > 2) buf_add_byte(json, ',');
        if (json_check(word, JSON_DEEPEST) == OK) buf_add(json, word);
        else json_quote(json, word);
    }
    buf_add_byte(json, ']');
    bool first = true;
    for (size_t i = 0; i < a->flags; i++) {
        if (strcmp(a->flag[i].name, "except") != 0) continue;
        buf_add(json, first ? SPAN(",\"except\":[") : SPAN(","));
        json_quote(json, span_of(a->flag[i].value));
        first = false;
    }
    buf_add(json, first ? SPAN("}") : SPAN("]}"));
}

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct buf json = { 0 }, answer = { 0 }, status = { 0 };
    uint64_t timeout = 0;
    if (arguments_flag(a, "timeout") && !span_to_uint(span_of(arguments_flag(a, "timeout")), UINT32_MAX / 2, &timeout)) return command_misused(self, "--timeout: milliseconds");
    if (!place_open(&p, a, NULL, false)) return COMMAND_USAGE;
    (void)talk_status(&p, &status);
    struct ask *ask = ask_new(&p, buf_span(&status));
    make(&json, a, timeout);
    bool answered = ask_command(ask, &(const struct span){ json.ptr, json.len }, 1, ANSWER_MS + (unsigned)timeout, &answer);
    int code = !answered ? command_fail(COMMAND_ENVIRONMENT, "%s", buf_text(&answer))
             : json_is_true(json_find(buf_span(&answer), SPAN("ok"))) ? COMMAND_OK : COMMAND_NO;
    if (answered) puts(buf_text(&answer));
    ask_destroy(&ask);
    buf_fini(&json), buf_fini(&answer), buf_fini(&status);
    place_close(&p);
    return code;
}

const struct command command_publish = { .name = "publish", .words = "ADDRESS EVENT [JSON...]", .help = "emit to room:x, user:42, socket:<id> or '*'", .flags = flags, .least = 2, .most = ARGUMENTS_MAX, .run = run };
