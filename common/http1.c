#include "http1_inside.h"

/* ---- bytes and their classes: one digit each, the sum of HTTP1_TOKEN (RFC 9110, 5.6.2), _VALUE (5.5)
 * and _TARGET. Bytes from 0x80 on stand in values and, as clients do send them, in targets. */

static const char classes[] =
    "0000000002000000"
    "0000000000000000"
    "2763777766776776"   /*  !"#$%&'()*+,-./ */
    "7777777777666666"   /* 0123456789:;<=>? */
    "6777777777777777"   /* @A .. O */
    "7777777777766677"   /* P .. Z[\]^_ */
    "7777777777777777"   /* `a .. o */
    "7777777777767670";  /* p .. z{|}~ */

bool http1_is(char c, int class)
{
    uint8_t byte = (uint8_t)c;
    int of = byte < 0x80 ? classes[byte] - '0' : HTTP1_VALUE | HTTP1_TARGET;
    return of & class;
}

static bool all(struct span s, int class)
{
    for (size_t i = 0; i < s.len; i++)
        if (!http1_is(s.ptr[i], class)) return false;
    return true;
}

/* ---- one head, whole: each part returns the status to answer, 0 where it is fine */

static bool digit(char c) { return c >= '0' && c <= '9'; }

static bool host_valid(struct span host)
{
    static const char signs[] = "-._~%!$&'()*+;=:[]";
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool plain = digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (uint8_t)c >= 0x80;
        if (!plain && !memchr(signs, c, sizeof signs - 1)) return false;
    }
    return true;
}

static unsigned parse_target(struct http1_request *r, struct span target)
{
    if (target.len == 0 || !all(target, HTTP1_TARGET)) return 400;
    if (span_same(target, SPAN("*"))) {
        r->path = target;
        return span_same(r->method, SPAN("OPTIONS")) ? 0 : 400;
    }
    if (!span_starts(target, '/')) {    /* absolute: its host wins over the field's */
        struct span scheme = span_head(target, (size_t)(span_find(target, ':') + 1));
        if (!span_same_nocase(scheme, SPAN("http:")) && !span_same_nocase(scheme, SPAN("https:"))) return 400;
        target = span_skip(target, scheme.len);
        if (!span_eat_prefix(&target, SPAN("//"))) return 400;
        size_t n = 0;
        while (n < target.len && target.ptr[n] != '/' && target.ptr[n] != '?') n++;
        r->host = span_head(target, n);
        if (n == 0 || !host_valid(r->host)) return 400;
        target = span_skip(target, n);
    }
    r->path = span_cut(&target, '?');
    r->query = target;
    if (r->path.len == 0) r->path = SPAN("/");
    return 0;
}

static unsigned parse_request_line(struct http1_request *r, struct span line)
{
    r->method = span_cut(&line, ' ');
    if (r->method.len == 0 || !all(r->method, HTTP1_TOKEN)) return 400;
    ptrdiff_t at = span_find(line, ' ');
    if (at < 0) return 400;
    struct span target = span_head(line, (size_t)at), version = span_skip(line, target.len + 1);
    const char *v = version.ptr + 5;
    if (version.len != 8 || !span_has_prefix(version, SPAN("HTTP/")) || !digit(v[0]) || v[1] != '.' || !digit(v[2]))
        return 400;
    if (v[0] != '1' || v[2] > '1') return 505;
    r->minor = v[2] == '1';
    return parse_target(r, target);
}

struct seen { bool host, length, coding, close, keep_alive; };      /* of the fields that frame a request */

static unsigned on_coding(struct http1_request *r, struct seen *seen, struct span value)
{
    /* The one coding decoded here. Others are unknown (501) if chunked still ends the body, else no one knows where it ends. */
    if (seen->coding || r->minor == 0) return 400;
    seen->coding = true;
    r->chunked = true;
    if (span_same_nocase(value, SPAN("chunked"))) return 0;
    size_t last = value.len;
    while (last > 0 && value.ptr[last - 1] != ',') last--;
    struct span before = span_head(value, last);
    bool ends = last > 0 && span_same_nocase(span_trim(span_skip(value, last)), SPAN("chunked"));
    return ends && !http1_lists(before, SPAN("chunked")) ? 501 : 400;
}

/* The fields that say where a request ends and what happens then; told apart by their length first. */
static unsigned on_field(struct http1_request *r, struct seen *seen, const struct http1_field *f)
{
    switch (f->name.len) {
    case 4:
        if (!span_same_nocase(f->name, SPAN("Host"))) return 0;
        if (seen->host || !host_valid(f->value)) return 400;
        seen->host = true;
        if (!r->host.len) r->host = f->value;
        return 0;
    case 6:
        if (!span_same_nocase(f->name, SPAN("Expect")) || r->minor == 0) return 0;
        r->expect_continue = span_same_nocase(f->value, SPAN("100-continue"));
        return r->expect_continue ? 0 : 417;
    case 10:
        if (!span_same_nocase(f->name, SPAN("Connection"))) return 0;
        seen->close      |= http1_lists(f->value, SPAN("close"));
        seen->keep_alive |= http1_lists(f->value, SPAN("keep-alive"));
        r->upgrade       |= http1_lists(f->value, SPAN("upgrade"));
        return 0;
    case 14:
        if (!span_same_nocase(f->name, SPAN("Content-Length"))) return 0;
        if (seen->length || !span_to_uint(f->value, INT64_MAX, &r->length)) return 400;
        seen->length = true;
        return 0;
    case 17:
        return span_same_nocase(f->name, SPAN("Transfer-Encoding")) ? on_coding(r, seen, f->value) : 0;
    default:
        return 0;
    }
}

