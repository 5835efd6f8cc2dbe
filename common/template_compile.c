/* template_compile - the half of template.h that runs at load. */
#include "template_code.h"
#include "json.h"

#include <limits.h>
#include <stdlib.h>

enum { PATH_TEXT_MAX = 128, ARGS_MAX = 255 };

/* What a path can begin with, and whether more follows. */
static const struct root {
    const char *name;
    enum template_root root;
    bool open;                  /* any path may follow, and one must */
} roots[] = {
    { "user.id",        TEMPLATE_USER_ID,        false },
    { "socket.id",      TEMPLATE_SOCKET_ID,      false },
    { "socket.address", TEMPLATE_SOCKET_ADDRESS, false },
    { "nsp",            TEMPLATE_NSP,            false },
    { "event",          TEMPLATE_EVENT,          false },
    { "now.iso",        TEMPLATE_NOW_ISO,        false },
    { "now.ms",         TEMPLATE_NOW_MS,         false },
    { "now.s",          TEMPLATE_NOW_S,          false },
    { "new.id",         TEMPLATE_NEW_ID,         false },
    { "user",           TEMPLATE_CLAIMS,         true },
    { "claims",         TEMPLATE_CLAIMS,         true },
    { "args",           TEMPLATE_ARGS,           true },
};
/* Names that no payload field has by itself: "{now.day}" is a mistake, not a field. */
static const char *const reserved[] = { "user", "socket", "nsp", "event", "now", "new", "claims", "args" };

#define COMPLAIN(c, n, ...) (node_error((c)->errors, (n), (c)->where, __VA_ARGS__), false)

static unsigned add_text(struct template_program *p, struct span s)     /* where it stands */
{
    NEED(p->text.len + s.len <= UINT_MAX);
    size_t at = p->text.len;
    buf_add(&p->text, s);
    return (unsigned)at;
}

static void add_op(struct template_compiler *c, enum template_op_kind kind, unsigned path, unsigned at, size_t len)
{
    struct template_program *p = c->program;
    if (p->op_count == p->op_cap) {
        p->op_cap = p->op_cap ? 2 * p->op_cap : 16;
        p->op = realloc(p->op, p->op_cap * sizeof *p->op);
        NEED(p->op);
    }
    p->op[p->op_count++] = (struct template_op){ (uint8_t)kind, (uint8_t)path, at, (unsigned)len };
}

void template_begin(struct template_compiler *c)
{
    c->floor = c->program->op_count;
}

struct template template_end(struct template_compiler *c)
{
    return (struct template){ c->floor, c->program->op_count };
}

void template_add_literal(struct template_compiler *c, struct span json)
{
    struct template_program *p = c->program;
    if (json.len == 0) return;
    struct template_op *last = p->op_count > c->floor ? &p->op[p->op_count - 1] : NULL;
    unsigned at = add_text(p, json);
    if (last && last->kind == TEMPLATE_TEXT && last->at + last->len == at) last->len += (unsigned)json.len;
    else add_op(c, TEMPLATE_TEXT, 0, at, json.len);
}

/* ---- paths */

static bool intern(unsigned *path, struct template_compiler *c, const struct node *n, struct template_path new, struct span text)
{
    struct template_program *p = c->program;
    for (unsigned i = 0; i < p->path_count; i++) {
        const struct template_path *old = &p->path[i];
        if (old->root != new.root || old->payload_only != new.payload_only || old->index != new.index) continue;
        if (!span_same(template_text(p, old->at, old->len), text)) continue;
        *path = i;
        return true;
    }
    if (p->path_count == TEMPLATE_PATHS_MAX) return COMPLAIN(c, n, "more than %d different paths in one rule", TEMPLATE_PATHS_MAX);
    if (p->path_count == p->path_cap) {
        p->path_cap = p->path_cap ? 2 * p->path_cap : 8;
        p->path = realloc(p->path, p->path_cap * sizeof *p->path);
        NEED(p->path);
    }
    new.at = add_text(p, text);
    new.len = (unsigned)text.len;
    new.walk += new.at;         /* the walk is the end of the text */
    p->path[*path = p->path_count++] = new;
    return true;
}

