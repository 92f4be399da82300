/*
 * Which coupons have gauges of their own, and that a scrape never mixes them up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/turn/coupon_gauges.h"
#include "shared/coupon.h"

#define NOW_US INT64_C(1763691900000000)

/* --- fixture --- */

static struct ledger *ledger;
static struct metrics *metrics;
static struct coupon_gauges *gauges;
static int partition = 20; /* blocks live until the process ends */

static int setup(void **state)
{
    (void)state;
    ledger = ledger_create((const uint8_t *)"0123456789abcdef");
    metrics = metrics_create("issuer", ++partition);
    gauges = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    coupon_gauges_destroy(&gauges);
    ledger_destroy(&ledger);
    return 0;
}

/* --- helpers --- */

static struct ledger_coupon *add(const char *id, uint32_t quantity)
{
    struct coupon coupon = {.title = "Title",
                            .quantity = quantity,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE,
                            .created_at_us = NOW_US,
                            .updated_at_us = NOW_US,
                            .journal_seq = 1};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    ledger_apply_coupon(ledger, &coupon);
    return ledger_entry(ledger, id, strlen(id));
}

static struct ledger_coupon *add_numbered(unsigned number)
{
    char id[COUPON_ID_MAX + 1];
    snprintf(id, sizeof id, "c%04u", number);
    return add(id, 100);
}

/* The value of a sample of this test's partition; -1 when there is none. */
static long long value_of(const char *name, const char *coupon)
{
    char sample[160];
    if (coupon != NULL)
        snprintf(sample, sizeof sample, "\n%s{partition=\"%d\",coupon=\"%s\"} ", name, partition, coupon);
    else
        snprintf(sample, sizeof sample, "\n%s{partition=\"%d\"} ", name, partition);
    size_t length;
    char *text = metrics_render(&length), *found = strstr(text, sample);
    long long value = found != NULL ? strtoll(found + strlen(sample), NULL, 10) : -1;
    free(text);
    return value;
}

static long long quantity_of(const char *coupon)
{
    return value_of("coupond_issuer_coupon_quantity", coupon);
}

static long long issued_of(const char *coupon)
{
    return value_of("coupond_issuer_coupon_issued", coupon);
}

/* --- tests --- */

static void gauges_tell_what_became_of_the_issues_of_a_coupon(void **state)
{
    (void)state;
    gauges = coupon_gauges_create(ledger, metrics);
    struct ledger_coupon *coupon = add("noon", 300);
    coupon->issued = 9;
    coupon->returned = 2;
    coupon->redeemed = 3;
    coupon_gauges_note(gauges, coupon, NOW_US);
    assert_int_equal(issued_of("noon"), 9);
    assert_int_equal(value_of("coupond_issuer_coupon_returned", "noon"), 2);
    assert_int_equal(value_of("coupond_issuer_coupon_redeemed", "noon"), 3);
}

static void a_coupon_of_unlimited_quantity_has_no_sample_of_it(void **state)
{
    (void)state;
    gauges = coupon_gauges_create(ledger, metrics);
    struct ledger_coupon *coupon = add("endless", QUANTITY_UNLIMITED);
    coupon_gauges_note(gauges, coupon, NOW_US);
    assert_int_equal(issued_of("endless"), 0);
    assert_int_equal(quantity_of("endless"), -1);
    coupon->quantity = 5;
    coupon_gauges_note(gauges, coupon, NOW_US + 1);
    assert_int_equal(quantity_of("endless"), 5);
}

static void gauges_tell_what_a_coupon_has_when_it_is_noted(void **state)
{
    (void)state;
    gauges = coupon_gauges_create(ledger, metrics);
    assert_int_equal(value_of("coupond_issuer_coupons", NULL), 0);
    struct ledger_coupon *coupon = add("noon", 300);
    coupon_gauges_note(gauges, coupon, NOW_US);
    assert_int_equal(quantity_of("noon"), 300);
    assert_int_equal(issued_of("noon"), 0);
    coupon->issued = 7;
    coupon->quantity = 400;
    coupon_gauges_note(gauges, coupon, NOW_US + 1);
    assert_int_equal(quantity_of("noon"), 400);
    assert_int_equal(issued_of("noon"), 7);
    assert_int_equal(value_of("coupond_issuer_coupons", NULL), 1);
    assert_int_equal(value_of("coupond_issuer_coupons_unlisted", NULL), 0);
}

