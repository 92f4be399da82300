#include "coupond/verify/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/journal_print.h"

const char *thousands(uint64_t number, char out[THOUSANDS_MAX])
{
    size_t at = THOUSANDS_MAX;
    out[--at] = '\0';
    for (int digits = 0; digits == 0 || number > 0; digits++) {
        if (digits > 0 && digits % 3 == 0)
            out[--at] = ',';
        out[--at] = (char)('0' + number % 10);
        number /= 10;
    }
    memmove(out, out + at, THOUSANDS_MAX - at);
    return out;
}

static const char *result_of(bool broken)
{
    return broken ? "BROKEN" : "kept";
}

/* --- text --- */

static int id_width(struct verify_coupon **coupons, size_t count)
{
    size_t width = strlen("coupon");
    for (size_t i = 0; i < count; i++)
        width = strlen(coupons[i]->id) > width ? strlen(coupons[i]->id) : width;
    return (int)width;
}

static void print_coupon(FILE *out, int width, const struct verify_coupon *coupon)
{
    char numbers[5][THOUSANDS_MAX];
    const struct verify_policy *policy = &coupon->policy;
    const char *quantity =
        policy->quantity == QUANTITY_UNLIMITED ? "unlimited" : thousands(policy->quantity, numbers[0]);
    fprintf(out, "%-*s  %13s  %13s  %13s  %13s  %13s  %s\n", width, coupon->id, quantity,
            thousands(policy->issued, numbers[1]), thousands(coupon->users.count, numbers[2]),
            thousands(coupon->rows, numbers[3]), thousands(coupon->lag, numbers[4]), result_of(coupon->broken));
}

static void print_coupons(FILE *out, const struct verify *verify)
{
    struct verify_coupon **coupons = verify_index_sorted(&verify->coupons);
    int width = id_width(coupons, verify->coupons.count);
    fprintf(out, "%-*s  %13s  %13s  %13s  %13s  %13s  %s\n", width, "coupon", "quantity", "issued", "users", "in store",
            "on the way", "promises");
    for (size_t i = 0; i < verify->coupons.count; i++)
        print_coupon(out, width, coupons[i]);
    free(coupons);
}

static void print_findings(FILE *out, const struct findings *findings, enum finding kind)
{
    char number[THOUSANDS_MAX];
    const struct findings_of_kind *of_kind = &findings->kinds[kind];
    if (of_kind->count == 0)
        return;
    fprintf(out, "\nBROKEN: %s (%s)\n", finding_meaning(kind), thousands(of_kind->count, number));
    size_t lines = findings_lines(findings, kind);
    for (size_t i = 0; i < lines; i++)
        fprintf(out, "  %s\n", of_kind->lines[i]);
    if (of_kind->count > lines)
        fprintf(out, "  … and %s more\n", thousands(of_kind->count - lines, number));
}

void verify_report_text(FILE *out, const struct verify *verify)
{
    char numbers[5][THOUSANDS_MAX];
    print_coupons(out, verify);
    for (int kind = 0; kind < FINDING_COUNT; kind++)
        print_findings(out, &verify->findings, (enum finding)kind);
    fprintf(out, "\n%s: %s coupons, %s issues in the journal, %s in the store, %s on the way to it",
            result_of(verify->findings.count > 0), thousands(verify->coupons.count, numbers[0]),
            thousands(verify->issues, numbers[1]), thousands(verify->rows, numbers[2]),
            thousands(verify->lag, numbers[3]));
    if (verify->dead > 0)
        fprintf(out, ", %s dead letters", thousands(verify->dead, numbers[4]));
    if (verify->findings.count > 0)
        fprintf(out, ", %s violations", thousands(verify->findings.count, numbers[4]));
    fputc('\n', out);
}

/* --- JSON --- */

static void json_string(FILE *out, const char *name, const char *text)
{
    fprintf(out, "\"%s\":", name);
    journal_print_string(out, text, strlen(text));
}

