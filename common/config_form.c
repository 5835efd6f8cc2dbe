/* What texts and numbers of the topology file must look like. */
#include "config_table.h"

#include <arpa/inet.h>

static const char *const form_texts[] = {
#define FORM(name, text) [FORM_##name] = text,
    CONFIG_FORMS
#undef FORM
};

const char *config_form_text(enum config_form form)
{
    return form_texts[form];
}

static bool wordy(struct span s, bool dots)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                  || c == '_' || c == '-' || (dots && c == '.');
        if (!good) return false;
    }
    return s.len > 0 && s.len <= 64;
}

/* The bits of an address, 0: it is none. IPv4 is put behind ::ffff:. */
static unsigned address_bits(struct span s, uint8_t bytes[16])
{
    char text[INET6_ADDRSTRLEN];
    if (s.len == 0 || s.len >= sizeof text) return 0;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    memset(bytes, 0, 10);
    memset(bytes + 10, 0xff, 2);
    if (inet_pton(AF_INET, text, bytes + 12) == 1) return 32;
    return inet_pton(AF_INET6, text, bytes) == 1 ? 128 : 0;
}

bool config_address(const char *text, uint8_t bytes[16])
{
    return address_bits(span_of(text), bytes) != 0;
}

bool config_address_loopback(const char *address)
{
    static const uint8_t v4[12] = { [10] = 0xff, [11] = 0xff }, v6[16] = { [15] = 1 };
    uint8_t bytes[16];
    if (!config_address(address, bytes)) return false;
    return memcmp(bytes, v6, 16) == 0 || (memcmp(bytes, v4, 12) == 0 && bytes[12] == 127);
}

static bool network(struct span s)
{
    uint8_t bytes[16];
    uint64_t n;
    struct span address = span_cut(&s, '/');
    unsigned bits = address_bits(address, bytes);
    bool slash = address.ptr + address.len != s.ptr;
    return bits && (!slash || span_to_uint(s, bits, &n));
}

static bool origin(struct span s)
{
    if (span_same(s, SPAN("*"))) return true;
    struct span scheme = span_cut(&s, ':');
    return wordy(scheme, true) && span_eat_prefix(&s, SPAN("//")) && s.len > 0 && span_find(s, '/') < 0 && span_find(s, ' ') < 0;
}

static bool redis(struct span s)
{
    if (span_same(s, SPAN("private")) || span_same(s, SPAN("none"))) return true;
    if (span_eat_prefix(&s, SPAN("unix:"))) return s.len > 0;
    if (!span_eat_prefix(&s, SPAN("tcp:"))) return false;
    size_t host = s.len;
    while (host && s.ptr[host - 1] != ':') host--;      /* the last colon: an IPv6 host has others */
    uint64_t port;
    return host > 1 && span_to_uint(span_skip(s, host), 65535, &port) && port > 0;
}

static bool curve_key(struct span s)
{
    static const char others[] = ".-:+=^!/*?&<>()[]{}@%$#";
    if (s.len != 40) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(others, c)))) return false;
    }
    return true;
}

static bool cookie(struct span s, bool name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || memchr(others, c, sizeof others - 1);
        if (name ? !plain : c < ' ' || c > '~' || c == ';') return false;
    }
    return true;
}

static bool token(struct span s)
{
    if (span_same(s, SPAN("bearer"))) return true;
    return (span_eat_prefix(&s, SPAN("auth.")) || span_eat_prefix(&s, SPAN("query.")) || span_eat_prefix(&s, SPAN("cookie."))) && s.len > 0;
}

static bool prefix(struct span s)
{
    if (s.len < 2 || s.len > 64 || s.ptr[0] != '/' || s.ptr[s.len - 1] == '/') return false;
    return span_find(s, '*') < 0 && span_find(s, '#') < 0 && span_find(s, ',') < 0 && span_find(s, '?') < 0;
}

bool config_form_fits(enum config_form form, struct span text)
{
    uint8_t bytes[16];
    switch (form) {
    case FORM_ANY:         return true;
    case FORM_NAME:        return wordy(text, false);
    case FORM_REALM:       return wordy(text, true);
    case FORM_ADDRESS:     return address_bits(text, bytes) != 0;
    case FORM_CIDR:        return network(text);
    case FORM_URL_PATH:    return span_starts(text, '/');
    case FORM_PREFIX:      return prefix(text);
    case FORM_ENGINE_PATH: return span_starts(text, '/') && text.ptr[text.len - 1] == '/';
    case FORM_ORIGIN:      return origin(text);
    case FORM_COOKIE_NAME: return cookie(text, true);
    case FORM_COOKIE_VALUE: return cookie(text, false);
    case FORM_TOKEN:       return token(text);
    case FORM_REDIS:       return redis(text);
    case FORM_LEVEL:       return span_same(text, SPAN("error")) || span_same(text, SPAN("warn"))
                               || span_same(text, SPAN("info")) || span_same(text, SPAN("debug"));
    case FORM_CURVE_KEY:   return curve_key(text);
    case FORM_FILE: case FORM_DIRECTORY: return text.len > 0;
    }
    return false;
}

/* Units by what follows the number, the largest first. */
static const struct { enum config_unit unit; const char *suffix; uint64_t factor; } suffixes[] = {
    { UNIT_BYTES, "GiB", 1 << 30 }, { UNIT_BYTES, "MiB", 1 << 20 }, { UNIT_BYTES, "KiB", 1 << 10 },
    { UNIT_BYTES, "G", 1 << 30 },   { UNIT_BYTES, "M", 1 << 20 },   { UNIT_BYTES, "k", 1 << 10 }, { UNIT_BYTES, "K", 1 << 10 },
    { UNIT_MS, "h", 3600000 },      { UNIT_MS, "min", 60000 },      { UNIT_MS, "s", 1000 },       { UNIT_MS, "ms", 1 },
    { UNIT_SECONDS, "h", 3600 },    { UNIT_SECONDS, "min", 60 },    { UNIT_SECONDS, "s", 1 },
};
enum { SUFFIXES = sizeof suffixes / sizeof suffixes[0] };

bool config_parse_number(enum config_unit unit, struct span text, uint64_t *n)
{
    if (!span_eat_uint(&text, n)) return false;
    if (text.len == 0) return true;
    for (size_t i = 0; i < SUFFIXES; i++)
        if (suffixes[i].unit == unit && span_same(text, span_of(suffixes[i].suffix))) {
            *n = *n > UINT64_MAX / suffixes[i].factor ? UINT64_MAX : *n * suffixes[i].factor;
            return true;
        }
    return false;
}

void config_print_number(struct buf *out, enum config_unit unit, uint64_t n)
{
    for (size_t i = 0; n && i < SUFFIXES; i++)
        if (suffixes[i].unit == unit && n % suffixes[i].factor == 0) {
            buf_add_uint(out, n / suffixes[i].factor);
            buf_add(out, span_of(suffixes[i].suffix));
            return;
        }
    buf_add_uint(out, n);
}
