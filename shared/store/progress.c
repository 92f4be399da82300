#include "shared/store/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/error.h"

static bool parse_number(const char **at, const char *end, uint64_t *number)
{
    const char *begin = *at;
    *number = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (*number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return *at > begin;
}

static bool parse_run(const char **at, const char *end, struct store_run *run)
{
    if (!parse_number(at, end, &run->first_seq) || *at == end || *(*at)++ != '-')
        return false;
    return parse_number(at, end, &run->last_seq) && run->first_seq <= run->last_seq;
}

bool store_progress_parse(struct store_progress *progress, uint64_t last_seq, const char *text, size_t length)
{
    const char *end = text + length;
    progress->last_seq = last_seq;
    progress->ahead_count = 0;
    uint64_t before = last_seq; /* a run begins at least two after it: otherwise both would be one */
    while (text < end) {
        struct store_run run;
        if (progress->ahead_count == STORE_AHEAD_MAX || !parse_run(&text, end, &run))
            return false;
        if (before == UINT64_MAX || run.first_seq <= before + 1)
            return false;
        progress->ahead[progress->ahead_count++] = run;
        before = run.last_seq;
        if (text < end && (*text++ != ',' || text == end))
            return false;
    }
    return true;
}

uint64_t store_progress_newest(const struct store_progress *progress)
{
    return progress->ahead_count > 0 ? progress->ahead[progress->ahead_count - 1].last_seq : progress->last_seq;
}

size_t store_progress_format(const struct store_progress *progress, char out[STORE_AHEAD_TEXT_MAX])
{
    size_t length = 0;
    out[0] = '\0';
    for (size_t i = 0; i < progress->ahead_count; i++) {
        const struct store_run *run = &progress->ahead[i];
        length += (size_t)snprintf(out + length, STORE_AHEAD_TEXT_MAX - length, "%s%" PRIu64 "-%" PRIu64,
                                   i > 0 ? "," : "", run->first_seq, run->last_seq);
    }
    return length;
}

static void remove_runs(struct store_progress *progress, size_t from, size_t count)
{
    memmove(&progress->ahead[from], &progress->ahead[from + count],
            (progress->ahead_count - from - count) * sizeof progress->ahead[0]);
    progress->ahead_count -= count;
}

/* The position of `run` among the others; runs that it touches are merged into it and removed. */
static size_t take_neighbours(struct store_progress *progress, struct store_run *run)
{
    size_t from = 0;
    size_t count = 0;
    while (from < progress->ahead_count && progress->ahead[from].last_seq + 1 < run->first_seq)
        from++;
    while (from + count < progress->ahead_count && progress->ahead[from + count].first_seq <= run->last_seq + 1) {
        const struct store_run *other = &progress->ahead[from + count++];
        run->first_seq = other->first_seq < run->first_seq ? other->first_seq : run->first_seq;
        run->last_seq = other->last_seq > run->last_seq ? other->last_seq : run->last_seq;
    }
    remove_runs(progress, from, count);
    return from;
}

static void insert_run(struct store_progress *progress, size_t at, const struct store_run *run)
{
    if (at == STORE_AHEAD_MAX)
        return;
    if (progress->ahead_count == STORE_AHEAD_MAX)
        progress->ahead_count--;
    memmove(&progress->ahead[at + 1], &progress->ahead[at], (progress->ahead_count - at) * sizeof *run);
    progress->ahead[at] = *run;
    progress->ahead_count++;
}

void store_progress_add(struct store_progress *progress, uint64_t first_seq, uint64_t last_seq)
{
    CHECK(first_seq >= 1 && first_seq <= last_seq && last_seq <= INT64_MAX);
    struct store_run run = {.first_seq = first_seq, .last_seq = last_seq};
    if (last_seq <= progress->last_seq)
        return;
    size_t at = take_neighbours(progress, &run);
    if (run.first_seq <= progress->last_seq + 1)
        progress->last_seq = run.last_seq;
    else
        insert_run(progress, at, &run);
}
