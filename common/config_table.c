#include "config_table.h"

#define OF_ROOT      struct config
#define OF_LISTENER  struct config_listener
#define OF_FILE      struct config_file
#define OF_NAMESPACE struct config_namespace
#define OF_KEY       struct config_key
#define OF_PLANE     struct config_plane
#define OF_METRICS   struct config_metrics
#define AT(table, field)   offsetof(OF_##table, field)
#define SIZE(table, field) sizeof(((OF_##table *)0)->field)

_Static_assert(offsetof(struct config_listener, name) == 0, "a MAP's struct begins with its name");
_Static_assert(offsetof(struct config_namespace, name) == 0, "a MAP's struct begins with its name");

const struct config_section config_sections[CONFIG_TABLE_COUNT] = {
#define SECTION(t, h, text) [CONFIG_##t] = { h, text, sizeof(OF_##t) },
#include "config_rows.h"
};

#define ROW(t, k, name, f) .table = CONFIG_##t, .kind = ROW_##k, .key = name, .offset = AT(t, f), .size = SIZE(t, f)
const struct config_row config_rows[] = {
#define NUMBER(t, f, d, low, high, u, h) { ROW(t, NUMBER, #f, f), .fallback = d, .min = low, .max = high, .unit = UNIT_##u, .help = h },
#define TEXT(t, f, d, shape, h)          { ROW(t, TEXT, #f, f), .fallback = d, .form = FORM_##shape, .help = h },
#define CHOICE(t, k, f, d, words, h)     { ROW(t, CHOICE, #k, f), .fallback = d, .allowed = words, .help = h },
#define BOOL(t, f, d, h)                 { ROW(t, BOOL, #f, f), .fallback = d, .help = h },
#define TEXTS(t, f, d, shape, words, h)  { ROW(t, TEXTS, #f, f), .fallback = d, .form = FORM_##shape, .allowed = words, .help = h },
#define ITEMS(t, f, h)                   { ROW(t, RULES, #f, f), .allowed = "list", .help = h },
#define RULES(t, f, h)                   { ROW(t, RULES, #f, f), .help = h },
#define RULES_TEXT(t, f, h)              { ROW(t, RULES, #f, f), .allowed = "text", .help = h },
#define GROUP(t, f, s, port, h)          { ROW(t, GROUP, #f, f), .sub = CONFIG_##s, .fallback = port, .help = h },
#define LIST(t, f, n, s, h)              { ROW(t, LIST, #f, f), .sub = CONFIG_##s, .count_offset = AT(t, n), .help = h },
#define MAP(t, f, n, s, h)               { ROW(t, MAP, #f, f), .sub = CONFIG_##s, .count_offset = AT(t, n), .help = h },
#include "config_rows.h"
};
const size_t config_row_count = sizeof config_rows / sizeof config_rows[0];

const struct config_row *config_next_row(enum config_table table, const struct config_row *after)
{
    for (const struct config_row *r = after ? after + 1 : config_rows; r < config_rows + config_row_count; r++)
        if (r->table == table) return r;
    return NULL;
}

bool config_row_live(const struct config_row *row)
{
    static const struct { enum config_table table; size_t offset; } live[] = {
#define LIVE(t, f) { CONFIG_##t, AT(t, f) },
#include "config_rows.h"
    };
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++)
        if (live[i].table == row->table && live[i].offset == row->offset) return true;
    return row->table == CONFIG_NAMESPACE || row->kind == ROW_RULES;
}

static void each_of(enum config_table table, const char *base, struct buf *key, config_visit *visit, void *self)
{
    size_t mark = key->len;
    for (const struct config_row *r = NULL; (r = config_next_row(table, r)); key->len = mark) {
        const char *field = base + r->offset;
        if (mark) buf_add_byte(key, '.');
        buf_add(key, span_of(r->key));
        if (r->kind == ROW_GROUP) {
            each_of(r->sub, field, key, visit, self);
        } else if (r->kind == ROW_LIST || r->kind == ROW_MAP) {
            const char *element = *(const char *const *)(const void *)field;
            size_t n = *(const size_t *)(const void *)(base + r->count_offset), inner = key->len;
            for (size_t i = 0; i < n; i++, element += config_sections[r->sub].size, key->len = inner) {
                buf_add_byte(key, '.');
                if (r->kind == ROW_MAP) buf_add(key, span_of(*(char *const *)(const void *)element));
                else buf_add_uint(key, i);
                each_of(r->sub, element, key, visit, self);
            }
        } else {
            visit(self, r, buf_text(key), field);
        }
    }
}

void config_each(const struct config *c, config_visit *visit, void *self)
{
    struct buf key = { 0 };
    each_of(CONFIG_ROOT, (const char *)c, &key, visit, self);
    buf_fini(&key);
}
