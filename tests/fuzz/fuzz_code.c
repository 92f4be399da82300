/*
 * Codes that anyone may type. Any text gives a number within bounds; an accepted one is written back as the same code,
 * whatever hyphens and case it had; and of any number with any key, partition and issue can be told.
 */
#include "fuzz.h"

#include <string.h>

#include "shared/code.h"
#include "shared/limits.h"

void fuzz_begin(void)
{
}

void fuzz_seeds(void)
{
    static const char *const texts[] = {"000000000000", "0000-0000-0013", "oil-OIL-oil-OIL", "7H2K9-QX4T0-3N", "",
                                        "ZZZZZZZZZZZ"};
    const uint8_t key[16] = {1};
    char text[CODE_LENGTH];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        fuzz_seed(texts[i], strlen(texts[i]));
    for (uint32_t sequence = 1; sequence <= 20; sequence++) {
        code_format(code_make(key, 1, 3, sequence * 7, sequence), text);
        fuzz_seed(text, sizeof text);
    }
}

/* The number leads to a partition, and opens to some issue; if that has a code, it opens to the same issue. */
static void check_number(uint64_t code, const uint8_t key[16], uint16_t partitions)
{
    uint32_t coupon, sequence, again_coupon, again_sequence;
    CHECK(code < CODE_NUMBER_END);
    CHECK(code_partition(code, partitions) < partitions);
    code_open(key, partitions, code, &coupon, &sequence);
    CHECK(coupon >= 1 && coupon <= code_coupons_max(partitions));
    if (sequence == 0)
        return;
    uint64_t made = code_make(key, code_partition(code, partitions), partitions, coupon, sequence);
    CHECK(made < CODE_NUMBER_END && code_partition(made, partitions) == code_partition(code, partitions));
    code_open(key, partitions, made, &again_coupon, &again_sequence);
    CHECK(again_coupon == coupon && again_sequence == sequence);
}

static void check_written(uint64_t code, const char *text, size_t length)
{
    char written[CODE_LENGTH];
    uint64_t again;
    code_format(code, written);
    CHECK(code_parse(written, sizeof written, &again) && again == code);
    size_t characters = 0;
    for (size_t i = 0; i < length; i++)
        characters += text[i] != '-';
    CHECK(characters == CODE_LENGTH);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    uint8_t key[16] = {0};
    uint64_t code = UINT64_MAX;
    const char *text = (const char *)data;
    memcpy(key, data, size < sizeof key ? size : sizeof key);
    bool valid = code_parse(text, size, &code);
    for (uint16_t partitions = 1; partitions <= PARTITIONS_MAX; partitions += 7)
        check_number(code, key, partitions);
    if (valid)
        check_written(code, text, size);
}
