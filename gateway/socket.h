/* socket - a session in a namespace: what Socket.IO calls a socket.
 *
 *     WAITING   CONNECT came: auth, then presence, then the interest of its rooms is asked for
 *     OPEN      the client has its id
 *
 * What a rule answers (replies, the ack) waits until the bus holds what the rule
 * caused: then an ack means "held by owner and standby", and "joined" means that the
 * owner knows our interest. Answers of one socket leave in the order of its events:
 * a queue of 'struct answer', each counting the tickets (sender.h) it waits for. */
#ifndef CAUSEWAY_GATEWAY_SOCKET_H
#define CAUSEWAY_GATEWAY_SOCKET_H

#include "namespace.h"
#include "registry.h"
#include "session.h"
#include "sio.h"
#include "topic.h"

enum socket_state { SOCKET_WAITING, SOCKET_OPEN };

struct space {                          /* a namespace: of the configuration, or one that a pattern there stands for */
    const struct config_namespace *config;
    const struct rules *rules;          /* or NULL */
    struct span         name, shown;        /* shown: as its clients call it (listeners.<name>.prefix) */
    struct span         parts[NAMESPACE_PARTS_MAX];     /*  what the pattern's wildcards stand for */
    size_t              part_count;
    uint64_t            ack;            /* the next ack id of the server (trap 31) */
    uint64_t            told[TOPIC_KINDS];  /* what the feed has told of it: feed.h */
    size_t              sockets, users; /* connected ones; all, and with the last one it goes, */
    bool                of_pattern;     /* so */
    char                text[];
};

struct identity {                       /* who it is: one block */
    struct span user, claims;           /* JSON value, JSON object; may be empty */
    char        bytes[];
};

struct answer {                         /* a packet that waits for the bus */
    struct answer *next;
    struct socket *socket;              /* NULL: it is gone, only the count is kept */
    uint32_t       tickets;             /* not done yet */
    uint8_t        dialect;
    bool           opens;               /* it is the CONNECT's: with it the socket is open */
    bool           resumes;             /* nothing is said, but its rooms are confirmed (recover.h) */
    struct blob   *frame;               /* of a recoverable socket: what answer_add has made */
};

struct early {                          /* came before its CONNECT was answered (trap 30); the CONNECT itself, if its rule asks for it */
    struct early *next;
    struct blob  *text;                 /* the Socket.IO packet */
    struct blob  *attachments;          /* strs */
};

struct socket {
    uint32_t         mark;              /* the newest delivery that has seen it */
    uint8_t          state;
    bool             registered;        /* in the registry */
    bool             told;              /* presence was: SESSION_DOWN is due */
    uint16_t         presence;          /* number of the presence that was told, */
    uint16_t         answer_count;
    uint32_t         active;            /* 1 + its place in gate.active; 0: it has said nothing since the last note */
    uint64_t         presence_epoch;    /* and its life */
    uint32_t         answer_bytes, early_bytes;
    struct session  *session;
    struct socket   *next;              /* the session's */
    struct space    *space;
    struct identity *who;               /* NULL: anonymous */
    struct rooms     rooms;
    struct answer   *answers, **answers_end;
    struct heart    *heart;             /* heartbeat.c: where its namespace has an application heartbeat; or NULL */
    struct life     *life;              /* life.c: its token's, where its namespace asks and the token ends; or NULL */
    struct early    *early;             /* hold.h */
    struct limit_wait *limit;           /* its first held event waits for a permit; or NULL */
    struct recovery *recovery;          /* it may come back: recover.h; or NULL */
    struct lane     *lane;              /* of its tasks: task.h; or NULL */
    struct pending  *pending;           /* the CONNECT's question to auth or presence, while one is open */
    uint64_t         since;             /* Unix ms */
    uint16_t         id_len;
    char             id[];              /* its own, or made of its session's (Socket.IO 2): sid.h */
};

struct socket *socket_new(struct session *s, struct space *space);         /* WAITING */
struct socket *socket_find(const struct session *s, struct span shown);      /* of a session: few */
void socket_rename(struct socket *s, struct span id);      /* it is not in the registry; empty: a new one */
bool socket_send(struct socket *s, struct frames *f);      /* an event */
bool socket_send_text(struct socket *s, struct span packet);
void socket_identify(struct socket *s, struct span user, struct span claims);      /* again: in place of what was known */
void socket_disconnect(struct socket *s);       /* it is told so, and ends: by the server */
/* Leaves its rooms, tells presence; it is freed. */
void socket_end(struct socket *s, enum reason why);
size_t socket_bytes(const struct socket *s);
static inline struct span socket_id(const struct socket *s) { return (struct span){ s->id, s->id_len }; }
static inline struct span socket_user(const struct socket *s) { return s->who ? s->who->user : (struct span){ "", 0 }; }
static inline struct span socket_claims(const struct socket *s) { return s->who ? s->who->claims : (struct span){ "", 0 }; }

#endif
