#include "persister/dead_log.h"

#include <inttypes.h>

#include "shared/telemetry/log.h"

#define LINES_MAX 20

/* A log line to base an alert on. */
static void log_dead(const struct store_dead_letter *letter)
{
    const int coupon_id_length = letter->coupon_id_length;
    if (letter->user_id_length == 0)
        log_error("persister",
                  "dead letter: the store rejects a coupon: %s coupon=%.*s partition=%u journal_seq=%" PRIu64,
                  letter->reason, coupon_id_length, letter->coupon_id, letter->partition, letter->journal_seq);
    else
        log_error("persister",
                  "dead letter: the store rejects an issue: %s coupon=%.*s sequence=%" PRIu32
                  " user=%.*s partition=%u journal_seq=%" PRIu64,
                  letter->reason, coupon_id_length, letter->coupon_id, letter->sequence, (int)letter->user_id_length,
                  letter->user_id, letter->partition, letter->journal_seq);
}

void dead_log(const struct store_dead_letter *letters, size_t count)
{
    for (size_t i = 0; i < count && i < LINES_MAX; i++)
        log_dead(&letters[i]);
    if (count > LINES_MAX)
        log_error("persister", "%zu more dead letters of the same frame; run coupond dead-letter list to see them",
                  count - LINES_MAX);
}
