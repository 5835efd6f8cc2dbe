/* transcript - conversations with the gateway as text, one file a subject.
 *
 *   case NAME                  a new gate; what was said before must have been looked at
 *   config {flow}              the topology from here on (one that all start from: see below)
 *   by hand | by itself        the daemons on the bus answer only what the file says, or at once
 *
 *   open ws [QUERY] [| FIELD]  a WebSocket client 'ws' (any name): handshake, 101, the open packet is still to be read. QUERY may be a whole path
 *   knock ws [QUERY] [| FIELD] the same, but its answer is still to be read
 *   ws> TEXT                   it sends a text frame          ws>b TEXT       a binary one       ws>x HEX  raw bytes
 *   <ws TEXT                   it gets this text frame        <wsb TEXT       this binary one
 *   ws>z TEXT  ws>zb TEXT      the same compressed        <wsz TEXT  <wszb TEXT
 *   ws>zf TEXT                 a compressed text in three fragments, with a ping between
 *   <ws close [CODE]           it gets a close frame          <ws gone        and the connection is closed
 *   <ws .                      nothing else came
 *   get h QUERY [| FIELD]      client 'h' polls               post h QUERY BODY       it posts (also put, patch, delete, head, options)
 *   raw h TEXT                 client 'h' sends bytes (opened at first use)
 *   <h STATUS BODY             it gets this answer            <h ~ TEXT       whose head holds this line
 *   <hz STATUS BODY            it gets this answer compressed
 *   hang up h                  it is gone
 *   sid NAME N                 $NAME is a session's id that gateway N could have made
 *   hand ERR_X                 handing over a descriptor ends so from here on (OK at first; what is handed over stands
 *                              in bus<: "gateway-1 PASSED ...")
 *   passed h                   client 'h' was accepted by another gateway, which hands it over
 *   stuck h                    it reads nothing any more      free h                  it does again
 *   bus< TEXT                  the next line that the gate said on the bus and that holds this ("gateway-1 RELAYED ...")
 *   bus< .                     nothing more was said
 *   bus> ROLE-N TYPE f=v ...   a daemon says this; values that hold blanks stand in '...', lists as a,b
 *   confirm N                  router N confirms all that it was sent
 *   reborn N [EPOCH]           its link begins anew; "gateway-N": that gateway's
 *   roster [hold] OWNERS MEMBERS       both with commas; "router-0@101" has epoch 101
 *   +MS                        time passes
 *   stat NAME N                a counter
 *   drain MS
 *
 * In texts \r \n \0 \xHH \e (0x1e) are bytes; \*1000{ab} is ab a thousand times (in what
 * is sent); $name is what stands there the first
 * time (letters, digits, - and _) and must be the same later; * stands for anything.
 * Several of these may stand in one line, three blanks apart. */
#include "bed.h"
#include "node_flow.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES = 32, VARS = 32 };

struct script {
    struct bed  bed;
    bool        begun, split;
    char       *config;
    const char *file;
    unsigned    line;
    char        place[128];
    struct { char name[16]; bool opened; } names[NAMES];
    unsigned    name_count;
    struct { char name[16], value[64]; } vars[VARS];
    unsigned    var_count;
    size_t      said;           /* how much of bed.said was looked at */
    struct buf  head;           /* of the newest answer */
};

