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

static void print_coupon_text(FILE *out, const struct journal_record *record)
{
    fprintf(out, " quantity=%u per_user_limit=%u paused=%d", record->coupon.quantity, record->coupon.per_user_limit,
            record->coupon.paused);
    print_time_text(out, "starts_at", record->coupon.starts_at_us);
    print_time_text(out, "ends_at", record->coupon.ends_at_us);
    print_time_text(out, "created_at", record->coupon.created_at_us);
    fputs(" title=", out);
    journal_print_string(out, record->coupon.title, record->coupon.title_length);
}

void journal_print_text(FILE *out, uint16_t partition, const struct journal_record *record)
{
    char time[RFC3339_MAX];
    rfc3339_format(record->time_us, time);
    fprintf(out, "%" PRIu64 " p%02u %s %s coupon=%.*s", record->seq, partition, time,
            record->type == JOURNAL_ISSUE ? "issue" : "coupon", (int)record->coupon_id_length, record->coupon_id);
    if (record->type == JOURNAL_ISSUE)
        fprintf(out, " user=%.*s sequence=%u nth=%u", (int)record->issue.user_id_length, record->issue.user_id,
                record->issue.sequence, record->issue.nth);
    else
        print_coupon_text(out, record);
    fputc('\n', out);
}

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

static void print_coupon_json(FILE *out, const struct journal_record *record)
{
    fputs(",\"title\":", out);
    journal_print_string(out, record->coupon.title, record->coupon.title_length);
    fprintf(out, ",\"quantity\":%u,\"per_user_limit\":%u,\"paused\":%s", record->coupon.quantity,
            record->coupon.per_user_limit, record->coupon.paused ? "true" : "false");
    print_time_json(out, "starts_at", record->coupon.starts_at_us);
    print_time_json(out, "ends_at", record->coupon.ends_at_us);
    print_time_json(out, "created_at", record->coupon.created_at_us);
}

void journal_print_json(FILE *out, uint16_t partition, const struct journal_record *record)
{
    fprintf(out, "{\"journal_seq\":%" PRIu64 ",\"partition\":%u", record->seq, partition);
    print_time_json(out, "time", record->time_us);
    fprintf(out, ",\"type\":\"%s\",\"coupon_id\":", record->type == JOURNAL_ISSUE ? "issue" : "coupon");
    journal_print_string(out, record->coupon_id, record->coupon_id_length);
    if (record->type == JOURNAL_ISSUE) {
        fputs(",\"user_id\":", out);
        journal_print_string(out, record->issue.user_id, record->issue.user_id_length);
        fprintf(out, ",\"sequence\":%u,\"nth\":%u", record->issue.sequence, record->issue.nth);
    } else {
        print_coupon_json(out, record);
    }
    fputs("}\n", out);
}
