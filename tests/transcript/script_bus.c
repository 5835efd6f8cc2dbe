/* Daemons of a transcript: what they say and hear, who is there. */
#include "script.h"
#include "t.h"

void script_on_bus_line(struct script *s, struct span want)
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
        if (!script_matches(s, buf_span(&pattern), line)) continue;
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
        script_expand(s, value, out);
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

enum { FIELDS_MAX = 24 };
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
void script_sid(struct script *s, struct span rest)
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

void script_hand(struct script *s, struct span name)
{
    for (int e = 0; e < ERR_COUNT; e++)
        if (span_same(name, span_of(err_name((enum err)e)))) s->bed.hand = (enum err)e;
}

void script_passed(struct script *s, struct span name)
{
    unsigned i = script_client(s, name);
    bed_open_passed(&s->bed, i, 0, "10.1.2.3");
    s->names[i].opened = true;
}

void script_bus(struct script *s, struct span line)
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
        } else if (type == MSG_REVOKED) {       /* one entry: name, undone, decided, before */
            struct buf whose = { 0 }, one = { 0 }, all = { 0 };
            msg_encode_REVOCATION(&one, &(struct msg_REVOCATION){ .name = text_of(s, line, "name", &whose), .undone = number_of(s, line, "undone"),
                .decided = number_of(s, line, "decided"), .before = number_of(s, line, "before"), .expires = UINT64_MAX });
            msg_add_str(&all, buf_span(&one));
            msg_encode_REVOKED(&out, &(struct msg_REVOKED){ .ref = number_of(s, line, "ref"), .since = number_of(s, line, "since"),
                .version = number_of(s, line, "version"), .entries = buf_span(&all) });
            buf_fini(&whose), buf_fini(&one), buf_fini(&all);
        } else encode(s, type, line, &out);
        bed_say(&s->bed, role, number, type, &out);
    }
    bed_turn(&s->bed);
}

void script_roster(struct script *s, struct span line)
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

void script_reborn(struct script *s, struct span rest)
{
    uint64_t number = 0, epoch = 0;
    enum role role = span_eat_prefix(&rest, SPAN("gateway-")) ? ROLE_GATEWAY : ROLE_ROUTER;
    if (!span_to_uint(span_cut(&rest, ' '), 63, &number) || (rest.len && !span_to_uint(rest, UINT64_MAX, &epoch))) FAIL("reborn N [EPOCH]");
    gate_on_reborn(s->bed.gate, role, (uint16_t)number, epoch, s->bed.now);
    bed_turn(&s->bed);
}
