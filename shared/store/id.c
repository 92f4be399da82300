#include "shared/store/id.h"

#include <sodium.h>
#include <string.h>

#include "shared/error.h"

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

void journal_id_format(const uint8_t id[16], char out[JOURNAL_ID_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++) {
        out[2 * i] = digits[id[i] >> 4];
        out[2 * i + 1] = digits[id[i] & 15];
    }
    out[32] = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return -1;
}

bool journal_id_parse(const char *text, size_t length, uint8_t id[16])
{
    if (length != 32)
        return false;
    for (size_t i = 0; i < 16; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        id[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

void store_id_format(const uint8_t id[STORE_ID_BYTES], char out[STORE_ID_TEXT_MAX])
{
    journal_id_format(id, out);
}

bool store_id_parse(const char *text, uint8_t id[STORE_ID_BYTES])
{
    return journal_id_parse(text, strlen(text), id) && store_id_is_known(id);
}
