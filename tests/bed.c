#include "bed.h"

#include "node_flow.h"
#include "reload.h"
#include "standin.h"
#include "t.h"
#include "ws.h"

#include <stdlib.h>

const struct compressor *bed_compressor = &standin;

static void random_bytes(void *self, void *bytes, size_t n)
{
    uint64_t *seed = self;
    unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        at[i] = (unsigned char)(*seed >> 56);
    }
}

static const char standard[] =
    "{listeners: {public: {}}, auth: {keys: [{kind: secret, file: '/s', algorithms: [HS256]}]}, namespaces: {/: {identity: none}}}";

static const char *const one_owner[] = { "0", NULL };
static const char *const members[] = { "router-0", "gateway-0", "gateway-1", "presence-0", "auth-0", NULL };

void bed_roster(struct bed *b, enum roster_phase phase, const char *const *owners, const char *const *who)
{
    struct buf list = { 0 }, all = { 0 }, one = { 0 };
    for (; *owners; owners++) msg_add_str(&list, span_of(*owners));
    for (; *who; who++) {
        struct span id = span_of(*who), epoch = id;
        id = span_cut(&epoch, '@');
        struct msg_MEMBER m = { .epoch = 100, .state = MEMBER_READY };
        enum role role;
        NEED(member_id_decode(id, &role, &m.number) == OK);
        m.role = (uint8_t)role;
        if (epoch.len) NEED(span_to_uint(epoch, UINT64_MAX, &m.epoch));
        msg_encode_MEMBER(&one, &m);
        msg_add_str(&all, buf_span(&one));
        buf_clear(&one);
    }
    struct msg_ROSTER roster = { .view = ++b->view_number, .phase = (uint8_t)phase, .settled = b->view_number - 1,
                                 .owners = buf_span(&list), .members = buf_span(&all) };
    enum view_change change;
    NEED(view_take(b->view, &roster, &change) == OK);
    buf_fini(&list), buf_fini(&all), buf_fini(&one);
    gate_on_view(b->gate, b->view, change, b->now);
    bed_turn(b);
}

void bed_init(struct bed *b, const char *topology)
{
    bed_init_as(b, topology, 0);
}

void bed_init_as(struct bed *b, const char *topology, uint16_t number)
{
    struct buf errors = { 0 };
    *b = (struct bed){ .now = { 1000000, 1700000000000 }, .seed = 42, .epoch = 100, .number = number };
    b->config.state_dir = strdup("/state");
    if (!config_load(&b->config, node_flow(topology ? topology : standard), &errors)) FAIL("%s", buf_text(&errors));
    if (!(b->generation = generation_new(&b->config, &errors))) FAIL("%s", buf_text(&errors));
    buf_fini(&errors);
    b->view = view_new();
    b->gate = gate_new(&(struct gate_setup){ .config = &b->config, .number = number, .epoch = 7, .generation = b->generation,
        .sid_key = (const uint8_t *)"0123456789abcdef", .random = random_bytes, .random_self = &b->seed, .compressor = bed_compressor, .stats = &b->stats }, b->now);
    bed_roster(b, ROSTER_ACTIVE, one_owner, members);
}

void bed_reload(struct bed *b, const char *topology)
{
    struct buf errors = { 0 };
    struct config *fresh = calloc(1, sizeof *fresh);
    NEED(fresh);
    fresh->state_dir = strdup("/state");
    if (!config_load(fresh, node_flow(topology), &errors) || !gate_may_reload(b->gate, fresh, &errors)) FAIL("%s", buf_text(&errors));
    struct generation *generation = generation_new(fresh, &errors), *before = b->generation;
    if (!generation) FAIL("%s", buf_text(&errors));
    reload_apply(&b->config, fresh);
    gate_reload(b->gate, generation, b->now);
    generation_retire(before, &fresh);
    generation_drop(&before);
    b->generation = generation;
    buf_fini(&errors);
    bed_turn(b);
}

void bed_fini(struct bed *b)
{
    for (unsigned i = 0; i < BED_CLIENTS; i++) bed_hang_up(b, i);
    gate_drain(b->gate, 0, b->now);
    bed_turn(b);
    CHECK(gate_drained(b->gate));
    gate_measure(b->gate);
    EQUAL(b->stats.sessions_open, 0); EQUAL(b->stats.sockets_open, 0); EQUAL(b->stats.connections_open, 0);
    EQUAL(b->stats.rooms_open, 0); EQUAL(b->stats.memberships_open, 0); EQUAL(b->stats.queue_bytes, 0); EQUAL(b->stats.input_bytes, 0);
    EQUAL(b->stats.sessions_websocket, 0); EQUAL(b->stats.sessions_polling, 0);
    EQUAL(b->stats.spaces_open, 0); EQUAL(b->stats.acks_waiting, 0); EQUAL(b->stats.acks_bytes, 0);
    EQUAL(b->stats.tunnels_open, 0);
    gate_destroy(&b->gate);
    view_destroy(&b->view);
    generation_drop(&b->generation);
    config_fini(&b->config);
    for (unsigned i = 0; i < BED_CLIENTS; i++) buf_fini(&b->client[i].in);
    buf_fini(&b->said), buf_fini(&b->mail);
}

