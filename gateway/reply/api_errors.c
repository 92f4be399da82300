#include "gateway/reply/api_errors.h"

#include <stdio.h>

void api_errors_add(struct api_errors *errors, const char *field, const char *reason)
{
    struct api_error *row = &errors->rows[errors->count];
    if (errors->count == API_ERRORS_MAX)
        return;
    errors->count++;
    snprintf(row->field, sizeof row->field, "%s", field);
    snprintf(row->reason, sizeof row->reason, "%s", reason);
}

void api_errors_add_unknown(struct api_errors *errors, struct span parameter)
{
    char field[sizeof errors->rows[0].field];
    snprintf(field, sizeof field, "%.*s", (int)(parameter.length < sizeof field ? parameter.length : sizeof field),
             parameter.at);
    api_errors_add(errors, field, "is unknown");
}
