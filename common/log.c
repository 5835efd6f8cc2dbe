#include "log.h"
#include "err.h"

#include <inttypes.h>
#include <time.h>

static const char *const names[LOG_LEVELS] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", [LOG_FATAL] = "fatal",
};

const char *log_level_name(enum log_level level)
{
    return (unsigned)level < LOG_LEVELS ? names[level] : "?";
}

bool log_level_of(struct span name, enum log_level *level)
{
    for (unsigned i = 0; i < LOG_LEVELS; i++)
        if (span_same(name, span_of(names[i]))) return *level = (enum log_level)i, true;
    return false;
}

/* ---- the rate limit: a small table, a hash a message. Two messages that meet in
 * one place share its count, so the worst of a clash is a line less. */
static uint64_t hash_of(struct span s)              /* FNV-1a */
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
    return h ? h : 1;
}

bool log_rate_pass(struct log_rate *r, struct span msg, uint64_t now, uint32_t *repeated)
{
    uint64_t hash = hash_of(msg);
    struct log_key *key = NULL;
    for (unsigned probe = 0; probe < 4; probe++) {
        struct log_key *k = &r->key[(hash + probe) % LOG_KEYS];
        if (k->hash == hash) { key = k; break; }
        if (!key && k->hash == 0) key = k;
    }
    if (!key) key = &r->key[hash % LOG_KEYS];
    if (key->hash == 0) *key = (struct log_key){ .hash = hash, .since = now };
    if (now - key->since >= LOG_WINDOW_MS) key->since = now, key->written = 0;
    *repeated = 0;
    if (key->written >= LOG_BURST) return key->held++, r->held++, false;
    key->written++;
    *repeated = key->held;
    key->held = 0;
    return true;
}

/* ---- one line */
static bool plain(struct span value)
{
    if (value.len == 0) return false;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c <= ' ' || c >= 127 || c == '"' || c == '=' || c == '\\') return false;
    }
    return true;
}

void log_quote(struct buf *out, struct span value)
{
    bool cut = value.len > LOG_VALUE_MAX;
    value = span_head(value, LOG_VALUE_MAX);
    if (!cut && plain(value)) { buf_add(out, value); return; }
    buf_add_byte(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c == '"' || c == '\\') buf_add_byte(out, '\\'), buf_add_byte(out, (char)c);
        else if (c == '\n') buf_add_literal(out, "\\n");
        else if (c < ' ' || c >= 127) buf_add_format(out, "\\x%02x", c);
        else buf_add_byte(out, (char)c);
    }
    if (cut) buf_add_literal(out, "...");
    buf_add_byte(out, '"');
}

static void add_time(struct buf *out, uint64_t wall)
{
    time_t seconds = (time_t)(wall / 1000);
    struct tm tm = { 0 };
    char text[32];
    if (!gmtime_r(&seconds, &tm)) tm = (struct tm){ .tm_mday = 1 };
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_add(out, span_from(text, n));
    buf_add_format(out, ".%03uZ", (unsigned)(wall % 1000));
}

/* One "%..." of the pairs, its argument taken; *format stands behind it. The
 * compiler has checked kinds and number, so what we do not know is our own fault. */
static void add_value(struct buf *out, const char **format, va_list *values)
{
    const char *f = *format + 1;
    int precision = -1, size = 0;           /* size: 1 long, 2 long long, size_t, intmax_t */
    if (f[0] == '.' && f[1] == '*') precision = va_arg(*values, int), f += 2;
    while (*f == '0' || (*f >= '1' && *f <= '9')) f++;         /* widths mean nothing here */
    while (*f == 'h') f++;
    while (*f == 'l') f++, size++;
    if (*f == 'z' || *f == 'j') f++, size = 2;
    NEED(size <= 2);
    switch (*f) {
    case 's': {
        const char *text = va_arg(*values, const char *);
        if (!text) text = "";
        log_quote(out, precision < 0 ? span_of(text) : span_from(text, strnlen(text, (size_t)precision)));
        break;
    }
    case 'c': {
        char c = (char)va_arg(*values, int);
        log_quote(out, span_from(&c, 1));
        break;
    }
    case 'd': case 'i':
        buf_add_int(out, size == 0 ? va_arg(*values, int) : va_arg(*values, long));
        break;
    case 'u':
        buf_add_uint(out, size == 0 ? va_arg(*values, unsigned) : va_arg(*values, unsigned long));
        break;
    case 'x':
        buf_add_format(out, "%lx", size == 0 ? va_arg(*values, unsigned) : va_arg(*values, unsigned long));
        break;
    default:
        NEED(!"a conversion that log_format knows");
    }
    *format = f + 1;
}
_Static_assert(sizeof(long) == sizeof(long long) && sizeof(long) == sizeof(size_t), "one width for l, ll, z and j");

void log_format(struct buf *out, uint64_t wall, enum log_level level, const char *id, uint32_t repeated,
                const char *msg, const char *pairs, va_list values)
{
    buf_add_literal(out, "ts=");
    add_time(out, wall);
    buf_add_literal(out, " level=");
    buf_add(out, span_of(log_level_name(level)));
    if (id && *id) buf_add_literal(out, " id="), log_quote(out, span_of(id));
    buf_add_literal(out, " msg=");
    log_quote(out, span_of(msg));
    if (*pairs) buf_add_byte(out, ' ');
    va_list rest;
    va_copy(rest, values);
    while (*pairs) {
        if (*pairs == '%' && pairs[1] != '%') { add_value(out, &pairs, &rest); continue; }
        if (*pairs == '%') pairs++;
        buf_add_byte(out, *pairs++);
    }
    va_end(rest);
    if (repeated) buf_add_format(out, " repeated=%" PRIu32, repeated);
    buf_add_byte(out, '\n');
}
