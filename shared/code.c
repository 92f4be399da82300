#include "shared/code.h"

#include <sodium.h>
#include <string.h>

#include "shared/error.h"
#include "shared/limits.h"

#define ROUNDS         6
#define SEQUENCE_BITS  32
#define CHARACTER_BITS 5

_Static_assert((CODE_LENGTH - 1) * CHARACTER_BITS == CODE_BITS, "all but the check character");
_Static_assert(crypto_shorthash_KEYBYTES == 16, "the journal's key");

/* The bits of a permuted number: as many as fit beside the partition. */
static unsigned bits_of(uint16_t partitions)
{
    unsigned bits = CODE_BITS;
    while ((uint64_t)partitions > CODE_NUMBER_END >> bits)
        bits--;
    return bits;
}

uint32_t code_coupons_max(uint16_t partitions)
{
    return UINT32_C(1) << (bits_of(partitions) - SEQUENCE_BITS);
}

/* --- the permutation --- */

static uint64_t mask_of(unsigned bits)
{
    return (UINT64_C(1) << bits) - 1;
}

static uint64_t mix(const uint8_t key[16], unsigned round, uint64_t half)
{
    uint64_t in = (uint64_t)round << 56 | half, out;
    crypto_shorthash((unsigned char *)&out, (const unsigned char *)&in, sizeof in, key);
    return out;
}

/* Both halves keep their widths, which differ by one for an odd number of bits: rounds change them in turn. */
static uint64_t permute(const uint8_t key[16], uint64_t number, unsigned bits)
{
    unsigned low_bits = bits / 2;
    uint64_t low = number & mask_of(low_bits), high = number >> low_bits;
    for (unsigned round = 0; round < ROUNDS; round += 2) {
        high ^= mix(key, round, low) & mask_of(bits - low_bits);
        low ^= mix(key, round + 1, high) & mask_of(low_bits);
    }
    return high << low_bits | low;
}

static uint64_t permute_back(const uint8_t key[16], uint64_t number, unsigned bits)
{
    unsigned low_bits = bits / 2;
    uint64_t low = number & mask_of(low_bits), high = number >> low_bits;
    for (unsigned round = ROUNDS; round > 0; round -= 2) {
        low ^= mix(key, round - 1, high) & mask_of(low_bits);
        high ^= mix(key, round - 2, low) & mask_of(bits - low_bits);
    }
    return high << low_bits | low;
}

/* --- numbers --- */

uint64_t code_make(const uint8_t key[16], uint16_t partition, uint16_t partitions, uint32_t coupon, uint32_t sequence)
{
    CHECK(partition < partitions && partitions <= PARTITIONS_MAX);
    CHECK(coupon >= 1 && coupon <= code_coupons_max(partitions) && sequence >= 1);
    uint64_t number = (uint64_t)(coupon - 1) << SEQUENCE_BITS | (sequence - 1);
    return permute(key, number, bits_of(partitions)) * partitions + partition;
}

uint16_t code_partition(uint64_t code, uint16_t partitions)
{
    return (uint16_t)(code % partitions);
}

void code_open(const uint8_t key[16], uint16_t partitions, uint64_t code, uint32_t *coupon, uint32_t *sequence)
{
    unsigned bits = bits_of(partitions);
    /* Not every number is a code: beyond the permuted ones it opens to some coupon and issue that have another code. */
    uint64_t number = permute_back(key, code / partitions & mask_of(bits), bits);
    *coupon = (uint32_t)(number >> SEQUENCE_BITS) + 1;
    *sequence = (uint32_t)number + 1;
}

/* --- characters --- */

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* 0 to 31, or -1. */
static int value_of(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'I' || c == 'L')
        return 1;
    if (c == 'O')
        return 0;
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);
    return at != NULL ? (int)(at - alphabet) : -1;
}

/* Weights that are odd, and whose differences are no multiples of 32: every single wrong character is found, and nearly
 * every exchange of two. */
static unsigned check_of(uint64_t code)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < CODE_LENGTH - 1; i++)
        sum += (unsigned)(code >> (i * CHARACTER_BITS) & 31) * (2 * i + 3);
    return sum % 32;
}

void code_format(uint64_t code, char out[CODE_LENGTH])
{
    CHECK(code < CODE_NUMBER_END);
    for (unsigned i = 0; i < CODE_LENGTH - 1; i++)
        out[i] = alphabet[code >> (CODE_BITS - (i + 1) * CHARACTER_BITS) & 31];
    out[CODE_LENGTH - 1] = alphabet[check_of(code)];
}

bool code_parse(const char *text, size_t length, uint64_t *code)
{
    unsigned count = 0, check = 0;
    bool valid = true;
    *code = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '-')
            continue;
        int value = value_of(text[i]);
        valid = valid && value >= 0;
        if (count < CODE_LENGTH - 1)
            *code = *code << CHARACTER_BITS | (unsigned)(value < 0 ? 0 : value);
        check = (unsigned)value;
        count++;
    }
    return valid && count == CODE_LENGTH && check == check_of(*code);
}
