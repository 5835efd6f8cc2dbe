#include "terminal.h"
#include "json.h"

enum { WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* ---- out */

static void frame(struct terminal *t, struct buf *send, unsigned opcode, struct span payload)
{
    t->seed ^= t->seed << 13, t->seed ^= t->seed >> 7, t->seed ^= t->seed << 17;
    const uint8_t mask[4] = { (uint8_t)t->seed, (uint8_t)(t->seed >> 8), (uint8_t)(t->seed >> 16), (uint8_t)(t->seed >> 24) };
    buf_add_byte(send, (char)(0x80 | opcode));
    if (payload.len < 126) {
        buf_add_byte(send, (char)(0x80 | payload.len));
    } else {
        bool small = payload.len < 65536;
        buf_add_byte(send, (char)(0x80 | (small ? 126 : 127)));
        for (int shift = small ? 8 : 56; shift >= 0; shift -= 8) buf_add_byte(send, (char)((uint64_t)payload.len >> shift));
    }
    buf_add(send, span_from(mask, 4));
    for (size_t i = 0; i < payload.len; i++) buf_add_byte(send, (char)((uint8_t)payload.ptr[i] ^ mask[i % 4]));
}

static void add_nsp(const struct terminal *t, struct buf *out)
{
    if (strcmp(t->nsp, "/") != 0) buf_add_format(out, "%s,", t->nsp);
}

/* ["event",args...] with an ack id, so that the gateway says what it thinks of it. */
static void emit(struct terminal *t, struct buf *send, struct span event, struct span args)
{
    struct buf packet = { 0 };
    buf_add_literal(&packet, "42");
    add_nsp(t, &packet);
    buf_add_uint(&packet, t->acks++);
    buf_add_byte(&packet, '[');
    json_quote(&packet, event);
    if (args.len) buf_add_byte(&packet, ','), buf_add(&packet, args);
    buf_add_byte(&packet, ']');
    frame(t, send, WS_TEXT, buf_span(&packet));
    buf_fini(&packet);
}

static void emit_object(struct terminal *t, struct buf *send, struct span event, const char *key1, struct span text1, const char *key2, struct span text2)
{
    struct buf object = { 0 };
    buf_add_format(&object, "{\"%s\":", key1);
    json_quote(&object, text1);
    if (key2) buf_add_format(&object, ",\"%s\":", key2), json_quote(&object, text2);
    buf_add_byte(&object, '}');
    emit(t, send, event, buf_span(&object));
    buf_fini(&object);
}

static void join(struct terminal *t, struct buf *send, struct span room)
{
    buf_clear(&t->room_now);
    buf_add(&t->room_now, room);
    emit_object(t, send, SPAN("join-room"), "room", room, NULL, SPAN(""));
}

/* ---- to people: a stranger's text must not drive the terminal */

static void show_text(struct buf *show, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0;     /* U+0080 to U+009F */
        if (c1) i++;
        buf_add_byte(show, c < 0x20 || c == 0x7f || c1 ? ' ' : (char)c);
    }
}

static void show_value(struct buf *show, struct span value)     /* a text without its quotes */
{
    struct buf text = { 0 };
    if (json_type_of(value) == JSON_STRING) json_unquote(&text, value);
    else buf_add(&text, value);
    show_text(show, buf_span(&text));
    buf_fini(&text);
}

static struct span either(struct span object, const char *a, const char *b)
{
    struct span v = json_find(object, span_of(a));
    return v.len ? v : json_find(object, span_of(b));
}

/* A chat event in one line; any other one as it is, but for its last 'drop' arguments. */
static void show_event(struct buf *show, struct span name, struct span arg, struct span whole, size_t drop)
{
    bool object = json_type_of(arg) == JSON_OBJECT;
    struct span room = object ? json_find(arg, SPAN("room")) : arg, message = object ? json_find(arg, SPAN("message")) : arg;
    if (json_string_is(name, SPAN("room-message")) && object && message.len) {
        buf_add_byte(show, '#'), show_value(show, room);
        buf_add_byte(show, ' '), show_value(show, either(arg, "username", "userId"));
        buf_add_literal(show, ": "), show_value(show, message);
    } else if (json_string_is(name, SPAN("private-message")) && object && message.len) {
        buf_add_byte(show, '@'), show_value(show, either(arg, "senderUsername", "senderId"));
        buf_add_literal(show, ": "), show_value(show, message);
    } else {
        buf_add_literal(show, "* "), show_value(show, name);
        struct span rest = whole, element;
        size_t count = 0;
        while (json_next(&rest, &element)) count++;
        rest = whole;
        for (size_t i = 0; i + drop < count && json_next(&rest, &element); i++)
            if (i > 0) buf_add_byte(show, ' '), show_text(show, element);
    }
    buf_add_byte(show, '\n');
}

static void end(struct terminal *t, struct buf *show, const char *why, struct span detail, bool refused)
{
    buf_add_format(show, "! %s", why);
    if (detail.len) buf_add_literal(show, ": "), show_text(show, detail);
    buf_add_byte(show, '\n');
    t->ended = true, t->refused = refused;
}

