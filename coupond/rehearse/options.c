#include "coupond/rehearse/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "shared/coupon.h"
#include "shared/mask.h"

#define USERS_DEFAULT       10000
#define CONNECTIONS_DEFAULT 1000
#define TIMEOUT_S_DEFAULT   10

static const struct help_option rehearse_options_rows[] = {
    {"--url", "URL", "a gateway; default http://127.0.0.1:8080"},
    {"--coupon", "ID", "the coupon whose event is rehearsed; it is only read"},
    {"--users", "N", "size of the crowd; default 10000"},
    {"--requests", "N", "requests of the crowd, if users ask more than once; default: one for each user"},
    {"--rate", "N", "requests per second; default: all within the first second"},
    {"--quantity", "N", "quantity of the copy; default: that of the coupon"},
    {"--connections", "N", "keep-alive connections; default 1000, or one for each user; waiting for one is latency"},
    {"--threads", "N", "sending threads; default 1"},
    {"--timeout", "SECONDS", "how long a user waits for the answer; default 10"},
    {"--metrics", "LIST",
     "HOST:PORT of the operators' ports of issuer and gateways, separated by commas, for memory and sync times"},
    {"--token-file", "FILE",
     "file with a token or key of an admin, - for standard input; otherwise COUPOND_GATEWAY_ADMIN_TOKEN"},
    HELP_JSON,
    HELP_HELP,
    HELP_END,
};

const struct help help_rehearse = {
    .name = "rehearse",
    .summary = "rehearses the event of a coupon with a crowd, and says what it will meet",
    .about =
        "Creates a copy of the coupon under an id of its own, opens it a few seconds later, and lets a crowd of this "
        "machine ask for it in that second, as on the day. Reports rate, waits, time to sell-out, refusals, the disk's "
        "sync time and memory, with a verdict: good, tight or not enough, and what to do. The copy is archived at the "
        "end, also after Ctrl-C. Its users are rehearsal:0, rehearsal:1 and so on; their issues stay in the store.\n\n"
        "It is real load on the system that --url names: do not run it during an event.",
    .options = rehearse_options_rows,
    .exit_status = "0 good or tight, 1 not enough, 2 could not run",
};

static int refuse(struct error *error, const char *name, const char *value, const char *want)
{
    char shown[MASKED_MAX];
    mask_secrets(value, shown);
    return error_set(error, "%s %s: %s; see coupond rehearse --help", name, shown, want);
}

/* Leaves the default when `text` is NULL. */
static int read_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *number,
                       struct error *error)
{
    char *end = NULL;
    if (text == NULL)
        return 0;
    uint64_t value = text[0] >= '0' && text[0] <= '9' && strlen(text) < 18 ? strtoull(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || value < min || value > max) {
        char want[96];
        snprintf(want, sizeof want, "it must be a number between %" PRIu64 " and %" PRIu64, min, max);
        return refuse(error, name, text, want);
    }
    *number = value;
    return 0;
}

/* --- the token --- */

static int check_token(const char *token, size_t size, struct error *error)
{
    for (const char *at = token; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~')
            return error_set(error, "the token has characters that a header cannot have");
    }
    return strlen(token) + 1 < size ? 0 : error_set(error, "the token is longer than %zu bytes", size - 2);
}

static int read_token_file(const char *path, char *token, size_t size, struct error *error)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (file == NULL)
        return error_set(error, "--token-file %s: %s", path, strerror(errno));
    size_t length = fread(token, 1, size - 1, file);
    bool failed = ferror(file) != 0;
    if (!standard)
        fclose(file);
    token[length] = '\0';
    token[strcspn(token, "\r\n")] = '\0';
    return failed ? error_set(error, "--token-file %s cannot be read", path) : 0;
}

static int read_token(const char *path, struct bench_options *bench, struct error *error)
{
    const char *variable = getenv("COUPOND_GATEWAY_ADMIN_TOKEN");
    if (path != NULL && read_token_file(path, bench->token, sizeof bench->token, error) != 0)
        return -1;
    if (path == NULL && variable != NULL)
        snprintf(bench->token, sizeof bench->token, "%s", variable);
    bench->token_for_all = bench->token[0] != '\0';
    return check_token(bench->token, sizeof bench->token, error);
}

/* --- members --- */

static int read_members(const char *list, struct rehearse_options *options, struct error *error)
{
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, ",");
        if (length == 0 || length >= REHEARSE_ADDRESS_MAX || options->members_count == REHEARSE_MEMBERS_MAX)
            return refuse(error, "--metrics", list, "it must be up to 8 of HOST:PORT, separated by commas");
        snprintf(options->members[options->members_count++], REHEARSE_ADDRESS_MAX, "%.*s", (int)length, list);
        list += length + (list[length] == ',');
    }
    return 0;
}