/* ---- the bus */

void bed_say(struct bed *b, enum role role, uint16_t number, enum msg_type type, struct buf *message)
{
    struct span frame = buf_span(message), fields;
    enum msg_type t;
    enum err e;
    NEED(msg_next(&frame, &t, &fields, &e) && t == type);
    struct span exact = t_exact(fields);
    buf_fini(message);
    gate_on_message(b->gate, role, number, b->epoch, type, exact, b->now);
}

void bed_deliver(struct bed *b, const struct msg_BODY *body)
{
    struct buf bytes = { 0 }, message = { 0 };
    msg_encode_BODY(&bytes, body);
    msg_encode_DELIVER(&message, &(struct msg_DELIVER){ .seq = b->seq + 1, .prev = b->seq, .body = buf_span(&bytes) });
    b->seq++;
    bed_say(b, ROLE_ROUTER, 0, MSG_DELIVER, &message);
    buf_fini(&bytes);
}

static void answer(struct bed *b, const struct effect *effect, struct span fields)
{
    struct buf out = { 0 };
    struct msg_VERIFY verify;
    struct msg_SESSION_UP up;
    struct msg_EMIT emit;
    switch (effect->type) {
    case MSG_VERIFY:        /* a token is "<user's JSON> [claims]"; "bad" is refused */
        NEED(msg_decode_VERIFY(&verify, fields) == OK);
        if (span_same(verify.token, SPAN("bad"))) {
            msg_encode_VERDICT(&out, &(struct msg_VERDICT){ .ref = verify.ref, .reason = SPAN("signature"), .message = SPAN("Authentication failed") });
        } else {
            struct span claims = verify.token, user = span_cut(&claims, ' ');
            msg_encode_VERDICT(&out, &(struct msg_VERDICT){ .ref = verify.ref, .allowed = 1, .user = user, .claims = claims });
        }
        bed_say(b, ROLE_AUTH, effect->number, MSG_VERDICT, &out);
        break;
    case MSG_SESSION_UP:
        NEED(msg_decode_SESSION_UP(&up, fields) == OK);
        if (!up.ref) break;
        msg_encode_ADMITTED(&out, &(struct msg_ADMITTED){ .ref = up.ref, .allowed = 1, .first = 1, .count = 1 });
        bed_say(b, ROLE_PRESENCE, effect->number, MSG_ADMITTED, &out);
        break;
    case MSG_EMIT:
        NEED(msg_decode_EMIT(&emit, fields) == OK);
        msg_encode_DELIVER(&out, &(struct msg_DELIVER){ .seq = b->seq + 1, .prev = b->seq, .body = emit.body });
        b->seq++;
        bed_say(b, ROLE_ROUTER, effect->number, MSG_DELIVER, &out);
        break;
    default:
        break;
    }
}

bool bed_post(struct bed *from, struct bed *to)
{
    struct buf mail = from->mail;
    from->mail = (struct buf){ 0 };
    struct span rest = buf_span(&mail), fields;
    enum msg_type type;
    enum err e;
    bool any = rest.len;
    while (msg_next(&rest, &type, &fields, &e)) gate_on_message(to->gate, ROLE_GATEWAY, from->number, from->epoch, type, fields, to->now);
    buf_fini(&mail);
    bed_turn(to);
    return any;
}

void bed_confirm(struct bed *b, uint16_t router)
{
    gate_on_confirm(b->gate, ROLE_ROUTER, router, b->link[router], b->now);
}

/* Every field, text as it stands: NUL is '|', other control bytes are dots. */
static void print_text(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_add_byte(out, s.ptr[i] == 0 ? '|' : (unsigned char)s.ptr[i] < 0x20 ? '.' : s.ptr[i]);
}
static void print_strs(struct buf *out, struct span s)
{
    struct span one;
    for (bool comma = false; msg_next_str(&s, &one); comma = true) {
        if (comma) buf_add_byte(out, ',');
        print_text(out, one);
    }
}
#define print_u8(v)   buf_add_uint(out, v)
#define print_u16(v)  buf_add_uint(out, v)
#define print_u32(v)  buf_add_uint(out, v)
#define print_u64(v)  buf_add_uint(out, v)
#define print_str(v)  print_text(out, v)
#define print_strs(v) (print_strs)(out, v)
static void print_message(struct buf *out, enum msg_type type, struct span fields)
{
    buf_add(out, span_of(msg_name(type)));
    switch (type) {
#define F(type, name, doc) buf_add_literal(out, " " #name "="); print_##type(m.name);
#define MSG(NAME, class, doc, fs) case MSG_##NAME: { struct msg_##NAME m; NEED(msg_decode_##NAME(&m, fields) == OK); fs; break; }
#include "msg.def"
#undef MSG
#undef F
    default: break;
    }
}

