#include "tests/unit/gateway/gateway_ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http/head.h"

/* --- fixture --- */

struct api_rules open_door = {.metrics = true};
struct api_rules guarded;
static char bytes[32768];
static struct http_request request;

int gateway_ask_set_up(void **state)
{
    (void)state;
    http_head_init();
    admin_token_init(&open_door.admin, "");
    admin_token_init(&guarded.admin, "secret");
    return 0;
}

/* --- helpers --- */

struct api_call *ask_with(const struct api_rules *rules, const char *line, const char *fields, const char *body)
{
    static const struct http_limits limits = {16384, 16384};
    static struct api_call call;
    size_t length = (size_t)snprintf(bytes, sizeof bytes, "%s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n%s\r\n%s",
                                     line, strlen(body), fields, body);
    http_request_reset(&request);
    assert_int_equal(http_request_feed(&request, &limits, bytes, &length), HTTP_READY);
    memset(&call, 0xa5, sizeof call); /* exposes the use of members that were not set */
    api_read(&call, &request, rules);
    return &call;
}

struct api_call *ask(const char *line, const char *body)
{
    return ask_with(&open_door, line, body[0] == '\0' ? "" : "Content-Type: application/json\r\n", body);
}

void assert_error(const struct api_call *call, enum error_code error)
{
    assert_true(call->kind == API_PROBLEM || call->kind == API_REFUSAL);
    assert_string_equal(error_code_row(call->error)->code, error_code_row(error)->code);
}

void assert_field(const struct api_call *call, const char *field)
{
    assert_error(call, ERROR_INVALID_REQUEST);
    for (unsigned i = 0; i < call->errors.count; i++)
        if (strcmp(call->errors.rows[i].field, field) == 0)
            return;
    fail_msg("no error names %s; the first of %u names %s", field, call->errors.count,
             call->errors.count > 0 ? call->errors.rows[0].field : "nothing");
}
