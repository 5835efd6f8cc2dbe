/* template - the half of template.h that runs per event. */
#include "template_code.h"
#include "base64.h"
#include "json.h"
#include "warm.h"

enum { NAME_QUOTED_MAX = 6 * TEMPLATE_NAME_MAX };   /* a byte of a name may come as \u00xx */

void template_start(struct template_run *run, const struct template_program *p, const struct template_scope *scope)
{
    run->program = p;
    run->scope = scope;
    run->known = run->text = 0;
    run->first_known = false;
    run->failed = TEMPLATE_PATHS_MAX;
    run->used.base = run->used.count = 0;
}

void template_warm(const struct template_program *p)
{
    warm_bytes(p->op, p->op_count * sizeof *p->op);
    warm_bytes(p->path, p->path_count * sizeof *p->path);
    warm_bytes(p->text.ptr, p->text.len);
}

/* ---- values */

static struct span argument(struct span packet, unsigned index)
{
    struct span value = SPAN("");
    for (unsigned i = 0; i <= index + 1; i++)   /* the event's name goes before */
        if (!json_next(&packet, &value)) return SPAN("");
    return value;
}

static struct span step_into(struct span value, struct span name)
{
    uint64_t index;
    struct span element = SPAN("");
    if (span_starts(value, '{')) return json_find(value, name);
    if (!span_starts(value, '[') || !span_to_uint(name, UINT32_MAX, &index)) return SPAN("");
    for (uint64_t i = 0; i <= index; i++)
        if (!json_next(&value, &element)) return SPAN("");
    return element;
}

static struct span walk(struct span value, struct span names)
{
    while (names.len && value.len) value = step_into(value, span_cut(&names, '.'));
    return value;
}

static struct span names_of(const struct template_run *run, const struct template_path *path)
{
    return template_text(run->program, path->walk, path->walk_len);
}

/* All fields that any template of the program asks for, in one pass over the first argument: what
 * an event costs does not grow with its payload times the rule's paths. The last of equal keys counts. */
static void find_fields(struct template_run *run, unsigned fields[TEMPLATE_PATHS_MAX], unsigned count)
{
    const struct template_program *p = run->program;
    struct span object = run->first, key, value;
    while (json_next_member(&object, &key, &value)) {
        for (unsigned i = 0; i < count; i++) {
            const struct template_path *path = &p->path[fields[i]];
            struct span head = template_text(p, path->walk, path->head_len);
            if (key.ptr[1] != head.ptr[0] && key.ptr[1] != '\\') continue;
            if (json_string_is(key, head)) run->value[fields[i]] = value;
        }
    }
}

static void work_out_fields(struct template_run *run)
{
    const struct template_program *p = run->program;
    unsigned fields[TEMPLATE_PATHS_MAX], count = 0;
    run->first = argument(run->scope->packet, 0);
    run->first_known = true;
    bool object = span_starts(run->first, '{');
    for (unsigned i = 0; i < p->path_count; i++) {
        if (p->path[i].root != TEMPLATE_FIELD) continue;
        fields[count++] = i;
        run->value[i] = SPAN("");
        run->known |= UINT64_C(1) << i;
    }
    if (object) find_fields(run, fields, count);
    for (unsigned k = 0; k < count; k++) {
        const struct template_path *path = &p->path[fields[k]];
        struct span *value = &run->value[fields[k]], names = names_of(run, path), extra = SPAN("");
        if (!object) *value = walk(run->first, names);
        else if (path->walk_len > path->head_len) *value = walk(*value, span_skip(names, path->head_len + 1));
        if (run->scope->extra.len && !path->payload_only) extra = walk(run->scope->extra, names);
        if (extra.len) *value = extra;
    }
}

static struct span put_number(char digits[20], uint64_t n)
{
    struct buf one = { digits, 0, 20 };         /* never grows: 2^64 has 20 digits */
    buf_add_uint(&one, n);
    return buf_span(&one);
}

static struct span put_id(char id[24], const uint8_t random[16])
{
    struct buf one = { id, 0, 24 };             /* never grows: 16 bytes are 22 characters */
    base64_encode_url(&one, span_from(random, 16));
    return buf_span(&one);
}

