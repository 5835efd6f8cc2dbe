#include "launch.h"
#include "msg.h"

static void word(struct buf *words, const char *text)
{
    buf_add(words, span_of(text));
    buf_add_byte(words, '\0');
}

static void number_word(struct buf *words, unsigned n)
{
    buf_add_uint(words, n);
    buf_add_byte(words, '\0');
}

unsigned launch_role(enum unit_kind kind)
{
    static const enum role roles[UNIT_KINDS] = {
        [UNIT_ROUTER] = ROLE_ROUTER, [UNIT_AUTH] = ROLE_AUTH, [UNIT_PRESENCE] = ROLE_PRESENCE, [UNIT_GATEWAY] = ROLE_GATEWAY,
    };
    return roles[kind];
}

bool launch_says_ready(enum unit_kind kind) { return kind != UNIT_REDIS; }

bool launch_has_redis(const struct config *c) { return strcmp(c->presence.redis, "private") == 0; }

void launch_redis_socket(struct buf *out, const char *state)
{
    buf_add_format(out, "%s/redis.sock", state);
}

/* Its own Redis: no port, only a socket that the state directory protects. Presence can be rebuilt,
 * limits should survive: a snapshot a minute after a change. A hash stays compact with a browser's User-Agent in it:
 * 264 bytes a session, not 464. */
static void redis_command(struct buf *words, const char *state)
{
    static const char *const fixed[] = {
        "--port", "0", "--unixsocketperm", "700", "--daemonize", "no", "--save", "60 1", "--appendonly", "no",
        "--dbfilename", "dump.rdb", "--set-proc-title", "no", "--always-show-logo", "no", "--maxmemory-policy", "noeviction",
        "--hash-max-listpack-value", "256",
    };
    struct buf path = { 0 };
    word(words, "redis-server");
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) word(words, fixed[i]);
    launch_redis_socket(&path, state);
    word(words, "--unixsocket"), word(words, buf_text(&path));
    buf_clear(&path);
    buf_add_format(&path, "%s/redis", state);
    word(words, "--dir"), word(words, buf_text(&path));
    buf_fini(&path);
}

void launch_command(struct buf *words, const struct launch *l, struct unit_id id)
{
    if (id.kind == UNIT_REDIS) {
        redis_command(words, l->state);
        return;
    }
    buf_add_format(words, "%s/causeway-%s", l->programs, unit_kind_name(id.kind));
    buf_add_byte(words, '\0');
    word(words, "--config"), word(words, l->topology);
    word(words, "--state"), word(words, l->state);
    word(words, "--number"), number_word(words, id.number);
    word(words, "--ready-fd"), number_word(words, LAUNCH_READY_FD);
}

static struct span base_name(struct span path)
{
    for (size_t i = path.len; i-- > 0;)
        if (path.ptr[i] == '/') return span_skip(path, i + 1);
    return path;
}

bool launch_is(struct span words, const struct launch *l, struct unit_id id)
{
    struct buf want = { 0 };
    launch_command(&want, l, id);
    struct span wanted = buf_span(&want);
    bool same = span_same(base_name(span_cut(&words, '\0')), base_name(span_cut(&wanted, '\0')));
    while (same && wanted.len) {        /* the topology's file may have moved */
        struct span w = span_cut(&wanted, '\0'), have = span_cut(&words, '\0');
        same = span_same(w, have) || span_same(w, span_of(l->topology));
    }
    buf_fini(&want);
    return same;
}

void launch_bus(struct buf *out, const struct config *c, struct unit_id id)
{
    if (id.kind != UNIT_REDIS) config_bus_endpoint(out, c, launch_role(id.kind), id.number);
}

void launch_endpoint(struct buf *out, const struct config *c, struct unit_id id)
{
    if (id.kind == UNIT_REDIS) {
        buf_add_literal(out, "unix:");
        launch_redis_socket(out, c->state_dir);
    } else if (id.kind == UNIT_GATEWAY && c->listener_count) {
        config_listener_url(out, &c->listeners[0], id.number);
        buf_add(out, span_of(c->listeners[0].path));
    } else if (id.kind == UNIT_ROUTER && c->router.command.on) {
        config_plane_endpoint(out, c, &c->router.command, "command", id.number);
    } else {
        launch_bus(out, c, id);
    }
}
