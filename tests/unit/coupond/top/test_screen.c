#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#include "coupond/top/canvas.h"
#include "coupond/top/format.h"
#include "coupond/top/plain.h"
#include "coupond/top/screen.h"
#include "tests/unit/coupond/top/top_fixture.h"

/* --- fixture: a system at work, of which one persister is down --- */

#define COUPON(id, quantity, issued, state, more)                                                                      \
    "{\"id\":\"" id "\",\"quantity\":" quantity ",\"issued\":" issued ",\"state\":\"" state "\"" more "}"

static const char page_before[] = "{\"coupons\":[" COUPON("A0001", "300", "100", "open", "") "]}";
static const char page_now[] = "{\"coupons\":[" COUPON("A0001", "300", "120", "open", "") "," COUPON(
    "B0001", "2000", "2000", "sold_out", "") "," COUPON("noon", "4000000000", "0", "scheduled",
                                                        ",\"starts_at\":\"2026-11-30T00:58:20Z\"") "]}";

static int set_up(void **state)
{
    (void)state;
    top_begin();
    top_model_add(&top_model, "127.0.0.1:8080", TOP_GATEWAY);
    top_model_add(&top_model, "127.0.0.1:9101", TOP_ISSUER);
    top_model_add(&top_model, "127.0.0.1:9102", TOP_PERSISTER);
    top_model_add(&top_model, "persister-2.internal.example:9102", TOP_ROLE_ANY);
    double start = (double)TOP_WALL_US / 1e6 - 3725;
    top_take_coupons(0, page_before, 0);
    top_take(0, top_gateway_text(start, 1000000), 1);
    top_take(1, top_issuer_text(start, 500000), 1);
    top_take(2, top_persister_text(start, 400000), 1);
    top_take_coupons(0, page_now, 2);
    top_take(0, top_gateway_text(start, 1083766), 2.5);
    top_take(0, top_gateway_text(start, 1083766 + 41883), 3);
    top_take(1, top_issuer_text(start, 541883), 2);
    top_take(2, top_persister_text(start, 460000), 2);
    top_take_down(3, "Connection refused");
    return 0;
}

/* --- helpers --- */

static struct canvas canvas;
static char written[CANVAS_ROWS_MAX * CANVAS_COLUMNS_MAX * 4];

static const char *write_canvas(struct canvas_look look)
{
    memset(written, 0, sizeof written);
    FILE *out = fmemopen(written, sizeof written - 1, "w");
    canvas_write(&canvas, &look, out);
    fclose(out);
    return written;
}

static const char *draw(int rows, int columns, bool unicode)
{
    top_look(2.5);
    canvas_init(&canvas, rows, columns);
    top_screen_draw(&top_view, "q quits", 0, &canvas);
    return write_canvas((struct canvas_look){.unicode = unicode});
}

/* --- tests: the screen --- */

/* clang-format off */
static const char on_80_by_24[] =
    "coupond 0.1.0  3 of 4 up  for 1 h 02 m                     00:53:20 UTC  q quits\n"
    "COUPON  STATE                    IN FORCE / ALL           PER S      SOLD OUT IN\n"
    "A0001   open       ███▌░░░░░          120 / 300   40 %       10             18 s\n"
    "noon    scheduled  ░░░░░░░░░          0 / 4.00G    0 %        -   opens 5 m 00 s\n"
    "B0001   sold_out   █████████      2,000 / 2,000  100 %        -                -\n"
    "\n"
    "  ISSUED/S   already  sold out too early    closed no coupon  by cache   503/5xx\n"
    "    41,883         0    41,883         0         0         0         0         0\n"
    "\n"
    "          GATEWAYS 1 of 1        ISSUER 1 of 1          PERSISTERS 1 of 1\n"
    "time p50  500 µs an answer       50 µs a sync           1.00 ms a transaction\n"
    "     p99  990 µs an answer       99 µs a sync           1.98 ms a transaction\n"
    "batch     4 a message            8 a sync               1,000 rows each\n"
    "flow      83,766 answers/s       1.28 MiB/s journal     60,000 rows/s\n"
    "queue     64 open, 7 wait        1,234 rows behind      250 ms behind\n"
    "cache     91 % of 9,212 reads/s  turn p99 248 µs        2 batches in flight\n"
    "trouble   none\n"
    "\n"
    "MEMBER                   ROLE       STATE             UP    CPU    MEMORY  FILES\n"
    "127.0.0.1:8080           gateway    ready       1 h 02 m   84 %  2.50 MiB     42\n"
    "127.0.0.1:9101           issuer     ready       1 h 02 m    8 %  2.50 MiB     42\n"
    "127.0.0.1:9102           persister  ready       1 h 02 m    6 %  2.50 MiB     42\n"
    "persister-2…xample:9102  ?          down      Connection refused\n";

