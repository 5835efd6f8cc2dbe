#include "json.h"
#include "t.h"

#define STATS     test_stats
#define STATS_DEF "../tests/unit/test_stats.def"
#include "stats_table.h"

#define STATS     test_stats
#define STATS_DEF "../tests/unit/test_stats.def"
#define STATS_ROWS
#include "stats_table.h"

TEST(stats_print_every_row_and_the_errors_that_happened)
{
    struct test_stats s = { .sessions_open = 5, .bytes_in_all = UINT64_MAX };
    struct stats_view view = test_stats_view(&s);
    struct stats_meta meta = { .role = "gateway", .id = "gateway-0", .pid = 1, .uptime_ms = 2, .seq = 3, .time = 4 };
    struct buf out = { 0 };
    s.refused_http[ERR_LIMIT]++;
    s.refused_http[ERR_SYNTAX] += 2;
    stats_json(&out, &meta, &view, 1);
    SAME(buf_span(&out), "{\"role\":\"gateway\",\"id\":\"gateway-0\",\"pid\":1,\"uptime_ms\":2,\"seq\":3,\"time\":4,"
         "\"sessions.open\":5,\"bytes.in_all\":18446744073709551615,"
         "\"refused.http.ERR_SYNTAX\":2,\"refused.http.ERR_LIMIT\":1,\"total\":0}");
    EQUAL_ERR(json_check(buf_span(&out), 4), OK);
    buf_fini(&out);
}

TEST(stats_append_views)
{
    struct test_stats a = { .total = 1 }, b = { .total = 2 };
    const struct stats_view views[] = { test_stats_view(&a), test_stats_view(&b) };
    struct stats_meta meta = { .role = "r", .id = "i" };
    struct buf out = { 0 };
    stats_json(&out, &meta, views, 2);
    CHECK(memmem(out.ptr, out.len, "\"total\":1,\"sessions.open\":0", 27));
    CHECK(memmem(out.ptr, out.len, "\"total\":2}", 10));
    buf_fini(&out);
}

TEST(stats_documented_as_a_table)
{
    struct test_stats s = { 0 };
    struct stats_view view = test_stats_view(&s);
    struct buf out = { 0 };
    stats_document(&out, &view);
    CHECK(memmem(out.ptr, out.len, "| `sessions.open` | gauge | sessions that are open |\n", 51));
    CHECK(memmem(out.ptr, out.len, "| `refused.http.ERR_*` | counter, by reason | requests refused |\n", 63));
    buf_fini(&out);
}
