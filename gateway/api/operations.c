#include "gateway/api/operations.h"

#include <string.h>

#include "gateway/api/page_query.h"
#include "gateway/api/rehearsal_json.h"
#include "shared/store/letter.h"

static void invalid(struct api_call *call)
{
    call->kind = API_PROBLEM;
    call->error = ERROR_INVALID_REQUEST;
}

/* --- dead letters --- */

static bool take_letter_id(struct api_call *call, struct span text)
{
    struct store_dead_letter key;
    if (!store_letter_id_parse(text.at, text.length, &key))
        return false;
    call->question.letter.journal_seq = key.journal_seq;
    memcpy(call->question.letter.journal_id, key.journal_id, sizeof key.journal_id);
    return true;
}

void operations_read_letters(struct api_call *call, const struct http_request *request)
{
    struct page_query query;
    struct reading_question *question = &call->question;
    (void)request;
    call->kind = API_READING;
    *question = (struct reading_question){.scope = READING_LETTERS, .format = READING_JSON};
    page_query_read(&query, call->target.query, PAGE_LIMIT | PAGE_CURSOR, &call->errors);
    question->limit = query.limit == 0 ? LIST_LIMIT_DEFAULT : query.limit;
    question->continues = query.cursor.at != NULL;
    if (question->continues && !take_letter_id(call, query.cursor))
        page_query_refuse(PAGE_CURSOR, &call->errors);
    if (call->errors.count > 0)
        invalid(call);
}

void operations_read_letter_retry(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_READING;
    call->question = (struct reading_question){.scope = READING_LETTER, .format = READING_JSON};
    if (!take_letter_id(call, call->letter_text)) {
        api_errors_add(&call->errors, "letter", "must be the id of a dead letter");
        invalid(call);
    }
}

void operations_read_status(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_STATUS;
}

/* --- verification --- */

static void ask_verification(struct api_call *call, enum verification_op op)
{
    call->kind = API_VERIFY;
    call->verification_op = op;
}

void operations_read_verification_start(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_verification(call, VERIFICATION_START);
}

void operations_read_verification(struct api_call *call, const struct http_request *request)
{
    (void)request;
    ask_verification(call, VERIFICATION_READ);
}

/* --- the process --- */

void operations_read_livez(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_LIVEZ;
}

void operations_read_readyz(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_READYZ;
}

void operations_read_metrics(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_METRICS;
}

/* --- rehearsals --- */

void operations_read_rehearsal_start(struct api_call *call, const struct http_request *request)
{
    call->kind = API_REHEARSE;
    if (!rehearsal_json_read(request->body, &call->rehearsal, &call->errors))
        invalid(call);
}

void operations_read_rehearsal(struct api_call *call, const struct http_request *request)
{
    (void)request;
    call->kind = API_REHEARSE;
    call->rehearsal.users = 0;
}
