/*
 * `coupond export`: writes issues from the store as CSV or NDJSON. Reads a page at a time, so it holds no transaction
 * open and may run as long as it takes beside a working system; issues that are stored meanwhile may be in it or not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "coupond/verify/report.h"
#include "gateway/reading/page.h"
#include "shared/clock.h"
#include "shared/coupon.h"
#include "shared/store/query.h"

#define PROGRESS_INTERVAL_US INT64_C(2000000)
#define READ_TRIES           8
#define RETRY_MS             500
#define PART_SUFFIX          ".part"

struct export
{
    struct options options;
    struct reading_question question;
    const char *path; /* NULL: standard output */
    FILE *out;
    struct store *store;
    uint64_t rows;
    int64_t as_of_us; /* when the first page was read */
    int64_t progress_after_us;
};

static const struct help_option export_options[] = {
    {"--coupon", "ID", "the issues of this coupon, by sequence"},
    {"--user", "ID", "the issues of this user, newest first; without --coupon and --user: all, by coupon and sequence"},
    {"--format", "csv|ndjson", "CSV with a header line (the default), or a JSON object per line"},
    {"--output", "FILE", "writes FILE, which gets its name when it is complete; default: standard output"},
    HELP_CONFIG,
    {"--dir", "DIR", "the folder of a `coupond dev` (DIR/coupond.db), instead of --config"},
    HELP_SET,
    HELP_CHECK,
    HELP_HELP,
    HELP_END,
};

const struct help help_export = {
    .name = "export",
    .summary = "writes issues from the store as CSV or NDJSON",
    .about = "Writes the issues of a coupon, of a user, or all of them. Reads the database alone, page by page, in "
             "constant memory, and does not disturb a running system. The number of issues, and progress every two "
             "seconds, go to standard error.",
    .options = export_options,
    .exit_status = "0 everything was written, 1 something failed, and what was written is incomplete",
};

static int refuse(const struct error *error, int status)
{
    fprintf(stderr, "coupond export: %s\n", error->text);
    return status;
}

/* --- arguments --- */

struct words {
    const char *coupon;
    const char *user;
    const char *format;
    const char *dir;
};

static int take_id(struct reading_question *question, enum reading_scope scope, const char *id, struct error *error)
{
    size_t length = strlen(id);
    bool coupon = scope == READING_COUPON;
    if (!(coupon ? coupon_id_valid(id, length) : user_id_valid(id, length)))
        return error_set(error, "%s: this is not the id of a %s", coupon ? "--coupon" : "--user",
                         coupon ? "coupon" : "user");
    question->scope = scope;
    question->id_length = (uint8_t)length;
    memcpy(question->id, id, length);
    return 0;
}

static int take_words(struct export *self, const struct words *words, struct error *error)
{
    struct reading_question *question = &self->question;
    bool csv = words->format == NULL || strcmp(words->format, "csv") == 0;
    *question = (struct reading_question){.scope = READING_ALL, .format = csv ? READING_CSV : READING_NDJSON};
    if (!csv && strcmp(words->format, "ndjson") != 0)
        return error_set(error, "--format must be csv or ndjson");
    if (words->coupon != NULL && words->user != NULL)
        return error_set(error, "give --coupon or --user, not both");
    if (words->coupon != NULL)
        return take_id(question, READING_COUPON, words->coupon, error);
    return words->user != NULL ? take_id(question, READING_USER, words->user, error) : 0;
}

/* --- pages --- */

static void note_progress(struct export *self)
{
    char number[THOUSANDS_MAX];
    int64_t now_us = clock_mono_us();
    if (now_us < self->progress_after_us)
        return;
    fprintf(stderr, "coupond export: %s issues …\n", thousands(self->rows, number));
    self->progress_after_us = now_us + PROGRESS_INTERVAL_US;
}

/* A page that could not be read changes nothing, so it may be read again on a new connection. */
static enum store_result read_page(struct export *self, struct reading_page *page, struct error *error)
{
    const struct timespec wait = {.tv_sec = RETRY_MS / 1000, .tv_nsec = RETRY_MS % 1000 * 1000000};
    const struct reading_cluster cluster = {(uint16_t)self->options.issuer_partitions, NULL};
    enum store_result result = STORE_RETRY;
    for (int tries = 0; result == STORE_RETRY && tries < READ_TRIES; tries++) {
        if (tries > 0)
            nanosleep(&wait, NULL);
        result = reading_page_read(self->store, &cluster, &self->question, page, error);
    }
    return result;
}

