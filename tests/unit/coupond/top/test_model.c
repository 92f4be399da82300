#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "tests/unit/coupond/top/top_fixture.h"

/* --- fixture --- */

static int set_up(void **state)
{
    (void)state;
    top_begin();
    return 0;
}

/* --- helpers --- */

static const char page[] = "{\"coupons\":["
                           "{\"id\":\"OLD\",\"quantity\":5,\"issued\":5,\"state\":\"ended\",\"starts_at\":null},"
                           "{\"id\":\"SLOW\",\"quantity\":100,\"issued\":10,\"state\":\"open\",\"starts_at\":null},"
                           "{\"id\":\"FAST\",\"quantity\":1000,\"issued\":100,\"state\":\"open\",\"starts_at\":null},"
                           "{\"id\":\"SOON\",\"quantity\":5,\"issued\":0,\"state\":\"scheduled\","
                           "\"starts_at\":\"2026-11-30T00:53:50.000000Z\"}],\"next_cursor\":null}";

static const char *page_later(unsigned slow, unsigned fast)
{
    static char text[512];
    snprintf(text, sizeof text,
             "{\"coupons\":[{\"id\":\"SLOW\",\"quantity\":100,\"issued\":%u,\"state\":\"open\"},"
             "{\"id\":\"FAST\",\"quantity\":1000,\"issued\":%u,\"state\":\"open\"}]}",
             slow, fast);
    return text;
}

/* --- rates --- */

static void rates_are_of_the_last_interval(void **state)
{
    (void)state;
    top_model_add(&top_model, "g", TOP_ROLE_ANY);
    top_model_add(&top_model, "i", TOP_ROLE_ANY);
    top_take(0, top_gateway_text(1, 1000), 0);
    top_take(1, top_issuer_text(1, 500), 0);
    top_look(0);
    assert_true(isnan(top_view.answers) && isnan(top_view.verdicts[VERDICT_ISSUED]));
    top_take(0, top_gateway_text(1, 3000), 2);
    top_take(1, top_issuer_text(1, 1500), 2);
    top_look(2);
    assert_float_equal(top_view.answers, 1000, 1e-6);
    assert_float_equal(top_view.verdicts[VERDICT_ISSUED], 500, 1e-6);
    assert_float_equal(top_view.verdicts[VERDICT_PAUSED], 0, 0);
    assert_float_equal(top_view.rates[TOP_VALUE_JOURNAL_BYTES], 16000, 1e-6);
    assert_float_equal(top_histogram_mean(&top_view.histograms[TOP_HISTOGRAM_BATCH]), 8, 1e-6);
    assert_float_equal(top_histogram_quantile(&top_view.histograms[TOP_HISTOGRAM_ANSWER], 0.5), 0.0005, 1e-9);
}

static void rates_of_several_gateways_add_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        top_model_add(&top_model, "g", TOP_ROLE_ANY);
        top_take(i, top_gateway_text(1, 1000), 0);
        top_take(i, top_gateway_text(1, 1000 * (i + 2)), 1);
    }
    top_look(1);
    assert_float_equal(top_view.answers, 3000, 1e-6);
    assert_float_equal(top_view.values[TOP_VALUE_CONNECTIONS], 128, 0);
    assert_float_equal(top_view.histograms[TOP_HISTOGRAM_ANSWER].count, 3000, 1e-6);
    assert_int_equal(top_view.role_up[TOP_GATEWAY], 2);
}

static void a_member_that_began_anew_counts_for_nothing_once(void **state)
{
    (void)state;
    top_model_add(&top_model, "g", TOP_ROLE_ANY);
    top_take(0, top_gateway_text(1, 5000), 0);
    top_take(0, top_gateway_text(100, 9000), 1); /* counts more than before the restart, since it is fast */
    top_look(1);
    assert_true(isnan(top_view.answers));
    assert_float_equal(top_view.histograms[TOP_HISTOGRAM_ANSWER].count, 0, 0);
    assert_true(isnan(top_view.cpu[0]));
    top_take(0, top_gateway_text(100, 9500), 2);
    top_look(2);
    assert_float_equal(top_view.answers, 500, 1e-6);
}

