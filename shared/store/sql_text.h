/*
 * Builds SQL statements for MySQL as text: multi-row inserts of thousands of rows, for which bound parameters would
 * cost more. Pure. Text that cannot be quoted verbatim becomes a hexadecimal literal, so nothing depends on the
 * server's sql_mode or character set.
 */
#ifndef COUPOND_SQL_TEXT_H
#define COUPOND_SQL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Grows as needed and is reused; all zeros is an empty text. */
struct sql_text {
    char *data;
    size_t length;
    size_t capacity;
};

void sql_text_deinit(struct sql_text *sql);
/* Empties it, but keeps the memory. */
void sql_text_clear(struct sql_text *sql);

/* Appends SQL verbatim. */
void sql_text_add(struct sql_text *sql, const char *text);
void sql_text_add_bytes(struct sql_text *sql, const char *bytes, size_t length);
void sql_text_number(struct sql_text *sql, uint64_t number);
/* A string literal in UTF-8. */
void sql_text_quoted(struct sql_text *sql, const char *text, size_t length);
/* A binary literal. */
void sql_text_bytes(struct sql_text *sql, const void *bytes, size_t length);
/* A DATETIME(6) literal in UTC, or NULL. `rfc3339` is rfc3339_format()'s text, or NULL. */
void sql_text_time(struct sql_text *sql, const char *rfc3339);

#endif