static void json_journals(FILE *out, const struct verify *verify)
{
    const char *comma = "";
    fputs("\"journals\":[", out);
    for (unsigned i = 0; i < PARTITIONS_MAX; i++) {
        const struct verify_journal *journal = &verify->journals[i];
        if (!journal->present)
            continue;
        fprintf(out, "%s{\"partition\":%u,\"records\":%" PRIu64 ",\"last_seq\":%" PRIu64 ",\"acked_seq\":%" PRIu64 "}",
                comma, i, journal->records, journal->next_seq - 1, journal->acked);
        comma = ",";
    }
    fputs("],", out);
}

static void json_coupons(FILE *out, const struct verify *verify)
{
    struct verify_coupon **coupons = verify_index_sorted(&verify->coupons);
    fputs("\"coupons\":[", out);
    for (size_t i = 0; i < verify->coupons.count; i++) {
        const struct verify_coupon *coupon = coupons[i];
        fputs(i > 0 ? ",{" : "{", out);
        json_string(out, "id", coupon->id);
        if (coupon->policy.quantity == QUANTITY_UNLIMITED)
            fputs(",\"quantity\":null", out);
        else
            fprintf(out, ",\"quantity\":%" PRIu32, coupon->policy.quantity);
        fprintf(out,
                ",\"issued\":%" PRIu32 ",\"returned\":%" PRIu32 ",\"users\":%zu,\"in_store\":%zu,\"lag\":%" PRIu64
                ",\"kept\":%s}",
                coupon->policy.issued, coupon->policy.returned, coupon->users.count, coupon->rows, coupon->lag,
                coupon->broken ? "false" : "true");
    }
    fputs("],", out);
    free(coupons);
}

static void json_findings(FILE *out, const struct findings *findings)
{
    const char *comma = "";
    fputs("\"findings\":[", out);
    for (int kind = 0; kind < FINDING_COUNT; kind++) {
        const struct findings_of_kind *of_kind = &findings->kinds[kind];
        if (of_kind->count == 0)
            continue;
        fprintf(out, "%s{\"kind\":\"%s\",\"count\":%" PRIu64 ",\"lines\":[", comma, finding_name((enum finding)kind),
                of_kind->count);
        for (size_t i = 0; i < findings_lines(findings, (enum finding)kind); i++) {
            fputs(i > 0 ? "," : "", out);
            journal_print_string(out, of_kind->lines[i], strlen(of_kind->lines[i]));
        }
        fputs("]}", out);
        comma = ",";
    }
    fputs("]", out);
}

/* The first sentence about it is its detail. */
static void json_promise(FILE *out, const struct findings *findings, enum promise promise)
{
    uint64_t count = 0;
    const char *detail = "";
    for (enum finding kind = 0; kind < FINDING_COUNT; kind++) {
        if (finding_promise(kind) != promise || findings->kinds[kind].count == 0)
            continue;
        if (count == 0)
            detail = findings->kinds[kind].lines[0];
        count += findings->kinds[kind].count;
    }
    fprintf(out, "{\"name\":\"%s\",\"kept\":%s,\"violations\":%" PRIu64 ",", promise_name(promise),
            count == 0 ? "true" : "false", count);
    json_string(out, "detail", detail);
    fputs("}", out);
}

static void json_promises(FILE *out, const struct findings *findings)
{
    fputs("\"promises\":[", out);
    for (enum promise promise = 0; promise < PROMISE_COUNT; promise++) {
        fputs(promise > 0 ? "," : "", out);
        json_promise(out, findings, promise);
    }
    fputs("],", out);
}

void verify_report_json(FILE *out, const struct verify *verify, bool summary)
{
    fprintf(out,
            "{\"result\":\"%s\",\"issues\":%" PRIu64 ",\"in_store\":%" PRIu64 ",\"lag\":%" PRIu64
            ",\"dead_letters\":%" PRIu64 ",",
            verify->findings.count > 0 ? "broken" : "kept", verify->issues, verify->rows, verify->lag, verify->dead);
    json_promises(out, &verify->findings);
    json_journals(out, verify);
    if (!summary)
        json_coupons(out, verify);
    json_findings(out, &verify->findings);
    fputs("}\n", out);
}