/* ---- texts */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static void add_var(struct script *s, struct span name, struct buf *out)
{
    for (unsigned i = 0; i < s->var_count; i++)
        if (span_same(span_of(s->vars[i].name), name)) {
            buf_add(out, span_of(s->vars[i].value));
            return;
        }
    FAIL("$%.*s has no value yet", (int)name.len, name.ptr);
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static struct span cut_name(struct span *in)    /* behind a '$': letters and digits */
{
    size_t n = 0;
    while (n < in->len && is_word(in->ptr[n]) && in->ptr[n] != '-') n++;
    struct span name = span_head(*in, n);
    *in = span_skip(*in, n);
    return name;
}

/* What is sent: escapes and variables. */
static void expand(struct script *s, struct span in, struct buf *out)
{
    while (in.len) {
        char c = in.ptr[0];
        in = span_skip(in, 1);
        if (c == '\\' && in.len) {
            char e = in.ptr[0];
            in = span_skip(in, 1);
            if (e == 'r') buf_add_byte(out, '\r');
            else if (e == 'n') buf_add_byte(out, '\n');
            else if (e == 'e') buf_add_byte(out, '\x1e');
            else if (e == '0') buf_add_byte(out, '\0');
            else if (e == 'x' && in.len >= 2) {
                buf_add_byte(out, (char)(hex(in.ptr[0]) << 4 | hex(in.ptr[1])));
                in = span_skip(in, 2);
            } else if (e == '*') {
                uint64_t times = 0;
                if (!span_eat_uint(&in, &times) || !span_eat(&in, '{') || span_find(in, '}') < 0) FAIL("\\*N{text}");
                struct buf one = { 0 };
                expand(s, span_cut(&in, '}'), &one);
                while (times--) buf_add(out, buf_span(&one));
                buf_fini(&one);
            } else buf_add_byte(out, '\\'), buf_add_byte(out, e);
        } else if (c == '$' && in.len && is_word(in.ptr[0])) {
            add_var(s, cut_name(&in), out);
        } else buf_add_byte(out, c);
    }
}

static struct span escape_of(struct span *want, char *byte)     /* one byte of a pattern */
{
    struct span at = *want;
    *byte = at.ptr[0];
    size_t n = 1;
    if (*byte == '\\' && at.len > 1) {
        char e = at.ptr[1];
        n = 2;
        if (e == 'r') *byte = '\r';
        else if (e == 'n') *byte = '\n';
        else if (e == 'e') *byte = '\x1e';
        else if (e == '0') *byte = '\0';
        else if (e == 'x' && at.len >= 4) *byte = (char)(hex(at.ptr[2]) << 4 | hex(at.ptr[3])), n = 4;
        else n = 1;
    }
    *want = span_skip(at, n);
    return span_head(at, n);
}

static bool matches(struct script *s, struct span want, struct span got)
{
    while (want.len) {
        if (want.ptr[0] == '*') {
            want = span_skip(want, 1);
            for (size_t skip = 0; skip <= got.len; skip++) {
                unsigned vars = s->var_count;
                if (matches(s, want, span_skip(got, skip))) return true;
                s->var_count = vars;
            }
            return false;
        }
        if (want.ptr[0] == '$' && want.len > 1 && is_word(want.ptr[1])) {
            want = span_skip(want, 1);
            struct span name = cut_name(&want);
            const char *value = NULL;
            for (unsigned i = 0; i < s->var_count; i++)
                if (span_same(span_of(s->vars[i].name), name)) value = s->vars[i].value;
            if (value) {
                if (!span_eat_prefix(&got, span_of(value))) return false;
                continue;
            }
            size_t n = 0;
            while (n < got.len && is_word(got.ptr[n])) n++;
            if (n == 0 || n >= sizeof s->vars[0].value || s->var_count == VARS) return false;
            memcpy(s->vars[s->var_count].name, name.ptr, name.len), s->vars[s->var_count].name[name.len] = 0;
            memcpy(s->vars[s->var_count].value, got.ptr, n), s->vars[s->var_count].value[n] = 0;
            s->var_count++;
            got = span_skip(got, n);
            continue;
        }
        char byte;
        escape_of(&want, &byte);
        if (!span_eat(&got, byte)) return false;
    }
    return got.len == 0;
}

/* ---- clients */

static unsigned client(struct script *s, struct span name)
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
                expand(s, span_trim(span_cut(&rest, '|')), fields);
                buf_add_literal(fields, "\r\n");
            }
            return;
        }
}