static struct span nsp_part(const struct template_scope *scope, unsigned part)     /* 0: all of it */
{
    if (part == 0) return scope->nsp;
    return part <= scope->nsp_part_count ? scope->nsp_parts[part - 1] : SPAN("");
}

static struct span work_out(struct template_run *run, const struct template_path *path, bool *text)
{
    const struct template_scope *scope = run->scope;
    struct span names = names_of(run, path);
    switch ((enum template_root)path->root) {
    case TEMPLATE_ARGS:    return walk(argument(scope->packet, path->index), names);
    case TEMPLATE_CLAIMS:  return walk(scope->claims, names);
    case TEMPLATE_USER_ID: return scope->user;
    case TEMPLATE_EVENT:   return scope->event;
    case TEMPLATE_NOW_MS:  return put_number(run->ms, scope->now_ms);
    case TEMPLATE_NOW_S:   return put_number(run->s, scope->now_ms / 1000);
    default: break;
    }
    *text = true;
    switch ((enum template_root)path->root) {
    case TEMPLATE_SOCKET_ID:      return scope->socket;
    case TEMPLATE_SOCKET_ADDRESS: return scope->address;
    case TEMPLATE_NSP:            return nsp_part(scope, path->index);
    case TEMPLATE_NOW_ISO:        return iso_date(run->iso, (int64_t)scope->now_ms);
    default:                      return put_id(run->id, scope->random);
    }
}

static bool is_text(const struct template_run *run, unsigned path)
{
    return run->text >> path & 1;
}

struct span template_value(struct template_run *run, unsigned path)
{
    uint64_t bit = UINT64_C(1) << path;
    if (!(run->known & bit)) {
        bool text = false;
        if (run->program->path[path].root == TEMPLATE_FIELD) {
            work_out_fields(run);
            return run->value[path];
        }
        run->value[path] = work_out(run, &run->program->path[path], &text);
        run->known |= bit;
        if (text) run->text |= bit;
    }
    return run->value[path];
}

/* ---- JSON */

static void add_json(struct buf *out, struct template_run *run, struct span value)
{
    if (run->scope->attachments && (value.ptr[0] == '{' || value.ptr[0] == '['))
        renumber(out, value, run->scope->attachments, &run->used);
    else buf_add(out, value);
}

static void add_value(struct buf *out, struct template_run *run, unsigned path, struct span value)
{
    if (is_text(run, path)) json_quote(out, value);
    else add_json(out, run, value);
}

static void add_inside_quotes(struct buf *out, struct span text)
{
    size_t at = out->len;
    json_quote(out, text);
    memmove(out->ptr + at, out->ptr + at + 1, out->len - at - 2);
    out->len -= 2;
}

/* A string's inside is right inside another string as it is, lone surrogates included. */
static void add_part(struct buf *out, const struct template_run *run, unsigned path, struct span value)
{
    if (is_text(run, path) || span_starts(value, '{') || span_starts(value, '[')) add_inside_quotes(out, value);
    else if (span_starts(value, '"')) buf_add(out, span_from(value.ptr + 1, value.len - 2));
    else if (!span_same(value, SPAN("null"))) buf_add(out, value);
}

static void add_comma(struct buf *out)
{
    char last = out->ptr[out->len - 1];
    if (last != '{' && last != '[') buf_add_byte(out, ',');
}

static void add_all_args(struct buf *out, struct template_run *run)
{
    struct span packet = run->scope->packet, value;
    if (!json_next(&packet, &value)) return;        /* the event's name */
    while (json_next(&packet, &value)) {
        add_comma(out);
        add_json(out, run, value);
    }
}

