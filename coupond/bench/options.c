#include "coupond/bench/options.h"

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "coupond/arguments.h"
#include "coupond/commands.h"
#include "shared/coupon.h"
#include "shared/mask.h"
#include "shared/nearest.h"

/* X(letter, name, argument, help) */
#define OPTION_ROWS(X)                                                                                                 \
    X('u', "url", "URL", "server; default http://127.0.0.1:8080")                                                      \
    X('c', "coupon", "ID", "coupon to request; default: create one for this run")                                      \
    X('C', "create", "QUANTITY",                                                                                       \
      "create a coupon with this quantity first; default without --coupon: the number of requests")                    \
    X('T', "token", "TOKEN",                                                                                           \
      "admin token, for --create and --mix; prefer COUPOND_GATEWAY_ADMIN_TOKEN in the environment")                    \
    X('r', "rate", "N[/s]", "requests per second, sent on schedule even if answers are late; default 1000")            \
    X('d', "duration", "SECONDS", "how long to send; default 10; at most 100,000,000 requests in all")                 \
    X('N', "requests", "N", "number of requests, instead of --duration; at most 100,000,000")                          \
    X('n', "connections", "N", "keep-alive connections; default 64; the wait for a free one counts as latency")        \
    X('m', "mix", "LIST",                                                                                              \
      "shares of operations in percent: issue=60,wallet=20,redeem=15,undo=5; also lookup, code, revoke")               \
    X('D', "duplicates", "SHARE", "share of requests that repeat an earlier user, 0 to 1; default 0")                  \
    X('U', "users", "USERS", "PREFIX, FIRST-LAST or PREFIX:FIRST-LAST; default: a random prefix")                      \
    X('t', "threads", "N", "sending threads; default 1")                                                               \
    X('o', "timeout", "SECONDS", "time-out of a request; default 10")                                                  \
    X('p', "progress", "SECONDS", "interval of the progress lines on standard error; default 1")                       \
    X('s', "slow", "MS", "report slower answers, and how long the machine's cores stalled meanwhile")                  \
    X('j', "json", NULL, "print the result as JSON")                                                                   \
    X('h', "help", NULL, "print this help")

static const struct option long_options[] = {
#define X(letter, name, argument, help) {name, (argument) != NULL ? required_argument : no_argument, NULL, letter},
    OPTION_ROWS(X)
#undef X
        {NULL, 0, NULL, 0}};

static const struct help_option bench_options[] = {
#define X(letter, name, argument, help) {"--" name, argument, help},
    OPTION_ROWS(X)
#undef X
        HELP_END};

const struct help help_bench = {
    .name = "bench",
    .summary = "puts load on a server and checks its answers",
    .about =
        "Requests a coupon at a constant rate. Reports latencies from the intended send time, outcomes, and whether "
        "coupond kept its promises as far as a client can see. With --mix it also reads, redeems, undoes and revokes "
        "the issues that it was given; a request that finds none requests one.",
    .options = bench_options,
    .exit_status = "0 kept, 1 broken, 2 could not run",
};

/* Reads a decimal number between min and max, optionally followed by `unit`. */
static bool read_number(const char *text, const char *unit, uint64_t min, uint64_t max, uint64_t *number)
{
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]) || strlen(text) > 18)
        return false;
    *number = strtoull(text, &end, 10);
    return (*end == '\0' || strcmp(end, unit) == 0) && *number >= min && *number <= max;
}

static bool read_share(const char *text, double *share)
{
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]) && text[0] != '.')
        return false;
    *share = strtod(text, &end);
    return *end == '\0' && isfinite(*share) && *share >= 0.0 && *share <= 1.0;
}

/* True for bytes that need no escapes in a request line or a Host field. */
static bool printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

static int refuse(struct error *error, const char *name, const char *value, const char *want)
{
    char shown[MASKED_MAX];
    if (value[0] == '\0')
        return error_set(error, "--%s: the value is empty; %s; see coupond bench --help", name, want);
    mask_secrets(value, shown);
    return error_set(error, "--%s %s: %s; see coupond bench --help", name, shown, want);
}

static int read_target(struct bench_options *options, int letter, const char *value, struct error *error)
{
    if (letter == 'u' && !http_url_parse(&options->url, value))
        return refuse(error, "url", value, "it must look like http://HOST:PORT (https is not supported)");
    if (letter == 'c') {
        if (!coupon_id_valid(value, strlen(value)))
            return refuse(error, "coupon", value, "a coupon id is 1 to 32 of A-Z a-z 0-9 - _ .");
        strcpy(options->coupon, value); /* a valid id fits */
    }
    if (letter == 'C' && !read_number(value, "", 1, QUANTITY_MAX, &options->create))
        return refuse(error, "create", value, "a quantity is a number between 1 and 4000000000");
    if (letter == 'T') {
        if (!printable(value, strlen(value)) || strlen(value) > TOKEN_BYTES_MAX)
            return error_set(error, "--token: at most %d printable characters without spaces", TOKEN_BYTES_MAX);
        strcpy(options->token, value);
    }
    return 0;
}