/* ---- Socket.IO packets */

static void on_event(const struct terminal *t, struct span packet, struct buf *show)
{
    uint64_t id;
    bool asks = span_eat_uint(&packet, &id);
    struct span rest = packet, name = { "", 0 }, arg = { "", 0 };
    if (json_check(packet, JSON_DEEPEST) != OK || json_type_of(packet) != JSON_ARRAY) return;
    (void)json_next(&rest, &name), (void)json_next(&rest, &arg);
    show_event(show, name, arg, packet, t->recoverable && !asks);
}

static void on_ack(struct span packet, struct buf *show)      /* only what is no plain yes is worth a line */
{
    uint64_t id;
    struct span value = { "", 0 };
    if (!span_eat_uint(&packet, &id) || json_check(packet, JSON_DEEPEST) != OK || json_type_of(packet) != JSON_ARRAY) return;
    struct span rest = packet;
    (void)json_next(&rest, &value);
    if (json_type_of(value) == JSON_OBJECT && json_is_true(json_find(value, SPAN("success")))) return;
    buf_add_literal(show, "= "), show_text(show, packet), buf_add_byte(show, '\n');
}

static void on_packet(struct terminal *t, struct span packet, struct buf *send, struct buf *show)
{
    if (packet.len == 0) return;
    char type = packet.ptr[0];
    uint64_t attachments;
    packet = span_skip(packet, 1);
    if ((type == '5' || type == '6') && span_eat_uint(&packet, &attachments)) (void)span_eat(&packet, '-');
    if (span_starts(packet, '/') && !span_same(span_cut(&packet, ','), span_of(t->nsp))) return;
    switch (type) {
    case '0':
        t->connected = true;
        t->recoverable = json_check(packet, JSON_DEEPEST) == OK && json_type_of(packet) == JSON_OBJECT && json_find(packet, SPAN("pid")).len;
        buf_add_literal(show, "! connected\n");
        if (*t->room) join(t, send, span_of(t->room));
        break;
    case '1': end(t, show, "the server has disconnected us", span_of(""), true); break;
    case '2': case '5': on_event(t, packet, show); break;
    case '3': case '6': on_ack(packet, show); break;
    case '4': end(t, show, "refused", packet, true); break;
    default: break;
    }
}

/* ---- Engine.IO packets: one text frame each */

static void on_engine(struct terminal *t, struct span text, struct buf *send, struct buf *show)
{
    struct buf packet = { 0 };
    char type = text.len ? text.ptr[0] : 0;
    text = span_skip(text, 1);
    if (type == '0') {
        buf_add_literal(&packet, "40");
        add_nsp(t, &packet);
        if (*t->token) buf_add_literal(&packet, "{\"token\":"), json_quote(&packet, span_of(t->token)), buf_add_byte(&packet, '}');
        frame(t, send, WS_TEXT, buf_span(&packet));
    } else if (type == '2') {
        buf_add_byte(&packet, '3'), buf_add(&packet, text);
        frame(t, send, WS_TEXT, buf_span(&packet));
    } else if (type == '4') {
        on_packet(t, text, send, show);
    } else if (type == '1') {
        end(t, show, "the server has closed the connection", span_of(""), true);
    }
    buf_fini(&packet);
}

/* ---- WebSocket frames */

static void on_frame(struct terminal *t, unsigned first, struct span payload, struct buf *send, struct buf *show)
{
    unsigned opcode = first & 15;
    bool fin = first & 0x80;
    if (opcode == WS_PING) {
        frame(t, send, WS_PONG, payload);
    } else if (opcode == WS_CLOSE) {
        end(t, show, "the server has closed the connection", span_skip(payload, 2), true);
    } else if (opcode <= WS_BINARY) {
        if (opcode) buf_clear(&t->message), t->text = opcode == WS_TEXT;
        if (t->message.len + payload.len > TERMINAL_MESSAGE_MAX) {
            end(t, show, "the server sends too much at once", span_of(""), true);
            return;
        }
        buf_add(&t->message, payload);
        if (fin && t->text) on_engine(t, buf_span(&t->message), send, show);
    }
}

/* One frame of t->in; false: it is not whole. */
static bool next_frame(struct terminal *t, struct buf *send, struct buf *show)
{
    const uint8_t *p = (const uint8_t *)t->in.ptr;
    size_t have = t->in.len, head = 2;
    if (have < 2) return false;
    uint64_t len = p[1] & 0x7f;
    if (len >= 126) {
        size_t wide = len == 126 ? 2 : 8;
        if (have < 2 + wide) return false;
        len = 0;
        for (size_t i = 0; i < wide; i++) len = len << 8 | p[2 + i];
        head += wide;
    }
    if ((p[1] & 0x80) || len > TERMINAL_MESSAGE_MAX) {
        end(t, show, "the server speaks no WebSocket that we understand", span_of(""), true);
        return false;
    }
    if (have - head < len) return false;
    on_frame(t, p[0], span_from(t->in.ptr + head, (size_t)len), send, show);
    buf_drop_head(&t->in, head + (size_t)len);
    return true;
}

