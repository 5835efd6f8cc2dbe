/* rules_push - what a namespace's sockets are told by the clock:
 *
 *     push:
 *       - {every: 30s, event: system:status, args: [{cpu: "{system.cpu}", memory: "{system.memory}", timestamp: "{now.iso}"}]}
 *
 * An item is an emit (rules.h) without 'others', with 'every' and, where it has no 'to', for "*". Its
 * scope has no socket and no user, but whatever its runner knows (docs/TOPOLOGY.md,
 * namespaces.push). Immutable: one owner, rules_pushes_destroy. Pure. */
#ifndef CAUSEWAY_RULES_PUSH_H
#define CAUSEWAY_RULES_PUSH_H

#include "rules.h"

enum { RULES_PUSHES_MAX = 64, RULES_PUSH_EVERY_MIN_MS = 100, RULES_PUSH_EVERY_MAX_MS = 86400000 };

struct rules_pushes;

/* NULL where the namespace has none, or where anything is wrong: every error is a line in 'errors'. Keeps nothing of 'ns'. */
struct rules_pushes *rules_pushes_new(const struct config_namespace *ns, struct buf *errors);
void rules_pushes_destroy(struct rules_pushes **self);
size_t rules_pushes_count(const struct rules_pushes *self);
uint64_t rules_push_every(const struct rules_pushes *self, size_t i);          /* ms */
bool rules_push_asks(const struct rules_pushes *self, size_t i, struct span root);     /* is there a {root} or {root.x} in it? */
enum err rules_push(const struct rules_pushes *self, size_t i, const struct template_scope *scope, struct rules_effects *out);

#endif
