#include <string.h>

#include "issuer/turn/state.h"

void turn_fill_pongs(struct turn *turn)
{
    struct frame_pong pong = {.journal_seq = journal_written_seq(turn->config.journal),
                              .now_us = turn->context.now_us,
                              .acked_seq = journal_acked_seq(turn->config.journal),
                              .epoch = turn->epoch,
                              .decides = !turn->rests};
    for (size_t i = 0; i < turn->exchanges_count; i++) {
        if (turn->exchanges[i].pong != NULL)
            memcpy(turn->exchanges[i].pong, &pong, sizeof pong);
    }
}

int64_t turn_later_us(const struct turn *turn)
{
    int64_t now_us = turn->config.boot_us == NULL ? 0 : turn->config.boot_us() + turn->deadlines.ahead_us;
    return now_us > turn->deadlines.now_us ? now_us : turn->deadlines.now_us;
}

void turn_fill_times(struct turn *turn, int64_t decided_us)
{
    int64_t synced_us = turn_later_us(turn);
    struct frame_times times = {decided_us, synced_us > decided_us ? synced_us : decided_us,
                                journal_written_seq(turn->config.journal)};
    for (size_t i = 0; i < turn->exchanges_count; i++) {
        if (turn->exchanges[i].times != NULL)
            memcpy(turn->exchanges[i].times, &times, sizeof times);
    }
}
