/* gate_state - the gate from inside: what conns, sessions and sockets share. For the
 * files of this folder that implement the gate, and for no test.
 *
 * Whatever ends within a call is freed by gate_settle at its end: sessions that
 * closed, conns' kept input, relayed answers. So no code below has to ask whether
 * what it holds is still there. */
#ifndef CAUSEWAY_GATEWAY_GATE_STATE_H
#define CAUSEWAY_GATEWAY_GATE_STATE_H

#include "address.h"
#include "gate.h"
#include "map.h"
#include "offers.h"
#include "permits.h"
#include "revoked.h"
#include "sender.h"
#include "socket.h"
#include "stream.h"
#include "topic.h"
#include "throttle.h"
#include "tunnel.h"

enum { GATE_MEMBERS_MAX = 1024, GATE_LOG_MAX = 1 << 20 };

/* Why a handshake failed: Engine.IO's six codes, then what is broken below it. */
enum { FAILED_TRANSPORT, FAILED_SID, FAILED_METHOD, FAILED_REQUEST, FAILED_FORBIDDEN, FAILED_VERSION, FAILED_HTTP, FAILED_WS, LISTENER_FAILURES };

struct file {                       /* served as it is */
    char        *path, *type;
    struct blob *body, *gzip;       /* gzip: the same compressed, where that is worth it; else NULL */
    char         etag[20];          /* "0123456789abcdef": of the body's bytes */
};

struct listener {
    const struct config_listener *config;
    struct listener *port;          /* the first one of this address and port: counts and head limits */
    struct span      path;          /* ends with '/' */
    char            *path_text;
    struct cidr     *trusted;
    size_t           trusted_count;
    bool             polling, websocket, upgrades, deflate;
    struct space    *raw;           /* Engine.IO alone: the namespace of its messages; NULL: Socket.IO */
    struct http1_limits http;
    struct ws_limits ws;
    struct outbox_limits queue;
    struct file     *files;
    size_t           file_count;
    size_t           connections;   /* of the port */
    struct throttle  handshakes;    /* by client address */
    uint64_t         accepted, refused, sessions, failed[LISTENER_FAILURES];
};

struct feed_lane { struct topics wants; struct buf items; };       /* of a router whose feed has subscribers */
struct feed {                       /* feed.h */
    unsigned          kinds;        /* bits: what any router wants; 0: there is no feed */
    struct feed_lane *lanes[VIEW_OWNERS_MAX];   /* by the router's number; NULL: it wants nothing */
    struct buf        topic, json, item;
};

struct peers {                      /* ready daemons of a role */
    uint16_t number[GATE_MEMBERS_MAX];
    uint64_t epoch[GATE_MEMBERS_MAX];
    size_t   count;
};

struct gate {
    struct gate_setup setup;
    struct gate_time  now;
    struct gateway_stats *stats;
    const struct config *config;
    struct wheel      wheel;
    struct listener  *listeners;
    size_t            listener_count;
    struct map        spaces;       /* name -> struct space */
    struct generation *generation;  /* current: held; or NULL */

    struct conn      *conns;
    struct conn      *dirty, **dirty_end;
    struct conn      *resume;       /* answered with input behind; relayed and finished */
    struct session   *settling;     /* closed or doomed in this call */
    struct map        sessions;
    struct map        addresses, residents; /* ip_holder -> TCP connections, sessions; of those that have a limit */
    struct registry   registry;
    struct outbox_pool pool;
    struct interned   agents;       /* User-Agents of sessions */
    size_t            conn_count, session_bytes, socket_bytes;
    uint8_t           random[256];
    size_t            random_left;