static unsigned do_knock(struct script *s, struct span rest)
{
    struct buf fields = { 0 }, query = { 0 }, request = { 0 };
    cut_fields(s, &rest, &fields);
    unsigned i = client(s, span_cut(&rest, ' '));
    expand(s, span_trim(rest), &query);
    need_open(s, i);
    bool whole = span_starts(buf_span(&query), '/');       /* a path and its query */
    buf_add_format(&request, "GET %s%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", whole ? "" : "/socket.io/?",
                   query.len ? buf_text(&query) : "EIO=4&transport=websocket", buf_text(&fields));
    bed_bytes(&s->bed, i, buf_span(&request));
    buf_fini(&fields), buf_fini(&query), buf_fini(&request);
    return i;
}

static void do_open(struct script *s, struct span rest)
{
    struct buf body = { 0 };
    unsigned i = do_knock(s, rest), status = 0;
    buf_clear(&s->head);
    if (!bed_next_answer(&s->bed, i, &status, &s->head, &body)) FAIL("no answer to the handshake");
    if (status != 101) FAIL("the handshake is answered %u", status);
    buf_fini(&body);
}

static void do_request(struct script *s, const char *method, struct span rest)
{
    struct buf fields = { 0 }, path = { 0 }, body = { 0 }, request = { 0 };
    cut_fields(s, &rest, &fields);
    unsigned i = client(s, span_cut(&rest, ' '));
    expand(s, span_cut(&rest, ' '), &path);
    expand(s, rest, &body);
    need_open(s, i);
    buf_add_format(&request, "%s %s%s HTTP/1.1\r\nHost: x\r\n%s", method, path.ptr[0] == '/' ? "" : "/socket.io/?", buf_text(&path), buf_text(&fields));
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) buf_add_format(&request, "Content-Length: %zu\r\n", body.len);
    buf_add_literal(&request, "\r\n");
    buf_add(&request, buf_span(&body));
    s->bed.client[i].head = strcmp(method, "HEAD") == 0;
    bed_bytes(&s->bed, i, buf_span(&request));
    buf_fini(&fields), buf_fini(&path), buf_fini(&body), buf_fini(&request);
}

static const char *method_of(struct span word)
{
    static const struct { const char *word, *method; } methods[] = {
        { "get", "GET" }, { "post", "POST" }, { "put", "PUT" }, { "patch", "PATCH" }, { "delete", "DELETE" }, { "head", "HEAD" }, { "options", "OPTIONS" } };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (span_same(word, span_of(methods[i].word))) return methods[i].method;
    return NULL;
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
    int high = hex(two.ptr[0]), low = hex(two.ptr[1]);
    if (high < 0 || low < 0) FAIL("'%.2s' is no byte", two.ptr);
    return (char)(high << 4 | low);
}

static void do_send(struct script *s, unsigned i, struct span rest)
{
    int opcode = 0x81;
    struct buf out = { 0 };
    if (span_eat_prefix(&rest, SPAN("z "))) opcode = 0xc1;
    else if (span_eat_prefix(&rest, SPAN("zb "))) opcode = 0xc2;
    else if (span_eat_prefix(&rest, SPAN("zf "))) opcode = 0x41;
    else if (span_eat_prefix(&rest, SPAN("b "))) opcode = 0x82;
    else if (span_eat_prefix(&rest, SPAN("x "))) opcode = 0;
    else span_eat(&rest, ' ');
    expand(s, opcode ? rest : SPAN(""), &out);
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
    if (!matches(s, want, buf_span(&got))) FAIL("the answer is '%.*s'\nwant '%.*s'", (int)got.len, got.ptr, (int)want.len, want.ptr);
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
    if (opcode != wanted || !matches(s, want, buf_span(&got)))
        FAIL("got opcode %d '%.*s'\nwant opcode %d '%.*s'", opcode, (int)got.len, got.ptr, wanted, (int)want.len, want.ptr);
    buf_fini(&got);
}