static struct span cut_line(struct span *head)  /* every LF in it has its CR: head_end saw to that */
{
    struct span line = span_cut(head, '\n');
    return span_head(line, line.len - 1);
}

static unsigned parse_head(const struct http1_limits *limits, struct span head, struct http1_request *r)
{
    struct seen seen = { 0 };
    unsigned max = limits->max_fields < HTTP1_MAX_FIELDS ? limits->max_fields : HTTP1_MAX_FIELDS;
    unsigned status = parse_request_line(r, cut_line(&head));
    for (struct span line; !status && (line = cut_line(&head)).len; ) {
        if (r->count == max) return 431;
        struct http1_field *f = &r->fields[r->count++];
        ptrdiff_t colon = span_find(line, ':');
        if (colon <= 0) return 400;
        f->name = span_head(line, (size_t)colon);
        f->value = span_trim(span_skip(line, (size_t)colon + 1));
        if (!all(f->name, HTTP1_TOKEN) || !all(f->value, HTTP1_VALUE)) return 400;     /* also a folded line's blank */
        status = on_field(r, &seen, f);
    }
    if (status) return status;
    if (r->chunked && seen.length) return 400;
    if (r->minor == 1 && !seen.host) return 400;
    r->keep_alive = !seen.close && (r->minor == 1 || seen.keep_alive);
    return 0;
}

/* ---- a head's bytes, until they are whole */

/* Bytes up to and with the empty line; 0: more are needed; -1: an LF without CR. 'scanned' saves looking twice. */
static ptrdiff_t head_end(struct span s, uint32_t *scanned)
{
    size_t at = *scanned;
    for (ptrdiff_t n; (n = span_find(span_skip(s, at), '\n')) >= 0; ) {
        at += (size_t)n;
        if (at == 0 || s.ptr[at - 1] != '\r') return -1;
        if (at == 1 || s.ptr[at - 2] == '\n') return (ptrdiff_t)at + 1;
        at++;
    }
    *scanned = (uint32_t)s.len;
    return 0;
}

/* The bytes of one head, in the input or, if they came in parts, in h->head. */
static enum err collect(struct http1 *h, const struct http1_limits *limits, struct span *in, struct span *head)
{
    size_t kept = h->head.len;
    struct span s = span_head(*in, kept < limits->max_head ? limits->max_head - kept : 0);
    if (kept) {
        buf_add(&h->head, s);
        s = buf_span(&h->head);
    }
    if (s.len && s.ptr[0] != '\r' && !http1_is(s.ptr[0], HTTP1_TOKEN)) return http1_fail(h, 400, ERR_SYNTAX);
    ptrdiff_t end = head_end(s, &h->scanned);
    if (end < 0) return http1_fail(h, 400, ERR_SYNTAX);
    if (end == 0) {
        if (s.len >= limits->max_head) return http1_fail(h, 431, ERR_LIMIT);
        if (!kept) buf_add(&h->head, s);
        *in = span_skip(*in, in->len);
        return ERR_AGAIN;
    }
    *head = span_head(s, (size_t)end);
    *in = span_skip(*in, head->len - kept);
    if (kept) h->head.len = head->len;
    h->scanned = 0;         /* so a head that is kept now is a whole one */
    return OK;
}

enum err http1_fail(struct http1 *h, unsigned status, enum err e)
{
    buf_fini(&h->head);
    h->status = (uint16_t)status;
    h->phase = HTTP1_BROKEN;
    return e;
}

enum err http1_head(struct http1 *h, const struct http1_limits *limits, struct span *in, struct http1_request *r)
{
    if (h->phase != HTTP1_HEAD) return ERR_STATE;
    http1_release(h);
    struct span head;
    for (;;) {
        enum err e = collect(h, limits, in, &head);
        if (e) return e;
        if (head.len > 2) break;
        if (h->blank) return http1_fail(h, 400, ERR_SYNTAX);
        h->blank = true;
        buf_fini(&h->head);
    }
    h->blank = false;
    r->method = r->path = r->query = r->host = SPAN("");
    r->minor = r->count = 0;
    r->keep_alive = r->expect_continue = r->chunked = r->upgrade = false;
    r->length = 0;
    unsigned status = parse_head(limits, head, r);
    if (status) return http1_fail(h, status, status == 431 ? ERR_LIMIT : status == 505 ? ERR_VERSION : ERR_SYNTAX);
    h->phase = r->chunked ? HTTP1_CHUNK_SIZE : r->length ? HTTP1_LENGTH : HTTP1_HEAD;
    h->left = r->length;
    h->taken = 0;
    return OK;
}

void http1_release(struct http1 *h)
{
    if (h->phase != HTTP1_HEAD || h->scanned == 0) buf_fini(&h->head);
}

void http1_fini(struct http1 *h)
{
    buf_fini(&h->head);
    *h = (struct http1){ 0 };
}