static void a_counter_that_fell_gives_no_rate(void **state)
{
    (void)state;
    top_model_add(&top_model, "i", TOP_ROLE_ANY);
    top_take(0, top_issuer_text(1, 5000), 0);
    top_take(0, top_issuer_text(1, 10), 1);
    top_look(1);
    assert_float_equal(top_view.verdicts[VERDICT_ISSUED], 0, 0);
    assert_float_equal(top_view.rates[TOP_VALUE_JOURNAL_BYTES], 0, 0);
}

/* --- members --- */

static void a_member_that_is_gone_is_down_until_it_is_back(void **state)
{
    (void)state;
    top_model_add(&top_model, "g", TOP_ROLE_ANY);
    top_take(0, top_gateway_text(1, 1000), 0);
    top_take(0, top_gateway_text(1, 2000), 1);
    top_take_down(0, "Connection refused");
    top_look(2);
    assert_false(top_view.list[0]->up);
    assert_string_equal(top_view.list[0]->reason, "Connection refused");
    assert_true(isnan(top_view.answers));
    assert_float_equal(top_view.values[TOP_VALUE_CONNECTIONS], 0, 0);
    assert_int_equal(top_view.role_members[TOP_GATEWAY], 1);
    assert_int_equal(top_view.role_up[TOP_GATEWAY], 0);
    top_take(0, top_gateway_text(1, 9000), 3);
    top_look(3);
    assert_true(top_view.list[0]->ready && isnan(top_view.answers));
    top_take(0, top_gateway_text(1, 9100), 4);
    top_look(4);
    assert_float_equal(top_view.answers, 100, 1e-6);
}

static void a_configured_member_is_not_missed_when_another_has_its_role(void **state)
{
    (void)state;
    top_model_add(&top_model, "g", TOP_GATEWAY);
    top_model_add(&top_model, "i", TOP_ISSUER);
    top_take_down(1, "Connection refused");
    top_take(0, top_gateway_text(1, 1), 0);
    top_look(0);
    assert_int_equal(top_view.members, 2);
    assert_int_equal(top_view.role_members[TOP_ISSUER], 1);
    top_take(0, "coupond_gateway_x 1\ncoupond_issuer_x 1\n", 1);
    top_look(1);
    assert_int_equal(top_view.members, 1);
    assert_int_equal(top_view.role_up[TOP_ISSUER], 1);
}

static void differing_versions_are_shown(void **state)
{
    (void)state;
    top_model_add(&top_model, "a", TOP_ROLE_ANY);
    top_model_add(&top_model, "b", TOP_ROLE_ANY);
    top_take(0, top_gateway_text(1, 1), 0);
    top_take(1, top_gateway_text(1, 1), 0);
    top_look(0);
    assert_false(top_view.versions_differ);
    assert_string_equal(top_view.version, "0.1.0");
    top_take(1, "coupond_gateway_x 1\ncoupond_build_info{version=\"0.2.0\"} 1\n", 1);
    top_look(1);
    assert_true(top_view.versions_differ);
}

static void a_gateway_that_is_up_is_asked_for_the_coupons(void **state)
{
    (void)state;
    assert_int_equal(top_model_coupon_source(&top_model), TOP_ROLE_ANY);
    for (unsigned i = 0; i < 3; i++)
        top_model_add(&top_model, "x", TOP_ROLE_ANY);
    top_take(0, top_issuer_text(1, 1), 0);
    top_take(1, top_gateway_text(1, 1), 0);
    top_take(2, top_gateway_text(1, 1), 0);
    assert_int_equal(top_model_coupon_source(&top_model), 1);
    top_take_down(1, "");
    assert_int_equal(top_model_coupon_source(&top_model), 2);
}

/* --- coupons --- */

