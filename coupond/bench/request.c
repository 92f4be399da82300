#include "coupond/bench/request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/error.h"

#define TARGET_MAX 512u
#define FIELDS_MAX (TOKEN_BYTES_MAX + 256u)
#define BODY_MAX   192u

static const char *const methods[BENCH_OPERATION_COUNT] = {
    [BENCH_OPERATION_ISSUE] = "POST",    [BENCH_OPERATION_WALLET] = "GET", [BENCH_OPERATION_LOOKUP] = "GET",
    [BENCH_OPERATION_CODE] = "GET",      [BENCH_OPERATION_REDEEM] = "PUT", [BENCH_OPERATION_UNDO] = "DELETE",
    [BENCH_OPERATION_REVOKE] = "DELETE",
};

__attribute__((format(printf, 3, 4))) static void write_text(char *out, size_t size, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = vsnprintf(out, size, format, values);
    va_end(values);
    CHECK(length >= 0 && (size_t)length < size);
}

static void write_target(const struct bench_request *request, const char *coupon, const char *user,
                         char out[TARGET_MAX])
{
    const struct bench_holding *holding = &request->holding;
    switch (request->operation) {
    case BENCH_OPERATION_ISSUE:
        write_text(out, TARGET_MAX, "/v1/coupons/%s/issues", coupon);
        return;
    case BENCH_OPERATION_WALLET:
        /* Five entries fit into a response, even with the longest titles. */
        write_text(out, TARGET_MAX, "/v1/users/%s/issues?limit=5", user);
        return;
    case BENCH_OPERATION_LOOKUP:
        write_text(out, TARGET_MAX, "/v1/coupons/%s/issues/%s", coupon, user);
        return;
    case BENCH_OPERATION_CODE:
        write_text(out, TARGET_MAX, "/v1/codes/%s", holding->code);
        return;
    case BENCH_OPERATION_REDEEM:
        write_text(out, TARGET_MAX, "/v1/coupons/%s/issues/%s/redemption", coupon, user);
        return;
    case BENCH_OPERATION_UNDO:
        write_text(out, TARGET_MAX, "/v1/coupons/%s/issues/%s/redemption?reference=bench-%" PRIu64, coupon, user,
                   holding->reference);
        return;
    case BENCH_OPERATION_REVOKE:
        write_text(out, TARGET_MAX, "/v1/coupons/%s/issues/%s?reason=bench&sequence=%" PRIu32, coupon, user,
                   holding->sequence);
        return;
    case BENCH_OPERATION_COUNT:
        break;
    }
    CHECK(false);
}

static void write_body(const struct bench_request *request, const char *user, char out[BODY_MAX])
{
    out[0] = '\0';
    if (request->operation == BENCH_OPERATION_ISSUE)
        write_text(out, BODY_MAX, "{\"user_id\":\"%s\"}", user);
    if (request->operation == BENCH_OPERATION_REDEEM)
        write_text(out, BODY_MAX, "{\"reference\":\"bench-%" PRIu64 "\",\"sequence\":%" PRIu32 "}", request->reference,
                   request->holding.sequence);
}

/* Users request coupons; everything else may need the token, and so may those who request them for others. */
static void write_fields(const struct bench_request *request, const char *token, bool for_all, size_t body_length,
                         char out[FIELDS_MAX])
{
    bool authorized = (request->operation != BENCH_OPERATION_ISSUE || for_all) && token[0] != '\0';
    write_text(out, FIELDS_MAX, "%s%s%s", authorized ? "Authorization: Bearer " : "", authorized ? token : "",
               authorized ? "\r\n" : "");
    size_t length = strlen(out);
    if (body_length > 0)
        write_text(out + length, FIELDS_MAX - length, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   body_length);
}

size_t bench_request_write(const struct bench_request *request, const struct bench_options *options,
                           const char *authority, char out[BENCH_REQUEST_MAX])
{
    char user[USER_ID_MAX + 1], target[TARGET_MAX], fields[FIELDS_MAX], body[BODY_MAX];
    bench_plan_user_id(&options->plan, request->holding.user, user);
    write_target(request, options->coupon, user, target);
    write_body(request, user, body);
    write_fields(request, options->token, options->token_for_all, strlen(body), fields);
    write_text(out, BENCH_REQUEST_MAX, "%s %s%s HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", methods[request->operation],
               options->url.prefix, target, authority, fields, body);
    return strlen(out);
}
