#include "gateway/api/change_query.h"

#include <string.h>

#include "gateway/api/json.h"

enum parameter {
    REFERENCE = 1 << 0,
    SEQUENCE = 1 << 1,
    REASON = 1 << 2,
    RESTOCK = 1 << 3,
    AGAIN = 1 << 4,
};

static const struct {
    const char *name;
    enum parameter parameter;
} rows[] = {
    {"reference", REFERENCE}, {"sequence", SEQUENCE}, {"reason", REASON}, {"restock", RESTOCK}, {"again", AGAIN},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static bool is(struct span text, const char *word)
{
    return span_equals(text, (struct span){word, strlen(word)});
}

static const char *read_reference(struct span text, struct api_call *call)
{
    if (!reference_valid(text.at, text.length))
        return REFERENCE_RULE;
    memcpy(call->reference_copy, text.at, text.length);
    call->reference = (struct span){call->reference_copy, text.length};
    return NULL;
}

static const char *read_sequence(struct span text, struct api_call *call)
{
    uint64_t value = 0;
    bool whole = span_decimal(text, UINT32_MAX, &value) == text.length;
    call->sequence = (uint32_t)value;
    return whole && value >= 1 ? NULL : SEQUENCE_RULE;
}

/* Forms send a space as a plus sign. */
static const char *read_reason(struct span text, struct api_call *call)
{
    if (!reason_valid(text.at, text.length))
        return REASON_RULE;
    memcpy(call->revocation.reason, text.at, text.length);
    call->revocation.reason_length = text.length;
    return NULL;
}

static const char *read_flag(struct span text, struct api_call *call, enum change_flag flag)
{
    if (!is(text, "true") && !is(text, "false"))
        return "must be true or false";
    if (is(text, "true"))
        call->revocation.flags |= (uint8_t)flag;
    return NULL;
}

static const char *read_value(enum parameter parameter, struct span text, struct api_call *call)
{
    switch (parameter) {
    case REFERENCE:
        return read_reference(text, call);
    case SEQUENCE:
        return read_sequence(text, call);
    case REASON:
        return read_reason(text, call);
    case RESTOCK:
        return read_flag(text, call, CHANGE_RESTOCK);
    case AGAIN:
        return read_flag(text, call, CHANGE_AGAIN);
    }
    return NULL;
}

/* The row of a decoded name that is among `known`, or ROWS. */
static size_t find(struct span name, unsigned known)
{
    for (size_t i = 0; i < ROWS; i++) {
        if ((rows[i].parameter & known) != 0 && is(name, rows[i].name))
            return i;
    }
    return ROWS;
}

/* Decodes into `out`; with `forms`, a plus sign is a space. */
static bool decode(struct span in, bool forms, char *out, size_t size, struct span *text)
{
    size_t length = 0;
    char plain[3 * (REASON_MAX + 1)];
    if (in.length > sizeof plain)
        return false;
    memcpy(plain, in.at, in.length);
    for (size_t i = 0; forms && i < in.length; i++) {
        if (plain[i] == '+')
            plain[i] = ' ';
    }
    if (!http_percent_decode((struct span){plain, in.length}, out, size, &length))
        return false;
    *text = (struct span){out, length};
    return true;
}

static void read_pair(struct api_call *call, struct span name, struct span value, unsigned known, unsigned *seen)
{
    char name_text[16];
    char value_text[REASON_MAX + 1];
    struct span text = SPAN_NONE;
    size_t row = decode(name, false, name_text, sizeof name_text, &text) ? find(text, known) : ROWS;
    if (row == ROWS) {
        api_errors_add_unknown(&call->errors, name);
        return;
    }
    enum parameter parameter = rows[row].parameter;
    const char *reason = "is given twice";
    if ((*seen & parameter) == 0)
        reason = decode(value, parameter == REASON, value_text, sizeof value_text, &text)
                     ? read_value(parameter, text, call)
                     : "is too long, has a control character, or its percent-encoding is broken";
    if (reason != NULL)
        api_errors_add(&call->errors, rows[row].name, reason);
    *seen |= parameter;
}

static unsigned read(struct api_call *call, unsigned known)
{
    struct span query = call->target.query;
    struct span name = SPAN_NONE;
    struct span value = SPAN_NONE;
    unsigned seen = 0;
    while (http_query_next(&query, &name, &value))
        read_pair(call, name, value, known, &seen);
    return seen;
}

void change_query_read_undo(struct api_call *call)
{
    if ((read(call, REFERENCE | SEQUENCE) & REFERENCE) == 0)
        api_errors_add(&call->errors, "reference", "is missing");
}

void change_query_read_revoke(struct api_call *call)
{
    read(call, REASON | RESTOCK | SEQUENCE | AGAIN);
}
