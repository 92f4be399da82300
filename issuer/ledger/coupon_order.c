#include "issuer/ledger/coupon_order.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

#define FANOUT COUPON_ORDER_FANOUT

struct coupon_order_node {
    struct coupon_order_node *next; /* of a leaf: the next leaf */
    unsigned count;
    struct ledger_coupon *coupons[FANOUT]; /* of an inner node: the smallest of each child, except the first */
    struct coupon_order_node *children[];  /* of an inner node: FANOUT */
};

/* --- life --- */

static struct coupon_order_node *create_node(bool is_leaf)
{
    size_t children = is_leaf ? 0 : FANOUT * sizeof(struct coupon_order_node *);
    struct coupon_order_node *node = malloc(sizeof *node + children);
    CHECK(node != NULL);
    node->next = NULL;
    node->count = 0;
    return node;
}

static void destroy_node(struct coupon_order_node *node, unsigned height)
{
    for (unsigned i = 0; height > 0 && i < node->count; i++)
        destroy_node(node->children[i], height - 1);
    free(node);
}

void coupon_order_deinit(struct coupon_order *order)
{
    if (order->root != NULL)
        destroy_node(order->root, order->height);
    *order = (struct coupon_order){0};
}

/* --- finding --- */

/* The number of the node's coupons with an id up to `id`. */
static unsigned place_of(const struct coupon_order_node *node, const char *id)
{
    unsigned low = 0, high = node->count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (strcmp(node->coupons[middle]->id, id) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The child of an inner node that `id` belongs to. */
static unsigned child_of(const struct coupon_order_node *node, const char *id)
{
    unsigned place = place_of(node, id);
    return place == 0 ? 0 : place - 1;
}

struct coupon_order_place coupon_order_after(const struct coupon_order *order, const char *after)
{
    const struct coupon_order_node *node = order->root;
    if (node == NULL)
        return (struct coupon_order_place){NULL, 0};
    for (unsigned height = order->height; height > 0; height--)
        node = node->children[child_of(node, after)];
    return (struct coupon_order_place){node, place_of(node, after)};
}

struct ledger_coupon *coupon_order_next(struct coupon_order_place *place)
{
    if (place->leaf != NULL && place->at == place->leaf->count)
        *place = (struct coupon_order_place){place->leaf->next, 0};
    return place->leaf == NULL ? NULL : place->leaf->coupons[place->at++];
}

/* --- adding --- */

/* Inserts at `at` into a node that is not full. */
static void put(struct coupon_order *order, struct coupon_order_node *node, unsigned at, struct ledger_coupon *coupon,
                struct coupon_order_node *child)
{
    unsigned behind = node->count - at;
    memmove(node->coupons + at + 1, node->coupons + at, behind * sizeof *node->coupons);
    node->coupons[at] = coupon;
    if (child != NULL) {
        memmove(node->children + at + 1, node->children + at, behind * sizeof *node->children);
        node->children[at] = child;
    }
    node->count++;
    order->shifted += behind;
}

/* Moves the entries from `cut` on to a new node after this one. */
static struct coupon_order_node *split(struct coupon_order_node *node, unsigned cut, bool is_leaf)
{
    struct coupon_order_node *right = create_node(is_leaf);
    right->count = node->count - cut;
    memcpy(right->coupons, node->coupons + cut, right->count * sizeof *node->coupons);
    if (!is_leaf)
        memcpy(right->children, node->children + cut, right->count * sizeof *node->children);
    node->count = cut;
    right->next = is_leaf ? node->next : NULL;
    node->next = is_leaf ? right : NULL;
    return right;
}

/* Inserts a coupon into a leaf, or a child and its smallest coupon into an inner node. Returns the new node if this one
 * was split, otherwise NULL. Ascending ids fill their nodes, as those of a snapshot do. */
static struct coupon_order_node *put_or_split(struct coupon_order *order, struct coupon_order_node *node, unsigned at,
                                              struct ledger_coupon *coupon, struct coupon_order_node *child)
{
    if (node->count < FANOUT) {
        put(order, node, at, coupon, child);
        return NULL;
    }
    unsigned cut = at == FANOUT ? FANOUT : FANOUT / 2;
    struct coupon_order_node *right = split(node, cut, child == NULL);
    order->shifted += right->count;
    if (at <= cut && cut < FANOUT)
        put(order, node, at, coupon, child);
    else
        put(order, right, at - cut, coupon, child);
    return right;
}

static struct coupon_order_node *add_below(struct coupon_order *order, struct coupon_order_node *node, unsigned height,
                                           struct ledger_coupon *coupon)
{
    if (height == 0)
        return put_or_split(order, node, place_of(node, coupon->id), coupon, NULL);
    unsigned child = child_of(node, coupon->id);
    struct coupon_order_node *right = add_below(order, node->children[child], height - 1, coupon);
    return right == NULL ? NULL : put_or_split(order, node, child + 1, right->coupons[0], right);
}

static void grow(struct coupon_order *order, struct coupon_order_node *right)
{
    struct coupon_order_node *root = create_node(false);
    put(order, root, 0, order->root->coupons[0], order->root);
    put(order, root, 1, right->coupons[0], right);
    order->root = root;
    order->height++;
}

void coupon_order_add(struct coupon_order *order, struct ledger_coupon *coupon)
{
    if (order->root == NULL) {
        CHECK(order->height == 0);
        order->root = create_node(true);
    }
    struct coupon_order_node *right = add_below(order, order->root, order->height, coupon);
    if (right != NULL)
        grow(order, right);
    order->count++;
}

/* --- checking --- */

static bool lies_between(const char *id, const char *least, const char *end)
{
    return (least == NULL || strcmp(least, id) <= 0) && (end == NULL || strcmp(id, end) < 0);
}

/* The number of coupons below a node, with ids from `least` to before `end` (NULL: unbounded); 0 when a node is
 * invalid. */
static size_t count_below(const struct coupon_order_node *node, unsigned height, const char *least, const char *end)
{
    size_t count = 0;
    for (unsigned i = 0; i < node->count; i++) {
        if (node->coupons[i] == NULL)
            return 0;
        const char *id = node->coupons[i]->id, *behind = i + 1 < node->count ? node->coupons[i + 1]->id : end;
        bool kept_up = height == 0 || i > 0;
        if (kept_up && !lies_between(id, least, behind))
            return 0;
        size_t below = height == 0 ? 1 : count_below(node->children[i], height - 1, kept_up ? id : least, behind);
        if (below == 0)
            return 0;
        count += below;
    }
    return count;
}

bool coupon_order_is_sound(const struct coupon_order *order)
{
    if (order->root == NULL)
        return order->count == 0 && order->height == 0;
    struct coupon_order_place place = coupon_order_after(order, "");
    size_t walked = 0;
    while (coupon_order_next(&place) != NULL)
        walked++;
    return walked == order->count && count_below(order->root, order->height, NULL, NULL) == order->count;
}
