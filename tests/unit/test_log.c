#include "log.h"
#include "t.h"

#include <inttypes.h>

__attribute__((format(printf, 4, 5)))
static void format(struct buf *out, const char *id, const char *msg, const char *pairs, ...)
{
    va_list values;
    va_start(values, pairs);
    log_format(out, 1795234682123, LOG_INFO, id, 0, msg, pairs, values);
    va_end(values);
}

/* Without the stamp, which is the same everywhere. */
#define LINE(want, ...) do { \
        struct buf t_out = { 0 }; \
        format(&t_out, "", __VA_ARGS__); \
        struct span t_line = buf_span(&t_out); \
        CHECK(span_eat_prefix(&t_line, SPAN("ts=2026-11-21T04:18:02.123Z level=info msg="))); \
        SAME(t_line, want); \
        buf_fini(&t_out); \
    } while (0)

TEST(log_line_has_time_level_id)
{
    struct buf out = { 0 };
    format(&out, "router-0", "ready", "%s", "");
    SAME(buf_span(&out), "ts=2026-11-21T04:18:02.123Z level=info id=router-0 msg=ready \"\"\n");
    buf_fini(&out);
}

TEST(log_formats_every_conversion)
{
    LINE("ready\n", "ready", "");
    LINE("\"peer up\" a=x b=-1 c=2 d=ff\n", "peer up", "a=%s b=%d c=%u d=%x", "x", -1, 2u, 255u);
    LINE("m a=18446744073709551615 b=-9223372036854775808\n", "m", "a=%" PRIu64 " b=%" PRId64, UINT64_MAX, INT64_MIN);
    LINE("m a=7 b=8 c=9 d=z\n", "m", "a=%zu b=%hu c=%ld d=%c", (size_t)7, (unsigned short)8, 9L, 'z');
    LINE("m a=abc b=ab percent=%\n", "m", "a=%.*s b=%.*s percent=%%", 3, "abcdef", 5, "ab");
    LINE("m a=\"\"\n", "m", "a=%s", "");
}

TEST(log_quotes_what_could_forge_a_pair)
{
    LINE("m a=\"x y\"\n", "m", "a=%s", "x y");
    LINE("m a=\"x\\n level=fatal\"\n", "m", "a=%s", "x\n level=fatal");
    LINE("m a=\"k=v\" b=\"\\\"\" c=\"\\\\\"\n", "m", "a=%s b=%s c=%s", "k=v", "\"", "\\");
    LINE("m a=\"\\xff\\x01\\x7f\"\n", "m", "a=%s", "\xff\x01\x7f");
}

TEST(log_cuts_long_values)
{
    char text[LOG_VALUE_MAX + 2];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    struct buf out = { 0 };
    log_quote(&out, span_of(text));
    EQUAL(out.len, LOG_VALUE_MAX + 5);
    SAME(span_skip(buf_span(&out), LOG_VALUE_MAX), "a...\"");
    buf_clear(&out);
    log_quote(&out, span_head(span_of(text), LOG_VALUE_MAX));
    EQUAL(out.len, LOG_VALUE_MAX);
    buf_fini(&out);
}

TEST(log_holds_repeats_back_and_counts_them)
{
    static struct log_rate rate;
    rate = (struct log_rate){ 0 };
    uint32_t repeated = 0;
    for (int i = 0; i < LOG_BURST; i++) CHECK(log_rate_pass(&rate, SPAN("frame refused"), 1000, &repeated));
    for (int i = 0; i < 7; i++) CHECK(!log_rate_pass(&rate, SPAN("frame refused"), 1000 + LOG_WINDOW_MS - 1, &repeated));
    CHECK(log_rate_pass(&rate, SPAN("another"), 1000, &repeated));      /* has a count of its own */
    EQUAL(rate.held, 7);
    CHECK(log_rate_pass(&rate, SPAN("frame refused"), 1000 + LOG_WINDOW_MS, &repeated));
    EQUAL(repeated, 7);
    CHECK(log_rate_pass(&rate, SPAN("frame refused"), 1000 + LOG_WINDOW_MS, &repeated));
    EQUAL(repeated, 0);
}

TEST(log_rate_survives_more_messages_than_it_tells_apart)
{
    static struct log_rate rate;
    rate = (struct log_rate){ 0 };
    uint32_t repeated;
    unsigned passed = 0;
    for (int i = 0; i < 1000; i++) {
        struct buf msg = { 0 };
        buf_add_format(&msg, "message %d", i);
        passed += log_rate_pass(&rate, buf_span(&msg), 5, &repeated);
        buf_fini(&msg);
    }
    CHECK(passed >= LOG_KEYS);
    EQUAL(passed + rate.held, 1000);
}

TEST(log_levels_have_names)
{
    enum log_level level;
    CHECK(log_level_of(SPAN("warn"), &level));
    EQUAL(level, LOG_WARN);
    CHECK(!log_level_of(SPAN("loud"), &level));
    SAME(span_of(log_level_name(LOG_ERROR)), "error");
}
