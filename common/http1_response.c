/* http1_response - what goes back. */
#include "http1.h"

#include "err.h"

static const struct { unsigned status; const char *text; } statuses[] = {
    { 100, "Continue" },
    { 101, "Switching Protocols" },
    { 200, "OK" },
    { 204, "No Content" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 411, "Length Required" },
    { 413, "Payload Too Large" },
    { 414, "URI Too Long" },
    { 417, "Expectation Failed" },
    { 426, "Upgrade Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

const char *http1_status_text(unsigned status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status) return statuses[i].text;
    return "Status";
}

void http1_status(struct buf *out, unsigned status)
{
    buf_add_literal(out, "HTTP/1.1 ");
    buf_add_uint(out, status);
    buf_add_byte(out, ' ');
    buf_add(out, span_of(http1_status_text(status)));
    buf_add_literal(out, "\r\n");
}

static void put(char *out, size_t digits, uint64_t n)
{
    while (digits) out[--digits] = (char)('0' + n % 10), n /= 10;
}

void http1_date(char out[HTTP1_DATE_LENGTH], uint64_t unix_s)
{
    static const char days[] = "ThuFriSatSunMonTueWed", months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
    uint64_t day = unix_s / 86400, s = unix_s % 86400;
    /* Years of 400 that begin on a 1st of March, so that a leap day is the last one of its year. */
    uint64_t n = day + 719468, era = n / 146097, in_era = n % 146097;
    uint64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    uint64_t in_year = in_era - (365 * year + year / 4 - year / 100), month = (5 * in_year + 2) / 153;
    memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", HTTP1_DATE_LENGTH);
    memcpy(out, days + 3 * (day % 7), 3);
    put(out + 5, 2, in_year - (153 * month + 2) / 5 + 1);
    memcpy(out + 8, months + 3 * month, 3);
    put(out + 12, 4, era * 400 + year + (month >= 10));
    put(out + 17, 2, s / 3600), put(out + 20, 2, s / 60 % 60), put(out + 23, 2, s % 60);
}

void http1_add(struct buf *out, struct span name, struct span value)
{
    buf_add(out, name);
    buf_add_literal(out, ": ");
    for (size_t i = 0; i < value.len; i++) {    /* no value may begin a line of its own */
        uint8_t c = (uint8_t)value.ptr[i];
        buf_add_byte(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
    buf_add_literal(out, "\r\n");
}

void http1_finish_head(struct buf *out, bool keep_alive, uint64_t length)
{
    buf_add_literal(out, "Content-Length: ");
    buf_add_uint(out, length);
    buf_add(out, keep_alive ? SPAN("\r\nConnection: keep-alive\r\n\r\n") : SPAN("\r\nConnection: close\r\n\r\n"));
}

void http1_finish(struct buf *out, bool keep_alive, struct span body)
{
    http1_finish_head(out, keep_alive, body.len);
    buf_add(out, body);
}

void http1_finish_bare(struct buf *out)
{
    buf_add_literal(out, "\r\n");
}
