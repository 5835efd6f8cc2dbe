/* config_load over trees built from bytes: a byte picks what to do next, keys
 * come from the table more often than not, so that values are reached. */
#include "config_table.h"

#include <stdlib.h>

struct input { const uint8_t *at, *end; unsigned nodes; };

static unsigned next(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static struct span text(struct input *in)
{
    static const char *const some[] = { "", "/", "*", "true", "0", "1", "65535", "64k", "25s", "127.0.0.1", "::", "0.0.0.0", "HS256", "bearer", "auth.x",
                                        "pem", "secret", "jwks", "tcp", "ipc", "query", "token", "none", "{state}/x", "unix:/x", "10.0.0.0/8", "https://a" };
    unsigned n = next(in);
    if (n & 1) return span_of(some[n / 2 % (sizeof some / sizeof some[0])]);
    n = n / 2 % 24;
    if (n > (size_t)(in->end - in->at)) n = (unsigned)(in->end - in->at);
    struct span s = span_from(in->at, n);
    in->at += n;
    ptrdiff_t nul = span_find(s, '\0');
    return nul < 0 ? s : span_head(s, (size_t)nul);
}

static struct node *build(struct input *in, unsigned depth, struct span key);

/* A map of the keys that may stand at 'at' of a table, or of any. */
static void fill(struct input *in, struct node *n, unsigned depth, struct span at)
{
    for (unsigned count = next(in) % 8; count && in->nodes < 2000; count--) {
        struct span key = text(in);
        const struct config_row *row = &config_rows[next(in) % config_row_count];
        if (next(in) % 4) {
            key = span_of(row->key);
            if (at.len && !(span_eat_prefix(&key, at) && span_eat(&key, '.'))) key = span_of(row->key);
            key = span_cut(&key, '.');
        }
        struct node *child = build(in, depth + 1, key);
        node_name(child, key);
        if (n->kind == NODE_MAP && node_find(n, child->key)) node_destroy(&child);
        else node_add(n, child);
    }
}

static struct node *build(struct input *in, unsigned depth, struct span key)
{
    unsigned what = next(in);
    const struct node place = { .file = "dir/fuzz", .line = what % 3, .column = 1 };
    in->nodes++;
    if (depth > 8 || what % 8 < 4) {
        struct span s = text(in);
        return node_text(what % 8 < 3 ? NODE_STRING : node_plain_kind(s), &place, s);
    }
    struct node *n = node_new(what % 8 < 7 ? NODE_MAP : NODE_LIST, place.file, place.line, place.column);
    fill(in, n, depth, key);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size, 0 };
    struct buf errors = { 0 }, out = { 0 };
    struct config c = { .state_dir = strdup("/state") };
    struct node *tree = node_new(NODE_MAP, "dir/fuzz", 1, 1);
    fill(&in, tree, 0, SPAN(""));
    for (unsigned n = next(&in) % 3; n; n--) {
        struct span name = text(&in), value = text(&in);
        (void)config_override(tree, name, value, &errors);
    }
    bool good = config_load(&c, tree, &errors);
    NEED(good || errors.len);
    config_print(&out, &c);
    if (good)
        for (unsigned role = 1; role < 5; role++) config_bus_endpoint(&out, &c, role, 0);
    config_fini(&c);
    buf_fini(&errors);
    buf_fini(&out);
    return 0;
}
