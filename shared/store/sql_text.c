#include "shared/store/sql_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

#define DATETIME_LENGTH 26 /* 2026-11-21 02:25:00.000000 */
#define DATE_LENGTH     10

void sql_text_deinit(struct sql_text *sql)
{
    free(sql->data);
    *sql = (struct sql_text){0};
}

void sql_text_clear(struct sql_text *sql)
{
    sql->length = 0;
}

static char *extend(struct sql_text *sql, size_t more)
{
    if (sql->capacity - sql->length < more) {
        size_t capacity = sql->capacity * 2 > sql->length + more ? sql->capacity * 2 : sql->length + more;
        sql->data = realloc(sql->data, capacity);
        CHECK(sql->data != NULL);
        sql->capacity = capacity;
    }
    char *end = sql->data + sql->length;
    sql->length += more;
    return end;
}

void sql_text_add_bytes(struct sql_text *sql, const char *bytes, size_t length)
{
    if (length > 0) /* an empty text may be NULL */
        memcpy(extend(sql, length), bytes, length);
}

void sql_text_add(struct sql_text *sql, const char *text)
{
    sql_text_add_bytes(sql, text, strlen(text));
}

void sql_text_number(struct sql_text *sql, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    sql_text_add_bytes(sql, digits + at, sizeof digits - at);
}

/* True when the text needs no escaping in quotes, in every sql_mode and character set: letters, digits and the other
 * characters of ids. */
static bool is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && c != '-' && c != '_' && c != '.' && c != ':' && c != '@' && c != ' ')
            return false;
    }
    return true;
}

static void add_hexadecimal(struct sql_text *sql, const char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    char *out = extend(sql, 2 * length);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        *out++ = digits[byte >> 4];
        *out++ = digits[byte & 15];
    }
}

void sql_text_quoted(struct sql_text *sql, const char *text, size_t length)
{
    if (is_plain(text, length)) {
        sql_text_add(sql, "'");
        sql_text_add_bytes(sql, text, length);
    } else {
        sql_text_add(sql, "_utf8mb4 x'");
        add_hexadecimal(sql, text, length);
    }
    sql_text_add(sql, "'");
}

void sql_text_bytes(struct sql_text *sql, const void *bytes, size_t length)
{
    sql_text_add(sql, "x'");
    add_hexadecimal(sql, bytes, length);
    sql_text_add(sql, "'");
}

void sql_text_time(struct sql_text *sql, const char *rfc3339)
{
    if (!rfc3339) {
        sql_text_add(sql, "NULL");
        return;
    }
    char *out = extend(sql, DATETIME_LENGTH + 2);
    out[0] = '\'';
    memcpy(out + 1, rfc3339, DATETIME_LENGTH);
    out[1 + DATE_LENGTH] = ' ';
    out[1 + DATETIME_LENGTH] = '\'';
}
