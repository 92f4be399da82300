/*
 * A whole persister with two members over tcp, and an sqlite store; the test plays both issuers.
 */
#include <czmq.h>
#include <setjmp.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>

#include <cmocka.h>

#include "persister/batch.h"
#include "persister/persister.h"
#include "shared/limits.h"
#include "tests/unit/persister/events_fixture.h"

#define DEADLINE_MS 20000
#define TRIES       50

/* --- small buffers, so that a member that does not read is soon noticed --- */

static bool small_buffers;

int __real_zmq_connect(void *socket, const char *endpoint);
int __wrap_zmq_connect(void *socket, const char *endpoint);

int __wrap_zmq_connect(void *socket, const char *endpoint)
{
    int messages = 100, bytes = 4096;
    if (small_buffers) {
        zmq_setsockopt(socket, ZMQ_SNDHWM, &messages, sizeof messages);
        zmq_setsockopt(socket, ZMQ_SNDBUF, &bytes, sizeof bytes);
    }
    return __real_zmq_connect(socket, endpoint);
}

/* --- fixture --- */

/* On the same two ports of different loopback addresses. */
struct issuer {
    const char *host;
    zsock_t *events;
    zsock_t *acks;
};

struct fixture {
    struct options options;
    char directory[64];
    struct persister *persister;
    struct issuer a;
    struct issuer b;
    struct events frame;
};

/* NULL when the port is taken. */
static zsock_t *listen_at(int type, const char *host, int port)
{
    zsock_t *socket = zsock_new(type);
    zsock_set_linger(socket, 0);
    zsock_set_rcvtimeo(socket, DEADLINE_MS);
    zsock_set_sndtimeo(socket, DEADLINE_MS);
    zsock_set_immediate(socket, 1);
    if (small_buffers) {
        zsock_set_rcvhwm(socket, 1);
        zsock_set_rcvbuf(socket, 4096);
    }
    if (zsock_bind(socket, "tcp://%s:%d", host, port) < 0)
        zsock_destroy(&socket);
    return socket;
}

/* Two listeners on one port, below those that connections take. The endpoint receives it. */
static void listen_on_both(struct fixture *fixture, int type, zsock_t **a, zsock_t **b, char endpoint[])
{
    for (int i = 0; i < TRIES && *b == NULL; i++) {
        int port = 20000 + (int)randombytes_uniform(12000);
        zsock_destroy(a);
        *a = listen_at(type, fixture->a.host, port);
        *b = *a == NULL ? NULL : listen_at(type, fixture->b.host, port);
        snprintf(endpoint, OPTION_STRING_MAX, "tcp://0.0.0.0:%d", port);
    }
    assert_non_null(*b);
}

static void set_options(struct options *options, const char *directory)
{
    options_init(options);
    snprintf(options->store_path, sizeof options->store_path, "%s/coupond.db", directory);
    snprintf(options->cluster_members, sizeof options->cluster_members, "a=127.0.0.1,b=127.0.0.2");
    snprintf(options->persister_events, sizeof options->persister_events, "smoke://ignored");
    snprintf(options->persister_acks, sizeof options->persister_acks, "smoke://ignored");
    options->persister_http[0] = '\0';
    options->persister_retry_min_ms = 1;
    options->persister_retry_max_ms = 5;
    options->issuer_partitions = 2;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct options *options = &fixture->options;
    struct error error;
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/coupond-sources-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    set_options(options, fixture->directory);
    fixture->a.host = "127.0.0.1";
    fixture->b.host = "127.0.0.2";
    listen_on_both(fixture, ZMQ_PUSH, &fixture->a.events, &fixture->b.events, options->issuer_events);
    listen_on_both(fixture, ZMQ_PULL, &fixture->a.acks, &fixture->b.acks, options->issuer_acks);
    if (persister_start(options, &fixture->persister, &error) != 0)
        fail_msg("%s", error.text);
    *state = fixture;
    return 0;
}

static int setup_small(void **state)
{
    small_buffers = true;
    return setup(state);
}

