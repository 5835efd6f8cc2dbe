/* node - a configuration tree: what YAML says, with the place where it says it.
 *
 * Scalars keep their text and their kind (quoted text is always a string);
 * mappings keep their order and refuse a key twice. A tree has one owner, its
 * root's; children die with it. Pure. */
#ifndef CAUSEWAY_NODE_H
#define CAUSEWAY_NODE_H

#include "buf.h"
#include "err.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    char          *key;         /* of a mapping's member, else NULL */
    char          *text;        /* of a scalar, as it stands */
    const char    *file;        /* borrowed: see node_intern */
    unsigned       line, column;
    struct node  **child;
    size_t         count;
    bool           used;        /* somebody looked it up: what nobody did is an unknown key */
    char         **name;        /* of a root: the file names that its tree borrows */
    size_t         names;
};

struct node *node_new(enum node_kind kind, const char *file, unsigned line, unsigned column);
void node_destroy(struct node **self);
const char *node_intern(struct node *root, struct span file);       /* a copy that lives as long as the root */
struct node *node_text(enum node_kind kind, const struct node *place, struct span text);    /* a scalar; place: where it is said to stand */
struct node *node_copy(const struct node *n);                       /* its file names stay borrowed */
enum node_kind node_plain_kind(struct span text);                   /* of unquoted text: "8080" is a number, "no" a string */
void node_name(struct node *n, struct span key);                    /* sets n's key */
void node_add(struct node *parent, struct node *child);             /* takes the child */
struct node *node_take(struct node *parent, size_t i);              /* removes a child; it is the caller's */
struct span node_key(const void *node);                             /* of a member, as a map (map.h) wants it */
struct node *node_find(const struct node *map, const char *key);    /* or NULL; marks it used */
void node_json(struct buf *out, const struct node *n);              /* the same value as JSON */
/* "file:line:column: path: text" and a newline. */
void node_error(struct buf *errors, const struct node *n, const char *path, const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
