#include "shared/store/ownership.h"

#include <string.h>

#include "shared/store/backend.h"

enum store_result store_ownership_create(struct store *store, const struct store_ownership *row, struct error *error)
{
    return store->ops->create_ownership(store, row, error);
}

enum store_result store_ownership_read(struct store *store, uint16_t partition, struct store_ownership *row,
                                       bool *found, struct error *error)
{
    *found = false;
    return store->ops->read_ownership(store, partition, row, found, error);
}

enum store_result store_ownership_change(struct store *store, const struct store_ownership *from,
                                         const struct store_ownership *to, bool *matched, struct error *error)
{
    CHECK(from->partition == to->partition);
    return store->ops->change_ownership(store, from, to, matched, error);
}