static int write_page(struct export *self, const struct reading_page *page, struct error *error)
{
    bool first = self->rows == 0;
    if (!page->found)
        return error_set(error, "the store has no coupon %.*s", (int)self->question.id_length, self->question.id);
    if (page->text.length > 0 && fwrite(page->text.data, page->text.length, 1, self->out) != 1)
        return error_set(error, "cannot write: %s", strerror(errno));
    if (first)
        self->as_of_us = page->as_of_us;
    self->rows += page->rows;
    note_progress(self);
    return 0;
}

static int write_pages(struct export *self, struct error *error)
{
    struct reading_page page = {.more = true};
    int status = 0;
    self->progress_after_us = clock_mono_us() + PROGRESS_INTERVAL_US;
    while (status == 0 && page.more)
        status = read_page(self, &page, error) == STORE_OK ? write_page(self, &page, error) : -1;
    reading_page_deinit(&page);
    return status;
}

static void print_total(const struct export *self)
{
    char number[THOUSANDS_MAX];
    char time[RFC3339_MAX] = "";
    if (self->as_of_us != TIME_NONE)
        rfc3339_format(self->as_of_us, time);
    fprintf(stderr, "coupond export: %s issues%s%s\n", thousands(self->rows, number),
            time[0] != '\0' ? ", all that were issued before " : "", time);
}

/* --- sequence --- */

/* A new or regular file is replaced when the list is complete; a device, a pipe or what a link leads to is written. */
static bool is_replaced(const char *path)
{
    struct stat there;
    return lstat(path, &there) != 0 || S_ISREG(there.st_mode);
}

static int open_output(struct export *self, char part[OPTION_STRING_MAX], struct error *error)
{
    self->out = stdout;
    if (self->path == NULL)
        return 0;
    part[0] = '\0';
    if (!is_replaced(self->path)) {
        self->out = fopen(self->path, "we");
        return self->out != NULL ? 0 : error_set(error, "cannot write %s: %s", self->path, strerror(errno));
    }
    if (snprintf(part, OPTION_STRING_MAX, "%s" PART_SUFFIX, self->path) >= OPTION_STRING_MAX)
        return error_set(error, "--output: the path is too long");
    self->out = fopen(part, "we");
    return self->out != NULL ? 0 : error_set(error, "cannot write %s: %s", part, strerror(errno));
}

static int close_output(const struct export *self, const char *part, struct error *error)
{
    if (self->path == NULL)
        return fflush(stdout) == 0 ? 0 : error_set(error, "cannot write: %s", strerror(errno));
    bool written = fclose(self->out) == 0;
    if (written && (part[0] == '\0' || rename(part, self->path) == 0))
        return 0;
    return error_set(error, "cannot write %s: %s", self->path, strerror(errno));
}

static int run(struct export *self, struct error *error)
{
    char part[OPTION_STRING_MAX];
    self->store = store_create(&self->options, error);
    if (self->store == NULL)
        return -1;
    store_only_read(self->store);
    if (store_connect(self->store, error) != STORE_OK || store_check_schema(self->store, error) != STORE_OK)
        return -1;
    if (open_output(self, part, error) != 0 || write_pages(self, error) != 0)
        return -1;
    return close_output(self, part, error);
}

int cmd_export(int argc, char **argv)
{
    static struct export self;
    struct words words = {NULL, NULL, NULL, NULL};
    const struct argument own[] = {
        {.name = "--coupon", .value = &words.coupon}, {.name = "--user", .value = &words.user},
        {.name = "--format", .value = &words.format}, {.name = "--output", .value = &self.path},
        {.name = "--dir", .value = &words.dir},       {.name = NULL},
    };
    struct arguments arguments;
    struct error error = {""};
    if (arguments_parse(&arguments, argc, argv, own, 0, &error) != 0)
        return refuse(&error, EXIT_USAGE);
    if (arguments.help) {
        help_print(stdout, &help_export);
        return EXIT_SUCCESS;
    }
    if (take_words(&self, &words, &error) != 0 || arguments_load_dir(&arguments, words.dir, &self.options, &error) != 0)
        return refuse(&error, EXIT_USAGE);
    if (arguments.check_config) {
        puts("the configuration is valid");
        return EXIT_SUCCESS;
    }
    int status = run(&self, &error) == 0 ? EXIT_SUCCESS : refuse(&error, EXIT_FAILURE);
    if (status == EXIT_SUCCESS)
        print_total(&self);
    store_destroy(&self.store);
    return status;
}
