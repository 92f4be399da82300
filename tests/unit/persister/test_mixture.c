/*
 * Frames in which coupons and issues alternate, and some of both are rejected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "persister/delivery.h"
#include "shared/store/backend.h"
#include "tests/unit/persister/events_fixture.h"

#define RECORDS 9

/* A store that rejects some records. */
static struct {
    struct store base;
    bool refused[RECORDS + 1];
    bool stored[RECORDS + 1];
    bool dead[RECORDS + 1];
    char lacking; /* a missing coupon, by the first letter of its id; 0: none */
} fake;

static struct events events;
static struct delivery delivery;

/* Every attempted issue comes with the records of its coupon, and a single one with no others. */
static void judge_part(const struct store_batch *batch)
{
    for (size_t i = 0; i < batch->issues_count; i++) {
        size_t owners = 0;
        for (size_t k = 0; k < batch->coupons_count; k++)
            owners += batch->coupons[k].id[0] == batch->issues[i].coupon_id[0];
        assert_true(owners > 0 || batch->issues[i].coupon_id[0] == fake.lacking);
        if (batch->scope == STORE_PART && batch->issues_count == 1)
            assert_int_equal(owners, batch->coupons_count);
    }
}

static bool is_refused(const struct store_batch *batch)
{
    bool refused = false;
    for (size_t i = 0; i < batch->coupons_count; i++)
        refused |= fake.refused[batch->coupons[i].journal_seq];
    for (size_t i = 0; i < batch->issues_count; i++)
        refused |= fake.refused[batch->issues[i].journal_seq] || batch->issues[i].coupon_id[0] == fake.lacking;
    return refused;
}

static enum store_result fake_write(struct store *base, const struct store_batch *batch, struct error *error)
{
    (void)base;
    judge_part(batch);
    error_set(error, "refused");
    if (is_refused(batch))
        return STORE_REJECTED;
    for (size_t i = 0; i < batch->coupons_count; i++)
        fake.stored[batch->coupons[i].journal_seq] = true;
    for (size_t i = 0; i < batch->issues_count; i++)
        fake.stored[batch->issues[i].journal_seq] = true;
    for (size_t i = 0; i < batch->dead_count; i++)
        fake.dead[batch->dead[i].journal_seq] = true;
    return STORE_OK;
}

/* Coupon "a" is record 1, "b" records 3 and 7, "c" record 5. */
static enum store_result fake_each_dead_coupon(struct store *base, const uint8_t journal_id[16],
                                               store_dead_coupon_fn each, void *arg, struct error *error)
{
    (void)base, (void)journal_id, (void)error;
    if (fake.dead[1])
        each(arg, "a", "refused");
    if (fake.dead[3] && fake.dead[7])
        each(arg, "b", "refused");
    if (fake.dead[5])
        each(arg, "c", "refused");
    each(arg, "of-a-frame-before", "refused");
    return STORE_OK;
}

static const struct store_ops fake_ops = {.write = fake_write, .each_dead_coupon = fake_each_dead_coupon};

static int setup(void **state)
{
    static const char *const ids[] = {"a", "b", "c"};
    (void)state;
    memset(&fake, 0, sizeof fake);
    fake.base.ops = &fake_ops;
    delivery_init(&delivery, &fake.base, 1, 10, 1000);
    events_begin(&events, 0, 1, 1);
    events_open_batch(&events, EVENTS_TIME_US);
    for (unsigned i = 0; i < 3; i++) {
        events_add_coupon(&events, ids[i]);
        events_add_issue(&events, ids[i], 1, "u1");
    }
    events_add_coupon(&events, "b");
    events_add_issue(&events, "b", 2, "u2");
    events_add_issue(&events, "a", 2, "u2");
    events_close_batch(&events);
    events_end(&events);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    delivery_deinit(&delivery);
    return 0;
}

static void deliver(void)
{
    unsigned steps = 0;
    memset(fake.stored, 0, sizeof fake.stored);
    memset(fake.dead, 0, sizeof fake.dead);
    assert_int_equal(delivery_begin(&delivery, events.bytes, events.size), FRAME_OK);
    struct delivery_step step;
    do {
        assert_in_range(steps++, 0, 200);
        delivery_work(&delivery, EVENTS_TIME_US, 0, &step);
    } while (step.action == DELIVERY_AGAIN);
    assert_int_equal(step.action, DELIVERY_ANSWER);
    assert_int_equal(step.answer.header.kind, FRAME_ACK);
    assert_int_equal(step.answer.ack.last_seq, RECORDS);
}

/* The issues of a missing coupon are missing, too; "b" is missing only when both of its records are rejected. */
static bool is_lost(unsigned seq)
{
    bool b = fake.refused[3] && fake.refused[7];
    const bool of_coupon[RECORDS + 1] = {
        [2] = fake.refused[1], [4] = b, [6] = fake.refused[5], [8] = b, [9] = fake.refused[1]};
    return fake.refused[seq] || of_coupon[seq];
}

static void whatever_is_refused_of_coupons_and_issues_in_turn_is_dead_and_the_rest_is_stored(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 1u << RECORDS; which++) {
        for (unsigned seq = 1; seq <= RECORDS; seq++)
            fake.refused[seq] = which >> (seq - 1) & 1;
        deliver();
        for (unsigned seq = 1; seq <= RECORDS; seq++) {
            assert_int_equal(fake.dead[seq], is_lost(seq));
            assert_int_equal(fake.stored[seq], !is_lost(seq));
        }
    }
}

static void issues_whose_coupon_is_nowhere_die_alone(void **state)
{
    (void)state;
    events_begin(&events, 0, 1, 1);
    events_open_batch(&events, EVENTS_TIME_US);
    for (unsigned i = 0; i < 4; i++) {
        events_add_coupon(&events, "b");
        events_add_issue(&events, i % 2 == 0 ? "b" : "x", i + 1, "u1");
    }
    events_add_issue(&events, "b", 5, "u1");
    events_close_batch(&events);
    events_end(&events);
    fake.lacking = 'x';
    deliver();
    for (unsigned seq = 1; seq <= RECORDS; seq++)
        assert_int_equal(fake.dead[seq], seq == 4 || seq == 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_is_refused_of_coupons_and_issues_in_turn_is_dead_and_the_rest_is_stored),
        TEST(issues_whose_coupon_is_nowhere_die_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
