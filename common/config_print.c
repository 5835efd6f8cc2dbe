/* The configuration as YAML: every value as it stands, readable by config_read again. */
#include "config_table.h"
#include "json.h"

static void print_table(struct buf *out, enum config_table table, const char *base, unsigned indent);

static void start(struct buf *out, unsigned indent, const char *key)
{
    for (unsigned i = 0; i < indent; i++) buf_add_literal(out, "  ");
    if (*key) buf_add(out, span_of(key)), buf_add_byte(out, ':');
}

static void print_texts(struct buf *out, const struct config_strings *list)
{
    buf_add_literal(out, " [");
    for (size_t i = 0; i < list->count; i++) {
        if (i) buf_add_literal(out, ", ");
        json_quote(out, span_of(list->at[i]));
    }
    buf_add_byte(out, ']');
}

static void print_value(struct buf *out, const struct config_row *row, const void *field)
{
    struct span words = span_of(row->allowed), word = { 0 };
    uint64_t n = row->size == sizeof(bool) ? *(const bool *)field : row->size == sizeof(uint16_t) ? *(const uint16_t *)field
               : row->size == sizeof(uint32_t) ? *(const uint32_t *)field : 0;
    if (row->kind == ROW_TEXTS) {
        print_texts(out, field);
        return;
    }
    buf_add_byte(out, ' ');
    if (row->kind == ROW_NUMBER) config_print_number(out, row->unit, n);
    else if (row->kind == ROW_BOOL) buf_add(out, n ? SPAN("true") : SPAN("false"));
    else if (row->kind == ROW_TEXT) json_quote(out, span_of(*(char *const *)field));
    else if (row->kind == ROW_RULES) node_json(out, *(struct node *const *)field);
    else for (uint64_t i = 0; i <= n; i++) word = span_cut(&words, '|');
    buf_add(out, word);
}

static void print_elements(struct buf *out, const struct config_row *row, const char *element, size_t n, unsigned indent)
{
    if (n == 0) buf_add(out, row->kind == ROW_LIST ? SPAN(" []") : SPAN(" {}"));
    buf_add_byte(out, '\n');
    for (size_t i = 0; i < n; i++, element += config_sections[row->sub].size) {
        start(out, indent + 1, "");
        if (row->kind == ROW_LIST) buf_add_byte(out, '-');
        else json_quote(out, span_of(*(char *const *)(const void *)element)), buf_add_byte(out, ':');
        buf_add_byte(out, '\n');
        print_table(out, row->sub, element, indent + 2);
    }
}

void config_print_field(struct buf *out, const struct config_row *row, const char *base)
{
    const char *field = base + row->offset;
    if (row->kind == ROW_LIST || row->kind == ROW_MAP)
        print_elements(out, row, *(char *const *)(const void *)field, *(const size_t *)(const void *)(base + row->count_offset), 0);
    else if (row->kind != ROW_RULES || *(struct node *const *)(const void *)field)
        print_value(out, row, field);
}

static void print_table(struct buf *out, enum config_table table, const char *base, unsigned indent)
{
    struct span section = { 0 };
    for (const struct config_row *r = NULL; (r = config_next_row(table, r)); ) {
        const char *dot = strchr(r->key, '.'), *field = base + r->offset;
        struct span here = span_from(r->key, dot ? (size_t)(dot - r->key) : 0);
        if (r->kind == ROW_RULES && !*(struct node *const *)(const void *)field) continue;
        if (here.len && !span_same(here, section)) {
            start(out, indent, "");
            buf_add(out, here);
            buf_add_literal(out, ":\n");
        }
        section = here;
        unsigned inner = indent + (here.len > 0);
        start(out, inner, dot ? dot + 1 : r->key);
        if (r->kind == ROW_GROUP) {
            buf_add_byte(out, '\n');
            print_table(out, r->sub, field, inner + 1);
        } else if (r->kind == ROW_LIST || r->kind == ROW_MAP) {
            size_t n = *(const size_t *)(const void *)(base + r->count_offset);
            print_elements(out, r, *(char *const *)(const void *)field, n, inner);
        } else {
            print_value(out, r, field);
            buf_add_byte(out, '\n');
        }
    }
}

void config_print(struct buf *yaml, const struct config *c)
{
    print_table(yaml, CONFIG_ROOT, (const char *)c, 0);
}
