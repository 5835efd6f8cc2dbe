#include "probe.h"

#include "json.h"
#include "metrics.h"

struct page { unsigned status; const char *type; struct buf body; };

#define TEXT_TYPE    "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* ---- readiness: a line for each thing, "[+]" where it holds */

static bool line(struct buf *out, bool holds, const char *what, const char *why)
{
    buf_add(out, holds ? SPAN("[+] ") : SPAN("[-] "));
    buf_add(out, span_of(what));
    if (!holds) buf_add_literal(out, ": "), buf_add(out, span_of(why));
    buf_add_byte(out, '\n');
    return holds;
}

/* Redis away is no reason to send nobody here: presence goes on from memory. */
static void note_redis(struct buf *out, const struct probe_state *s)
{
    struct map_walk walk = { 0 };
    uint64_t up;
    for (const struct last *last; strcmp(s->config->presence.redis, "none") != 0 && (last = lasts_next(s->lasts, &walk)); ) {
        if (last->role != ROLE_PRESENCE || !json_to_uint(json_find(blob_span(last->json), SPAN("redis.up")), 1, &up) || up) continue;
        buf_add_literal(out, "[~] ");
        buf_add(out, last_id(last));
        buf_add_literal(out, ": Redis does not answer, presence goes on from memory\n");
    }
}

static void render_ready(struct page *page, const struct probe_state *s)
{
    const struct member *self = view_find(s->view, ROLE_ROUTER, s->number);
    uint16_t one;
    bool good = line(&page->body, self && self->state == MEMBER_READY, "router", "not ready in the roster");
    good &= line(&page->body, !s->draining, "stays", "it is leaving");
    good &= line(&page->body, !view_holding(s->view) && view_owners(s->view)->count > 0, "rooms", "their ownership is moving: publishes wait");
    for (unsigned role = ROLE_GATEWAY; role < ROLE_COUNT; role++)
        if (config_instances(s->config, role)) good &= line(&page->body, view_of_role(s->view, (enum role)role, &one, 1) > 0, role_name((enum role)role), "none is ready");
    note_redis(&page->body, s);
    page->status = good ? 200 : 503;
}

static void render_daemon(struct page *page, const struct probe_state *s, struct span id)
{
    static const char *const states[] = { [MEMBER_STARTING] = "starting", [MEMBER_READY] = "ready", [MEMBER_DRAINING] = "draining" };
    enum role role;
    uint16_t number;
    const struct member *m = member_id_decode(id, &role, &number) == OK ? view_find(s->view, role, number) : NULL;
    page->status = !m ? 404 : m->state == MEMBER_READY ? 200 : 503;
    buf_add(&page->body, m && m->state <= MEMBER_DRAINING ? span_of(states[m->state]) : SPAN("not in the roster"));
    buf_add_byte(&page->body, '\n');
}

/* ---- pages */

static void render(struct page *page, const struct probe_state *s, struct span path)
{
    *page = (struct page){ .status = 200, .type = TEXT_TYPE };
    if (span_same(path, SPAN("/metrics"))) {
        page->type = METRICS_TYPE;
        metrics_print(&page->body, s->lasts, s->view);
    } else if (span_same(path, SPAN("/livez"))) {
        buf_add_literal(&page->body, "ok\n");
    } else if (span_same(path, SPAN("/readyz"))) {
        render_ready(page, s);
    } else if (span_eat_prefix(&path, SPAN("/readyz/"))) {
        render_daemon(page, s, path);
    } else {
        page->status = 404;
        buf_add_literal(&page->body, "/metrics, /livez, /readyz, /readyz/<daemon>\n");
    }
}

static void answer(struct buf *out, const struct probe_state *s, unsigned status, const char *type, struct span body, bool keep, bool head_only)
{
    char date[HTTP1_DATE_LENGTH];
    http1_date(date, s->wall / 1000);
    http1_status(out, status);
    http1_add(out, SPAN("Content-Type"), span_of(type));
    http1_add(out, SPAN("Cache-Control"), SPAN("no-store"));
    http1_add(out, SPAN("Date"), span_from(date, sizeof date));
    if (status == 405) http1_add(out, SPAN("Allow"), SPAN("GET, HEAD"));
    if (head_only) http1_finish_head(out, keep, body.len);
    else http1_finish(out, keep, body);
}

static enum probe_next refuse(struct buf *out, const struct probe_state *s, unsigned status, bool head_only)
{
    (*s->refused)++;
    struct buf body = { 0 };
    buf_add(&body, span_of(http1_status_text(status)));
    buf_add_byte(&body, '\n');
    answer(out, s, status, TEXT_TYPE, buf_span(&body), false, head_only);
    buf_fini(&body);
    return PROBE_CLOSE;
}

/* ---- a connection */

enum probe_next probe_on_bytes(struct probe *self, const struct probe_state *s, struct span in, struct buf *out)
{
    static const struct http1_limits limits = { .max_head = PROBE_HEAD_MAX, .max_fields = PROBE_FIELDS_MAX, .max_body = 0 };
    struct http1_request r;
    struct span none;
    enum err e = http1_head(&self->http, &limits, &in, &r);
    if (e == ERR_AGAIN) return PROBE_READ;
    if (e != OK) return refuse(out, s, self->http.status, false);
    bool head_only = span_same(r.method, SPAN("HEAD"));
    if (!head_only && !span_same(r.method, SPAN("GET"))) return refuse(out, s, 405, false);
    struct page page;
    render(&page, s, r.path);
    bool keep = r.keep_alive;       /* the spans of 'r' end with the next call */
    e = http1_body(&self->http, &limits, &in, &none);
    keep = keep && e == OK && in.len == 0;
    if (e != OK) {
        buf_fini(&page.body);
        return refuse(out, s, e == ERR_AGAIN ? 400 : self->http.status, head_only);
    }
    (*s->asked)++;
    answer(out, s, page.status, page.type, buf_span(&page.body), keep, head_only);
    buf_fini(&page.body);
    return keep ? PROBE_ANSWER : PROBE_CLOSE;
}

void probe_fini(struct probe *self)
{
    http1_fini(&self->http);
}
