#include "shared/member_name.h"

static bool is_part(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
}

bool member_name_valid(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!is_part(name[i]))
            return false;
    }
    return length >= 1 && length <= MEMBER_NAME_MAX;
}
