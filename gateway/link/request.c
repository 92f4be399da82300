#include "gateway/link/request.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"
#include "shared/wire/frame_verification.h"

const struct link_kind_row link_kind_rows[LINK_KINDS] = {
    [LINK_ISSUES] = {FRAME_ISSUE_REQUESTS, sizeof(struct frame_issue_request), FRAME_ISSUE_REQUESTS_MAX,
                     offsetof(struct frame_issue_request, wait_us)},
    [LINK_CHANGES] = {FRAME_CHANGE_REQUESTS, sizeof(struct frame_change_request), FRAME_CHANGE_REQUESTS_MAX,
                      offsetof(struct frame_change_request, wait_us)},
    [LINK_COUPONS] = {FRAME_COUPON_REQUESTS, sizeof(struct frame_coupon_request), FRAME_COUPON_REQUESTS_MAX,
                      offsetof(struct frame_coupon_request, wait_us)},
    [LINK_VERIFICATIONS] = {FRAME_VERIFICATION_REQUESTS, sizeof(struct frame_verification_request),
                            FRAME_VERIFICATION_MAX, offsetof(struct frame_verification_request, wait_us)},
};

enum link_kind link_kind_of(enum frame_kind frame)
{
    unsigned kind = 0;
    while (kind < LINK_KINDS && link_kind_rows[kind].frame != frame)
        kind++;
    return (enum link_kind)kind;
}

/* --- records --- */

static bool change_reads(const struct frame_change_request *record)
{
    return record->op == CHANGE_SHOW || record->op == CHANGE_RESOLVE || record->op == CHANGE_SWEPT;
}

bool link_record_reads(enum link_kind kind, const void *record)
{
    const struct frame_coupon_request *coupon = record;
    switch (kind) {
    case LINK_ISSUES:
        return ((const struct frame_issue_request *)record)->op == ISSUE_LOOKUP;
    case LINK_CHANGES:
        return change_reads(record);
    case LINK_COUPONS:
        return coupon->op == COUPON_GET || coupon->op == COUPON_LIST;
    case LINK_VERIFICATIONS:
        return ((const struct frame_verification_request *)record)->op == VERIFICATION_READ;
    default:
        return false;
    }
}

bool link_record_repeats(enum link_kind kind, const void *record)
{
    const struct frame_issue_request *issue = record;
    if (kind == LINK_ISSUES && (issue->op == ISSUE_ENSURE || issue->request_key != 0))
        return true;
    return link_record_reads(kind, record);
}

/* --- requests --- */

struct link_request *link_request_create(enum link_kind kind)
{
    struct link_request *request = calloc(1, sizeof *request + link_kind_rows[kind].record_size);
    CHECK(request != NULL);
    request->kind = kind;
    request->size = link_kind_rows[kind].record_size;
    return request;
}

struct link_request *link_request_trim(struct link_request *request)
{
    const struct frame_coupon_request *record = (const void *)request->record;
    if (request->kind != LINK_COUPONS || request->size < sizeof *record)
        return request;
    request->size = offsetof(struct frame_coupon_request, coupon) + frame_coupon_bytes(&record->coupon);
    request = realloc(request, sizeof *request + request->size);
    CHECK(request != NULL);
    return request;
}

void link_request_destroy(struct link_request **request)
{
    free(*request);
    *request = NULL;
}

uint64_t link_request_tag(const struct link_request *request)
{
    return request->record[0];
}

/* --- lists --- */

void link_requests_append(struct link_requests *list, struct link_request *request)
{
    request->next = NULL;
    request->previous = list->last;
    if (list->last != NULL)
        list->last->next = request;
    else
        list->first = request;
    list->last = request;
    list->count++;
}

static void unlink_request(struct link_requests *list, struct link_request *request)
{
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        list->first = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    else
        list->last = request->previous;
    list->count--;
}

struct link_request *link_requests_pop(struct link_requests *list)
{
    struct link_request *first = list->first;
    if (first == NULL)
        return NULL;
    CHECK(first->previous == NULL);
    unlink_request(list, first);
    return first;
}

void link_requests_clear(struct link_requests *list)
{
    struct link_request *request = NULL;
    while ((request = link_requests_pop(list)) != NULL)
        link_request_destroy(&request);
}

/* --- what was sent --- */

static struct link_request **bucket_of(const struct link_sent *sent, uint64_t tag)
{
    /* the slot of an exchange, whose generation differs from request to request */
    return (struct link_request **)&sent->buckets[(tag ^ tag >> 32) % LINK_SENT_BUCKETS];
}

void link_sent_add(struct link_sent *sent, struct link_request *request)
{
    struct link_request **bucket = bucket_of(sent, link_request_tag(request));
    request->same_bucket = *bucket;
    *bucket = request;
    link_requests_append(&sent->order, request);
}

struct link_request *link_sent_find(const struct link_sent *sent, enum link_kind kind, uint64_t tag)
{
    struct link_request *request = *bucket_of(sent, tag);
    while (request != NULL && (request->kind != kind || link_request_tag(request) != tag))
        request = request->same_bucket;
    return request;
}

void link_sent_remove(struct link_sent *sent, struct link_request *request)
{
    struct link_request **at = bucket_of(sent, link_request_tag(request));
    while (*at != request)
        at = &(*at)->same_bucket;
    *at = request->same_bucket;
    unlink_request(&sent->order, request);
}

struct link_requests link_sent_take_all(struct link_sent *sent)
{
    struct link_requests all = sent->order;
    *sent = (struct link_sent){0};
    return all;
}

void link_sent_clear(struct link_sent *sent)
{
    struct link_requests all = link_sent_take_all(sent);
    link_requests_clear(&all);
}
