/* keys init: a CURVE key for each daemon of a topology, and one for the operator. */
#include "command.h"
#include "curve_zmq.h"
#include "place_os.h"

#include <czmq.h>
#include <stdio.h>
#include <unistd.h>

static const struct flag flags[] = { PLACE_FLAGS, { 0 } };

/* The operator's own, for outside sockets that have a list of keys: its public half goes into that list. */
static bool operator_key(const char *keys_dir, struct buf *public_key, struct buf *error)
{
    struct buf path = { 0 };
    buf_add_format(&path, "%s/operator", keys_dir);
    zcert_t *cert = access(buf_text(&path), F_OK) == 0 ? zcert_load(buf_text(&path)) : NULL;
    bool good = cert != NULL;
    if (!cert && (cert = zcert_new())) {
        zcert_set_meta(cert, "id", "operator");
        good = zcert_save(cert, buf_text(&path)) == 0;
    }
    if (good) buf_add(public_key, span_of(zcert_public_txt(cert)));
    else buf_add_format(error, "%s: cannot be written", buf_text(&path));
    zcert_destroy(&cert);
    buf_fini(&path);
    return good;
}

static int run(const struct command *self, const struct arguments *a)
{
    struct place p;
    struct buf error = { 0 }, public_key = { 0 };
    (void)self;
    if (!place_open(&p, a, a->words ? a->word[0] : NULL, false)) return COMMAND_USAGE;
    bool good = place_make(&p, &error) && keys_init(p.config.bus.keys_dir, &p.config, &error) && operator_key(p.config.bus.keys_dir, &public_key, &error);
    int code = good ? COMMAND_OK : command_fail(COMMAND_ENVIRONMENT, "%s", buf_text(&error));
    if (good) printf("keys are in %s%s\n", p.config.bus.keys_dir, p.config.bus.curve ? "" : " (bus.curve is off: nothing uses them)");
    if (good) printf("the operator's public key, for the 'keys' of outside sockets: %s\n", buf_text(&public_key));
    buf_fini(&error), buf_fini(&public_key);
    place_close(&p);
    return code;
}

const struct command command_keys_init = { .name = "keys init", .words = "[TOPOLOGY]", .help = "make the daemons' CURVE keys that are missing", .flags = flags, .most = 1, .run = run };
