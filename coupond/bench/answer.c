#include "coupond/bench/answer.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "shared/clock.h"
#include "shared/error.h"

/* An issue in an answer; texts are borrowed, and NULL if absent. */
struct issue {
    uint32_t sequence; /* 0: this is no issue */
    int64_t issued_us; /* 0: unknown */
    const char *code;
    const char *state;
    const char *reference;
};

/* --- issues --- */

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* The body itself is an issue, or its member `issue`. */
static struct issue read_issue(const json_t *body)
{
    const json_t *member = json_object_get(body, "issue");
    const json_t *object = member != NULL ? member : body;
    const char *issued_at = text_of(object, "issued_at");
    struct issue issue = {.code = text_of(object, "code"),
                          .state = text_of(object, "state"),
                          .reference = text_of(json_object_get(object, "redemption"), "reference")};
    json_int_t sequence = json_integer_value(json_object_get(object, "sequence"));
    if (sequence > 0 && sequence <= (json_int_t)UINT32_MAX)
        issue.sequence = (uint32_t)sequence;
    if (issued_at == NULL || !rfc3339_parse(issued_at, strlen(issued_at), &issue.issued_us))
        issue.issued_us = 0;
    return issue;
}

static bool is_in_state(const struct issue *issue, const char *state)
{
    return issue->state != NULL && strcmp(issue->state, state) == 0;
}

/* True when the issue is redeemed with this reference, or with 0, when it is neither redeemed nor revoked. */
static bool has_redemption(const struct issue *issue, uint64_t reference)
{
    char expected[32];
    if (reference == 0)
        return is_in_state(issue, "issued") || is_in_state(issue, "expired");
    snprintf(expected, sizeof expected, "bench-%" PRIu64, reference);
    return is_in_state(issue, "redeemed") && issue->reference != NULL && strcmp(issue->reference, expected) == 0;
}

/* --- answers --- */

static void break_promise(struct bench_answer *answer, enum bench_promise promise)
{
    answer->broken = promise;
    answer->held = false;
}

/* A new issue is used further only if the answer has all of its members. */
static void on_issued(struct bench_answer *answer, const struct issue *issue)
{
    answer->held = issue->code != NULL && strlen(issue->code) == CODE_LENGTH && issue->issued_us > 0;
    answer->holding.reference = 0;
    answer->holding.sequence = issue->sequence;
    answer->holding.issued_us = issue->issued_us;
    if (answer->held)
        strcpy(answer->holding.code, issue->code);
}

static void read_answer_to_issue(struct bench_answer *answer, int status, const json_t *body)
{
    struct issue issue = read_issue(body);
    answer->sequence = issue.sequence;
    answer->held = false;
    if (status == 201)
        answer->outcome = issue.sequence > 0 ? BENCH_ISSUED : BENCH_OTHER;
    else if (answer->outcome == BENCH_ALREADY_ISSUED && issue.sequence == 0)
        answer->outcome = BENCH_OTHER;
    if (answer->outcome == BENCH_ISSUED)
        on_issued(answer, &issue);
}

/* Of a REDEEM, UNDO or REVOKE. The state must be the one that was requested. */
static void read_change(struct bench_answer *answer, const struct bench_request *request, const json_t *body)
{
    struct issue issue = read_issue(body);
    bool redeem = request->operation == BENCH_OPERATION_REDEEM;
    uint64_t reference = redeem ? request->reference : 0;
    bool revoke = request->operation == BENCH_OPERATION_REVOKE;
    bool changed = revoke ? is_in_state(&issue, "revoked") : has_redemption(&issue, reference);
    if (issue.sequence != request->holding.sequence || !changed) {
        answer->outcome = BENCH_OTHER;
        answer->held = false;
        return;
    }
    answer->outcome = BENCH_DONE;
    answer->held = !revoke;
    answer->holding.reference = reference;
    if (redeem && request->holding.reference != 0)
        break_promise(answer, BENCH_PROMISE_REDEEMED_ONCE);
}

/* Of a LOOKUP or CODE. A lookup shows the user's latest issue, which may be a later one. */
static void read_state(struct bench_answer *answer, const struct bench_request *request, const json_t *body)
{
    const struct bench_holding *holding = &request->holding;
    struct issue issue = read_issue(body);
    answer->outcome = issue.sequence > 0 ? BENCH_DONE : BENCH_OTHER;
    if (issue.sequence == 0 || (request->operation == BENCH_OPERATION_LOOKUP && issue.sequence > holding->sequence))
        return;
    if (issue.sequence != holding->sequence || !has_redemption(&issue, holding->reference))
        break_promise(answer, BENCH_PROMISE_STATE_SHOWN);
}

