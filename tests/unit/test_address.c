#include "address.h"
#include "t.h"

static const struct row { const char *name; enum err err; enum address_kind kind; const char *want; } rows[] = {
    { "user:42",            OK, ADDRESS_USER,   "42" },
    { "user:realm/42",      OK, ADDRESS_USER,   "realm/42" },
    { "room:lobby",         OK, ADDRESS_ROOM,   "lobby" },
    { "room:user:42",       OK, ADDRESS_ROOM,   "user:42" },
    { "room::",             OK, ADDRESS_ROOM,   ":" },
    { "room:*",             OK, ADDRESS_ROOM,   "*" },
    { "socket:x-1_B",       OK, ADDRESS_SOCKET, "x-1_B" },
    { "*",                  OK, ADDRESS_ALL,    "" },
    { "",                   ERR_SYNTAX, 0, NULL },
    { "lobby",              ERR_SYNTAX, 0, NULL },
    { "**",                 ERR_SYNTAX, 0, NULL },
    { "room",               ERR_SYNTAX, 0, NULL },
    { "room:",              ERR_SYNTAX, 0, NULL },
    { ":x",                 ERR_UNKNOWN, 0, NULL },
    { "Room:x",             ERR_UNKNOWN, 0, NULL },
    { " room:x",            ERR_UNKNOWN, 0, NULL },
    { "rooms:x",            ERR_UNKNOWN, 0, NULL },
    { "*:x",                ERR_UNKNOWN, 0, NULL },
};

TEST(address_decodes_every_row)
{
    const struct row *r;
    EACH(r, rows) {
        struct address a;
        EQUAL_ERR(address_decode(&a, t_exact(span_of(r->name))), r->err);
        if (r->err != OK) continue;
        EQUAL(a.kind, r->kind);
        SAME(a.name, r->want);
        struct buf b = { 0 };
        address_encode(&b, a.kind, a.name);
        SAME(buf_span(&b), r->name);
        buf_fini(&b);
    }
}

TEST(address_survives_every_prefix)
{
    const struct row *r;
    EACH(r, rows) {
        struct address a;
        for (size_t n = 0; n <= strlen(r->name); n++)
            (void)address_decode(&a, t_exact(span_from(r->name, n)));
    }
}

TEST(address_limits_and_refuses_nul)
{
    char text[ADDRESS_MAX + 1];
    struct address a;
    memset(text, 'x', sizeof text);
    memcpy(text, "room:", 5);
    EQUAL_ERR(address_decode(&a, t_exact(span_from(text, ADDRESS_MAX))), OK);
    EQUAL_ERR(address_decode(&a, t_exact(span_from(text, ADDRESS_MAX + 1))), ERR_LIMIT);
    EQUAL_ERR(address_decode(&a, SPAN("room:x\0y")), ERR_SYNTAX);
}

static const struct { const char *nsp, *address; } keys[] = { { "/", "room:x" }, { "/chat", "*" }, { "/a", "user:realm/7" } };

TEST(address_keys_split_again)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct buf key = { 0 };
        struct span nsp, address;
        address_key(&key, span_of(keys[i].nsp), span_of(keys[i].address));
        address_split(t_exact(buf_span(&key)), &nsp, &address);
        SAME(nsp, keys[i].nsp);
        SAME(address, keys[i].address);
        buf_fini(&key);
    }
    struct span nsp, address;
    address_split(SPAN("/no-address"), &nsp, &address);
    SAME(nsp, "/no-address");
    SAME(address, "");
}
