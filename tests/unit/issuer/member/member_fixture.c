#include "tests/unit/issuer/member/member_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "issuer/member/endpoint.h"
#include "issuer/member/start.h"
#include "issuer/recovery/recovery.h"
#include "shared/clock.h"
#include "shared/journal/dir.h"
#include "shared/store/store.h"

#define PATIENCE_US     INT64_C(60000000)
#define QUANTITY        1000000
#define TURN_ISSUES_MAX 1000

struct node nodes[NODES];
static char folder[64];
static uint64_t incarnation;

/* --- ports --- */

#define PORT_MIN 10000
#define PORT_MAX 32000 /* above it the system takes ports for connections, such as those of the members */

static int open_on_free_port(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    do {
        *port = (uint16_t)(PORT_MIN + randombytes_uniform(PORT_MAX - PORT_MIN));
        address.sin_port = htons(*port);
    } while (bind(fd, (struct sockaddr *)&address, sizeof address) != 0);
    return fd;
}

/* All at once, so that they differ. */
static void choose_ports(uint16_t ports[NODES])
{
    int fds[NODES];
    for (unsigned i = 0; i < NODES; i++)
        fds[i] = open_on_free_port(&ports[i]);
    for (unsigned i = 0; i < NODES; i++)
        close(fds[i]);
}

/* --- fixture --- */

static void create_store(const struct options *options)
{
    struct error error = {""};
    struct store *store = store_create(options, &error);
    if (store == NULL || store_connect(store, &error) != STORE_OK || store_migrate(store, &error) != STORE_OK)
        fail_msg("%s", error.text);
    store_destroy(&store);
}

static void set(struct options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void set(struct options *options, const char *format, ...)
{
    char assignment[512];
    struct error error = {""};
    va_list list;
    va_start(list, format);
    vsnprintf(assignment, sizeof assignment, format, list);
    va_end(list);
    if (options_set(options, assignment, &error) != 0)
        fail_msg("%s", error.text);
}

int member_fixture_setup(void **state)
{
    uint16_t ports[NODES];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/coupond-member-XXXXXX");
    assert_non_null(mkdtemp(folder));
    choose_ports(ports);
    for (unsigned i = 0; i < NODES; i++) {
        struct options *options = &nodes[i].options;
        nodes[i] = (struct node){0};
        options_init(options);
        set(options, "cluster/members=a=127.0.0.1:+%u,b=127.0.0.1:+%u,c=127.0.0.1:+%u", ports[0] - 1023u,
            ports[1] - 1023u, ports[2] - 1023u);
        set(options, "issuer/requests=tcp://127.0.0.1:1023");
        set(options, "issuer/member=%c", 'a' + (char)i);
        set(options, "store/path=%s/store.db", folder);
        set(options, "issuer/standby_timeout_ms=2000");
        set(options, "issuer/takeover_ms=4000");
        snprintf(nodes[i].dir, sizeof nodes[i].dir, "%s/%c", folder, 'a' + (char)i);
    }
    create_store(&nodes[0].options);
    return 0;
}

int member_fixture_teardown(void **state)
{
    char command[128];
    (void)state;
    for (unsigned i = 0; i < NODES; i++)
        member_fixture_kill(i);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

void member_fixture_set(const char *assignment)
{
    for (unsigned i = 0; i < NODES; i++)
        set(&nodes[i].options, "%s", assignment);
}

/* --- life --- */

/* The others answer meanwhile. */
static void *start_thread(void *arg)
{
    struct node *node = arg;
    struct error error = {""};
    if (member_start(&node->options, 0, node->dir, &error) != 0)
        print_error("%s\n", error.text);
    return NULL;
}

static void start_identity(struct node *node)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, start_thread, node), 0);
    while (pthread_tryjoin_np(thread, NULL) != 0)
        member_fixture_run(10);
}

static void open_journal(struct node *node)
{
    struct error error = {""};
    struct recovery_result recovered;
    const struct journal_config config = {
        .dir = node->dir, .partitions = 1, .segment_bytes = 2 << 20, .sync_interval_ms = SYNC_ALWAYS};
    node->details = details_create();
    if (journal_open(&config, &node->journal, &error) != 0 ||
        recovery_run(node->journal, &node->ledger, node->details, &recovered, NULL, &error) != 0)
        fail_msg("%s", error.text);
}

static void open_router(struct node *node)
{
    char endpoint[OPTION_STRING_MAX];
    node->router = zsock_new(ZMQ_ROUTER);
    zsock_set_linger(node->router, 0);
    const char *base = member_endpoint(&node->options, node->options.issuer_requests, endpoint);
    if (zsock_bind(node->router, "%s", base) < 0)
        fail_msg("cannot listen on %s", base);
}

