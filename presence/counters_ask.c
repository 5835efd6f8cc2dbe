/* counters_ask - the verb: what a user has used, to the event; and setting it back. */
#include "counters_inside.h"

#include "json.h"

static bool meant(const struct counter *c, struct span event)
{
    return event.len == 0 || span_same(counter_event(c), event);
}

bool counters_settle(struct counters *self, struct span user, struct span event, struct counters_time now)
{
    bool settled = true;
    for (struct counter *c = counter_first(self, user); c; c = c->next) {
        if (!meant(c, event)) continue;
        counter_refresh(self, c, now.mono);
        if (!c->recall_by) counter_recall(self, c, NULL, false, now.mono);
        settled = !counter_awaited(self, c, now.mono) && settled;
    }
    return settled;
}

void counters_print(struct counters *self, struct buf *json, struct span user, struct span event, struct counters_time now)
{
    bool comma = false;
    for (struct counter *c = counter_first(self, user); c; c = c->next) {
        if (!meant(c, event)) continue;
        counter_refresh(self, c, now.mono);
        uint32_t sum = counter_sum(c, now.mono);
        uint64_t clears = quota_clears_at(&c->quota, &c->limit);
        if (comma) buf_add_byte(json, ',');
        comma = true;
        buf_add_literal(json, "{\"event\":");
        json_quote(json, counter_event(c));
        buf_add_literal(json, ",\"key\":");
        json_quote(json, counter_key(c));
        buf_add_format(json, ",\"count\":%u,\"limit\":%u,\"window\":", sum, c->limit.count);
        quota_print_window(json, &c->limit);
        buf_add_format(json, ",\"resetTime\":%llu}", (unsigned long long)(clears > now.mono ? now.wall + clears - now.mono : now.wall));
    }
}

/* What gateways have of before, they forget; what they say of it later is of another turn. */
void counters_reset(struct counters *self, struct span user, struct span event, struct counters_time now)
{
    for (struct counter *c = counter_first(self, user), *next; c; c = next) {
        next = c->next;
        if (!meant(c, event)) continue;
        quota_clear(&c->quota);
        counter_void(self, c);
        counter_recall(self, c, NULL, true, now.mono);
        for (struct holder *h = c->holders; h; h = h->next) h->recalled = false;
        c->recall_by = 0;
        counter_written(self, c);
        counter_serve(self, c, now);
    }
}
