/* Per-request data for logs: which ids are accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateway/connection/request_note.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

/* --- helpers --- */

static struct span text(const char *s)
{
    return (struct span){s, strlen(s)};
}

/* --- tests --- */

static void request_ids_are_bounded_and_harmless(void **state)
{
    (void)state;
    char longest[REQUEST_ID_MAX + 2];
    memset(longest, 'x', sizeof longest);
    assert_true(request_id_valid(text("a")));
    assert_true(request_id_valid(text("01J-req.4:7/+=@~")));
    assert_true(request_id_valid((struct span){longest, REQUEST_ID_MAX}));
    assert_false(request_id_valid((struct span){longest, REQUEST_ID_MAX + 1}));
    assert_false(request_id_valid(SPAN_NONE));
    for (const char *const *wrong = (const char *const[]){"", "a b", "a\tb", "a\"b", "a\\b", "\x7f", "\xc3\xa9", NULL};
         *wrong != NULL; wrong++)
        assert_false(request_id_valid(text(*wrong)));
}

static void a_note_is_made_only_where_it_is_wanted(void **state)
{
    (void)state;
    struct http_request plain = {.method = METHOD_GET}, named = {.request_id = text("r-1")};
    struct http_request odd = {.request_id = text("two words")};
    assert_null(request_note_create(&plain, false, 0));
    struct request_note *note = request_note_create(&named, false, 5);
    assert_string_equal(note->id, "r-1");
    assert_string_equal(note->parent.trace_id, "");
    request_note_destroy(&note);
    assert_null(note);
    note = request_note_create(&odd, false, 5);
    assert_int_equal(strlen(note->id), 32);
    char made[REQUEST_ID_MAX + 1];
    strcpy(made, note->id);
    request_note_destroy(&note);
    note = request_note_create(NULL, true, 5);
    assert_int_equal(strlen(note->id), 32);
    assert_string_not_equal(note->id, made);
    request_note_destroy(&note);
    plain.traceparent = text("00-" TRACE "-" SPAN "-01");
    note = request_note_create(&plain, true, 5);
    assert_string_equal(note->parent.trace_id, TRACE);
    assert_string_equal(note->parent.span_id, SPAN);
    request_note_destroy(&note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_ids_are_bounded_and_harmless),
        cmocka_unit_test(a_note_is_made_only_where_it_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