static void leave(struct issuer *issuer)
{
    zsock_destroy(&issuer->events);
    zsock_destroy(&issuer->acks);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    small_buffers = false;
    persister_stop(&fixture->persister);
    leave(&fixture->a);
    leave(&fixture->b);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", fixture->directory);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

/* --- helpers --- */

static void send_issues(struct fixture *fixture, struct issuer *from, uint16_t partition)
{
    struct events *frame = &fixture->frame;
    events_coupon_with_issues(frame, partition, 2, 10);
    assert_int_not_equal(zmq_send(zsock_resolve(from->events), frame->bytes, frame->size, 0), -1);
}

/* Answers to other partitions' frames are skipped: a member that was connecting may have missed some. */
static void await_ack(struct issuer *issuer, uint16_t partition)
{
    struct batch_ack ack;
    do {
        if (zmq_recv(zsock_resolve(issuer->acks), &ack, sizeof ack, 0) != sizeof ack)
            fail_msg("no acknowledgement arrives at %s", issuer->host);
        assert_int_equal(ack.header.kind, FRAME_ACK);
    } while (ack.header.partition != partition);
    assert_int_equal(ack.ack.first_seq, 1);
    assert_int_equal(ack.ack.last_seq, 11);
}

/* Frames of partition 0 until the answers reach a member: its connection for them may still be made. */
static void await_connection(struct fixture *fixture, struct issuer *from, struct issuer *to)
{
    struct batch_ack ack;
    for (int64_t deadline = zclock_mono() + DEADLINE_MS; zclock_mono() < deadline;) {
        send_issues(fixture, from, 0);
        await_ack(from, 0);
        if (zmq_recv(zsock_resolve(to->acks), &ack, sizeof ack, ZMQ_DONTWAIT) == sizeof ack)
            return;
        zclock_sleep(5);
    }
    fail_msg("no acknowledgement arrives at %s", to->host);
}

static int64_t stored(struct fixture *fixture, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(fixture->options.store_path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

/* --- tests --- */

static void a_frame_of_either_is_stored_and_acknowledged_to_both(void **state)
{
    struct fixture *fixture = *state;
    await_connection(fixture, &fixture->a, &fixture->b);
    send_issues(fixture, &fixture->b, 1);
    await_ack(&fixture->b, 1);
    await_ack(&fixture->a, 1);
    assert_int_equal(stored(fixture, "SELECT COUNT(*) FROM journal WHERE last_seq = 11"), 2);
    assert_int_equal(stored(fixture, "SELECT COUNT(*) FROM coupon_issue"), 10);
}

static void one_of_them_is_gone_and_the_other_goes_on(void **state)
{
    struct fixture *fixture = *state;
    char why[READY_WHY_MAX] = "";
    await_connection(fixture, &fixture->a, &fixture->b);
    leave(&fixture->a);
    for (int i = 0; i < 10; i++) {
        send_issues(fixture, &fixture->b, 1);
        await_ack(&fixture->b, 1);
    }
    assert_true(persister_ready(fixture->persister, why));
    assert_string_equal(why, "");
    assert_int_equal(stored(fixture, "SELECT last_seq FROM journal WHERE partition_no = 1"), 11);
}

static void one_that_comes_back_is_answered_again(void **state)
{
    struct fixture *fixture = *state;
    int port = 0;
    await_connection(fixture, &fixture->a, &fixture->b);
    assert_int_equal(sscanf(fixture->options.issuer_acks, "tcp://0.0.0.0:%d", &port), 1);
    zsock_destroy(&fixture->b.acks);
    for (int i = 0; i < TRIES && fixture->b.acks == NULL; i++) {
        zclock_sleep(20); /* libzmq closes the listener on its own thread */
        fixture->b.acks = listen_at(ZMQ_PULL, fixture->b.host, port);
    }
    assert_non_null(fixture->b.acks);
    await_connection(fixture, &fixture->a, &fixture->b);
}

/* Sends more frames than the queues and buffers for answers hold, and receives one member's answers only. */
static void overfill(struct fixture *fixture, struct issuer *reading, int frames)
{
    struct events *frame = &fixture->frame;
    events_coupon_with_issues(frame, 1, 2, 10);
    for (int i = 0; i < frames; i++) {
        assert_int_not_equal(zmq_send(zsock_resolve(reading->events), frame->bytes, frame->size, 0), -1);
        await_ack(reading, 1);
    }
}

static int waiting_answers(struct issuer *issuer)
{
    struct batch_ack ack;
    zmq_pollitem_t item = {.socket = zsock_resolve(issuer->acks), .events = ZMQ_POLLIN};
    int count = 0;
    while (zmq_poll(&item, 1, 200) > 0 && zmq_recv(item.socket, &ack, sizeof ack, ZMQ_DONTWAIT) >= 0)
        count++;
    return count;
}

static void a_member_that_reads_no_answers_blocks_nobody(void **state)
{
    enum { FRAMES = 1500 };
    struct fixture *fixture = *state;
    await_connection(fixture, &fixture->a, &fixture->b);
    overfill(fixture, &fixture->b, FRAMES);
    assert_in_range(waiting_answers(&fixture->a), 1, FRAMES - 1); /* it was full */
}

/* Its own frames are stored, too. Each would otherwise wait for a second. */
static void a_member_that_cannot_be_answered_blocks_nobody(void **state)
{
    struct fixture *fixture = *state;
    await_connection(fixture, &fixture->a, &fixture->b);
    zsock_destroy(&fixture->a.acks);
    for (int i = 0; i < 2 * DEADLINE_MS / 1000; i++)
        send_issues(fixture, &fixture->a, 1);
    int64_t deadline = zclock_mono() + DEADLINE_MS;
    for (int i = 0; i < 2 * DEADLINE_MS / 1000; i++)
        await_ack(&fixture->b, 1);
    assert_true(zclock_mono() < deadline);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(a_frame_of_either_is_stored_and_acknowledged_to_both),
        TEST(one_of_them_is_gone_and_the_other_goes_on),
        TEST(one_that_comes_back_is_answered_again),
        cmocka_unit_test_setup_teardown(a_member_that_reads_no_answers_blocks_nobody, setup_small, teardown),
        TEST(a_member_that_cannot_be_answered_blocks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
