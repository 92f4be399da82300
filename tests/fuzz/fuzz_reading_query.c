/*
 * What a client of a list of issues chooses: a cursor that is accepted is formatted to one that means the same, and
 * Accept always chooses an offer.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http/accept.h"
#include "gateway/reading/cursor.h"

void fuzz_begin(void)
{
}

void fuzz_seeds(void)
{
    static const char *const texts[] = {"17",
                                        "4294967295",
                                        "1796049847494594-17-noon",
                                        "253402300799999999-1-a.b-c_d",
                                        "text/csv;q=0.5, application/*;q=0.4, */*;q=0.001",
                                        "application/x-ndjson"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        fuzz_seed(texts[i], strlen(texts[i]));
}

static bool equal(const struct store_issue_key *a, const struct store_issue_key *b)
{
    return a->issued_at_us == b->issued_at_us && a->sequence == b->sequence &&
           a->coupon_id_length == b->coupon_id_length && memcmp(a->coupon_id, b->coupon_id, a->coupon_id_length) == 0;
}

static void check_cursor(enum reading_scope scope, struct span text)
{
    char again[READING_CURSOR_MAX];
    struct store_issue_key key, same;
    if (!reading_cursor_parse(scope, text, &key))
        return;
    size_t length = reading_cursor_format(scope, &key, again);
    CHECK(length < sizeof again);
    CHECK(reading_cursor_parse(scope, (struct span){again, length}, &same));
    CHECK(equal(&key, &same));
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static const struct http_offer offers[] = {{"application", "json"}, {"text", "csv"}, {"application", "x-ndjson"}};
    char *copy = malloc(size > 0 ? size : 1); /* of its exact size, so that reading beyond it is found */
    memcpy(copy, data, size);
    struct span text = {copy, size};
    check_cursor(READING_COUPON, text);
    check_cursor(READING_USER, text);
    CHECK(http_accept_choose(text, offers, 3) < 3);
    free(copy);
}
