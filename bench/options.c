#include "options.h"

#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: load fanout|idle|connect|ack [options]\n"
    "  --servers HOST:PORT,…   where to dial, in turn                  [127.0.0.1:3000]\n"
    "  --path PATH             of the Socket.IO endpoint               [/socket.io/]\n"
    "  --token TEXT            the same token for everyone\n"
    "  --tokens FILE           one a line, dealt out in turn\n"
    "  --clients N             members, sockets, or loops at a time    [1000]\n"
    "  --concurrency N         handshakes under way at a time          [100]\n"
    "  --sources N             dial from 127.0.0.2 … 127.0.0.(N+1)     [as many as it takes]\n"
    "  --seconds S             measured time                           [5]\n"
    "  --warmup S              the same load before it, unmeasured     [1]\n"
    "  --cpu-of PID,…          count these processes' CPU seconds\n"
    "fanout:\n"
    "  --window W              publishes in flight, per sender         [4]\n"
    "  --senders N             of the publishes                        [one a room]\n"
    "  --rooms N               members are dealt out over them         [1]\n"
    "  --size BYTES            of the event packet a member receives   [128]\n"
    "  --outside               senders are not members of their room\n"
    "  --rate N                publishes a second, all senders         [what the window allows]\n";

static void bad(const char *what, const char *text)
{
    fprintf(stderr, "load: %s: %s\n%s", what, text, usage);
    exit(100);
}

static double number(const char *name, const char *text, double min, double max)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !(v >= min && v <= max))
        bad(name, text);
    return v;
}

static void servers_parse(struct options *o, char *list)
{
    for (char *save, *s = strtok_r(list, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
        char *port = strrchr(s, ':');
        if (!port || port - s > 15 || o->n_servers == OPTIONS_SERVERS)
            bad("--servers", s);
        char host[16] = "";
        memcpy(host, s, (size_t)(port - s));
        struct server *v = &o->servers[o->n_servers++];
        v->host = s;
        v->addr.sin_family = AF_INET;
        v->addr.sin_port = htons((uint16_t)number("--servers", port + 1, 1, 65535));
        if (inet_pton(AF_INET, host, &v->addr.sin_addr) != 1)
            bad("--servers", s);
    }
}

static void pids_parse(struct options *o, char *list)
{
    for (char *save, *s = strtok_r(list, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
        if (o->n_pids == OPTIONS_PIDS)
            bad("--cpu-of", s);
        o->pids[o->n_pids++] = (pid_t)number("--cpu-of", s, 1, 1 << 30);
    }
}

static void token_add(struct options *o, const char *token)
{
    if (strpbrk(token, "\"\\") || strlen(token) > 4000)
        bad("token", token);                        /* it is put between quotes as it is */
    o->tokens = realloc(o->tokens, (o->n_tokens + 1) * sizeof *o->tokens);
    if (!o->tokens)
        err(111, "tokens");
    o->tokens[o->n_tokens] = strdup(token);
    if (!o->tokens[o->n_tokens++])
        err(111, "tokens");
}

static void tokens_read(struct options *o, const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f)
        err(111, "%s", path);
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, f) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line)
            token_add(o, line);
    }
    free(line);
    fclose(f);
    if (o->n_tokens == 0)
        errx(111, "%s: no token in it", path);
}

enum { SERVERS = 1, PATH, TOKEN, TOKENS, CLIENTS, CONCURRENCY, SOURCES, SECONDS, WARMUP, CPU_OF,
       WINDOW, SENDERS, ROOMS, SIZE, OUTSIDE, RATE };

static const struct option names[] = {
    { "servers", 1, 0, SERVERS },   { "path", 1, 0, PATH },         { "token", 1, 0, TOKEN },
    { "tokens", 1, 0, TOKENS },     { "clients", 1, 0, CLIENTS },   { "concurrency", 1, 0, CONCURRENCY },
    { "sources", 1, 0, SOURCES },   { "seconds", 1, 0, SECONDS },   { "warmup", 1, 0, WARMUP },
    { "cpu-of", 1, 0, CPU_OF },     { "window", 1, 0, WINDOW },     { "senders", 1, 0, SENDERS },
    { "rooms", 1, 0, ROOMS },       { "size", 1, 0, SIZE },         { "outside", 0, 0, OUTSIDE },
    { "rate", 1, 0, RATE },         { 0, 0, 0, 0 },
};

static void option_set(struct options *o, int which, char *arg)
{
    switch (which) {
    case SERVERS:     servers_parse(o, arg); break;
    case PATH:        o->path = arg; break;
    case TOKEN:       token_add(o, arg); break;
    case TOKENS:      tokens_read(o, arg); break;
    case CLIENTS:     o->clients = (unsigned)number("--clients", arg, 1, 1e6); break;
    case CONCURRENCY: o->concurrency = (unsigned)number("--concurrency", arg, 1, 1e5); break;
    case SOURCES:     o->sources = (unsigned)number("--sources", arg, 0, 250); break;
    case SECONDS:     o->seconds = number("--seconds", arg, 0.1, 1e6); break;
    case WARMUP:      o->warmup = number("--warmup", arg, 0, 1e6); break;
    case CPU_OF:      pids_parse(o, arg); break;
    case WINDOW:      o->window = (unsigned)number("--window", arg, 1, 1e5); break;
    case SENDERS:     o->senders = (unsigned)number("--senders", arg, 1, 4096); break;
    case ROOMS:       o->rooms = (unsigned)number("--rooms", arg, 1, 4096); break;
    case SIZE:        o->size = (unsigned)number("--size", arg, 0, 60000); break;
    case OUTSIDE:     o->outside = true; break;
    case RATE:        o->rate = number("--rate", arg, 0, 1e7); break;
    default:          fputs(usage, stderr); exit(100);
    }
}

struct options options_parse(int argc, char **argv)
{
    static char local[] = "127.0.0.1:3000";
    struct options o = {
        .path = "/socket.io/", .clients = 1000, .concurrency = 100,
        .rooms = 1, .window = 4, .size = 128, .seconds = 5, .warmup = 1,
    };
    for (int which; (which = getopt_long(argc, argv, "", names, NULL)) != -1; )
        option_set(&o, which, optarg);
    if (optind + 1 != argc)
        bad("usage", optind < argc ? argv[optind + 1] : "no mode named");
    o.mode = argv[optind];
    if (o.senders == 0)
        o.senders = o.rooms;
    if (o.senders % o.rooms || o.clients < o.rooms)
        bad("--senders", "each room needs a member and as many senders as the next");
    if (!o.outside && o.senders > o.clients)
        bad("--senders", "more than there are members");
    if (o.n_servers == 0)
        servers_parse(&o, local);
    if (o.n_tokens == 0)
        token_add(&o, "");
    return o;
}

void options_fini(struct options *o)
{
    for (size_t i = 0; i < o->n_tokens; i++)
        free(o->tokens[i]);
    free(o->tokens);
}
