#include "terminal.h"
#include "t.h"


struct client { struct terminal t; struct buf sent, shown; };

static struct client start(const char *nsp, const char *room)
{
    struct client c = { .t = { .host = "h:1", .path = "/socket.io/", .nsp = nsp, .token = "tok", .room = room, .seed = 7 } };
    terminal_init(&c.t, &c.sent);
    return c;
}

static void end_client(struct client *c)
{
    terminal_fini(&c->t);
    buf_fini(&c->sent), buf_fini(&c->shown);
}

/* What we sent, unmasked: "<text>" a frame, with its opcode where it is no text. */
static void unmask(struct buf *out, struct span in)
{
    while (in.len >= 6) {
        const uint8_t *p = (const uint8_t *)in.ptr;
        size_t len = p[1] & 0x7f, head = 2;
        CHECK(p[1] & 0x80);
        if (len == 126) len = (size_t)(p[2] << 8 | p[3]), head = 4;
        if ((p[0] & 15) != 1) buf_add_format(out, "%d", p[0] & 15);
        buf_add_byte(out, '<');
        for (size_t i = 0; i < len; i++) buf_add_byte(out, (char)(p[head + 4 + i] ^ p[head + i % 4]));
        buf_add_byte(out, '>');
        in = span_skip(in, head + 4 + len);
    }
    CHECK(in.len == 0);
}

static void same_sent(struct client *c, const char *want)
{
    struct buf text = { 0 };
    unmask(&text, buf_span(&c->sent));
    SAME(buf_span(&text), want);
    buf_fini(&text);
    buf_clear(&c->sent);
}

static void same_shown(struct client *c, const char *want)
{
    SAME(buf_span(&c->shown), want);
    buf_clear(&c->shown);
}

static void come(struct client *c, const char *text)            /* a text frame */
{
    struct buf frame = { 0 };
    size_t len = strlen(text);
    NEED(len < 65536);
    buf_add_byte(&frame, (char)0x81);
    if (len < 126) buf_add_byte(&frame, (char)len);
    else buf_add_byte(&frame, 126), buf_add_byte(&frame, (char)(len >> 8)), buf_add_byte(&frame, (char)len);
    buf_add(&frame, span_of(text));
    terminal_on_bytes(&c->t, buf_span(&frame), &c->sent, &c->shown);
    buf_fini(&frame);
}

static void type(struct client *c, const char *line)
{
    terminal_on_line(&c->t, span_of(line), &c->sent, &c->shown);
}

static struct client connected(const char *nsp, const char *room)
{
    struct client c = start(nsp, room);
    buf_clear(&c.sent);
    terminal_on_bytes(&c.t, SPAN("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n"), &c.sent, &c.shown);
    come(&c, "0{\"sid\":\"x\"}");
    return c;
}

TEST(cli_terminal_connects_and_joins)
{
    struct client c = start("/", "lobby");
    CHECK(span_has_prefix(buf_span(&c.sent), SPAN("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h:1\r\n")));
    buf_clear(&c.sent);
    terminal_on_bytes(&c.t, SPAN("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r"), &c.sent, &c.shown);
    CHECK(!c.t.upgraded);
    terminal_on_bytes(&c.t, SPAN("\n\x81\x02" "0{"), &c.sent, &c.shown);
    same_sent(&c, "<40{\"token\":\"tok\"}>");
    come(&c, "40{\"sid\":\"y\"}");
    same_sent(&c, "<420[\"join-room\",{\"room\":\"lobby\"}]>");
    same_shown(&c, "! connected\n");
    come(&c, "430[{\"success\":true,\"room\":\"lobby\"}]");
    same_shown(&c, "");
    come(&c, "2");
    same_sent(&c, "<3>");
    end_client(&c);
}