static bool well_formed(struct template_compiler *c, const struct node *n, struct span text)
{
    if (text.len > PATH_TEXT_MAX) return COMPLAIN(c, n, "a path is longer than %d bytes", PATH_TEXT_MAX);
    for (struct span rest = text; ; ) {
        bool more = span_find(rest, '.') >= 0;
        if (span_cut(&rest, '.').len == 0) return COMPLAIN(c, n, "'%.*s' is no path: a name is empty", (int)text.len, text.ptr);
        if (!more) return true;
    }
}

static struct template_path path_of(enum template_root root, struct span text, struct span walk)
{
    struct span rest = walk, head = span_cut(&rest, '.');
    return (struct template_path){ .root = (uint8_t)root, .walk = (unsigned)(text.len - walk.len), .walk_len = (unsigned)walk.len,
                                   .head_len = (unsigned)head.len };
}

static bool args_path(unsigned *path, struct template_compiler *c, const struct node *n, struct span text)
{
    struct span walk = span_skip(text, 5);      /* "args." */
    uint64_t index;
    struct span number = span_cut(&walk, '.');
    if (!span_to_uint(number, ARGS_MAX, &index))
        return COMPLAIN(c, n, "'%.*s': behind args. stands the number of an argument, 0 to %d", (int)text.len, text.ptr, ARGS_MAX);
    struct template_path new = path_of(TEMPLATE_ARGS, text, walk);
    new.index = (unsigned)index;
    return intern(path, c, n, new, text);
}

static bool nsp_path(unsigned *path, struct template_compiler *c, const struct node *n, struct span text)
{
    uint64_t part;
    if (!span_to_uint(span_skip(text, 4), c->nsp_parts, &part) || part == 0)
        return COMPLAIN(c, n, "there is no {%.*s}: the namespace's name has %zu wildcards", (int)text.len, text.ptr, c->nsp_parts);
    struct template_path new = path_of(TEMPLATE_NSP, text, SPAN(""));
    new.index = (unsigned)part;
    return intern(path, c, n, new, text);
}

static bool path_in_braces(unsigned *path, struct template_compiler *c, const struct node *n, struct span text)
{
    if (!well_formed(c, n, text)) return false;
    if (span_has_prefix(text, SPAN("nsp."))) return nsp_path(path, c, n, text);
    for (const struct root *r = roots; r < roots + sizeof roots / sizeof roots[0]; r++) {
        struct span walk = text;
        if (!span_eat_prefix(&walk, span_of(r->name))) continue;
        if (r->open ? !span_eat(&walk, '.') : walk.len > 0) continue;
        if (c->no_socket && (r->root == TEMPLATE_SOCKET_ID || r->root == TEMPLATE_SOCKET_ADDRESS)) break;
        if (r->root == TEMPLATE_ARGS) return args_path(path, c, n, text);
        return intern(path, c, n, path_of(r->root, text, walk), text);
    }
    struct span rest = text, head = span_cut(&rest, '.');
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (span_same(head, span_of(reserved[i])))
            return COMPLAIN(c, n, "there is no {%.*s} here (a payload field of that name is {args.0.%.*s})",
                            (int)text.len, text.ptr, (int)text.len, text.ptr);
    return intern(path, c, n, path_of(TEMPLATE_FIELD, text, text), text);
}

bool template_compile_field(unsigned *path, struct template_compiler *c, const struct node *n, struct span name)
{
    if (!well_formed(c, n, name)) return false;
    if (span_has_prefix(name, SPAN("args."))) return args_path(path, c, n, name);
    struct template_path new = path_of(TEMPLATE_FIELD, name, name);
    new.payload_only = true;
    return intern(path, c, n, new, name);
}

bool template_compile_path(unsigned *path, struct template_compiler *c, const struct node *n, struct span text)
{
    static const char plain[] = "it is no JSON value: a condition can't look at it";
    if (!path_in_braces(path, c, n, text)) return false;
    switch ((enum template_root)c->program->path[*path].root) {
    case TEMPLATE_FIELD: case TEMPLATE_ARGS: case TEMPLATE_CLAIMS: case TEMPLATE_USER_ID: case TEMPLATE_EVENT: case TEMPLATE_NOW_MS: case TEMPLATE_NOW_S:
        return true;
    default:
        return COMPLAIN(c, n, "{%.*s}: %s", (int)text.len, text.ptr, plain);
    }
}