    struct sender    *sender;
    struct effects    effects;
    struct map        waits;        /* ticket -> struct wait */
    struct map        pendings;     /* ref -> struct pending */
    struct permits    permits;      /* users' limited events: limit.h */
    struct map        acks;         /* socket -> struct wait: acks.c */
    struct map        follows;      /* ref -> struct follow */
    struct map        resumes;      /* ref -> struct resume: sockets that come back */
    size_t            asking;       /* of them, those that routers are asked for */
    bool              behind;       /* some wait for a stream of ours to come up to their router's answer */
    struct map        relays;       /* ref -> struct conn that waits for RELAYED */
    struct map        relayed;      /* gateway:ref -> struct conn that stands for a request from there */
    struct map        tunnels_out;  /* ref -> struct conn at whose other end its session is */
    struct map        tunnels_in;   /* gateway:ref -> struct conn whose descriptor is there */
    struct conn      *tunnelled;    /* of these, who have something to say */
    struct map        posts;        /* session id -> struct conn with a POST for another gateway */
    uint64_t          refs;         /* handed out */
    struct stream    *streams[VIEW_OWNERS_MAX];
    struct { uint16_t router; uint64_t epoch, seq; } source;    /* of what is being delivered */
    struct buf        offset;       /* recover_offset */
    struct activity  *active;       /* activity.c: who has said something since the last note */
    size_t            active_count, active_cap;
    struct timer      activity;

    struct {                        /* workers: task.h */
        struct offers offers;       /* of routers, by number */
        struct lane  *lanes, *leaving;
        struct map    tasks;        /* ref -> struct task */
        size_t        bytes;
        struct { uint64_t epoch, version, wanted; uint32_t open; } at[VIEW_OWNERS_MAX];    /* a router's list of offers; which one it must be to be asked; tasks there */
        struct rules_effects effects;       /* of a reply */
        struct buf    text;
    } work;

    const struct view *view;
    struct peers      auths, presences;
    size_t            next_auth;
    struct revoked   *revoked;      /* tokens that are refused: our copy of the routers' list, */
    struct revoked_peer revoked_peers[VIEW_OWNERS_MAX];     /* what we know of each router's */
    struct owners     told;             /* the owners that know our rooms, */
    uint64_t          told_epoch[VIEW_OWNERS_MAX];  /* and their lives, by number */
    uint64_t          fences[VIEW_OWNERS_MAX];      /* newest FENCE of each router */
    uint64_t          settled;          /* newest view that we have said SETTLED of */

    struct feed       feed;
    struct compression compression;
    struct buf        inflated;     /* a client's message */

    struct rules_effects ruled, watched;    /* of an event; of what presence answered to it */
    struct buf        scratch, key, text, body, log;
    struct socket   **targets;      /* targets.c: of one delivery or question */
    size_t            target_count, target_cap;

    bool              draining;
    struct timer      drain;
    uint64_t          drain_by;
    uint64_t          date_s;           /* Unix s of */
    char              date[HTTP1_DATE_LENGTH];      /* the newest answer's Date */
};

/* ---- gate.c */
void gate_settle(struct gate *g);
void gate_doom(struct session *s, enum reason why, bool polite);   /* closes it at the end of this call: safe while rooms are walked */
/* What clients have sent and is not whole yet has one sum, so that many who never finish can't fill the memory.
 * The part that *kept stands for has 'now' bytes; false: it grew, and all is more than it may be. Up to
 * GATE_KEEP_SMALL it always may, so that nobody can keep others from saying a word. */
enum { GATE_KEEP_SMALL = 4096 };
bool gate_keep(struct gate *g, uint32_t *kept, size_t now);
void gate_settle_later(struct session *s);      /* to be flushed or freed at the end of this call */
void gate_dirty(struct conn *c);
void gate_resume(struct conn *c);               /* seen to at the end of this call */
void gate_drop_conn(struct conn *c);            /* freed, as soon as it is on no list */
struct conn *gate_admit(struct gate *g, size_t listener, struct span peer_address, void *shell);    /* NULL: no room for it (counted) */
void gate_lost(struct conn *c);                 /* its other end is gone, and now it is */
void gate_random(struct gate *g, void *bytes, size_t n);
void gate_note(struct gate *g, const char *event, const struct socket *s, const char *reason);      /* a log line */
uint16_t gate_presence_of(struct gate *g, const struct socket *s);     /* who owns its user; RANK_NOBODY */
uint64_t gate_presence_epoch(const struct gate *g, uint16_t number);     /* 0: not ready, or not there */
static inline uint64_t gate_ref(struct gate *g) { return ++g->refs; }
static inline uint64_t gate_foreign(uint16_t gateway, uint64_t ref) { return (uint64_t)gateway << 48 ^ ref; }   /* another gateway's ref (below 2^48), as a key here */
struct siphash_key gate_seed(struct gate *g);   /* of a table */

