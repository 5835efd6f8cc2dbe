#include "feed.h"

#include "json.h"

#include <stdlib.h>

/* ---- who wants what */

static void count_kinds(struct gate *g)
{
    g->feed.kinds = 0;
    for (size_t i = 0; i < VIEW_OWNERS_MAX; i++)
        if (g->feed.lanes[i]) g->feed.kinds |= g->feed.lanes[i]->wants.kinds;
}

void feed_forget(struct gate *g, uint16_t router)
{
    if (router >= VIEW_OWNERS_MAX || !g->feed.lanes[router]) return;
    topics_fini(&g->feed.lanes[router]->wants);
    buf_fini(&g->feed.lanes[router]->items);
    free(g->feed.lanes[router]);
    g->feed.lanes[router] = NULL;
    count_kinds(g);
}

void feed_on_wants(struct gate *g, uint16_t router, const struct msg_FEED_WANTS *m)
{
    if (router >= VIEW_OWNERS_MAX) return;
    if (!m->prefixes.len) {
        feed_forget(g, router);
        return;
    }
    struct feed_lane **lane = &g->feed.lanes[router];
    if (!*lane) *lane = calloc(1, sizeof **lane);
    NEED(*lane);
    topics_set(&(*lane)->wants, m->prefixes);
    count_kinds(g);
}

void feed_view(struct gate *g)
{
    for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++)
        if (g->feed.lanes[i] && !view_find(g->view, ROLE_ROUTER, i)) feed_forget(g, i);
}

void feed_fini(struct gate *g)
{
    for (uint16_t i = 0; i < VIEW_OWNERS_MAX; i++) feed_forget(g, i);
    buf_fini(&g->feed.topic), buf_fini(&g->feed.json), buf_fini(&g->feed.item);
}

/* ---- an item: its topic first, and only if that is wanted, the rest */

static bool begin(struct socket *s, enum topic_kind kind, struct span name)
{
    struct gate *g = s->session->gate;
    struct feed *f = &g->feed;
    uint64_t seq = ++s->space->told[kind];
    buf_clear(&f->topic);
    topic_encode(&f->topic, kind, s->space->name, name);
    bool wanted = false;
    for (size_t i = 0; i < VIEW_OWNERS_MAX && !wanted; i++) wanted = f->lanes[i] && topics_want(&f->lanes[i]->wants, buf_span(&f->topic));
    if (!wanted) return false;
    struct span user = socket_user(s);
    buf_clear(&f->json);
    buf_add_format(&f->json, "{\"kind\":\"%s\",\"gateway\":\"gateway-%u\",\"seq\":%llu,\"time\":%llu,\"nsp\":", topic_kind_name(kind), g->setup.number,
                   (unsigned long long)seq, (unsigned long long)g->now.wall);
    json_quote(&f->json, s->space->name);
    buf_add_literal(&f->json, ",\"socket\":");
    json_quote(&f->json, socket_id(s));
    buf_add_literal(&f->json, ",\"user\":");
    buf_add(&f->json, user.len ? user : SPAN("null"));
    return true;
}

/* What waits for a router leaves as one message. */
static size_t room_of(const struct gate *g)
{
    size_t frame = g->config->bus.max_frame_bytes - 32768;      /* 64 KiB at least */
    return g->config->gateway.feed_bytes < frame ? g->config->gateway.feed_bytes : frame;
}

static void tell(struct socket *s, struct span attachments)
{
    struct gate *g = s->session->gate;
    struct feed *f = &g->feed;
    buf_add_byte(&f->json, '}');
    buf_clear(&f->item);
    msg_encode_FEED_ITEM(&f->item, &(struct msg_FEED_ITEM){ .topic = buf_span(&f->topic), .json = buf_span(&f->json), .attachments = attachments, .nsp = s->space->name });
    for (size_t i = 0; i < VIEW_OWNERS_MAX; i++) {
        struct feed_lane *lane = f->lanes[i];
        if (!lane || !topics_want(&lane->wants, buf_span(&f->topic))) continue;
        if (lane->items.len + f->item.len + 4 > room_of(g)) {
            g->stats->feed_dropped++;
        } else {
            msg_add_str(&lane->items, buf_span(&f->item));
            g->stats->feed_out++;
        }
    }
}

/* The text of a JSON string, or what it is else. */
static struct span plain(struct buf *out, struct span value)
{
    buf_clear(out);
    if (json_type_of(value) == JSON_STRING) json_unquote(out, value);
    else buf_add(out, value);
    return buf_span(out);
}

static void add_member(struct buf *json, const char *name, struct span text)
{
    buf_add_format(json, ",\"%s\":", name);
    json_quote(json, text);
}

/* ---- what there is to tell */

void feed_event(struct socket *s, const struct sio_packet *p, const struct span *attachments)
{
    struct gate *g = s->session->gate;
    if (!begin(s, TOPIC_EVENT, plain(&g->feed.item, p->name))) return;
    struct buf *json = &g->feed.json, strs = { 0 };
    buf_add_literal(json, ",\"event\":");
    buf_add(json, p->name);
    buf_add_literal(json, ",\"args\":[");
    struct span rest = p->json, arg;
    for (unsigned i = 0; json_next(&rest, &arg); i++) {
        if (i > 1) buf_add_byte(json, ',');
        if (i) buf_add(json, arg);
    }
    buf_add_byte(json, ']');
    for (unsigned i = 0; i < p->attachments; i++) msg_add_str(&strs, attachments[i]);
    tell(s, buf_span(&strs));
    buf_fini(&strs);
}

void feed_connect(struct socket *s, bool back)
{
    struct gate *g = s->session->gate;
    if (!begin(s, TOPIC_CONNECT, plain(&g->feed.item, socket_user(s)))) return;
    struct buf *json = &g->feed.json, address = { 0 };
    ip_print(&address, &s->session->address);
    add_member(json, "address", buf_span(&address));
    add_member(json, "agent", interned_span(s->session->handshake->agent));
    add_member(json, "transport", s->session->dialect & DIALECT_POLL ? SPAN("polling") : SPAN("websocket"));
    if (back) buf_add_literal(json, ",\"recovered\":true");
    tell(s, SPAN(""));
    buf_fini(&address);
}

void feed_disconnect(struct socket *s, const char *reason)
{
    struct gate *g = s->session->gate;
    if (!begin(s, TOPIC_DISCONNECT, plain(&g->feed.item, socket_user(s)))) return;
    add_member(&g->feed.json, "reason", span_of(reason));
    buf_add_format(&g->feed.json, ",\"duration_ms\":%llu", (unsigned long long)(g->now.wall > s->since ? g->now.wall - s->since : 0));
    tell(s, SPAN(""));
}

void feed_room(struct socket *s, struct span key, bool joined)
{
    struct span nsp, address;
    address_split(key, &nsp, &address);
    if (!span_eat_prefix(&address, SPAN("room:")) || !begin(s, joined ? TOPIC_JOIN : TOPIC_LEAVE, address)) return;
    add_member(&s->session->gate->feed.json, "room", address);
    tell(s, SPAN(""));
}

/* ---- the turn's end */

void feed_flush(struct gate *g)
{
    for (uint16_t i = 0; g->feed.kinds && i < VIEW_OWNERS_MAX; i++) {
        struct feed_lane *lane = g->feed.lanes[i];
        if (!lane || !lane->items.len) continue;
        GATE_SAY(g, ROLE_ROUTER, i, FEED, .items = buf_span(&lane->items));
        buf_clear(&lane->items);
    }
}
