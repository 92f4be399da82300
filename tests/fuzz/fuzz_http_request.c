/*
 * Pipelined HTTP requests of one connection. The requests and the final refusal do not depend on how the bytes are
 * split into reads; everything that a request borrows lies within its bytes and its bounds; and an accepted head is
 * unambiguous: one Host, one length, CR LF line ends.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http/head.h"
#include "gateway/http/request.h"
#include "tests/unit/gateway/http/http_messages.h"

#define OUTCOMES_MAX 64

/* The result of one request; checksums of borrowed bytes. */
struct outcome {
    enum http_progress progress;
    int status;
    enum method method;
    bool http_1_0, keep_alive;
    uint64_t target, body, content_type, authorization;
};

struct outcomes {
    size_t count;
    struct outcome rows[OUTCOMES_MAX];
};

/* Unprocessed bytes, as a connection stores them. */
struct pending {
    char *data;
    size_t length;
};

void fuzz_begin(void)
{
    http_head_init();
}

/* A head, a chunk extension and a trailer beyond the narrow limits. */
static void add_long_seeds(void)
{
    static const char *const begins[] = {"GET / HTTP/1.1\r\nHost: a\r\nX: ", CHUNKED "1;x=", CHUNKED "0\r\nX: "};
    char seed[1024] = {1, 7, 3};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        memset(seed + 3, 'a', sizeof seed - 3);
        memcpy(seed + 3, begins[i], strlen(begins[i]));
        fuzz_seed(seed, sizeof seed);
    }
}

void fuzz_seeds(void)
{
    add_long_seeds();
    for (size_t i = 0; i < http_messages_count; i++) {
        const struct message *message = &http_messages[i];
        size_t length = message->length != 0 ? message->length : strlen(message->bytes);
        char *seed = malloc(length + 3);
        CHECK(seed != NULL);
        memcpy(seed, "\0\7\3", 3);
        memcpy(seed + 3, message->bytes, length);
        fuzz_seed(seed, length + 3);
        free(seed);
    }
}

/* --- what must hold of a request --- */

static void check_within(struct span piece, const struct pending *pending, size_t size)
{
    if (piece.at == NULL) {
        CHECK(piece.length == 0);
        return;
    }
    CHECK(piece.at >= pending->data);
    CHECK(piece.at + piece.length <= pending->data + size);
}

/* Counts header lines that begin with `name`, ignoring case. */
static unsigned count_fields(struct span head, const char *name)
{
    unsigned count = 0;
    size_t length = strlen(name);
    for (size_t i = 0; i + 2 + length <= head.length; i++)
        count += memcmp(head.at + i, "\r\n", 2) == 0 && strncasecmp(head.at + i + 2, name, length) == 0;
    return count;
}

/* A proxy in front must not be able to interpret the head differently. */
static void check_head(const struct http_request *request, struct span head)
{
    unsigned lengths = count_fields(head, "content-length:");
    unsigned codings = count_fields(head, "transfer-encoding:");
    CHECK(head.length >= 4 && memcmp(head.at + head.length - 4, "\r\n\r\n", 4) == 0);
    CHECK(memmem(head.at, head.length - 1, "\r\n\r\n", 4) == NULL);
    for (size_t i = 0; i < head.length; i++) {
        CHECK(head.at[i] != '\0');
        CHECK((head.at[i] != '\n') || (i > 0 && head.at[i - 1] == '\r'));
        CHECK((head.at[i] != '\r') || (i + 1 < head.length && head.at[i + 1] == '\n'));
    }
    CHECK(lengths + codings <= 1);
    CHECK(codings == 0 || (request->fields.chunked && !request->http_1_0));
    CHECK(count_fields(head, "host:") <= 1);
    CHECK(request->http_1_0 || count_fields(head, "host:") == 1);
    CHECK(memmem(head.at, head.length, "\r\n ", 3) == NULL);
    CHECK(memmem(head.at, head.length, "\r\n\t", 3) == NULL);
}

static void check_request(const struct http_request *request, const struct http_limits *limits,
                          const struct pending *pending)
{
    CHECK(request->size <= pending->length);
    CHECK(request->head_length <= limits->head_bytes_max);
    CHECK(request->body.length <= limits->body_bytes_max);
    CHECK(request->size == request->head_length + request->body.length);
    CHECK(request->fields.count <= HTTP_FIELDS_MAX);
    CHECK(!request->continue_wanted);
    CHECK(request->target.length > 0);
    check_within(request->target, pending, request->head_length);
    check_within(request->content_type, pending, request->head_length);
    check_within(request->authorization, pending, request->head_length);
    check_within(request->body, pending, request->size);
    check_head(request, (struct span){pending->data, request->head_length});
}