static const char in_ascii[] =
    "coupond 0.1.0  3 of 4 up  for 1 h 02 m                     00:53:20 UTC  q quits\n"
    "COUPON  STATE                    IN FORCE / ALL           PER S      SOLD OUT IN\n"
    "A0001   open       ####.....          120 / 300   40 %       10             18 s\n"
    "noon    scheduled  .........          0 / 4.00G    0 %        -   opens 5 m 00 s\n"
    "B0001   sold_out   #########      2,000 / 2,000  100 %        -                -\n"
    "\n"
    "  ISSUED/S   already  sold out too early    closed no coupon  by cache   503/5xx\n"
    "    41,883         0    41,883         0         0         0         0         0\n"
    "\n"
    "          GATEWAYS 1 of 1        ISSUER 1 of 1          PERSISTERS 1 of 1\n"
    "time p50  500 us an answer       50 us a sync           1.00 ms a transaction\n"
    "     p99  990 us an answer       99 us a sync           1.98 ms a transaction\n"
    "batch     4 a message            8 a sync               1,000 rows each\n"
    "flow      83,766 answers/s       1.28 MiB/s journal     60,000 rows/s\n"
    "queue     64 open, 7 wait        1,234 rows behind      250 ms behind\n"
    "cache     91 % of 9,212 reads/s  turn p99 248 us        2 batches in flight\n"
    "trouble   none\n"
    "\n"
    "MEMBER                   ROLE       STATE             UP    CPU    MEMORY  FILES\n"
    "127.0.0.1:8080           gateway    ready       1 h 02 m   84 %  2.50 MiB     42\n"
    "127.0.0.1:9101           issuer     ready       1 h 02 m    8 %  2.50 MiB     42\n"
    "127.0.0.1:9102           persister  ready       1 h 02 m    6 %  2.50 MiB     42\n"
    "persister-2~xample:9102  ?          down      Connection refused\n";

static const char as_a_line[] =
    "    time     up  issued/s  answers/s   5xx/s      p50      p99  a sync  sync p99   rows/s   behind      lag  troubles\n"
    "00:53:20    3/4    41,883     83,766       0   500 µs   990 µs       8     99 µs   60,000    1,234   250 ms         0\n";
/* clang-format on */

static void a_screen_of_80_by_24_shows_everything(void **state)
{
    (void)state;
    assert_string_equal(draw(24, 80, true), on_80_by_24);
}

static void a_terminal_without_unicode_gets_ascii(void **state)
{
    (void)state;
    assert_string_equal(draw(24, 80, false), in_ascii);
}

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        found++;
    return found;
}

static void a_wide_screen_has_long_bars_and_whole_names(void **state)
{
    (void)state;
    const char *text = draw(24, 120, true);
    assert_int_equal(count(text, "█"), 19 + 49);
    assert_non_null(strstr(text, "persister-2.internal.example:9102"));
    assert_non_null(strstr(text, "503/5xx    redeemed     revoked\n"));
}

static void a_coupon_without_a_limit_has_no_share(void **state)
{
    (void)state;
    top_take_coupons(0, "{\"coupons\":[" COUPON("free", "null", "1200", "open", ",\"returned\":200") "]}", 3);
    assert_non_null(strstr(draw(24, 80, false), " 1,000 / no limit      - "));
}

static void a_very_wide_screen_leaves_its_right_side_empty(void **state)
{
    (void)state;
    char narrower[CANVAS_COLUMNS_MAX * 24 * 4];
    strcpy(narrower, draw(24, 120, true));
    assert_string_equal(draw(24, 200, true), narrower);
}

