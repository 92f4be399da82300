#include "scratch.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/options/options.h"

_Noreturn static void fail(const char *what, const char *why)
{
    fprintf(stderr, "micro: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

void scratch_folder(const struct micro *micro, char out[SCRATCH_PATH_MAX])
{
    snprintf(out, SCRATCH_PATH_MAX, "%s/micro-XXXXXX", micro->settings.directory);
    if (mkdtemp(out) == NULL)
        fail(out, strerror(errno));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

void scratch_remove(const char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int nothing(void *arg, const void *batch, const struct journal_progress *progress, struct error *error)
{
    (void)arg, (void)batch, (void)progress, (void)error;
    return 0;
}

struct journal *scratch_journal(const char *folder, int64_t sync_interval_ms)
{
    struct error error = {""};
    struct journal *journal = NULL;
    struct journal_recovery recovery;
    struct journal_config config = {.dir = folder,
                                    .partitions = 1,
                                    .segment_bytes = 64u << 20,
                                    .sync_interval_ms = sync_interval_ms,
                                    .worker_by_hand = true};
    if (journal_open(&config, &journal, &error) != 0 || journal_replay(journal, nothing, NULL, &recovery, &error) != 0)
        fail(folder, error.text);
    return journal;
}

struct coupon scratch_coupon(void)
{
    return (struct coupon){.id = MICRO_COUPON,
                           .title = "measured",
                           .quantity = QUANTITY_MAX,
                           .per_user_limit = 1,
                           .starts_at_us = TIME_NONE,
                           .ends_at_us = TIME_NONE,
                           .redeem_until_us = TIME_NONE,
                           .created_at_us = clock_wall_us()};
}

uint64_t scratch_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
