#include "supervise.h"
#include "t.h"

/* Each test runs a supervisor by hand and compares what it wants done, one word an effect:
 * +id start  -id term  !id kill  ^id ready  x<code>id exit  ~id forgotten  ok<op> fail<op>(id) gone */

struct run { struct supervise *core; struct supervise_out out; struct buf text; uint64_t now; };

static struct unit_id id_of(const char *name)
{
    struct unit_id id = { UNIT_REDIS, 0 };
    if (!unit_parse(span_of(name), &id)) FAIL("no unit '%s'", name);
    return id;
}

static struct run start_run(const char *units)
{
    struct run r = { .core = supervise_new(&(struct supervise_options){ .start_ms = 1000, .stop_ms = 2000, .pause_ms = 100 }) };
    struct span rest = span_of(units);
    while (rest.len) {
        struct span name = span_cut(&rest, ' ');
        struct unit_id id;
        CHECK(unit_parse(name, &id));
        supervise_add(r.core, id);
    }
    return r;
}

static void end_run(struct run *r)
{
    supervise_destroy(&r->core);
    supervise_out_fini(&r->out);
    buf_fini(&r->text);
}

static const char *did(struct run *r)
{
    buf_clear(&r->text);
    for (size_t i = 0; i < r->out.count; i++) {
        const struct supervise_effect *e = &r->out.at[i];
        if (i) buf_add_byte(&r->text, ' ');
        switch (e->what) {
        case DO_START:      buf_add_byte(&r->text, '+'); break;
        case DO_TERM:       buf_add_byte(&r->text, '-'); break;
        case DO_KILL:       buf_add_byte(&r->text, '!'); break;
        case SAY_READY:     buf_add_byte(&r->text, '^'); break;
        case SAY_EXIT:      buf_add_format(&r->text, "x%d", e->code); break;
        case SAY_FORGOTTEN: buf_add_byte(&r->text, '~'); break;
        case OP_DONE:       buf_add_format(&r->text, "ok%u", e->op); continue;
        case OP_FAILED:     buf_add_format(&r->text, "fail%u(", e->op), unit_print(&r->text, e->unit), buf_add_byte(&r->text, ')'); continue;
        case ALL_GONE:      buf_add_literal(&r->text, "gone"); continue;
        }
        unit_print(&r->text, e->unit);
    }
    r->out.count = 0;
    return buf_text(&r->text);
}
#define DID(r, want) SAME(span_of(did(r)), want)

static void ready(struct run *r, const char *name)          { supervise_on_ready(r->core, id_of(name), r->now, &r->out); }
static void ended(struct run *r, const char *name, int code) { supervise_on_exit(r->core, id_of(name), code, r->now, &r->out); }
static void at(struct run *r, uint64_t now)                 { supervise_expire(r->core, r->now = now, &r->out); }

static struct run booted(const char *units)
{
    struct run r = start_run(units);
    supervise_boot(r.core, 0, 0, &r.out);
    struct span rest = span_of(units);
    while (rest.len) {
        struct unit_id id;
        CHECK(unit_parse(span_cut(&rest, ' '), &id));
        supervise_on_ready(r.core, id, 0, &r.out);
    }
    r.out.count = 0;
    return r;
}

TEST(supervise_boots_by_stages)
{
    struct run r = start_run("gateway-0 auth-0 presence-0 router-1 router-0 redis");
    supervise_boot(r.core, 1, 0, &r.out);
    DID(&r, "+redis");
    ready(&r, "redis");      DID(&r, "^redis +router-0 +router-1");
    ready(&r, "router-1");   DID(&r, "^router-1");
    ready(&r, "router-0");   DID(&r, "^router-0 +auth-0 +presence-0");
    ready(&r, "auth-0");     DID(&r, "^auth-0");
    ready(&r, "presence-0"); DID(&r, "^presence-0 +gateway-0");
    ready(&r, "gateway-0");  DID(&r, "^gateway-0 ok1");
    ready(&r, "gateway-0");  DID(&r, "");
    end_run(&r);
}

TEST(supervise_boots_nothing_at_once)
{
    struct run r = start_run("");
    supervise_boot(r.core, 3, 0, &r.out);
    DID(&r, "ok3");
    end_run(&r);
}

TEST(supervise_stops_all_when_one_does_not_start)
{
    struct run r = start_run("redis router-0 router-1");
    supervise_boot(r.core, 1, 0, &r.out);
    ready(&r, "redis");
    ready(&r, "router-0"); DID(&r, "+redis ^redis +router-0 +router-1 ^router-0");
    ended(&r, "router-1", 111); DID(&r, "x111router-1 fail1(router-1) ~router-1 -router-0");
    ended(&r, "router-0", 0);   DID(&r, "x0router-0 ~router-0 -redis");
    ended(&r, "redis", 0);      DID(&r, "x0redis ~redis gone");
    end_run(&r);
}

