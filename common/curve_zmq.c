#include "curve_zmq.h"

#include <czmq.h>
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN          /* zmq.h shows it to drafts only; the library has it */
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif
enum { Z85_KEY = 40, USER_MAX = 64, DOMAIN_MAX = 32, RESCAN_MS = 1000 };
#define ANY_KEY ""

struct allowed {
    char domain[DOMAIN_MAX], key[Z85_KEY + 1], user[USER_MAX];
};

struct curve {
    struct service       *svc;
    struct service_watch *watch;
    zsock_t              *zap;
    zcert_t              *own;
    char                 *keys_dir;
    struct allowed       *allowed;
    size_t                count, cap;
    uint64_t              scanned;      /* when keys_dir was read last */
    uint64_t              refused;
};

/* ---- who may come in. Handshakes are rare: the list is walked. */

static void allow(struct curve *self, const char *domain, const char *key, const char *user)
{
    struct allowed a = { 0 };
    (void)snprintf(a.domain, sizeof a.domain, "%s", domain);
    (void)snprintf(a.key, sizeof a.key, "%s", key);
    (void)snprintf(a.user, sizeof a.user, "%s", user);
    if (self->count == self->cap) {
        self->cap = self->cap ? self->cap * 2 : 16;
        self->allowed = realloc(self->allowed, self->cap * sizeof *self->allowed);
        NEED(self->allowed);
    }
    self->allowed[self->count++] = a;
}

void curve_allow(struct curve *self, const char *domain, const char *public_z85, const char *user_id)
{
    if (strlen(public_z85) == Z85_KEY) allow(self, domain, public_z85, user_id);
    else log_error(service_log(self->svc), "not a public key", "domain=%s user=%s", domain, user_id);
}

void curve_allow_any(struct curve *self, const char *domain)
{
    allow(self, domain, ANY_KEY, "");
}

static const char *allowed_user(const struct curve *self, const char *domain, const char *key)
{
    for (size_t i = 0; i < self->count; i++) {
        const struct allowed *a = &self->allowed[i];
        if (strcmp(a->domain, domain) != 0) continue;
        if (strcmp(a->key, ANY_KEY) == 0) return key;
        if (strcmp(a->key, key) == 0) return a->user;
    }
    return NULL;
}

static void forget_domain(struct curve *self, const char *domain)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->allowed[i].domain, domain) != 0) self->allowed[kept++] = self->allowed[i];
    self->count = kept;
}

/* A certificate counts if it was made for the daemon whose name its file bears. */
static zcert_t *load(const char *keys_dir, const char *id, struct log *log)
{
    struct buf path = { 0 };
    buf_add_format(&path, "%s/%s", keys_dir, id);
    zcert_t *cert = zcert_load(buf_text(&path));
    const char *bound = cert ? zcert_meta(cert, "id") : NULL;
    if (!cert || !bound || strcmp(bound, id) != 0) {
        log_warn(log, "no key of that daemon", "file=%s made_for=%s", buf_text(&path), bound);
        zcert_destroy(&cert);
    }
    buf_fini(&path);
    return cert;
}

static void scan_keys(struct curve *self)
{
    DIR *dir = opendir(self->keys_dir);
    if (!dir) { log_warn(service_log(self->svc), "no keys", "directory=%s why=%s", self->keys_dir, strerror(errno)); return; }
    forget_domain(self, "bus");
    for (struct dirent *entry; (entry = readdir(dir)); ) {
        enum role role;
        uint16_t number;
        if (member_id_decode(span_of(entry->d_name), &role, &number) != OK) continue;
        zcert_t *cert = load(self->keys_dir, entry->d_name, service_log(self->svc));
        if (cert) allow(self, "bus", zcert_public_txt(cert), entry->d_name);
        zcert_destroy(&cert);
    }
    closedir(dir);
    self->scanned = service_now(self->svc);
}

/* ---- ZAP (RFC 27): version, request id, domain, address, identity, mechanism, key. */

struct zap_request {
    char   version[8], id[64], domain[DOMAIN_MAX], address[64], mechanism[16], key[33];
    size_t id_len, key_len;
    bool   whole;
};

