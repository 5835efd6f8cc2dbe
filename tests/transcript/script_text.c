/* Texts of a transcript: what is sent, and patterns of what comes. */
#include "script.h"
#include "t.h"

#include <stdio.h>

int script_hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static void add_var(struct script *s, struct span name, struct buf *out)
{
    for (unsigned i = 0; i < s->var_count; i++)
        if (span_same(span_of(s->vars[i].name), name)) {
            buf_add(out, span_of(s->vars[i].value));
            return;
        }
    FAIL("$%.*s has no value yet", (int)name.len, name.ptr);
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static struct span cut_name(struct span *in)    /* behind a '$': letters and digits */
{
    size_t n = 0;
    while (n < in->len && is_word(in->ptr[n]) && in->ptr[n] != '-') n++;
    struct span name = span_head(*in, n);
    *in = span_skip(*in, n);
    return name;
}

/* What is sent: escapes and variables. */
void script_expand(struct script *s, struct span in, struct buf *out)
{
    while (in.len) {
        char c = in.ptr[0];
        in = span_skip(in, 1);
        if (c == '\\' && in.len) {
            char e = in.ptr[0];
            in = span_skip(in, 1);
            if (e == 'r') buf_add_byte(out, '\r');
            else if (e == 'n') buf_add_byte(out, '\n');
            else if (e == 'e') buf_add_byte(out, '\x1e');
            else if (e == '0') buf_add_byte(out, '\0');
            else if (e == 'x' && in.len >= 2) {
                buf_add_byte(out, (char)(script_hex(in.ptr[0]) << 4 | script_hex(in.ptr[1])));
                in = span_skip(in, 2);
            } else if (e == '*') {
                uint64_t times = 0;
                if (!span_eat_uint(&in, &times) || !span_eat(&in, '{') || span_find(in, '}') < 0) FAIL("\\*N{text}");
                struct buf one = { 0 };
                script_expand(s, span_cut(&in, '}'), &one);
                while (times--) buf_add(out, buf_span(&one));
                buf_fini(&one);
            } else buf_add_byte(out, '\\'), buf_add_byte(out, e);
        } else if (c == '$' && in.len && is_word(in.ptr[0])) {
            add_var(s, cut_name(&in), out);
        } else buf_add_byte(out, c);
    }
}

static struct span escape_of(struct span *want, char *byte)     /* one byte of a pattern */
{
    struct span at = *want;
    *byte = at.ptr[0];
    size_t n = 1;
    if (*byte == '\\' && at.len > 1) {
        char e = at.ptr[1];
        n = 2;
        if (e == 'r') *byte = '\r';
        else if (e == 'n') *byte = '\n';
        else if (e == 'e') *byte = '\x1e';
        else if (e == '0') *byte = '\0';
        else if (e == 'x' && at.len >= 4) *byte = (char)(script_hex(at.ptr[2]) << 4 | script_hex(at.ptr[3])), n = 4;
        else n = 1;
    }
    *want = span_skip(at, n);
    return span_head(at, n);
}

bool script_matches(struct script *s, struct span want, struct span got)
{
    while (want.len) {
        if (want.ptr[0] == '*') {
            want = span_skip(want, 1);
            for (size_t skip = 0; skip <= got.len; skip++) {
                unsigned vars = s->var_count;
                if (script_matches(s, want, span_skip(got, skip))) return true;
                s->var_count = vars;
            }
            return false;
        }
        if (want.ptr[0] == '$' && want.len > 1 && is_word(want.ptr[1])) {
            want = span_skip(want, 1);
            struct span name = cut_name(&want);
            const char *value = NULL;
            for (unsigned i = 0; i < s->var_count; i++)
                if (span_same(span_of(s->vars[i].name), name)) value = s->vars[i].value;
            if (value) {
                if (!span_eat_prefix(&got, span_of(value))) return false;
                continue;
            }
            size_t n = 0;
            while (n < got.len && is_word(got.ptr[n])) n++;
            if (n == 0 || n >= sizeof s->vars[0].value || s->var_count == VARS) return false;
            memcpy(s->vars[s->var_count].name, name.ptr, name.len), s->vars[s->var_count].name[name.len] = 0;
            memcpy(s->vars[s->var_count].value, got.ptr, n), s->vars[s->var_count].value[n] = 0;
            s->var_count++;
            got = span_skip(got, n);
            continue;
        }
        char byte;
        escape_of(&want, &byte);
        if (!span_eat(&got, byte)) return false;
    }
    return got.len == 0;
}
