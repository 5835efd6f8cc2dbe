/* presence-gateway - what presence needs of a gateway, spoken over the real bus and told on standard input:
 *
 *     up USER SID NSP LIMIT       a socket; told again when its presence changes
 *     down USER SID NSP           it is gone
 *     many COUNT PREFIX           so many sockets of as many users in "/", "admitted all" when all have been answered
 *     mute                        from now on no socket is told again and SYNCED is not said
 *
 * On standard output: "admitted SID in|out [first] COUNT", "event ARGS" of what a router delivers to "*", "presence
 * NUMBERS" when those that are ready change. One line each. It dies with its standard input. */
#include "address.h"
#include "daemon_uv.h"
#include "rank.h"
#include "user.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum { SOCKETS_MAX = 100000, PEERS_MAX = 64 };

struct socket {
    bool     used, answered;
    char     user[40], sid[40], nsp[20];
    uint32_t limit;
    uint16_t presence;
    uint64_t epoch;
};

static struct app {
    struct daemon d;
    struct socket *sockets;
    size_t   count;
    uint16_t number[PEERS_MAX];
    uint64_t epoch[PEERS_MAX];
    size_t   presences;
    bool     mute, interested;
    size_t   many;              /* answers that are due */
    unsigned made, to_make;
    char     prefix[24];
    struct service_timer making;
    struct buf in;
    uv_poll_t input;
} app;

static uint16_t owner_of(const struct socket *s, uint64_t *epoch)
{
    struct buf key = { 0 };
    NEED(user_key(&key, SPAN(""), span_of(s->user)) == OK);
    uint16_t owner = user_owner(buf_span(&key), app.number, app.presences);
    buf_fini(&key);
    for (size_t i = 0; i < app.presences; i++)
        if (app.number[i] == owner) *epoch = app.epoch[i];
    return owner;
}

/* Known: it was answered before. Else its question went down with the link. */
static void tell(struct socket *s)
{
    bool known = s->answered;
    uint16_t owner = owner_of(s, &s->epoch);
    struct peer *peer = owner == RANK_NOBODY ? NULL : bus_find(app.d.bus, ROLE_PRESENCE, owner);
    if (!peer) {
        s->epoch = 0;       /* to be told again; whom it was told to is to hear of its end, in the roster or not */
        return;
    }
    s->presence = owner;
    struct buf claims = { 0 };
    buf_add_format(&claims, "{\"username\":\"name of %s\"}", s->user[0] == '"' ? "text" : s->user);
    bus_say(peer, SESSION_UP, &((struct msg_SESSION_UP){ .ref = known ? 0 : (uint64_t)(s - app.sockets) + 1, .sid = span_of(s->sid), .nsp = span_of(s->nsp),
            .user = span_of(s->user), .claims = buf_span(&claims), .address = SPAN("192.0.2.7"), .agent = SPAN("Mozilla/5.0 (X11)"),
            .since = service_wall(app.d.svc), .limit = s->limit, .known = known }));
    buf_fini(&claims);
}

static struct socket *socket_find(const char *sid, const char *nsp)
{
    for (size_t i = 0; i < app.count; i++)
        if (app.sockets[i].used && strcmp(app.sockets[i].sid, sid) == 0 && strcmp(app.sockets[i].nsp, nsp) == 0) return &app.sockets[i];
    return NULL;
}

static struct socket *socket_add(const char *user, const char *sid, const char *nsp, unsigned limit)
{
    NEED(app.count < SOCKETS_MAX);
    struct socket *s = &app.sockets[app.count++];
    *s = (struct socket){ .used = true, .limit = limit, .presence = RANK_NOBODY };
    snprintf(s->user, sizeof s->user, "%s", user), snprintf(s->sid, sizeof s->sid, "%s", sid), snprintf(s->nsp, sizeof s->nsp, "%s", nsp);
    return s;
}

static void make(void *nothing)         /* a few each turn: it has to beat meanwhile */
{
    (void)nothing;
    for (unsigned i = 0; i < 500 && app.made < app.to_make; i++, app.made++) {
        char id[64], name[64];
        snprintf(id, sizeof id, "\"%s%u\"", app.prefix, app.made), snprintf(name, sizeof name, "%s-sid-%u", app.prefix, app.made);
        tell(socket_add(id, name, "/", 0));
    }
    app.making = (struct service_timer){ .fn = make };
    if (app.made < app.to_make) service_timer_set(app.d.svc, &app.making, service_now(app.d.svc));
}

/* ---- told on standard input */

static void on_line(const char *line)
{
    char user[40], sid[40], nsp[20];
    unsigned n;
    if (sscanf(line, "up %39s %39s %19s %u", user, sid, nsp, &n) == 4) {
        tell(socket_add(user, sid, nsp, n));
    } else if (sscanf(line, "down %39s %39s %19s", user, sid, nsp) == 3) {
        struct socket *s = socket_find(sid, nsp);
        struct peer *peer = s ? bus_find(app.d.bus, ROLE_PRESENCE, s->presence) : NULL;
        if (s) s->used = false;
        if (peer) bus_say(peer, SESSION_DOWN, &((struct msg_SESSION_DOWN){ .sid = span_of(sid), .nsp = span_of(nsp), .user = span_of(user), .reason = SPAN("transport close") }));
    } else if (sscanf(line, "many %u %39s", &n, user) == 2) {
        app.many = app.to_make = n, app.made = 0;
        snprintf(app.prefix, sizeof app.prefix, "%.20s", user);
        make(NULL);
    } else if (strcmp(line, "mute") == 0) {
        app.mute = true;
    } else {
        printf("what? %s\n", line);
    }
}

