/* ws_handshake - from an HTTP request to a WebSocket (RFC 6455, 4.2). */
#include "ws.h"

#include "base64.h"
#include "sha1.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

static bool alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* 16 bytes in base64. Their unused last bits may be anything: clients make up such keys. */
static bool key_valid(struct span key)
{
    if (key.len != 24 || key.ptr[22] != '=' || key.ptr[23] != '=') return false;
    for (size_t i = 0; i < 22; i++)
        if (!alphanumeric(key.ptr[i]) && key.ptr[i] != '+' && key.ptr[i] != '/') return false;
    return true;
}

static bool once(const struct http1_request *r, struct span name)
{
    unsigned n = 0;
    for (unsigned i = 0; i < r->count; i++) n += span_same_nocase(r->fields[i].name, name);
    return n == 1;
}

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!alphanumeric(s.ptr[i]) && !memchr("!#$%&'*+-.^_`|~", s.ptr[i], 15)) return false;
    return s.len > 0;
}

/* They may stand in several fields, which then are one list (RFC 6455, 11.3.4). */
static bool subprotocols_valid(const struct http1_request *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        if (!span_same_nocase(r->fields[i].name, SPAN("Sec-WebSocket-Protocol"))) continue;
        struct span offered = r->fields[i].value;
        do {
            if (!is_token(span_trim(span_cut(&offered, ',')))) return false;
        } while (offered.len);
    }
    return true;
}

enum err ws_handshake(const struct http1_request *r, struct span *key)
{
    if (!r->upgrade || !http1_names(r, SPAN("Upgrade"), SPAN("websocket"))) return ERR_MISSING;
    /* A body would be bytes that one side takes for frames and the other one doesn't. */
    if (!span_same(r->method, SPAN("GET")) || r->minor < 1 || r->length || r->chunked) return ERR_SYNTAX;
    if (!once(r, SPAN("Sec-WebSocket-Version"))) return ERR_VERSION;
    if (!span_same(http1_find(r, SPAN("Sec-WebSocket-Version")), SPAN("13"))) return ERR_VERSION;
    *key = http1_find(r, SPAN("Sec-WebSocket-Key"));
    return key_valid(*key) && once(r, SPAN("Sec-WebSocket-Key")) && subprotocols_valid(r) ? OK : ERR_SYNTAX;
}

void ws_accept(struct buf *out, struct span key)
{
    struct buf text = { 0 };
    uint8_t digest[SHA1_BYTES];
    buf_add(&text, key);
    buf_add_literal(&text, GUID);
    sha1(digest, buf_span(&text));
    base64_encode(out, span_from(digest, sizeof digest));
    buf_fini(&text);
}

struct span ws_subprotocol(const struct http1_request *r)
{
    struct span offered = http1_find(r, SPAN("Sec-WebSocket-Protocol"));
    return offered.ptr ? span_trim(span_cut(&offered, ',')) : SPAN("");
}

void ws_switch(struct buf *out, struct span key, struct span subprotocol)
{
    http1_status(out, 101);
    buf_add_literal(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
    ws_accept(out, key);
    buf_add_literal(out, "\r\n");
    if (subprotocol.len) http1_add(out, SPAN("Sec-WebSocket-Protocol"), subprotocol);
}
