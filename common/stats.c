#include "stats.h"
#include "json.h"

static const char *const kinds[] = { [STAT_COUNTER] = "counter", [STAT_GAUGE] = "gauge", [STAT_ERRORS] = "counter, by reason" };

void stats_name(struct buf *out, const char *name)
{
    struct span rest = span_of(name), first = span_cut(&rest, '_');
    buf_add(out, first);
    if (rest.len) buf_add_byte(out, '.'), buf_add(out, rest);
}

static void add_number(struct buf *out, const char *name, const char *reason, uint64_t value)
{
    buf_add_literal(out, ",\"");
    stats_name(out, name);
    if (reason) buf_add_byte(out, '.'), buf_add(out, span_of(reason));
    buf_add_literal(out, "\":");
    buf_add_uint(out, value);
}

static void add_meta(struct buf *out, const struct stats_meta *m)
{
    const struct { const char *name; uint64_t value; } numbers[] = {
        { "pid", m->pid }, { "uptime_ms", m->uptime_ms }, { "seq", m->seq }, { "time", m->time },
    };
    buf_add_literal(out, "{\"role\":");
    json_quote(out, span_of(m->role));
    buf_add_literal(out, ",\"id\":");
    json_quote(out, span_of(m->id));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        buf_add_literal(out, ",\"");
        buf_add(out, span_of(numbers[i].name));
        buf_add_literal(out, "\":");
        buf_add_uint(out, numbers[i].value);
    }
}

void stats_json(struct buf *out, const struct stats_meta *meta, const struct stats_view *views, size_t count)
{
    add_meta(out, meta);
    for (const struct stats_view *v = views; v < views + count; v++) {
        for (const struct stat_row *row = v->rows; row < v->rows + v->count; row++) {
            const uint64_t *value = (const void *)((const char *)v->values + row->offset);
            if (row->kind != STAT_ERRORS) { add_number(out, row->name, NULL, *value); continue; }
            for (unsigned e = 0; e < ERR_COUNT; e++)
                if (value[e]) add_number(out, row->name, err_name((enum err)e), value[e]);
        }
    }
    buf_add_byte(out, '}');
}

void stats_document(struct buf *out, const struct stats_view *view)
{
    buf_add_literal(out, "| name | kind | what |\n|---|---|---|\n");
    for (const struct stat_row *row = view->rows; row < view->rows + view->count; row++) {
        buf_add_literal(out, "| `");
        stats_name(out, row->name);
        if (row->kind == STAT_ERRORS) buf_add_literal(out, ".ERR_*");
        buf_add_format(out, "` | %s | %s |\n", kinds[row->kind], row->help);
    }
}
