#include "metrics.h"
#include "probe.h"
#include "t.h"

static struct world {
    struct lasts lasts;
    struct view *view;
    struct config config;
    uint64_t asked, refused;
    struct probe_state state;
} w;

static void take_view(uint64_t number, bool hold, enum member_state gateway)
{
    struct buf owners = { 0 }, members = { 0 }, one = { 0 };
    msg_add_str(&owners, SPAN("0"));
    static const enum role roles[] = { ROLE_ROUTER, ROLE_GATEWAY, ROLE_PRESENCE, ROLE_AUTH };
    for (unsigned i = 0; i < 4; i++) {
        buf_clear(&one);
        msg_encode_MEMBER(&one, &(struct msg_MEMBER){ .role = (uint8_t)roles[i], .epoch = 7, .version = 1,
                                                       .state = (uint8_t)(roles[i] == ROLE_GATEWAY ? gateway : MEMBER_READY) });
        msg_add_str(&members, buf_span(&one));
    }
    enum view_change change;
    EQUAL_ERR(view_take(w.view, &(struct msg_ROSTER){ .view = number, .phase = hold ? ROSTER_HOLD : ROSTER_ACTIVE, .settled = hold ? number - 100 : number,
                                                       .owners = buf_span(&owners), .members = buf_span(&members), .before = buf_span(&owners) }, &change), OK);
    buf_fini(&owners), buf_fini(&members), buf_fini(&one);
}

static void begin(void)
{
    static char redis[] = "private";
    w = (struct world){ .config.instances = { 1, 1, 1, 1 }, .config.presence.redis = redis };
    lasts_init(&w.lasts, &(struct siphash_key){ 1, 2 });
    w.view = view_new();
    w.state = (struct probe_state){ .lasts = &w.lasts, .view = w.view, .config = &w.config, .asked = &w.asked, .refused = &w.refused };
    take_view(100, false, MEMBER_READY);
}

static void end(void)
{
    lasts_fini(&w.lasts);
    view_destroy(&w.view);
}

static enum probe_next ask(const char *text, struct buf *out)
{
    struct probe p = { 0 };
    buf_clear(out);
    enum probe_next next = probe_on_bytes(&p, &w.state, span_of(text), out);
    probe_fini(&p);
    return next;
}

static void starts(struct buf *out, const char *head, const char *tail)
{
    if (!span_has_prefix(buf_span(out), span_of(head))) FAIL("'%s' does not begin with '%s'", buf_text(out), head);
    size_t n = strlen(tail);
    if (out->len < n || memcmp(out->ptr + out->len - n, tail, n) != 0) FAIL("'%s' does not end with '%s'", buf_text(out), tail);
}

