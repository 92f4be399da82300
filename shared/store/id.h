/*
 * The identity of a store and of a journal: 16 random bytes each. A store keeps its id for life, and its backups carry
 * the same; two stores must never share one.
 */
#ifndef COUPOND_STORE_ID_H
#define COUPOND_STORE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_ID_BYTES      16 /* all zeros: none */
#define STORE_ID_TEXT_MAX   (2 * STORE_ID_BYTES + 1)
#define JOURNAL_ID_TEXT_MAX 33 /* 32 hexadecimal digits and a NUL */

bool store_id_is_known(const uint8_t id[STORE_ID_BYTES]);
/* Generates a new id. */
void store_id_make(uint8_t id[STORE_ID_BYTES]);
/* Hexadecimal, as in schema_version. */
void store_id_format(const uint8_t id[STORE_ID_BYTES], char out[STORE_ID_TEXT_MAX]);
/* False when `text` is not an id, or is all zeros. */
bool store_id_parse(const char *text, uint8_t id[STORE_ID_BYTES]);

void journal_id_format(const uint8_t id[16], char out[JOURNAL_ID_TEXT_MAX]);
bool journal_id_parse(const char *text, size_t length, uint8_t id[16]);

#endif
