#include "address.h"

static const struct { enum address_kind kind; struct span prefix; } kinds[] = {
    { ADDRESS_USER,   { "user", 4 } },
    { ADDRESS_ROOM,   { "room", 4 } },
    { ADDRESS_SOCKET, { "socket", 6 } },
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

enum err address_decode(struct address *a, struct span text)
{
    if (text.len > ADDRESS_MAX) return ERR_LIMIT;
    if (span_same(text, SPAN("*"))) {
        *a = (struct address){ ADDRESS_ALL, SPAN("") };
        return OK;
    }
    if (span_find(text, ':') < 0) return ERR_SYNTAX;
    struct span prefix = span_cut(&text, ':');
    for (size_t i = 0; i < KINDS; i++) {
        if (!span_same(prefix, kinds[i].prefix)) continue;
        if (text.len == 0 || span_find(text, '\0') >= 0) return ERR_SYNTAX;
        *a = (struct address){ kinds[i].kind, text };
        return OK;
    }
    return ERR_UNKNOWN;
}

void address_encode(struct buf *out, enum address_kind kind, struct span name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].kind != kind) continue;
        buf_add(out, kinds[i].prefix);
        buf_add_byte(out, ':');
        buf_add(out, name);
        return;
    }
    buf_add_byte(out, '*');
}

void address_key(struct buf *out, struct span nsp, struct span address)
{
    buf_add(out, nsp);
    buf_add_byte(out, '\0');
    buf_add(out, address);
}

void address_split(struct span key, struct span *nsp, struct span *address)
{
    *nsp = span_cut(&key, '\0');
    *address = key;
}