TEST(probe_answers)
{
    struct buf out = { 0 };
    begin();
    EQUAL(ask("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", &out), PROBE_ANSWER);
    starts(&out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain", "Connection: keep-alive\r\n\r\nok\n");
    EQUAL(ask("GET /livez HTTP/1.0\r\n\r\n", &out), PROBE_CLOSE);
    EQUAL(ask("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n", &out), PROBE_ANSWER);
    starts(&out, "HTTP/1.1 200 OK", "Content-Length: 3\r\nConnection: keep-alive\r\n\r\n");
    EQUAL(ask("GET /livez?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &out), PROBE_CLOSE);
    EQUAL(ask("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", &out), PROBE_ANSWER);
    starts(&out, "HTTP/1.1 404 Not Found", "/readyz/<daemon>\n");
    EQUAL(w.asked, 5);
    EQUAL(ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", &out), PROBE_CLOSE);
    starts(&out, "HTTP/1.1 405 Method Not Allowed", "");
    EQUAL(ask("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", &out), PROBE_CLOSE);
    starts(&out, "HTTP/1.1 413", "");
    EQUAL(ask("GET /livez HTTP/1.1\r\n\r\n", &out), PROBE_CLOSE);           /* no Host */
    starts(&out, "HTTP/1.1 400", "");
    EQUAL(ask("\x16\x03\x01 hello", &out), PROBE_CLOSE);
    EQUAL(w.refused, 4);
    EQUAL(ask("GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n", &out), PROBE_CLOSE);      /* the first one is answered */
    starts(&out, "HTTP/1.1 200 OK", "Connection: close\r\n\r\nok\n");
    buf_fini(&out);
    end();
}

TEST(probe_byte_by_byte_and_without_end)
{
    struct buf out = { 0 };
    begin();
    struct probe p = { 0 };
    static const char text[] = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int round = 0; round < 2; round++) {           /* and kept alive */
        for (size_t i = 0; i + 2 < sizeof text; i++) EQUAL(probe_on_bytes(&p, &w.state, t_exact(span_from(text + i, 1)), &out), PROBE_READ);
        EQUAL(probe_on_bytes(&p, &w.state, SPAN("\n"), &out), PROBE_ANSWER);
        starts(&out, "HTTP/1.1 200 OK", "ok\n");
        buf_clear(&out);
    }
    enum probe_next next = probe_on_bytes(&p, &w.state, SPAN("GET /"), &out);
    for (int i = 0; next == PROBE_READ && i < 100000; i++) next = probe_on_bytes(&p, &w.state, SPAN("aaaaaaaaaaaaaaaa"), &out);
    EQUAL(next, PROBE_CLOSE);
    starts(&out, "HTTP/1.1 431", "");
    probe_fini(&p);
    buf_fini(&out);
    end();
}

TEST(probe_readiness)
{
    struct buf out = { 0 };
    static const char ready[] = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", one[] = "GET /readyz/gateway-0 HTTP/1.1\r\nHost: x\r\n\r\n";
    begin();
    EQUAL(ask(ready, &out), PROBE_ANSWER);
    starts(&out, "HTTP/1.1 200 OK", "[+] router\n[+] stays\n[+] rooms\n[+] gateway\n[+] presence\n[+] auth\n");
    ask(one, &out);
    starts(&out, "HTTP/1.1 200 OK", "ready\n");
    (void)lasts_put(&w.lasts, SPAN("presence-0"), SPAN("counters"), SPAN("{\"redis.up\":0}"));
    ask(ready, &out);
    starts(&out, "HTTP/1.1 200 OK", "[~] presence-0: Redis does not answer, presence goes on from memory\n");
    w.state.draining = true;
    ask(ready, &out);
    starts(&out, "HTTP/1.1 503 Service Unavailable", "goes on from memory\n");
    w.state.draining = false;
    take_view(200, false, MEMBER_DRAINING);
    ask(ready, &out);
    starts(&out, "HTTP/1.1 503", "[-] gateway: none is ready\n[+] presence\n[+] auth\n[~] presence-0: Redis does not answer, presence goes on from memory\n");
    ask(one, &out);
    starts(&out, "HTTP/1.1 503", "draining\n");
    take_view(300, true, MEMBER_READY);
    ask(ready, &out);
    starts(&out, "HTTP/1.1 503", "memory\n");
    CHECK(strstr(buf_text(&out), "[-] rooms: their ownership is moving"));
    ask("GET /readyz/gateway-7 HTTP/1.1\r\nHost: x\r\n\r\n", &out);
    starts(&out, "HTTP/1.1 404", "not in the roster\n");
    ask("GET /readyz/../etc HTTP/1.1\r\nHost: x\r\n\r\n", &out);
    starts(&out, "HTTP/1.1 404", "not in the roster\n");
    buf_fini(&out);
    end();
}

static void has(struct buf *out, const char *line)
{
    struct buf with = { 0 };
    buf_add_byte(&with, '\n'), buf_add(&with, span_of(line)), buf_add_byte(&with, '\n');
    if (!strstr(buf_text(out), buf_text(&with))) FAIL("no line '%s' in %s", line, buf_text(out));
    buf_fini(&with);
}

TEST(metrics_names_units_and_labels)
{
    struct buf out = { 0 };
    begin();
    (void)lasts_put(&w.lasts, SPAN("gateway-0"), SPAN("counters"), SPAN("{\"role\":\"gateway\",\"id\":\"gateway-0\",\"uptime_ms\":1500,\"sessions.open\":3,\"bytes.in\":77,"
        "\"refused.http.ERR_LIMIT\":2,\"refused.http.ERR_AUTH\":1,\"bus.bytes_in\":9,\"process.cpu_user_ms\":20,\"process.cpu_permille\":15,\"process.rss_bytes\":4096}"));
    (void)lasts_put(&w.lasts, SPAN("router-0"), SPAN("counters"), SPAN("{\"view.hold_ms\":5,\"process.rss_bytes\":8192,\"unknown.thing\":1,\"history.count\":\"text\"}"));
    (void)lasts_put(&w.lasts, SPAN("gateway-1"), SPAN("counters"), SPAN("broken"));
    metrics_print(&out, &w.lasts, w.view);
    has(&out, "# HELP causeway_gateway_sessions_open Engine.IO sessions that are open");
    has(&out, "# TYPE causeway_gateway_sessions_open gauge");
    has(&out, "causeway_gateway_sessions_open{role=\"gateway\",id=\"gateway-0\"} 3");
    has(&out, "# TYPE causeway_gateway_in_bytes_total counter");
    has(&out, "causeway_gateway_in_bytes_total{role=\"gateway\",id=\"gateway-0\"} 77");
    has(&out, "causeway_gateway_refused_http_total{role=\"gateway\",id=\"gateway-0\",reason=\"ERR_LIMIT\"} 2");
    has(&out, "causeway_gateway_refused_http_total{role=\"gateway\",id=\"gateway-0\",reason=\"ERR_AUTH\"} 1");
    has(&out, "causeway_bus_in_bytes_total{role=\"gateway\",id=\"gateway-0\"} 9");
    has(&out, "causeway_process_cpu_user_seconds_total{role=\"gateway\",id=\"gateway-0\"} 0.02");
    has(&out, "causeway_process_cpu_ratio{role=\"gateway\",id=\"gateway-0\"} 0.015");
    has(&out, "causeway_process_uptime_seconds{role=\"gateway\",id=\"gateway-0\"} 1.5");
    has(&out, "causeway_router_view_hold_seconds{role=\"router\",id=\"router-0\"} 0.005");
    has(&out, "causeway_process_rss_bytes{role=\"router\",id=\"router-0\"} 8192\ncauseway_process_rss_bytes{role=\"gateway\",id=\"gateway-0\"} 4096");
    has(&out, "causeway_cluster_daemons{role=\"gateway\",state=\"ready\"} 1");
    CHECK(!strstr(buf_text(&out), "thing{") && !strstr(buf_text(&out), "gateway-1"));
    buf_fini(&out);
    end();
}
