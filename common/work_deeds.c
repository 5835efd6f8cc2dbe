/* A worker's reply as DEEDs, which its gateway does. */
#include "work_frame.h"

#include "address.h"
#include "json.h"
#include "placeholder.h"
#include "renumber.h"

void work_frame_texts(struct buf *strs, struct span list)
{
    struct buf text = { 0 };
    struct span element = list;
    bool several = json_type_of(list) == JSON_ARRAY;
    while (list.len && (!several || json_next(&list, &element))) {
        buf_clear(&text);
        json_unquote(&text, element);
        msg_add_str(strs, buf_span(&text));
        if (!several) break;
    }
    buf_fini(&text);
}

struct deeds {
    struct buf  list;                   /* DEEDs as strs */
    struct buf  one, args, texts, more;
    size_t      attachments;
};

static void add_deed(struct deeds *d, const struct msg_DEED *deed)
{
    buf_clear(&d->one);
    msg_encode_DEED(&d->one, deed);
    msg_add_str(&d->list, buf_span(&d->one));
}

static void add_rooms(struct deeds *d, enum deed_kind kind, struct span rooms)
{
    struct buf address = { 0 };
    struct span rest, room;
    buf_clear(&d->texts);
    work_frame_texts(&d->texts, rooms);
    for (rest = buf_span(&d->texts); msg_next_str(&rest, &room); ) {
        buf_clear(&address);
        address_encode(&address, ADDRESS_ROOM, room);
        add_deed(d, &(struct msg_DEED){ .kind = (uint8_t)kind, .address = buf_span(&address) });
    }
    buf_fini(&address);
}

/* ["event", ...] (event may be empty: an ack's arguments), its attachments counted from 0. */
static enum err args_of(struct deeds *d, struct span event, struct span args, struct renumber *r)
{
    *r = (struct renumber){ 0 };
    buf_clear(&d->args);
    buf_add_byte(&d->args, '[');
    buf_add(&d->args, event);
    enum err e = args.len ? placeholder_check(args, (unsigned)d->attachments) : OK;
    if (e != OK) return e;
    struct span rest = args, element;
    for (bool comma = event.len > 0; rest.len && json_next(&rest, &element); comma = true) {
        if (comma) buf_add_byte(&d->args, ',');
        renumber(&d->args, element, (unsigned)d->attachments, r);
    }
    buf_add_byte(&d->args, ']');
    return OK;
}

static enum err add_event(struct deeds *d, enum deed_kind kind, const struct work_frame *f)
{
    struct renumber r;
    enum err e = args_of(d, f->field[WORK_F_event], f->field[WORK_F_args], &r);
    if (e != OK) return e;
    struct buf nsp = { 0 };
    buf_clear(&d->texts), buf_clear(&d->more);
    work_frame_texts(&d->texts, f->field[WORK_F_to]);
    work_frame_texts(&d->more, f->field[WORK_F_except]);
    if (f->field[WORK_F_nsp].len) json_unquote(&nsp, f->field[WORK_F_nsp]);
    add_deed(d, &(struct msg_DEED){ .kind = (uint8_t)kind, .is_volatile = json_is_true(f->field[WORK_F_volatile]), .nsp = buf_span(&nsp),
        .to = buf_span(&d->texts), .except = buf_span(&d->more), .args = buf_span(&d->args), .attachments = span_from(r.used, r.count) });
    buf_fini(&nsp);
    return OK;
}

static enum err add_events(struct deeds *d, enum deed_kind kind, enum work_frame_kind part, struct span list)
{
    struct span item, key, value;
    enum err e = OK;
    while (e == OK && list.len && json_next(&list, &item)) {
        struct work_frame f = { .kind = part };
        while (json_next_member(&item, &key, &value)) f.field[work_field_of(key)] = value;       /* checked before */
        e = add_event(d, kind, &f);
    }
    return e;
}

static void add_ack(struct deeds *d, const struct renumber *r)
{
    add_deed(d, &(struct msg_DEED){ .kind = DEED_ACK, .args = buf_span(&d->args), .attachments = span_from(r->used, r->count) });
}

static enum err add_refusal(struct msg_WORKED *out, struct deeds *d, struct buf *message, struct span refusal)
{
    struct span key, value, at[WORK_FIELDS] = { { NULL, 0 } };
    struct renumber r = { 0 };
    while (json_next_member(&refusal, &key, &value)) at[work_field_of(key)] = value;
    out->refused = 1;
    out->data = at[WORK_F_data];
    json_unquote(message, at[WORK_F_message]);
    if (!at[WORK_F_ack].len) return OK;
    enum err e = placeholder_check(at[WORK_F_ack], (unsigned)d->attachments);
    buf_clear(&d->args);
    buf_add_byte(&d->args, '[');
    renumber(&d->args, at[WORK_F_ack], (unsigned)d->attachments, &r);
    buf_add_byte(&d->args, ']');
    if (e == OK) add_ack(d, &r);
    return e;
}

static enum err add_deeds(struct deeds *d, const struct work_frame *f)
{
    struct renumber r;
    add_rooms(d, DEED_JOIN, f->field[WORK_F_joins]);
    add_rooms(d, DEED_LEAVE, f->field[WORK_F_leaves]);
    enum err e = add_events(d, DEED_EMIT, WORK_FRAME_emit, f->field[WORK_F_emits]);
    if (e == OK) e = add_events(d, DEED_REPLY, WORK_FRAME_answer, f->field[WORK_F_replies]);
    if (e == OK && f->field[WORK_F_ack].len) {
        e = args_of(d, (struct span){ "", 0 }, f->field[WORK_F_ack], &r);
        if (e == OK) add_ack(d, &r);
    }
    if (json_is_true(f->field[WORK_F_disconnect])) add_deed(d, &(struct msg_DEED){ .kind = DEED_DISCONNECT });
    return e;
}

enum err work_frame_worked(struct msg_WORKED *out, struct buf *text, const struct work_frame *f, size_t attachments, struct work_problem *problem)
{
    struct deeds d = { .attachments = attachments };
    struct buf message = { 0 };
    *out = (struct msg_WORKED){ 0 };
    *problem = (struct work_problem){ NULL, { "", 0 }, "" };
    enum err e = f->field[WORK_F_refuse].len ? add_refusal(out, &d, &message, f->field[WORK_F_refuse]) : add_deeds(&d, f);
    if (e == ERR_RANGE) *problem = (struct work_problem){ "bad-placeholder", SPAN("args"), "a placeholder names no attachment of this message" };
    else if (e != OK) *problem = (struct work_problem){ "too-many-attachments", SPAN("args"), "more binary attachments than Socket.IO clients accept (10)" };
    buf_clear(text);
    buf_add(text, buf_span(&d.list));
    buf_add(text, buf_span(&message));
    out->deeds = span_head(buf_span(text), d.list.len);
    out->message = span_skip(buf_span(text), d.list.len);
    buf_fini(&d.list), buf_fini(&d.one), buf_fini(&d.args), buf_fini(&d.texts), buf_fini(&d.more), buf_fini(&message);
    return e;
}

