/* Where daemons, outside sockets and listeners are bound. */
#include "config_table.h"
#include "msg.h"

uint16_t config_instances(const struct config *c, unsigned role)
{
    const uint16_t counts[ROLE_COUNT] = { [ROLE_ROUTER] = c->instances.router, [ROLE_GATEWAY] = c->instances.gateway,
                                          [ROLE_PRESENCE] = c->instances.presence, [ROLE_AUTH] = c->instances.auth };
    return counts[role];
}

static void add_url(struct buf *out, const char *scheme, const char *address, unsigned port)
{
    bool v6 = strchr(address, ':') != NULL;
    buf_add_format(out, "%s://%s%s%s:%u", scheme, v6 ? "[" : "", address, v6 ? "]" : "", port);
}

unsigned config_bus_port(const struct config *c, unsigned role, unsigned number)
{
    return role == ROLE_ROUTER ? c->bus.port + number : c->bus.roles_port + (role - ROLE_GATEWAY) * 100 + number;
}

unsigned config_plane_port(const struct config *c, const struct config_plane *plane, unsigned number)
{
    return plane->port + c->router.port_step * number;
}

void config_bus_endpoint(struct buf *out, const struct config *c, unsigned role, uint16_t number)
{
    if (c->bus.transport == CONFIG_TCP) add_url(out, "tcp", c->bus.address, config_bus_port(c, role, number));
    else buf_add_format(out, "ipc://%s/%s-%u.bus", c->state_dir, role_name((enum role)role), number);
}

void config_plane_endpoint(struct buf *out, const struct config *c, const struct config_plane *plane, const char *name, uint16_t number)
{
    if (plane->port) add_url(out, "tcp", plane->address, config_plane_port(c, plane, number));
    else buf_add_format(out, "ipc://%s/router-%u.%s", c->state_dir, number, name);
}

void config_planes(const struct config *c, struct config_plane_at at[CONFIG_PLANES])
{
    at[0] = (struct config_plane_at){ "publish_pull", &c->router.publish_pull };
    at[1] = (struct config_plane_at){ "publish_sub", &c->router.publish_sub };
    at[2] = (struct config_plane_at){ "command", &c->router.command };
    at[3] = (struct config_plane_at){ "stats", &c->router.stats };
    at[4] = (struct config_plane_at){ "feed", &c->router.feed };
    at[5] = (struct config_plane_at){ "worker", &c->router.worker };
}

unsigned config_metrics_port(const struct config *c, unsigned router)
{
    return c->router.metrics.port + c->router.port_step * router;
}

void config_metrics_url(struct buf *out, const struct config *c, unsigned router)
{
    add_url(out, "http", c->router.metrics.address, config_metrics_port(c, router));
}

unsigned config_listener_port(const struct config_listener *l, unsigned gateway)
{
    return l->port + l->port_step * gateway;
}

void config_listener_url(struct buf *out, const struct config_listener *l, unsigned gateway)
{
    add_url(out, *l->tls.certificate ? "https" : "http", l->address, config_listener_port(l, gateway));
}
