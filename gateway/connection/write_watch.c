#include "gateway/connection/write_watch.h"

void write_watch_begin(struct write_watch *watch, size_t left, uint64_t now_ms)
{
    *watch = (struct write_watch){now_ms, now_ms, left};
}

void write_watch_see(struct write_watch *watch, size_t left, uint64_t now_ms)
{
    if (left >= watch->left)
        return;
    watch->left = left;
    watch->moved_ms = now_ms;
}

uint64_t write_watch_due_ms(const struct write_watch *watch, uint64_t timeout_ms)
{
    uint64_t moved = watch->moved_ms + timeout_ms;
    uint64_t last = watch->begun_ms + WRITE_TIMEOUTS_MAX * timeout_ms;
    return moved < last ? moved : last;
}