TEST(cli_terminal_sends_what_is_typed)
{
    struct client c = connected("/chat", "lobby");
    same_sent(&c, "<40/chat,{\"token\":\"tok\"}>");
    type(&c, "too early"); same_shown(&c, "! not connected yet\n");
    come(&c, "40/chat,{\"sid\":\"y\"}");
    same_sent(&c, "<42/chat,0[\"join-room\",{\"room\":\"lobby\"}]>");
    buf_clear(&c.shown);
    type(&c, "  say \"hi\" \r");     same_sent(&c, "<42/chat,1[\"room-message\",{\"room\":\"lobby\",\"message\":\"say \\\"hi\\\" \\r\"}]>");
    type(&c, "/to ann see you");     same_sent(&c, "<42/chat,2[\"private-message\",{\"targetUserId\":\"ann\",\"message\":\"see you\"}]>");
    type(&c, "/emit x {\"a\":1},2"); same_sent(&c, "<42/chat,3[\"x\",{\"a\":1},2]>");
    type(&c, "/emit x {");           same_sent(&c, ""), same_shown(&c, "! that is no JSON\n");
    type(&c, "/join b");             same_sent(&c, "<42/chat,4[\"join-room\",{\"room\":\"b\"}]>");
    type(&c, "/leave");              same_sent(&c, "<42/chat,5[\"leave-room\",{\"room\":\"b\"}]>");
    type(&c, "/to ann");             CHECK(c.shown.len > 0);
    type(&c, "");                    same_sent(&c, "");
    type(&c, "/quit");               same_sent(&c, "8<\x03\xe8>");
    CHECK(c.t.ended && !c.t.refused);
    end_client(&c);
}

TEST(cli_terminal_shows_what_comes)
{
    static const struct row { const char *name, *in, *want; } rows[] = {
        { "room",            "42[\"room-message\",{\"room\":\"a\",\"userId\":\"u\",\"username\":\"Ann\",\"message\":\"hi\"}]", "#a Ann: hi\n" },
        { "no name",         "42[\"room-message\",{\"room\":\"a\",\"userId\":7,\"message\":{\"x\":1}}]", "#a 7: {\"x\":1}\n" },
        { "private",         "42[\"private-message\",{\"senderId\":\"u\",\"message\":\"psst\"}]", "@u: psst\n" },
        { "any event",       "42[\"news\",1,\"two\"]", "* news 1 \"two\"\n" },
        { "binary event",    "451-[\"share\",{\"_placeholder\":true,\"num\":0}]", "* share {\"_placeholder\":true,\"num\":0}\n" },
        { "asks for an ack", "4217[\"q\"]", "* q\n" },
        { "no escape codes", "42[\"room-message\",{\"room\":\"a\",\"username\":\"\\u001b[31m\",\"message\":\"a\\u009bb\\nc\"}]", "#a  [31m: a b c\n" },
        { "other namespace", "42/x,[\"news\",1]", "" },
        { "a refusal",       "433[{\"success\":false,\"message\":\"no\"}]", "= [{\"success\":false,\"message\":\"no\"}]\n" },
        { "broken",          "42[\"news\"", "" },
        { "no event",        "42{}", "" },
        { "disconnected",    "41", "! the server has disconnected us\n" },
        { "refused",         "44{\"message\":\"bad\"}", "! refused: {\"message\":\"bad\"}\n" },
    };
    const struct row *r;
    EACH(r, rows) {
        struct client c = connected("/", "");
        come(&c, "40{\"sid\":\"y\"}");
        buf_clear(&c.shown);
        come(&c, r->in);
        same_shown(&c, r->want);
        end_client(&c);
    }
}

TEST(cli_terminal_leaves_out_the_position_in_the_stream)
{
    struct client c = connected("/", "");
    come(&c, "40{\"sid\":\"y\",\"pid\":\"z\"}");
    buf_clear(&c.shown);
    come(&c, "42[\"news\",1,\"two\",\"offset\"]"); same_shown(&c, "* news 1 \"two\"\n");
    come(&c, "42[\"news\",\"offset\"]");           same_shown(&c, "* news\n");
    come(&c, "423[\"asks\",\"one\"]");             same_shown(&c, "* asks \"one\"\n");
    end_client(&c);
}

