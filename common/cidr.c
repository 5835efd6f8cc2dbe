#include "cidr.h"

#include <arpa/inet.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };     /* ::ffff:0:0/96 */

static enum err decode_exact(struct ip *ip, struct span text)
{
    char z[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof z) return ERR_SYNTAX;
    memcpy(z, text.ptr, text.len);
    z[text.len] = 0;
    if (strlen(z) != text.len) return ERR_SYNTAX;
    if (inet_pton(AF_INET6, z, ip->at) == 1) return OK;
    memcpy(ip->at, mapped, sizeof mapped);
    return inet_pton(AF_INET, z, ip->at + 12) == 1 ? OK : ERR_SYNTAX;
}

static bool is_port(struct span s)
{
    uint64_t port;
    return span_to_uint(s, 65535, &port);
}

enum err ip_decode(struct ip *ip, struct span text)
{
    *ip = (struct ip){ 0 };
    text = span_trim(text);
    struct ip got;
    enum err e;
    if (span_eat(&text, '[')) {
        struct span host = span_cut(&text, ']');
        if (text.len && !(span_eat(&text, ':') && is_port(text))) return ERR_SYNTAX;
        e = decode_exact(&got, host);
    } else {
        struct span rest = text, host = span_cut(&rest, ':');
        bool with_port = host.len < text.len && span_find(rest, ':') < 0 && is_port(rest);     /* one colon: IPv4 and a port */
        e = decode_exact(&got, with_port ? host : text);
    }
    if (e == OK) *ip = got;
    return e;
}

void ip_print(struct buf *out, const struct ip *ip)
{
    char z[INET6_ADDRSTRLEN];
    static const struct ip none;
    if (memcmp(ip, &none, sizeof none) == 0) return;
    if (memcmp(ip->at, mapped, sizeof mapped) != 0) {
        if (inet_ntop(AF_INET6, ip->at, z, sizeof z)) buf_add(out, span_of(z));
        return;
    }
    for (size_t i = sizeof mapped; i < sizeof ip->at; i++) {
        if (i > sizeof mapped) buf_add_byte(out, '.');
        buf_add_uint(out, ip->at[i]);
    }
}

struct ip ip_holder(const struct ip *ip)
{
    struct ip holder = *ip;
    if (memcmp(ip->at, mapped, sizeof mapped) != 0) memset(holder.at + 8, 0, 8);
    return holder;
}

enum err cidr_decode(struct cidr *c, struct span text)
{
    struct span rest = text, host = span_cut(&rest, '/');
    uint64_t bits = 128;
    enum err e = decode_exact(&c->net, span_trim(host));
    if (e != OK) return e;
    bool v4 = memcmp(c->net.at, mapped, sizeof mapped) == 0;
    if (host.len < text.len) {
        if (!span_to_uint(rest, 1000, &bits)) return ERR_SYNTAX;
        if (bits > (v4 ? 32 : 128)) return ERR_RANGE;
        if (v4) bits += 96;
    }
    c->bits = (uint8_t)bits;
    return OK;
}

bool cidr_has(const struct cidr *ranges, size_t count, const struct ip *ip)
{
    for (size_t i = 0; i < count; i++) {
        const struct cidr *c = &ranges[i];
        size_t whole = c->bits / 8u;
        unsigned rest = c->bits % 8u;
        if (memcmp(c->net.at, ip->at, whole) != 0) continue;
        if (rest == 0 || ((c->net.at[whole] ^ ip->at[whole]) >> (8 - rest)) == 0) return true;
    }
    return false;
}

struct ip cidr_client(const struct cidr *trusted, size_t count, const struct ip *peer, struct span forwarded_for)
{
    struct ip client = *peer;
    while (cidr_has(trusted, count, &client) && forwarded_for.len) {
        size_t at = forwarded_for.len;
        while (at && forwarded_for.ptr[at - 1] != ',') at--;
        struct ip hop;
        if (ip_decode(&hop, span_trim(span_skip(forwarded_for, at))) != OK) break;
        client = hop;
        forwarded_for = span_head(forwarded_for, at ? at - 1 : 0);
    }
    return client;
}
