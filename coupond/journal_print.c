#include "coupond/journal_print.h"

#include <inttypes.h>

#include "shared/clock.h"
#include "shared/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD, for a byte that is no UTF-8 */

void journal_print_string(FILE *out, const char *text, size_t length)
{
    fputc('"', out);
    for (size_t i = 0; i < length;) {
        const unsigned char *at = (const unsigned char *)text + i;
        size_t sequence = utf8_sequence(at, length - i);
        if (sequence == 0)
            fputs(REPLACEMENT, out);
        else if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < ' ' || *at == 0x7f)
            fprintf(out, "\\u%04x", *at);
        else
            fwrite(at, 1, sequence, out);
        i += sequence > 0 ? sequence : 1;
    }
    fputc('"', out);
}

static void print_time_text(FILE *out, const char *name, int64_t us)
{
    char time[RFC3339_MAX] = "-";
    if (us != TIME_NONE)
        rfc3339_format(us, time);
    fprintf(out, " %s=%s", name, time);
}

static const char *type_name(const struct journal_record *record)
{
    static const char *const changes[] = {
        [JOURNAL_REDEEMED] = "redemption", [JOURNAL_UNDONE] = "redemption_undone", [JOURNAL_REVOKED] = "revocation"};
    switch (record->type) {
    case JOURNAL_ISSUE:
        return "issue";
    case JOURNAL_CHANGE:
        return changes[record->change.kind];
    case JOURNAL_ERASURE:
        return "erasure";
    case JOURNAL_SWEEP:
        return record->sweep.ended ? "sweep_ended" : "sweep";
    case JOURNAL_TERM:
        return "term";
    default:
        return "coupon";
    }
}

/* --- text --- */

static void print_text(FILE *out, const char *name, const char *text, size_t length)
{
    if (length == 0)
        return;
    fprintf(out, " %s=", name);
    journal_print_string(out, text, length);
}

static void print_quantity_text(FILE *out, uint32_t quantity)
{
    if (quantity == QUANTITY_UNLIMITED)
        fputs(" quantity=unlimited", out);
    else
        fprintf(out, " quantity=%u", quantity);
}

static const char *const text_names[] = {
#define X(id, member, max) [COUPON_TEXT_##id] = #member,
    COUPON_TEXT_TABLE(X)
#undef X
};

static void print_coupon_text(FILE *out, const struct journal_record *record)
{
    fprintf(out, " number=%u", record->coupon.number);
    print_quantity_text(out, record->coupon.quantity);
    fprintf(out, " per_user_limit=%u paused=%d archived=%d", record->coupon.per_user_limit, record->coupon.paused,
            record->coupon.archived);
    print_time_text(out, "starts_at", record->coupon.starts_at_us);
    print_time_text(out, "ends_at", record->coupon.ends_at_us);
    print_time_text(out, "redeem_until", record->coupon.redeem_until_us);
    fprintf(out, " redeem_within_s=%u", record->coupon.redeem_within_s);
    print_time_text(out, "created_at", record->coupon.created_at_us);
    for (unsigned i = 0; i < COUPON_TEXTS; i++)
        print_text(out, text_names[i], record->coupon.texts[i], record->coupon.text_lengths[i]);
}

static void print_change_text(FILE *out, const struct journal_record *record)
{
    if (record->change.user_id_length > 0)
        fprintf(out, " user=%.*s", (int)record->change.user_id_length, record->change.user_id);
    fprintf(out, " sequence=%u", record->change.sequence);
    if (record->change.kind == JOURNAL_REVOKED)
        fprintf(out, " restock=%d again=%d", record->change.restock, record->change.again);
    print_text(out, "reference", record->change.reference, record->change.reference_length);
    print_text(out, "reason", record->change.reason, record->change.reason_length);
}

static void print_sweep_text(FILE *out, const struct journal_record *record)
{
    fprintf(out, " until=%u restock=%d again=%d", record->sweep.until, record->sweep.restock, record->sweep.again);
    print_text(out, "reason", record->sweep.reason, record->sweep.reason_length);
}

static void print_issue_text(FILE *out, const struct journal_record *record)
{
    fprintf(out, " user=%.*s sequence=%u nth=%u", (int)record->issue.user_id_length, record->issue.user_id,
            record->issue.sequence, record->issue.nth);
    if (record->issue.request_key != 0)
        fprintf(out, " request_key=%016" PRIx64, record->issue.request_key);
}

void journal_print_text(FILE *out, uint16_t partition, const struct journal_record *record)
{
    char time[RFC3339_MAX];
    rfc3339_format(record->time_us, time);
    fprintf(out, "%" PRIu64 " p%02u %s %s", record->seq, partition, time, type_name(record));
    if (record->type == JOURNAL_ERASURE)
        fprintf(out, " user=%.*s", (int)record->erasure.user_id_length, record->erasure.user_id);
    else if (record->type == JOURNAL_TERM)
        fprintf(out, " epoch=%" PRIu64 " owner=%.*s", record->term.epoch, (int)record->term.owner_length,
                record->term.owner);
    else
        fprintf(out, " coupon=%.*s", (int)record->coupon_id_length, record->coupon_id);
    if (record->type == JOURNAL_ISSUE)
        print_issue_text(out, record);
    else if (record->type == JOURNAL_CHANGE)
        print_change_text(out, record);
    else if (record->type == JOURNAL_COUPON)
        print_coupon_text(out, record);
    else if (record->type == JOURNAL_SWEEP)
        print_sweep_text(out, record);
    if (record->type != JOURNAL_ISSUE && record->type != JOURNAL_TERM) {
        print_text(out, "actor", record->origin.actor, record->origin.actor_length);
        print_text(out, "request_id", record->origin.request_id, record->origin.request_id_length);
    }
    fputc('\n', out);
}