void member_fixture_start(unsigned number)
{
    struct node *node = &nodes[number];
    struct error error = {""};
    start_identity(node);
    open_journal(node);
    open_router(node);
    node->incarnation = ++incarnation;
    const struct member_setup setup = {.options = &node->options,
                                       .journal = node->journal,
                                       .ledger = node->ledger,
                                       .details = node->details,
                                       .metrics = metrics_create("issuer", 0),
                                       .incarnation = node->incarnation};
    node->member = member_create(&setup, &error);
    if (node->member == NULL)
        fail_msg("%s", error.text);
}

void member_fixture_kill(unsigned number)
{
    struct node *node = &nodes[number];
    if (node->journal == NULL)
        return;
    member_destroy(&node->member);
    zsock_destroy(&node->router);
    ledger_destroy(&node->ledger);
    details_destroy(&node->details);
    journal_abandon(&node->journal);
    node->stands_still = node->cut_off = false;
}

/* --- running --- */

static void take_frames(struct node *node)
{
    while (zsock_events(node->router) & ZMQ_POLLIN) {
        zmsg_t *message = zmsg_recv(node->router);
        zframe_t *frame = zmsg_last(message);
        if (!node->cut_off)
            assert_true(member_take(node->member, zframe_data(frame), zframe_size(frame), clock_mono_us()) ||
                        zframe_size(frame) > 0);
        zmsg_destroy(&message);
    }
}

static void step(struct node *node)
{
    if (node->member == NULL || node->stands_still)
        return;
    take_frames(node);
    member_work(node->member, clock_mono_us());
    if (member_begins_term(node->member))
        member_write_term(node->member, clock_wall_us());
}

static void step_all(void)
{
    for (unsigned i = 0; i < NODES; i++)
        step(&nodes[i]);
    usleep(1000);
}

void member_fixture_run(int ms)
{
    int64_t until_us = clock_mono_us() + ms * 1000;
    while (clock_mono_us() < until_us)
        step_all();
}

void member_fixture_until(bool (*condition)(unsigned node), unsigned node, const char *what)
{
    int64_t until_us = clock_mono_us() + PATIENCE_US;
    while (!condition(node)) {
        step_all();
        if (clock_mono_us() > until_us)
            fail_msg("never: %s", what);
    }
}

/* --- conditions --- */

bool member_fixture_owns(unsigned node)
{
    return nodes[node].member != NULL && member_term(nodes[node].member) != 0;
}

bool member_fixture_is_released(unsigned node)
{
    const struct member *member = nodes[node].member;
    return member_fixture_owns(node) && member_turn(member) > 0 && member_released_turn(member) == member_turn(member);
}

bool member_fixture_is_safe(unsigned node)
{
    return member_fixture_is_released(node) && member_decides(nodes[node].member);
}

bool member_fixture_has_diverged(unsigned node)
{
    return member_has_diverged(nodes[node].member);
}

uint64_t member_fixture_end(unsigned node)
{
    return journal_written_seq(nodes[node].journal);
}

/* --- turns --- */

static void apply(struct node *node)
{
    struct journal_batch_reader reader;
    struct journal_record record;
    size_t size;
    journal_batch_reader_init(&reader, journal_written_batch(node->journal, &size));
    while (journal_batch_reader_next(&reader, &record))
        assert_null(ledger_replay(node->ledger, &record));
}

static void begin(struct node *node)
{
    assert_true(member_decides(node->member));
    assert_true(journal_reserve(node->journal, journal_bytes_max(TURN_ISSUES_MAX, 0, 1)));
    journal_begin(node->journal, clock_wall_us());
}

static void end(struct node *node)
{
    member_on_written(node->member, journal_write(node->journal));
    journal_settle(node->journal);
    apply(node);
    member_on_synced(node->member);
}

void member_fixture_write_coupon(unsigned number)
{
    struct node *node = &nodes[number];
    struct coupon coupon = {.id = "noon",
                            .number = 1,
                            .quantity = QUANTITY,
                            .per_user_limit = 1,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE,
                            .created_at_us = 1,
                            .updated_at_us = 1};
    strcpy(coupon.title, "Noon");
    begin(node);
    journal_append_coupon(node->journal, &coupon, NULL);
    end(node);
}

void member_fixture_write_issues(unsigned number, unsigned count)
{
    struct node *node = &nodes[number];
    uint32_t sequence = ledger_entry(node->ledger, "noon", 4)->issued;
    begin(node);
    for (unsigned i = 0; i < count; i++) {
        char user[32];
        int length = snprintf(user, sizeof user, "user-%u", ++sequence);
        journal_append_issue(node->journal, "noon", 4, user, (size_t)length, sequence, 1);
    }
    end(node);
}

void member_fixture_write_issue(unsigned number)
{
    member_fixture_write_issues(number, 1);
}
