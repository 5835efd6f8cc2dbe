/* A topology from its files, its environment and its table. */
#include "config_yaml.h"
#include "utf8.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Variables that are no keys: where the state and the topology are. */
static const char *const others[] = { "STATE", "TOPOLOGY" };

static void take_environment(struct node *tree, struct buf *errors)
{
    for (char **variable = environ; *variable; variable++) {
        struct span value = span_of(*variable);
        bool other = false;
        if (!span_eat_prefix(&value, SPAN("CAUSEWAY_"))) continue;
        struct span name = span_cut(&value, '=');
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) other |= span_same(name, span_of(others[i]));
        const struct node place = { .file = "environment" };
        if (other) continue;
        if (!utf8_valid(value) || !utf8_valid(name) || value.len > 65536)
            node_error(errors, &place, "", "CAUSEWAY_%.64s: not UTF-8, or larger than 64 KiB", name.ptr);
        else
            (void)config_override(tree, name, value, errors);
    }
}

struct files { const struct config *c; struct buf *errors; };

/* A file must be there and readable, but in the state directory: 'up' makes those. */
static void check_file(void *self, const struct config_row *row, const char *key, const void *field)
{
    const struct files *f = self;
    struct stat st;
    if (row->kind != ROW_TEXT || (row->form != FORM_FILE && row->form != FORM_DIRECTORY)) return;
    const char *path = *(char *const *)field;
    struct span rest = span_of(path);
    if (!*path || (span_eat_prefix(&rest, span_of(f->c->state_dir)) && span_starts(rest, '/'))) return;
    const struct node *at = config_find(f->c->tree, span_of(key));
    const char *wrong = NULL;
    bool directory = row->form == FORM_DIRECTORY;
    if (stat(path, &st) != 0) wrong = strerror(errno);
    else if ((S_ISDIR(st.st_mode) != 0) != directory) wrong = directory ? "not a directory" : "a directory";
    else if (access(path, directory ? R_OK | X_OK : R_OK) != 0) wrong = strerror(errno);
    if (wrong) node_error(f->errors, at ? at : f->c->tree, key, "%s: %s", path, wrong);
}

/* Its text is kept, the rules make of it what they need. What can't be read was said by check_file. */
static void read_words(struct config_namespace *ns, struct buf *errors)
{
    const struct node at = { .file = ns->words_file };
    int fd = ns->words_file[0] ? open(ns->words_file, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = -1;
    while (fd >= 0 && ns->words.len <= WORDS_BYTES_MAX && (n = read(fd, buf_room(&ns->words, 65536), 65536)) > 0) buf_grew(&ns->words, (size_t)n);
    if (fd >= 0) (void)close(fd);
    if (n > 0) node_error(errors, &at, "", "a list of banned words may have %d bytes", WORDS_BYTES_MAX);
}

bool config_read(struct config *c, const char *file, const char *state_dir, struct buf *errors)
{
    struct config_reader r = { .names = node_new(NODE_NULL, "", 0, 0), .errors = errors };
    size_t before = errors->len, end = strlen(state_dir);
    *c = (struct config){ 0 };
    while (end > 1 && state_dir[end - 1] == '/') end--;
    c->file = strdup(file);
    c->state_dir = strndup(state_dir, end);
    NEED(c->file && c->state_dir);
    struct node *tree = config_include_yaml(&r, file);
    if (r.broken) node_destroy(&tree);              /* what is missing would only bring more errors */
    if (tree) {
        tree->name = r.names->name, tree->names = r.names->names;
        r.names->name = NULL, r.names->names = 0;
        take_environment(tree, errors);
        (void)config_load(c, tree, errors);
        config_each(c, check_file, &(struct files){ c, errors });
        for (size_t i = 0; i < c->namespace_count; i++) read_words(&c->namespaces[i], errors);
    }
    node_destroy(&r.names);
    return tree && errors->len == before;
}
