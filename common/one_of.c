#include "one_of.h"

#include <stdlib.h>

enum { NUMBER_TEXT_MAX = 63 };

static bool compile_value(struct one_of_value *v, const struct node *n, const char *where, struct buf *errors)
{
    static const enum json_type types[] = { [NODE_NULL] = JSON_NULL, [NODE_BOOL] = JSON_BOOL, [NODE_NUMBER] = JSON_NUMBER, [NODE_STRING] = JSON_STRING };
    if (n->kind == NODE_LIST || n->kind == NODE_MAP) {
        node_error(errors, n, where, "must be a text, a number, true, false or null, or a list of these");
        return false;
    }
    *v = (struct one_of_value){ .type = types[n->kind] };
    if (n->kind == NODE_NUMBER) v->number = strtod(n->text, NULL);
    if (n->kind == NODE_STRING) v->text = strdup(n->text);
    else v->text = strdup(n->kind == NODE_BOOL && (n->text[0] == 't' || n->text[0] == 'T') ? "true" : "false");
    NEED(v->text);
    return true;
}

bool one_of_compile(struct one_of *o, const struct node *n, const char *where, struct buf *errors)
{
    size_t count = n->kind == NODE_LIST ? n->count : 1;
    bool good = true;
    if (count == 0 || count > ONE_OF_MAX) {
        node_error(errors, n, where, "must be a value, or a list of 1 to %d", ONE_OF_MAX);
        return false;
    }
    o->at = calloc(count, sizeof *o->at);
    NEED(o->at);
    for (; o->count < count; o->count++) good &= compile_value(&o->at[o->count], n->kind == NODE_LIST ? n->child[o->count] : n, where, errors);
    return good;
}

void one_of_fini(struct one_of *o)
{
    for (size_t i = 0; i < o->count; i++) free(o->at[i].text);
    free(o->at);
    *o = (struct one_of){ 0 };
}

static bool same_number(struct span value, double number)
{
    char text[NUMBER_TEXT_MAX + 1];
    if (value.len > NUMBER_TEXT_MAX) return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    double n = strtod(text, NULL);
    return n <= number && n >= number;
}

bool one_of_is(const struct one_of *o, struct span value)
{
    enum json_type type = json_type_of(value);
    for (size_t i = 0; i < o->count; i++) {
        const struct one_of_value *v = &o->at[i];
        if (v->type != type) continue;
        if (type == JSON_NULL) return true;
        if (type == JSON_NUMBER ? same_number(value, v->number)
          : type == JSON_STRING ? json_string_is(value, span_of(v->text)) : span_same(value, span_of(v->text))) return true;
    }
    return false;
}

bool one_of_holds(const struct one_of *o, struct span value)
{
    struct span element;
    if (json_type_of(value) != JSON_ARRAY) return one_of_is(o, value);
    while (json_next(&value, &element))
        if (one_of_is(o, element)) return true;
    return false;
}
