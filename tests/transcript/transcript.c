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
#include "script.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

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

static void begin_case(struct script *s, struct span rest)
{
    finish_case(s);
    snprintf(s->place, sizeof s->place, "%s:%u %.*s", s->file, s->line, (int)(rest.len < 80 ? rest.len : 80), rest.ptr);
    s->name_count = s->var_count = 0, s->said = 0;
    bed_init(&s->bed, s->config);
    s->bed.split = s->split;
    s->said = s->bed.said.len;
    s->begun = true;
}

static void configure(struct script *s, struct span rest)
{
    finish_case(s);
    free(s->config);
    s->config = strndup(rest.ptr, rest.len);
}

static void by(struct script *s, struct span rest)
{
    s->bed.by_hand = span_same(rest, SPAN("hand"));
}

static void hang_up(struct script *s, struct span rest)
{
    bed_hang_up(&s->bed, script_client(s, span_skip(rest, 3)));
}

static void stuck(struct script *s, struct span name)
{
    s->bed.client[script_client(s, name)].stuck = true;
}

static void unstuck(struct script *s, struct span name)
{
    unsigned i = script_client(s, name);
    s->bed.client[i].stuck = false;
    bed_writable(&s->bed, i);
}

static uint64_t ms_of(struct span text)
{
    uint64_t ms = 0;
    span_to_uint(text, UINT32_MAX, &ms);
    return ms;
}

static void drain(struct script *s, struct span rest)
{
    gate_drain(s->bed.gate, (uint32_t)ms_of(rest), s->bed.now);
    bed_turn(&s->bed);
}

static void confirm(struct script *s, struct span rest)
{
    bed_confirm(&s->bed, (uint16_t)(rest.ptr[0] - '0'));
    bed_turn(&s->bed);
}

static void stat(struct script *s, struct span rest)
{
    struct span name = span_cut(&rest, ' ');
    uint64_t want = 0, got = stat_of(s, name);
    span_to_uint(rest, UINT64_MAX, &want);
    if (got != want) FAIL("%.*s is %llu, want %llu", (int)name.len, name.ptr, (unsigned long long)got, (unsigned long long)want);
}

/* <ws TEXT, <wsb TEXT: a name may not end with b or z */
static void expect(struct script *s, struct span line)
{
    struct span text = line, name = span_skip(span_cut(&text, ' '), 1);
    bool binary = name.len > 1 && name.ptr[name.len - 1] == 'b';
    if (binary) name.len--;
    bool compressed = name.len > 1 && name.ptr[name.len - 1] == 'z';
    if (compressed) name.len--;
    struct buf want = { 0 };
    if (compressed) buf_add_literal(&want, "z ");
    if (binary) buf_add_literal(&want, "b ");
    else if (!compressed && text.len) buf_add_byte(&want, ' ');
    buf_add(&want, text);
    script_expect(s, script_client(s, name), buf_span(&want));
    buf_fini(&want);
}

static const struct { const char *word; void (*act)(struct script *s, struct span rest); } words[] = {
    { "case", begin_case }, { "config", configure }, { "by", by },
    { "open", script_open }, { "knock", script_knock }, { "raw", script_raw }, { "hang", hang_up }, { "passed", script_passed },
    { "stuck", stuck }, { "free", unstuck }, { "sid", script_sid }, { "hand", script_hand },
    { "bus<", script_on_bus_line }, { "bus>", script_bus }, { "confirm", confirm }, { "roster", script_roster }, { "reborn", script_reborn },
    { "drain", drain }, { "stat", stat },
};

static void do_line(struct script *s, struct span line)
{
    struct span rest = line, word = span_cut(&rest, ' ');
    if (!s->begun && !span_same(word, SPAN("case")) && !span_same(word, SPAN("config"))) FAIL("no case was begun");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (span_same(word, span_of(words[i].word))) {
            words[i].act(s, rest);
            return;
        }
    ptrdiff_t at = span_find(line, '>');
    if (script_method(word)) script_request(s, script_method(word), rest);
    else if (span_starts(line, '+')) bed_pass(&s->bed, ms_of(span_skip(line, 1)));
    else if (span_starts(line, '<')) expect(s, line);
    else if (at > 0) script_send(s, script_client(s, span_head(line, (size_t)at)), span_skip(line, (size_t)at + 1));
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
