#include "coupond/bench/outcome.h"

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

/* ISSUED and DONE have no code, and OTHER and the following outcomes do not come from answers. */
enum bench_outcome bench_outcome_of_code(const char *code)
{
    for (enum bench_outcome i = BENCH_ALREADY_ISSUED; code != NULL && i < BENCH_OTHER; i++)
        if (strcmp(code, outcomes[i].name) == 0)
            return i;
    return BENCH_OTHER;
}