void template_render(struct buf *out, const struct template *t, struct template_run *run)
{
    const struct template_program *p = run->program;
    for (const struct template_op *op = p->op + t->from, *end = p->op + t->to; op < end; op++) {
        struct span text = template_text(p, op->at, op->len);
        if (op->kind == TEMPLATE_TEXT) {
            buf_add(out, text);
            continue;
        }
        if (op->kind == TEMPLATE_COMMA) {
            add_comma(out);
            continue;
        }
        if (op->kind == TEMPLATE_ALL_ARGS) {
            add_all_args(out, run);
            continue;
        }
        struct span value = template_value(run, op->path);
        if (op->kind == TEMPLATE_PART) {
            add_part(out, run, op->path, value);
        } else if (op->kind == TEMPLATE_VALUE) {
            if (value.len) add_value(out, run, op->path, value);
            else buf_add_literal(out, "null");
        } else if (value.len) {
            add_comma(out);
            buf_add(out, text);
            add_value(out, run, op->path, value);
        }
    }
}

/* ---- addresses */

/* The text that a value puts into a name. Bounded before anything is copied. */
static enum err add_name_part(struct buf *name, bool text, struct span value)
{
    if (value.len == 0 || span_same(value, SPAN("null"))) return ERR_MISSING;
    if (!text && (value.ptr[0] == '{' || value.ptr[0] == '[')) return ERR_TYPE;
    if (value.len > NAME_QUOTED_MAX + 2) return ERR_LIMIT;
    size_t before = name->len;
    if (!text && value.ptr[0] == '"') json_unquote(name, value);
    else buf_add(name, value);
    if (name->len == before) return ERR_MISSING;
    if (name->len > TEMPLATE_NAME_MAX) return ERR_LIMIT;
    return memchr(name->ptr + before, '\0', name->len - before) ? ERR_SYNTAX : OK;
}

static void add_user(struct buf *out, struct span realm, struct span id)
{
    buf_add_literal(out, "user:");
    if (realm.len || span_find(id, '/') >= 0) {
        buf_add(out, realm);
        buf_add_byte(out, '/');
    }
    buf_add(out, id);
}

enum err template_user_address(struct buf *out, struct span realm, struct span user)
{
    char bytes[NAME_QUOTED_MAX + 4];
    struct buf id = { bytes, 0, sizeof bytes };     /* never grows: add_name_part bounds it */
    enum err e = add_name_part(&id, false, user);
    if (e) return e;
    if (realm.len + 1 + id.len + 5 > ADDRESS_MAX) return ERR_LIMIT;
    add_user(out, realm, buf_span(&id));
    return OK;
}

static enum err render_name(struct buf *name, const struct template *t, struct template_run *run)
{
    const struct template_program *p = run->program;
    for (const struct template_op *op = p->op + t->from, *end = p->op + t->to; op < end; op++) {
        enum err e = OK;
        if (op->kind == TEMPLATE_TEXT) {
            buf_add(name, template_text(p, op->at, op->len));
            if (name->len > TEMPLATE_NAME_MAX) e = ERR_LIMIT;
        } else {
            struct span value = template_value(run, op->path);
            run->failed = op->path;
            e = add_name_part(name, is_text(run, op->path), value);
        }
        if (e) return e;
    }
    return OK;
}

enum err template_render_address(struct buf *out, const struct template_address *a, struct template_run *run)
{
    const struct template_scope *scope = run->scope;
    char bytes[2 * TEMPLATE_NAME_MAX + NAME_QUOTED_MAX + 4];
    struct buf name = { bytes, 0, sizeof bytes };   /* never grows: see add_name_part; literals are bounded at load */
    run->failed = TEMPLATE_PATHS_MAX;
    if (a->form == TEMPLATE_ALL) {
        buf_add_byte(out, '*');
        return OK;
    }
    if (a->form == TEMPLATE_SELF) {
        if (scope->socket.len == 0) return ERR_MISSING;
        address_encode(out, ADDRESS_SOCKET, scope->socket);
        return OK;
    }
    enum err e = render_name(&name, &a->name, run);
    if (e) return e;
    if (a->kind != ADDRESS_USER) {
        address_encode(out, a->kind, buf_span(&name));
        return OK;
    }
    if (scope->realm.len + 1 + name.len + 5 > ADDRESS_MAX) return ERR_LIMIT;
    add_user(out, scope->realm, buf_span(&name));
    return OK;
}
