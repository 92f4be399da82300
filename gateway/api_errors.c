#include "gateway/api_errors.h"

#include <stdio.h>

void api_errors_add(struct api_errors *errors, const char *field, const char *reason)
{
    struct api_error *row = &errors->rows[errors->count];

    if (errors->count == API_ERRORS_MAX)
        return;
    errors->count++;
    snprintf(row->field, sizeof(row->field), "%s", field);
    snprintf(row->reason, sizeof(row->reason), "%s", reason);
}
