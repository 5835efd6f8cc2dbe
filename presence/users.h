/* users - who is online, on which sockets: the table behind everything else here.
 *
 * A user is (realm, id) and has sessions: one a socket and namespace. A user whose
 * last session went is remembered (when it disconnected) until the room is needed:
 * the oldest such go first. Users online are also in order of their keys (order.h).
 *
 *     users ─ by key ─► user ─► session ─► session      newest first
 *                       │         └─ lease: its gateway's (lease.h)
 *                       └─ places: sockets in each namespace
 *
 * The table owns users, sessions, claims and agents (a User-Agent is stored once for
 * all that have it). About 340 bytes for a user with one session (DESIGN.md). Spans
 * passed in are copied. No rules, no Redis, no bus here. Pure; one owner: presence. */
#ifndef CAUSEWAY_USERS_H
#define CAUSEWAY_USERS_H

#include "blob.h"
#include "err.h"
#include "map.h"
#include "names.h"

enum {
    USERS_NSP_MAX    = NAMES_TEXT_MAX,          /* bytes of a namespace's name */
    USERS_SID_MAX    = USERS_NSP_MAX + 32,      /* Socket.IO 2's ids name their namespace */
    USERS_ADDRESS_MAX = 64,
    USERS_AGENT_MAX  = 256,     /* the rest is cut */
    USERS_CLAIMS_MAX = 4096,    /* larger ones are not kept */
};
#define USERS_NO_NSP NAMES_NONE

/* What is kept of a socket and its user in Redis: a namespace's 'records'. */
enum { RECORD_CONNECTIONS = 1, RECORD_MAPPING = 2, RECORD_SOCKET = 4, RECORD_USER = 8, RECORD_ONLINE_USERS = 16, RECORD_ALL = 31 };

struct lease;
struct absent;

struct place {                  /* a user in a namespace */
    uint32_t count;             /* sockets */
    uint16_t nsp;
    bool online_due : 1, offline_due : 1;   /* to be announced once all gateways have told theirs */
    bool away : 1;                      /* nobody is there, but the user is online still: absent.h */
};

struct agent { uint32_t refs; uint16_t len; char text[]; };

struct session {
    struct session *next, **at;                 /* the user's */
    struct session *lease_next, **lease_at;     /* the lease's */
    struct user    *user;
    struct lease   *lease;
    struct agent   *agent;                      /* or NULL */
    uint64_t        since;                      /* Unix ms */
    uint16_t        nsp, sid_len;
    uint8_t         address_len;
    uint8_t         records;                    /* RECORD_ bits */
    bool            dirty;                      /* to be written to Redis */
    bool            doubted;                    /* lease.h */
    char            text[];                     /* nsp as two bytes, sid, address: the first two are its key */
};

struct user {
    struct user    *left, *right;               /* online: order.h; else: older and newer of those remembered */
    struct user    *dirty_next, **dirty_at;     /* store.h */
    struct session *sessions;                   /* newest first; NULL: offline */
    struct place   *places;
    struct absent  *absent;                     /* absent.h */
    struct blob    *claims;                     /* of the newest session; or NULL */
    uint64_t        since, active, gone;        /* Unix ms: online since; last came or said something; last disconnect, 0: not known */
    uint32_t        sockets;
    uint16_t        place_count, key_len;
    bool            quoted;                     /* the id is a JSON string */
    bool            changed;                    /* dirty, and not by 'active' alone */
    uint8_t         records;                    /* of all its sessions so far */
    char            key[];                      /* user.h */
};

struct users {
    struct map      by_key, by_session, agents;
    struct user    *root;                       /* online ones, by key */
    struct user    *oldest, *newest;            /* remembered ones */
    size_t          max, online, remembered, evicted, bytes;
    struct names    names;
    void          (*on_forget)(void *self, struct user *user);      /* it is about to be freed; may be NULL */
    void           *on_forget_self;
};

void users_init(struct users *self, const struct siphash_key *seed, size_t max);
void users_fini(struct users *self);

/* Namespaces are numbers in here: names.h. Places hold them; USERS_NO_NSP: not known. */
uint16_t users_nsp(const struct users *self, struct span name);
struct span users_nsp_name(const struct users *self, uint16_t nsp);

struct user    *users_find(const struct users *self, struct span key);
struct session *users_session(const struct users *self, uint16_t nsp, struct span sid);
struct place   *users_place(const struct user *user, uint16_t nsp);     /* or NULL */
struct span     users_sid(const struct session *s);
struct span     users_address(const struct session *s);
struct span     users_agent(const struct session *s);
static inline struct span users_key(const struct user *u) { return span_from(u->key, u->key_len); }
void            users_id(struct buf *out, const struct user *user);     /* JSON: 42, "42" */

struct users_up {
    struct span  key, sid, address, agent, claims;
    bool         quoted;
    uint8_t      records;
    uint16_t     nsp;
    uint64_t     since, now;        /* Unix ms */
};
/* A session that is not there yet. NULL: the table is full of users that are online. The caller adds it to its lease. */
struct session *users_up(struct users *self, const struct users_up *up);
/* The session is freed; its user stays. */
void users_down(struct users *self, struct session *s, uint64_t now);
/* A user that Redis remembers. NULL: it is known already, or there is no room. */
struct user *users_restore(struct users *self, struct span key, bool quoted, uint64_t gone);
struct place *users_place_need(struct users *self, struct user *user, uint16_t nsp);
/* Away with it, if nobody is there, nothing is to be announced, and the namespace is not one that is kept. */
void users_place_spare(struct users *self, struct user *user, uint16_t nsp);
/* As if it had never been: its sessions too (each leaves its lease first: by on_forget). */
void users_forget(struct users *self, struct user *user);

struct user *users_after(const struct users *self, struct span key);    /* the first one online behind that key, or NULL */
size_t users_bytes(const struct users *self);                           /* all memory */

#endif