static void coupons_with_a_common_prefix_stay_distinguishable(void **state)
{
    (void)state;
    top_take_coupons(0,
                     "{\"coupons\":[" COUPON("coupon-with-a-long-name-0001", "300", "1", "open", "") "," COUPON(
                         "coupon-with-a-long-name-0002", "300", "1", "open", "") "]}",
                     3);
    const char *text = draw(24, 80, true);
    assert_non_null(strstr(text, "coupon-wit…name-0001 "));
    assert_non_null(strstr(text, "coupon-wit…name-0002 "));
}

static void one_can_scroll_to_the_last_coupon(void **state)
{
    (void)state;
    top_look(2.5);
    assert_int_equal(top_screen_coupons(&top_view, 16), 1);
    canvas_init(&canvas, 16, 80);
    top_screen_draw(&top_view, "", 1, &canvas);
    const char *text = write_canvas((struct canvas_look){.unicode = true});
    assert_non_null(strstr(text, "noon"));
    assert_non_null(strstr(text, "2-2 of 3"));
    canvas_init(&canvas, 16, 80);
    top_screen_draw(&top_view, "", 1000, &canvas);
    assert_non_null(strstr(write_canvas((struct canvas_look){.unicode = true}), "B0001"));
}

static void a_small_screen_shows_its_part_and_members_in_need_first(void **state)
{
    (void)state;
    const char *text = draw(16, 80, true);
    assert_int_equal(count(text, "\n"), 16);
    assert_non_null(strstr(text, "A0001   open"));
    assert_null(strstr(text, "noon"));
    assert_non_null(strstr(text, "1 of 3"));
    assert_non_null(strstr(text, "Connection refused"));
    assert_non_null(strstr(text, "and 3 more"));
}

static void any_size_can_be_drawn(void **state)
{
    (void)state;
    for (int rows = 0; rows < 40; rows += 3) {
        for (int columns = 0; columns < 200; columns += 7)
            draw(rows, columns, true);
    }
    draw(100000, 100000, true);
    assert_int_equal(canvas.rows, CANVAS_ROWS_MAX);
}

static void before_the_first_answer_nothing_is_claimed(void **state)
{
    (void)state;
    top_begin();
    top_model_add(&top_model, "127.0.0.1:8080", TOP_GATEWAY);
    const char *text = draw(24, 80, true);
    assert_non_null(strstr(text, "0 of 1 up  for -"));
    assert_non_null(strstr(text, "127.0.0.1:8080           gateway    -         not asked yet"));
    assert_non_null(strstr(text, "GATEWAYS 0 of 1"));
}

static void troubles_are_named_with_their_growth(void **state)
{
    (void)state;
    top_take(1, "coupond_issuer_x 1\n", 4);
    top_take(1, "coupond_issuer_replies_dropped_total 12\n", 5);
    top_take(2, "coupond_persister_dead_letters_total 1\n", 5);
    assert_non_null(strstr(draw(24, 80, true), "\ntrouble   12 replies dropped (12/s)   1 dead letters\n"));
}

static void the_age_of_an_old_coupon_list_is_shown(void **state)
{
    (void)state;
    top_look(62.4);
    canvas_init(&canvas, 24, 80);
    top_screen_draw(&top_view, "q quits", 0, &canvas);
    assert_non_null(strstr(write_canvas((struct canvas_look){.unicode = true}), "COUPON  STATE      1 m 00 s ago"));
}

static void text_of_a_member_cannot_control_the_terminal(void **state)
{
    (void)state;
    top_take_down(3, "\x1b]0;title\x07\x1b[2J\r\n\x9b\xc2\x9b\xe2\x80\xae\xff\xf0\x9f\x98\x80");
    const char *text = draw(24, 80, true);
    assert_non_null(strstr(text, "down      ?]0;title??[2J????????"));
    for (const char *at = text; *at != '\0'; at++)
        assert_true(*at == '\n' || (unsigned char)*at >= ' ');
}

/* --- tests: a line, an object --- */

