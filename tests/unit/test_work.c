/* The workers of a router: who gets what, in which order, and what becomes of it when they go. */
#include "t.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>

static struct config config;
static struct router_stats stats;
static struct work *work;
static struct effects out;
static struct router_time now;
static struct buf heard, told;          /* by workers: "A:1 B:2 "; by gateways: "0.7:OK " */

static void begin(void)
{
    static char all[] = "*";
    static char *any[] = { all };
    config = (struct config){ 0 };
    config.router.worker.namespaces = (struct config_strings){ any, 1 };
    config.router.max_body_bytes = 4096, config.router.max_addresses_count = 4, config.router.max_worker_requests = 100;
    config.router.max_workers = 4, config.router.worker_beat_ms = 1000, config.router.worker_silence_ms = 3000;
    config.router.worker_tries_count = 2, config.router.worker_queue_count = 5, config.router.worker_queue_bytes = 4000;
    stats = (struct router_stats){ 0 };
    now = (struct router_time){ 1000000, 5 };
    work = work_new(&(struct work_options){ .config = &config, .stats = &stats, .id = SPAN("router-0"), .epoch = 0xab, .seed = { 1, 2 } });
    work_on_gateway(work, 0, &out);
}

/* What came out: of requests the number and the event; other frames by their first letter. */
static void drain(void)
{
    struct work_said said;
    while (work_next(work, &said)) {
        struct span json = blob_span(said.json), event = json;
        buf_add(&heard, blob_span(said.peer));
        buf_add_byte(&heard, ':');
        if (span_eat_prefix(&json, SPAN("{\"request\":\"ab."))) {
            buf_add(&heard, span_cut(&json, '"'));
            const char *at = memmem(event.ptr, event.len, "\"event\":\"", 9);
            buf_add_byte(&heard, at[9]);
        } else {
            buf_add(&heard, span_head(span_skip(json, 2), 2));
        }
        buf_add_byte(&heard, ' ');
        blob_drop(&said.peer), blob_drop(&said.json), blob_drop(&said.attachments);
    }
    for (size_t i = 0; i < out.count; i++) {
        struct span rest = blob_span(out.at[i].message), fields;
        enum msg_type type;
        enum err e;
        struct msg_WORKED m;
        NEED(msg_next(&rest, &type, &fields, &e));
        if (type != MSG_WORKED) continue;
        NEED(msg_decode_WORKED(&m, fields) == OK);
        buf_add_format(&told, "%u.%u:%s ", out.at[i].number, (unsigned)m.ref, m.refused ? "refused" : err_name((enum err)m.error));
    }
    effects_clear(&out);
}

static void workers_heard(const char *want) { drain(); SAME(buf_span(&heard), want); buf_clear(&heard); }
static void gateways_told(const char *want) { drain(); SAME(buf_span(&told), want); buf_clear(&told); }

static enum err say(const char *peer, const char *json)
{
    struct span frame = t_exact(span_of(json));
    return work_on_frames(work, span_of(peer), &frame, 1, now, &out);
}

static void ready(const char *peer, const char *events, unsigned capacity)
{
    struct buf json = { 0 };
    buf_add_format(&json, "{\"ready\":\"%s\",\"namespaces\":[\"/\"],\"events\":[%s],\"capacity\":%u}", peer, events, capacity);
    EQUAL_ERR(say(peer, buf_text(&json)), OK);
    buf_fini(&json);
}

static enum err ask(uint16_t gateway, unsigned ref, const char *socket, const char *event)
{
    struct buf name = { 0 };
    buf_add_format(&name, "\"%s\"", event);
    enum err e = work_on_request(work, gateway, &(struct msg_WORK){ .ref = ref, .patience = 10000, .nsp = SPAN("/"), .socket = span_of(socket),
        .event = buf_span(&name), .args = SPAN("[]") }, now, &out);
    buf_fini(&name);
    return e;
}

static void reply(const char *peer, unsigned number)
{
    struct buf json = { 0 };
    buf_add_format(&json, "{\"reply\":\"ab.%u\",\"ack\":[1]}", number);
    EQUAL_ERR(say(peer, buf_text(&json)), OK);
    buf_fini(&json);
}

static void pass(uint64_t ms) { now.mono += ms; work_on_time(work, now, &out); }

static void end(void)
{
    drain();
    work_destroy(&work);
    effects_fini(&out);
    buf_fini(&heard), buf_fini(&told);
}

