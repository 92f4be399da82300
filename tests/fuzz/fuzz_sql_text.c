/*
 * String literals for MySQL: for any text, the literal is plain letters between quotes or hexadecimal digits, and reads
 * back as the text. RFC 3339 times: parsing, formatting and parsing again gives the same time.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/limits.h"
#include "shared/store/sql_text.h"

#define HEX_BEGIN "_utf8mb4 x'"

void fuzz_begin(void)
{
}

void fuzz_seeds(void)
{
    static const char *const texts[] = {"plain text-1_2.3:4@5",
                                        "it's",
                                        "a\\",
                                        "\xed\x95\x9c",
                                        "",
                                        "2026-11-21T02:25:00Z",
                                        "1970-01-01t00:00:00.000000001+00:00",
                                        "9999-12-31T23:59:60.9-23:59",
                                        "2024-02-29T12:00:00.123456z"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        fuzz_seed(texts[i], strlen(texts[i]));
}

static unsigned digit_value(char digit)
{
    CHECK((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'));
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)(digit - 'a') + 10;
}

/* Checks the text between the quotes of a plain literal. */
static void check_plain(const char *literal, size_t length, const uint8_t *data, size_t size)
{
    CHECK(length == size + 2 && literal[0] == '\'' && literal[length - 1] == '\'');
    CHECK(size == 0 || memcmp(literal + 1, data, size) == 0);
    for (size_t i = 0; i < size; i++)
        CHECK(data[i] >= ' ' && data[i] < 0x7f && strchr("'\"\\`%;", data[i]) == NULL);
}

static void check_hexadecimal(const char *literal, size_t length, const uint8_t *data, size_t size)
{
    size_t begin = strlen(HEX_BEGIN);
    CHECK(length == begin + 2 * size + 1);
    CHECK(memcmp(literal, HEX_BEGIN, begin) == 0 && literal[length - 1] == '\'');
    for (size_t i = 0; i < size; i++)
        CHECK(digit_value(literal[begin + 2 * i]) * 16 + digit_value(literal[begin + 2 * i + 1]) == data[i]);
}

static void check_quoted(const char *text, const uint8_t *data, size_t size)
{
    struct sql_text sql = {0};
    sql_text_add(&sql, "(");
    sql_text_quoted(&sql, text, size);
    if (sql.data[1] == '\'')
        check_plain(sql.data + 1, sql.length - 1, data, size);
    else
        check_hexadecimal(sql.data + 1, sql.length - 1, data, size);
    sql_text_deinit(&sql);
}

static void check_time(const char *text, size_t size)
{
    int64_t us, again;
    char printed[RFC3339_MAX];
    if (!rfc3339_parse(text, size, &us))
        return;
    CHECK(us >= 0 && us <= TIME_US_MAX);
    CHECK(rfc3339_format(us, printed) == 27);
    CHECK(rfc3339_parse(printed, 27, &again) && again == us);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    check_quoted(text, data, size);
    check_time(text, size);
    free(text);
}
