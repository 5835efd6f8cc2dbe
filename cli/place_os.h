/* place - where a topology is: its file, its state directory, the daemons' programs.
 *
 *     topology   named, else that of the running topology, else $CAUSEWAY_TOPOLOGY, else topology/local.yaml
 *                beside the source tree or in the installed share
 *     state      --state, else $CAUSEWAY_STATE, else $XDG_RUNTIME_DIR/causeway-<name>, else
 *                ~/.local/state/causeway/<name>
 *
 * One owner: the command. */
#ifndef CAUSEWAY_CLI_PLACE_OS_H
#define CAUSEWAY_CLI_PLACE_OS_H

#include "arguments.h"
#include "config.h"
#include "launch.h"

struct place {
    char *topology, *state, *programs;      /* absolute */
    char *name;                             /* the cluster's, as far as the file can be read */
    struct config config;
};

#define PLACE_FLAGS \
    { "state", "DIR", "state directory" }, \
    { "topology", "FILE", "topology file" }

/* Finds only: enough to stop what runs there, whatever became of its file. */
void place_find(struct place *p, const struct arguments *a, const char *named, bool starting);
/* Finds and reads; what is wrong goes to stderr. False: exit 100. 'named': the topology given as a word, or NULL.
 * starting: what runs already does not count. */
bool place_open(struct place *p, const struct arguments *a, const char *named, bool starting);
void place_close(struct place *p);
struct launch place_launch(const struct place *p);

/* Compiles the rules as well: what config_read leaves to the gateways. Errors and warnings to stderr. */
bool place_check(const struct place *p);

/* The state directory with what has to be in it: made where missing, 0700 and ours. False: *error says why. */
bool place_make(const struct place *p, struct buf *error);
/* Secrets that the topology names there and that are not there yet. */
bool place_secrets(const struct place *p, struct buf *error);
/* <state>/NAME; the caller's until the next call with the same buf. */
const char *place_path(struct buf *out, const struct place *p, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