static void coupons_have_rates_and_an_end(void **state)
{
    (void)state;
    top_model_add(&top_model, "g", TOP_ROLE_ANY);
    top_take_coupons(0, page, 0);
    top_look(0);
    assert_int_equal(top_view.coupons, 4);
    assert_true(isnan(top_view.coupon[0].rate));
    top_take_coupons(0, page_later(12, 300), 2);
    top_look(2);
    assert_int_equal(top_view.coupons, 2);
    assert_string_equal(top_view.coupon[0].coupon.id, "FAST");
    assert_float_equal(top_view.coupon[0].rate, 100, 1e-6);
    assert_float_equal(top_view.coupon[0].left_s, 7, 1e-6);
    assert_string_equal(top_view.coupon[1].coupon.id, "SLOW");
    assert_float_equal(top_view.coupon[1].rate, 1, 1e-6);
    top_take_coupons(0, page_later(5, 300), 3);
    top_look(9);
    assert_float_equal(top_view.coupon[1].rate, 0, 0);
    assert_true(isnan(top_view.coupon[1].left_s));
    assert_float_equal(top_view.coupons_age_s, 6, 1e-6);
}

static void coupons_that_rest_are_ordered_by_state(void **state)
{
    (void)state;
    static const char *const order[] = {"FAST", "SLOW", "SOON", "OLD"};
    top_model_add(&top_model, "g", TOP_ROLE_ANY);
    top_take_coupons(0, page, 0);
    top_look(0);
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(top_view.coupon[i].coupon.id, order[i]);
    assert_float_equal(top_view.coupon[2].starts_s, 30, 1e-6);
    assert_true(isnan(top_view.coupon[0].starts_s));
}

static void stocks_of_the_issuer_stand_in_for_coupons_that_are_not_listed(void **state)
{
    (void)state;
    top_model_add(&top_model, "g", TOP_ROLE_ANY);
    top_model_add(&top_model, "i", TOP_ROLE_ANY);
    top_take_coupons(0, page_later(12, 300), 1);
    top_take(1, "coupond_issuer_coupon_quantity{coupon=\"HOT\"} 50\ncoupond_issuer_coupon_issued{coupon=\"HOT\"} 10\n",
             1);
    top_take(1,
             "coupond_issuer_coupon_quantity{partition=\"0\",coupon=\"HOT\"} 50\n"
             "coupond_issuer_coupon_issued{partition=\"0\",coupon=\"HOT\"} 30\n"
             "coupond_issuer_coupon_quantity{coupon=\"FAST\"} 7\ncoupond_issuer_coupon_issued{coupon=\"FAST\"} 7\n"
             "coupond_issuer_coupon_quantity{coupon=\"a b\"} 7\ncoupond_issuer_coupon_issued{coupon=\"\"} 7\n"
             "coupond_issuer_coupon_quantity{coupon=\"BIG\"} 5e9\n",
             2);
    top_look(2);
    assert_int_equal(top_view.coupons, 3);
    assert_string_equal(top_view.coupon[0].coupon.id, "HOT");
    assert_float_equal(top_view.coupon[0].rate, 20, 1e-6);
    assert_float_equal(top_view.coupon[0].left_s, 1, 1e-6);
    assert_string_equal(top_view.coupon[1].coupon.id, "FAST");
    assert_int_equal(top_view.coupon[1].coupon.quantity, 1000);
}

