#include "shared/store/query.h"

#include <string.h>

#include "shared/store/backend.h"

void store_only_read(struct store *store)
{
    store->only_reads = true;
}

enum store_result store_read_user_issues(struct store *store, const struct store_issue_query *query, store_view_fn each,
                                         void *arg, struct error *error)
{
    return store->ops->read_issues(store, STORE_ISSUES_OF_USER, query, each, arg, error);
}

enum store_result store_read_coupon_issues(struct store *store, const struct store_issue_query *query,
                                           store_view_fn each, void *arg, struct error *error)
{
    return store->ops->read_issues(store, STORE_ISSUES_OF_COUPON, query, each, arg, error);
}

enum store_result store_read_all_issues(struct store *store, const struct store_issue_query *query, store_view_fn each,
                                        void *arg, struct error *error)
{
    return store->ops->read_issues(store, STORE_ISSUES_OF_ALL, query, each, arg, error);
}

/* --- one issue --- */

struct one {
    uint32_t sequence;
    store_view_fn each;
    void *arg;
};

static bool take_one(void *arg, const struct store_issue_view *view)
{
    const struct one *one = arg;
    if (view->issue.sequence == one->sequence)
        one->each(one->arg, view);
    return false;
}

enum store_result store_read_issue(struct store *store, const struct store_issue *which, store_view_fn each, void *arg,
                                   struct error *error)
{
    CHECK(which->sequence > 0);
    struct one one = {which->sequence, each, arg};
    const struct store_issue_key after = {.sequence = which->sequence - 1};
    const struct store_issue_query query = {which->coupon_id, which->coupon_id_length, &after, 1};
    return store_read_coupon_issues(store, &query, take_one, &one, error);
}

enum store_result store_read_earlier_issues(struct store *store, const struct store_earlier_query *query,
                                            bool (*each)(void *arg, const struct store_issue *), void *arg,
                                            struct error *error)
{
    CHECK(query->limit > 0);
    return store->ops->read_earlier(store, query, each, arg, error);
}

enum store_result store_read_history(struct store *store, const struct store_history_query *query,
                                     bool (*each)(void *arg, const struct store_history_row *), void *arg,
                                     struct error *error)
{
    CHECK(query->limit > 0);
    return store->ops->read_history(store, query, each, arg, error);
}

enum store_result store_find_owner(struct store *store, const char *id, size_t length, struct store_coupon_owner *owner,
                                   struct error *error)
{
    *owner = (struct store_coupon_owner){.found = false};
    return store->ops->find_owner(store, id, length, owner, error);
}