static void gauges_know_the_coupons_that_were_recovered(void **state)
{
    (void)state;
    for (unsigned i = 0; i < METRIC_COUPONS_MAX + 5; i++)
        add_numbered(i)->issued = i;
    gauges = coupon_gauges_create(ledger, metrics);
    assert_int_equal(issued_of("c0000"), 0);
    assert_int_equal(issued_of("c0031"), 31);
    assert_int_equal(issued_of("c0032"), -1);
    assert_int_equal(value_of("coupond_issuer_coupons_unlisted", NULL), 5);
}

static void a_coupon_that_is_asked_for_takes_the_place_of_one_that_never_was(void **state)
{
    (void)state;
    for (unsigned i = 0; i < METRIC_COUPONS_MAX; i++)
        add_numbered(i);
    gauges = coupon_gauges_create(ledger, metrics);
    coupon_gauges_note(gauges, add("noon", 300), NOW_US);
    assert_int_equal(quantity_of("noon"), 300);
    assert_int_equal(quantity_of("c0000"), -1);
    assert_int_equal(value_of("coupond_issuer_coupons_unlisted", NULL), 1);
}

static void a_coupon_keeps_its_place_while_it_is_asked_for(void **state)
{
    (void)state;
    struct ledger_coupon *coupons[METRIC_COUPONS_MAX];
    gauges = coupon_gauges_create(ledger, metrics);
    for (unsigned i = 0; i < METRIC_COUPONS_MAX; i++)
        coupon_gauges_note(gauges, coupons[i] = add_numbered(i), NOW_US + i);
    struct ledger_coupon *late = add("late", 5);
    coupon_gauges_note(gauges, late, NOW_US + COUPON_GAUGES_IDLE_US - 1);
    assert_int_equal(quantity_of("late"), -1);
    coupon_gauges_note(gauges, coupons[0], NOW_US + COUPON_GAUGES_IDLE_US - 1);
    coupon_gauges_note(gauges, late, NOW_US + COUPON_GAUGES_IDLE_US + 1);
    assert_int_equal(quantity_of("late"), 5);
    assert_int_equal(quantity_of("c0000"), 100);
    assert_int_equal(quantity_of("c0001"), -1);
    coupon_gauges_note(gauges, coupons[1], NOW_US + COUPON_GAUGES_IDLE_US + 2); /* in its turn, for c0002 */
    assert_int_equal(quantity_of("c0001"), 100);
    assert_int_equal(quantity_of("c0002"), -1);
}

static atomic_bool stop;

/* Two coupons alternate at one place; the coupon whose id ends with n has a quantity of n million. */
static void *change_places(void *arg)
{
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        struct metrics_stock stock = {.quantity = i % 2 ? 1000000 : 2000000, .issued = i};
        metrics_set_coupon(arg, 0, i % 2 ? "an-id-of-as-many-bytes-as-may-b1" : "2", &stock);
    }
    return NULL;
}

static void a_scrape_never_mixes_two_coupons(void **state)
{
    (void)state;
    pthread_t owner;
    unsigned seen[2] = {0};
    atomic_store(&stop, false);
    metrics_set_coupon(metrics, 0, "2", &(struct metrics_stock){.quantity = 2000000});
    pthread_create(&owner, NULL, change_places, metrics);
    for (unsigned i = 0; i < 200; i++) {
        size_t length;
        char *text = metrics_render(&length), head[80], id[64];
        unsigned quantity = 0;
        snprintf(head, sizeof head, "\ncoupond_issuer_coupon_quantity{partition=\"%d\",coupon=\"", partition);
        char *sample = strstr(text, head);
        assert_non_null(sample);
        assert_int_equal(sscanf(sample + strlen(head), "%63[^\"]\"} %u", id, &quantity), 2);
        assert_int_equal(quantity, (unsigned)(id[strlen(id) - 1] - '0') * 1000000);
        seen[quantity / 1000000 - 1]++;
        free(text);
    }
    atomic_store(&stop, true);
    pthread_join(owner, NULL);
    assert_true(seen[1] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gauges_tell_what_became_of_the_issues_of_a_coupon, setup, teardown),
        cmocka_unit_test_setup_teardown(a_coupon_of_unlimited_quantity_has_no_sample_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(gauges_tell_what_a_coupon_has_when_it_is_noted, setup, teardown),
        cmocka_unit_test_setup_teardown(gauges_know_the_coupons_that_were_recovered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_coupon_that_is_asked_for_takes_the_place_of_one_that_never_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_coupon_keeps_its_place_while_it_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_scrape_never_mixes_two_coupons, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
