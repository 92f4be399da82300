#include "gateway/api/coupon_id_random.h"

#include <sodium.h>

#include "shared/error.h"

enum { LENGTH = 16 };

void coupon_id_random(char out[COUPON_ID_MAX + 1])
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned char bytes[LENGTH];
    CHECK(sodium_init() >= 0);
    randombytes_buf(bytes, sizeof bytes);
    for (int i = 0; i < LENGTH; i++)
        out[i] = alphabet[bytes[i] % 32];
    out[LENGTH] = '\0';
}
