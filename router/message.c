/* An outsider's message: its frames taken apart into requests. A frame that is a JSON list is a batch; a J
 * before the JSON says nothing more; what Pushpin's publishers send is put into our words (item.h). */
#include "item.h"
#include "router_internal.h"

#include "address.h"
#include "json.h"
#include "placeholder.h"
#include "renumber.h"

bool router_is_json(struct span frame)
{
    (void)span_eat(&frame, 'J');
    return span_starts(frame, '{') || span_starts(frame, '[');
}

static const struct span none = { "", 0 };

/* ---- one request */

static enum err on_item(struct router *self, struct asking *asking, struct span channel, struct span json, struct router_time now)
{
    struct item item = { 0 };
    struct span attachment;
    struct verb_problem problem;
    enum err e = item_read(&item, channel, json, &problem);
    if (e == OK) {
        attachment = buf_span(&item.attachment);
        e = request_on(self, asking, &(struct message){ .json = buf_span(&item.request), .attachments = &attachment, .count = item.binary }, now);
    } else {
        e = request_refuse(self, asking, none, e, &problem);
    }
    item_fini(&item);
    return e;
}

/* ---- a batch */

/* A member with the attachments that it refers to, counted anew. Where a placeholder names none the member goes as it is:
 * then it is refused like any other request. */
static enum err on_member(struct router *self, struct asking *asking, const struct message *all, struct span json, struct router_time now)
{
    if (item_is(json)) return on_item(self, asking, none, json, now);
    struct span attachments[REQUEST_FRAMES_MAX];
    struct buf counted = { 0 };
    struct renumber r = { 0 };
    struct message m = { .to = all->to, .json = json };
    if (all->count && placeholder_check(json, (unsigned)all->count) != OK) {
        m.attachments = all->attachments, m.count = all->count;
    } else if (all->count) {
        renumber(&counted, json, (unsigned)all->count, &r);
        for (unsigned i = 0; i < r.count; i++) attachments[i] = all->attachments[r.used[i]];
        m.json = buf_span(&counted), m.attachments = attachments, m.count = r.count;
    }
    enum err e = request_on(self, asking, &m, now);
    buf_fini(&counted);
    return e;
}

static size_t count_of(struct span list)
{
    size_t n = 0;
    for (struct span element; json_next(&list, &element); ) n++;
    return n;
}

static enum err on_batch(struct router *self, struct asking *asking, const struct message *m, struct router_time now)
{
    enum err e = json_check(m->json, JSON_MAX_DEPTH + 1), first = OK;
    if (e != OK) return request_refuse(self, asking, none, e, &(struct verb_problem){ "bad-json", none, err_text(e) });
    size_t count = count_of(m->json), place = 0;
    if (count == 0) return request_refuse(self, asking, none, ERR_MISSING, PROBLEM("bad-json", "", "a batch has one request at least"));
    if (count > self->o.config->router.max_batch_count)
        return request_refuse(self, asking, none, ERR_LIMIT, PROBLEM("too-many", "", "more requests than router.max_batch_count in one batch"));
    self->o.stats->batches_in++;
    bool answered = asking->envelope != NULL;
    uint64_t batch = answered ? batch_new(&self->batches, &asking->envelope, count) : 0;
    struct span rest = m->json, json;
    while (json_next(&rest, &json)) {
        struct asking member = { .plane = asking->plane, .refused = asking->refused };
        if (answered) member.envelope = batch_envelope(batch, place++);
        e = on_member(self, &member, m, json, now);
        if (first == OK) first = e;
        blob_drop(&member.envelope);
    }
    return first;
}

/* ---- a message */

static enum err on_message(struct router *self, struct asking *asking, struct router_time now)
{
    if (asking->count == 0 || asking->count > REQUEST_FRAMES_MAX)
        return request_refuse(self, asking, none, ERR_SYNTAX, PROBLEM("bad-frames", "", "a request is [json][attachment]... or [address][json][attachment]..., at most 64 frames"));
    bool headed = asking->count >= 2 && !router_is_json(asking->frames[0]);
    const struct span *frames = asking->frames + headed;
    struct message m = { .json = frames[0], .attachments = frames + 1, .count = asking->count - headed - 1 };
    bool marked = router_is_json(m.json) && span_eat(&m.json, 'J');
    if (span_starts(m.json, 'T')) return request_refuse(self, asking, none, ERR_SYNTAX, PROBLEM("bad-json", "", "a tnetstring? JSON is taken, with or without a J before it"));
    struct address address;
    if (headed) m.to = asking->frames[0];
    if (item_is(m.json) && (marked || !headed)) return on_item(self, asking, m.to, m.json, now);
    if (headed && address_decode(&address, m.to) != OK) return request_refuse(self, asking, none, ERR_SYNTAX, PROBLEM("bad-address", "to", "the first frame is no address"));
    return (span_starts(m.json, '[') ? on_batch : request_on)(self, asking, &m, now);
}

enum err router_on_request(struct router *self, struct asking *asking, struct router_time now)
{
    enum err e = on_message(self, asking, now);
    blob_drop(&asking->envelope);
    router_on_turn(self, now);
    return e;
}