struct span template_path_text(const struct template_program *p, unsigned path)
{
    NEED(path < p->path_count);
    return template_text(p, p->path[path].at, p->path[path].len);
}

/* ---- text with paths in it */

/* Takes what stands before the next {path}, its "{{" undone, and that path. *found says whether there was one. */
static bool next_part(struct template_compiler *c, const struct node *n, struct span *text, struct buf *literal, bool *found, unsigned *path)
{
    *found = false;
    while (text->len) {
        if (!span_eat(text, '{')) {
            buf_add_byte(literal, text->ptr[0]);
            *text = span_skip(*text, 1);
        } else if (span_eat(text, '{')) {
            buf_add_byte(literal, '{');
        } else {
            if (span_find(*text, '}') < 0) return COMPLAIN(c, n, "a '{' without '}' (a brace itself is written '{{')");
            *found = true;
            return path_in_braces(path, c, n, span_cut(text, '}'));
        }
    }
    return true;
}

/* Literals and PARTs: inside of quotes, or bare for a name behind a colon. */
static bool add_parts(struct template_compiler *c, const struct node *n, struct span text, bool bare)
{
    bool found = true, good = true;
    while (found && good) {
        struct buf literal = { 0 }, quoted = { 0 };
        unsigned path;
        good = next_part(c, n, &text, &literal, &found, &path);
        json_quote(&quoted, buf_span(&literal));
        template_add_literal(c, bare ? buf_span(&literal) : span_from(quoted.ptr + 1, quoted.len - 2));
        if (good && found) add_op(c, TEMPLATE_PART, path, 0, 0);
        buf_fini(&literal), buf_fini(&quoted);
    }
    return good;
}

/* Is the text one {path} and nothing else? */
static bool alone(struct span text)
{
    return text.len > 2 && text.ptr[0] == '{' && text.ptr[1] != '{' && span_find(text, '}') == (ptrdiff_t)text.len - 1;
}

static bool add_quoted(struct template_compiler *c, const struct node *n)
{
    template_add_literal(c, SPAN("\""));
    bool good = add_parts(c, n, span_of(n->text), false);
    template_add_literal(c, SPAN("\""));
    return good;
}

bool template_add_string(struct template_compiler *c, const struct node *n)
{
    if (n->kind == NODE_LIST || n->kind == NODE_MAP || n->kind == NODE_NULL) return COMPLAIN(c, n, "must be text");
    return add_quoted(c, n);
}

/* ---- lists, maps and the rest */

static bool add_list(struct template_compiler *c, const struct node *n)
{
    bool good = true;
    template_add_literal(c, SPAN("["));
    for (size_t i = 0; i < n->count; i++) {
        if (i) template_add_literal(c, SPAN(","));
        good &= template_add(c, n->child[i]);
    }
    template_add_literal(c, SPAN("]"));
    return good;
}

/* A member that is one {path} may vanish; until one is there for certain, commas are decided when it runs. */
static bool add_map(struct template_compiler *c, const struct node *n)
{
    bool good = true, first = true, certain = false;
    template_add_literal(c, SPAN("{"));
    for (size_t i = 0; i < n->count; i++) {
        const struct node *member = n->child[i];
        struct span name = span_of(member->key);
        struct buf key = { 0 };
        unsigned path;
        json_quote(&key, name);
        buf_add_byte(&key, ':');
        if (span_same(name, SPAN("_placeholder"))) {
            good = COMPLAIN(c, member, "the key _placeholder belongs to Socket.IO");
        } else if (span_find(name, '{') >= 0) {
            good = COMPLAIN(c, member, "a key can't hold a path");
        } else if (member->kind == NODE_STRING && alone(span_of(member->text))) {
            struct span text = span_of(member->text);
            bool known = path_in_braces(&path, c, member, span_from(text.ptr + 1, text.len - 2));
            if (known) add_op(c, TEMPLATE_MEMBER, path, add_text(c->program, buf_span(&key)), key.len);
            good &= known;
        } else {
            if (certain) template_add_literal(c, SPAN(","));
            else if (!first) add_op(c, TEMPLATE_COMMA, 0, 0, 0);
            template_add_literal(c, buf_span(&key));
            good &= template_add(c, member);
            certain = true;
        }
        first = false;
        buf_fini(&key);
    }
    template_add_literal(c, SPAN("}"));
    return good;
}

