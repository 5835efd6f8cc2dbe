#include "overview.h"
#include "table.h"
#include "t.h"

static bool take(struct samples *s, const char *topic, const char *json)
{
    return samples_take(s, span_of(topic), span_of(json));
}

TEST(cli_samples_give_values_and_rates)
{
    struct samples s = { 0 };
    uint64_t value;
    double rate;
    CHECK(take(&s, "stats.gateway.gateway-0.counters", "{\"pid\":7,\"seq\":1,\"uptime_ms\":1000,\"events.in\":10}"));
    const struct sample *one = samples_find(&s, SPAN("gateway-0"));
    CHECK(one && sample_value(one, "events.in", &value));
    EQUAL(value, 10);
    CHECK(!sample_rate(one, "events.in", &rate));
    CHECK(take(&s, "stats.gateway.gateway-0.counters", "{\"pid\":7,\"seq\":1,\"uptime_ms\":1000,\"events.in\":10}"));      /* again: no new figures */
    CHECK(!sample_rate(samples_find(&s, SPAN("gateway-0")), "events.in", &rate));
    CHECK(take(&s, "stats.gateway.gateway-0.counters", "{\"pid\":7,\"seq\":2,\"uptime_ms\":1500,\"events.in\":60}"));
    CHECK(sample_rate(samples_find(&s, SPAN("gateway-0")), "events.in", &rate));
    EQUAL(rate * 10, 1000);
    CHECK(take(&s, "stats.gateway.gateway-0.counters", "{\"pid\":8,\"seq\":1,\"uptime_ms\":10,\"events.in\":1}"));         /* a new life */
    CHECK(!sample_rate(samples_find(&s, SPAN("gateway-0")), "events.in", &rate));
    CHECK(!sample_value(samples_find(&s, SPAN("gateway-9")), "events.in", &value));
    samples_fini(&s);
}

TEST(cli_samples_refuse_what_is_none)
{
    static const struct row { const char *name, *topic, *json; } rows[] = {
        { "topic",      "news.gateway.gateway-0.counters",  "{\"pid\":7,\"seq\":1}" },
        { "other kind", "stats.gateway.gateway-0.listeners", "{\"pid\":7,\"seq\":1}" },
        { "no id",      "stats.gateway",                    "{\"pid\":7,\"seq\":1}" },
        { "long id",    "stats.gateway.gateway-00000000000000000000000000000.counters", "{\"pid\":7,\"seq\":1}" },
        { "no seq",     "stats.gateway.gateway-0.counters", "{\"pid\":7}" },
        { "no JSON",    "stats.gateway.gateway-0.counters", "{\"pid\":7" },
        { "no object",  "stats.gateway.gateway-0.counters", "7" },
    };
    const struct row *r;
    EACH(r, rows) {
        struct samples s = { 0 };
        CHECK(!take(&s, r->topic, r->json));
        samples_fini(&s);
    }
}

#define STATUS "{\"ok\":true,\"name\":\"local\",\"pid\":1,\"uptime_ms\":9,\"daemons\":[" \
    "{\"role\":\"redis\",\"number\":0,\"id\":\"redis\",\"pid\":5,\"state\":\"ready\",\"restarts\":0,\"uptime_ms\":90,\"endpoint\":\"unix:/s\"}," \
    "{\"role\":\"router\",\"number\":0,\"id\":\"router-0\",\"pid\":6,\"state\":\"ready\",\"restarts\":0,\"uptime_ms\":90,\"endpoint\":\"tcp://r\"}," \
    "{\"role\":\"gateway\",\"number\":0,\"id\":\"gateway-0\",\"pid\":7,\"state\":\"ready\",\"restarts\":2,\"uptime_ms\":90,\"endpoint\":\"http://g\"}," \
    "{\"role\":\"auth\",\"number\":0,\"id\":\"auth-0\",\"pid\":0,\"state\":\"dead\",\"restarts\":1,\"uptime_ms\":0,\"next_ms\":500,\"endpoint\":\"ipc://a\"}]}"
#define MEMBER(id, role, pid, state) "{\"id\":\"" id "\",\"role\":\"" role "\",\"pid\":" #pid ",\"state\":\"" state "\",\"endpoint\":\"ipc://x\"}"

