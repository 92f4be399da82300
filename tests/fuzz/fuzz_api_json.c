/*
 * Requests of the API: methods, targets, bodies. A call that the gateway accepts contains only ids, titles, numbers and
 * windows that the issuer accepts; JSON bodies parse as with a plain JSON parser; and an accepted coupon is printed as
 * equivalent JSON.
 */
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/api.h"
#include "gateway/api/json.h"
#include "gateway/reply/json.h"

#define TARGET_BYTES_MAX 600

static struct api_rules open_door = {.metrics = true}, guarded;

void fuzz_begin(void)
{
    admin_token_init(&open_door.admin, "");
    admin_token_init(&guarded.admin, "secret");
}

/* --- an input: two choices, the target, a zero, the body --- */

enum { TYPE_JSON = 1 << 3, TYPE_CHARSET = 1 << 4, GUARDED = 1 << 5, AUTHORIZED = 1 << 6 };

static void add_seed(enum method method, unsigned flags, const char *target, const char *body)
{
    char seed[1024];
    size_t length = strlen(target);
    seed[0] = (char)((unsigned)method | flags);
    memcpy(seed + 1, target, length + 1);
    memcpy(seed + length + 2, body, strlen(body));
    fuzz_seed(seed, length + 2 + strlen(body));
}

void fuzz_seeds(void)
{
    add_seed(METHOD_POST, TYPE_JSON, "/v1/coupons/A/issues", "{\"user_id\":\"alice\"}");
    add_seed(METHOD_POST, TYPE_CHARSET, "/v1/coupons/A/issues", "{\"user\\u005fid\" : \"\\u0061l:i@c-e\"}");
    add_seed(METHOD_PUT, 0, "/v1/coupons/A.b-c_D/issues/u%3a1", "");
    add_seed(METHOD_GET, 0, "/v1/coupons/A/issues/u@x", "");
    add_seed(METHOD_HEAD, 0, "http://host/v1/coupons/A", "");
    add_seed(METHOD_GET, 0, "/v1/coupons?limit=200&cursor=A%2ez", "");
    add_seed(METHOD_PATCH, TYPE_JSON | GUARDED | AUTHORIZED, "/v1/coupons/A",
             "{\"title\":\"\\uc120\\ucc29\\uc21c\",\"quantity\":4000000000,\"paused\":true,\"ends_at\":null}");
    add_seed(METHOD_POST, TYPE_JSON, "/v1/coupons",
             "{\"id\":\"A\",\"title\":\"a \\\"b\\\" \xed\x95\x9c\",\"quantity\":1,\"per_user_limit\":1000,"
             "\"starts_at\":\"2026-11-21T11:25:00.123456789+09:00\",\"ends_at\":\"9999-12-31T23:59:59.999999Z\"}");
    add_seed(METHOD_GET, 0, "/metrics", "");
    add_seed(METHOD_DELETE, GUARDED, "/v1/coupons/A", "");
    add_seed(METHOD_GET, 0, "/livez", "");
}

/* --- what must hold of a call --- */

static void check_errors(const struct api_errors *errors)
{
    CHECK(errors->count <= API_ERRORS_MAX);
    for (unsigned i = 0; i < errors->count; i++) {
        CHECK(memchr(errors->rows[i].field, '\0', sizeof errors->rows[i].field) != NULL);
        CHECK(memchr(errors->rows[i].reason, '\0', sizeof errors->rows[i].reason) != NULL);
    }
}

/* The issuer must accept the gateway's issue. */
static void check_issue(const struct api_call *call)
{
    struct frame_issue_request request = {
        .op = (uint8_t)call->issue_op,
        .coupon_id_length = (uint8_t)call->coupon_id.length,
        .user_id_length = (uint8_t)call->user_id.length,
    };
    CHECK(call->coupon_id.length <= COUPON_ID_MAX && call->user_id.length <= USER_ID_MAX);
    memcpy(request.coupon_id, call->coupon_id.at, call->coupon_id.length);
    memcpy(request.user_id, call->user_id.at, call->user_id.length);
    CHECK(frame_issue_request_valid(&request));
    char json[ISSUE_JSON_MAX];
    struct frame_issue issue = {
        .sequence = UINT32_MAX, .nth = NTH_MAX, .state = ISSUE_ISSUED, .issued_at_us = TIME_US_MAX};
    struct issue_view view = {.coupon_id = call->coupon_id, .user_id = call->user_id, .issue = &issue};
    size_t length = issue_json_format(json, &view);
    CHECK(length < sizeof json);
}

/* The JSON must be equivalent to the coupon. */
static void check_printed(const struct coupon *coupon)
{
    struct buffer out = {0};
    coupon_json_append(&out, coupon, 0);
    json_error_t fault;
    json_t *root = json_loadb(out.data, out.length, JSON_REJECT_DUPLICATES, &fault);
    CHECK(root != NULL);
    const char *title = json_string_value(json_object_get(root, "title")); /* NULL: a change that leaves it */
    CHECK(strcmp(title != NULL ? title : "", coupon->title) == 0);
    CHECK(strcmp(json_string_value(json_object_get(root, "id")), coupon->id) == 0);
    const json_t *quantity = json_object_get(root, "quantity");
    CHECK(json_is_null(quantity) ? coupon->quantity == QUANTITY_UNLIMITED
                                 : json_integer_value(quantity) == coupon->quantity);
    json_decref(root);
    buffer_deinit(&out);
}

