#include "coupond/bench/outcome.h"

#include <jansson.h>
#include <string.h>

#include "shared/error.h"

static const struct {
    const char *name;
    bool unknown;
} outcomes[BENCH_OUTCOME_COUNT] = {
#define X(id, name, unknown) [BENCH_##id] = {name, unknown},
    BENCH_OUTCOME_TABLE(X)
#undef X
};

const char *bench_outcome_name(enum bench_outcome outcome)
{
    CHECK(outcome < BENCH_OUTCOME_COUNT);
    return outcomes[outcome].name;
}

bool bench_outcome_unknown(enum bench_outcome outcome)
{
    CHECK(outcome < BENCH_OUTCOME_COUNT);
    return outcomes[outcome].unknown;
}

/* The sequence of an issue, which is the body itself or its member `issue`; 0 when there is none. */
static uint32_t sequence_of(const json_t *body)
{
    const json_t *issue = json_object_get(body, "issue");
    json_int_t sequence = json_integer_value(json_object_get(issue != NULL ? issue : body, "sequence"));
    return sequence > 0 && sequence <= (json_int_t)UINT32_MAX ? (uint32_t)sequence : 0;
}

/* Maps the code of a problem. ISSUED has none, and OTHER and the following outcomes do not come from answers. */
static enum bench_outcome outcome_of_code(const char *code)
{
    for (enum bench_outcome i = BENCH_ALREADY_ISSUED; code != NULL && i < BENCH_OTHER; i++)
        if (strcmp(code, outcomes[i].name) == 0)
            return i;
    return BENCH_OTHER;
}

static enum bench_outcome outcome_of_body(int status, const json_t *body, uint32_t *sequence)
{
    *sequence = sequence_of(body);
    if (status == 201)
        return *sequence > 0 ? BENCH_ISSUED : BENCH_OTHER;
    enum bench_outcome outcome = outcome_of_code(json_string_value(json_object_get(body, "code")));
    if (outcome == BENCH_ALREADY_ISSUED && *sequence == 0)
        return BENCH_OTHER;
    return status >= 400 ? outcome : BENCH_OTHER;
}

enum bench_outcome bench_outcome_of(int status, const char *body, size_t length, uint32_t *sequence)
{
    *sequence = 0;
    json_t *parsed = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
    if (parsed == NULL)
        return BENCH_OTHER;
    enum bench_outcome outcome = outcome_of_body(status, parsed, sequence);
    json_decref(parsed);
    return outcome;
}
