/*
 * Bytes from Redis. The first byte of an input selects the kind of the rest: a value, which if valid reads back as the
 * same bytes and gives a JSON body and an HTTP page; or bytes of a connection, which in pieces of any size give replies
 * within their limits, or none.
 */
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/policy/page.h"
#include "gateway/policy/value.h"
#include "gateway/redis/reader.h"

enum { IS_REPLIES = 1 << 0, FIX_ORDER = 1 << 1 };

static struct redis_reader *reader;
static struct buffer body, out;

static void end(void)
{
    redis_reader_destroy(&reader);
    buffer_deinit(&body);
    buffer_deinit(&out);
}

void fuzz_begin(void)
{
    reader = redis_reader_create();
    reply_init();
    atexit(end);
}

static void add_seed(char flags, const char *bytes, size_t size)
{
    char seed[1 + POLICY_VALUE_MAX];
    seed[0] = flags;
    memcpy(seed + 1, bytes, size);
    fuzz_seed(seed, 1 + size);
}

void fuzz_seeds(void)
{
    static const char *const replies[] = {
        "\3+PONG\r\n",
        "\1$-1\r\n$3\r\nabc\r\n",
        "\2-NOAUTH Authentication required.\r\n",
        "\7*3\r\n$9\r\nsubscribe\r\n$16\r\ncoupond:policies\r\n:1\r\n",
        "\5*3\r\n$7\r\nmessage\r\n$16\r\ncoupond:policies\r\n$19\r\n0123456789abcdef "
        "A1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n",
        "\4*2\r\n*-1\r\n*1\r\n:5\r\n",
    };
    struct coupon coupon = {.id = "A",
                            .title = "\"\xed\x95\x9c\"",
                            .quantity = 9,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_US_MAX,
                            .redeem_until_us = TIME_NONE,
                            .journal_seq = 77};
    char value[POLICY_VALUE_MAX];
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        add_seed(IS_REPLIES, replies[i], strlen(replies[i]));
    add_seed(0, value, policy_value_write(value, &coupon, INT64_C(1763691900000000)));
    coupon.starts_at_us = 5;
    add_seed(FIX_ORDER, value, policy_value_write(value, &coupon, 0));
}

static void check_page(const struct coupon *coupon, int64_t issuer_us)
{
    struct reply_clock clock = {.date = "", .date_length = 0};
    struct policy_page page = {.coupon_id = {coupon->id, strlen(coupon->id)}, .ttl_us = 1000000, .age_us = 5};
    page.etag = policy_page_render(&body, coupon, issuer_us);
    page.body = (struct span){body.data, body.length};
    page.until_change_us = policy_until_change_us(coupon, issuer_us);
    CHECK(page.until_change_us > 0);
    json_error_t fault; /* numbers that a coupon carries may be larger than jansson takes */
    json_t *root = json_loadb(body.data, body.length, 0, &fault);
    CHECK(root != NULL ? json_is_object(root) : json_error_code(&fault) == json_error_numeric_overflow);
    json_decref(root);
    CHECK(policy_page_write(&out, &clock, (struct reply_style){.close = false}, &page, NULL) == 200);
    CHECK(memmem(out.data, out.length, "\r\n\r\n{", 5) != NULL);
    buffer_clear(&out, 0);
}

/* The id in the value, so that the rest of it is reached. */
static struct span id_within(const char *bytes, size_t size)
{
    const size_t at = POLICY_VALUE_ORDER_LENGTH + offsetof(struct frame_coupon, id);
    if (size < at + COUPON_ID_MAX)
        return (struct span){"A", 1};
    uint8_t length = (uint8_t)bytes[POLICY_VALUE_ORDER_LENGTH + offsetof(struct frame_coupon, id_length)];
    return length <= COUPON_ID_MAX ? (struct span){bytes + at, length} : (struct span){"A", 1};
}

static void check_value(unsigned flags, char *bytes, size_t size)
{
    int64_t issuer_us = 0;
    char again[POLICY_VALUE_MAX];
    if ((flags & FIX_ORDER) && size >= POLICY_VALUE_ORDER_LENGTH)
        memcpy(bytes, "coupond20000000000000000007700001763691900000000", POLICY_VALUE_ORDER_LENGTH);
    struct span id = id_within(bytes, size);
    struct coupon coupon, copy;
    memset(&coupon, 0, sizeof coupon); /* with its padding and the bytes behind its texts */
    memset(&copy, 0, sizeof copy);
    if (!policy_value_read((struct span){bytes, size}, id, &coupon, &issuer_us))
        return;
    CHECK(strlen(coupon.id) == id.length && coupon_id_valid(id.at, id.length));
    CHECK(title_valid(coupon.title, strlen(coupon.title)));
    CHECK(issuer_us >= 0 && issuer_us <= ISSUER_TIME_US_MAX);
    CHECK(policy_value_write(again, &coupon, issuer_us) == size);
    CHECK(policy_value_read((struct span){again, size}, id, &copy, &issuer_us));
    CHECK(memcmp(&coupon, &copy, sizeof coupon) == 0);
    check_page(&coupon, issuer_us);
}

static void check_bounds(const struct redis_reply *reply)
{
    CHECK(reply->top.length <= REDIS_TEXT_MAX && reply->top.kind <= REDIS_ARRAY);
    for (size_t i = 0; reply->top.kind == REDIS_ARRAY && i < reply->parts_count && i < REDIS_PARTS_MAX; i++)
        CHECK(reply->parts[i].length <= REDIS_TEXT_MAX && reply->parts[i].kind <= REDIS_ARRAY);
}

/* In pieces; the first byte is their size. */
static void check_replies(struct fuzz_input *input)
{
    size_t piece = fuzz_take_byte(input) + 1u, size;
    bool failed = false;
    redis_reader_reset(reader);
    while (!failed && input->left > 0) {
        const struct redis_reply *reply;
        const uint8_t *bytes = fuzz_take(input, piece, &size);
        failed = !redis_reader_feed(reader, (const char *)bytes, size);
        while (!failed && (reply = redis_reader_next(reader, &failed)) != NULL)
            check_bounds(reply);
    }
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    unsigned flags = fuzz_take_byte(&input);
    if (flags & IS_REPLIES) {
        check_replies(&input);
        return;
    }
    size_t length = input.left;
    char *bytes = fuzz_copy(input.at, length);
    check_value(flags, bytes, length);
    free(bytes);
}