TEST(work_a_sockets_requests_go_to_one_worker_in_order)
{
    begin();
    ready("A", "\"*\"", 2), ready("B", "\"*\"", 2);             /* numbers 1 and 2 are theirs */
    workers_heard("A:we B:we ");
    ask(0, 11, "s", "x"), ask(0, 12, "s", "x"), ask(0, 13, "s", "x"), ask(0, 14, "t", "x");
    drain();
    char first = buf_span(&heard).ptr[0], other = first == 'A' ? 'B' : 'A';
    char want[64], one[2] = { first, 0 };
    snprintf(want, sizeof want, "%c:3x %c:4x %c:6x ", first, first, other);
    workers_heard(want);                                        /* 13 waits for room at the one that has the others */
    reply(one, 4);
    snprintf(want, sizeof want, "%c:5x ", first);
    workers_heard(want);
    reply(one, 3), reply(one, 5);
    gateways_told("0.12:OK 0.11:OK 0.13:OK ");
    EQUAL(stats.work_open, 1); EQUAL(stats.work_waiting, 0);
    end();
}

TEST(work_another_workers_event_waits_for_those_before_it)
{
    begin();
    ready("A", "\"a\"", 5), ready("B", "\"b\"", 5);
    workers_heard("A:we B:we ");
    ask(0, 1, "s", "a"), ask(0, 2, "s", "b"), ask(0, 3, "s", "a"), ask(0, 4, "t", "b");
    workers_heard("A:3a B:6b ");
    reply("A", 3);
    workers_heard("B:4b ");
    reply("B", 4);
    workers_heard("A:5a ");
    end();
}

TEST(work_of_a_dead_worker_goes_to_others_in_order_and_its_late_replies_count_for_nothing)
{
    begin();
    ready("A", "\"*\"", 5);
    ask(0, 1, "s", "x"), ask(0, 2, "s", "x"), ask(1, 3, "t", "x");
    workers_heard("A:we A:2x A:3x A:4x ");
    reply("A", 2);
    gateways_told("0.1:OK ");
    ready("B", "\"*\"", 5);
    work_on_gone(work, SPAN("A"), now, &out);
    drain();
    CHECK(memmem(heard.ptr, heard.len, "B:3x", 4) && memmem(heard.ptr, heard.len, "B:4x", 4));
    buf_clear(&heard);
    EQUAL(stats.workers_lost, 1); EQUAL(stats.work_again, 2);
    reply("A", 3);                                              /* it was not dead after all */
    workers_heard("A:ag ");
    gateways_told("");
    EQUAL(stats.work_late, 1);
    reply("B", 3), reply("B", 3), reply("B", 4);
    gateways_told("0.2:OK 1.3:OK ");
    EQUAL(stats.work_late, 2);
    end();
}

TEST(work_waits_where_the_last_worker_died_and_is_given_up_when_several_did)
{
    begin();
    ready("A", "\"*\"", 5);
    ask(0, 1, "s", "x"), ask(0, 2, "s", "x");
    work_on_gone(work, SPAN("A"), now, &out);
    gateways_told("0.1:ERR_GONE 0.2:ERR_GONE ");                /* their gateway looks for another router, or waits */
    ready("A", "\"*\"", 5), ready("B", "\"*\"", 5);
    ask(0, 1, "s", "x"), ask(0, 2, "s", "x");
    drain();
    bool at_a = memmem(heard.ptr, heard.len, "A:6x", 4);
    buf_clear(&heard);
    work_on_gone(work, at_a ? SPAN("A") : SPAN("B"), now, &out);
    gateways_told("");
    ready("C", "\"*\"", 5);
    work_on_gone(work, at_a ? SPAN("B") : SPAN("A"), now, &out);
    gateways_told("0.1:ERR_LIMIT ");                            /* the second worker that died over it */
    reply("C", 7);
    gateways_told("0.2:OK ");
    end();
}

TEST(work_has_limits)
{
    begin();
    ready("A", "\"*\"", 1);
    EQUAL_ERR(ask(0, 1, "s", "x"), OK);
    for (unsigned i = 2; i <= 6; i++) EQUAL_ERR(ask(0, i, "t", "x"), OK);
    EQUAL_ERR(ask(0, 7, "u", "x"), ERR_FULL);
    gateways_told("0.7:ERR_FULL ");
    EQUAL(stats.work_waiting, 5); EQUAL(stats.work_full, 1);
    EQUAL_ERR(work_on_request(work, 0, &(struct msg_WORK){ .ref = 9, .nsp = SPAN("/other"), .event = SPAN("\"x\"") }, now, &out), ERR_GONE);
    ready("B", "\"*\"", 1), ready("C", "\"*\"", 1), ready("D", "\"*\"", 1);
    EQUAL_ERR(say("E", "{\"ready\":\"E\",\"namespaces\":[\"/\"],\"events\":[\"*\"]}"), ERR_FULL);
    end();
}