/* --- all --- */

struct words {
    const char *url, *coupon, *users, *requests, *rate, *quantity, *connections, *threads, *timeout, *members, *token;
};

static void set_defaults(struct rehearse_options *options)
{
    struct bench_options *bench = &options->bench;
    *options = (struct rehearse_options){.users = USERS_DEFAULT};
    CHECK(http_url_parse(&bench->url, "http://127.0.0.1:8080"));
    bench_mix_init(&bench->plan.mix);
    bench->threads = 1;
    bench->progress_s = 1;
}

static int read_target(const struct words *words, struct rehearse_options *options, struct error *error)
{
    if (words->url != NULL && !http_url_parse(&options->bench.url, words->url))
        return refuse(error, "--url", words->url, "it must look like http://HOST:PORT (https is not supported)");
    if (words->coupon == NULL)
        return error_set(error, "--coupon is missing; see coupond rehearse --help");
    if (!coupon_id_valid(words->coupon, strlen(words->coupon)))
        return refuse(error, "--coupon", words->coupon, "a coupon id is 1 to 32 of A-Z a-z 0-9 - _ .");
    strcpy(options->coupon, words->coupon); /* a valid id fits */
    return 0;
}

static int read_numbers(const struct words *words, struct rehearse_options *options, struct error *error)
{
    struct bench_options *bench = &options->bench;
    uint64_t timeout_s = TIMEOUT_S_DEFAULT;
    if (read_number("--users", words->users, 1, 10000000, &options->users, error) != 0)
        return -1;
    bench->plan.requests = options->users;
    if (read_number("--requests", words->requests, options->users, BENCH_REQUESTS_MAX, &bench->plan.requests, error) !=
        0)
        return -1;
    bench->plan.rate = bench->plan.requests < 1000000 ? bench->plan.requests : 1000000;
    bench->connections = options->users < CONNECTIONS_DEFAULT ? options->users : CONNECTIONS_DEFAULT;
    if (read_number("--rate", words->rate, 1, 1000000, &bench->plan.rate, error) != 0 ||
        read_number("--quantity", words->quantity, 1, QUANTITY_MAX, &options->quantity, error) != 0 ||
        read_number("--connections", words->connections, 1, BENCH_CONNECTIONS_MAX, &bench->connections, error) != 0 ||
        read_number("--threads", words->threads, 1, BENCH_THREADS_MAX, &bench->threads, error) != 0 ||
        read_number("--timeout", words->timeout, 1, 3600, &timeout_s, error) != 0)
        return -1;
    bench->timeout_ms = timeout_s * 1000;
    return 0;
}

static int complete(struct rehearse_options *options, struct error *error)
{
    struct bench_options *bench = &options->bench;
    if (bench->threads > bench->connections)
        return error_set(error, "--threads %" PRIu64 " is more than --connections %" PRIu64 "; lower it",
                         bench->threads, bench->connections);
    strcpy(bench->plan.prefix, REHEARSAL_USER_PREFIX);
    bench->plan.users = options->users;
    bench->duration_s = (bench->plan.requests + bench->plan.rate - 1) / bench->plan.rate;
    return 0;
}

int rehearse_options_read(struct rehearse_options *options, int argc, char **argv, struct error *error)
{
    struct words words = {0};
    struct arguments arguments;
    const struct argument own[] = {
        {.name = "--url", .value = &words.url},
        {.name = "--coupon", .value = &words.coupon},
        {.name = "--users", .value = &words.users},
        {.name = "--requests", .value = &words.requests},
        {.name = "--rate", .value = &words.rate},
        {.name = "--quantity", .value = &words.quantity},
        {.name = "--connections", .value = &words.connections},
        {.name = "--threads", .value = &words.threads},
        {.name = "--timeout", .value = &words.timeout},
        {.name = "--metrics", .value = &words.members},
        {.name = "--token-file", .value = &words.token},
        {.name = "--json", .flag = &options->json},
        {.name = NULL},
    };
    set_defaults(options);
    if (arguments_parse(&arguments, argc, argv, own, 0, error) != 0)
        return -1;
    options->help = arguments.help;
    if (options->help)
        return 0;
    if (arguments.config != NULL || arguments.sets_count > 0 || arguments.check_config)
        return error_set(error, "it takes no configuration; see coupond rehearse --help");
    if (read_target(&words, options, error) != 0 || read_numbers(&words, options, error) != 0 ||
        read_members(words.members, options, error) != 0 || read_token(words.token, &options->bench, error) != 0)
        return -1;
    return complete(options, error);
}