static void what_went_back_to_the_stock_is_left_again(void **state)
{
    (void)state;
    static const char text[] = "{\"coupons\":["
                               "{\"id\":\"BACK\",\"quantity\":100,\"issued\":100,\"returned\":10,\"state\":\"open\"},"
                               "{\"id\":\"EVER\",\"quantity\":null,\"issued\":%u,\"returned\":0,\"state\":\"open\"},"
                               "{\"id\":\"GONE\",\"quantity\":9,\"issued\":9,\"returned\":0,\"state\":\"archived\"}]}";
    char before[512], now[512];
    snprintf(before, sizeof before, text, 0);
    snprintf(now, sizeof now, text, 7);
    top_model_add(&top_model, "g", TOP_ROLE_ANY);
    top_model_add(&top_model, "i", TOP_ROLE_ANY);
    top_take_coupons(0, before, 0);
    top_take_coupons(0, now, 1);
    top_take(1,
             "coupond_issuer_coupon_quantity{coupon=\"HOT\"} 50\ncoupond_issuer_coupon_issued{coupon=\"HOT\"} 50\n"
             "coupond_issuer_coupon_returned{coupon=\"HOT\"} 5\ncoupond_issuer_coupon_issued{coupon=\"FREE\"} 5\n",
             1);
    top_look(1);
    const struct top_view_coupon *rows = top_view.coupon;
    assert_int_equal(top_view.coupons, 5);
    assert_string_equal(rows[0].coupon.id, "EVER");
    assert_float_equal(rows[0].rate, 7, 1e-6);
    assert_true(isnan(rows[0].left_s));
    assert_true(rows[0].coupon.quantity == QUANTITY_UNLIMITED);
    assert_string_equal(rows[1].coupon.id, "BACK");
    assert_int_equal(top_coupon_in_force(&rows[1].coupon), 90);
    assert_string_equal(rows[2].coupon.id, "FREE"); /* the list is complete without them */
    assert_int_equal(rows[2].coupon.state, COUPON_ARCHIVED);
    assert_true(rows[2].coupon.quantity == QUANTITY_UNLIMITED);
    assert_string_equal(rows[3].coupon.id, "GONE");
    assert_string_equal(rows[4].coupon.id, "HOT");
    assert_int_equal(rows[4].coupon.state, COUPON_ARCHIVED);
    assert_int_equal(top_coupon_in_force(&rows[4].coupon), 45);
}

static void more_stocks_than_have_room_are_left_out(void **state)
{
    (void)state;
    static char text[16384];
    FILE *out = fmemopen(text, sizeof text, "w");
    for (unsigned i = 0; i < TOP_STOCKS_MAX + 10; i++)
        fprintf(out,
                "coupond_issuer_coupon_quantity{coupon=\"C%u\"} 9\ncoupond_issuer_coupon_issued{coupon=\"C%u\"} 9\n", i,
                i);
    fclose(out);
    top_model_add(&top_model, "i", TOP_ROLE_ANY);
    top_take(0, text, 1);
    top_look(1);
    assert_int_equal(top_view.coupons, TOP_STOCKS_MAX);
    assert_int_equal(top_view.coupon[0].coupon.state, COUPON_SOLD_OUT);
}

static void invalid_coupons_are_left_out(void **state)
{
    (void)state;
    static const char text[] = "{\"coupons\":[1,null,{},{\"id\":\"\\u001b[2J\",\"quantity\":1,\"issued\":0,"
                               "\"state\":\"open\"},{\"id\":\"A\",\"quantity\":-1,\"issued\":0,\"state\":\"open\"},"
                               "{\"id\":\"A\",\"quantity\":1,\"issued\":0,\"state\":\"new\"},"
                               "{\"id\":\"A\",\"quantity\":5000000000,\"issued\":0,\"state\":\"open\"},"
                               "{\"id\":\"A\",\"quantity\":1,\"issued\":\"0\",\"state\":\"open\"},"
                               "{\"id\":\"GOOD\",\"quantity\":1,\"issued\":0,\"state\":\"open\",\"starts_at\":5}],"
                               "\"next_cursor\":\"GOOD\"}";
    char cursor[TOP_CURSOR_MAX];
    static struct top_coupons coupons;
    assert_true(top_coupons_add_page(&coupons, text, strlen(text), cursor));
    assert_int_equal(coupons.count, 1);
    assert_string_equal(coupons.list[0].id, "GOOD");
    assert_string_equal(cursor, "GOOD");
}

static void an_invalid_page_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "{}", "{\"coupons\":{}}", "{\"coupons\":[}", "\0"};
    char cursor[TOP_CURSOR_MAX] = "x";
    static struct top_coupons coupons;
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(top_coupons_add_page(&coupons, texts[i], strlen(texts[i]), cursor));
        assert_string_equal(cursor, "");
    }
}