static void expect(struct script *s, unsigned i, struct span want)
{
    struct bed_client *c = &s->bed.client[i];
    if (span_same(want, SPAN(" ."))) {
        if (c->in.len) FAIL("something came: '%.*s'", (int)c->in.len, c->in.ptr);
    } else if (span_same(want, SPAN(" gone"))) {
        if (!c->closed) FAIL("it is still open");
        if (c->in.len) FAIL("something came before: '%.*s'", (int)c->in.len, c->in.ptr);
    } else if (span_has_prefix(want, SPAN(" ~ "))) {
        struct buf line = { 0 };
        expand(s, span_skip(want, 3), &line);
        if (!memmem(s->head.ptr, s->head.len, line.ptr, line.len)) FAIL("the head is\n%.*swant '%.*s'", (int)s->head.len, s->head.ptr, (int)line.len, line.ptr);
        buf_fini(&line);
    } else if (is_answer(s, i)) {
        span_eat(&want, ' ');
        expect_answer(s, i, want);
    } else expect_frame(s, i, want);
}

/* ---- the bus */

static void on_bus_line(struct script *s, struct span want)
{
    struct span rest = span_skip(buf_span(&s->bed.said), s->said);
    if (span_same(want, SPAN("."))) {
        if (rest.len) FAIL("the bus was told more: %.*s", (int)rest.len, rest.ptr);
        return;
    }
    struct buf pattern = { 0 };
    buf_add_byte(&pattern, '*'), buf_add(&pattern, want), buf_add_byte(&pattern, '*');
    while (rest.len) {
        struct span line = span_cut(&rest, '\n');
        if (!matches(s, buf_span(&pattern), line)) continue;
        s->said = s->bed.said.len - rest.len;
        buf_fini(&pattern);
        return;
    }
    FAIL("the bus was not told '%.*s' but\n%.*s", (int)want.len, want.ptr, (int)(s->bed.said.len - s->said), s->bed.said.len > s->said ? s->bed.said.ptr + s->said : "");
}

/* f=v: the values of a message by the names of its fields. */
static bool find_value(struct script *s, struct span fields, const char *name, struct buf *out)
{
    while (fields.len) {
        while (span_eat(&fields, ' ')) { }
        struct span key = span_cut(&fields, '='), value;
        if (span_eat(&fields, '\'')) value = span_cut(&fields, '\'');
        else value = span_cut(&fields, ' ');
        if (!span_same(key, span_of(name))) continue;
        expand(s, value, out);
        return true;
    }
    return false;
}
static uint64_t number_of(struct script *s, struct span fields, const char *name)
{
    struct buf text = { 0 };
    uint64_t n = 0;
    if (find_value(s, fields, name, &text) && !span_to_uint(buf_span(&text), UINT64_MAX, &n)) FAIL("%s is no number", name);
    buf_fini(&text);
    return n;
}
static struct span text_of(struct script *s, struct span fields, const char *name, struct buf *keep)
{
    buf_clear(keep);
    find_value(s, fields, name, keep);
    return buf_span(keep);
}
static struct span list_of(struct script *s, struct span fields, const char *name, struct buf *keep)
{
    struct buf text = { 0 };
    buf_clear(keep);
    if (find_value(s, fields, name, &text))
        for (struct span rest = buf_span(&text); rest.len; ) msg_add_str(keep, span_cut(&rest, ','));
    buf_fini(&text);
    return buf_span(keep);
}

enum { FIELDS_MAX = 16 };
#define fill_u8(m, name, i)   (m).name = (uint8_t)number_of(s, fields, #name)
#define fill_u16(m, name, i)  (m).name = (uint16_t)number_of(s, fields, #name)
#define fill_u32(m, name, i)  (m).name = (uint32_t)number_of(s, fields, #name)
#define fill_u64(m, name, i)  (m).name = number_of(s, fields, #name)
#define fill_str(m, name, i)  (m).name = text_of(s, fields, #name, &keep[i])
#define fill_strs(m, name, i) (m).name = list_of(s, fields, #name, &keep[i])