bool template_add(struct template_compiler *c, const struct node *n)
{
    struct span text = span_of(n->text);
    struct buf json = { 0 };
    unsigned path;
    switch (n->kind) {
    case NODE_LIST: return add_list(c, n);
    case NODE_MAP:  return add_map(c, n);
    case NODE_STRING:
        if (!alone(text)) return add_quoted(c, n);
        if (!path_in_braces(&path, c, n, span_from(text.ptr + 1, text.len - 2))) return false;
        add_op(c, TEMPLATE_VALUE, path, 0, 0);
        return true;
    case NODE_NULL: case NODE_BOOL: case NODE_NUMBER: break;
    }
    node_json(&json, n);
    template_add_literal(c, buf_span(&json));
    buf_fini(&json);
    return true;
}

bool template_add_arguments(struct template_compiler *c, const struct node *list, bool behind)
{
    bool good = true;
    for (size_t i = 0; i < list->count; i++) {
        const struct node *n = list->child[i];
        if (n->kind == NODE_STRING && strcmp(n->text, "{args}") == 0) {
            add_op(c, TEMPLATE_ALL_ARGS, 0, 0, 0);
            continue;
        }
        if (behind) template_add_literal(c, SPAN(","));
        else if (i) add_op(c, TEMPLATE_COMMA, 0, 0, 0);
        good &= template_add(c, n);
        behind = true;
    }
    return good;
}

bool template_asks(const struct template_program *p)
{
    for (unsigned i = 0; i < p->path_count; i++)
        if (p->path[i].root == TEMPLATE_FIELD || p->path[i].root == TEMPLATE_ARGS) return true;
    for (unsigned i = 0; i < p->op_count; i++)
        if (p->op[i].kind == TEMPLATE_ALL_ARGS) return true;
    return false;
}

/* ---- addresses */

static bool compile_name(struct template_address *a, struct template_compiler *c, const struct node *n, enum address_kind kind, struct span name)
{
    *a = (struct template_address){ .form = TEMPLATE_NAMED, .kind = kind };
    if (name.len == 0) return COMPLAIN(c, n, "a name is empty");
    if (name.len > TEMPLATE_NAME_MAX) return COMPLAIN(c, n, "a name is longer than %d bytes", TEMPLATE_NAME_MAX);
    template_begin(c);
    bool good = add_parts(c, n, name, true);
    a->name = template_end(c);
    return good;
}

static const struct { const char *prefix; enum address_kind kind; } kinds[] = {
    { "user:", ADDRESS_USER }, { "room:", ADDRESS_ROOM }, { "socket:", ADDRESS_SOCKET },
};

bool template_compile_address(struct template_address *a, struct template_compiler *c, const struct node *n)
{
    if (n->kind != NODE_STRING) return COMPLAIN(c, n, "must be an address: user:..., room:..., socket:..., * or self");
    struct span text = span_of(n->text);
    if (span_same(text, SPAN("*"))) {
        *a = (struct template_address){ .form = TEMPLATE_ALL, .kind = ADDRESS_ALL };
        return true;
    }
    if (span_same(text, SPAN("self"))) {
        *a = (struct template_address){ .form = TEMPLATE_SELF, .kind = ADDRESS_SOCKET };
        return !c->no_socket || COMPLAIN(c, n, "there is no 'self' here: the socket has gone or is one of several");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (span_eat_prefix(&text, span_of(kinds[i].prefix))) return compile_name(a, c, n, kinds[i].kind, text);
    return COMPLAIN(c, n, "'%s' is no address: it must begin with user:, room: or socket:, or be * or self", n->text);
}

bool template_compile_room(struct template_address *a, struct template_compiler *c, const struct node *n)
{
    if (n->kind != NODE_STRING && n->kind != NODE_NUMBER) return COMPLAIN(c, n, "must be the name of a room");
    struct span text = span_of(n->text);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (span_has_prefix(text, span_of(kinds[i].prefix)))
            return COMPLAIN(c, n, "'%s': here stands a room's name alone, what comes behind \"room:\"", n->text);
    return compile_name(a, c, n, ADDRESS_ROOM, text);
}

void template_fini(struct template_program *p)
{
    free(p->op);
    free(p->path);
    buf_fini(&p->text);
    *p = (struct template_program){ 0 };
}
