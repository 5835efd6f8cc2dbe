/* Does anybody bind a port that another binds? All instances are laid out, sorted and compared with their neighbours. */
#include "config_table.h"
#include "msg.h"

#include <stdlib.h>

struct use {
    uint8_t     address[16];
    bool        any;            /* every address */
    unsigned    port;
    enum { USE_LISTENER, USE_PLANE, USE_METRICS, USE_BUS } kind;
    const char *name;           /* of the listener, the plane, or the role */
    unsigned    number;         /* of the instance */
    const struct config_listener *listener;
    const struct node *at;
};

struct uses { struct use *at; size_t count, cap; };

static void add(struct uses *uses, const char *address, unsigned port, struct use use)
{
    static const uint8_t v6_any[16], v4_any[16] = { [10] = 0xff, [11] = 0xff };
    if (!config_address(address, use.address)) return;
    use.any = memcmp(use.address, v6_any, 16) == 0 || memcmp(use.address, v4_any, 16) == 0;
    use.port = port;
    if (uses->count == uses->cap) {
        uses->cap = uses->cap ? 2 * uses->cap : 64;
        uses->at = realloc(uses->at, uses->cap * sizeof use);
        NEED(uses->at);
    }
    uses->at[uses->count++] = use;
}

static int by_port(const void *left, const void *right)
{
    const struct use *a = left, *b = right;
    if (a->port != b->port) return a->port < b->port ? -1 : 1;
    if (a->any != b->any) return a->any ? -1 : 1;
    return memcmp(a->address, b->address, sizeof a->address);
}

/* Listeners of one gateway may share a socket: their paths tell clients apart. */
static bool shared(const struct use *a, const struct use *b)
{
    const struct config_listener *x = a->listener, *y = b->listener;
    return x && y && x != y && a->number == b->number && x->port_step == y->port_step && strcmp(x->path, y->path) != 0 &&
           strcmp(x->address, y->address) == 0 && strcmp(x->tls.certificate, y->tls.certificate) == 0 && strcmp(x->tls.key, y->tls.key) == 0;
}

static void say(struct buf *out, const struct use *u)
{
    if (u->kind == USE_LISTENER) buf_add_format(out, "listener %s of gateway %u", u->name, u->number);
    else if (u->kind == USE_PLANE) buf_add_format(out, "router.%s of router %u", u->name, u->number);
    else if (u->kind == USE_METRICS) buf_add_format(out, "router.metrics of router %u", u->number);
    else buf_add_format(out, "the bus of %s %u", u->name, u->number);
}

static void gather(const struct config *c, struct uses *uses)
{
    struct config_plane_at planes[CONFIG_PLANES];
    config_planes(c, planes);
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct config_listener *l = &c->listeners[i];
        unsigned gateways = l->port_step ? c->instances.gateway : c->instances.gateway > 0;
        for (unsigned n = 0; n < gateways; n++)
            add(uses, l->address, config_listener_port(l, n),
                (struct use){ .kind = USE_LISTENER, .name = l->name, .number = n, .listener = l, .at = config_place(c, "listeners", l->name, "port", NULL) });
    }
    for (unsigned i = 0; i < CONFIG_PLANES; i++)
        for (unsigned n = 0; planes[i].plane->on && planes[i].plane->port && n < c->instances.router; n++)
            add(uses, planes[i].plane->address, config_plane_port(c, planes[i].plane, n),
                (struct use){ .kind = USE_PLANE, .name = planes[i].name, .number = n, .at = config_place(c, "router", planes[i].name, "port", NULL) });
    for (unsigned n = 0; c->router.metrics.port && n < c->instances.router; n++)
        add(uses, c->router.metrics.address, config_metrics_port(c, n),
            (struct use){ .kind = USE_METRICS, .number = n, .at = config_place(c, "router", "metrics", "port", NULL) });
    for (unsigned role = ROLE_ROUTER; c->bus.transport == CONFIG_TCP && role < ROLE_COUNT; role++)
        for (unsigned n = 0; n < config_instances(c, role); n++)
            add(uses, c->bus.address, config_bus_port(c, role, n),
                (struct use){ .kind = USE_BUS, .name = role_name((enum role)role), .number = n,
                              .at = config_place(c, "bus", role == ROLE_ROUTER ? "port" : "roles_port", NULL) });
}

void config_check_ports(const struct config *c, struct buf *errors)
{
    struct uses uses = { 0 };
    struct buf what = { 0 };
    gather(c, &uses);
    if (uses.count) qsort(uses.at, uses.count, sizeof uses.at[0], by_port);
    for (size_t i = 0, group = 0; i < uses.count; i++) {
        const struct use *u = &uses.at[i], *other = NULL;
        if (u->port != uses.at[group].port) group = i;
        if (i > group && uses.at[group].any) other = &uses.at[group];
        else if (i > group && memcmp(u->address, u[-1].address, sizeof u->address) == 0) other = u - 1;
        if ((!other || shared(u, other)) && u->port <= 65535) continue;
        buf_clear(&what);
        say(&what, u);
        if (u->port > 65535) {
            node_error(errors, u->at, "", "%s would need port %u; the last one is 65535", buf_text(&what), u->port);
        } else {
            buf_add_literal(&what, " and ");
            say(&what, other);
            node_error(errors, u->at, "", "port %u is wanted twice: by %s", u->port, buf_text(&what));
        }
    }
    buf_fini(&what);
    free(uses.at);
}