static void encode(struct script *s, enum msg_type type, struct span fields, struct buf *out)
{
    struct buf keep[FIELDS_MAX] = { 0 };
    int i = 0;
    switch (type) {
#define F(type, name, doc) fill_##type(m, name, i); i++;
#define MSG(NAME, class, doc, fs) case MSG_##NAME: { struct msg_##NAME m = { 0 }; fs; msg_encode_##NAME(out, &m); break; }
#include "msg.def"
#undef MSG
#undef F
    default: break;
    }
    for (i = 0; i < FIELDS_MAX; i++) buf_fini(&keep[i]);
}

/* "router-0 EMIT to=* args='["x",1]'" is short for a DELIVER of such a body. */
static void do_sid(struct script *s, struct span rest)
{
    struct span name = span_cut(&rest, ' ');
    uint64_t gateway = 0;
    struct sid sid;
    if (!span_to_uint(rest, UINT16_MAX, &gateway) || name.len >= sizeof s->vars[0].name || s->var_count == VARS) FAIL("sid NAME GATEWAY");
    sid_make(&sid, (uint16_t)gateway, (const uint8_t *)"12345678", (const uint8_t *)"0123456789abcdef");
    memcpy(s->vars[s->var_count].name, name.ptr, name.len), s->vars[s->var_count].name[name.len] = 0;
    memcpy(s->vars[s->var_count].value, sid.text, SID_LENGTH), s->vars[s->var_count].value[SID_LENGTH] = 0;
    s->var_count++;
}

static void do_hand(struct script *s, struct span name)
{
    for (int e = 0; e < ERR_COUNT; e++)
        if (span_same(name, span_of(err_name((enum err)e)))) s->bed.hand = (enum err)e;
}

static void do_passed(struct script *s, struct span name)
{
    unsigned i = client(s, name);
    bed_open_passed(&s->bed, i, 0, "10.1.2.3");
    s->names[i].opened = true;
}

