#include "gateway/api/idempotency_key.h"

#include <sodium.h>

static bool is_valid(struct span key)
{
    if (key.length < 1 || key.length > IDEMPOTENCY_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.length; i++) {
        if (key.at[i] < ' ' || key.at[i] > '~')
            return false;
    }
    return true;
}

bool idempotency_key_read(struct span key, uint64_t *hash)
{
    if (!is_valid(key))
        return false;
    crypto_generichash((unsigned char *)hash, sizeof *hash, (const unsigned char *)key.at, key.length, NULL, 0);
    if (*hash == 0)
        *hash = 1;
    return true;
}
