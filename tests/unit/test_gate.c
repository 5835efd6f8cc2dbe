#include "bed.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

static void expect(struct bed *b, unsigned client, const char *want)
{
    struct buf got = { 0 };
    int opcode;
    if (!bed_next_frame(b, client, &opcode, &got)) FAIL("client %u: nothing came, want %s", client, want);
    SAME(buf_span(&got), want);
    buf_fini(&got);
}

static void skip(struct bed *b, unsigned client)
{
    struct buf got = { 0 };
    int opcode;
    CHECK(bed_next_frame(b, client, &opcode, &got));
    buf_fini(&got);
}

TEST(gate_connects_delivers_and_forgets)
{
    struct bed b;
    bed_init(&b, NULL);
    bed_websocket(&b, 0, "", "");
    bed_text(&b, 0, "40");
    struct buf got = { 0 };
    int opcode;
    CHECK(bed_next_frame(&b, 0, &opcode, &got));
    CHECK(span_has_prefix(buf_span(&got), SPAN("40{\"sid\":\"")));
    buf_fini(&got);
    EQUAL(b.stats.sockets_open, 1);
    struct buf to = { 0 };
    msg_add_str(&to, SPAN("*"));
    bed_deliver(&b, &(struct msg_BODY){ .kind = BODY_EMIT, .nsp = SPAN("/"), .to = buf_span(&to), .args = SPAN("[\"news\",1]") });
    buf_fini(&to);
    bed_turn(&b);
    expect(&b, 0, "42[\"news\",1]");
    bed_text(&b, 0, "427[\"anything\"]");
    expect(&b, 0, "437[null]");
    bed_fini(&b);
}

TEST(gate_fan_out_allocates_nothing_per_member)
{
    struct bed b;
    bed_init(&b, NULL);
    for (unsigned i = 0; i < 50; i++) {
        bed_websocket(&b, i, "", "");
        bed_text(&b, i, "40");
        skip(&b, i);
    }
    struct buf to = { 0 };
    msg_add_str(&to, SPAN("*"));
    for (int turn = 0; turn < 3; turn++) {
        for (int k = 0; k < 4; k++)
            bed_deliver(&b, &(struct msg_BODY){ .kind = BODY_EMIT, .nsp = SPAN("/"), .to = buf_span(&to), .args = SPAN("[\"x\"]") });
        bed_turn(&b);
        for (unsigned i = 0; i < 50; i++)
            for (int k = 0; k < 4; k++) expect(&b, i, "42[\"x\"]");
    }
    buf_fini(&to);
    EQUAL(b.stats.deliveries_out, 600);
    bed_fini(&b);
}

/* ---- what an idle client costs: gateway/DESIGN.md has this sum */

#define BROWSER "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\n"

static uint64_t idle_bytes(const char *fields)
{
    struct bed b;
    bed_init(&b, "{listeners: {public: {permessage_deflate: true}}, auth: {keys: [{kind: secret, file: '/s', algorithms: [HS256]}]}, namespaces: {/: {token: [auth.token], events: {join: {join: '{room}'}}}}}");
    enum { N = 60 };
    for (unsigned i = 0; i < N; i++) {
        char text[160];
        snprintf(text, sizeof text, "40{\"token\":\"%u {\\\"sub\\\":%u,\\\"username\\\":\\\"user number %u\\\",\\\"iat\\\":1700000000,\\\"exp\\\":1800000000}\"}", i + 1000, i + 1000, i);
        bed_websocket(&b, i, "", fields);
        bed_text(&b, i, text);
        skip(&b, i);
    }
    gate_measure(b.gate);
    EQUAL(b.stats.sockets_open, N);
    uint64_t each = (b.stats.memory_sessions_bytes + b.stats.memory_rooms_bytes) / N;
    bed_fini(&b);
    return each;
}

TEST(gate_idle_websocket_costs_less_than_1600_bytes)
{
    uint64_t each = idle_bytes(BROWSER);
    if (each >= 1600) FAIL("%llu bytes", (unsigned long long)each);
    EQUAL(idle_bytes(BROWSER "Sec-WebSocket-Extensions: permessage-deflate\r\n"), each);
}

/* S0: many come and go, nothing is left, not even after a thousand. */
TEST(gate_forgets_all_of_a_thousand)
{
    struct bed b;
    bed_init(&b, NULL);
    bed_websocket(&b, 0, "", "");
    bed_text(&b, 0, "40");
    skip(&b, 0);
    gate_measure(b.gate);
    uint64_t before = b.stats.memory_sessions_bytes + b.stats.memory_rooms_bytes;
    for (int round = 0; round < 20; round++) {
        for (unsigned i = 1; i < 51; i++) {
            bed_websocket(&b, i, "", "");
            bed_text(&b, i, "40");
            skip(&b, i);
        }
        for (unsigned i = 1; i < 51; i++) bed_hang_up(&b, i);
    }
    gate_measure(b.gate);
    EQUAL(b.stats.sessions_open, 1); EQUAL(b.stats.sockets_open, 1); EQUAL(b.stats.rooms_open, 1);
    EQUAL(b.stats.sessions_opened, 1001);
    uint64_t after = b.stats.memory_sessions_bytes + b.stats.memory_rooms_bytes;
    CHECK(after < before + 8192);       /* tables shrink at their next put */
    bed_fini(&b);
}