static void send_effects(struct bed *b)
{
    for (struct effects *effects; (effects = gate_effects(b->gate))->count; ) {
        struct effects now = *effects;
        *effects = (struct effects){ 0 };
        for (size_t i = 0; i < now.count; i++) {
            struct effect *e = &now.at[i];
            struct span frame = blob_span(e->message), fields;
            enum msg_type type;
            enum err err;
            NEED(msg_next(&frame, &type, &fields, &err) && type == e->type);
            buf_add_format(&b->said, "%s-%u ", role_name(e->role), e->number);
            print_message(&b->said, type, fields);
            buf_add_byte(&b->said, '\n');
            if (e->role == ROLE_ROUTER && msg_class(type) == MSG_RELIABLE) {
                b->link[e->number]++;
                if (e->ticket) gate_on_sent(b->gate, e->number, e->ticket, b->link[e->number]);
            }
            if (!b->by_hand) answer(b, e, fields);
            if (e->role == ROLE_GATEWAY) buf_add(&b->mail, blob_span(e->message));
        }
        if (!b->by_hand)
            for (uint16_t i = 0; i < 64; i++)
                if (b->link[i]) bed_confirm(b, i);
        effects_clear(&now);
        effects_fini(&now);
    }
}

/* ---- clients */

static unsigned client_of(struct bed *b, const struct conn *c)
{
    return (unsigned)((struct bed_client *)conn_shell(c) - b->client);
}

static bool pass_on(struct bed *b, struct bed_client *client)
{
    uint16_t gateway;
    struct buf message = { 0 };
    bool passes = conn_passes(client->conn, &gateway, &message);
    if (passes) {
        struct conn *c = client->conn;
        buf_add_format(&b->said, "gateway-%u ", gateway);
        print_message(&b->said, MSG_PASSED, buf_span(&message));
        buf_add_byte(&b->said, '\n');
        if (b->hand == OK) client->conn = NULL;
        gate_on_passed(b->gate, c, b->hand, b->now);
    }
    buf_fini(&message);
    return passes;
}

static void write_conn(struct bed *b, struct conn *c)
{
    char scratch[4096];
    struct bed_client *client = &b->client[client_of(b, c)];
    for (size_t n; !client->stuck && (n = conn_gather(c, scratch, sizeof scratch)); ) {
        if (n > 1) n -= n / 3;          /* a socket that takes less than it is offered */
        buf_add(&client->in, span_from(scratch, n));
        conn_wrote(c, n);
    }
    if (pass_on(b, client) || conn_fate(c) == CONN_OPEN || (client->stuck && conn_fate(c) == CONN_CLOSE)) return;
    client->conn = NULL, client->closed = true;
    gate_on_closed(b->gate, c, b->now);
}

static void write_conns(struct bed *b)
{
    for (struct conn *c; (c = gate_next_dirty(b->gate)); ) write_conn(b, c);
}

void bed_writable(struct bed *b, unsigned client)
{
    write_conn(b, b->client[client].conn);
    bed_turn(b);
}

void bed_turn(struct bed *b)
{
    for (int i = 0; i < 10; i++) {
        send_effects(b);
        write_conns(b);
        if (gate_effects(b->gate)->count == 0) return;
    }
}

static struct bed_client *fresh(struct bed *b, unsigned client)
{
    struct bed_client *c = &b->client[client];
    buf_fini(&c->in);
    *c = (struct bed_client){ 0 };
    return c;
}

void bed_open(struct bed *b, unsigned client, size_t listener, const char *address)
{
    struct bed_client *c = fresh(b, client);
    c->conn = gate_accept(b->gate, listener, span_of(address), c, b->now);
    c->closed = c->conn == NULL;
}

void bed_open_passed(struct bed *b, unsigned client, size_t listener, const char *address)
{
    struct bed_client *c = fresh(b, client);
    c->conn = gate_accept_passed(b->gate, listener, span_of(address), c, b->now);
    c->closed = c->conn == NULL;
}

void bed_bytes(struct bed *b, unsigned client, struct span bytes)
{
    if (!b->client[client].conn) return;
    struct span exact = t_exact(bytes);
    char *copy = malloc(exact.len + 1);
    NEED(copy);
    memcpy(copy, exact.ptr, exact.len);
    size_t piece = b->split ? 1 : exact.len;
    for (size_t at = 0; at < exact.len && b->client[client].conn; at += piece) {
        gate_on_bytes(b->gate, b->client[client].conn, copy + at, piece, b->now);
        if (b->split) bed_turn(b);
    }
    free(copy);
    bed_turn(b);
}