/* ---- space.c */
map_key space_name;
void spaces_init(struct gate *g);              /* g->spaces has its seed */
void spaces_fini(struct gate *g);
void spaces_reload(struct gate *g);            /* the configuration and g->generation are new */
struct space *gate_space(const struct gate *g, struct span nsp);   /* that is here, or NULL */
bool gate_may_have_space(const struct gate *g, struct span nsp);   /* here, or could be */
/* For a socket, by the name that clients of this listener call it: OK, ERR_UNKNOWN: there is no such namespace for them,
 * ERR_FULL: too many of patterns. The socket counts as a user of it. */
enum err space_need(struct gate *g, const struct listener *l, struct span shown, struct space **space);
bool space_is_offered(struct gate *g, const struct listener *l, struct span shown);
void space_leave(struct gate *g, struct space *space);

/* ---- listener.c */
void listeners_init(struct gate *g);
void listeners_fini(struct gate *g);
void listeners_reload(struct gate *g);         /* what was made of their configuration, again */
bool listener_admit(struct gate *g, struct listener *l, const struct ip *peer, bool *counted);
void listener_release(struct conn *c);
/* May this client begin a session? 0, and that is counted; or the status to answer, and when it may try again. */
unsigned listener_welcome(struct gate *g, struct listener *l, const struct ip *client, unsigned *retry_s);
void listener_settle(struct session *s);        /* it lives at its address, */
void listener_unsettle(struct session *s);      /* and is gone */

/* ---- gate_view.c */
void gate_take_view(struct gate *g, enum view_change change);
bool gate_knows(const struct gate *g, uint16_t gateway, uint16_t reborn);      /* it is there, in the life that it had; RANK_NOBODY: none is reborn */
void gate_tell_presence(struct gate *g, uint16_t number, uint64_t epoch);      /* all of its sockets, again */
void gate_on_fence(struct gate *g, uint16_t router, uint64_t view);

/* ---- request.c: an HTTP request's way; upgrade.c, polling.c: Engine.IO's part */
void request_on_head(struct conn *c, const struct http1_request *r);
void request_on_body(struct conn *c);           /* whole in c->exchange->body */
struct ip request_client(const struct conn *c, const struct listener *l, const struct http1_request *r);
struct exchange *request_begin(struct conn *c, struct listener *l, const struct http1_request *r, enum exchange_kind kind);
/* May a session begin? False: the answer says that there are too many, or that we are leaving, and when to come back. */
bool request_welcome(struct conn *c, struct listener *l, const struct ip *client);
void request_error(struct conn *c, unsigned code);      /* Engine.IO's error body, by its code */
void request_refuse_upgrade(struct conn *c, unsigned code);     /* the same as text, and the end (trap 3) */
/* Engine.IO's checks, in their order (trap 2): an error's code (FAILED_x), or PASSED: *s is the session that sid names
 * (NULL: none was named), or FOREIGN: it belongs to gateway *owner. */
enum { POLLING_PASSED = -1, POLLING_FOREIGN = -2 };
int  polling_check(struct conn *c, struct listener *l, const struct http1_request *r, bool upgrade, struct session **s, uint16_t *owner);
void polling_on_request(struct conn *c, struct listener *l, const struct http1_request *r);
void polling_on_body(struct conn *c);
void polling_on_lost(struct conn *c);           /* a held GET or a half-sent POST was cut: trap 11 */
void polling_on_refused(struct conn *c);        /* a POST was too long: its session forgets it */
void polling_answer(struct session *s, struct span packets);    /* to the held GET: as they wait, in Engine.IO 4's form */
uint8_t polling_dialect(struct gate *g, const struct http1_request *r);     /* what its query says of its dialect */
void polling_handshake(struct session_open_request *open, struct conn *c, struct listener *l, const struct http1_request *r, struct buf *scratch);
void upgrade_on_request(struct conn *c, struct listener *l, const struct http1_request *r);
void upgrade_on_bytes(struct conn *c, struct ws_input *in);     /* frames; what is left in 'in' waits (CONN_HELD) */
void upgrade_go_on(struct session *s);          /* no POST is under way any more */
void upgrade_on_lost(struct conn *c);
void upgrade_on_broken(struct conn *c, enum err e, unsigned code);      /* its input is refused: closed with that code */
void conn_on_bytes(struct conn *c, char *bytes, size_t len);
struct conn *conn_new(struct gate *g, struct listener *l, const struct ip *peer, void *shell);
void conn_free(struct conn *c);
void conn_continue(struct conn *c, const struct http1_request *r);      /* 100, where the client waits for it before it sends a body */
void conn_forget(struct conn *c);               /* its exchange is over */