TEST(work_who_hangs_gets_nothing_more)
{
    begin();
    ready("A", "\"*\"", 1);
    ask(0, 1, "s", "x");
    workers_heard("A:we A:2x ");
    for (int i = 0; i < 10; i++) pass(1000), say("A", "{\"pong\":1}");
    EQUAL(stats.work_expired, 1); EQUAL(stats.work_stuck, 1); EQUAL(stats.work_bytes, 0);
    ask(0, 2, "s", "x");
    drain(), buf_clear(&heard);
    ready("B", "\"*\"", 1);
    workers_heard("B:we B:3x ");                                /* whoever comes gets it */
    ask(0, 3, "t", "x");
    reply("A", 2);                                              /* too late for its client, but it is free again */
    workers_heard("A:5x ");
    gateways_told("");
    EQUAL(stats.work_late, 1); EQUAL(stats.work_stuck, 0);
    pass(2999), pass(1);
    EQUAL(stats.workers_silent, 2);
    gateways_told("0.3:ERR_GONE 0.2:ERR_GONE ");
    end();
}

TEST(work_bye_is_said_when_all_is_answered)
{
    begin();
    ready("A", "\"*\"", 5);
    ask(0, 1, "s", "x");
    say("A", "{\"bye\":true}");
    workers_heard("A:we A:2x ");
    EQUAL_ERR(ask(0, 2, "t", "x"), ERR_GONE);
    ready("B", "\"*\"", 5);
    ask(0, 3, "s", "x");                                        /* its socket's first is still with the one that leaves */
    workers_heard("B:we ");
    reply("A", 2);
    drain();
    CHECK(memmem(heard.ptr, heard.len, "B:4x", 4) && memmem(heard.ptr, heard.len, "A:by", 4));
    EQUAL(stats.workers_open, 1); EQUAL(stats.workers_lost, 0);
    end();
}

TEST(work_of_a_gateway_that_is_gone_is_nobodys)
{
    begin();
    ready("A", "\"*\"", 1);
    ask(0, 1, "s", "x"), ask(0, 2, "s", "x"), ask(1, 3, "s", "x");
    work_forget_gateway(work, 0);
    workers_heard("A:we A:2x ");
    reply("A", 2);
    workers_heard("A:4x ");                                     /* the other gateway's, whose socket has the same name */
    gateways_told("");
    end();
}

TEST(work_replies_that_are_none_are_faults)
{
    begin();
    ready("A", "\"*\"", 5);
    ask(0, 1, "s", "x"), ask(0, 2, "s", "x");
    EQUAL_ERR(say("A", "{\"reply\":\"ab.2\",\"ack\":1}"), ERR_TYPE);
    EQUAL_ERR(say("A", "{\"reply\":\"ab.3\",\"ack\":[{\"_placeholder\":true,\"num\":0}]}"), ERR_RANGE);
    gateways_told("0.1:ERR_SYNTAX 0.2:ERR_SYNTAX ");
    workers_heard("A:we A:2x A:3x A:er A:er ");
    EQUAL_ERR(say("X", "no"), ERR_SYNTAX);
    EQUAL_ERR(say("X", "{\"reply\":\"ab.2\"}"), OK);
    EQUAL_ERR(say("X", "{\"bye\":1}"), OK);
    EQUAL_ERR(say("X", "{\"ping\":1}"), OK);
    workers_heard("X:er X:ag X:by X:ag ");
    EQUAL_ERR(work_on_frames(work, SPAN("X"), NULL, 0, now, &out), ERR_SYNTAX);
    end();
}

TEST(work_drains)
{
    begin();
    ready("A", "\"*\"", 1);
    ask(0, 1, "s", "x"), ask(0, 2, "t", "x");
    work_drain(work, &out);
    workers_heard("A:we A:2x A:by ");
    gateways_told("0.2:ERR_GONE ");
    CHECK(!work_quiet(work));
    reply("A", 2);
    gateways_told("0.1:OK ");
    CHECK(work_quiet(work));
    say("B", "{\"ready\":\"B\",\"namespaces\":[\"/\"],\"events\":[\"*\"]}");
    workers_heard("A:by B:by ");
    EQUAL_ERR(ask(0, 3, "s", "x"), ERR_GONE);
    end();
}
