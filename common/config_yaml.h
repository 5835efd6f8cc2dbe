/* config_yaml - YAML files as node trees: libyaml, limits, includes.
 *
 * Internal to config*_yaml.c. A reader gathers what several files say; its nodes
 * borrow their files' names from 'names', whose names the finished tree takes
 * over. 'broken': a file could not be read to its end, the tree has holes. */
#ifndef CAUSEWAY_CONFIG_YAML_H
#define CAUSEWAY_CONFIG_YAML_H

#include "config_table.h"

#define CONFIG_FILE_MAX   (16u << 20)   /* bytes of one file */
#define CONFIG_NODES_MAX  1000000       /* values, after all includes and aliases */
#define CONFIG_DEPTH_MAX  64
#define CONFIG_CHILDREN_MAX 100000      /* of one map or list */
#define CONFIG_INCLUDES_MAX 8           /* files inside one another */

struct config_reader {
    struct node *names;
    struct buf  *errors;
    size_t       nodes;
    bool         broken;
};

/* One file without its includes, or NULL. 'asked': what wants it, for the error; or NULL. */
struct node *config_parse_yaml(struct config_reader *r, const char *file, const struct node *asked);

/* One file with all that it includes, or NULL. */
struct node *config_include_yaml(struct config_reader *r, const char *file);

#endif
