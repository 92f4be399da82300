#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const fault_names[] = {
#define X(id, text) text,
    SIM_FAULT_TABLE(X)
#undef X
};

const char *sim_fault_name(enum sim_fault fault)
{
    return fault_names[fault];
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list arguments;
    if (sim_failed(sim))
        return;
    va_start(arguments, format);
    vsnprintf(sim->failure, sizeof sim->failure, format, arguments);
    va_end(arguments);
}

void sim_trace(struct sim *sim, const char *what, uint64_t a, uint64_t b)
{
    struct {
        int64_t at_us;
        uint64_t a, b;
    } step = {sim->mono_us, a, b};
    sim->trace = sim_hash(sim_hash(sim->trace, &step, sizeof step), what, strlen(what));
    if (sim->verbose)
        printf("%10lld us  %-18s %llu %llu\n", (long long)sim->mono_us, what, (unsigned long long)a,
               (unsigned long long)b);
}

void sim_count(struct sim *sim, enum sim_fault fault)
{
    sim->counts[fault]++;
    if (sim->verbose)
        printf("%10lld us  ! %s\n", (long long)sim->mono_us, fault_names[fault]);
}

bool sim_strikes(struct sim *sim, uint32_t per_mille)
{
    return !sim->quiet && per_mille > 0 && sim_random_chance(&sim->random, per_mille);
}
