#include "coupond/bench/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/coupon.h"
#include "shared/error.h"

/* The finalizer of splitmix64: mixes the bits of a request's number. */
static uint64_t scatter(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#define OPERATIONS UINT64_C(0x6f7065726174696f) /* makes the operations independent of the users */

static double share_of(uint64_t random)
{
    return (double)(random >> 11) / (double)(UINT64_C(1) << 53);
}

/* Reads decimal digits from *text; false when there are none or too many. */
static bool read_number(const char **text, uint64_t *number)
{
    uint64_t value = 0;
    const char *at = *text;
    while (*at >= '0' && *at <= '9' && at - *text < 15)
        value = value * 10 + (uint64_t)(*at++ - '0');
    if (at == *text || (*at >= '0' && *at <= '9'))
        return false;
    *text = at;
    *number = value;
    return true;
}

/* True for two numbers and a hyphen, even if the range is invalid. */
static bool is_range(const char *text)
{
    size_t first = strspn(text, "0123456789");
    size_t last = first > 0 && text[first] == '-' ? strspn(text + first + 1, "0123456789") : 0;
    return last > 0 && text[first + 1 + last] == '\0';
}

static bool read_range(struct bench_plan *plan, const char *text)
{
    uint64_t first = 0, last = 0;
    if (!read_number(&text, &first) || *text++ != '-' || !read_number(&text, &last) || *text != '\0')
        return false;
    if (last < first || last - first >= BENCH_REQUESTS_MAX)
        return false;
    plan->first = first;
    plan->users = last - first + 1;
    return true;
}

bool bench_plan_users(struct bench_plan *plan, const char *text)
{
    const char *colon = strrchr(text, ':');
    const char *range = colon != NULL ? colon + 1 : text;
    size_t prefix_length = (size_t)(range - text);
    if (!read_range(plan, range)) {
        if (is_range(range))
            return false;
        plan->first = 0;
        plan->users = BENCH_REQUESTS_MAX;
        prefix_length = strlen(text);
    }
    if (prefix_length > BENCH_PREFIX_MAX || (prefix_length > 0 && !user_id_valid(text, prefix_length)))
        return false;
    memcpy(plan->prefix, text, prefix_length);
    plan->prefix[prefix_length] = '\0';
    return *text != '\0';
}

uint64_t bench_plan_random(uint64_t number)
{
    return scatter(number ^ OPERATIONS);
}

enum bench_operation bench_plan_operation(const struct bench_plan *plan, uint64_t number)
{
    return bench_mix_at(&plan->mix, (uint32_t)(bench_plan_random(number) % 100));
}

bool bench_plan_repeats(const struct bench_plan *plan, uint64_t number)
{
    return share_of(scatter(number)) < plan->duplicates;
}

uint64_t bench_plan_user(const struct bench_plan *plan, uint64_t number)
{
    /* A duplicate repeats the user of some earlier request, which may be a duplicate itself. */
    while (number > 0 && bench_plan_repeats(plan, number))
        number = scatter(scatter(number)) % number;
    return number % plan->users;
}

size_t bench_plan_user_id(const struct bench_plan *plan, uint64_t user, char out[USER_ID_MAX + 1])
{
    int length = snprintf(out, USER_ID_MAX + 1, "%s%" PRIu64, plan->prefix, plan->first + user);
    CHECK(length > 0 && length <= (int)USER_ID_MAX);
    return (size_t)length;
}

int64_t bench_plan_due_us(const struct bench_plan *plan, uint64_t number)
{
    uint64_t seconds = number / plan->rate;
    uint64_t rest = number % plan->rate;
    return (int64_t)(seconds * 1000000 + rest * 1000000 / plan->rate);
}

uint64_t bench_plan_users_seen(const struct bench_plan *plan)
{
    return plan->users < plan->requests ? plan->users : plan->requests;
}
