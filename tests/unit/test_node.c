#include "node.h"
#include "t.h"
#include "tree.h"

#include <stdio.h>

TEST(node_json_undoes_the_tree)
{
    static const struct { const char *name, *json; } rows[] = {
        { "scalars", "[null,true,false,1,-1.5e3,\"text\",\"8080\"]" },
        { "nested",  "{\"a\":{\"b\":[{},[],{\"c\":[1]}]},\"\":0}" },
        { "escapes", "\"quote \\\" newline \\n tab \\t\"" },
        { "utf-8",   "{\"\xc3\xa9\":\"\xe4\xbd\xa0\xe5\xa5\xbd\"}" },
    }, *r;
    EACH(r, rows) {
        struct node *n = tree_of(r->json), *copy = node_copy(n);
        struct buf out = { 0 };
        node_json(&out, n);
        SAME(buf_span(&out), r->json);
        buf_clear(&out);
        node_json(&out, copy);
        SAME(buf_span(&out), r->json);
        buf_fini(&out);
        node_destroy(&n);
        CHECK(!n);
        node_destroy(&copy);
    }
}

TEST(node_plain_text_has_a_kind)
{
    static const struct { const char *name; enum node_kind kind; } rows[] = {
        { "", NODE_NULL }, { "~", NODE_NULL }, { "null", NODE_NULL }, { "nULL", NODE_STRING },
        { "true", NODE_BOOL }, { "FALSE", NODE_BOOL }, { "yes", NODE_STRING }, { "no", NODE_STRING }, { "on", NODE_STRING },
        { "0", NODE_NUMBER }, { "-0", NODE_NUMBER }, { "8080", NODE_NUMBER }, { "1.5", NODE_NUMBER }, { "1e9", NODE_NUMBER }, { "1E+9", NODE_NUMBER },
        { "007", NODE_STRING }, { "0x1f", NODE_STRING }, { ".5", NODE_STRING }, { "1.", NODE_STRING }, { "1e", NODE_STRING }, { "-", NODE_STRING },
        { "+1", NODE_STRING }, { "64k", NODE_STRING }, { "25s", NODE_STRING }, { "127.0.0.1", NODE_STRING }, { ".inf", NODE_STRING },
        { "99999999999999999999999", NODE_NUMBER },
    }, *r;
    EACH(r, rows) EQUAL(node_plain_kind(t_exact(span_of(r->name))), r->kind);
}

TEST(node_find_marks_and_keeps_order)
{
    struct node *n = tree_of("{\"a\":1,\"b\":2,\"c\":3}");
    CHECK(!node_find(n, "d") && !node_find(n->child[0], "a") && !node_find(NULL, "a"));
    CHECK(node_find(n, "b") == n->child[1] && n->child[1]->used && !n->child[0]->used);
    struct node *b = node_take(n, 1);
    EQUAL(n->count, 2);
    CHECK(!node_find(n, "b") && node_find(n, "c") == n->child[1]);
    node_name(b, SPAN("z"));
    node_add(n, b);
    SAME(span_of(n->child[2]->key), "z");
    node_destroy(&n);
}

TEST(node_takes_and_adds_without_end)
{
    struct node *n = node_new(NODE_LIST, "f", 1, 1), *one;
    for (unsigned i = 0; i < 1000; i++) {
        node_add(n, node_new(NODE_NULL, "f", i, 1));
        if (i % 3 == 0) one = node_take(n, n->count / 2), node_destroy(&one);
    }
    EQUAL(n->count, 1000 - 334);
    while (n->count) one = node_take(n, 0), node_destroy(&one);
    node_add(n, node_new(NODE_NULL, "f", 1, 1));
    node_destroy(&n);
    node_destroy(&n);
}

TEST(node_interns_a_file_once)
{
    struct node *n = node_new(NODE_MAP, NULL, 0, 0);
    const char *a = node_intern(n, SPAN("a.yaml")), *b = node_intern(n, SPAN("b.yaml"));
    CHECK(a != b && a == node_intern(n, t_exact(SPAN("a.yaml"))));
    char name[16];
    for (int i = 0; i < 100; i++) (void)snprintf(name, sizeof name, "%d", i), (void)node_intern(n, span_of(name));
    EQUAL(n->names, 102);
    SAME(span_of(a), "a.yaml");
    node_destroy(&n);
}

TEST(node_error_is_one_line)
{
    struct node *n = node_new(NODE_NULL, "dir/f.yaml", 12, 7), variable = { .file = "CAUSEWAY_X" };
    struct buf out = { 0 };
    node_error(&out, n, "a.b", "wrong %d", 5);
    node_error(&out, n, "", "two\nlines");
    node_error(&out, &variable, "", "no place");
    SAME(buf_span(&out), "dir/f.yaml:12:7: a.b: wrong 5\ndir/f.yaml:12:7: two?lines\nCAUSEWAY_X: no place\n");
    buf_fini(&out);
    node_destroy(&n);
}