TEST(cli_overview_says_what_is_wrong)
{
    struct samples s = { 0 };
    struct overview o;
    overview_make(&o, SPAN(STATUS), SPAN("{\"ok\":true,\"view\":301,\"holding\":false,\"daemons\":["
        MEMBER("router-0", "router", 6, "ready") "," MEMBER("gateway-0", "gateway", 99, "ready") "," MEMBER("presence-4", "presence", 55, "ready") "]}"), &s);
    CHECK(!o.all_up);
    SAME(buf_span(&o.problems), "auth-0 is dead, started again in 500ms\ngateway-0 runs, but is not in the roster\n");    /* the 99 is its last life */
    EQUAL(o.count, 5);
    CHECK(o.at[3].outside);
    SAME(span_of(o.at[3].id), "presence-4");
    overview_fini(&o);
    overview_make(&o, SPAN(STATUS), SPAN("{}"), &s);
    CHECK(!o.all_up && !o.has_roster);
    overview_fini(&o);
}

TEST(cli_overview_prints_json_that_programs_read)
{
    const struct span status = SPAN("{\"name\":\"n\",\"pid\":1,\"uptime_ms\":9,\"daemons\":["
        "{\"role\":\"router\",\"number\":0,\"id\":\"router-0\",\"pid\":6,\"state\":\"ready\",\"restarts\":0,\"uptime_ms\":90,\"endpoint\":\"tcp://r\"}]}");
    struct samples s = { 0 };
    struct overview o;
    struct buf out = { 0 };
    CHECK(take(&s, "stats.router.router-0.counters", "{\"pid\":6,\"seq\":1,\"uptime_ms\":1000,\"emits.in\":10,\"rooms.open\":3,\"process.rss_bytes\":4096}"));
    overview_make(&o, status, SPAN("{\"view\":101,\"holding\":false,\"daemons\":[" MEMBER("router-0", "router", 6, "ready") "]}"), &s);
    overview_json(&out, &o, status);
    SAME(buf_span(&out), "{\"ok\":true,\"running\":true,\"name\":\"n\",\"supervisor\":{\"pid\":1,\"uptime_ms\":9},\"view\":101,\"holding\":false,\"daemons\":["
         "{\"role\":\"router\",\"number\":0,\"id\":\"router-0\",\"pid\":6,\"state\":\"ready\",\"restarts\":0,\"uptime_ms\":90,\"endpoint\":\"tcp://r\","
         "\"roster\":\"ready\",\"load\":3,\"in_per_s\":null,\"out_per_s\":null,\"cpu_percent\":null,\"rss_bytes\":4096}],\"problems\":[]}\n");
    buf_fini(&out);
    overview_fini(&o);
    samples_fini(&s);
}

TEST(cli_table_aligns)
{
    struct table t = { 0 };
    struct buf out = { 0 };
    static const char *const cells[] = { "ID", "N", "END", "\xc3\xa4", "1", "x", "gateway-0", "100", "" };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) table_add(&t, span_of(cells[i]));
    table_print(&out, &t, "lrl");
    SAME(buf_span(&out), "ID           N  END\n\xc3\xa4            1  x\ngateway-0  100  \n");
    table_fini(&t);
    buf_fini(&out);
}

TEST(cli_table_numbers_for_people)
{
    static const struct row { const char *name; char kind; double in; const char *want; } rows[] = {
        { "ms", 't', 950, "950ms" }, { "s", 't', 12999, "12s" }, { "min", 't', 303000, "5m03s" }, { "h", 't', 7500000, "2h05m" }, { "d", 't', 273600000, "3d04h" },
        { "0", 'c', 0, "0" }, { "small", 'c', 9.46, "9.5" }, { "to ten", 'c', 9.96, "10" }, { "k", 'c', 9500, "9.5k" }, { "rounds up", 'c', 999.7, "1.0k" }, { "M", 'c', 1234567, "1.2M" },
        { "bytes", 'b', 950, "950" }, { "K", 'b', 12288, "12K" }, { "MiB", 'b', 3565158, "3.4M" }, { "GiB", 'b', 5368709120, "5G" },
    };
    const struct row *r;
    EACH(r, rows) {
        struct buf out = { 0 };
        if (r->kind == 't') table_time(&out, (uint64_t)r->in);
        else if (r->kind == 'c') table_count(&out, r->in);
        else table_bytes(&out, (uint64_t)r->in);
        SAME(buf_span(&out), r->want);
        buf_fini(&out);
    }
}