static void check_coupon(const struct api_call *call)
{
    struct frame_coupon_request request = {.op = (uint8_t)call->coupon_op, .fields = call->coupon_fields};
    struct coupon coupon = call->coupon;
    CHECK(memchr(coupon.id, '\0', sizeof coupon.id) != NULL && memchr(coupon.title, '\0', sizeof coupon.title) != NULL);
    if (call->coupon_op == COUPON_CREATE && coupon.id[0] == '\0')
        strcpy(coupon.id, "made-up");
    if (call->coupon_op == COUPON_CHANGE)
        CHECK(call->coupon_fields != 0);
    frame_coupon_write(&request.coupon, &coupon);
    CHECK(frame_coupon_request_valid(&request));
    check_printed(&coupon);
}

static void check_call(const struct api_call *call, const struct http_request *request, bool allowed)
{
    check_errors(&call->errors);
    if (call->kind == API_PROBLEM || call->kind == API_REFUSAL) {
        CHECK(error_code_row(call->error)->status >= 400);
        CHECK(call->error == ERROR_INVALID_REQUEST || call->errors.count == 0);
        return;
    }
    CHECK(call->errors.count == 0);
    CHECK(request->body.length == 0 || request->method == METHOD_POST || request->method == METHOD_PATCH);
    if (call->kind == API_ISSUE)
        check_issue(call);
    if (call->kind == API_COUPON && call->coupon_op == COUPON_GET)
        CHECK(coupon_id_valid(call->coupon.id, strlen(call->coupon.id)));
    else if (call->kind == API_COUPON)
        check_coupon(call);
    if (call->kind == API_COUPON && call->coupon_op != COUPON_GET)
        CHECK(allowed);
    if (call->kind == API_LIST) {
        CHECK(call->limit >= 1 && call->limit <= COUPON_LIST_MAX);
        CHECK(call->coupon.id[0] == '\0' || coupon_id_valid(call->coupon.id, strlen(call->coupon.id)));
    }
}

/* --- the issue's body beside a plain JSON parser --- */

/* The body's only member user_id; NULL when the body has another shape. The caller releases `root`. */
static json_t *plain_user_id(struct span body, json_t **root)
{
    json_error_t fault;
    *root = json_loadb(body.at, body.length, JSON_REJECT_DUPLICATES, &fault);
    json_t *user_id = json_object_get(*root, "user_id");
    return json_object_size(*root) == 1 && json_is_string(user_id) && json_string_length(user_id) <= USER_ID_MAX
               ? user_id
               : NULL;
}

static void check_issue_body(struct span body)
{
    char copy[USER_ID_MAX];
    struct span read = SPAN_NONE;
    struct api_errors errors = {.count = 0};
    json_t *root;
    bool taken = api_json_read_issue(body, &read, copy, &errors);
    json_t *plain = plain_user_id(body, &root);
    check_errors(&errors);
    CHECK(taken == (errors.count == 0));
    CHECK(taken == (plain != NULL));
    if (taken)
        CHECK(span_equals(read, (struct span){json_string_value(plain), json_string_length(plain)}));
    json_decref(root);
}

/* --- one input --- */

static struct span take_target(struct fuzz_input *input)
{
    const uint8_t *zero = input->left == 0 ? NULL : memchr(input->at, '\0', input->left);
    size_t length = zero == NULL ? input->left : (size_t)(zero - input->at);
    length = length < TARGET_BYTES_MAX ? length : TARGET_BYTES_MAX;
    struct span target;
    target.at = (const char *)fuzz_take(input, length, &target.length);
    fuzz_take_byte(input);
    return target;
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static struct api_call call;
    struct fuzz_input input = {data, size};
    unsigned choice = fuzz_take_byte(&input);
    struct span target = take_target(&input);
    if (target.length == 0)
        return;
    char *target_copy = fuzz_copy(target.at, target.length);
    char *body = fuzz_copy(input.at, input.left);
    struct http_request request = {
        .method = (enum method)((choice & 7) % METHOD_COUNT),
        .target = {target_copy, target.length},
        .body = {body, input.left},
        .content_type = (choice & TYPE_CHARSET) != 0 ? SPAN_LITERAL("application/json ; charset=\"UTF-8\"")
                        : (choice & TYPE_JSON) != 0  ? SPAN_LITERAL("application/json")
                                                     : SPAN_NONE,
        .authorization = (choice & AUTHORIZED) != 0 ? SPAN_LITERAL("Bearer secret") : SPAN_NONE,
    };
    memset(&call, 0xa5, sizeof call); /* exposes the use of members that were not set */
    api_read(&call, &request, (choice & GUARDED) != 0 ? &guarded : &open_door);
    check_call(&call, &request, (choice & GUARDED) == 0 || (choice & AUTHORIZED) != 0);
    check_issue_body(request.body);
    free(body);
    free(target_copy);
}