static void on_input(uv_poll_t *handle, int status, int events)
{
    (void)handle, (void)status, (void)events;
    ssize_t n = read(STDIN_FILENO, buf_room(&app.in, 4096), 4096);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) _exit(0);
    buf_grew(&app.in, (size_t)n);
    for (ptrdiff_t end; (end = span_find(buf_span(&app.in), '\n')) >= 0; ) {
        app.in.ptr[end] = '\0';
        on_line(app.in.ptr);
        buf_drop_head(&app.in, (size_t)end + 1);
    }
}

/* ---- the bus */

static void on_message(void *self, struct peer *peer, enum msg_type type, struct span fields, uint64_t number)
{
    struct msg_ADMITTED a;
    struct msg_DELIVER d;
    struct msg_BODY b;
    (void)self, (void)peer, (void)number;
    if (type == MSG_ADMITTED && msg_decode_ADMITTED(&a, fields) == OK) {
        NEED(a.ref && a.ref <= app.count);
        struct socket *s = &app.sockets[a.ref - 1];
        s->answered = true;
        if (!a.allowed) s->used = false;
        if (!app.many) printf("admitted %s %s%s %u\n", s->sid, a.allowed ? "in" : "out", a.first ? " first" : "", a.count);
        else if (--app.many == 0) printf("admitted all\n");
    } else if (type == MSG_DELIVER && msg_decode_DELIVER(&d, fields) == OK && msg_decode_BODY(&b, d.body) == OK) {
        printf("event %.*s\n", (int)b.args.len, b.args.ptr);
    } else if (type == MSG_ASK) {
        struct msg_ASK m;
        if (msg_decode_ASK(&m, fields) == OK) bus_say(peer, TOLD, &((struct msg_TOLD){ .ref = m.ref, .json = SPAN("{}") }));
    }
}

static bool presences_changed(const struct view *view)
{
    uint16_t number[PEERS_MAX];
    uint64_t epoch[PEERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < view_count(view) && count < PEERS_MAX; i++) {
        const struct member *m = view_member(view, i);
        if (m->role == ROLE_PRESENCE && m->state == MEMBER_READY) number[count] = m->number, epoch[count++] = m->epoch;
    }
    bool same = count == app.presences && memcmp(number, app.number, count * sizeof number[0]) == 0 && memcmp(epoch, app.epoch, count * sizeof epoch[0]) == 0;
    memcpy(app.number, number, count * sizeof number[0]), memcpy(app.epoch, epoch, count * sizeof epoch[0]);
    app.presences = count;
    return !same;
}

/* Every socket that its presence does not know. */
static void tell_all(void)
{
    if (app.mute) return;
    for (size_t i = 0; i < app.count; i++) {
        struct socket *s = &app.sockets[i];
        uint64_t epoch = 0;
        if (s->used && (owner_of(s, &epoch) != s->presence || epoch != s->epoch)) tell(s);
    }
    for (size_t i = 0; i < app.presences; i++) {
        struct peer *peer = bus_find(app.d.bus, ROLE_PRESENCE, app.number[i]);
        if (peer) bus_say(peer, SYNCED, &((struct msg_SYNCED){ .view = view_number(bus_view(app.d.bus)) }));
    }
}

static void on_view(void *self, enum view_change change)
{
    const struct view *view = bus_view(app.d.bus);
    (void)self, (void)change;
    uint16_t owner = view_owner(view, SPAN("/\0*"));
    struct peer *router = owner == RANK_NOBODY ? NULL : bus_find(app.d.bus, ROLE_ROUTER, owner);
    if (router && !app.interested) {
        struct buf rooms = { 0 };
        msg_add_str(&rooms, SPAN("/\0*"));
        bus_say(router, INTEREST, &((struct msg_INTEREST){ .on = 1, .rooms = buf_span(&rooms) }));
        buf_fini(&rooms);
        app.interested = true;
    }
    if (!presences_changed(view)) return;
    printf("presence");
    for (size_t i = 0; i < app.presences; i++) printf(" %u", app.number[i]);
    printf("\n");
    tell_all();
}

static void on_peer(void *self, struct peer *peer, enum bus_event event)
{
    struct blob *message;
    (void)self;
    if (event != BUS_REBORN && event != BUS_GONE) return;
    while ((message = bus_take_unconfirmed(peer))) blob_drop(&message);
    if (peer_role(peer) != ROLE_PRESENCE) return;
    for (size_t i = 0; i < app.count; i++)
        if (app.sockets[i].presence == peer_number(peer)) app.sockets[i].presence = RANK_NOBODY;      /* it may have missed anything */
    if (event == BUS_REBORN) tell_all();        /* the roster may have named this life before */
}

int main(int argc, char **argv)
{
    static const struct bus_handler handler = { .on_message = on_message, .on_peer = on_peer, .on_view = on_view };
    setvbuf(stdout, NULL, _IOLBF, 0);
    daemon_start(&app.d, ROLE_GATEWAY, argc, argv, (struct stats_view){ 0 });
    app.sockets = calloc(SOCKETS_MAX, sizeof *app.sockets);
    NEED(app.sockets);
    uv_poll_init(service_loop(app.d.svc), &app.input, STDIN_FILENO);
    uv_poll_start(&app.input, UV_READABLE, on_input);
    daemon_bus(&app.d, &handler, NULL);
    daemon_ready(&app.d);
    service_run(app.d.svc);
    uv_close((uv_handle_t *)&app.input, NULL);
    int code = daemon_stop(&app.d);
    free(app.sockets);
    buf_fini(&app.in);
    return code;
}