TEST(cli_terminal_takes_fragments_and_any_cut)
{
    static const char bytes[] = "HTTP/1.1 101 x\r\n\r\n\x81\x02" "0{" "\x81\x04" "40{}" "\x01\x03" "42[" "\x89\x01p" "\x80\x06" "\"news\"" "\x80\x01]";
    struct client whole = start("/", "");
    terminal_on_bytes(&whole.t, span_from(bytes, sizeof bytes - 1), &whole.sent, &whole.shown);
    for (size_t step = 1; step < 7; step++) {
        struct client c = start("/", "");
        for (size_t at = 0; at < sizeof bytes - 1; at += step) {
            struct span piece = t_exact(span_head(span_skip(span_from(bytes, sizeof bytes - 1), at), step));
            terminal_on_bytes(&c.t, piece, &c.sent, &c.shown);
        }
        SAME_SPAN(buf_span(&c.shown), buf_span(&whole.shown));
        SAME_SPAN(buf_span(&c.sent), buf_span(&whole.sent));
        end_client(&c);
    }
    end_client(&whole);
}

TEST(cli_terminal_ends_on_what_it_does_not_understand)
{
    static const struct row { const char *name; size_t len; const char *in; } rows[] = {
        { "refused",  sizeof "HTTP/1.1 400 Bad Request\r\n\r\n" - 1, "HTTP/1.1 400 Bad Request\r\n\r\n" },
        { "masked",   sizeof "HTTP/1.1 101 x\r\n\r\n\x81\x81....x" - 1, "HTTP/1.1 101 x\r\n\r\n\x81\x81....x" },
        { "huge",     sizeof "HTTP/1.1 101 x\r\n\r\n\x81\x7f\x01\x00\x00\x00\x00\x00\x00\x00" - 1, "HTTP/1.1 101 x\r\n\r\n\x81\x7f\x01\x00\x00\x00\x00\x00\x00\x00" },
        { "closed",   sizeof "HTTP/1.1 101 x\r\n\r\n\x88\x02\x03\xe8" - 1, "HTTP/1.1 101 x\r\n\r\n\x88\x02\x03\xe8" },
        { "closed 1", sizeof "HTTP/1.1 101 x\r\n\r\n\x88\x00" - 1, "HTTP/1.1 101 x\r\n\r\n\x88\x00" },
    };
    const struct row *r;
    EACH(r, rows) {
        struct client c = start("/", "");
        terminal_on_bytes(&c.t, span_from(r->in, r->len), &c.sent, &c.shown);
        CHECK(c.t.ended && c.t.refused && c.shown.len > 0);
        end_client(&c);
    }
}

TEST(cli_terminal_urls)
{
    static const struct row { const char *name, *host, *port, *path; } rows[] = {
        { "http://127.0.0.1:8080",      "127.0.0.1", "8080", "/socket.io/" },
        { "http://a/",                  "a", "80", "/socket.io/" },
        { "ws://a:1/game/",             "a", "1", "/game/" },
        { "http://[::1]:8080",          "::1", "8080", "/socket.io/" },
        { "http://[::1]",               "::1", "80", "/socket.io/" },
        { "https://a", NULL, NULL, NULL }, { "a:80", NULL, NULL, NULL }, { "http://", NULL, NULL, NULL }, { "http://a:0", NULL, NULL, NULL },
        { "http://a:x", NULL, NULL, NULL }, { "http://a/b c", NULL, NULL, NULL }, { "http://a/b\r\nX: y", NULL, NULL, NULL },
    };
    const struct row *r;
    EACH(r, rows) {
        struct buf host = { 0 }, port = { 0 }, path = { 0 };
        const char *why = NULL;
        bool good = terminal_url(span_of(r->name), &host, &port, &path, &why);
        EQUAL(good, r->host != NULL);
        if (good) {
            SAME(buf_span(&host), r->host);
            SAME(buf_span(&port), r->port);
            SAME(buf_span(&path), r->path);
        }
        buf_fini(&host), buf_fini(&port), buf_fini(&path);
    }
}