static void answer_is(struct bed *b, const char *request, unsigned want, const char *line, const char *body)
{
    struct buf head = { 0 }, got = { 0 };
    unsigned status = 0;
    bed_open(b, 0, 0, "127.0.0.1");
    bed_bytes(b, 0, span_of(request));
    CHECK(bed_next_answer(b, 0, &status, &head, &got));
    EQUAL(status, want);
    if (!memmem(head.ptr, head.len, line, strlen(line))) FAIL("'%.*s' has no '%s'", (int)head.len, head.ptr, line);
    SAME(buf_span(&got), body);
    buf_fini(&head), buf_fini(&got);
    bed_hang_up(b, 0);
}

TEST(gate_serves_files_with_tags)
{
    struct bed b;
    bed_init(&b, NULL);
    struct blob *script = blob_new(SPAN("io()")), *page = blob_new(SPAN("<p>"));
    gate_add_file(b.gate, 0, SPAN("/socket.io/socket.io.js"), SPAN("application/javascript; charset=utf-8"), &script);
    gate_add_file(b.gate, 0, SPAN("/"), SPAN("text/html"), &page);
    answer_is(&b, "GET /socket.io/socket.io.js HTTP/1.1\r\nHost: x\r\n\r\n", 200, "Content-Type: application/javascript; charset=utf-8\r\n", "io()");
    answer_is(&b, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, "ETag: \"", "<p>");
    answer_is(&b, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405, "Allow: GET, HEAD\r\n", "");
    answer_is(&b, "GET /socket.io/socket.io.js HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"x\", *\r\n\r\n", 304, "ETag: \"", "");
    answer_is(&b, "GET /socket.io/other.js HTTP/1.1\r\nHost: x\r\n\r\n", 400, "application/json", "{\"code\":0,\"message\":\"Transport unknown\"}");
    struct buf json = { 0 };
    gate_listeners(b.gate, &json);
    SAME(buf_span(&json), "{\"public\":{\"connections\":0,\"accepted\":5,\"refused\":0,\"sessions\":0,\"failed\":"
         "{\"transport\":1,\"sid\":0,\"method\":0,\"request\":0,\"forbidden\":0,\"version\":0,\"http\":0,\"websocket\":0}}}");
    buf_fini(&json);
    bed_fini(&b);
}

/* ---- a session of another gateway */

static void say_relayed(struct bed *b, uint64_t ref, uint8_t close, const char *bytes)
{
    struct buf out = { 0 };
    msg_encode_RELAYED(&out, &(struct msg_RELAYED){ .ref = ref, .close = close, .bytes = span_of(bytes) });
    bed_say(b, ROLE_GATEWAY, 1, MSG_RELAYED, &out);
    bed_turn(b);
}

static bool said(const struct bed *b, const char *text)
{
    return memmem(b->said.ptr, b->said.len, text, strlen(text)) != NULL;
}

static uint64_t said_ref(struct bed *b, const char *line)
{
    struct span all = buf_span(&b->said);
    uint64_t ref = 0;
    const char *at = NULL, *next = all.ptr;
    while ((next = memmem(next, all.len - (size_t)(next - all.ptr), line, strlen(line)))) at = next, next++;
    if (!at) FAIL("'%s' was not said", line);
    struct span rest = span_skip(all, (size_t)(at - all.ptr) + strlen(line));
    CHECK(span_eat_uint(&rest, &ref));
    return ref;
}

