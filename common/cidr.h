/* cidr - network addresses as 16 bytes (IPv4 mapped into IPv6) and ranges of them.
 * Text in, bytes out, and back; a list of ranges answers whether an address is in
 * one of them. Pure. */
#ifndef CAUSEWAY_CIDR_H
#define CAUSEWAY_CIDR_H

#include "buf.h"
#include "err.h"

struct ip { uint8_t at[16]; };                  /* all zero: not known */
struct cidr { struct ip net; uint8_t bits; };

/* "10.1.2.3", "::1", "[::1]", each also with ":port" where that can be told apart; "unix" or anything else: ERR_SYNTAX. */
enum err ip_decode(struct ip *ip, struct span text);
void     ip_print(struct buf *out, const struct ip *ip);
enum err cidr_decode(struct cidr *c, struct span text);         /* an address, or one with /bits: ERR_SYNTAX, ERR_RANGE */
bool     cidr_has(const struct cidr *ranges, size_t count, const struct ip *ip);

/* Whom limits by address count: one IPv4 address, or one IPv6 network of 64 bits, since who has one of its addresses
 * has them all. */
struct ip ip_holder(const struct ip *ip);

/* The client behind proxies: X-Forwarded-For is read from its end as long as the
 * hop before is trusted. What can't be read ends the walk. */
struct ip cidr_client(const struct cidr *trusted, size_t count, const struct ip *peer, struct span forwarded_for);

#endif