static bool list_has(const json_t *issues, const char *coupon, uint32_t sequence)
{
    size_t i = 0;
    const json_t *entry = NULL;
    json_array_foreach(issues, i, entry)
    {
        const char *id = text_of(entry, "coupon_id");
        if (id != NULL && strcmp(id, coupon) == 0 && read_issue(entry).sequence == sequence)
            return true;
    }
    return false;
}

/* Of a WALLET. The store follows the issuer: the list must have what was issued before its `as_of`. */
static void read_wallet(struct bench_answer *answer, const struct bench_request *request, const char *coupon,
                        const json_t *body)
{
    const json_t *issues = json_object_get(body, "issues");
    const char *as_of = text_of(body, "as_of");
    int64_t as_of_us = 0;
    bool dated = as_of != NULL && rfc3339_parse(as_of, strlen(as_of), &as_of_us);
    answer->outcome = json_is_array(issues) ? BENCH_DONE : BENCH_OTHER;
    if (!json_is_array(issues) || list_has(issues, coupon, request->holding.sequence))
        return;
    bool whole = json_is_null(json_object_get(body, "next_cursor"));
    if (dated && whole && request->holding.issued_us < as_of_us)
        break_promise(answer, BENCH_PROMISE_LISTED);
}

static void read_success(struct bench_answer *answer, const struct bench_request *request, const char *coupon,
                         const json_t *body)
{
    switch (request->operation) {
    case BENCH_OPERATION_WALLET:
        read_wallet(answer, request, coupon, body);
        return;
    case BENCH_OPERATION_LOOKUP:
    case BENCH_OPERATION_CODE:
        read_state(answer, request, body);
        return;
    default:
        read_change(answer, request, body);
    }
}

/* --- refusals --- */

/* Nothing was decided. */
static bool is_undecided(enum bench_outcome outcome)
{
    return outcome == BENCH_UNAUTHORIZED || outcome == BENCH_INVALID_REQUEST || outcome == BENCH_OVERLOADED ||
           outcome == BENCH_ISSUER_UNAVAILABLE || outcome == BENCH_STORE_UNAVAILABLE;
}

static bool is_change(enum bench_operation operation)
{
    return operation == BENCH_OPERATION_REDEEM || operation == BENCH_OPERATION_UNDO ||
           operation == BENCH_OPERATION_REVOKE;
}

/* True for a redemption that is refused because the issue is redeemed already or has expired. */
static bool is_justified(const struct bench_request *request, enum bench_outcome outcome)
{
    bool redeemed = outcome == BENCH_ALREADY_REDEEMED && request->holding.reference != 0;
    return request->operation == BENCH_OPERATION_REDEEM && (redeemed || outcome == BENCH_ISSUE_EXPIRED);
}

static void read_refusal(struct bench_answer *answer, const struct bench_request *request)
{
    if (is_undecided(answer->outcome) || is_justified(request, answer->outcome))
        return;
    bool change = is_change(request->operation);
    if (bench_outcome_unknown(answer->outcome))
        answer->held = !change;
    else
        break_promise(answer, change ? BENCH_PROMISE_NOT_REFUSED : BENCH_PROMISE_STATE_SHOWN);
}

struct bench_answer bench_answer_missing(const struct bench_request *request, enum bench_outcome outcome)
{
    struct bench_answer answer = {.outcome = outcome, .broken = BENCH_PROMISE_COUNT, .holding = request->holding};
    answer.held = request->operation != BENCH_OPERATION_ISSUE;
    if (answer.held)
        read_refusal(&answer, request);
    return answer;
}

struct bench_answer bench_answer_read(const struct bench_request *request, const char *coupon, int status,
                                      const char *body, size_t length)
{
    json_t *parsed = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
    enum bench_outcome refusal = status >= 400 ? bench_outcome_of_code(text_of(parsed, "code")) : BENCH_OTHER;
    struct bench_answer answer = bench_answer_missing(request, refusal);
    if (parsed != NULL && request->operation == BENCH_OPERATION_ISSUE)
        read_answer_to_issue(&answer, status, parsed);
    else if (parsed != NULL && (status == 200 || status == 201))
        read_success(&answer, request, coupon, parsed);
    json_decref(parsed);
    return answer;
}
