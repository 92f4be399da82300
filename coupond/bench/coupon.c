#include "coupond/bench/coupon.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

int bench_coupon_unexpected(const char *what, const struct http_response *response, struct error *error)
{
    json_t *body = json_loadb(response->body, response->body_length, 0, NULL);
    const char *code = json_string_value(json_object_get(body, "code"));
    const char *detail = json_string_value(json_object_get(body, "detail"));
    error_set(error, "%s was answered %d %s%s%s", what, response->status, code != NULL ? code : "",
              detail != NULL ? ": " : "", detail != NULL ? detail : "");
    json_decref(body);
    return -1;
}

int bench_coupon_create(const struct http_server *target, const struct bench_options *options, struct error *error)
{
    char path[256], body[256];
    snprintf(path, sizeof path, "%s/v1/coupons", options->url.prefix);
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"title\":\"coupond bench\",\"quantity\":%" PRIu64 "}", options->coupon,
             options->create);
    struct http_response response;
    if (http_fetch(target, "POST", path, options->token, body, options->timeout_ms, &response, error) != 0)
        return -1;
    if (response.status == 201)
        return 0;
    bench_coupon_unexpected("creating the coupon", &response, error);
    if (response.status == 401 || response.status == 403)
        error_prefix(error, "give the admin token in COUPOND_GATEWAY_ADMIN_TOKEN");
    return -1;
}

static bool read_member(const json_t *body, const char *name, uint64_t max, uint64_t *value)
{
    const json_t *member = json_object_get(body, name);
    if (!json_is_integer(member) || json_integer_value(member) < 0)
        return false;
    *value = (uint64_t)json_integer_value(member);
    return *value <= max;
}

/* A member that the systems that coupond is compared with do not have. */
static bool read_optional(const json_t *body, const char *name, uint64_t *value)
{
    *value = 0;
    return json_object_get(body, name) == NULL || read_member(body, name, QUANTITY_MAX, value);
}

/* `quantity` is null without a bound. */
static bool read_quantity(const json_t *body, struct bench_coupon *coupon)
{
    uint64_t returned = 0;
    coupon->quantity = 0;
    bool bounded = !json_is_null(json_object_get(body, "quantity"));
    if (!read_optional(body, "returned", &returned) ||
        (bounded && !read_member(body, "quantity", QUANTITY_MAX, &coupon->quantity)))
        return false;
    uint64_t most = bounded ? coupon->quantity + returned : QUANTITY_MAX;
    coupon->sequence_max = most < QUANTITY_MAX ? most : QUANTITY_MAX;
    return true;
}

int bench_coupon_read(const struct http_server *target, const struct bench_options *options,
                      struct bench_coupon *coupon, struct error *error)
{
    char path[256];
    snprintf(path, sizeof path, "%s/v1/coupons/%s", options->url.prefix, options->coupon);
    struct http_response response;
    if (http_fetch(target, "GET", path, "", NULL, options->timeout_ms, &response, error) != 0)
        return -1;
    if (response.status != 200)
        return bench_coupon_unexpected(path, &response, error);
    json_t *body = json_loadb(response.body, response.body_length, 0, NULL);
    bool read = read_quantity(body, coupon) && read_member(body, "issued", QUANTITY_MAX, &coupon->issued) &&
                read_optional(body, "redeemed", &coupon->redeemed) &&
                read_member(body, "per_user_limit", PER_USER_LIMIT_MAX, &coupon->per_user_limit);
    json_decref(body);
    return read ? 0 : error_set(error, "%s was answered with something that is not a coupon; check --url", path);
}
