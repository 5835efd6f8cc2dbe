/* Clients of a transcript: what they send and get. */
#include "script.h"
#include "t.h"

unsigned script_client(struct script *s, struct span name)
{
    for (unsigned i = 0; i < s->name_count; i++)
        if (span_same(span_of(s->names[i].name), name)) return i;
    if (s->name_count == NAMES || name.len >= sizeof s->names[0].name) FAIL("too many clients, or a name too long");
    memcpy(s->names[s->name_count].name, name.ptr, name.len), s->names[s->name_count].name[name.len] = 0;
    s->names[s->name_count].opened = false;
    return s->name_count++;
}

static void need_open(struct script *s, unsigned i)
{
    if (s->names[i].opened && s->bed.client[i].conn) return;
    if (s->bed.client[i].in.len) FAIL("%s was closed, and not all it got was looked at", s->names[i].name);
    bed_open(&s->bed, i, 0, "10.1.2.3");
    s->names[i].opened = true;
}

static void cut_fields(struct script *s, struct span *line, struct buf *fields)
{
    for (size_t i = 0; i + 2 < line->len; i++)
        if (memcmp(line->ptr + i, " | ", 3) == 0) {
            struct span rest = span_skip(*line, i + 3);
            *line = span_head(*line, i);
            while (rest.len) {
                script_expand(s, span_trim(span_cut(&rest, '|')), fields);
                buf_add_literal(fields, "\r\n");
            }
            return;
        }
}

static unsigned knock(struct script *s, struct span rest)
{
    struct buf fields = { 0 }, query = { 0 }, request = { 0 };
    cut_fields(s, &rest, &fields);
    unsigned i = script_client(s, span_cut(&rest, ' '));
    script_expand(s, span_trim(rest), &query);
    need_open(s, i);
    bool whole = span_starts(buf_span(&query), '/');       /* a path and its query */
    buf_add_format(&request, "GET %s%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", whole ? "" : "/socket.io/?",
                   query.len ? buf_text(&query) : "EIO=4&transport=websocket", buf_text(&fields));
    bed_bytes(&s->bed, i, buf_span(&request));
    buf_fini(&fields), buf_fini(&query), buf_fini(&request);
    return i;
}

void script_knock(struct script *s, struct span rest)
{
    (void)knock(s, rest);
}

void script_open(struct script *s, struct span rest)
{
    struct buf body = { 0 };
    unsigned i = knock(s, rest), status = 0;
    buf_clear(&s->head);
    if (!bed_next_answer(&s->bed, i, &status, &s->head, &body)) FAIL("no answer to the handshake");
    if (status != 101) FAIL("the handshake is answered %u", status);
    buf_fini(&body);
}

void script_request(struct script *s, const char *method, struct span rest)
{
    struct buf fields = { 0 }, path = { 0 }, body = { 0 }, request = { 0 };
    cut_fields(s, &rest, &fields);
    unsigned i = script_client(s, span_cut(&rest, ' '));
    script_expand(s, span_cut(&rest, ' '), &path);
    script_expand(s, rest, &body);
    need_open(s, i);
    buf_add_format(&request, "%s %s%s HTTP/1.1\r\nHost: x\r\n%s", method, path.ptr[0] == '/' ? "" : "/socket.io/?", buf_text(&path), buf_text(&fields));
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) buf_add_format(&request, "Content-Length: %zu\r\n", body.len);
    buf_add_literal(&request, "\r\n");
    buf_add(&request, buf_span(&body));
    s->bed.client[i].head = strcmp(method, "HEAD") == 0;
    bed_bytes(&s->bed, i, buf_span(&request));
    buf_fini(&fields), buf_fini(&path), buf_fini(&body), buf_fini(&request);
}

const char *script_method(struct span word)
{
    static const struct { const char *word, *method; } methods[] = {
        { "get", "GET" }, { "post", "POST" }, { "put", "PUT" }, { "patch", "PATCH" }, { "delete", "DELETE" }, { "head", "HEAD" }, { "options", "OPTIONS" } };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (span_same(word, span_of(methods[i].word))) return methods[i].method;
    return NULL;
}

void script_raw(struct script *s, struct span rest)
{
    unsigned i = script_client(s, span_cut(&rest, ' '));
    struct buf out = { 0 };
    need_open(s, i);
    script_expand(s, rest, &out);
    bed_bytes(&s->bed, i, buf_span(&out));
    buf_fini(&out);
}

static void squeeze(enum compression_form form, struct buf *text)
{
    struct buf out = { 0 };
    bed_compressor->deflate(bed_compressor->self, form, buf_span(text), &out);
    buf_fini(text);
    *text = out;
}

static void open_up(struct buf *in)
{
    struct buf out = { 0 };
    EQUAL_ERR(bed_compressor->inflate(bed_compressor->self, buf_span(in), 1 << 20, &out), OK);
    buf_fini(in);
    *in = out;
}

static void send_fragments(struct script *s, unsigned i, struct span all)
{
    bed_frame(&s->bed, i, 0x41, span_head(all, 2));
    bed_frame(&s->bed, i, 0x00, span_head(span_skip(all, 2), 3));
    bed_frame(&s->bed, i, 0x89, SPAN("between"));
    bed_frame(&s->bed, i, 0x80, span_skip(all, 5));
}

static char byte_of(struct span two)
{
    int high = script_hex(two.ptr[0]), low = script_hex(two.ptr[1]);
    if (high < 0 || low < 0) FAIL("'%.2s' is no byte", two.ptr);
    return (char)(high << 4 | low);
}

