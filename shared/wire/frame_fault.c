#include "shared/wire/frame_fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "shared/error.h"
#include "shared/telemetry/log.h"

#define WHERE_MAX 128

static const struct {
    const char *text;
    enum metric_drop drop;
} rows[FRAME_FAULT_COUNT] = {[FRAME_OK] = {"it is valid", METRIC_DROP_MALFORMED},
#define X(id, drop, text) [FRAME_FAULT_##id] = {text, METRIC_DROP_##drop},
                             FRAME_FAULT_TABLE(X)
#undef X
};
_Static_assert(FRAME_FAULT_COUNT <= 32, "a bit for each fault");

const char *frame_fault_text(enum frame_fault fault)
{
    CHECK(fault < FRAME_FAULT_COUNT);
    return rows[fault].text;
}

void frame_drops_add(struct frame_drops *drops, enum frame_fault fault, const char *format, ...)
{
    CHECK(fault > FRAME_OK && fault < FRAME_FAULT_COUNT);
    metrics_add(drops->metrics, drops->metric, rows[fault].drop, 1);
    if ((drops->logged >> fault & 1) != 0)
        return;
    drops->logged |= UINT32_C(1) << fault;
    char where[WHERE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(where, sizeof where, format, arguments);
    va_end(arguments);
    log_warn(drops->role, "dropped a frame: %s; later ones are counted but not logged %s", rows[fault].text, where);
}