static void a_cursor_that_is_more_than_one_is_none(void **state)
{
    (void)state;
    static const char text[] = "{\"coupons\":[],\"next_cursor\":\"a HTTP/1.1\\r\\nX: y\"}";
    char cursor[TOP_CURSOR_MAX];
    static struct top_coupons coupons;
    assert_true(top_coupons_add_page(&coupons, text, strlen(text), cursor));
    assert_string_equal(cursor, "");
}

/* --- troubles --- */

static void a_clock_that_is_not_believed_is_a_trouble_until_it_is(void **state)
{
    (void)state;
    top_model_add(&top_model, "x", TOP_ROLE_ANY);
    top_take(0, "coupond_issuer_clock_suspect 1\n", 1);
    top_look(1);
    assert_int_equal(top_view.troubles, 1);
    assert_string_equal(top_view.trouble[0].text, "clock stepped, not accepted");
    top_take(0, "coupond_issuer_clock_suspect 0\n", 2);
    top_look(2);
    assert_int_equal(top_view.troubles, 0);
}

static void troubles_that_grow_come_first(void **state)
{
    (void)state;
    top_model_add(&top_model, "x", TOP_ROLE_ANY);
    top_look(0);
    assert_int_equal(top_view.troubles, 0);
    top_take(0, "coupond_issuer_frames_dropped_total 3\ncoupond_persister_dead_letters_total 1\n", 0);
    top_take(0,
             "coupond_issuer_frames_dropped_total 5\ncoupond_persister_dead_letters_total 1\n"
             "coupond_gateway_requests_total{route=\"issue_post\",status=\"503\"} 4\n",
             1);
    top_look(1);
    assert_int_equal(top_view.troubles, 3);
    assert_string_equal(top_view.trouble[0].text, "frames dropped by the issuer");
    assert_float_equal(top_view.trouble[0].total, 5, 0);
    assert_float_equal(top_view.trouble[0].rate, 2, 1e-6);
    assert_string_equal(top_view.trouble[1].text, "503 answers");
    assert_string_equal(top_view.trouble[2].text, "dead letters");
    assert_float_equal(top_view.trouble[2].rate, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rates_are_of_the_last_interval, set_up),
        cmocka_unit_test_setup(rates_of_several_gateways_add_up, set_up),
        cmocka_unit_test_setup(a_member_that_began_anew_counts_for_nothing_once, set_up),
        cmocka_unit_test_setup(a_counter_that_fell_gives_no_rate, set_up),
        cmocka_unit_test_setup(a_member_that_is_gone_is_down_until_it_is_back, set_up),
        cmocka_unit_test_setup(a_configured_member_is_not_missed_when_another_has_its_role, set_up),
        cmocka_unit_test_setup(differing_versions_are_shown, set_up),
        cmocka_unit_test_setup(a_gateway_that_is_up_is_asked_for_the_coupons, set_up),
        cmocka_unit_test_setup(coupons_have_rates_and_an_end, set_up),
        cmocka_unit_test_setup(coupons_that_rest_are_ordered_by_state, set_up),
        cmocka_unit_test_setup(stocks_of_the_issuer_stand_in_for_coupons_that_are_not_listed, set_up),
        cmocka_unit_test_setup(what_went_back_to_the_stock_is_left_again, set_up),
        cmocka_unit_test_setup(more_stocks_than_have_room_are_left_out, set_up),
        cmocka_unit_test_setup(invalid_coupons_are_left_out, set_up),
        cmocka_unit_test_setup(an_invalid_page_is_refused, set_up),
        cmocka_unit_test_setup(a_cursor_that_is_more_than_one_is_none, set_up),
        cmocka_unit_test_setup(troubles_that_grow_come_first, set_up),
        cmocka_unit_test_setup(a_clock_that_is_not_believed_is_a_trouble_until_it_is, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