/* ---- client.c: Socket.IO packets of a session, or its raw messages */
void client_begin(struct session *s);           /* it has its greeting */
enum err client_on_text(struct session *s, struct span text);
enum err client_on_binary(struct session *s, struct span bytes);
/* For good: each socket of this one's session is told (so the client does not come back by itself), then it is closed. */
void client_dismiss(struct socket *cause, enum reason why);

/* ---- connect.c */
struct pending;
void connect_begin(struct session *s, const struct sio_packet *p);
void connect_print(struct buf *out, const struct socket *s);    /* CONNECT's answer, in the words of its version */
void connect_refuse(struct socket *s, enum rejection_reason why, struct span message, struct span data);  /* refuse.c; the socket is gone. data: JSON, or empty */
void connect_go_on(struct socket *s);           /* who it is, is known */
void connect_admit(struct socket *s);           /* and its worker lets it in, where it waits for one */
void connect_on_verdict(struct gate *g, const struct msg_VERDICT *m);
void connect_on_admitted(struct gate *g, const struct msg_ADMITTED *m);
void connect_gone(struct socket *s);            /* its namespace is no more: disconnected or refused, and freed */
void connect_forget(struct socket *s);          /* it is gone: its question with it */
void connect_opened(struct socket *s, struct span payload);     /* it is in: what its rule and workers say to that; payload: its CONNECT's, or empty */
void connect_on_open(struct socket *s);         /* its CONNECT was answered: the rule */
void connect_view(struct gate *g);              /* daemons came or went: ask again what they were asked */
void connect_tell(struct gate *g, struct socket *s, bool known, uint64_t ref);  /* SESSION_UP to s->presence */
void connect_tell_again(struct gate *g, struct socket *s);                      /* to the same, with its question if that is open */

bool connect_verify(struct socket *s, struct buf *token, uint64_t patience_ms);    /* takes the token; life_on_verdict follows. False: something else is asked */
void connect_expel(struct socket *s, enum reason why, struct span message);    /* refuse.c: it is open, and may not stay; and its connection, if it was all it was for */

/* ---- life.c: how long a token lasts; each does nothing where the namespace does not ask for it */
void life_set(struct socket *s, uint64_t expires_s);    /* Unix; 0: never */
void life_begin(struct socket *s);              /* it is open */
void life_end(struct socket *s);
bool life_is_refresh(const struct socket *s, const struct sio_packet *p);
void life_refresh(struct socket *s, const struct sio_packet *p);
void life_on_verdict(struct socket *s, const struct msg_VERDICT *m);    /* NULL: there was none in time */
uint64_t life_expires(const struct socket *s);  /* Unix ms; UINT64_MAX: nobody looks */
void lives_reload(struct gate *g);

/* ---- revoke.c: tokens that are refused though they verify */
bool revoke_refuses(const struct socket *s);    /* as it is identified now */
void revoke_on(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_REVOKED *m);
void revoke_reborn(struct gate *g, uint16_t router);    /* its link is new: what it was asked is lost */