TEST(supervise_kills_what_is_not_ready_in_time)
{
    struct run r = start_run("router-0");
    supervise_boot(r.core, 1, 0, &r.out);
    DID(&r, "+router-0");
    EQUAL(supervise_deadline(r.core), 1000);
    at(&r, 999);  DID(&r, "");
    at(&r, 1000); DID(&r, "!router-0");
    EQUAL(supervise_deadline(r.core), UINT64_MAX);
    ended(&r, "router-0", 137); DID(&r, "x137router-0 fail1(router-0) ~router-0 gone");
    end_run(&r);
}

TEST(supervise_restarts_with_a_pause_that_doubles)
{
    struct run r = booted("router-0");
    static const unsigned pauses[] = { 100, 200, 400, 800 };
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        ended(&r, "router-0", 139);
        DID(&r, "x139router-0");
        EQUAL(supervise_deadline(r.core), r.now + pauses[i]);
        at(&r, r.now + pauses[i] - 1); DID(&r, "");
        at(&r, r.now + 1);             DID(&r, "+router-0");
        EQUAL(supervise_find(r.core, id_of("router-0"))->restarts, (int)i + 1);
        if (i % 2) continue;                /* dies before it is ready as well */
        ready(&r, "router-0");         DID(&r, "^router-0");
    }
    end_run(&r);
}

TEST(supervise_pauses_a_minute_at_most_and_forgives_a_stable_one)
{
    struct run r = booted("router-0");
    uint64_t pause = 0;
    for (int i = 0; i < 20; i++) {
        ended(&r, "router-0", 1);
        pause = supervise_deadline(r.core) - r.now;
        CHECK(pause <= SUPERVISE_PAUSE_MAX_MS);
        at(&r, supervise_deadline(r.core));
    }
    EQUAL(pause, SUPERVISE_PAUSE_MAX_MS);
    ready(&r, "router-0");
    at(&r, r.now + SUPERVISE_STABLE_MS);
    ended(&r, "router-0", 1);
    EQUAL(supervise_deadline(r.core), r.now + 100);
    end_run(&r);
}

TEST(supervise_stops_from_the_gateways_down)
{
    struct run r = booted("redis router-0 router-1 router-2 auth-0 presence-0 gateway-0 gateway-1");
    supervise_stop(r.core, 7, 0, &r.out); DID(&r, "-gateway-1 -gateway-0");
    ended(&r, "gateway-0", 0);  DID(&r, "x0gateway-0 ~gateway-0");
    ended(&r, "gateway-1", 0);  DID(&r, "x0gateway-1 ~gateway-1 -presence-0 -auth-0");
    ended(&r, "auth-0", 0);     DID(&r, "x0auth-0 ~auth-0");
    ended(&r, "presence-0", 0); DID(&r, "x0presence-0 ~presence-0 -router-2");      /* one by one: each hands on */
    ended(&r, "router-2", 0);   DID(&r, "x0router-2 ~router-2 -router-1");
    ended(&r, "router-1", 0);   DID(&r, "x0router-1 ~router-1 -router-0");
    at(&r, 2000);               DID(&r, "!router-0");
    ended(&r, "router-0", 137); DID(&r, "x137router-0 ~router-0 -redis");
    ended(&r, "redis", 0);      DID(&r, "x0redis ~redis ok7 gone");
    CHECK(supervise_next(r.core, NULL) == NULL);
    end_run(&r);
}

TEST(supervise_stop_needs_no_exit_of_what_is_dead)
{
    struct run r = booted("router-0");
    ended(&r, "router-0", 1);
    DID(&r, "x1router-0");
    supervise_stop(r.core, 7, 0, &r.out);
    DID(&r, "~router-0 ok7 gone");
    end_run(&r);
}

TEST(supervise_stops_in_the_middle_of_a_boot)
{
    struct run r = start_run("router-0 gateway-0");
    supervise_boot(r.core, 1, 0, &r.out);
    DID(&r, "+router-0");
    supervise_stop(r.core, 2, 0, &r.out); DID(&r, "fail1(redis) ~gateway-0 -router-0");
    ready(&r, "router-0");                DID(&r, "");
    ended(&r, "router-0", 0);             DID(&r, "x0router-0 ~router-0 ok2 gone");
    end_run(&r);
}

TEST(supervise_scales_up_into_the_holes)
{
    struct run r = booted("router-0 gateway-1");
    supervise_scale(r.core, UNIT_GATEWAY, 3, 5, 0, &r.out); DID(&r, "+gateway-0 +gateway-2");
    EQUAL(supervise_count(r.core, UNIT_GATEWAY), 3);
    supervise_scale(r.core, UNIT_GATEWAY, 4, 6, 0, &r.out); DID(&r, "fail6(gateway-0)");        /* still on its way */
    ready(&r, "gateway-2"); DID(&r, "^gateway-2");
    ready(&r, "gateway-0"); DID(&r, "^gateway-0 ok5");
    supervise_scale(r.core, UNIT_GATEWAY, 3, 8, 0, &r.out); DID(&r, "ok8");
    end_run(&r);
}

