/* Requests for pages and their parts, and the form in which they are answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gateway/gateway_ask.h"

static void assert_document(const char *line, const char *path)
{
    struct api_call *call = ask(line, "");
    assert_int_equal(call->kind, API_DOCUMENT);
    assert_int_equal(call->route, METRIC_ROUTE_PAGES);
    assert_string_equal(call->document->path, path);
}

static void a_page_is_answered_with_any_query(void **state)
{
    (void)state;
    assert_document("GET /", "/");
    assert_document("HEAD /?from=balancer", "/");
    assert_document("GET /admin?lang=ko", "/admin");
    assert_document("GET /events/noon?utm_source=letter&x&=", "/events");
}

static void an_event_has_one_page_whatever_its_id(void **state)
{
    (void)state;
    assert_document("GET /events/noon", "/events");
    assert_document("GET /events/%EC%BF%A0%ED%8F%B0", "/events");
    assert_document("GET /events/%3Cscript%3E", "/events");
}

static void parts_of_pages_are_those_of_the_table(void **state)
{
    static const char *const lines[] = {"GET /events",
                                        "GET /events/",
                                        "GET /events/noon/",
                                        "GET /admin/",
                                        "GET /pages",
                                        "GET /pages/event/none.js",
                                        "GET /pages/event/../event/event.js",
                                        "GET /pages/event/event.js/",
                                        "GET //",
                                        "POST /pages/event/none.js"};
    (void)state;
    assert_document("GET /pages/event/event.js", "/pages/event/event.js");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_error(ask(lines[i], ""), ERROR_NOT_FOUND);
    assert_error(ask("GET /pages/event/event.js?v=1", ""), ERROR_INVALID_REQUEST);
    assert_error(ask("POST /admin", ""), ERROR_METHOD_NOT_ALLOWED);
    assert_error(ask("DELETE /", ""), ERROR_METHOD_NOT_ALLOWED);
}

static void compressed_bytes_are_for_clients_that_accept_them(void **state)
{
    const struct document *plain = ask("GET /events/noon", "")->document;
    const struct document *small = ask_with(&open_door, "GET /events/noon", "Accept-Encoding: gzip\r\n", "")->document;
    (void)state;
    assert_ptr_equal(plain->gzip, small);
    assert_string_not_equal(plain->etag, small->etag);
    assert_true(small->length < plain->length);
}

static void only_an_event_may_be_in_a_frame_and_only_of_its_own_origin(void **state)
{
    (void)state;
    assert_non_null(strstr(ask("GET /admin", "")->document->fields, "frame-ancestors 'none'\r\n"));
    assert_non_null(strstr(ask("GET /", "")->document->fields, "frame-ancestors 'none'\r\n"));
    assert_non_null(strstr(ask("GET /events/noon", "")->document->fields, "frame-ancestors 'self'\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_answered_with_any_query),
        cmocka_unit_test(an_event_has_one_page_whatever_its_id),
        cmocka_unit_test(parts_of_pages_are_those_of_the_table),
        cmocka_unit_test(compressed_bytes_are_for_clients_that_accept_them),
        cmocka_unit_test(only_an_event_may_be_in_a_frame_and_only_of_its_own_origin),
    };
    return cmocka_run_group_tests(tests, gateway_ask_set_up, NULL);
}
