/* options - the command line, as one typed and checked struct. It owns
 * its tokens; all else that it points to lives as long as the process. */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { OPTIONS_SERVERS = 64, OPTIONS_PIDS = 64 };

struct server {
    struct sockaddr_in addr;
    const char        *host;            /* as it was written: the Host header */
};

struct options {
    const char   *mode;
    struct server servers[OPTIONS_SERVERS];
    unsigned      n_servers;
    const char   *path;
    char        **tokens;               /* connection i shows tokens[i % n_tokens] */
    size_t        n_tokens;
    unsigned      clients;
    unsigned      concurrency;          /* handshakes under way at a time */
    unsigned      sources;              /* local addresses 127.0.0.2… to dial from; 0: as many as it takes */
    unsigned      senders, rooms, window, size;
    bool          outside;              /* senders are no members of the room */
    double        seconds, warmup;
    double        rate;                 /* publishes a second; 0: as fast as the window allows */
    pid_t         pids[OPTIONS_PIDS];   /* whose CPU is counted */
    size_t        n_pids;
};

struct options options_parse(int argc, char **argv);    /* exits 100 on nonsense, 111 on an unreadable file */
void options_fini(struct options *o);