static void do_bus(struct script *s, struct span line)
{
    struct span id = span_cut(&line, ' '), name = span_cut(&line, ' ');
    enum role role;
    uint16_t number;
    if (member_id_decode(id, &role, &number) != OK) FAIL("'%.*s' is nobody", (int)id.len, id.ptr);
    struct buf out = { 0 };
    if (span_same(name, SPAN("BODY"))) {
        struct buf body = { 0 };
        encode(s, MSG_BODY, line, &body);
        msg_encode_DELIVER(&out, &(struct msg_DELIVER){ .seq = s->bed.seq + 1, .prev = s->bed.seq, .ref = number_of(s, line, "ref"), .body = buf_span(&body) });
        s->bed.seq++;
        bed_say(&s->bed, role, number, MSG_DELIVER, &out);
        buf_fini(&body);
    } else {
        enum msg_type type = MSG_NONE;
        for (int t = 1; t < MSG_COUNT; t++)
            if (span_same(name, span_of(msg_name((enum msg_type)t)))) type = (enum msg_type)t;
        if (type == MSG_NONE) FAIL("no message '%.*s'", (int)name.len, name.ptr);
        if (type == MSG_DELIVER) {      /* its body= is args, to= its addresses */
            struct buf body = { 0 }, to = { 0 };
            list_of(s, line, "to", &to);
            struct buf args = { 0 };
            find_value(s, line, "args", &args);
            msg_encode_BODY(&body, &(struct msg_BODY){ .nsp = SPAN("/"), .to = buf_span(&to), .args = buf_span(&args) });
            msg_encode_DELIVER(&out, &(struct msg_DELIVER){ .seq = number_of(s, line, "seq"), .prev = number_of(s, line, "prev"), .body = buf_span(&body) });
            buf_fini(&body), buf_fini(&to), buf_fini(&args);
        } else if (type == MSG_REPLAYED) {      /* stamped= one body: seq, to, args */
            struct buf body = { 0 }, to = { 0 }, args = { 0 }, one = { 0 }, all = { 0 }, of = { 0 }, ended = { 0 }, except = { 0 };
            list_of(s, line, "to", &to);
            find_value(s, line, "args", &args);
            uint16_t stream = find_value(s, line, "of", &of) ? (uint16_t)number_of(s, line, "of") : number;      /* whose it is */
            msg_encode_BODY(&body, &(struct msg_BODY){ .kind = (uint8_t)number_of(s, line, "kind"), .flags = (uint8_t)number_of(s, line, "flags"), .nsp = SPAN("/"),
                .to = buf_span(&to), .except = list_of(s, line, "except", &except), .args = buf_span(&args) });
            msg_encode_STAMPED(&one, &(struct msg_STAMPED){ .router = stream, .epoch = s->bed.epoch, .seq = number_of(s, line, "seq"), .time = number_of(s, line, "time"), .body = buf_span(&body) });
            if (args.len) msg_add_str(&all, buf_span(&one));
            msg_encode_REPLAYED(&out, &(struct msg_REPLAYED){ .ref = number_of(s, line, "ref"), .complete = (uint8_t)number_of(s, line, "complete"),
                .head = number_of(s, line, "head"), .stamped = buf_span(&all), .more = (uint8_t)number_of(s, line, "more"),
                .again = (uint8_t)number_of(s, line, "again"), .last = number_of(s, line, "last"), .positions = text_of(s, line, "positions", &ended) });
            buf_fini(&ended), buf_fini(&except), buf_fini(&body), buf_fini(&to), buf_fini(&args), buf_fini(&one), buf_fini(&all), buf_fini(&of);
        } else if (type == MSG_RESUMED) {       /* rooms= all since the same time */
            struct buf names = { 0 }, seats = { 0 }, seat = { 0 }, sid = { 0 };
            struct span rest = list_of(s, line, "rooms", &names), one;
            while (msg_next_str(&rest, &one)) {
                buf_clear(&seat);
                msg_encode_SEAT(&seat, &(struct msg_SEAT){ .since = number_of(s, line, "joined"), .address = one });
                msg_add_str(&seats, buf_span(&seat));
            }
            msg_encode_RESUMED(&out, &(struct msg_RESUMED){ .ref = number_of(s, line, "ref"), .error = (uint8_t)number_of(s, line, "error"),
                .sid = text_of(s, line, "sid", &sid), .since = number_of(s, line, "since"), .rooms = buf_span(&seats) });
            buf_fini(&names), buf_fini(&seats), buf_fini(&seat), buf_fini(&sid);
        } else encode(s, type, line, &out);
        bed_say(&s->bed, role, number, type, &out);
    }
    bed_turn(&s->bed);
}

static void do_roster(struct script *s, struct span line)
{
    static char text[512];
    const char *lists[2][16] = { { NULL } };
    enum roster_phase phase = span_eat_prefix(&line, SPAN("hold ")) ? ROSTER_HOLD : ROSTER_ACTIVE;
    if (line.len >= sizeof text) FAIL("too long");
    memcpy(text, line.ptr, line.len), text[line.len] = 0;
    char *save, *word = strtok_r(text, " ", &save);
    for (int k = 0; k < 2 && word; k++, word = strtok_r(NULL, " ", &save)) {
        char *save_item;
        int n = 0;
        for (char *item = strtok_r(word, ",", &save_item); item && n < 15; item = strtok_r(NULL, ",", &save_item)) lists[k][n++] = item;
    }
    bed_roster(&s->bed, phase, lists[0], lists[1]);
}

/* ---- lines */