void script_send(struct script *s, unsigned i, struct span rest)
{
    int opcode = 0x81;
    struct buf out = { 0 };
    if (span_eat_prefix(&rest, SPAN("z "))) opcode = 0xc1;
    else if (span_eat_prefix(&rest, SPAN("zb "))) opcode = 0xc2;
    else if (span_eat_prefix(&rest, SPAN("zf "))) opcode = 0x41;
    else if (span_eat_prefix(&rest, SPAN("b "))) opcode = 0x82;
    else if (span_eat_prefix(&rest, SPAN("x "))) opcode = 0;
    else span_eat(&rest, ' ');
    script_expand(s, opcode ? rest : SPAN(""), &out);
    if (opcode & 0x40) squeeze(COMPRESSION_MESSAGE, &out);
    if (opcode == 0x41) {
        send_fragments(s, i, buf_span(&out));
    } else if (opcode) {
        bed_frame(&s->bed, i, opcode, buf_span(&out));
    } else {
        for (; rest.len >= 2; rest = span_skip(rest, rest.len > 2 && rest.ptr[2] == ' ' ? 3 : 2))
            buf_add_byte(&out, byte_of(rest));
        bed_bytes(&s->bed, i, buf_span(&out));
    }
    buf_fini(&out);
}

static bool is_answer(const struct script *s, unsigned i)
{
    const struct buf *in = &s->bed.client[i].in;
    return in->len >= 5 && memcmp(in->ptr, "HTTP/", 5) == 0;
}

/* The body of an answer in a content coding, decoded; without what stands around it. */
static void decode(const struct buf *head, struct buf *body)
{
    bool gzip = memmem(head->ptr, head->len, "\r\nContent-Encoding: gzip\r\n", 26);
    if (!gzip && !memmem(head->ptr, head->len, "\r\nContent-Encoding: deflate\r\n", 29)) FAIL("the answer is not compressed");
    buf_drop_head(body, gzip ? 10 : 2);
    body->len -= gzip ? 8 : 4;
    open_up(body);
}

static void expect_answer(struct script *s, unsigned i, struct span want)
{
    bool compressed = span_eat_prefix(&want, SPAN("z "));
    struct buf body = { 0 }, got = { 0 };
    unsigned status = 0;
    buf_clear(&s->head);
    if (!bed_next_answer(&s->bed, i, &status, &s->head, &body)) FAIL("no whole answer");
    if (compressed) decode(&s->head, &body);
    else if (memmem(s->head.ptr, s->head.len, "Content-Encoding", 16)) FAIL("the answer is compressed");
    buf_add_uint(&got, status);
    if (body.len) buf_add_byte(&got, ' '), buf_add(&got, buf_span(&body));
    if (!script_matches(s, want, buf_span(&got))) FAIL("the answer is '%.*s'\nwant '%.*s'", (int)got.len, got.ptr, (int)want.len, want.ptr);
    buf_fini(&body), buf_fini(&got);
}

static void expect_frame(struct script *s, unsigned i, struct span want)
{
    struct buf got = { 0 };
    int opcode = 0, wanted = 1;
    bool compressed = span_eat_prefix(&want, SPAN("z "));
    if (!bed_next_frame(&s->bed, i, &opcode, &got)) FAIL("nothing came, want '%.*s'", (int)want.len, want.ptr);
    if (span_eat_prefix(&want, SPAN("b "))) wanted = 2;
    else if (span_same(span_head(want, 6), SPAN(" close"))) {
        wanted = 8;
        want = span_trim(span_skip(want, 6));
        struct buf code = { 0 };
        if (got.len >= 2) buf_add_uint(&code, (uint64_t)(unsigned char)got.ptr[0] << 8 | (unsigned char)got.ptr[1]);
        buf_clear(&got), buf_add(&got, buf_span(&code)), buf_fini(&code);
    } else if (span_same(want, SPAN(" pong"))) wanted = 10, want = SPAN(""), buf_clear(&got);
    else span_eat(&want, ' ');
    if (compressed) wanted |= 0x40;
    if (opcode & wanted & 0x40) open_up(&got);
    if (opcode != wanted || !script_matches(s, want, buf_span(&got)))
        FAIL("got opcode %d '%.*s'\nwant opcode %d '%.*s'", opcode, (int)got.len, got.ptr, wanted, (int)want.len, want.ptr);
    buf_fini(&got);
}

void script_expect(struct script *s, unsigned i, struct span want)
{
    struct bed_client *c = &s->bed.client[i];
    if (span_same(want, SPAN(" ."))) {
        if (c->in.len) FAIL("something came: '%.*s'", (int)c->in.len, c->in.ptr);
    } else if (span_same(want, SPAN(" gone"))) {
        if (!c->closed) FAIL("it is still open");
        if (c->in.len) FAIL("something came before: '%.*s'", (int)c->in.len, c->in.ptr);
    } else if (span_has_prefix(want, SPAN(" ~ "))) {
        struct buf line = { 0 };
        script_expand(s, span_skip(want, 3), &line);
        if (!memmem(s->head.ptr, s->head.len, line.ptr, line.len)) FAIL("the head is\n%.*swant '%.*s'", (int)s->head.len, s->head.ptr, (int)line.len, line.ptr);
        buf_fini(&line);
    } else if (is_answer(s, i)) {
        span_eat(&want, ' ');
        expect_answer(s, i, want);
    } else expect_frame(s, i, want);
}
