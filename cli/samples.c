#include "samples.h"
#include "err.h"
#include "json.h"

#include <stdlib.h>

void samples_fini(struct samples *s)
{
    for (size_t i = 0; i < s->count; i++) buf_fini(&s->at[i].now), buf_fini(&s->at[i].before);
    free(s->at);
    *s = (struct samples){ 0 };
}

static struct sample *find(const struct samples *s, struct span id)
{
    for (size_t i = 0; i < s->count; i++)
        if (span_same(span_of(s->at[i].id), id)) return &s->at[i];
    return NULL;
}

const struct sample *samples_find(const struct samples *s, struct span id)
{
    return find(s, id);
}

static struct sample *need(struct samples *s, struct span id)
{
    struct sample *found = find(s, id);
    if (found) return found;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->at = realloc(s->at, s->cap * sizeof *s->at);
        NEED(s->at);
    }
    found = &s->at[s->count++];
    *found = (struct sample){ 0 };
    memcpy(found->id, id.ptr, id.len);
    return found;
}

static bool number_in(struct span json, const char *name, uint64_t *value)
{
    return json_to_uint(json_find(json, span_of(name)), UINT64_MAX, value);
}

bool samples_take(struct samples *s, struct span topic, struct span json)
{
    uint64_t seq, seq_before, pid, pid_before;
    if (!span_eat_prefix(&topic, SPAN("stats."))) return false;
    (void)span_cut(&topic, '.');
    struct span id = span_cut(&topic, '.');
    if (id.len == 0 || id.len >= sizeof s->at->id || !span_same(topic, SPAN("counters"))) return false;
    if (json_check(json, JSON_MAX_DEPTH) != OK || json_type_of(json) != JSON_OBJECT || !number_in(json, "seq", &seq) || !number_in(json, "pid", &pid)) return false;
    struct sample *one = need(s, id);
    bool known = one->now.len && number_in(buf_span(&one->now), "seq", &seq_before) && number_in(buf_span(&one->now), "pid", &pid_before) && pid == pid_before;
    if (known && seq <= seq_before) return true;        /* the same again: a router tells each subscriber the last */
    buf_clear(&one->before);
    if (known) buf_add(&one->before, buf_span(&one->now));
    buf_clear(&one->now);
    buf_add(&one->now, json);
    return true;
}

bool sample_value(const struct sample *s, const char *name, uint64_t *value)
{
    return s && number_in(buf_span(&s->now), name, value);
}

bool sample_rate(const struct sample *s, const char *name, double *rate)
{
    uint64_t now, before, time_now, time_before;
    if (!s || !s->before.len || !number_in(buf_span(&s->now), name, &now) || !number_in(buf_span(&s->before), name, &before)) return false;
    if (!number_in(buf_span(&s->now), "uptime_ms", &time_now) || !number_in(buf_span(&s->before), "uptime_ms", &time_before)) return false;
    if (time_now <= time_before || now < before) return false;
    *rate = (double)(now - before) * 1000.0 / (double)(time_now - time_before);
    return true;
}
