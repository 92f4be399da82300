/*
 * Synced decisions per second of a real issuer process with sync = always. One DEALER sends requests over ZeroMQ and
 * keeps several frames of 1,000 requests in flight. The sending thread shares the machine with the issuer.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "groups.h"
#include "scratch.h"
#include "shared/error.h"
#include "shared/wire/frame.h"

#define REQUESTS     1000u
#define FRAME_BYTES  (sizeof(struct frame_header) + REQUESTS * sizeof(struct frame_issue_request))
#define ANSWER_BYTES (sizeof(struct frame_header) + REQUESTS * sizeof(struct frame_issue_reply))
#define RUN_FRAMES   64u
#define WAIT_MS      30000

struct bench {
    char folder[SCRATCH_PATH_MAX];
    pid_t issuer;
    void *context;
    void *dealer;
    unsigned under_way_max;
    uint32_t users;
    enum verdict expected;
    uint32_t asked;           /* the users of the run begin after this one */
    struct frame_header pong; /* the issuer's clock, read once */
    unsigned char frame[FRAME_BYTES];
};

_Noreturn static void fail(struct bench *bench, const char *why)
{
    fprintf(stderr, "micro: issuer: %s; its log is %s/log\n", why, bench->folder);
    if (bench->issuer > 0)
        kill(bench->issuer, SIGKILL);
    exit(EXIT_FAILURE);
}

/* --- the issuer --- */

_Noreturn static void become_issuer(const struct bench *bench, const char *coupond)
{
    enum { TEXT = SCRATCH_PATH_MAX + 64 };
    char journal[TEXT], requests[TEXT], events[TEXT], acks[TEXT], store[TEXT], log[TEXT];
    snprintf(log, sizeof log, "%s/log", bench->folder);
    snprintf(journal, sizeof journal, "--set=issuer/journal_dir=%s/journal", bench->folder);
    snprintf(requests, sizeof requests, "--set=issuer/requests=ipc://%s/requests", bench->folder);
    snprintf(events, sizeof events, "--set=issuer/events=ipc://%s/events", bench->folder);
    snprintf(acks, sizeof acks, "--set=issuer/acks=ipc://%s/acks", bench->folder);
    snprintf(store, sizeof store, "--set=store/path=%s/none.db", bench->folder);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen(log, "w", stderr) != NULL)
        execl(coupond, coupond, "issuer", journal, requests, events, acks, store,
              "--set=issuer/http=", "--set=issuer/sync=always", "--set=issuer/check_store=0", (char *)NULL);
    _exit(127);
}

static void *open_dealer(struct bench *bench)
{
    char endpoint[SCRATCH_PATH_MAX + 32];
    int linger = 0, wait_ms = WAIT_MS;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/requests-0", bench->folder);
    void *dealer = zmq_socket(bench->context, ZMQ_DEALER);
    CHECK(dealer != NULL);
    CHECK(zmq_setsockopt(dealer, ZMQ_LINGER, &linger, sizeof linger) == 0);
    CHECK(zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms) == 0);
    CHECK(zmq_connect(dealer, endpoint) == 0);
    return dealer;
}

/* Reads the issuer's clock; all deadlines are more than an hour later. */
static void greet(struct bench *bench)
{
    struct frame_header ping;
    frame_header_write(&ping, FRAME_PING, 0, 1, 0);
    if (zmq_send(bench->dealer, &ping, sizeof ping, 0) < 0 ||
        zmq_recv(bench->dealer, &bench->pong, sizeof bench->pong, 0) != sizeof bench->pong + sizeof(struct frame_pong))
        fail(bench, "it does not answer a ping");
}

static void create_coupon(struct bench *bench)
{
    struct {
        struct frame_header header;
        struct frame_coupon_request request;
    } frame = {.request = {.op = COUPON_CREATE, .wait_us = UINT32_MAX}};
    struct {
        struct frame_header header;
        struct frame_coupon_reply reply;
    } answer;
    struct coupon coupon = scratch_coupon();
    frame_header_write(&frame.header, FRAME_COUPON_REQUESTS, 0, 1, 1);
    frame_header_set_clock(&frame.header, bench->pong.incarnation, bench->pong.clock_us);
    frame_coupon_write(&frame.request.coupon, &coupon);
    if (zmq_send(bench->dealer, &frame, sizeof frame, 0) < 0 ||
        zmq_recv(bench->dealer, &answer, sizeof answer, 0) < (int)offsetof(struct frame_coupon_reply, coupon) ||
        answer.reply.verdict != VERDICT_COUPON_CREATED)
        fail(bench, "it did not create the coupon");
}

