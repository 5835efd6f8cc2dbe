#include "order.h"

static uint64_t weight(const struct user *u)
{
    uint64_t x = (uint64_t)(uintptr_t)u * 0x9e3779b97f4a7c15;
    x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9;
    return x ^ x >> 32;
}

static bool before(const struct user *a, const struct user *b)
{
    return span_order(users_key(a), users_key(b)) < 0;
}

/* Down to the first one that is lighter; what hangs there is split around the new one. */
void order_add(struct user **root, struct user *u)
{
    struct user **at = root;
    while (*at && weight(*at) >= weight(u)) at = before(u, *at) ? &(*at)->left : &(*at)->right;
    struct user *rest = *at, **less = &u->left, **more = &u->right;
    *at = u;
    while (rest) {
        if (before(rest, u)) *less = rest, less = &rest->right, rest = rest->right;
        else *more = rest, more = &rest->left, rest = rest->left;
    }
    *less = *more = NULL;
}

void order_drop(struct user **root, struct user *u)
{
    struct user **at = root;
    while (*at != u) at = before(u, *at) ? &(*at)->left : &(*at)->right;
    struct user *left = u->left, *right = u->right;
    while (left && right) {
        if (weight(left) >= weight(right)) *at = left, at = &left->right, left = left->right;
        else *at = right, at = &right->left, right = right->left;
    }
    *at = left ? left : right;
    u->left = u->right = NULL;
}

struct user *order_after(struct user *root, struct span key)
{
    struct user *found = NULL;
    while (root) {
        if (span_order(users_key(root), key) > 0) found = root, root = root->left;
        else root = root->right;
    }
    return found;
}