static bool upgrade(struct terminal *t, struct buf *show)
{
    struct span head = buf_span(&t->in);
    const char *blank = memmem(head.ptr, head.len, "\r\n\r\n", 4);
    if (!blank && head.len < 16384) return false;
    struct span rest = head, status = span_cut(&rest, '\r');
    struct span version = SPAN("HTTP/1.1 101");
    if (!blank || !span_has_prefix(status, version)) {
        end(t, show, "the server does not take the WebSocket", status, true);
        return false;
    }
    buf_drop_head(&t->in, (size_t)(blank - head.ptr) + 4);
    return t->upgraded = true;
}

void terminal_on_bytes(struct terminal *t, struct span bytes, struct buf *send, struct buf *show)
{
    buf_add(&t->in, bytes);
    if (!t->upgraded && !upgrade(t, show)) return;
    while (!t->ended && next_frame(t, send, show)) { }
}

/* ---- what is typed */

static void help(struct buf *show)
{
    buf_add_literal(show, "! text: to the room. /join ROOM  /leave [ROOM]  /to USER TEXT  /emit EVENT [JSON,...]  /quit\n");
}

static void on_slash(struct terminal *t, struct span line, struct buf *send, struct buf *show)
{
    struct span rest = line, word = span_cut(&rest, ' ');
    rest = span_trim(rest);
    if (span_same(word, SPAN("/quit"))) {
        frame(t, send, WS_CLOSE, SPAN("\x03\xe8"));
        t->ended = true;
    } else if (span_same(word, SPAN("/join")) && rest.len) {
        join(t, send, rest);
    } else if (span_same(word, SPAN("/leave"))) {
        emit_object(t, send, SPAN("leave-room"), "room", rest.len ? rest : buf_span(&t->room_now), NULL, SPAN(""));
    } else if (span_same(word, SPAN("/to")) && span_find(rest, ' ') > 0) {
        struct span user = span_cut(&rest, ' ');
        emit_object(t, send, SPAN("private-message"), "targetUserId", user, "message", rest);
    } else if (span_same(word, SPAN("/emit")) && rest.len) {
        struct buf array = { 0 };
        struct span event = span_cut(&rest, ' ');
        buf_add_byte(&array, '['), buf_add(&array, rest), buf_add_byte(&array, ']');
        if (json_check(buf_span(&array), JSON_MAX_DEPTH) == OK) emit(t, send, event, rest);
        else buf_add_literal(show, "! that is no JSON\n");
        buf_fini(&array);
    } else {
        help(show);
    }
}

void terminal_on_line(struct terminal *t, struct span line, struct buf *send, struct buf *show)
{
    line = span_trim(line);
    if (!line.len) return;
    if (!t->connected && !span_same(line, SPAN("/quit"))) buf_add_literal(show, "! not connected yet\n");
    else if (line.ptr[0] == '/') on_slash(t, line, send, show);
    else if (!t->room_now.len) buf_add_literal(show, "! no room: /join ROOM\n");
    else emit_object(t, send, SPAN("room-message"), "room", buf_span(&t->room_now), "message", line);
}

/* ---- life */

void terminal_init(struct terminal *t, struct buf *send)
{
    if (!t->seed) t->seed = 88172645463325252u;
    buf_add_format(send, "GET %s?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y2F1c2V3YXkgdGVybWluYQ==\r\n\r\n", t->path, t->host);
}

void terminal_fini(struct terminal *t)
{
    buf_fini(&t->in), buf_fini(&t->message), buf_fini(&t->room_now);
}

bool terminal_url(struct span url, struct buf *host, struct buf *port, struct buf *path, const char **why)
{
    *why = "only http:// and ws:// addresses; for TLS put a browser or socket.io-client in front of it";
    if (!span_eat_prefix(&url, SPAN("http://")) && !span_eat_prefix(&url, SPAN("ws://"))) return false;
    ptrdiff_t slash = span_find(url, '/');
    struct span authority = slash < 0 ? url : span_head(url, (size_t)slash), rest = slash < 0 ? SPAN("/") : span_skip(url, (size_t)slash);
    buf_add(path, span_same(rest, SPAN("/")) ? SPAN("/socket.io/") : rest);
    *why = "no host in it";
    size_t colon = authority.len;
    while (colon && authority.ptr[colon - 1] != ':' && authority.ptr[colon - 1] != ']') colon--;
    bool has_port = colon && authority.ptr[colon - 1] == ':';
    struct span name = has_port ? span_head(authority, colon - 1) : authority;
    buf_add(port, has_port ? span_skip(authority, colon) : SPAN("80"));
    if (span_starts(name, '[') && name.len > 2) name = span_head(span_skip(name, 1), name.len - 2);
    buf_add(host, name);
    uint64_t n;
    for (size_t i = 0; i < path->len; i++)
        if ((unsigned char)path->ptr[i] <= ' ') return *why = "a path without blanks", false;
    return name.len > 0 && name.len < 256 && span_to_uint(buf_span(port), 65535, &n) && n > 0;
}
