#include "gateway/api/lists.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/api/page_query.h"
#include "gateway/http/accept.h"
#include "gateway/reading/cursor.h"

static void invalid(struct api_call *call)
{
    call->kind = API_PROBLEM;
    call->error = ERROR_INVALID_REQUEST;
}

/* --- coupons --- */

static bool read_state(struct api_call *call, struct span text)
{
    for (enum coupon_state state = COUPON_SCHEDULED; state <= COUPON_ARCHIVED; state++) {
        const char *name = coupon_state_name(state);
        if (!span_equals(text, (struct span){name, strlen(name)}))
            continue;
        call->list_state = state;
        call->list_filter = COUPON_FILTER_STATE;
        return true;
    }
    return false;
}

/* Archived coupons are left out unless the state asks for them. */
static void read_filters(struct api_call *call, const struct page_query *query)
{
    struct span owner = query->owner;
    call->list_filter = COUPON_FILTER_ARCHIVED;
    call->list_state = COUPON_SCHEDULED; /* without COUPON_FILTER_STATE it says nothing, but must be a state */
    if (query->state.at != NULL && !read_state(call, query->state))
        page_query_refuse(PAGE_STATE, &call->errors);
    if (owner.at == NULL)
        return;
    if (!user_id_valid(owner.at, owner.length)) {
        page_query_refuse(PAGE_OWNER, &call->errors);
        return;
    }
    coupon_text_set(&call->coupon, COUPON_TEXT_OWNER, owner.at, owner.length);
    call->list_filter |= COUPON_FILTER_OWNER;
}

void lists_read_coupons(struct api_call *call, const struct http_request *request)
{
    struct page_query query;
    (void)request;
    call->kind = API_LIST;
    memset(&call->coupon, 0, sizeof call->coupon);
    page_query_read(&query, call->target.query, PAGE_LIMIT | PAGE_CURSOR | PAGE_STATE | PAGE_OWNER, &call->errors);
    call->limit = query.limit == 0 ? LIST_LIMIT_DEFAULT : query.limit;
    if (query.cursor.at != NULL && !coupon_id_valid(query.cursor.at, query.cursor.length))
        page_query_refuse(PAGE_CURSOR, &call->errors);
    else if (query.cursor.at != NULL)
        memcpy(call->coupon.id, query.cursor.at, query.cursor.length);
    read_filters(call, &query);
    if (call->errors.count > 0)
        invalid(call);
}

/* --- issues --- */

/* Formats of lists of issues; the first is also for clients that accept none of them. */
static const struct http_offer formats[] = {
    [READING_JSON] = {"application", "json"},
    [READING_CSV] = {"text", "csv"},
    [READING_NDJSON] = {"application", "x-ndjson"},
};
static const char *const format_names[] = {[READING_JSON] = "json", [READING_CSV] = "csv", [READING_NDJSON] = "ndjson"};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static unsigned accepted_format(const struct http_request *request)
{
    char *list = http_request_list(request, SPAN_LITERAL("accept"));
    unsigned format = http_accept_choose((struct span){list, list == NULL ? 0 : strlen(list)}, formats, FORMATS);
    free(list);
    return format;
}

/* ?format= has priority over Accept, which links in pages cannot set. */
static enum reading_format read_format(struct api_call *call, const struct http_request *request, struct span name)
{
    unsigned format = 0;
    if (name.at == NULL)
        return (enum reading_format)accepted_format(request);
    while (format < FORMATS && !span_equals(name, (struct span){format_names[format], strlen(format_names[format])}))
        format++;
    if (format < FORMATS)
        return (enum reading_format)format;
    page_query_refuse(PAGE_FORMAT, &call->errors);
    return READING_JSON;
}

static void read_issues(struct api_call *call, const struct http_request *request, enum reading_scope scope,
                        struct span id)
{
    struct page_query query;
    struct reading_question *question = &call->question;
    bool formatted = scope == READING_COUPON;
    call->kind = API_READING;
    *question = (struct reading_question){.scope = scope, .id_length = (uint8_t)id.length};
    memcpy(question->id, id.at, id.length);
    page_query_read(&query, call->target.query, PAGE_LIMIT | PAGE_CURSOR | (formatted ? PAGE_FORMAT : 0),
                    &call->errors);
    question->format = formatted ? read_format(call, request, query.format) : READING_JSON;
    question->limit = query.limit == 0 && question->format == READING_JSON ? LIST_LIMIT_DEFAULT : query.limit;
    question->continues = query.cursor.at != NULL;
    if (question->continues && !reading_cursor_parse(scope, query.cursor, &question->after))
        page_query_refuse(PAGE_CURSOR, &call->errors);
    if (call->errors.count > 0)
        invalid(call);
}

void lists_read_coupon_issues(struct api_call *call, const struct http_request *request)
{
    read_issues(call, request, READING_COUPON, call->coupon_id);
}

void lists_read_user_issues(struct api_call *call, const struct http_request *request)
{
    read_issues(call, request, READING_USER, call->user_id);
}

/* --- changes --- */

/* A cursor is the version that the page before ended with. */
static bool read_version(struct span text, uint64_t *version)
{
    return text.length > 0 && span_decimal(text, INT64_MAX, version) == text.length;
}

void lists_read_history(struct api_call *call, const struct http_request *request)
{
    struct page_query query;
    struct reading_question *question = &call->question;
    (void)request;
    call->kind = API_READING;
    *question = (struct reading_question){.scope = READING_HISTORY, .id_length = (uint8_t)call->coupon_id.length};
    memcpy(question->id, call->coupon_id.at, call->coupon_id.length);
    page_query_read(&query, call->target.query, PAGE_LIMIT | PAGE_CURSOR, &call->errors);
    question->limit = query.limit == 0 ? LIST_LIMIT_DEFAULT : query.limit;
    question->continues = query.cursor.at != NULL;
    if (question->continues && !read_version(query.cursor, &question->before))
        page_query_refuse(PAGE_CURSOR, &call->errors);
    if (call->errors.count > 0)
        invalid(call);
}