TEST(gate_relays_what_belongs_to_another_gateway)
{
    static const char *const alone[] = { "router-0", "gateway-0", NULL }, *const owners[] = { "0", NULL };
    struct bed b;
    struct sid theirs;
    struct buf request = { 0 }, head = { 0 }, body = { 0 };
    unsigned status;
    bed_init(&b, NULL);
    sid_make(&theirs, 1, (const uint8_t *)"12345678", (const uint8_t *)"0123456789abcdef");
    buf_add_format(&request, "POST /socket.io/?EIO=4&transport=polling&sid=%.20s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n42[\r\n1\r\n]\r\n0\r\n\r\n", theirs.text);
    bed_open(&b, 0, 0, "5.6.7.8");
    bed_bytes(&b, 0, buf_span(&request));
    uint64_t ref = said_ref(&b, "gateway-1 RELAY ref=");
    CHECK(said(&b, "address=5.6.7.8 listener=0 head=POST /socket.io/?EIO=4&transport=polling&sid="));
    CHECK(said(&b, "Content-Length: 4.... body=42[]"));
    CHECK(!bed_next_answer(&b, 0, &status, &head, &body));
    say_relayed(&b, ref, 0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    CHECK(bed_next_answer(&b, 0, &status, &head, &body));
    EQUAL(status, 200);
    SAME(buf_span(&body), "ok");

    /* the same connection again: a GET that is held there, and its client hangs up */
    buf_clear(&request), buf_clear(&head), buf_clear(&body);
    buf_add_format(&request, "GET /socket.io/?EIO=4&transport=polling&sid=%.20s HTTP/1.1\r\nHost: x\r\n\r\n", theirs.text);
    bed_bytes(&b, 0, buf_span(&request));
    ref = said_ref(&b, "gateway-1 RELAY ref=");
    bed_hang_up(&b, 0);
    EQUAL(said_ref(&b, "gateway-1 RELAY_GONE ref="), ref);
    say_relayed(&b, ref, 0, "too late");

    /* its gateway dies */
    bed_open(&b, 1, 0, "5.6.7.8");
    bed_bytes(&b, 1, buf_span(&request));
    bed_roster(&b, ROSTER_ACTIVE, owners, alone);
    CHECK(bed_next_answer(&b, 1, &status, &head, &body));
    EQUAL(status, 400);
    SAME(buf_span(&body), "{\"code\":1,\"message\":\"Session ID unknown\"}");
    EQUAL(b.stats.relays_failed, 1);

    /* an id that nobody signed is nobody's */
    buf_clear(&body), buf_clear(&head);
    theirs.text[19] = theirs.text[19] == 'A' ? 'B' : 'A';
    buf_clear(&request);
    buf_add_format(&request, "GET /socket.io/?EIO=4&transport=polling&sid=%.20s HTTP/1.1\r\nHost: x\r\n\r\n", theirs.text);
    bed_bytes(&b, 1, buf_span(&request));
    CHECK(bed_next_answer(&b, 1, &status, &head, &body));
    EQUAL(status, 400);
    buf_fini(&request), buf_fini(&head), buf_fini(&body);
    bed_fini(&b);
}

/* ---- what a connect rule looks at is kept until the socket is open, within the bounds of what comes early */

TEST(gate_refuses_a_connect_that_it_would_have_to_keep_and_can_not)
{
    static const struct { size_t n; const char *space, *want; } rows[] = {
        { 60000, "/asks",  "40/asks,{\"sid\"" }, { 70000, "/asks", "44/asks,{\"message\":\"payload is too large\"}" },
        { 70000, "/quiet", "40/quiet,{\"sid\"" },
    };
    struct bed b;
    bed_init(&b, "{listeners: {public: {}}, namespaces: {/asks: {identity: none, connect: {reply: {event: x, args: ['{x}']}}}, /quiet: {identity: none}}}");
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf text = { 0 }, got = { 0 };
        int opcode;
        buf_add_format(&text, "40%s,{\"a\":\"%0*d\"}", rows[i].space, (int)rows[i].n, 0);
        bed_websocket(&b, i, "", "");
        bed_text(&b, i, buf_text(&text));
        CHECK(bed_next_frame(&b, i, &opcode, &got));
        if (!span_has_prefix(buf_span(&got), span_of(rows[i].want))) FAIL("got %s", buf_text(&got));
        buf_fini(&text), buf_fini(&got);
    }
    EQUAL(b.stats.refused_sio[ERR_FULL], 1);
    bed_fini(&b);
}

/* ---- a gateway that stalled does not close all its clients for it: they have three quarters of pingTimeout */

TEST(gate_that_stalled_waits_for_pongs_all_the_same)
{
    struct bed b;
    bed_init(&b, NULL);
    bed_websocket(&b, 0, "", "");
    bed_text(&b, 0, "40");
    skip(&b, 0);
    b.now.mono += 60000, b.now.wall += 60000;
    bed_pass(&b, 0);
    expect(&b, 0, "2");
    bed_pass(&b, 14990);
    CHECK(!b.client[0].closed);
    bed_pass(&b, 20);
    CHECK(b.client[0].closed);
    bed_fini(&b);
}

TEST(gate_runs_the_connect_rule_once_whatever_was_reloaded_meanwhile)
{
    struct bed b;
    bed_init(&b, "{listeners: {public: {}}, namespaces: {/asks: {identity: none, connect: {reply: {event: x, args: ['{x}']}}},"
                 " /quiet: {identity: none, connect: {reply: {event: y}}}}}");
    bed_websocket(&b, 0, "", "");
    b.by_hand = true;
    bed_text(&b, 0, "40/asks,{\"x\":1}");
    bed_text(&b, 0, "40/quiet,{\"x\":1}");
    bed_reload(&b, "{listeners: {public: {}}, namespaces: {/quiet: {identity: none, connect: {reply: {event: x, args: ['{x}']}}},"
                   " /asks: {identity: none, connect: {reply: {event: y}}}}}");
    b.by_hand = false;
    bed_confirm(&b, 0);
    bed_turn(&b);
    skip(&b, 0), expect(&b, 0, "42/asks,[\"y\"]");
    skip(&b, 0), expect(&b, 0, "42/quiet,[\"x\",null]");
    bed_text(&b, 0, "42/asks,0[\"end\"]");
    expect(&b, 0, "43/asks,0[null]");
    bed_fini(&b);
}
