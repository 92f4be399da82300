/*
 * A whole persister over inproc, with an sqlite store; the test plays the issuer.
 */
#include <czmq.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>

#include <cmocka.h>

#include "persister/batch.h"
#include "persister/persister.h"
#include "shared/telemetry/metrics.h"
#include "shared/wire/monitor.h"
#include "tests/unit/persister/events_fixture.h"

#define DEADLINE_MS 20000
#define RESEND_MS   500

/* --- fixture --- */

struct fixture {
    struct options options;
    char directory[64];
    struct persister *persister;
    struct error error;
    zsock_t *events;
    zsock_t *acks;
    struct events frame;
};

static int setup(void **state)
{
    static unsigned number;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct options *options = &fixture->options;
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/coupond-persister-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    options_init(options);
    snprintf(options->store_path, sizeof options->store_path, "%s/coupond.db", fixture->directory);
    snprintf(options->persister_events, sizeof options->persister_events, "inproc://test-events-%u", ++number);
    snprintf(options->persister_acks, sizeof options->persister_acks, "inproc://test-acks-%u", number);
    options->persister_http[0] = '\0';
    options->persister_retry_min_ms = 1;
    options->persister_retry_max_ms = 5;
    options->issuer_partitions = 2;
    fixture->events = zsock_new(ZMQ_PUSH);
    fixture->acks = zsock_new(ZMQ_PULL);
    assert_int_equal(zsock_bind(fixture->events, "%s", options->persister_events), 0);
    assert_int_equal(zsock_bind(fixture->acks, "%s", options->persister_acks), 0);
    zsock_set_rcvtimeo(fixture->acks, DEADLINE_MS);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    persister_stop(&fixture->persister);
    zsock_destroy(&fixture->events);
    zsock_destroy(&fixture->acks);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", fixture->directory);
    assert_int_equal(system(command), 0);
    free(fixture);
    return 0;
}

/* --- helpers --- */

static void start(struct fixture *fixture)
{
    if (persister_start(&fixture->options, &fixture->persister, &fixture->error) != 0)
        fail_msg("%s", fixture->error.text);
}

static void send_frame(struct fixture *fixture)
{
    assert_int_not_equal(zmq_send(zsock_resolve(fixture->events), fixture->frame.bytes, fixture->frame.size, 0), -1);
}

/* Frames that were handed back earlier are ignored. */
static void assert_acknowledged(struct fixture *fixture, uint16_t partition, uint64_t first_seq, uint64_t last_seq)
{
    struct batch_ack ack;
    do
        assert_int_equal(zmq_recv(zsock_resolve(fixture->acks), &ack, sizeof ack, 0), sizeof ack);
    while (ack.header.kind == FRAME_REFUSED);
    struct frame_header header;
    assert_int_equal(frame_check(&ack, sizeof ack, &header), FRAME_OK);
    assert_int_equal(header.kind, FRAME_ACK);
    assert_int_equal(header.partition, partition);
    assert_int_equal(ack.ack.first_seq, first_seq);
    assert_int_equal(ack.ack.last_seq, last_seq);
}

static int64_t number_of(struct fixture *fixture, const char *sql)
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

/* The value of a sample in a scrape, minus that of earlier tests, since metrics live as long as the process. */
static long metric(const char *sample)
{
    char *text = metrics_render(&(size_t){0});
    char line_start[128];
    snprintf(line_start, sizeof line_start, "\n%s ", sample);
    const char *line = strstr(text, line_start);
    long value = line ? atol(line + strlen(line_start)) : 0;
    free(text);
    return value;
}

static void await_metric(const char *sample, long at_least)
{
    for (int64_t deadline = zclock_mono() + DEADLINE_MS; metric(sample) < at_least;) {
        if (zclock_mono() > deadline)
            fail_msg("%s stays at %ld, waiting for %ld", sample, metric(sample), at_least);
        zclock_sleep(1);
    }
}

