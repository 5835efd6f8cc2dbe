/* What rules cost: reading a file with ten thousand, and an event where there are ten or ten thousand.
 *
 *     build/rules-cost DIRECTORY          a table, for bench/run; DIRECTORY is for its files
 *
 * An event here is what a gateway's core does of it: the packet's check, its rule, the effects' text. Rounds of both
 * take turns and the best of each counts, so that what else the machine does falls on neither. */
#include "config.h"
#include "generation.h"
#include "json.h"
#include "sio.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FEW = 10, MANY = 10000, EVENTS = 20000, ROUNDS = 41 };

struct side {
    unsigned count;             /* rules */
    double   load_ms, event_ns;
    struct config config;
    struct generation *generation;
    struct rules_effects effects;
};

static double now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void write_file(const char *path, unsigned count)
{
    FILE *f = fopen(path, "w");
    NEED(f);
    fputs("listeners: {public: {}}\nnamespaces:\n  /:\n    identity: none\n    events:\n", f);
    for (unsigned i = 0; i < count; i++)
        fprintf(f, "      event-%u:\n"
                   "        require: {targetUserId: string, message: {type: string, max: 1000}}\n"
                   "        emit:\n"
                   "          to: \"user:{targetUserId}\"\n"
                   "          event: private-message-%u\n"
                   "          args: [{senderId: \"{user.id}\", senderUsername: \"{user.username}\", message: \"{message}\", timestamp: \"{now.iso}\"}]\n"
                   "        reply: {event: message-sent, args: [{targetUserId: \"{targetUserId}\", message: \"{message}\", timestamp: \"{now.iso}\"}]}\n"
                   "        ack: {success: true}\n", i, i);
    NEED(fclose(f) == 0);
}

static void load(struct side *s, const char *directory)
{
    char path[512];
    struct buf errors = { 0 };
    NEED(snprintf(path, sizeof path, "%s/rules-%u.yaml", directory, s->count) < (int)sizeof path);
    write_file(path, s->count);
    double began = now_ns();
    NEED(config_read(&s->config, path, "/nowhere", &errors));
    NEED((s->generation = generation_new(&s->config, &errors)));
    s->load_ms = (now_ns() - began) / 1e6;
    buf_fini(&errors);
    (void)remove(path);
}

static void one_event(struct side *s, unsigned i)
{
    char text[256];
    struct sio_packet p;
    int n = snprintf(text, sizeof text, "2%u[\"event-%u\",{\"targetUserId\":\"42\",\"message\":\"hello, how are you today?\"}]", i % 1000, i);
    NEED(sio_decode(&p, span_from(text, (size_t)n)) == OK);
    struct template_scope scope = { .packet = p.json, .event = p.name, .user = SPAN("42"), .claims = SPAN("{\"username\":\"ann\"}"), .socket = SPAN("s1"),
                                    .nsp = SPAN("/"), .now_ms = UINT64_C(1709210096007) };
    NEED(rules_run(s->generation->rules[0], &scope, NULL, &s->effects) == OK && s->effects.count == 3);
}

/* The best round of EVENTS, over the first 'spread' rules. */
static void run(struct side *s, unsigned spread)
{
    double began = now_ns();
    for (unsigned i = 0; i < EVENTS; i++) one_event(s, i * 7919 % spread);
    double ns = (now_ns() - began) / EVENTS;
    if (s->event_ns <= 0 || ns < s->event_ns) s->event_ns = ns;
}

static void compare(struct side *few, struct side *many, unsigned spread, const char *what)
{
    few->event_ns = many->event_ns = 0;
    for (unsigned i = 0; i < ROUNDS; i++) run(few, FEW), run(many, spread);
    printf("| %s | %.0f | %.0f | %+.1f %% |\n", what, few->event_ns, many->event_ns, 100 * (many->event_ns / few->event_ns - 1));
}

int main(int argc, char **argv)
{
    struct side few = { .count = FEW }, many = { .count = MANY };
    NEED(argc == 2);
    load(&few, argv[1]), load(&many, argv[1]);
    printf("| | 10 rules | 10,000 rules | |\n|---|--:|--:|--:|\n");
    printf("| reading and compiling the file, ms | %.1f | %.0f | |\n", few.load_ms, many.load_ms);
    compare(&few, &many, FEW, "an event of the same ten, ns");
    compare(&few, &many, MANY, "events of all ten thousand in turn, ns");
    rules_effects_fini(&few.effects), rules_effects_fini(&many.effects);
    generation_drop(&few.generation), generation_drop(&many.generation);
    config_fini(&few.config), config_fini(&many.config);
    return 0;
}
