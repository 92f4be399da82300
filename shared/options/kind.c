/*
 * Option values by kind: checking, storing and showing.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shared/mask.h"
#include "shared/options/options.h"
#include "shared/options/rows.h"
#include "shared/redis_url.h"

bool option_is_number(const struct option_row *row)
{
    return row->kind == OPTION_KIND_NUMBER || row->kind == OPTION_KIND_DURATION || row->kind == OPTION_KIND_SIZE;
}

bool option_is_text(const struct option_row *row)
{
    return !option_is_number(row) && row->kind != OPTION_KIND_FLAG;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), of_end = strlen(end);
    return length > of_end && strcmp(text + length - of_end, end) == 0;
}

const char *option_unit(const struct option_row *row)
{
    static const struct {
        const char *end, *unit;
    } units[] = {
        {"_ms", "ms"},  {"_minutes", "minutes"}, {"_bytes_max", "bytes"},
        {"_mb", "MiB"}, {"_mb_max", "MiB"},      {"_mb_per_s", "MiB/s"},
        {"_s", "s"},
    };
    if (row->kind != OPTION_KIND_DURATION && row->kind != OPTION_KIND_SIZE)
        return "";
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (ends_with(row->name, units[i].end))
            return units[i].unit;
    }
    CHECK(!"the name of a duration or size ends with its unit");
    return "";
}

/* --- showing --- */

_Static_assert(OPTION_SHOWN_MAX >= MASKED_MAX, "a masked value fits");

void option_show(const struct option_row *row, const char *value, char shown[OPTION_SHOWN_MAX])
{
    if (row->kind == OPTION_KIND_URL)
        redis_url_show(value, shown);
    else if (row->kind == OPTION_KIND_SECRET || (row->kind == OPTION_KIND_SECRET_FILE && !is_plain_path(value)))
        snprintf(shown, OPTION_SHOWN_MAX, "***"); /* the value may be the secret itself instead of its file */
    else
        mask_secrets(value, shown);
}

void options_show(const char *section, const char *name, const char *value, char shown[OPTION_SHOWN_MAX])
{
    int index = option_find(section, name);
    CHECK(index >= 0);
    option_show(&option_rows[index], value, shown);
}

/* --- checking --- */

int option_refuse(const char *section, const char *name, const char *value, const char *why, struct error *error)
{
    char shown[OPTION_SHOWN_MAX];
    options_show(section, name, value, shown);
    return error_set(error, "%s/%s: \"%s\" is %s", section, name, shown, why);
}

static int refuse(const struct option_row *row, const char *value, const char *why, struct error *error)
{
    return option_refuse(row->section, row->name, value, why, error);
}

/* Parses a decimal integer without surrounding characters; one beyond 64 bits becomes the nearest of 64 bits, which no
 * option accepts. */
static bool parse_number(const char *value, int64_t *number)
{
    if (!isdigit((unsigned char)value[0]) && !(value[0] == '-' && isdigit((unsigned char)value[1])))
        return false;
    char *end;
    *number = strtoll(value, &end, 10);
    return *end == '\0';
}

static bool is_between(const struct option_row *row, int64_t number)
{
    return number >= row->min && number <= row->max;
}

static bool is_choice(const struct option_row *row, const char *value)
{
    for (const char *const *choice = row->choices; *choice != NULL; choice++) {
        if (strcmp(value, *choice) == 0)
            return true;
    }
    int64_t number = 0;
    return row->max > 0 && parse_number(value, &number) && is_between(row, number);
}

/* "neither a nor b", "neither a nor b nor 1 to 9", "none of: a, b, c". */
static int refuse_choice(const struct option_row *row, const char *value, struct error *error)
{
    bool few = row->choices[2] == NULL;
    char why[160];
    int used = snprintf(why, sizeof why, "%s", few ? "neither " : "none of: ");
    for (const char *const *choice = row->choices; *choice != NULL; choice++)
        used += snprintf(why + used, sizeof why - (size_t)used, "%s%s",
                         choice == row->choices ? ""
                         : few                  ? " nor "
                                                : ", ",
                         *choice);
    if (row->max > 0)
        snprintf(why + used, sizeof why - (size_t)used, " nor %lld to %lld", (long long)row->min, (long long)row->max);
    return refuse(row, value, why, error);
}

static int check_length(const struct option_row *row, const char *value, struct error *error)
{
    size_t length = strlen(value);
    if (length < (size_t)row->min)
        return error_set(error, "%s/%s: must not be empty", row->section, row->name);
    if (length > (size_t)row->max || length >= OPTION_STRING_MAX)
        return error_set(error, "%s/%s: %zu bytes is too long, the maximum is %lld", row->section, row->name, length,
                         (long long)row->max);
    return 0;
}

static int assign_text(const struct option_row *row, char *member, const char *value, struct error *error)
{
    if (row->kind == OPTION_KIND_CHOICE && !is_choice(row, value))
        return refuse_choice(row, value, error);
    if (row->kind != OPTION_KIND_CHOICE && check_length(row, value, error) != 0)
        return -1;
    CHECK(strlen(value) < OPTION_STRING_MAX);
    memcpy(member, value, strlen(value) + 1);
    return 0;
}

static int assign_number(const struct option_row *row, int64_t *member, const char *value, struct error *error)
{
    char bounds[64], why[96];
    snprintf(bounds, sizeof bounds, "%lld to %lld %s", (long long)row->min, (long long)row->max, option_unit(row));
    bounds[strlen(bounds) - (option_unit(row)[0] == '\0')] = '\0';
    int64_t number;
    snprintf(why, sizeof why, "not a whole number, expected %s", bounds);
    if (!parse_number(value, &number))
        return refuse(row, value, why, error);
    if (!is_between(row, number))
        return error_set(error, "%s/%s: %.32s%s is out of bounds, %s", row->section, row->name, value,
                         strlen(value) > 32 ? "…" : "", bounds);
    *member = number;
    return 0;
}

static int assign_flag(const struct option_row *row, bool *member, const char *value, struct error *error)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return refuse(row, value, "neither 0 nor 1", error);
    *member = value[0] == '1';
    return 0;
}

int option_assign(struct options *options, const struct option_row *row, const char *value, struct error *error)
{
    void *member = (char *)options + row->offset;
    if (option_is_text(row))
        return assign_text(row, member, value, error);
    return row->kind == OPTION_KIND_FLAG ? assign_flag(row, member, value, error)
                                         : assign_number(row, member, value, error);
}