/* --- running --- */

/* FNV-1a; distinguishes a missing piece from an empty one. */
static uint64_t sum(struct span piece)
{
    uint64_t sum = piece.at == NULL ? 1 : UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < piece.length; i++)
        sum = (sum ^ (unsigned char)piece.at[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static void note(struct outcomes *outcomes, enum http_progress progress, const struct http_request *request)
{
    struct outcome *row = &outcomes->rows[outcomes->count++];
    *row = (struct outcome){.progress = progress};
    if (progress == HTTP_REFUSED) {
        CHECK(request->status >= 400 && request->status <= 505);
        CHECK(request->reason != NULL);
        row->status = request->status;
    } else if (progress == HTTP_READY) {
        row->method = request->method;
        row->http_1_0 = request->http_1_0;
        row->keep_alive = request->keep_alive;
        row->target = sum(request->target);
        row->body = sum(request->body);
        row->content_type = sum(request->content_type);
        row->authorization = sum(request->authorization);
    }
}

/* Adds a read of `size` bytes, in a new allocation without spare bytes. */
static void grow(struct pending *pending, const char *bytes, size_t size)
{
    char *data = malloc(pending->length + size);
    CHECK(data != NULL);
    if (pending->length > 0)
        memcpy(data, pending->data, pending->length);
    memcpy(data + pending->length, bytes, size);
    free(pending->data);
    pending->data = data;
    pending->length += size;
}

static void drop(struct pending *pending, size_t size)
{
    memmove(pending->data, pending->data + size, pending->length - size);
    pending->length -= size;
}

/* Feeds all complete requests. False after a refusal: nothing more is read. */
static bool feed(struct http_request *request, const struct http_limits *limits, struct pending *pending,
                 struct outcomes *outcomes)
{
    while (pending->length > 0 && outcomes->count < OUTCOMES_MAX) {
        size_t before = pending->length;
        enum http_progress progress = http_request_feed(request, limits, pending->data, &pending->length);
        CHECK(pending->length <= before);
        if (progress == HTTP_MORE) {
            CHECK(pending->length <= 2 * limits->head_bytes_max + limits->body_bytes_max);
            return true;
        }
        if (progress == HTTP_READY)
            check_request(request, limits, pending);
        note(outcomes, progress, request);
        if (progress == HTTP_REFUSED)
            return false;
        drop(pending, request->size);
        http_request_reset(request);
    }
    return outcomes->count < OUTCOMES_MAX;
}

/* Without `cuts` in one read, otherwise in random ones. */
static void run(struct outcomes *outcomes, const struct http_limits *limits, const char *bytes, size_t size,
                struct fuzz_random *cuts)
{
    struct pending pending = {NULL, 0};
    bool goes_on = true;
    outcomes->count = 0;
    struct http_request request;
    http_request_reset(&request);
    for (size_t at = 0, piece = 0; at < size && goes_on; at += piece) {
        piece = size - at;
        if (cuts != NULL)
            piece = 1 + fuzz_random_below(cuts, piece < 40 ? piece : 40);
        grow(&pending, bytes + at, piece);
        goes_on = feed(&request, limits, &pending, outcomes);
    }
    if (goes_on && pending.length > 0)
        CHECK(outcomes->count < OUTCOMES_MAX);
    free(pending.data);
}

static void check_same(const struct outcomes *whole, const struct outcomes *cut)
{
    CHECK(whole->count == cut->count);
    for (size_t i = 0; i < whole->count; i++) {
        const struct outcome *a = &whole->rows[i], *b = &cut->rows[i];
        CHECK(a->progress == b->progress && a->status == b->status);
        CHECK(a->method == b->method && a->http_1_0 == b->http_1_0 && a->keep_alive == b->keep_alive);
        CHECK(a->target == b->target && a->body == b->body);
        CHECK(a->content_type == b->content_type && a->authorization == b->authorization);
    }
}

void fuzz_one(const uint8_t *data, size_t size)
{
    static struct outcomes whole, cut;
    struct fuzz_input input = {data, size};
    bool narrow = (fuzz_take_byte(&input) & 1) != 0;
    struct fuzz_random cuts = {.state = fuzz_take_u16(&input)};
    struct http_limits limits = {narrow ? 256 : 4096, narrow ? 64 : 1024};
    run(&whole, &limits, (const char *)input.at, input.left, NULL);
    run(&cut, &limits, (const char *)input.at, input.left, &cuts);
    check_same(&whole, &cut);
}
