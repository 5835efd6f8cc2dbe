#define _GNU_SOURCE 1                   /* memmem */
#include "upgrade.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

size_t upgrade_request(char *out, size_t cap, const char *path, const char *host)
{
    int n = snprintf(out, cap,
                     "GET %s?EIO=4&transport=websocket HTTP/1.1\r\n"
                     "Host: %s\r\n"
                     "Connection: Upgrade\r\n"
                     "Upgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: " KEY "\r\n\r\n", path, host);
    return n < 0 || (size_t)n >= cap ? 0 : (size_t)n;
}

/* A header's name in any case, then optional blanks, then the value as it is. */
static int has_accept(const char *in, size_t len)
{
    static const char name[] = "\r\nSec-WebSocket-Accept:";
    const size_t n = sizeof name - 1, v = sizeof ACCEPT - 1;
    for (size_t i = 0; i + n + v <= len; i++) {
        if (in[i] != '\r' || strncasecmp(in + i, name, n) != 0)
            continue;
        const char *p = in + i + n, *end = in + len;
        while (p < end && *p == ' ')
            p++;
        return (size_t)(end - p) >= v && memcmp(p, ACCEPT, v) == 0;
    }
    return 0;
}

ssize_t upgrade_decode(const char *in, size_t len)
{
    static const char ok[] = "HTTP/1.1 101";
    const size_t n = sizeof ok - 1;
    if (memcmp(in, ok, len < n ? len : n) != 0)
        return -1;
    const char *end = memmem(in, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - in) + 4;
    return has_accept(in, head) ? (ssize_t)head : -1;
}