/* ---- event.c, answer.c */
/* All that a rule may know of it. 'address' holds the client's, as long as the scope is used; p NULL: there is no packet. */
struct template_scope event_scope(struct socket *s, const struct sio_packet *p, struct buf *address);
void event_say(struct socket *s, const struct sio_packet *p, const struct rules_effect *e, const struct span *attachments, struct buf *out);   /* a REPLY, or an ACK that is wanted: appended */
void event_on(struct socket *s, const struct sio_packet *p, const struct span *attachments);
bool event_for_worker(struct socket *s, const struct sio_packet *p);      /* a worker has announced it, and no rule says more of it than what "*" says of all */
void event_connected(struct socket *s, struct span payload);    /* the namespace's connect rule; payload: its CONNECT's, or empty */
/* All of it, or the refusal that says why not; what the socket is told waits for the bus. 'r' may be g->ruled. */
void event_do(struct socket *s, const struct template_scope *scope, const struct sio_packet *p, const struct span *attachments, const struct rules_effects *r);
void event_refuse(struct socket *s, const struct sio_packet *p, const struct span *attachments, enum problem code, struct span text, struct span ack);   /* ack: [...], or empty: the rule's */
uint64_t event_emit(struct gate *g, struct span nsp, const struct rules_effect *e, const struct span *attachments);     /* its ticket, or 0 */
struct answer *answer_new(struct socket *s);
void answer_wait(struct answer *a, uint64_t ticket);    /* 0: nothing to wait for */
/* Behind those that wait; at once where nothing does. Takes both. */
void answer_give(struct answer **a, struct blob **frame);
/* A packet, or an event of its namespace, that recoverable sockets are told: made when it is said, with the offset of then. */
void answer_add(struct buf *frame, struct span packet, struct span args, struct span attachments);
bool answer_full(const struct socket *s);
void answer_set(struct answer *a, struct span frame);   /* another one, while it waits; empty: nothing is said */
void answer_done(struct gate *g, uint64_t ticket);
void answer_pump(struct gate *g);                       /* done tickets */
void answer_orphan(struct socket *s);                   /* it is gone */
void answer_open(struct gate *g, uint64_t ticket);      /* an INTEREST that others may wait for */
bool answer_due(const struct gate *g, uint64_t ticket); /* not done yet */
void answer_fini(struct gate *g);

/* ---- heartbeat.c: a namespace's own heartbeat; each does nothing where there is none */
void heartbeat_begin(struct socket *s);         /* it is open */
void heartbeat_end(struct socket *s);
void heartbeat_hear(struct socket *s, struct span event);       /* it has said something (it has a heart) */
bool heartbeat_last(const struct socket *s, uint64_t *heard, uint32_t *missed);     /* Unix ms; false: none */
void heartbeats_reload(struct gate *g);

/* ---- task.c, task_reply.c: what workers answer */
bool task_offered(struct gate *g, const struct space *space, struct span event);       /* has a worker announced it? event: as in a packet */
void task_event(struct socket *s, const struct sio_packet *p, const struct span *attachments, struct span name);      /* name: of the workers; empty: any */
bool task_admits(struct socket *s);             /* CONNECT waits for a worker: connect_admit follows, or a refusal */
void task_joins(struct socket *s, struct answer *a);    /* rooms that the worker which let it in has named */
void task_opened(struct socket *s, struct span payload);       /* the rest of that; else 'connect' is told */
void task_ended(struct socket *s, enum reason why);     /* 'disconnect' is told */
void task_on_workers(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_WORKERS *m);
void task_on_worked(struct gate *g, uint16_t router, uint64_t epoch, struct span fields);
void task_view(struct gate *g);                 /* routers came or went */
void task_reborn(struct gate *g, uint16_t router);      /* its link is new: it knows of nothing */
void tasks_settle(struct gate *g);              /* at a call's end: sockets that are to leave */
void tasks_init(struct gate *g);
void tasks_fini(struct gate *g);

/* ---- acks.c: events that want an ack of each of their sockets */
uint32_t acks_ask(struct gate *g, const struct msg_BODY *b, uint16_t router, uint64_t ref);     /* sends it; how many got it. ref 0: without waiting */
void acks_on(struct socket *s, const struct sio_packet *p, const struct span *attachments);     /* a client's ack */
void acks_forget(struct socket *s);             /* it is gone: it will not answer */