void bed_frame(struct bed *b, unsigned client, int first_byte, struct span payload)
{
    static const unsigned char mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    struct buf out = { 0 };
    buf_add_byte(&out, (char)first_byte);
    if (payload.len < 126) {
        buf_add_byte(&out, (char)(0x80 | payload.len));
    } else if (payload.len < 65536) {
        buf_add_byte(&out, (char)(0x80 | 126));
        buf_add_byte(&out, (char)(payload.len >> 8)), buf_add_byte(&out, (char)payload.len);
    } else {
        buf_add_byte(&out, (char)(0x80 | 127));
        for (int i = 56; i >= 0; i -= 8) buf_add_byte(&out, (char)((uint64_t)payload.len >> i));
    }
    buf_add(&out, span_from(mask, 4));
    for (size_t i = 0; i < payload.len; i++) buf_add_byte(&out, (char)((unsigned char)payload.ptr[i] ^ mask[i % 4]));
    bed_bytes(b, client, buf_span(&out));
    buf_fini(&out);
}

void bed_text(struct bed *b, unsigned client, const char *text)
{
    bed_frame(b, client, 0x81, span_of(text));
}

void bed_hang_up(struct bed *b, unsigned client)
{
    struct bed_client *c = &b->client[client];
    if (!c->conn) return;
    struct conn *conn = c->conn;
    c->conn = NULL;
    gate_on_closed(b->gate, conn, b->now);
    bed_turn(b);
}

void bed_pass(struct bed *b, uint64_t ms)
{
    uint64_t until = b->now.mono + ms;
    for (;;) {
        uint64_t next = gate_deadline(b->gate);
        if (next > until) next = until;
        if (next > b->now.mono) b->now.wall += next - b->now.mono, b->now.mono = next;
        gate_on_time(b->gate, b->now);
        bed_turn(b);
        if (next >= until) break;
    }
}

/* ---- what they see */

bool bed_next_frame(struct bed *b, unsigned client, int *opcode, struct buf *out)
{
    struct buf *in = &b->client[client].in;
    const unsigned char *h = (const unsigned char *)in->ptr;
    if (in->len < 2) return false;
    size_t head = 2, len = h[1];
    CHECK(!(len & 0x80));
    if (len == 126) head = 4, len = (size_t)h[2] << 8 | h[3];
    else if (len == 127) {
        head = 10, len = 0;
        for (int i = 2; i < 10; i++) len = len << 8 | h[i];
    }
    if (in->len < head + len) return false;
    *opcode = h[0] & 0x4f;
    buf_add(out, span_from(h + head, len));
    buf_drop_head(in, head + len);
    return true;
}

bool bed_next_answer(struct bed *b, unsigned client, unsigned *status, struct buf *head, struct buf *body)
{
    struct buf *in = &b->client[client].in;
    const char *end = in->len ? memmem(in->ptr, in->len, "\r\n\r\n", 4) : NULL;
    if (!end) return false;
    size_t n = (size_t)(end - in->ptr) + 4;
    buf_add(head, span_from(in->ptr, n));
    uint64_t code, length = 0;
    struct span line = span_skip(buf_span(head), 9);
    CHECK(span_eat_uint(&line, &code));
    *status = (unsigned)code;
    struct span rest = buf_span(head);
    while (rest.len) {
        struct span value = span_cut(&rest, '\n'), name = span_cut(&value, ':');
        if (span_same_nocase(name, SPAN("Content-Length"))) {
            value = span_trim(value);
            span_eat_uint(&value, &length);
        }
    }
    if (b->client[client].head) length = 0, b->client[client].head = false;
    CHECK(in->len >= n + length);
    buf_add(body, span_from(in->ptr + n, length));
    buf_drop_head(in, n + length);
    return true;
}

void bed_websocket(struct bed *b, unsigned client, const char *query, const char *fields)
{
    struct buf request = { 0 }, head = { 0 }, body = { 0 }, open = { 0 };
    unsigned status = 0;
    int opcode;
    bed_open(b, client, 0, "127.0.0.1");
    buf_add_format(&request, "GET /socket.io/?EIO=4&transport=websocket%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", query, fields);
    bed_bytes(b, client, buf_span(&request));
    CHECK(bed_next_answer(b, client, &status, &head, &body));
    EQUAL(status, 101);
    CHECK(bed_next_frame(b, client, &opcode, &open));
    CHECK(span_has_prefix(buf_span(&open), SPAN("0{\"sid\":\"")));
    buf_fini(&request), buf_fini(&head), buf_fini(&body), buf_fini(&open);
}
