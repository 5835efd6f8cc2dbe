#include "item.h"

#include "base64.h"
#include "json.h"

bool item_is(struct span json)
{
    static const char formats[] = "\"formats\"";      /* looked for first: nearly every message has none, and is not parsed for it */
    return span_starts(json, '{') && memmem(json.ptr, json.len, formats, sizeof formats - 1) && json_check(json, JSON_MAX_DEPTH) == OK && json_find(json, SPAN("formats")).len > 0 &&
           json_find(json, SPAN("emit")).len == 0;
}

void item_fini(struct item *self)
{
    buf_fini(&self->request), buf_fini(&self->attachment);
}

static enum err refuse(struct verb_problem *p, enum err e, const char *code, struct span field, const char *message)
{
    *p = (struct verb_problem){ code, field, message };
    return e;
}

/* The channel's name as JSON, quoted, behind a prefix. */
static void add_text(struct buf *out, const char *before, struct span channel, const char *between, struct span after)
{
    struct buf text = { 0 };
    buf_add(&text, span_of(before)), buf_add(&text, channel), buf_add(&text, span_of(between));
    if (after.len) json_unquote(&text, after);
    json_quote(out, buf_span(&text));
    buf_fini(&text);
}

static enum err add_content(struct item *self, struct span message, struct verb_problem *p)
{
    struct span text = json_find(message, SPAN("content")), binary = json_find(message, SPAN("content-bin"));
    struct buf base64 = { 0 };
    if (json_type_of(text) == JSON_STRING) {
        buf_add_literal(&self->request, ",\"args\":["), buf_add(&self->request, text), buf_add_byte(&self->request, ']');
        return OK;
    }
    if (text.len) return refuse(p, ERR_TYPE, "wrong-type", SPAN("formats.ws-message.content"), "a string");
    if (json_type_of(binary) != JSON_STRING)
        return refuse(p, binary.len ? ERR_TYPE : ERR_MISSING, binary.len ? "wrong-type" : "missing-field",
                      binary.len ? SPAN("formats.ws-message.content-bin") : SPAN("formats.ws-message.content"), "a string; \"content-bin\": base64");
    json_unquote(&base64, binary);
    enum err e = base64_decode(&self->attachment, buf_span(&base64));
    buf_fini(&base64);
    if (e != OK) return refuse(p, e, "wrong-type", SPAN("formats.ws-message.content-bin"), "base64");
    self->binary = true;
    buf_add_literal(&self->request, ",\"args\":[{\"_placeholder\":true,\"num\":0}]");
    return OK;
}

static void add_field(struct buf *out, struct span json, const char *name)
{
    struct span value = json_find(json, span_of(name));
    if (value.len) buf_add_format(out, ",\"%s\":%.*s", name, (int)value.len, value.ptr);
}

enum err item_read(struct item *self, struct span channel, struct span json, struct verb_problem *p)
{
    struct span formats = json_find(json, SPAN("formats")), named = json_find(json, SPAN("channel")), id = json_find(json, SPAN("id"));
    if (json_type_of(formats) != JSON_OBJECT) return refuse(p, ERR_TYPE, "wrong-type", SPAN("formats"), "an object");
    struct span message = json_find(formats, SPAN("ws-message"));
    if (json_type_of(message) != JSON_OBJECT)
        return refuse(p, message.len ? ERR_TYPE : ERR_MISSING, message.len ? "wrong-type" : "missing-field", SPAN("formats.ws-message"), "an object: the only format that sockets have");
    if (channel.len == 0 && json_type_of(named) != JSON_STRING)
        return refuse(p, named.len ? ERR_TYPE : ERR_MISSING, named.len ? "wrong-type" : "missing-field", SPAN("channel"), "a string");
    if (id.len && json_type_of(id) != JSON_STRING) return refuse(p, ERR_TYPE, "wrong-type", SPAN("id"), "a string");
    struct span action = json_find(message, SPAN("action"));
    bool closes = json_string_is(action, SPAN("close"));
    if (action.len && !closes && !json_string_is(action, SPAN("send")))
        return refuse(p, ERR_RANGE, "wrong-type", SPAN("formats.ws-message.action"), "\"send\" or \"close\"");

    struct buf name = { 0 };
    if (channel.len) buf_add(&name, channel);
    else json_unquote(&name, named);
    enum err e = OK;
    buf_add(&self->request, closes ? SPAN("{\"disconnect\":") : SPAN("{\"emit\":\"message\",\"to\":"));
    add_text(&self->request, "room:", buf_span(&name), "", SPAN(""));
    if (!closes) e = add_content(self, message, p);
    if (id.len && !closes) {
        buf_add_literal(&self->request, ",\"id\":");
        add_text(&self->request, "", buf_span(&name), " ", id);
    }
    add_field(&self->request, json, "nsp"), add_field(&self->request, json, "ref");
    buf_add_byte(&self->request, '}');
    buf_fini(&name);
    return e;
}
