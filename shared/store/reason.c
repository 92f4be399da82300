#include "shared/store/reason.h"

#include <stdio.h>
#include <string.h>

#define BEFORE_USER "to user "

size_t store_reason_user(const char *user_id, size_t length, char out[STORE_REASON_USER_MAX])
{
    return (size_t)snprintf(out, STORE_REASON_USER_MAX, STORE_REASON_USER, (int)length, user_id);
}

const char *store_reason_other_user(const char *reason, size_t *length)
{
    const char *own = strstr(reason, BEFORE_USER);
    const char *other = own ? strstr(own + strlen(BEFORE_USER), BEFORE_USER) : NULL;
    if (!other)
        return NULL;
    other += strlen(BEFORE_USER);
    *length = strcspn(other, ",");
    return other[*length] == ',' && user_id_valid(other, *length) ? other : NULL;
}
