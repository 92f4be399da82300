/*
 * The code of an issue: twelve characters that a person can read out and type, such as 7H2K9-QX4T0-3N as a shop may
 * print it. Nothing is stored for it. The last character checks the others; the eleven before it are 55 bits:
 *
 *   number = permutation(coupon number, sequence) × partitions + partition
 *
 * The permutation is a Feistel network over as many bits as fit, keyed with the journal's code_key: codes are unique,
 * and neither an issue's code nor whether a code exists follows from other codes. The partition can be read without the
 * key, so that a gateway knows whom to ask. Characters are Crockford's base 32 (https://www.crockford.com/base32.html):
 * case does not matter, I and L are read as 1, O as 0, and hyphens are skipped. Pure; any thread.
 */
#ifndef COUPOND_CODE_H
#define COUPOND_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODE_LENGTH     12 /* characters */
#define CODE_BITS       55 /* without the check character */
#define CODE_NUMBER_END (UINT64_C(1) << CODE_BITS)

/* The coupons of one partition that can have codes: numbers 1 to this. At least 131,072; 8,388,608 without partitions.
 * */
uint32_t code_coupons_max(uint16_t partitions);

/* The code of an issue, as a number below CODE_NUMBER_END. `coupon` is the coupon's number, at most
 * code_coupons_max(); `sequence` is at least 1. */
uint64_t code_make(const uint8_t key[16], uint16_t partition, uint16_t partitions, uint32_t coupon, uint32_t sequence);
/* The reverse, for any number below CODE_NUMBER_END of this partition: whether such a coupon and issue exist is for the
 * caller to see. */
void code_open(const uint8_t key[16], uint16_t partitions, uint64_t code, uint32_t *coupon, uint32_t *sequence);
/* The partition that a code leads to. */
uint16_t code_partition(uint64_t code, uint16_t partitions);

/* Writes the CODE_LENGTH characters, without a NUL. */
void code_format(uint64_t code, char out[CODE_LENGTH]);
/* False when the text is not a code: its length, a character, or the check is wrong. `code` is then the number of the
 * first characters all the same, or 0, so that a wrong code takes the same way as a right one. */
bool code_parse(const char *text, size_t length, uint64_t *code);

#endif
