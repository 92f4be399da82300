#include "coupond/bench/mix.h"

#include <string.h>

#include "shared/error.h"

#define EACH_ONCE 1000u /* marks an operation that was not given; no share is that large */

static const char *const names[BENCH_OPERATION_COUNT] = {
#define X(id, name) [BENCH_OPERATION_##id] = name,
    BENCH_OPERATION_TABLE(X)
#undef X
};

const char *bench_operation_name(enum bench_operation operation)
{
    CHECK(operation < BENCH_OPERATION_COUNT);
    return names[operation];
}

void bench_mix_init(struct bench_mix *mix)
{
    memset(mix, 0, sizeof *mix);
    mix->percent[BENCH_OPERATION_ISSUE] = 100;
}

static enum bench_operation operation_of(const char *name, size_t length)
{
    enum bench_operation i = 0;
    while (i < BENCH_OPERATION_COUNT && (strlen(names[i]) != length || memcmp(names[i], name, length) != 0))
        i++;
    return i;
}

/* Reads up to three digits from *text; false when there are none or the number is above 100. */
static bool read_percent(const char **text, uint32_t *percent)
{
    const char *at = *text;
    uint32_t value = 0;
    while (*at >= '0' && *at <= '9' && at - *text < 3)
        value = value * 10 + (uint32_t)(*at++ - '0');
    if (at == *text || (*at >= '0' && *at <= '9') || value > 100)
        return false;
    *text = at;
    *percent = value;
    return true;
}

/* Reads OPERATION=PERCENT from *text. NULL, or what is wrong. */
static const char *read_share(struct bench_mix *mix, const char **text)
{
    size_t length = strcspn(*text, "=,");
    enum bench_operation operation = operation_of(*text, length);
    if ((*text)[length] != '=')
        return "it must look like issue=70,redeem=20,undo=10";
    if (operation == BENCH_OPERATION_COUNT)
        return "operations are issue, wallet, lookup, code, redeem, undo, revoke";
    if (mix->percent[operation] != EACH_ONCE)
        return "an operation is given twice";
    *text += length + 1;
    return read_percent(text, &mix->percent[operation]) ? NULL : "shares are whole percent, from 0 to 100";
}

const char *bench_mix_parse(struct bench_mix *mix, const char *text)
{
    uint32_t sum = 0;
    for (enum bench_operation i = 0; i < BENCH_OPERATION_COUNT; i++)
        mix->percent[i] = EACH_ONCE;
    do {
        const char *fault = read_share(mix, &text);
        if (fault != NULL)
            return fault;
    } while (*text++ == ',');
    if (text[-1] != '\0')
        return "shares are whole percent, separated by commas";
    for (enum bench_operation i = 0; i < BENCH_OPERATION_COUNT; i++) {
        mix->percent[i] = mix->percent[i] == EACH_ONCE ? 0 : mix->percent[i];
        sum += mix->percent[i];
    }
    return sum == 100 ? NULL : "the shares must add up to 100";
}

bool bench_mix_is_mixed(const struct bench_mix *mix)
{
    return mix->percent[BENCH_OPERATION_ISSUE] != 100;
}

enum bench_operation bench_mix_at(const struct bench_mix *mix, uint32_t point)
{
    enum bench_operation operation = 0;
    CHECK(point < 100);
    while (point >= mix->percent[operation]) {
        point -= mix->percent[operation++];
        CHECK(operation < BENCH_OPERATION_COUNT);
    }
    return operation;
}