static int read_load(struct bench_options *options, int letter, const char *value, struct error *error)
{
    uint64_t seconds = 0;
    if (letter == 'r' && !read_number(value, "/s", 1, 1000000, &options->plan.rate))
        return refuse(error, "rate", value, "it must be a number of requests a second between 1 and 1000000");
    if (letter == 'd' && !read_number(value, "s", 1, 86400, &options->duration_s))
        return refuse(error, "duration", value, "it must be a number of seconds between 1 and 86400");
    if (letter == 'N' && !read_number(value, "", 1, BENCH_REQUESTS_MAX, &options->plan.requests))
        return refuse(error, "requests", value, "it must be a number between 1 and 100000000");
    if (letter == 'n' && !read_number(value, "", 1, BENCH_CONNECTIONS_MAX, &options->connections))
        return refuse(error, "connections", value, "it must be a number between 1 and 20000");
    if (letter == 'D' && !read_share(value, &options->plan.duplicates))
        return refuse(error, "duplicates", value, "it must be a share between 0 and 1, such as 0.3");
    if (letter == 'U' && !bench_plan_users(&options->plan, value))
        return refuse(error, "users", value,
                      "it must be a prefix of at most 48 of A-Z a-z 0-9 - _ . : @, or FIRST-LAST with LAST not before "
                      "FIRST, at most "
                      "100000000 users");
    if (letter == 't' && !read_number(value, "", 1, BENCH_THREADS_MAX, &options->threads))
        return refuse(error, "threads", value, "it must be a number between 1 and 64");
    if (letter == 'o') {
        if (!read_number(value, "s", 1, 3600, &seconds))
            return refuse(error, "timeout", value, "it must be a number of seconds between 1 and 3600");
        options->timeout_ms = seconds * 1000;
    }
    return 0;
}

static int read_mix(struct bench_options *options, const char *value, struct error *error)
{
    const char *fault = bench_mix_parse(&options->plan.mix, value);
    return fault == NULL ? 0 : refuse(error, "mix", value, fault);
}

static int read_reporting(struct bench_options *options, int letter, const char *value, struct error *error)
{
    if (letter == 'p' && !read_number(value, "s", 1, 3600, &options->progress_s))
        return refuse(error, "progress", value, "it must be a number of seconds between 1 and 3600");
    if (letter == 's' && !read_number(value, "ms", 1, 3600000, &options->slow_ms))
        return refuse(error, "slow", value, "it must be a number of milliseconds between 1 and 3600000");
    return 0;
}

static int read_option(struct bench_options *options, int letter, const char *value, struct error *error)
{
    switch (letter) {
    case 'u':
    case 'c':
    case 'C':
    case 'T':
        return read_target(options, letter, value, error);
    case 'm':
        return read_mix(options, value, error);
    case 'p':
    case 's':
        return read_reporting(options, letter, value, error);
    case 'j':
        options->json = true;
        return 0;
    case 'h':
        options->help = true;
        return 0;
    default:
        return read_load(options, letter, value, error);
    }
}

static void set_defaults(struct bench_options *options, const char *run_id)
{
    char prefix[BENCH_PREFIX_MAX + 1];
    memset(options, 0, sizeof *options);
    CHECK(http_url_parse(&options->url, "http://127.0.0.1:8080"));
    options->duration_s = 10;
    options->connections = 64;
    options->threads = 1;
    options->timeout_ms = 10000;
    options->progress_s = 1;
    options->plan.rate = 1000;
    bench_mix_init(&options->plan.mix);
    snprintf(prefix, sizeof prefix, "bench-%s-", run_id);
    CHECK(bench_plan_users(&options->plan, prefix));
}

/* Sets the members that depend on several options, and checks them. */
static int complete(struct bench_options *options, const char *run_id, struct error *error)
{
    struct bench_plan *plan = &options->plan;
    if (plan->requests > 0)
        options->duration_s = (plan->requests + plan->rate - 1) / plan->rate;
    else
        plan->requests = plan->rate * options->duration_s;
    if (plan->requests > BENCH_REQUESTS_MAX)
        return error_set(
            error, "--rate %" PRIu64 " for --duration %" PRIu64 " is more than 100000000 requests; lower one of them",
            plan->rate, options->duration_s);
    if (options->threads > options->connections)
        return error_set(error, "--threads %" PRIu64 " is more than --connections %" PRIu64 "; lower it",
                         options->threads, options->connections);
    if (options->coupon[0] != '\0')
        return 0;
    snprintf(options->coupon, sizeof options->coupon, "bench-%s", run_id);
    if (options->create == 0)
        options->create = plan->requests;
    return 0;
}

/* Omits the value, which may be the token. */
static int refuse_word(const char *word, struct error *error)
{
    size_t length = word[1] == '-' ? strcspn(word, ARGUMENTS_NAME_ENDS) : 2;
    struct nearest nearest;
    char hint[NEAREST_HINT_MAX];
    nearest_init(&nearest, word, length);
    for (const struct option *option = long_options; option->name != NULL; option++) {
        char name[32];
        snprintf(name, sizeof name, "--%s", option->name);
        if (strlen(name) == length && memcmp(name, word, length) == 0)
            return error_set(error, "%s takes no value; see coupond bench --help", name);
        nearest_offer(&nearest, name);
    }
    return error_set(error, "unknown option %.*s%ssee coupond bench --help", length < 64 ? (int)length : 64, word,
                     nearest_hint_before(&nearest, hint));
}

int bench_options_read(struct bench_options *options, int argc, char **argv, const char *run_id, struct error *error)
{
    set_defaults(options, run_id);
    const char *token = getenv("COUPOND_GATEWAY_ADMIN_TOKEN");
    if (token != NULL && read_target(options, 'T', token, error) != 0)
        return error_prefix(error, "COUPOND_GATEWAY_ADMIN_TOKEN");
    int letter = 0;
    optind = 0; /* glibc: resets getopt's state */
    for (int at = 1; (letter = getopt_long(argc, argv, "+:", long_options, NULL)) != -1; at = optind) {
        if (letter == '?')
            return refuse_word(argv[at], error);
        if (letter == ':')
            return error_set(error, "%s: a value is missing; see coupond bench --help", argv[at]);
        if (read_option(options, letter, optarg, error) != 0)
            return -1;
    }
    if (optind < argc)
        return error_set(error, "argument %d is unexpected; options begin with --, see coupond bench --help", optind);
    return complete(options, run_id, error);
}