#define DROPPED(reason) "coupond_persister_frames_dropped_total{reason=\"" reason "\"}"
#define ROWS            "coupond_persister_rows_total"
#define RETRIES         "coupond_persister_retries_total"
#define FOREIGN         "coupond_persister_store_errors_total{result=\"foreign\"}"
#define LETTERS         "coupond_persister_dead_letters_total"

/* --- tests --- */

static void a_batch_is_stored_and_then_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    long rows = metric(ROWS);
    start(fixture);
    events_coupon_with_issues(&fixture->frame, 1, 2, 500);
    send_frame(fixture);
    assert_acknowledged(fixture, 1, 1, 501);
    assert_int_equal(number_of(fixture, "SELECT COUNT(*) FROM coupon_issue"), 500);
    assert_int_equal(number_of(fixture, "SELECT issued FROM coupon"), 500);
    assert_int_equal(number_of(fixture, "SELECT last_seq FROM journal WHERE partition_no = 1"), 501);
    assert_int_equal(metric(ROWS), rows + 501);
}

static void a_batch_that_comes_twice_is_acknowledged_twice_and_stored_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.persister_threads = 3;
    start(fixture);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    for (int i = 0; i < 5; i++)
        send_frame(fixture);
    for (int i = 0; i < 5; i++)
        assert_acknowledged(fixture, 0, 1, 11);
    assert_int_equal(number_of(fixture, "SELECT COUNT(*) FROM coupon_issue"), 10);
}

static void garbage_is_counted_and_dropped_and_the_next_batch_is_stored(void **state)
{
    struct fixture *fixture = *state;
    long malformed = metric(DROPPED("malformed")), misdirected = metric(DROPPED("misdirected"));
    void *socket = zsock_resolve(fixture->events);
    start(fixture);
    zmq_send(socket, "", 0, 0);
    zmq_send(socket, "garbage", 7, 0);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    fixture->frame.bytes[fixture->frame.size - 20] ^= 1;
    send_frame(fixture);
    events_coupon_with_issues(&fixture->frame, 0, 3, 10);
    send_frame(fixture);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    zmq_send(socket, fixture->frame.bytes, fixture->frame.size, ZMQ_SNDMORE);
    zmq_send(socket, fixture->frame.bytes, fixture->frame.size, 0);
    send_frame(fixture);
    assert_acknowledged(fixture, 0, 1, 11);
    assert_int_equal(metric(DROPPED("malformed")), malformed + 4);
    assert_int_equal(metric(DROPPED("misdirected")), misdirected + 1);
}