static void finish_case(struct script *s)
{
    if (!s->begun) return;
    for (unsigned i = 0; i < s->name_count; i++)
        if (s->bed.client[i].in.len) FAIL("%s got what nobody looked at: '%.*s'", s->names[i].name, (int)s->bed.client[i].in.len, s->bed.client[i].in.ptr);
    bed_fini(&s->bed);
    s->begun = false;
    buf_fini(&s->head);
}

static uint64_t stat_of(struct script *s, struct span name)
{
    gate_measure(s->bed.gate);
#define STAT(n, kind, help) if (span_same(name, SPAN(#n))) return s->bed.stats.n;
#define STAT_ERRS(n, help) \
    for (int e = 0; e < ERR_COUNT; e++) { \
        struct buf full = { 0 }; \
        buf_add_format(&full, #n ".%s", err_name((enum err)e)); \
        bool same = span_same(name, buf_span(&full)); \
        buf_fini(&full); \
        if (same) return s->bed.stats.n[e]; \
    }
#include "../../gateway/stats.def"
#undef STAT
#undef STAT_ERRS
    FAIL("no counter '%.*s'", (int)name.len, name.ptr);
}

static void do_reborn(struct script *s, struct span rest)
{
    uint64_t number = 0, epoch = 0;
    enum role role = span_eat_prefix(&rest, SPAN("gateway-")) ? ROLE_GATEWAY : ROLE_ROUTER;
    if (!span_to_uint(span_cut(&rest, ' '), 63, &number) || (rest.len && !span_to_uint(rest, UINT64_MAX, &epoch))) FAIL("reborn N [EPOCH]");
    gate_on_reborn(s->bed.gate, role, (uint16_t)number, epoch, s->bed.now);
    bed_turn(&s->bed);
}

static void do_line(struct script *s, struct span line)
{
    struct span rest = line, word = span_cut(&rest, ' ');
    if (span_same(word, SPAN("case"))) {
        finish_case(s);
        snprintf(s->place, sizeof s->place, "%s:%u %.*s", s->file, s->line, (int)(rest.len < 80 ? rest.len : 80), rest.ptr);
        s->name_count = s->var_count = 0, s->said = 0;
        bed_init(&s->bed, s->config);
        s->bed.split = s->split;
        s->said = s->bed.said.len;
        s->begun = true;
        return;
    }
    if (span_same(word, SPAN("config"))) {
        finish_case(s);
        free(s->config);
        s->config = strndup(rest.ptr, rest.len);
        return;
    }
    if (!s->begun) FAIL("no case was begun");
    if (span_same(word, SPAN("by"))) s->bed.by_hand = span_same(rest, SPAN("hand"));
    else if (span_same(word, SPAN("open"))) do_open(s, rest);
    else if (span_same(word, SPAN("knock"))) do_knock(s, rest);
    else if (method_of(word)) do_request(s, method_of(word), rest);
    else if (span_same(word, SPAN("raw"))) {
        unsigned i = client(s, span_cut(&rest, ' '));
        struct buf out = { 0 };
        need_open(s, i);
        expand(s, rest, &out);
        bed_bytes(&s->bed, i, buf_span(&out));
        buf_fini(&out);
    }
    else if (span_same(word, SPAN("hang"))) bed_hang_up(&s->bed, client(s, span_skip(rest, 3)));
    else if (span_same(word, SPAN("sid"))) do_sid(s, rest);
    else if (span_same(word, SPAN("hand"))) do_hand(s, rest);
    else if (span_same(word, SPAN("passed"))) do_passed(s, rest);
    else if (span_same(word, SPAN("stuck"))) s->bed.client[client(s, rest)].stuck = true;
    else if (span_same(word, SPAN("free"))) s->bed.client[client(s, rest)].stuck = false, bed_writable(&s->bed, client(s, rest));
    else if (span_same(word, SPAN("drain"))) {
        uint64_t ms = 0;
        span_to_uint(rest, UINT32_MAX, &ms);
        gate_drain(s->bed.gate, (uint32_t)ms, s->bed.now);
        bed_turn(&s->bed);
    }
    else if (span_same(word, SPAN("bus<"))) on_bus_line(s, rest);
    else if (span_same(word, SPAN("bus>"))) do_bus(s, rest);
    else if (span_same(word, SPAN("confirm"))) bed_confirm(&s->bed, (uint16_t)(rest.ptr[0] - '0')), bed_turn(&s->bed);
    else if (span_same(word, SPAN("roster"))) do_roster(s, rest);
    else if (span_same(word, SPAN("reborn"))) do_reborn(s, rest);
    else if (span_same(word, SPAN("stat"))) {
        struct span name = span_cut(&rest, ' ');
        uint64_t want = 0, got = stat_of(s, name);
        span_to_uint(rest, UINT64_MAX, &want);
        if (got != want) FAIL("%.*s is %llu, want %llu", (int)name.len, name.ptr, (unsigned long long)got, (unsigned long long)want);
    }
    else if (span_starts(line, '+')) {
        uint64_t ms = 0;
        span_to_uint(span_skip(line, 1), UINT32_MAX, &ms);
        bed_pass(&s->bed, ms);
    }
    else if (span_starts(line, '<')) {      /* <ws TEXT, <wsb TEXT: a name may not end with b or z */
        struct span name = span_skip(word, 1);
        bool binary = name.len > 1 && name.ptr[name.len - 1] == 'b';
        if (binary) name.len--;
        bool compressed = name.len > 1 && name.ptr[name.len - 1] == 'z';
        if (compressed) name.len--;
        struct buf want = { 0 };
        if (compressed) buf_add_literal(&want, "z ");
        if (binary) buf_add_literal(&want, "b ");
        buf_add(&want, span_skip(line, word.len + (binary || compressed ? 1 : 0)));
        expect(s, client(s, name), buf_span(&want));
        buf_fini(&want);
    }
    else if (span_find(line, '>') > 0) {
        ptrdiff_t at = span_find(line, '>');
        do_send(s, client(s, span_head(line, (size_t)at)), span_skip(line, (size_t)at + 1));
    }
    else FAIL("not understood: '%.*s'", (int)line.len, line.ptr);
}

static void run_file(const char *name, bool split)
{
    char path[256];
    snprintf(path, sizeof path, "%.*s%s", (int)(strrchr(__FILE__, '/') - __FILE__ + 1), __FILE__, name);
    FILE *f = fopen(path, "r");
    if (!f) FAIL("%s cannot be read (run from the top folder)", path);
    static struct script script;
    struct script *s = &script;
    *s = (struct script){ .file = name, .split = split };
    char *text = NULL;
    size_t cap = 0;
    t_row = s->place;
    for (ssize_t n; (n = getline(&text, &cap, f)) > 0; ) {
        struct span line = { text, (size_t)n };
        s->line++;
        snprintf(s->place, sizeof s->place, "%s:%u", name, s->line);
        if (line.ptr[line.len - 1] == '\n') line.len--;
        line = span_trim(line);
        if (line.len == 0 || line.ptr[0] == '#') continue;
        if (span_has_prefix(line, SPAN("config "))) {
            do_line(s, line);
            continue;
        }
        while (line.len) {
            size_t i = 0;
            while (i + 3 < line.len && memcmp(line.ptr + i, "   ", 3) != 0) i++;
            struct span one = i + 3 < line.len ? span_head(line, i) : line;
            line = span_trim(span_skip(line, one.len));
            do_line(s, span_trim(one));
        }
    }
    finish_case(s);
    free(s->config);
    free(text);
    fclose(f);
}

/* Each twice: as the bytes stand in their segments, and byte by byte. */
#define TRANSCRIPT(name) \
    TEST(transcript_##name) { run_file(#name ".txt", false); } \
    TEST(transcript_##name##_byte_by_byte) { run_file(#name ".txt", true); }
#include "all.def"
