#include "shared/store/time_text.h"

const char *time_text_of(struct time_text *time, int64_t us)
{
    if (time->us != us || time->text[0] == '\0') {
        rfc3339_format(us, time->text);
        time->us = us;
    }
    return time->text;
}
