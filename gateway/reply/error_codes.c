#include "gateway/reply/error_codes.h"

#include "shared/error.h"

static const struct error_code_row rows[ERROR_CODE_COUNT] = {
#define ERROR(id, code, status, title, detail) {code, status, title, detail},
    ERROR_CODE_TABLE(ERROR)
#undef ERROR
};

const struct error_code_row *error_code_row(enum error_code code)
{
    CHECK((unsigned)code < ERROR_CODE_COUNT);
    return &rows[code];
}

enum error_code error_code_of_http_status(int status)
{
    switch (status) {
    case 400:
        return ERROR_INVALID_REQUEST;
    case 408:
        return ERROR_REQUEST_TIMEOUT;
    case 413:
        return ERROR_TOO_LARGE;
    case 431:
        return ERROR_HEADERS_TOO_LARGE;
    case 501:
        return ERROR_NOT_IMPLEMENTED;
    case 505:
        return ERROR_HTTP_VERSION_NOT_SUPPORTED;
    default:
        return ERROR_INTERNAL_ERROR;
    }
}