/* --- JSON --- */

static void print_time_json(FILE *out, const char *name, int64_t us)
{
    char time[RFC3339_MAX];
    if (us == TIME_NONE) {
        fprintf(out, ",\"%s\":null", name);
        return;
    }
    rfc3339_format(us, time);
    fprintf(out, ",\"%s\":\"%s\"", name, time);
}

static void print_string_json(FILE *out, const char *name, const char *text, size_t length)
{
    fprintf(out, ",\"%s\":", name);
    if (length == 0)
        fputs("null", out);
    else
        journal_print_string(out, text, length);
}

static bool is_json(enum coupon_text text)
{
    return text == COUPON_TEXT_BENEFIT || text == COUPON_TEXT_METADATA || text == COUPON_TEXT_SEGMENTS;
}

static void print_coupon_json(FILE *out, const struct journal_record *record)
{
    fprintf(out, ",\"number\":%u,\"quantity\":", record->coupon.number);
    if (record->coupon.quantity == QUANTITY_UNLIMITED)
        fputs("null", out);
    else
        fprintf(out, "%u", record->coupon.quantity);
    fprintf(out, ",\"per_user_limit\":%u,\"paused\":%s,\"archived\":%s", record->coupon.per_user_limit,
            record->coupon.paused ? "true" : "false", record->coupon.archived ? "true" : "false");
    print_time_json(out, "starts_at", record->coupon.starts_at_us);
    print_time_json(out, "ends_at", record->coupon.ends_at_us);
    print_time_json(out, "redeem_until", record->coupon.redeem_until_us);
    fprintf(out, ",\"redeem_within_s\":%u", record->coupon.redeem_within_s);
    print_time_json(out, "created_at", record->coupon.created_at_us);
    for (unsigned i = 0; i < COUPON_TEXTS; i++) {
        size_t length = record->coupon.text_lengths[i];
        if (is_json(i) && length > 0)
            fprintf(out, ",\"%s\":%.*s", text_names[i], (int)length, record->coupon.texts[i]);
        else
            print_string_json(out, text_names[i], record->coupon.texts[i], length);
    }
}

static void print_change_json(FILE *out, const struct journal_record *record)
{
    print_string_json(out, "user_id", record->change.user_id, record->change.user_id_length);
    fprintf(out, ",\"sequence\":%u", record->change.sequence);
    if (record->change.kind != JOURNAL_REVOKED) {
        print_string_json(out, "reference", record->change.reference, record->change.reference_length);
        return;
    }
    print_string_json(out, "reason", record->change.reason, record->change.reason_length);
    fprintf(out, ",\"restock\":%s,\"again\":%s", record->change.restock ? "true" : "false",
            record->change.again ? "true" : "false");
}

static void print_sweep_json(FILE *out, const struct journal_record *record)
{
    fprintf(out, ",\"until\":%u", record->sweep.until);
    print_string_json(out, "reason", record->sweep.reason, record->sweep.reason_length);
    fprintf(out, ",\"restock\":%s,\"again\":%s", record->sweep.restock ? "true" : "false",
            record->sweep.again ? "true" : "false");
}

static void print_issue_json(FILE *out, const struct journal_record *record)
{
    print_string_json(out, "user_id", record->issue.user_id, record->issue.user_id_length);
    fprintf(out, ",\"sequence\":%u,\"nth\":%u", record->issue.sequence, record->issue.nth);
    if (record->issue.request_key != 0)
        fprintf(out, ",\"request_key\":\"%016" PRIx64 "\"", record->issue.request_key);
}

static void print_term_json(FILE *out, const struct journal_record *record)
{
    fprintf(out, ",\"epoch\":%" PRIu64, record->term.epoch);
    print_string_json(out, "owner", record->term.owner, record->term.owner_length);
}

void journal_print_json(FILE *out, uint16_t partition, const struct journal_record *record)
{
    fprintf(out, "{\"journal_seq\":%" PRIu64 ",\"partition\":%u", record->seq, partition);
    print_time_json(out, "time", record->time_us);
    fprintf(out, ",\"type\":\"%s\"", type_name(record));
    if (record->type == JOURNAL_ERASURE)
        print_string_json(out, "user_id", record->erasure.user_id, record->erasure.user_id_length);
    else if (record->type == JOURNAL_TERM)
        print_term_json(out, record);
    else
        print_string_json(out, "coupon_id", record->coupon_id, record->coupon_id_length);
    if (record->type == JOURNAL_ISSUE)
        print_issue_json(out, record);
    else if (record->type == JOURNAL_CHANGE)
        print_change_json(out, record);
    else if (record->type == JOURNAL_COUPON)
        print_coupon_json(out, record);
    else if (record->type == JOURNAL_SWEEP)
        print_sweep_json(out, record);
    if (record->type != JOURNAL_ISSUE && record->type != JOURNAL_TERM) {
        print_string_json(out, "actor", record->origin.actor, record->origin.actor_length);
        print_string_json(out, "request_id", record->origin.request_id, record->origin.request_id_length);
    }
    fputs("}\n", out);
}