static void zap_part(struct zap_request *r, unsigned index, zmq_msg_t *msg)
{
    const struct { char *at; size_t size, *len; } parts[] = {
        { r->version, sizeof r->version, NULL }, { r->id, sizeof r->id, &r->id_len }, { r->domain, sizeof r->domain, NULL },
        { r->address, sizeof r->address, NULL }, { NULL, 0, NULL }, { r->mechanism, sizeof r->mechanism, NULL },
        { r->key, sizeof r->key, &r->key_len },
    };
    if (index >= sizeof parts / sizeof parts[0] || !parts[index].at) return;
    size_t len = zmq_msg_size(msg);
    if (len >= parts[index].size) len = 0;          /* nothing of ours is that long */
    memcpy(parts[index].at, zmq_msg_data(msg), len);
    parts[index].at[len] = '\0';
    if (parts[index].len) *parts[index].len = len;
}

static bool zap_receive(void *socket, struct zap_request *r)
{
    zmq_msg_t msg;
    zmq_msg_init(&msg);
    *r = (struct zap_request){ 0 };
    bool got = false;
    for (unsigned index = 0; ; index++) {
        if (zmq_msg_recv(&msg, socket, ZMQ_DONTWAIT) < 0) break;
        got = true;
        zap_part(r, index, &msg);
        r->whole = index == 6;
        if (!zmq_msg_more(&msg)) break;
    }
    zmq_msg_close(&msg);
    return got;
}

