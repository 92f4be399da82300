/* The ledger: prepares, decides and applies batches as a turn does, without frames and journal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "issuer/ledger/ledger.h"
#include "scratch.h"
#include "shared/error.h"

#define OPERATIONS 4000u
#define USERS_FEW  16000u /* a set that fits into the caches */
#define FILL_BATCH 1000u
#define NOW_US     INT64_C(1800000000000000)

struct bench {
    struct ledger *ledger;
    uint32_t users; /* holders of the coupon: numbers 0 to users - 1 */
    size_t batch;
    uint64_t random;
    enum verdict expected;
    char names[OPERATIONS][MICRO_USER];
    struct ledger_command commands[OPERATIONS];
};

static void begin(struct bench *bench)
{
    static const uint8_t key[16] = "micro-benchmark";
    struct coupon coupon = scratch_coupon();
    ledger_destroy(&bench->ledger);
    bench->ledger = ledger_create(key);
    ledger_apply_coupon(bench->ledger, &coupon);
    bench->users = 0;
}

static void decide_batch(struct bench *bench, size_t first, size_t count)
{
    struct ledger_command *commands = bench->commands + first;
    for (size_t i = 0; i < count; i++)
        commands[i] = (struct ledger_command){.op = ISSUE_POST,
                                              .coupon_id = MICRO_COUPON,
                                              .coupon_id_length = sizeof MICRO_COUPON - 1,
                                              .user_id = bench->names[first + i],
                                              .user_id_length = MICRO_USER};
    ledger_prepare(bench->ledger, commands, count);
    for (size_t i = 0; i < count; i++) {
        struct ledger_decision decision;
        ledger_decide_issue(bench->ledger, &commands[i], NOW_US, &decision);
        CHECK(decision.verdict == bench->expected);
        if (decision.verdict == VERDICT_ISSUED)
            ledger_apply_issue(&commands[i], &decision);
    }
}

static void decide(void *arg)
{
    struct bench *bench = arg;
    for (size_t at = 0; at < OPERATIONS; at += bench->batch)
        decide_batch(bench, at, OPERATIONS - at < bench->batch ? OPERATIONS - at : bench->batch);
}

static void name_new_users(void *arg)
{
    struct bench *bench = arg;
    for (size_t i = 0; i < OPERATIONS; i++)
        scratch_user(bench->names[i], ++bench->users);
}

static void name_new_users_of_few(void *arg)
{
    struct bench *bench = arg;
    if (bench->users >= USERS_FEW)
        begin(bench);
    name_new_users(bench);
}

static void name_holders(void *arg)
{
    struct bench *bench = arg;
    for (size_t i = 0; i < OPERATIONS; i++)
        scratch_user(bench->names[i], (uint32_t)(scratch_random(&bench->random) % bench->users) + 1);
}

static void fill(struct bench *bench, uint32_t users)
{
    begin(bench);
    bench->batch = FILL_BATCH;
    bench->expected = VERDICT_ISSUED;
    while (bench->users < users) {
        name_new_users(bench);
        decide(bench);
    }
}

static const size_t batches[] = {1, 16, 64, 256, 1000};
#define BATCHES (sizeof batches / sizeof *batches)

static void measure(struct micro *micro, struct bench *bench, void (*prepare)(void *arg), const char *what)
{
    for (size_t i = 0; i < BATCHES; i++) {
        bench->batch = batches[i];
        struct micro_work work = {.operations = OPERATIONS, .prepare = prepare, .run = decide, .arg = bench};
        micro_measure(micro, &work, "%s, batches of %zu", what, batches[i]);
    }
}

/* The tables of a set are about equally full and split at about the same time. So this doubles the number of users,
 * from one split to the next; its rounds differ. */
static void measure_growth(struct micro *micro, struct bench *bench, uint32_t users)
{
    for (size_t i = 0; i < BATCHES; i++) {
        fill(bench, users);
        bench->batch = batches[i];
        struct micro_work work = {.operations = OPERATIONS,
                                  .operations_max = users / micro->settings.rounds + 1,
                                  .average = true,
                                  .prepare = name_new_users,
                                  .run = decide,
                                  .arg = bench};
        micro_measure(micro, &work, "new users from %u to twice as many, batches of %zu", users, batches[i]);
    }
}

/* --- many coupons --- */

#define COUPONS_MANY 1000000u
#define COUPONS_STEP 100000u

/* An odd factor maps the 32-bit numbers one to one, so the ids are in no order. */
static struct coupon numbered_coupon(uint32_t number)
{
    struct coupon coupon = scratch_coupon();
    snprintf(coupon.id, sizeof coupon.id, "c-%010u", number * 2654435761u);
    return coupon;
}

static void create_coupons(void *arg)
{
    struct bench *bench = arg;
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        struct coupon coupon = numbered_coupon(bench->users++), result;
        CHECK(ledger_decide_create(bench->ledger, &coupon, NOW_US, &result) == VERDICT_COUPON_CREATED);
        ledger_apply_coupon(bench->ledger, &result);
    }
}

static void list_page(void *arg)
{
    struct bench *bench = arg;
    const struct ledger_coupon *page[COUPON_LIST_MAX];
    struct coupon coupon, after = numbered_coupon((uint32_t)scratch_random(&bench->random));
    size_t count = ledger_list(bench->ledger, after.id, COUPON_LIST_MAX, page);
    for (size_t i = 0; i < count; i++)
        ledger_coupon_read(page[i], &coupon);
}

static void measure_many_coupons(struct micro *micro, struct bench *bench)
{
    begin(bench);
    while (bench->users < COUPONS_MANY) {
        struct micro_work create = {.operations = OPERATIONS,
                                    .operations_max = COUPONS_STEP / micro->settings.rounds + 1,
                                    .average = true,
                                    .run = create_coupons,
                                    .arg = bench};
        micro_measure(micro, &create, "new coupons, ids in no order, from %u", bench->users);
    }
    struct micro_work list = {.operations = 1, .run = list_page, .arg = bench};
    micro_measure(micro, &list, "a page of %u of %u coupons", COUPON_LIST_MAX, COUPONS_MANY);
}

void micro_ledger(struct micro *micro)
{
    char what[48];
    struct bench *bench = calloc(1, sizeof *bench);
    CHECK(bench != NULL);
    begin(bench);
    bench->expected = VERDICT_ISSUED;
    measure(micro, bench, name_new_users_of_few, "new users, set in cache");
    fill(bench, USERS_FEW);
    bench->expected = VERDICT_ALREADY_ISSUED;
    measure(micro, bench, name_holders, "holders, set in cache");
    measure_growth(micro, bench, micro->settings.users);
    fill(bench, micro->settings.users);
    snprintf(what, sizeof what, "holders of %u", bench->users);
    bench->expected = VERDICT_ALREADY_ISSUED;
    measure(micro, bench, name_holders, what);
    measure_many_coupons(micro, bench);
    ledger_destroy(&bench->ledger);
    free(bench);
}