static void a_passing_fault_is_tried_again_until_it_passes(void **state)
{
    struct fixture *fixture = *state;
    long retries = metric(RETRIES);
    sqlite3 *locker = NULL;
    start(fixture);
    assert_int_equal(sqlite3_open(fixture->options.store_path, &locker), SQLITE_OK);
    sqlite3_busy_timeout(locker, 10000); /* the persister may still be starting */
    assert_int_equal(sqlite3_exec(locker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    send_frame(fixture);
    await_metric(RETRIES, retries + 1);
    assert_int_equal(sqlite3_exec(locker, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(locker);
    assert_acknowledged(fixture, 0, 1, 11);
    assert_int_equal(number_of(fixture, "SELECT COUNT(*) FROM coupon_issue"), 10);
}

static void add_issues(struct fixture *fixture, uint64_t first_seq, const char *coupon, uint32_t sequence,
                       const char *user)
{
    events_begin(&fixture->frame, 0, 2, first_seq);
    events_open_batch(&fixture->frame, EVENTS_TIME_US);
    events_add_issue(&fixture->frame, coupon, sequence, user);
    events_add_issue(&fixture->frame, coupon, sequence + 1, "somebody-new");
    events_close_batch(&fixture->frame);
    events_end(&fixture->frame);
}

static void a_contradiction_becomes_a_dead_letter_and_the_rest_of_its_batch_is_stored(void **state)
{
    struct fixture *fixture = *state;
    long letters = metric(LETTERS);
    start(fixture);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    send_frame(fixture);
    assert_acknowledged(fixture, 0, 1, 11);
    add_issues(fixture, 12, "c", 11, "u1");
    send_frame(fixture);
    assert_acknowledged(fixture, 0, 12, 13);
    assert_int_equal(metric(LETTERS), letters + 1);
    assert_int_equal(number_of(fixture, "SELECT COUNT(*) FROM coupon_issue"), 11);
    assert_int_equal(number_of(fixture, "SELECT journal_seq FROM dead_letter WHERE user_id = 'u1'"), 12);
    assert_int_equal(number_of(fixture, "SELECT last_seq FROM journal WHERE partition_no = 0"), 13);
}

static void a_foreign_journal_is_not_acknowledged_and_holds_nobody_up(void **state)
{
    struct fixture *fixture = *state;
    long foreign = metric(FOREIGN);
    start(fixture);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    send_frame(fixture);
    assert_acknowledged(fixture, 0, 1, 11);
    add_issues(fixture, 12, "c", 11, "u11");
    events_fixed(&fixture->frame)->journal_id[0] ^= 1;
    events_seal(&fixture->frame);
    send_frame(fixture);
    await_metric(FOREIGN, foreign + 1);
    add_issues(fixture, 12, "c", 11, "u11");
    send_frame(fixture);
    assert_acknowledged(fixture, 0, 12, 13);
    assert_int_equal(number_of(fixture, "SELECT COUNT(*) FROM coupon_issue"), 12);
}

/* Handed back by a persister of another store. */
static void receive_refusals(struct fixture *fixture)
{
    struct batch_ack answer;
    while (zmq_recv(zsock_resolve(fixture->acks), &answer, sizeof answer, ZMQ_DONTWAIT) >= 0)
        assert_int_equal(answer.header.kind, FRAME_REFUSED);
}

/* Sends without a pause until the persister disconnects; some frames are then still in flight. */
static void send_what_another_store_gets(struct fixture *fixture)
{
    zsock_t *monitor = monitor_open(fixture->events, ZMQ_EVENT_DISCONNECTED);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    memset(events_fixed(&fixture->frame)->store_id, 0x0f, STORE_ID_BYTES);
    struct monitor_event event;
    for (int64_t deadline = zclock_mono() + DEADLINE_MS; !monitor_next(monitor, &event);) {
        assert_true(zclock_mono() < deadline);
        zmq_send(zsock_resolve(fixture->events), fixture->frame.bytes, fixture->frame.size, ZMQ_DONTWAIT);
        receive_refusals(fixture);
    }
    monitor_end(fixture->events);
    zsock_destroy(&monitor);
}

/* Resends as the issuer does: a frame that enters the connection that is being closed is lost. */
static void send_until_acknowledged(struct fixture *fixture)
{
    zmq_pollitem_t answers = {.socket = zsock_resolve(fixture->acks), .events = ZMQ_POLLIN};
    struct batch_ack answer = {0};
    for (int64_t deadline = zclock_mono() + DEADLINE_MS; answer.header.kind != FRAME_ACK;) {
        assert_true(zclock_mono() < deadline);
        if (zmq_poll(&answers, 1, RESEND_MS) > 0)
            assert_true(zmq_recv(answers.socket, &answer, sizeof answer, 0) == sizeof answer);
        else
            send_frame(fixture);
    }
    assert_int_equal(answer.ack.last_seq, 11);
}

/* Over a transport that takes a moment to disconnect. */
static void listen_over_ipc(struct fixture *fixture)
{
    struct options *options = &fixture->options;
    snprintf(options->persister_events, sizeof options->persister_events, "ipc://%s/events", fixture->directory);
    zsock_set_sndhwm(fixture->events, 2);
    zsock_set_sndtimeo(fixture->events, DEADLINE_MS);
    assert_int_equal(zsock_bind(fixture->events, "%s", options->persister_events), 0);
}

static void after_all_that_another_store_gets_it_comes_back_for_its_own(void **state)
{
    struct fixture *fixture = *state;
    listen_over_ipc(fixture);
    start(fixture);
    send_what_another_store_gets(fixture);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    send_until_acknowledged(fixture);
    assert_int_equal(number_of(fixture, "SELECT COUNT(*) FROM coupon_issue"), 10);
}

static void assert_behind(struct fixture *fixture, uint64_t last_seq)
{
    struct batch_ack answer;
    assert_int_equal(zmq_recv(zsock_resolve(fixture->acks), &answer, sizeof answer, 0), sizeof answer);
    struct frame_header header;
    assert_int_equal(frame_check(&answer, sizeof answer, &header), FRAME_OK);
    assert_int_equal(header.kind, FRAME_BEHIND);
    assert_int_equal(answer.ack.first_seq, last_seq + 1);
    assert_int_equal(answer.ack.last_seq, last_seq);
}

static void a_database_that_is_deleted_while_it_runs_is_made_anew_and_found_behind(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    send_frame(fixture);
    assert_acknowledged(fixture, 0, 1, 11);
    assert_int_equal(remove(fixture->options.store_path), 0);
    add_issues(fixture, 12, "c", 11, "u11");
    events_fixed(&fixture->frame)->acked_seq = 11;
    send_frame(fixture);
    assert_behind(fixture, 0);
    assert_int_equal(number_of(fixture, "SELECT COUNT(*) FROM coupon_issue"), 0);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    send_frame(fixture);
    assert_acknowledged(fixture, 0, 1, 11);
    assert_int_equal(number_of(fixture, "SELECT COUNT(*) FROM coupon_issue"), 10);
}

static void stopping_does_not_wait_for_a_store_that_is_away(void **state)
{
    struct fixture *fixture = *state;
    long retries = metric(RETRIES);
    sqlite3 *locker = NULL;
    start(fixture);
    assert_int_equal(sqlite3_open(fixture->options.store_path, &locker), SQLITE_OK);
    sqlite3_busy_timeout(locker, 10000); /* the persister may still be starting */
    assert_int_equal(sqlite3_exec(locker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    events_coupon_with_issues(&fixture->frame, 0, 2, 10);
    send_frame(fixture);
    await_metric(RETRIES, retries + 1);
    persister_stop(&fixture->persister);
    assert_null(fixture->persister);
    sqlite3_close(locker);
    assert_int_equal(number_of(fixture, "SELECT COUNT(*) FROM coupon_issue"), 0);
}

static void a_store_that_cannot_be_opened_stops_the_start(void **state)
{
    struct fixture *fixture = *state;
    snprintf(fixture->options.store_path, sizeof fixture->options.store_path, "/dev/null/at/all.db");
    assert_int_equal(persister_start(&fixture->options, &fixture->persister, &fixture->error), -1);
    assert_null(fixture->persister);
    assert_non_null(strstr(fixture->error.text, "/dev/null/at/all.db"));
}

static void an_endpoint_that_makes_no_sense_stops_the_start(void **state)
{
    struct fixture *fixture = *state;
    snprintf(fixture->options.persister_acks, sizeof fixture->options.persister_acks, "smoke://signals");
    assert_int_equal(persister_start(&fixture->options, &fixture->persister, &fixture->error), -1);
    assert_null(fixture->persister);
    assert_non_null(strstr(fixture->error.text, "smoke://signals"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    zsys_handler_set(NULL);
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_stored_and_then_acknowledged),
        TEST(a_batch_that_comes_twice_is_acknowledged_twice_and_stored_once),
        TEST(garbage_is_counted_and_dropped_and_the_next_batch_is_stored),
        TEST(a_passing_fault_is_tried_again_until_it_passes),
        TEST(a_contradiction_becomes_a_dead_letter_and_the_rest_of_its_batch_is_stored),
        TEST(a_foreign_journal_is_not_acknowledged_and_holds_nobody_up),
        TEST(after_all_that_another_store_gets_it_comes_back_for_its_own),
        TEST(a_database_that_is_deleted_while_it_runs_is_made_anew_and_found_behind),
        TEST(stopping_does_not_wait_for_a_store_that_is_away),
        TEST(a_store_that_cannot_be_opened_stops_the_start),
        TEST(an_endpoint_that_makes_no_sense_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
