#include "look_zmq.h"
#include "json.h"
#include "talk_os.h"

#include <stdio.h>
#include <unistd.h>

enum { ANSWER_MS = 700 };

static uint64_t resident(int64_t pid)       /* of one whose figures do not say so: Redis, or a daemon that is starting */
{
    char path[64];
    unsigned long long size, pages = 0;
    (void)snprintf(path, sizeof path, "/proc/%lld/statm", (long long)pid);
    FILE *f = pid > 0 ? fopen(path, "re") : NULL;
    if (f && fscanf(f, "%llu %llu", &size, &pages) != 2) pages = 0;
    if (f) fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static size_t count_up(struct span status)
{
    struct span list = json_find(status, SPAN("daemons")), one;
    size_t n = 0;
    while (json_next(&list, &one))
        n += json_string_is(json_find(one, SPAN("state")), SPAN("ready")) && !json_string_is(json_find(one, SPAN("role")), SPAN("redis"));
    return n;
}

bool look(struct overview *o, const struct place *p, struct ask **ask, struct samples *samples, struct buf *status, unsigned sample_ms)
{
    static const struct span question = { "{\"topology\":true}", 17 };
    struct buf topology = { 0 };
    buf_clear(status);
    if (!talk_status(p, status)) return false;
    size_t up = count_up(buf_span(status));
    if (!*ask) {
        *ask = ask_new(p, buf_span(status));
        (void)ask_subscribe(*ask, "stats.");
    }
    if (sample_ms && up) ask_samples(*ask, samples, up, sample_ms);
    bool answered = up && ask_command(*ask, &question, 1, ANSWER_MS, &topology);
    overview_make(o, buf_span(status), answered ? buf_span(&topology) : SPAN("{}"), samples);
    for (size_t i = 0; i < o->count; i++)
        if (!o->at[i].rss && !o->at[i].outside) o->at[i].rss = resident(o->at[i].pid);
    buf_fini(&topology);
    return true;
}
