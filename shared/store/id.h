/*
 * Which store, and which journal, it is: 16 random bytes each. A store has one id for life, and its backups have the
 * same; two stores must never pass for one.
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
/* A new one. */
void store_id_make(uint8_t id[STORE_ID_BYTES]);
/* Hexadecimal, as it stands in schema_version. */
void store_id_format(const uint8_t id[STORE_ID_BYTES], char out[STORE_ID_TEXT_MAX]);
/* False for what is no id, or none. */
bool store_id_parse(const char *text, uint8_t id[STORE_ID_BYTES]);

void journal_id_format(const uint8_t id[16], char out[JOURNAL_ID_TEXT_MAX]);
bool journal_id_parse(const char *text, size_t length, uint8_t id[16]);

#endif
