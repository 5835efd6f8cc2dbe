#include "bed.h"
#include "pulse.h"
#include "t.h"

static const struct pulse_terms seed = { 30000, 10000, 3 };

/* A client that is heard at these times and looked at whenever that is due. When it is found dead, or UINT64_MAX by 'until'. */
static uint64_t lives(const struct pulse_terms *terms, const uint64_t *heard, size_t count, uint64_t until, uint32_t *missed)
{
    struct pulse p = { 0 };
    size_t i = 0;
    pulse_hear(&p, 0);
    *missed = 0;
    for (uint64_t now = pulse_due(&p, terms); now <= until; ) {
        for (; i < count && heard[i] <= now; i++) pulse_hear(&p, heard[i]);
        uint32_t before = p.missed;
        if (pulse_look(&p, terms, now)) return now;
        *missed += p.missed > before ? p.missed - before : 0;
        CHECK(pulse_due(&p, terms) > now);
        now = pulse_due(&p, terms);
    }
    return UINT64_MAX;
}

TEST(pulse_counts_misses_of_who_is_silent)
{
    static const struct { const char *name; struct pulse_terms terms; uint64_t heard[6]; size_t count; uint64_t dead; uint32_t missed; } rows[] = {
        { "never heard", { 30000, 10000, 3 }, { 0 }, 0, 90000, 2 },
        { "every 20 s", { 30000, 10000, 3 }, { 20000, 40000, 60000, 80000, 100000, 120000 }, 6, 210000, 2 },
        { "back after two misses", { 30000, 10000, 3 }, { 65000 }, 1, 155000, 4 },
        { "back at the very last moment", { 30000, 10000, 3 }, { 90000 }, 1, 180000, 4 },
        { "one miss is enough", { 30000, 10000, 1 }, { 0 }, 0, 30000, 0 },
        { "silence of exactly the time-out is none", { 100, 100, 2 }, { 0 }, 0, 300, 1 },
        { "a long time-out", { 1000, 10500, 3 }, { 0 }, 0, 13000, 2 },
        { "no time-out", { 50, 0, 2 }, { 0 }, 0, 100, 1 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t missed;
        t_row = rows[i].name;
        EQUAL(lives(&rows[i].terms, rows[i].heard, rows[i].count, 10000000, &missed), rows[i].dead);
        EQUAL(missed, rows[i].missed);
    }
    t_row = NULL;
}

TEST(pulse_catches_up_after_a_pause_and_never_counts_more_than_kills)
{
    struct pulse p;
    pulse_hear(&p, 1000);
    CHECK(!pulse_look(&p, &seed, 1000));
    CHECK(!pulse_look(&p, &seed, 90999));
    EQUAL(p.missed, 2);
    CHECK(pulse_look(&p, &seed, 91000));
    CHECK(pulse_look(&p, &seed, UINT64_MAX));
    EQUAL(p.missed, 3);
    pulse_hear(&p, 200000);
    EQUAL(p.missed, 0);
    EQUAL(pulse_due(&p, &seed), 230000);
    CHECK(!pulse_look(&p, &seed, 100));         /* a clock that stands is nobody's death */
}

/* A thousand of them for ten minutes: who pings stays, who does not goes, each at his time. */
TEST(pulse_of_a_thousand)
{
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t heard[6];
        uint32_t missed;
        size_t count = i % 7 < 6 ? i % 7 : 6;
        for (size_t k = 0; k < count; k++) heard[k] = (k + 1) * (15000 + i * 5);
        uint64_t last = count ? heard[count - 1] : 0;
        EQUAL(lives(&seed, heard, count, 600000, &missed), last + 90000);
    }
}

/* ---- in a gate */

#define TOPOLOGY(heartbeat, event) "{listeners: {public: {}}, namespaces: {/n: {identity: none, heartbeat: {" heartbeat "}, " \
    "events: {" event ": {reply: {event: pong, args: ['{now.iso}']}}}}, /other: {identity: none}}}"

static size_t frames(struct bed *b, unsigned client, const char *want)
{
    struct buf got = { 0 };
    int opcode;
    size_t n = 0;
    while (bed_next_frame(b, client, &opcode, &got)) n += span_has_prefix(buf_span(&got), span_of(want)), buf_clear(&got);
    buf_fini(&got);
    return n;
}

TEST(heartbeat_memory_is_only_where_there_is_one)
{
    struct bed b;
    bed_init(&b, TOPOLOGY("event: ping", "ping"));
    bed_websocket(&b, 0, "", ""), bed_websocket(&b, 1, "", "");
    bed_text(&b, 0, "40/other,");
    gate_measure(b.gate);
    uint64_t before = b.stats.memory_sessions_bytes;
    bed_text(&b, 1, "40/other,");
    gate_measure(b.gate);
    uint64_t other = b.stats.memory_sessions_bytes - before;
    bed_text(&b, 0, "40/n,"), bed_text(&b, 1, "40/n,");
    bed_text(&b, 0, "41/n,");
    gate_measure(b.gate);
    before = b.stats.memory_sessions_bytes;
    bed_text(&b, 0, "40/n,");
    gate_measure(b.gate);
    CHECK(b.stats.memory_sessions_bytes - before <= other + 96);
    bed_fini(&b);
}

TEST(heartbeat_begins_and_ends_with_a_reload)
{
    struct bed b;
    bed_init(&b, TOPOLOGY("", "ping"));
    bed_websocket(&b, 0, "", "");
    bed_text(&b, 0, "40/n,");
    bed_pass(&b, 10000);
    bed_reload(&b, TOPOLOGY("event: ping, scan_ms: 5s, timeout_ms: 1s, misses: 2", "ping"));
    bed_pass(&b, 6000);
    EQUAL(b.stats.heartbeats_missed, 1);
    bed_reload(&b, TOPOLOGY("event: beat, scan_ms: 1s, timeout_ms: 0, misses: 100", "beat"));
    bed_pass(&b, 20);
    EQUAL(b.stats.heartbeats_missed, 6);         /* by the new times it has missed more */
    bed_text(&b, 0, "42/n,[\"ping\"]");
    EQUAL(b.stats.heartbeats_in, 0);
    bed_text(&b, 0, "42/n,[\"beat\"]");
    EQUAL(b.stats.heartbeats_in, 1);
    bed_reload(&b, TOPOLOGY("", "ping"));
    bed_pass(&b, 9000);
    EQUAL(b.stats.heartbeats_missed, 6);
    CHECK(frames(&b, 0, "42/n,[\"pong\",\"") == 1);
    EQUAL(b.stats.sockets_open, 1);
    bed_fini(&b);
}
