/* node_flow - nodes out of YAML's flow style, for tests that link no libyaml:
 *
 *     {to: 'room:{room}', others: true, args: [{from: '{user.id}', n: 1.10}]}
 *
 * Quoted text ('...' or "...", no escapes) is a string; plain text ends before , ] } or
 * a colon and a blank. What is malformed aborts: it is the test's own fault. */
#ifndef CAUSEWAY_NODE_FLOW_H
#define CAUSEWAY_NODE_FLOW_H

#include "node.h"

struct node *node_flow(const char *text);   /* the caller's: node_destroy */

#endif