/* ---- follow.c: a rule's watch, unwatch and watched */
enum { GATE_FOLLOWS_MAX = 100000 };             /* under way */
struct follow *follow_begin(struct socket *s, const struct sio_packet *p, const struct rules_effect *e);
void follow_answer(struct follow *f, struct answer *a);         /* the event's own: it waits, too */
void follow_on_watched(struct gate *g, const struct msg_WATCHED *m);
void follow_view(struct gate *g);               /* presences came or went: all are asked anew */
void follow_fini(struct gate *g);

/* ---- roll.c: who is in rooms with room_presence, for presence */
void roll_on(struct socket *s, struct span key, bool in);
void roll_tell(struct gate *g, uint16_t presence, bool known);      /* all of them, again; RANK_NOBODY: to each presence its own */

/* ---- activity.c: presence hears when users said something, now and then */
void activity_note(struct socket *s);           /* it says something */
void activity_forget(struct socket *s);         /* it is gone */
void activity_fini(struct gate *g);

/* ---- membership.c: the registry and the routers' interest in step */
/* The ticket to wait for, or 0. */
uint64_t membership_join(struct socket *s, struct span key);
void membership_leave(struct socket *s, uint32_t i);
void membership_leave_all(struct socket *s);
void membership_moved(struct gate *g, const struct owners *to);  /* tells the new owners of rooms */
void membership_tell(struct gate *g, uint16_t router);          /* all that it owns, again */

/* ---- targets.c: each socket that is meant, once; how many of them were seen as true */
typedef bool target_visit(struct gate *g, struct socket *s, void *with);        /* may change no room */
uint32_t targets_each(struct gate *g, const struct msg_BODY *b, target_visit *see, void *with);
uint32_t targets_collect(struct gate *g, const struct msg_BODY *b);    /* into g->targets */

/* ---- deliver.c, gate_view.c, ask.c, relay.c */
void deliver_on(struct gate *g, uint16_t router, uint64_t epoch, struct span fields);
void deliver_tick(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_TICK *m);
void deliver_replayed(struct gate *g, uint16_t router, uint64_t epoch, const struct msg_REPLAYED *m);
void deliver_move(struct gate *g, struct socket *s, const struct msg_BODY *b);     /* JOIN and LEAVE */
void deliver_ended(struct gate *g, uint16_t router, const struct position *end);   /* where a life of it ended */
void deliver_reborn(struct gate *g, uint16_t router, uint64_t epoch);   /* its link: what was asked on the old one is asked again */
void ask_on(struct gate *g, uint16_t router, const struct msg_ASK *m);
/* ask_room.c: its users whose id begins so, behind "after", with how many of their sockets */
void ask_room(struct gate *g, struct buf *json, struct span nsp, struct span name, struct span prefix, struct span after, uint64_t limit);
void ask_sockets(struct gate *g, struct buf *json, struct span asked);    /* ask_sockets.c */
void relay_copy_head(struct buf *out, const struct http1_request *r);   /* without its last, empty line, and what frames a body */
void relay_out(struct conn *c, struct listener *l, const struct http1_request *r, uint16_t owner);
void relay_on_body(struct conn *c);
void relay_on_lost(struct conn *c);
void relay_forget(struct conn *c);                      /* its exchange is over */
void relay_in(struct gate *g, uint16_t gateway, const struct msg_RELAY *m);
void relay_gone(struct gate *g, uint16_t gateway, const struct msg_RELAY_GONE *m);
void relay_on_relayed(struct gate *g, uint16_t gateway, const struct msg_RELAYED *m);
void relay_finish(struct conn *c);                      /* a relayed conn has its answer */
void relay_view(struct gate *g, uint16_t reborn);       /* gateways that are gone, or forgot (RANK_NOBODY: none did), answer nobody */

/* Encodes a message into the gate's scratch and appends it as an effect. */
#define GATE_SAY(g, role, number, NAME, ...) \
    (msg_encode_##NAME(&(g)->scratch, &(struct msg_##NAME){ __VA_ARGS__ }), \
     effects_add_buf(&(g)->effects, (role), (number), MSG_##NAME, &(g)->scratch, 0))

#endif
