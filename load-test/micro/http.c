/* HTTP: parses heads, reads whole requests, writes replies; in the cache, and in copies that exceed it. */
#include <stdlib.h>
#include <string.h>

#include "gateway/dispatch/verdicts.h"
#include "gateway/http/head.h"
#include "gateway/http/request.h"
#include "groups.h"
#include "scratch.h"
#include "shared/clock.h"
#include "shared/error.h"

#define REQUESTS_OF_RUN 4096u
#define COLD_BYTES      (256u << 20)
#define BODY            "{\"user_id\":\"u0000000001\"}"

static const char plain[] = "POST /v1/coupons/C0001/issues HTTP/1.1\r\n"
                            "Host: 127.0.0.1:8080\r\n"
                            "Content-Type: application/json\r\n"
                            "Content-Length: 25\r\n"
                            "\r\n" BODY;

static const char browser[] = "POST /v1/coupons/C0001/issues HTTP/1.1\r\n"
                              "Host: coupons.example.com\r\n"
                              "Connection: keep-alive\r\n"
                              "Content-Length: 25\r\n"
                              "Accept: application/json, text/plain, */*\r\n"
                              "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                              "Chrome/130.0.0.0 Safari/537.36\r\n"
                              "Content-Type: application/json\r\n"
                              "Origin: https://shop.example.com\r\n"
                              "Sec-Fetch-Site: same-site\r\n"
                              "Sec-Fetch-Mode: cors\r\n"
                              "Sec-Fetch-Dest: empty\r\n"
                              "Referer: https://shop.example.com/event/autumn\r\n"
                              "Accept-Encoding: gzip, deflate, br, zstd\r\n"
                              "Accept-Language: ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7\r\n"
                              "Cookie: session=0123456789abcdef0123456789abcdef; seen=1\r\n"
                              "X-Forwarded-For: 203.0.113.7\r\n"
                              "X-Forwarded-Proto: https\r\n"
                              "\r\n" BODY;
_Static_assert(sizeof BODY - 1 == 25, "the bodies' length");

struct bench {
    char *memory;
    size_t request_bytes;
    size_t head_bytes;
    size_t stride;
    size_t copies;
    size_t at;
    struct http_request request;
    struct exchange exchange;
    struct frame_issue_reply reply;
    struct reply_clock clock;
    struct buffer out;
};

static char *next_copy(struct bench *bench)
{
    char *copy = bench->memory + bench->at * bench->stride;
    bench->at = (bench->at + 1) % bench->copies;
    return copy;
}

static void parse_heads(void *arg)
{
    struct bench *bench = arg;
    for (unsigned i = 0; i < REQUESTS_OF_RUN; i++) {
        struct http_fields fields = {0};
        CHECK(http_head_parse(next_copy(bench), bench->head_bytes, &fields));
        CHECK(fields.content_length == sizeof BODY - 1);
    }
}

static void feed_requests(void *arg)
{
    static const struct http_limits limits = {.head_bytes_max = 16384, .body_bytes_max = 16384};
    struct bench *bench = arg;
    for (unsigned i = 0; i < REQUESTS_OF_RUN; i++) {
        size_t length = bench->request_bytes;
        http_request_reset(&bench->request);
        CHECK(http_request_feed(&bench->request, &limits, next_copy(bench), &length) == HTTP_READY);
        CHECK(bench->request.size == bench->request_bytes);
    }
}

static void write_replies(void *arg)
{
    struct bench *bench = arg;
    struct reply_style style = {0};
    buffer_clear(&bench->out, 16u << 20);
    for (unsigned i = 0; i < REQUESTS_OF_RUN; i++)
        CHECK(verdict_answer_issue(&bench->out, &bench->clock, style, &bench->exchange, &bench->reply) != 0);
}

static void measure_requests(struct micro *micro, struct bench *bench, const char *request, const char *name)
{
    bench->request_bytes = strlen(request);
    bench->head_bytes = bench->request_bytes - (sizeof BODY - 1);
    bench->stride = (bench->request_bytes + 63) / 64 * 64;
    for (size_t i = 0; i < COLD_BYTES / bench->stride; i++)
        memcpy(bench->memory + i * bench->stride, request, bench->request_bytes);
    for (int cold = 0; cold < 2; cold++) {
        const char *where = cold ? "from memory" : "in cache";
        bench->copies = cold ? COLD_BYTES / bench->stride : 1;
        bench->at = 0;
        struct micro_work head = {.operations = REQUESTS_OF_RUN, .run = parse_heads, .arg = bench};
        micro_measure(micro, &head, "head parsed: %s, %zu bytes, %s", name, bench->head_bytes, where);
        struct micro_work whole = {.operations = REQUESTS_OF_RUN, .run = feed_requests, .arg = bench};
        micro_measure(micro, &whole, "request read: %s, %zu bytes, %s", name, bench->request_bytes, where);
    }
}

static void measure_reply(struct micro *micro, struct bench *bench, enum verdict verdict)
{
    bench->reply = (struct frame_issue_reply){.verdict = (uint8_t)verdict,
                                              .now_us = clock_wall_us(),
                                              .issue = {.sequence = 1234567,
                                                        .nth = 1,
                                                        .state = ISSUE_ISSUED,
                                                        .issued_at_us = clock_wall_us(),
                                                        .redeemable_until_us = TIME_NONE}};
    struct micro_work work = {.operations = REQUESTS_OF_RUN, .run = write_replies, .arg = bench};
    struct micro_result *result = micro_measure(micro, &work, "reply written: %s", verdict_name(verdict));
    result->bytes = (double)bench->out.length / REQUESTS_OF_RUN;
}

void micro_http(struct micro *micro)
{
    struct bench *bench = calloc(1, sizeof *bench);
    CHECK(bench != NULL);
    bench->memory = malloc(COLD_BYTES);
    CHECK(bench->memory != NULL);
    measure_requests(micro, bench, plain, "plain");
    measure_requests(micro, bench, browser, "browser's");
    bench->exchange = (struct exchange){.op = ISSUE_POST,
                                        .coupon_id_length = sizeof MICRO_COUPON - 1,
                                        .coupon_id = MICRO_COUPON,
                                        .user_id_length = MICRO_USER};
    scratch_user(bench->exchange.user_id, 1);
    reply_clock_set(&bench->clock, clock_wall_us());
    measure_reply(micro, bench, VERDICT_ISSUED);
    measure_reply(micro, bench, VERDICT_ALREADY_ISSUED);
    measure_reply(micro, bench, VERDICT_SOLD_OUT);
    buffer_deinit(&bench->out);
    free(bench->memory);
    free(bench);
}
