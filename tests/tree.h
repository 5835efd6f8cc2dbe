/* tree - a node tree from JSON text, for tests of what reads node trees.
 *
 * Each node stands in file "t", line 1, at the column where its value begins.
 * The text must be JSON; the caller owns the tree. */
#ifndef CAUSEWAY_TREE_H
#define CAUSEWAY_TREE_H

#include "node.h"

struct node *tree_of(const char *json);

#endif