static void start(struct micro *micro, struct bench *bench)
{
    scratch_folder(micro, bench->folder);
    bench->issuer = fork();
    CHECK(bench->issuer >= 0);
    if (bench->issuer == 0)
        become_issuer(bench, micro->settings.coupond);
    bench->context = zmq_ctx_new();
    bench->dealer = open_dealer(bench);
    greet(bench);
    create_coupon(bench);
}

static void stop(struct bench *bench)
{
    zmq_close(bench->dealer);
    zmq_ctx_term(bench->context);
    kill(bench->issuer, SIGTERM);
    waitpid(bench->issuer, NULL, 0);
    scratch_remove(bench->folder);
}

/* --- requests --- */

/* Fills everything but the users' names, which send_frame() writes. */
static void draft_frame(struct bench *bench)
{
    frame_header_write((struct frame_header *)bench->frame, FRAME_ISSUE_REQUESTS, 0, 1, REQUESTS);
    frame_header_set_clock(bench->frame, bench->pong.incarnation, bench->pong.clock_us);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct frame_issue_request request = {.op = ISSUE_POST,
                                              .wait_us = UINT32_MAX,
                                              .coupon_id_length = sizeof MICRO_COUPON - 1,
                                              .user_id_length = MICRO_USER,
                                              .coupon_id = MICRO_COUPON};
        memcpy(bench->frame + sizeof(struct frame_header) + i * sizeof request, &request, sizeof request);
    }
}

static void send_frame(struct bench *bench)
{
    unsigned char *name = bench->frame + sizeof(struct frame_header) + offsetof(struct frame_issue_request, user_id);
    for (unsigned i = 0; i < REQUESTS; i++, name += sizeof(struct frame_issue_request))
        scratch_user((char *)name, ++bench->asked);
    if (zmq_send(bench->dealer, bench->frame, FRAME_BYTES, 0) < 0)
        fail(bench, zmq_strerror(errno));
}

static void receive_frame(struct bench *bench)
{
    unsigned char answer[ANSWER_BYTES];
    if (zmq_recv(bench->dealer, answer, sizeof answer, 0) != (int)sizeof answer)
        fail(bench, "it does not answer");
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct frame_issue_reply reply;
        memcpy(&reply, answer + sizeof(struct frame_header) + i * sizeof reply, sizeof reply);
        if (reply.verdict != (uint8_t)bench->expected)
            fail(bench, verdict_name((enum verdict)reply.verdict));
    }
}

static void prepare_new(void *arg)
{
    struct bench *bench = arg;
    bench->asked = bench->users;
    bench->users += RUN_FRAMES * REQUESTS;
}

static void prepare_holders(void *arg)
{
    struct bench *bench = arg;
    bench->asked = (bench->asked + RUN_FRAMES * REQUESTS) % (bench->users - RUN_FRAMES * REQUESTS + 1);
}

static void run(void *arg)
{
    struct bench *bench = arg;
    unsigned sent = 0;
    for (unsigned answered = 0; answered < RUN_FRAMES; answered++) {
        for (; sent < RUN_FRAMES && sent - answered < bench->under_way_max; sent++)
            send_frame(bench);
        receive_frame(bench);
    }
}

void micro_issuer(struct micro *micro)
{
    static const unsigned under_way[] = {1, 4, 16};
    struct bench *bench = calloc(1, sizeof *bench);
    CHECK(bench != NULL);
    start(micro, bench);
    draft_frame(bench);
    for (int holders = 0; holders < 2; holders++) {
        bench->expected = holders ? VERDICT_ALREADY_ISSUED : VERDICT_ISSUED;
        for (size_t i = 0; i < sizeof under_way / sizeof *under_way; i++) {
            bench->under_way_max = under_way[i];
            struct micro_work work = {.clock = MICRO_WALL,
                                      .operations = RUN_FRAMES * REQUESTS,
                                      .prepare = holders ? prepare_holders : prepare_new,
                                      .run = run,
                                      .arg = bench};
            micro_measure(micro, &work, "%s, frames of %u, %u in flight", holders ? "holders" : "new users, synced",
                          REQUESTS, under_way[i]);
        }
    }
    stop(bench);
    free(bench);
}
