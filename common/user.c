#include "user.h"

#include "json.h"
#include "rank.h"

static enum err add_text(struct buf *out, struct span id)
{
    size_t before = out->len;
    switch (json_type_of(id)) {
    case JSON_STRING:
        if (id.len > 6 * USER_TEXT_MAX + 2) return ERR_LIMIT;       /* \u0041 */
        json_unquote(out, id);
        break;
    case JSON_NUMBER: case JSON_BOOL:
        buf_add(out, id);
        break;
    case JSON_NONE: case JSON_NULL:
        return ERR_MISSING;
    case JSON_ARRAY: case JSON_OBJECT:
        return ERR_TYPE;
    }
    if (out->len == before) return ERR_MISSING;
    if (out->len - before > USER_TEXT_MAX) return ERR_LIMIT;
    return memchr(out->ptr + before, '\0', out->len - before) ? ERR_SYNTAX : OK;
}

enum err user_key(struct buf *out, struct span realm, struct span id)
{
    size_t before = out->len;
    if (realm.len > USER_REALM_MAX) return ERR_LIMIT;
    if (span_find(realm, '/') >= 0) return ERR_SYNTAX;
    buf_add(out, realm);
    buf_add_byte(out, '/');
    enum err e = add_text(out, id);
    if (e != OK) out->len = before;
    return e;
}

void user_split(struct span key, struct span *realm, struct span *text)
{
    *realm = span_cut(&key, '/');
    *text = key;
}

void user_name(struct buf *out, struct span key)
{
    struct span realm, text;
    user_split(key, &realm, &text);
    buf_add(out, realm.len || span_find(text, '/') >= 0 ? key : text);
}

void user_key_of_name(struct buf *out, struct span name)
{
    if (span_find(name, '/') < 0) buf_add_byte(out, '/');
    buf_add(out, name);
}

uint16_t user_owner(struct span key, const uint16_t *numbers, size_t count)
{
    uint16_t owner, standby;
    rank_pick(numbers, count, rank_hash(key), &owner, &standby);
    return owner;
}
