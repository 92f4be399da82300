/*
 * The JSON of `coupond verify` as a reply: complete, or refused as a whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>

#include "issuer/verification/report.h"

#define COUNTS "\"issues\":5,\"in_store\":4,\"lag\":1,\"dead_letters\":0"
#define KEPT   "{\"name\":\"never_twice\",\"kept\":true,\"violations\":0,\"detail\":\"\"}"
#define BROKEN "{\"name\":\"never_too_many\",\"kept\":false,\"violations\":3,\"detail\":\"A has 4 of 3\"}"

/* --- helpers --- */

static struct frame_verification_reply reply;

static bool reads(const char *text)
{
    reply = (struct frame_verification_reply){.started_at_us = 7};
    return verification_report_read(text, strlen(text), &reply);
}

/* --- tests --- */

static void promises_and_counts_are_read(void **state)
{
    (void)state;
    assert_true(reads("{\"result\":\"broken\"," COUNTS ",\"promises\":[" KEPT "," BROKEN "],\"findings\":[]}"));
    assert_int_equal(reply.promises_count, 2);
    assert_int_equal(reply.kept, 0);
    assert_int_equal(reply.issues, 5);
    assert_int_equal(reply.in_store, 4);
    assert_int_equal(reply.lag, 1);
    assert_int_equal(reply.started_at_us, 7);
    assert_memory_equal(reply.promises[1].name, "never_too_many", reply.promises[1].name_length);
    assert_int_equal(reply.promises[1].violations, 3);
    assert_memory_equal(reply.promises[1].detail, "A has 4 of 3", reply.promises[1].detail_length);
    reply.verdict = VERIFICATION_TOLD;
    assert_true(frame_verification_reply_whole(&reply));
    assert_true(reads("{\"result\":\"kept\"," COUNTS ",\"promises\":[" KEPT "]}"));
    assert_int_equal(reply.kept, 1);
}

static void a_report_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    assert_false(reads(""));
    assert_false(reads("[]"));
    assert_false(reads("{\"result\":\"kept\"," COUNTS ",\"promises\":[" KEPT "]"));
    assert_false(reads("{\"result\":\"kept\"," COUNTS ",\"promises\":[]}"));
    assert_false(reads("{\"result\":\"kept\"," COUNTS "}"));
    assert_false(reads("{\"result\":\"kept\",\"issues\":1,\"promises\":[" KEPT "]}"));
    assert_false(reads(
        "{\"result\":\"kept\",\"issues\":-1,\"in_store\":0,\"lag\":0,\"dead_letters\":0,\"promises\":[" KEPT "]}"));
    assert_false(reads("{" COUNTS ",\"promises\":[" KEPT "]}"));
    assert_false(reads("{\"result\":\"kept\"," COUNTS ",\"promises\":[7]}"));
    assert_false(reads("{\"result\":\"kept\"," COUNTS ",\"promises\":[{\"name\":\"A\",\"kept\":true,\"violations\":0,"
                       "\"detail\":\"\"}]}"));
    assert_int_equal(reply.promises_count, 0);
    assert_int_equal(reply.issues, 0);
}

static void a_result_that_contradicts_the_promises_is_refused(void **state)
{
    (void)state;
    assert_false(reads("{\"result\":\"kept\"," COUNTS ",\"promises\":[" BROKEN "]}"));
    assert_false(reads("{\"result\":\"broken\"," COUNTS ",\"promises\":[" KEPT "]}"));
}

static void as_many_promises_as_a_frame_holds_are_read(void **state)
{
    (void)state;
    for (unsigned count = FRAME_PROMISES_MAX; count <= FRAME_PROMISES_MAX + 1; count++) {
        char text[4096] = "{\"result\":\"kept\"," COUNTS ",\"promises\":[";
        for (unsigned i = 0; i < count; i++)
            strcat(strcat(text, i > 0 ? "," : ""), KEPT);
        assert_int_equal(reads(strcat(text, "]}")), count <= FRAME_PROMISES_MAX);
    }
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    char out[4];
    assert_int_equal(verification_text_copy(out, sizeof out, "ab"), 2);
    assert_int_equal(verification_text_copy(out, sizeof out, "abcd"), 4);
    assert_int_equal(verification_text_copy(out, sizeof out, "abcde"), 4);
    assert_int_equal(verification_text_copy(out, sizeof out, "a\xea\xb0\x80\xea\xb0\x80"), 4);
    assert_int_equal(verification_text_copy(out, sizeof out, "ab\xea\xb0\x80"), 2);
}

static void replies_with_anything_impossible_are_not_whole(void **state)
{
    (void)state;
    const struct frame_verification_reply sound = {.verdict = VERIFICATION_TOLD, .state = VERIFICATION_DONE};
    assert_true(frame_verification_reply_whole(&sound));
    struct frame_verification_reply wrong[9];
    for (size_t i = 0; i < 9; i++)
        wrong[i] = sound;
    wrong[0].verdict = 0;
    wrong[1].verdict = VERIFICATION_LATE + 1;
    wrong[2].state = VERIFICATION_FAILED + 1;
    wrong[3].promises_count = FRAME_PROMISES_MAX + 1;
    wrong[4].text_length = FRAME_VERIFICATION_TEXT + 1;
    wrong[5].started_at_us = -1;
    wrong[6].ended_at_us = INT64_MAX;
    wrong[7].promises_count = 1; /* without a name */
    wrong[8].kept = 2;
    for (size_t i = 0; i < 9; i++)
        assert_false(frame_verification_reply_whole(&wrong[i]));
}

static void requests_with_anything_impossible_are_refused(void **state)
{
    (void)state;
    struct frame_verification_request request = {.op = VERIFICATION_START, .actor_length = 1, .actor = "a"};
    assert_true(frame_verification_request_valid(&request));
    request.op = 0;
    assert_false(frame_verification_request_valid(&request));
    request.op = VERIFICATION_READ + 1;
    assert_false(frame_verification_request_valid(&request));
    request.op = VERIFICATION_READ;
    request.actor_length = ACTOR_MAX + 1;
    assert_false(frame_verification_request_valid(&request));
    request.actor_length = 1;
    request.actor[0] = '\n';
    assert_false(frame_verification_request_valid(&request));
    request.actor_length = 0;
    request.request_id_length = REQUEST_ID_MAX + 1;
    assert_false(frame_verification_request_valid(&request));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promises_and_counts_are_read),
        cmocka_unit_test(a_report_that_is_not_whole_is_refused),
        cmocka_unit_test(a_result_that_contradicts_the_promises_is_refused),
        cmocka_unit_test(as_many_promises_as_a_frame_holds_are_read),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(replies_with_anything_impossible_are_not_whole),
        cmocka_unit_test(requests_with_anything_impossible_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