static void zap_answer(void *socket, const struct zap_request *r, const char *status, const char *text, const char *user)
{
    zmq_send(socket, "1.0", 3, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(socket, r->id, r->id_len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(socket, status, 3, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(socket, text, strlen(text), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(socket, user, strlen(user), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send(socket, "", 0, ZMQ_DONTWAIT);
}

static void zap_decide(struct curve *self, void *socket, const struct zap_request *r)
{
    char key[Z85_KEY + 1] = "";
    bool well = r->whole && strcmp(r->version, "1.0") == 0 && strcmp(r->mechanism, "CURVE") == 0 && r->key_len == 32;
    if (well) zmq_z85_encode(key, (const uint8_t *)r->key, 32);
    const char *user = well ? allowed_user(self, r->domain, key) : NULL;
    if (well && !user && strcmp(r->domain, "bus") == 0 && service_now(self->svc) - self->scanned >= RESCAN_MS) {
        scan_keys(self);                /* a daemon was added: its key is new */
        user = allowed_user(self, r->domain, key);
    }
    if (user) { zap_answer(socket, r, "200", "OK", user); return; }
    self->refused++;
    log_warn(service_log(self->svc), "key refused", "domain=%s address=%s mechanism=%s key=%.*s",
             r->domain, r->address, r->mechanism, 8, key);
    /* 300 hangs up and the other side tries again: its key may be on its way. After 400 it never does. */
    zap_answer(socket, r, strcmp(r->domain, "bus") == 0 ? "300" : "400", "not known here", "");
}

static unsigned on_zap(void *fn_self, unsigned budget)
{
    struct curve *self = fn_self;
    void *socket = zsock_resolve(self->zap);
    struct zap_request r;
    unsigned n = 0;
    while (n < budget && zap_receive(socket, &r)) zap_decide(self, socket, &r), n++;
    return n;
}

/* ---- life */

static bool own_key(struct curve *self, const char *id)
{
    static const char none[] = "0000000000000000000000000000000000000000";
    self->own = load(self->keys_dir, id, service_log(self->svc));
    return self->own && strcmp(zcert_secret_txt(self->own), none) != 0;
}

struct curve *curve_new(struct service *svc, const char *keys_dir, const char *id)
{
    struct curve *self = calloc(1, sizeof *self);
    NEED(self);
    self->svc = svc;
    self->keys_dir = strdup(keys_dir);
    NEED(self->keys_dir);
    if (!zmq_has("curve") || !own_key(self, id)) {
        log_fatal(service_log(svc), "no secret key: 'causeway keys init' makes it", "directory=%s daemon=%s", keys_dir, id);
        curve_destroy(&self);
        return NULL;
    }
    self->zap = zsock_new(ZMQ_REP);
    if (!self->zap || zsock_bind(self->zap, ZAP_ENDPOINT) < 0) {
        log_fatal(service_log(svc), "no ZAP handler: every key would be let in", "why=%s", zmq_strerror(errno));
        curve_destroy(&self);
        return NULL;
    }
    self->watch = service_watch_zmq(svc, zsock_resolve(self->zap), on_zap, self);
    scan_keys(self);
    return self;
}

void curve_destroy(struct curve **self_p)
{
    struct curve *self = *self_p;
    if (!self) return;
    service_unwatch(&self->watch);
    zsock_destroy(&self->zap);
    zcert_destroy(&self->own);
    free(self->allowed);
    free(self->keys_dir);
    free(self);
    *self_p = NULL;
}

uint64_t curve_refused(const struct curve *self)
{
    return self->refused;
}

bool curve_serve(struct curve *self, void *zmq_socket, const char *domain)
{
    int on = 1;
    return zmq_setsockopt(zmq_socket, ZMQ_CURVE_SERVER, &on, sizeof on) == 0
        && zmq_setsockopt(zmq_socket, ZMQ_CURVE_SECRETKEY, zcert_secret_key(self->own), 32) == 0
        && zmq_setsockopt(zmq_socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0
        && zmq_setsockopt(zmq_socket, ZMQ_ZAP_ENFORCE_DOMAIN, &on, sizeof on) == 0;
}

bool curve_call(struct curve *self, void *zmq_socket, const char *server_id)
{
    zcert_t *server = load(self->keys_dir, server_id, service_log(self->svc));
    bool done = server
        && zmq_setsockopt(zmq_socket, ZMQ_CURVE_SERVERKEY, zcert_public_key(server), 32) == 0
        && zmq_setsockopt(zmq_socket, ZMQ_CURVE_PUBLICKEY, zcert_public_key(self->own), 32) == 0
        && zmq_setsockopt(zmq_socket, ZMQ_CURVE_SECRETKEY, zcert_secret_key(self->own), 32) == 0;
    zcert_destroy(&server);
    return done;
}

/* ---- key files */

static bool directory_private(const char *path, struct buf *error)
{
    struct stat s;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return buf_add_format(error, "%s: %s", path, strerror(errno)), false;
    if (stat(path, &s) != 0 || !S_ISDIR(s.st_mode))
        return buf_add_format(error, "%s: not a directory", path), false;
    if (s.st_uid != geteuid() || (s.st_mode & 022))
        return buf_add_format(error, "%s: others may write there", path), false;
    return true;
}

bool keys_add(const char *keys_dir, enum role role, uint16_t number, struct buf *error)
{
    struct buf path = { 0 };
    zcert_t *cert = NULL;
    bool done = directory_private(keys_dir, error);
    if (!done) return false;
    buf_add_format(&path, "%s/", keys_dir);
    size_t stem = path.len;
    member_id_encode(&path, role, number);
    if (access(buf_text(&path), F_OK) == 0) goto out;
    cert = zcert_new();
    NEED(cert);
    zcert_set_meta(cert, "id", "%s", buf_text(&path) + stem);
    zcert_set_meta(cert, "role", "%s", role_name(role));
    mode_t old = umask(077);
    done = zcert_save(cert, buf_text(&path)) == 0;
    umask(old);
    if (!done) buf_add_format(error, "%s: cannot be written: %s", buf_text(&path), strerror(errno));
out:
    zcert_destroy(&cert);
    buf_fini(&path);
    return done;
}

bool keys_init(const char *keys_dir, const struct config *config, struct buf *error)
{
    for (unsigned role = ROLE_ROUTER; role < ROLE_COUNT; role++)
        for (uint16_t n = 0; n < config_instances(config, role); n++)
            if (!keys_add(keys_dir, (enum role)role, n, error)) return false;
    return true;
}
