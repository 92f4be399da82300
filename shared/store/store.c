#include "shared/store/store.h"

#include <string.h>

#include "shared/store/backend.h"
#include "shared/store/judge.h"

struct store *store_create(const struct options *options, struct error *error)
{
    if (strcmp(options->store_type, "sqlite") == 0)
        return store_sqlite_create(options, error);
    if (strcmp(options->store_type, "mysql") == 0)
        return store_mysql_create(options, error);
    error_set(error, "store/type is \"%s\"; it must be sqlite or mysql", options->store_type);
    return NULL;
}

void store_destroy(struct store **store)
{
    if (*store)
        (*store)->ops->destroy(*store);
    *store = NULL;
}

const char *store_describe(const struct store *store)
{
    return store->description;
}

enum store_result store_connect(struct store *store, struct error *error)
{
    return store->ops->connect(store, error);
}

bool store_awaits_setup(const struct store *store)
{
    return store->awaits_setup;
}

enum store_result store_migrate(struct store *store, struct error *error)
{
    return store->ops->migrate(store, error);
}

enum store_result store_check_schema(struct store *store, struct error *error)
{
    return store_schema_check(store, error);
}

enum store_result store_schema_version(struct store *store, int64_t *version, struct error *error)
{
    return store->ops->schema_version(store, version, error);
}

enum store_result store_write(struct store *store, const struct store_batch *batch, struct error *error)
{
    return store->ops->write(store, batch, error);
}

enum store_result store_read_id(struct store *store, uint8_t id[STORE_ID_BYTES], struct error *error)
{
    return store->ops->read_id(store, id, error);
}

const uint8_t *store_id(const struct store *store)
{
    return store->id;
}

uint64_t store_behind_seq(const struct store *store)
{
    return store->behind_seq;
}

enum store_result store_each_dead_coupon(struct store *store, const uint8_t journal_id[16], store_dead_coupon_fn each,
                                         void *arg, struct error *error)
{
    return store->ops->each_dead_coupon(store, journal_id, each, arg, error);
}

enum store_result store_adopt_journal(struct store *store, const struct store_journal *journal, struct error *error)
{
    return store->ops->adopt_journal(store, journal, error);
}

enum store_result store_read_begin(struct store *store, struct error *error)
{
    return store->ops->read_begin(store, error);
}

enum store_result store_each_journal(struct store *store, store_journal_fn each, void *arg, struct error *error)
{
    return store->ops->each_journal(store, each, arg, error);
}

enum store_result store_each_coupon(struct store *store, store_coupon_fn each, void *arg, struct error *error)
{
    return store->ops->each_coupon(store, each, arg, error);
}

enum store_result store_each_issue(struct store *store, store_issue_fn each, void *arg, struct error *error)
{
    return store->ops->each_issue(store, each, arg, error);
}

enum store_result store_each_change(struct store *store, store_change_fn each, void *arg, struct error *error)
{
    return store->ops->each_change(store, each, arg, error);
}

enum store_result store_each_history(struct store *store, const char *coupon_id, store_history_fn each, void *arg,
                                     struct error *error)
{
    return store->ops->each_history(store, coupon_id, each, arg, error);
}

enum store_result store_each_erasure(struct store *store, store_erasure_fn each, void *arg, struct error *error)
{
    return store->ops->each_erasure(store, each, arg, error);
}

enum store_result store_each_dead_letter(struct store *store, const struct store_dead_letter *after, size_t limit,
                                         store_dead_letter_fn each, void *arg, struct error *error)
{
    return store->ops->each_dead_letter(store, after, limit, each, arg, error);
}

void store_read_end(struct store *store)
{
    store->ops->read_end(store);
}
