#include "coupond/rehearse/copy.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/clock.h"

#define PATH_MAX_BYTES 256
#define COUPON_MAX     (64u << 10) /* bytes of a coupon as JSON */
#define LIFE_US        INT64_C(3600000000)

static void write_path(const struct rehearse_options *options, const char *id, char path[PATH_MAX_BYTES])
{
    snprintf(path, PATH_MAX_BYTES, "%s/v1/coupons%s%s", options->bench.url.prefix, id[0] != '\0' ? "/" : "", id);
}

static int unexpected(const char *what, const struct http_response *response, struct error *error)
{
    bench_coupon_unexpected(what, response, error);
    if (response->status == 401 || response->status == 403)
        error_prefix(error, "give a token or key of an admin with --token-file");
    return -1;
}

/* The body of the answer as an object, which the caller releases; NULL and `error` for any other. */
static json_t *ask(const struct http_server *target, const struct rehearse_options *options, const char *method,
                   const char *path, const char *body, int status, struct error *error)
{
    struct http_response response;
    if (http_fetch(target, method, path, options->bench.token, body, options->bench.timeout_ms, &response, error) != 0)
        return NULL;
    if (response.status != status) {
        unexpected(path, &response, error);
        return NULL;
    }
    json_t *object = json_loadb(response.body, response.body_length, 0, NULL);
    if (!json_is_object(object))
        error_set(error, "%s was answered with something that is no JSON object; check --url", path);
    return object;
}

/* --- creating --- */

static void set_time(json_t *object, const char *name, int64_t us)
{
    char text[RFC3339_MAX + 1];
    text[rfc3339_format(us, text)] = '\0';
    json_object_set_new(object, name, json_string(text));
}

static void set_quantity(json_t *copy, const json_t *coupon, uint64_t quantity)
{
    if (quantity > 0)
        json_object_set_new(copy, "quantity", json_integer((json_int_t)quantity));
    else
        json_object_set(copy, "quantity", json_object_get(coupon, "quantity"));
}

/* What decides about issues, and a mark that says what it is. */
static char *format_copy(const struct rehearse_options *options, const json_t *coupon)
{
    json_t *copy = json_object();
    json_object_set_new(copy, "id", json_string(options->bench.coupon));
    json_object_set(copy, "title", json_object_get(coupon, "title"));
    json_object_set(copy, "per_user_limit", json_object_get(coupon, "per_user_limit"));
    set_quantity(copy, coupon, options->quantity);
    set_time(copy, "starts_at", clock_wall_us() + LIFE_US);
    set_time(copy, "ends_at", clock_wall_us() + 2 * LIFE_US);
    json_object_set_new(copy, "metadata", json_pack("{s:s}", "rehearsal_of", options->coupon));
    char *text = json_dumps(copy, JSON_COMPACT);
    CHECK(text != NULL);
    json_decref(copy);
    return text;
}

/* A coupon may be larger than the other answers. */
static json_t *read_coupon(const struct http_server *target, const struct rehearse_options *options, const char *path,
                           struct error *error)
{
    struct http_response response;
    json_t *coupon = NULL;
    char *room = malloc(COUPON_MAX);
    CHECK(room != NULL);
    http_response_init_room(&response, room, COUPON_MAX);
    if (http_fetch_into(target, path, options->bench.timeout_ms, &response, error) == 0) {
        if (response.status == 200)
            coupon = json_loadb(response.body, response.body_length, 0, NULL);
        else
            unexpected(path, &response, error);
        if (coupon == NULL && error->text[0] == '\0')
            error_set(error, "%s was answered with something that is no coupon; check --url", path);
    }
    free(room);
    return coupon;
}

int rehearse_copy_create(const struct http_server *target, const struct rehearse_options *options, struct error *error)
{
    char path[PATH_MAX_BYTES];
    write_path(options, options->coupon, path);
    json_t *coupon = read_coupon(target, options, path, error);
    if (coupon == NULL)
        return -1;
    char *body = format_copy(options, coupon);
    json_decref(coupon);
    write_path(options, "", path);
    json_t *created = ask(target, options, "POST", path, body, 201, error);
    free(body);
    json_decref(created);
    return created != NULL ? 0 : -1;
}

/* --- changing --- */

/* The issuer's time, as far as the answer to a change tells it. */
static int change(const struct http_server *target, const struct rehearse_options *options, const char *body,
                  int64_t *updated_us, struct error *error)
{
    char path[PATH_MAX_BYTES];
    write_path(options, options->bench.coupon, path);
    json_t *coupon = ask(target, options, "PATCH", path, body, 200, error);
    const char *updated = json_string_value(json_object_get(coupon, "updated_at"));
    bool told = updated != NULL && rfc3339_parse(updated, strlen(updated), updated_us);
    json_decref(coupon);
    if (coupon == NULL || told)
        return coupon != NULL ? 0 : -1;
    return error_set(error, "%s was answered without its time", path);
}

int rehearse_copy_open(const struct http_server *target, const struct rehearse_options *options, int64_t lead_us,
                       int64_t *start_us, struct error *error)
{
    char time[RFC3339_MAX + 1], body[RFC3339_MAX + 32];
    int64_t issuer_us = 0;
    if (change(target, options, "{\"description\":\"A rehearsal, archived at its end.\"}", &issuer_us, error) != 0)
        return -1; /* something must change: the answer then has the issuer's time */
    int64_t now_us = clock_mono_us();
    time[rfc3339_format(issuer_us + lead_us, time)] = '\0';
    snprintf(body, sizeof body, "{\"starts_at\":\"%s\"}", time);
    *start_us = now_us + lead_us;
    return change(target, options, body, &issuer_us, error);
}

int rehearse_copy_archive(const struct http_server *target, const struct rehearse_options *options, struct error *error)
{
    int64_t updated_us;
    return change(target, options, "{\"archived\":true}", &updated_us, error);
}
