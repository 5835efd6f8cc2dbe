/* One value of the topology file: from a node into its field. */
#include "config_table.h"

#include <stdlib.h>

static const char *kind_text(const struct node *n)
{
    static const char *const texts[] = {
        [NODE_NULL] = "nothing", [NODE_BOOL] = "true or false", [NODE_NUMBER] = "a number",
        [NODE_STRING] = "a text", [NODE_LIST] = "a list", [NODE_MAP] = "a map",
    };
    return texts[n->kind];
}

static bool scalar(const struct node *n)
{
    return n->kind == NODE_NUMBER || n->kind == NODE_STRING || n->kind == NODE_BOOL;
}

/* Errors quote at most so much of what somebody wrote. */
#define SHOWN(text) (int)(strlen(text) > 80 ? 80 : strlen(text)), (text)

static bool refuse(const struct config_target *to, const struct node *n, const char *key, const char *allowed)
{
    if (scalar(n)) node_error(to->errors, n, key, "'%.*s' is not allowed here; it must be %s", SHOWN(n->text), allowed);
    else node_error(to->errors, n, key, "%s is not allowed here; it must be %s", kind_text(n), allowed);
    return false;
}

static bool word_index(const char *words, struct span word, size_t *index)
{
    struct span rest = span_of(words);
    for (*index = 0; rest.len; ++*index)
        if (span_same(span_cut(&rest, '|'), word)) return true;
    return false;
}

static void say_words(struct buf *out, const char *words)
{
    struct span rest = span_of(words);
    while (rest.len) {
        buf_add(out, span_cut(&rest, '|'));
        if (rest.len) buf_add(out, span_find(rest, '|') < 0 ? SPAN(" or ") : SPAN(", "));
    }
}

static void say_range(struct buf *out, const struct config_row *row)
{
    static const char *const what[] = {
        [UNIT_COUNT] = "a whole number", [UNIT_PORT] = "a port", [UNIT_BYTES] = "a size (65536, 64k, 1M, 1MiB)",
        [UNIT_MS] = "a duration (25000, 25s, 500ms, 2min)", [UNIT_SECONDS] = "a duration (10, 10s, 2min)",
    };
    buf_add_format(out, "%s from ", what[row->unit]);
    config_print_number(out, row->unit, row->min);
    buf_add_literal(out, " to ");
    config_print_number(out, row->unit, row->max);
}

static bool set_number(const struct config_target *to, const struct config_row *row, void *field, const struct node *n, const char *key)
{
    uint64_t value;
    if ((n->kind != NODE_NUMBER && n->kind != NODE_STRING)
        || !config_parse_number(row->unit, span_of(n->text), &value) || value < row->min || value > row->max) {
        struct buf allowed = { 0 };
        say_range(&allowed, row);
        (void)refuse(to, n, key, buf_text(&allowed));
        buf_fini(&allowed);
        return false;
    }
    if (row->size == sizeof(uint16_t)) *(uint16_t *)field = (uint16_t)value;
    else *(uint32_t *)field = (uint32_t)value;
    return true;
}

static bool set_bool(const struct config_target *to, bool *field, const struct node *n, const char *key)
{
    if (n->kind != NODE_BOOL) return refuse(to, n, key, "true or false");
    *field = n->text[0] == 't' || n->text[0] == 'T';
    return true;
}

static bool set_choice(const struct config_target *to, const struct config_row *row, void *field, const struct node *n, const char *key)
{
    size_t index;
    if (!scalar(n) || !word_index(row->allowed, span_of(n->text), &index)) {
        struct buf allowed = { 0 };
        say_words(&allowed, row->allowed);
        (void)refuse(to, n, key, buf_text(&allowed));
        buf_fini(&allowed);
        return false;
    }
    if (row->size == sizeof(bool)) *(bool *)field = index != 0;
    else *(unsigned *)field = (unsigned)index;
    return true;
}

/* "{state}" is the state directory; else a relative name starts where the file stands that says it. */
static void place_file(struct buf *out, const char *state_dir, const struct node *n)
{
    struct span text = span_of(n->text), mark = SPAN("{state}");
    const char *slash = n->line ? strrchr(n->file, '/') : NULL;
    if (slash && !span_starts(text, '/') && !span_has_prefix(text, mark))
        buf_add(out, span_from(n->file, (size_t)(slash - n->file) + 1));
    while (text.len) {
        if (span_eat_prefix(&text, mark)) {
            buf_add(out, span_of(state_dir));
        } else {
            buf_add_byte(out, text.ptr[0]);
            text = span_skip(text, 1);
        }
    }
}

