/*
 * `coupond dead-letter list|retry`: lists the records that the store refused permanently, and stores them after the
 * cause is fixed. On a running system or at rest; each record in its own transaction.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/journal_print.h"
#include "coupond/verify/report.h"
#include "persister/retry.h"
#include "shared/clock.h"
#include "shared/store/letter.h"

#define PAGE_LETTERS         256
#define WRITE_TRIES          8
#define PROGRESS_INTERVAL_US INT64_C(2000000)

enum { NONE_LEFT = 0, SOME_LEFT = 1, COULD_NOT_CHECK = 2 };

struct request {
    struct options options;
    struct store *store;
    bool retry;
    bool json;
};

/* The kinds of letters, as the totals name them. */
static const struct {
    enum journal_record_type type;
    const char *plural;
} kinds[] = {
    {JOURNAL_COUPON, "coupons"},
    {JOURNAL_ISSUE, "issues"},
    {JOURNAL_CHANGE, "changes"},
    {JOURNAL_ERASURE, "erasures"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

struct tally {
    uint64_t kinds[KINDS];
    uint64_t count; /* of all kinds */
    uint64_t stored;
    uint64_t refused;
    int64_t progress_after_us;
};

static const struct help_option dead_letter_options[] = {
    HELP_CONFIG, {"--dir", "DIR", "the folder of a `coupond dev` (DIR/coupond.db), instead of --config"},
    HELP_SET,    HELP_JSON,
    HELP_HELP,   HELP_END,
};

const struct help help_dead_letter = {
    .name = "dead-letter",
    .summary = "lists or retries records that the database refused: list|retry",
    .words = "list|retry",
    .about = "Dead letters are journal records that the database permanently refuses; they do not delay other records. "
             "list lists them with the reason. retry tries to store each again, after the cause is fixed; stored "
             "records are no longer dead letters.",
    .options = dead_letter_options,
    .exit_status = "0 none is left, 1 some are left, 2 could not check",
};

static int refuse(const struct error *error)
{
    fprintf(stderr, "coupond dead-letter: %s\n", error->text);
    return COULD_NOT_CHECK;
}

/* --- output --- */

static void note_progress(struct tally *tally, const char *what)
{
    char number[THOUSANDS_MAX];
    int64_t now_us = clock_mono_us();
    if (now_us < tally->progress_after_us)
        return;
    fprintf(stderr, "coupond dead-letter: %s %s …\n", thousands(tally->count, number), what);
    tally->progress_after_us = now_us + PROGRESS_INTERVAL_US;
}

/* The table may contain any bytes, which a terminal must not receive. */
static void print_plain(const char *text)
{
    for (; *text != '\0'; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static size_t kind_of(const struct store_dead_letter *letter)
{
    size_t kind = 0;
    while (kinds[kind].type != store_letter_type(letter))
        kind++;
    return kind;
}

static void print_letter_text(const struct store_dead_letter *letter, const char *result, const char *reason)
{
    char sequence[16] = "-";
    char time[RFC3339_MAX];
    rfc3339_format(letter->dead_at_us, time);
    if (letter->sequence > 0)
        snprintf(sequence, sizeof sequence, "%" PRIu32, letter->sequence);
    if (*result != '\0')
        printf("%-8s  ", result);
    printf("%9u  %11" PRIu64 "  %-16.*s  %10s  %-20.*s  %s  ", letter->partition, letter->journal_seq,
           (int)letter->coupon_id_length, letter->coupon_id, sequence,
           letter->user_id_length > 0 ? letter->user_id_length : 1, letter->user_id_length > 0 ? letter->user_id : "-",
           time);
    print_plain(reason);
    putchar('\n');
}

static void json_text(const char *name, const char *text, size_t length)
{
    printf(",\"%s\":", name);
    journal_print_string(stdout, text, length);
}

static void print_letter_json(const struct store_dead_letter *letter, const char *result, const char *reason)
{
    char time[RFC3339_MAX];
    printf("{\"type\":\"%s\",\"partition\":%u,\"journal_seq\":%" PRIu64, store_letter_kind(letter), letter->partition,
           letter->journal_seq);
    if (letter->coupon_id_length > 0)
        json_text("coupon_id", letter->coupon_id, letter->coupon_id_length);
    if (letter->sequence > 0)
        printf(",\"sequence\":%" PRIu32, letter->sequence);
    if (letter->user_id_length > 0)
        json_text("user_id", letter->user_id, letter->user_id_length);
    json_text("recorded_at", time, rfc3339_format(letter->recorded_at_us, time));
    json_text("dead_at", time, rfc3339_format(letter->dead_at_us, time));
    if (*result != '\0')
        json_text("result", result, strlen(result));
    json_text("reason", reason, strlen(reason));
    putchar('}');
}

static void print_letter(const struct request *request, struct tally *tally, const struct store_dead_letter *letter,
                         const char *result, const char *reason)
{
    bool first = tally->count == 0;
    tally->kinds[kind_of(letter)]++;
    tally->count++;
    if (request->json) {
        fputs(first ? "" : ",", stdout);
        print_letter_json(letter, result, reason);
        return;
    }
    if (first)
        printf("%s%9s  %11s  %-16s  %10s  %-20s  %-27s  %s\n", *result != '\0' ? "result    " : "", "partition",
               "journal_seq", "coupon", "sequence", "user", "refused at", "reason");
    print_letter_text(letter, result, reason);
}

static void print_kinds(const struct tally *tally)
{
    char number[THOUSANDS_MAX];
    printf("\ndead letters: %s coupons", thousands(tally->kinds[0], number));
    for (size_t i = 1; i < KINDS; i++) {
        if (kinds[i].type == JOURNAL_ISSUE || tally->kinds[i] > 0)
            printf(", %s %s", thousands(tally->kinds[i], number), kinds[i].plural);
    }
    putchar('\n');
}

static void print_kinds_json(const struct tally *tally)
{
    putchar(']');
    for (size_t i = 0; i < KINDS; i++)
        printf(",\"%s\":%" PRIu64, kinds[i].plural, tally->kinds[i]);
    puts("}");
}

static void print_totals(const struct request *request, const struct tally *tally)
{
    char numbers[2][THOUSANDS_MAX];
    if (request->json && request->retry)
        printf("],\"stored\":%" PRIu64 ",\"refused\":%" PRIu64 "}\n", tally->stored, tally->refused);
    else if (request->json)
        print_kinds_json(tally);
    else if (tally->count == 0)
        puts("there are no dead letters");
    else if (request->retry)
        printf("\n%s stored, %s still refused\n", thousands(tally->stored, numbers[0]),
               thousands(tally->refused, numbers[1]));
    else
        print_kinds(tally);
}

/* --- listing --- */

struct listing {
    const struct request *request;
    struct tally *tally;
};

static bool list_letter(void *arg, const struct store_dead_letter *letter)
{
    const struct listing *listing = arg;
    print_letter(listing->request, listing->tally, letter, "", letter->reason);
    note_progress(listing->tally, "listed");
    return true;
}

static int list_letters(const struct request *request, struct tally *tally, struct error *error)
{
    struct listing listing = {request, tally};
    enum store_result result = store_read_begin(request->store, error);
    if (result == STORE_OK)
        result = store_each_dead_letter(request->store, NULL, 0, list_letter, &listing, error);
    store_read_end(request->store);
    return result == STORE_OK ? 0 : -1;
}

/* --- retrying --- */

struct page {
    struct store_letter letters[PAGE_LETTERS];
    size_t count;
};

static bool keep_letter(void *arg, const struct store_dead_letter *letter)
{
    struct page *page = arg;
    store_letter_copy(&page->letters[page->count++], letter);
    return page->count < PAGE_LETTERS;
}

/* Reads the next letters after `after`. Each page is read before its writes, since an open snapshot would not see
 * them. */
static int read_page(const struct request *request, const struct store_dead_letter *after, struct page *page,
                     struct error *error)
{
    page->count = 0;
    enum store_result result = store_read_begin(request->store, error);
    if (result == STORE_OK)
        result = store_each_dead_letter(request->store, after, PAGE_LETTERS, keep_letter, page, error);
    store_read_end(request->store);
    return result == STORE_OK ? 0 : -1;
}

static void wait_ms(int64_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static enum store_result write_rows(const struct request *request, const struct store_batch *batch, struct error *error)
{
    struct retry retry;
    retry_init(&retry, request->options.persister_retry_min_ms, request->options.persister_retry_max_ms);
    for (int tries = 1;; tries++) {
        enum store_result result = store_write(request->store, batch, error);
        if (result != STORE_RETRY || tries == WRITE_TRIES)
            return result;
        wait_ms(retry_next_ms(&retry, randombytes_random()));
    }
}

/* -1 and `error` when it is unknown whether the letter can be stored. */
static int retry_letter(const struct request *request, struct tally *tally, const struct store_dead_letter *letter,
                        struct error *error)
{
    struct store_letter_rows rows;
    struct error reason = {"it is not a valid journal record"};
    enum store_result result = STORE_REJECTED;
    if (store_letter_rows(&rows, letter))
        result = write_rows(request, &rows.batch, &reason);
    if (result != STORE_OK && result != STORE_REJECTED) {
        *error = reason;
        return -1;
    }
    bool stored = result == STORE_OK;
    *(stored ? &tally->stored : &tally->refused) += 1;
    print_letter(request, tally, letter, stored ? "stored" : "refused", stored ? letter->reason : reason.text);
    note_progress(tally, "tried");
    return 0;
}

static int retry_letters(const struct request *request, struct tally *tally, struct error *error)
{
    static struct page page;
    struct store_letter last;
    const struct store_dead_letter *after = NULL;
    int status = read_page(request, after, &page, error);
    while (status == 0 && page.count > 0) {
        for (size_t i = 0; i < page.count && status == 0; i++)
            status = retry_letter(request, tally, &page.letters[i].letter, error);
        store_letter_copy(&last, &page.letters[page.count - 1].letter);
        after = &last.letter;
        if (status == 0)
            status = read_page(request, after, &page, error);
    }
    return status;
}

/* --- sequence --- */

static int list_or_retry(struct request *request, struct error *error)
{
    struct tally tally = {.progress_after_us = clock_mono_us() + PROGRESS_INTERVAL_US};
    request->store = store_create(&request->options, error);
    if (!request->store)
        return refuse(error);
    if (store_check_schema(request->store, error) != STORE_OK)
        return refuse(error);
    if (request->json)
        fputs("{\"dead_letters\":[", stdout);
    int status = request->retry ? retry_letters(request, &tally, error) : list_letters(request, &tally, error);
    print_totals(request, &tally);
    fflush(stdout);
    if (status != 0)
        return refuse(error);
    return tally.count > tally.stored ? SOME_LEFT : NONE_LEFT;
}

static bool read_action(const struct arguments *arguments, bool *retry)
{
    const char *action = arguments->positionals_count == 1 ? arguments->positionals[0] : "";
    *retry = strcmp(action, "retry") == 0;
    return *retry || strcmp(action, "list") == 0;
}

int cmd_dead_letter(int argc, char **argv)
{
    struct request request = {.store = NULL};
    struct arguments arguments;
    struct error error = {""};
    const char *dir = NULL;
    const struct argument own[] = {
        {.name = "--dir", .value = &dir}, {.name = "--json", .flag = &request.json}, {.name = NULL}};
    if (arguments_parse(&arguments, argc, argv, own, 1, &error) != 0)
        return refuse(&error);
    if (arguments.help) {
        help_print(stdout, &help_dead_letter);
        return NONE_LEFT;
    }
    if (!read_action(&arguments, &request.retry)) {
        error_set(&error, "expected list or retry; see coupond dead-letter --help");
        return refuse(&error);
    }
    if (arguments_load_dir(&arguments, dir, &request.options, &error) != 0)
        return refuse(&error);
    if (arguments.check_config) {
        puts("the configuration is valid");
        return NONE_LEFT;
    }
    int status = list_or_retry(&request, &error);
    store_destroy(&request.store);
    return status;
}