TEST(supervise_scales_down_from_the_top)
{
    struct run r = booted("router-0 gateway-0 gateway-1 gateway-2");
    supervise_scale(r.core, UNIT_GATEWAY, 1, 5, 0, &r.out); DID(&r, "-gateway-2 -gateway-1");
    EQUAL(supervise_count(r.core, UNIT_GATEWAY), 1);
    ended(&r, "gateway-1", 0); DID(&r, "x0gateway-1 ~gateway-1");
    ended(&r, "gateway-2", 0); DID(&r, "x0gateway-2 ~gateway-2 ok5");
    end_run(&r);
}

TEST(supervise_forgets_a_new_one_that_does_not_start)
{
    struct run r = booted("router-0 gateway-0");
    supervise_scale(r.core, UNIT_GATEWAY, 2, 5, 0, &r.out); DID(&r, "+gateway-1");
    ended(&r, "gateway-1", 111); DID(&r, "x111gateway-1 fail5(gateway-1) ~gateway-1");
    EQUAL(supervise_count(r.core, UNIT_GATEWAY), 1);
    end_run(&r);
}

TEST(supervise_keeps_a_router)
{
    struct run r = booted("router-0 router-1");
    supervise_scale(r.core, UNIT_ROUTER, 0, 5, 0, &r.out);        DID(&r, "fail5(router-0)");
    supervise_drain(r.core, id_of("router-0"), 6, 0, &r.out);     DID(&r, "-router-0");
    supervise_drain(r.core, id_of("router-1"), 7, 0, &r.out);     DID(&r, "fail7(router-1)");
    ended(&r, "router-0", 0);                                     DID(&r, "x0router-0 ~router-0 ok6");
    end_run(&r);
}

TEST(supervise_restarts_on_request_at_once)
{
    struct run r = booted("router-0 auth-0");
    supervise_restart(r.core, id_of("auth-0"), 5, 0, &r.out); DID(&r, "-auth-0");
    ended(&r, "auth-0", 0);                                   DID(&r, "x0auth-0 +auth-0");
    ready(&r, "auth-0");                                      DID(&r, "^auth-0 ok5");
    EQUAL(supervise_find(r.core, id_of("auth-0"))->restarts, 1);
    ended(&r, "auth-0", 1);                                   DID(&r, "x1auth-0");
    supervise_restart(r.core, id_of("auth-0"), 6, 0, &r.out); DID(&r, "+auth-0");       /* the pause is cut short */
    ended(&r, "auth-0", 1);                                   DID(&r, "x1auth-0 fail6(auth-0)");
    CHECK(supervise_find(r.core, id_of("auth-0")) != NULL);
    supervise_restart(r.core, id_of("auth-7"), 9, 0, &r.out); DID(&r, "fail9(auth-7)");
    end_run(&r);
}

TEST(supervise_adopts_what_runs)
{
    struct run r = start_run("redis router-0 gateway-0");
    supervise_adopt(r.core, id_of("redis"), 0);
    supervise_adopt(r.core, id_of("gateway-0"), 0);
    supervise_adopt(r.core, id_of("gateway-1"), 0);     /* more than the topology has: it was scaled */
    supervise_boot(r.core, 1, 0, &r.out); DID(&r, "+router-0");
    ready(&r, "router-0");                DID(&r, "^router-0 ok1");
    EQUAL(supervise_count(r.core, UNIT_GATEWAY), 2);
    ended(&r, "gateway-1", SUPERVISE_CODE_UNKNOWN);
    DID(&r, "x-1gateway-1");
    end_run(&r);
}

TEST(supervise_answers_nobody_who_went_away)
{
    struct run r = booted("router-0");
    supervise_scale(r.core, UNIT_GATEWAY, 1, 5, 0, &r.out); DID(&r, "+gateway-0");
    supervise_forget_op(r.core, 5);
    ready(&r, "gateway-0");                                 DID(&r, "^gateway-0");
    end_run(&r);
}

TEST(unit_names_there_and_back)
{
    static const struct row { const char *name; bool good; } rows[] = {
        { "gateway-0", true }, { "router-63", true }, { "presence-10", true }, { "auth-2", true }, { "redis", true },
        { "redis-0", false }, { "gateway", false }, { "gateway-", false }, { "gateway-x", false }, { "gateway-1024", false },
        { "worker-1", false }, { "", false }, { "-1", false },
    };
    const struct row *r;
    EACH(r, rows) {
        struct unit_id id;
        EQUAL(unit_parse(span_of(r->name), &id), r->good);
        if (!r->good) continue;
        struct buf text = { 0 };
        unit_print(&text, id);
        SAME(buf_span(&text), r->name);
        buf_fini(&text);
    }
}