static char *make_text(const struct config_target *to, const struct config_row *row, const struct node *n)
{
    struct buf text = { 0 };
    bool file = row->form == FORM_FILE || row->form == FORM_DIRECTORY;
    if (file && n->text[0]) place_file(&text, to->config->state_dir, n);
    else buf_add(&text, span_of(n->text));
    (void)buf_text(&text);
    return text.ptr;
}

/* Empty text is how one says "none", where that is the default too. */
static bool text_fits(const struct config_target *to, const struct config_row *row, const struct node *n, const char *key)
{
    size_t index;
    if (n->kind != NODE_STRING && n->kind != NODE_NUMBER) return refuse(to, n, key, "a text (in quotes, where YAML takes it for something else)");
    if (!n->text[0] && row->fallback && !row->fallback[0] && row->kind == ROW_TEXT) return true;
    if (row->allowed && !word_index(row->allowed, span_of(n->text), &index)) {
        struct buf allowed = { 0 };
        say_words(&allowed, row->allowed);
        (void)refuse(to, n, key, buf_text(&allowed));
        buf_fini(&allowed);
        return false;
    }
    return config_form_fits(row->form, span_of(n->text)) || refuse(to, n, key, config_form_text(row->form));
}

static bool set_text(const struct config_target *to, const struct config_row *row, char **field, const struct node *n, const char *key)
{
    if (!text_fits(to, row, n, key)) return false;
    free(*field);
    *field = make_text(to, row, n);
    return true;
}

static bool set_texts(const struct config_target *to, const struct config_row *row, struct config_strings *field, const struct node *n, const char *key)
{
    const struct node *one[] = { n };
    const struct node *const *from = n->kind == NODE_LIST ? (const struct node *const *)n->child : one;
    size_t count = n->kind == NODE_LIST ? n->count : 1;
    bool good = true;
    if (n->kind == NODE_NULL || n->kind == NODE_MAP) return refuse(to, n, key, "a list of texts, or one text");
    for (size_t i = 0; i < count; i++) good &= text_fits(to, row, from[i], key);
    if (!good) return false;
    config_value_free(row, field);
    field->at = calloc(count + 1, sizeof *field->at);
    NEED(field->at);
    for (; field->count < count; field->count++) field->at[field->count] = make_text(to, row, from[field->count]);
    return true;
}

struct span config_rules_shape(const struct config_row *row)
{
    return !row->allowed ? SPAN("a map") : strcmp(row->allowed, "text") == 0 ? SPAN("a text, or a map") : SPAN("a map, or a list of them");
}

bool config_value_set(const struct config_target *to, const struct config_row *row, void *field, const struct node *n, const char *key)
{
    switch (row->kind) {
    case ROW_NUMBER: return set_number(to, row, field, n, key);
    case ROW_TEXT:   return set_text(to, row, field, n, key);
    case ROW_CHOICE: return set_choice(to, row, field, n, key);
    case ROW_BOOL:   return set_bool(to, field, n, key);
    case ROW_TEXTS:  return set_texts(to, row, field, n, key);
    case ROW_RULES:
        if (n->kind != NODE_MAP && n->kind != NODE_NULL && !(row->allowed && n->kind == (strcmp(row->allowed, "text") == 0 ? NODE_STRING : NODE_LIST)))
            return refuse(to, n, key, config_rules_shape(row).ptr);
        if (n->kind != NODE_NULL) memcpy(field, &n, sizeof n);
        return true;
    case ROW_GROUP: case ROW_LIST: case ROW_MAP: break;
    }
    NEED(!"a row with a value");
    return false;
}

void config_value_free(const struct config_row *row, void *field)
{
    struct config_strings *strings = field;
    if (row->kind == ROW_TEXT) {
        free(*(char **)field);
        *(char **)field = NULL;
    } else if (row->kind == ROW_TEXTS) {
        while (strings->count) free(strings->at[--strings->count]);
        free(strings->at);
        strings->at = NULL;
    }
}

struct node *config_value_node(const struct config_row *row, const struct node *place, struct span text)
{
    if (row->kind == ROW_TEXT || row->kind == ROW_CHOICE) return node_text(NODE_STRING, place, text);
    if (row->kind != ROW_TEXTS) return node_text(node_plain_kind(text), place, text);
    struct node *list = node_new(NODE_LIST, place->file, place->line, place->column);
    while (text.len) node_add(list, node_text(NODE_STRING, place, span_trim(span_cut(&text, ','))));
    return list;
}