static void a_line_has_the_figures_below_their_titles(void **state)
{
    (void)state;
    memset(written, 0, sizeof written);
    FILE *out = fmemopen(written, sizeof written - 1, "w");
    top_look(2.5);
    top_line_print_head(out);
    top_line_print(&top_view, true, out);
    fclose(out);
    assert_string_equal(written, as_a_line);
}

static double figure(const json_t *object, const char *section, const char *name, const char *part)
{
    const json_t *value = json_object_get(json_object_get(object, section), name);
    value = part != NULL ? json_object_get(value, part) : value;
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void an_object_has_all_of_it(void **state)
{
    (void)state;
    top_take_down(3, "\x1b[2J\xff");
    memset(written, 0, sizeof written);
    FILE *out = fmemopen(written, sizeof written - 1, "w");
    top_look(2.5);
    top_json_print(&top_view, out);
    fclose(out);
    assert_ptr_equal(strchr(written, '\n'), written + strlen(written) - 1);
    json_t *object = json_loads(written, 0, NULL);
    assert_float_equal(figure(object, "gateways", "answers_per_second", NULL), 83766, 1e-6);
    assert_float_equal(figure(object, "gateways", "answer_seconds", "p99"), 0.00099, 1e-6);
    assert_float_equal(figure(object, "issuer", "outcomes_per_second", "sold_out"), 41883, 1e-6);
    assert_float_equal(figure(object, "issuer", "backlog_rows", NULL), 1234, 0);
    assert_float_equal(figure(object, "persisters", "rows_per_second", NULL), 60000, 0);
    const json_t *member = json_array_get(json_object_get(object, "members"), 3);
    assert_true(json_is_false(json_object_get(member, "up")) && json_is_null(json_object_get(member, "cpu_cores")));
    assert_string_equal(json_string_value(json_object_get(member, "reason")), "?[2J?");
    const json_t *coupon = json_array_get(json_object_get(object, "coupons"), 0);
    assert_string_equal(json_string_value(json_object_get(coupon, "id")), "A0001");
    assert_float_equal(json_number_value(json_object_get(coupon, "sold_out_in_seconds")), 18, 1e-6);
    json_decref(object);
}

/* --- tests: the canvas --- */

static void a_lag_that_the_issuer_does_not_know_is_not_called_none(void **state)
{
    (void)state;
    top_take(1, "coupond_issuer_coupons{partition=\"0\"} 1\n", 4);
    const char *text = draw(24, 80, true);
    assert_non_null(strstr(text, "\nqueue     64 open, 7 wait        -                      -\n"));
    memset(written, 0, sizeof written);
    FILE *out = fmemopen(written, sizeof written - 1, "w");
    top_line_print(&top_view, true, out);
    top_json_print(&top_view, out);
    fclose(out);
    assert_non_null(strstr(written, "        -        -         0\n"));
    assert_non_null(strstr(written, "\"backlog_rows\":null,\"lag_seconds\":null,"));
}

static void text_outside_the_canvas_is_cut_off(void **state)
{
    (void)state;
    canvas_init(&canvas, 2, 5);
    canvas_put(&canvas, 0, 3, CANVAS_PLAIN, "abc");
    canvas_put(&canvas, 1, -1, CANVAS_PLAIN, "xy");
    canvas_put(&canvas, 2, 0, CANVAS_PLAIN, "z");
    canvas_put(&canvas, -1, 0, CANVAS_PLAIN, "z");
    assert_string_equal(write_canvas((struct canvas_look){.unicode = true}), "   ab\ny\n");
    canvas_init(&canvas, 1, 9);
    canvas_put_right(&canvas, 0, 1, 5, CANVAS_PLAIN, "µs");
    canvas_put_within(&canvas, 0, 6, 9, CANVAS_PLAIN, "long");
    assert_string_equal(write_canvas((struct canvas_look){.unicode = true}), "   µs lo…\n");
}

static void a_terminal_gets_every_line_anew(void **state)
{
    (void)state;
    canvas_init(&canvas, 3, 4);
    canvas_put(&canvas, 0, 0, CANVAS_PLAIN, "full");
    canvas_put(&canvas, 1, 0, CANVAS_BAD, "x");
    assert_string_equal(write_canvas((struct canvas_look){.colors = true, .terminal = true}),
                        "\033[Hfull\r\n\033[0;1;31mx\033[0m\033[K\r\n\033[K");
    assert_string_equal(write_canvas((struct canvas_look){.terminal = true}), "\033[Hfull\r\nx\033[K\r\n\033[K");
}

/* --- tests: numbers --- */

static void all_numbers_are_short(void **state)
{
    (void)state;
    static const double values[] = {NAN,     -1,      0,       0.04,  0.5,      9.94,     9.96,
                                    12.3,    999.4,   999.6,   83766, 999999.4, 999999.6, 1.234e6,
                                    9.996e6, 99.96e6, 999.6e6, 4e9,   1e15,     1e300,    INFINITY};
    static const char *const counts[] = {"-",     "-",    "0",     "0",      "0.5",     "9.9",   "10",
                                         "12",    "999",  "1,000", "83,766", "999,999", "1.00M", "1.23M",
                                         "10.0M", "100M", "1.00G", "4.00G",  ">999T",   ">999T", ">999T"};
    char text[TOP_TEXT_MAX];
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_string_equal(top_count(values[i], text), counts[i]);
}

static void times_and_sizes_have_their_units(void **state)
{
    (void)state;
    char text[TOP_TEXT_MAX];
    assert_string_equal(top_time(NAN, text), "-");
    assert_string_equal(top_time(0, text), "0 s");
    assert_string_equal(top_time(0.0000874, text), "87 µs");
    assert_string_equal(top_time(0.00149, text), "1.49 ms");
    assert_string_equal(top_time(0.123, text), "123 ms");
    assert_string_equal(top_time(12.34, text), "12.3 s");
    assert_string_equal(top_time(1e12, text), ">999 s");
    assert_string_equal(top_span(59.4, text), "59 s");
    assert_string_equal(top_span(59.6, text), "1 m 00 s");
    assert_string_equal(top_span(3725, text), "1 h 02 m");
    assert_string_equal(top_span(100000, text), "1 d 03 h");
    assert_string_equal(top_span(INFINITY, text), ">999 d");
    assert_string_equal(top_bytes(1023, text), "1023 B");
    assert_string_equal(top_bytes(2621440, text), "2.50 MiB");
    assert_string_equal(top_bytes(1e300, text), ">999 TiB");
    assert_string_equal(top_percent(1.5, text), "150 %");
    assert_string_equal(top_percent(1e9, text), ">9999%");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_screen_of_80_by_24_shows_everything, set_up),
        cmocka_unit_test_setup(a_terminal_without_unicode_gets_ascii, set_up),
        cmocka_unit_test_setup(a_wide_screen_has_long_bars_and_whole_names, set_up),
        cmocka_unit_test_setup(a_very_wide_screen_leaves_its_right_side_empty, set_up),
        cmocka_unit_test_setup(a_coupon_without_a_limit_has_no_share, set_up),
        cmocka_unit_test_setup(coupons_with_a_common_prefix_stay_distinguishable, set_up),
        cmocka_unit_test_setup(one_can_scroll_to_the_last_coupon, set_up),
        cmocka_unit_test_setup(a_small_screen_shows_its_part_and_members_in_need_first, set_up),
        cmocka_unit_test_setup(any_size_can_be_drawn, set_up),
        cmocka_unit_test_setup(before_the_first_answer_nothing_is_claimed, set_up),
        cmocka_unit_test_setup(troubles_are_named_with_their_growth, set_up),
        cmocka_unit_test_setup(the_age_of_an_old_coupon_list_is_shown, set_up),
        cmocka_unit_test_setup(text_of_a_member_cannot_control_the_terminal, set_up),
        cmocka_unit_test_setup(a_line_has_the_figures_below_their_titles, set_up),
        cmocka_unit_test_setup(an_object_has_all_of_it, set_up),
        cmocka_unit_test_setup(a_lag_that_the_issuer_does_not_know_is_not_called_none, set_up),
        cmocka_unit_test_setup(text_outside_the_canvas_is_cut_off, set_up),
        cmocka_unit_test_setup(a_terminal_gets_every_line_anew, set_up),
        cmocka_unit_test_setup(all_numbers_are_short, set_up),
        cmocka_unit_test_setup(times_and_sizes_have_their_units, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
