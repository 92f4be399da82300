/*
 * Redis URLs: each form that providers use, each that is rejected, and how they are shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "shared/redis_url.h"

static const struct {
    const char *text;
    struct redis_url url;
    const char *shown;
} good[] = {
    {"redis://10.0.0.1", {.host = "10.0.0.1", .port = 6379}, "redis://10.0.0.1:6379"},
    {"redis://cache:6380/", {.host = "cache", .port = 6380}, "redis://cache:6380"},
    {"redis://cache/3", {.host = "cache", .port = 6379, .database = 3}, "redis://cache:6379/3"},
    {"redis://:s3cret@cache:1/0", {.host = "cache", .port = 1, .password = "s3cret"}, "redis://***@cache:1"},
    {"redis://app:s3cret@cache:1/15",
     {.host = "cache", .port = 1, .user = "app", .password = "s3cret", .database = 15},
     "redis://***@cache:1/15"},
    {"redis://app@cache:1", {.host = "cache", .port = 1, .user = "app"}, "redis://***@cache:1"},
    {"redis://app:@cache:1", {.host = "cache", .port = 1, .user = "app"}, "redis://***@cache:1"},
    {"redis://a%40b:p%3a%2F%25%ff@cache",
     {.host = "cache", .port = 6379, .user = "a@b", .password = "p:/%\xff"},
     "redis://***@cache:6379"},
    {"rediss://:k3y/with+some=@cache.example:6380",
     {.tls = true, .host = "cache.example", .port = 6380, .password = "k3y/with+some="},
     "rediss://***@cache.example:6380"},
    {"redis://app:p:q@r@cache",
     {.host = "cache", .port = 6379, .user = "app", .password = "p:q@r"},
     "redis://***@cache:6379"},
    {"rediss://[::1]:7000/2", {.tls = true, .host = "::1", .port = 7000, .database = 2}, "rediss://[::1]:7000/2"},
    {"redis://app:s@[fe80::1]",
     {.host = "fe80::1", .port = 6379, .user = "app", .password = "s"},
     "redis://***@[fe80::1]:6379"},
    {"unix:///run/redis/redis.sock", {.path = "/run/redis/redis.sock"}, "unix:///run/redis/redis.sock"},
};

static void every_form_that_is_handed_out_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct redis_url url;
        struct error error = {""};
        char shown[REDIS_URL_SHOWN_MAX];
        if (redis_url_parse(&url, good[i].text, &error) != 0)
            fail_msg("%s: %s", good[i].text, error.text);
        assert_int_equal(url.tls, good[i].url.tls);
        assert_string_equal(url.path, good[i].url.path);
        assert_string_equal(url.host, good[i].url.host);
        assert_int_equal(url.port, good[i].url.port);
        assert_string_equal(url.user, good[i].url.user);
        assert_string_equal(url.password, good[i].url.password);
        assert_int_equal(url.database, good[i].url.database);
        redis_url_show(good[i].text, shown);
        assert_string_equal(shown, good[i].shown);
    }
}

static const struct {
    const char *text, *says;
} bad[] = {
    {"", "expected redis://"},
    {"s3cret", "expected redis://"},
    {"http://:s3cret@cache", "expected redis://"},
    {"REDIS://:s3cret@cache", "expected redis://"},
    {"redis://", "names no host"},
    {"redis://:s3cret@", "names no host"},
    {"redis://:s3cret@:6379", "names no host"},
    {"redis://:s3cret@[::1:6379", "names no host"},
    {"redis://:s3cret@::1:6379", "names no host"},
    {"redis://app:s3cret", "port is not a number"},
    {"redis://:s3cret@cache:0", "port is not a number"},
    {"redis://:s3cret@cache:65536", "port is not a number"},
    {"redis://:s3cret@cache:", "port is not a number"},
    {"redis://:s3cret@[::1]6379", "port is not a number"},
    {"redis://:s3cret@cache/three", "may follow the host"},
    {"redis://:s3cret@cache/3/4", "may follow the host"},
    {"redis://:s3cret@cache/1000001", "may follow the host"},
    {"redis://cache/3?password=s3cret", "may follow the host"},
    {"redis://cache?password=s3cret", "may follow the host"},
    {"redis://:s3cret%@cache", "cannot be decoded"},
    {"redis://:s3cret%4@cache", "cannot be decoded"},
    {"redis://:s3cret%xx@cache", "cannot be decoded"},
    {"redis://:s3cret%00@cache", "cannot be decoded"},
    {"unix://", "path of a UNIX socket"},
};

static void what_is_refused_is_not_repeated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct redis_url url;
        struct error error = {""};
        char shown[REDIS_URL_SHOWN_MAX];
        if (redis_url_parse(&url, bad[i].text, &error) != -1)
            fail_msg("%s was taken", bad[i].text);
        if (strstr(error.text, bad[i].says) == NULL)
            fail_msg("%s: expected \"%s\" in \"%s\"", bad[i].text, bad[i].says, error.text);
        redis_url_show(bad[i].text, shown);
        assert_string_equal(shown, "***");
        assert_null(strstr(error.text, "s3cret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_that_is_handed_out_is_read),
        cmocka_unit_test(what_is_refused_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
