/* Which store it is: two of them must never pass for one. */
#include <sodium.h>
#include <string.h>

#include "shared/store/backend.h"

bool store_id_is_known(const uint8_t id[STORE_ID_BYTES])
{
    static const uint8_t none[STORE_ID_BYTES];
    return memcmp(id, none, sizeof none) != 0;
}

void store_id_make(uint8_t id[STORE_ID_BYTES])
{
    CHECK(sodium_init() >= 0);
    do
        randombytes_buf(id, STORE_ID_BYTES);
    while (!store_id_is_known(id));
}

void store_id_format(const uint8_t id[STORE_ID_BYTES], char out[STORE_ID_TEXT_MAX])
{
    journal_id_format(id, out);
}

bool store_id_parse(const char *text, uint8_t id[STORE_ID_BYTES])
{
    return journal_id_parse(text, strlen(text), id) && store_id_is_known(id);
}

enum store_result store_id_missing(const struct store *store, struct error *error)
{
    error_set(error, "%s has no id in schema_version; its persister gives it one when it starts", store->description);
    return STORE_FAILED;
}

enum store_result store_id_judge(const struct store *store, const struct store_batch *batch, struct error *error)
{
    char ours[STORE_ID_TEXT_MAX];
    char meant[STORE_ID_TEXT_MAX];
    if (!store_id_is_known(batch->store_id) || memcmp(batch->store_id, store->id, STORE_ID_BYTES) == 0)
        return STORE_OK;
    store_id_format(store->id, ours);
    store_id_format(batch->store_id, meant);
    error_set(error,
              "%s is another store (id %s) than the one that the issuer fills (id %s): give this persister the same "
              "store/… as the issuer and the other persisters",
              store->description, ours, meant);
    return STORE_OTHER;
}
