/*
 * Which memory limits are found, what counts as used, and when memory is scarce.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/process/memory.h"

#define MIB      (UINT64_C(1) << 20)
#define NO_LIMIT "9223372036854771712\n" /* of version 1 */

/* --- fixture: a folder in the place of /proc/self, and one in that of /sys/fs/cgroup --- */

static char root[32], process_dir[64], groups_dir[64];
static struct memory_places places = {process_dir, groups_dir};
static int64_t now_us;

static int set_up(void **state)
{
    (void)state;
    strcpy(root, "/tmp/coupond-memory-XXXXXX");
    assert_non_null(mkdtemp(root));
    snprintf(process_dir, sizeof process_dir, "%s/self", root);
    snprintf(groups_dir, sizeof groups_dir, "%s/cgroup", root);
    assert_int_equal(mkdir(process_dir, 0700), 0);
    assert_int_equal(mkdir(groups_dir, 0700), 0);
    memory_begin(&places, 0);
    now_us = 1;
    return 0;
}

static int tear_down(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    for (char *slash = strchr(path + strlen(dir) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void write_number(const char *dir, const char *name, const char *before, uint64_t number)
{
    char text[64];
    snprintf(text, sizeof text, "%s%llu\n", before, (unsigned long long)number);
    write_file(dir, name, text);
}

static void assert_bound(uint64_t bytes_max, uint64_t limit, uint64_t used, const char *name)
{
    struct memory_bound bound;
    memory_read(&places, bytes_max, &bound);
    assert_int_equal(bound.limit, limit);
    assert_int_equal(bound.used, used);
    assert_string_equal(bound.name, name);
}

static bool scarce_now(void)
{
    assert_true(memory_check(now_us += 1000000, MEMORY_CHECK_MS));
    return *memory_scarce();
}

/* --- limits --- */

static void where_nothing_is_limited_there_is_no_bound(void **state)
{
    (void)state;
    assert_bound(0, 0, 0, "");
    write_file(process_dir, "cgroup", "4:memory:/\n0::/\n");
    write_file(groups_dir, "memory.max", "max\n");
    write_file(groups_dir, "memory/memory.limit_in_bytes", NO_LIMIT);
    write_file(groups_dir, "memory/memory.stat", "total_rss 5\n");
    assert_bound(0, 0, 0, "");
    assert_false(scarce_now());
}

static void what_an_operator_allows_is_held_against_the_memory_of_the_process_itself(void **state)
{
    (void)state;
    write_file(process_dir, "status",
               "Name:\tcoupond\nVmRSS:\t  900 kB\nRssAnon:\t  70 kB\nRssFile:\t  800 kB\nRssShmem:\t  30 kB\n");
    assert_bound(1 * MIB, 1 * MIB, 100 * 1024, "memory_mb_max");
}

static void a_group_of_version_2_does_not_count_what_the_kernel_can_take_back(void **state)
{
    (void)state;
    write_file(process_dir, "cgroup", "0::/\n");
    write_number(groups_dir, "memory.max", "", 512 * MIB);
    write_file(groups_dir, "memory.stat",
               "anon 1000\nfile 900000\nshmem 200\nslab_reclaimable 7000\nslab_unreclaimable 30\nsock 4\n");
    assert_bound(0, 512 * MIB, 1234, "the control group /");
    write_number(groups_dir, "memory.high", "", 256 * MIB);
    assert_bound(0, 256 * MIB, 1234, "the control group /");
}

static void a_group_of_version_1_is_found_by_its_controller(void **state)
{
    (void)state;
    write_file(process_dir, "cgroup", "9:name=systemd:/x\n4:cpu,memory:/a/b\n0::/\n");
    write_number(groups_dir, "memory/a/b/memory.limit_in_bytes", "", 64 * MIB);
    write_file(groups_dir, "memory/a/b/memory.stat", "rss 7\ntotal_cache 50000\ntotal_rss 300\ntotal_shmem 40\n");
    assert_bound(0, 64 * MIB, 340, "the control group /a/b");
}

static void the_group_above_with_less_room_counts(void **state)
{
    (void)state;
    write_file(process_dir, "cgroup", "0::/a/b\n");
    write_number(groups_dir, "a/b/memory.max", "", 64 * MIB);
    write_number(groups_dir, "a/b/memory.stat", "anon ", 10 * MIB);
    write_number(groups_dir, "a/memory.max", "", 100 * MIB);
    write_number(groups_dir, "a/memory.stat", "anon ", 90 * MIB);
    assert_bound(0, 100 * MIB, 90 * MIB, "the control group /a");
}

/* As in a container where /proc shows the host's path. */
static void a_path_that_is_not_mounted_leads_to_the_top(void **state)
{
    (void)state;
    write_file(process_dir, "cgroup", "4:memory:/docker/0123\n");
    write_number(groups_dir, "memory/memory.limit_in_bytes", "", 64 * MIB);
    write_number(groups_dir, "memory/memory.stat", "total_rss ", 5 * MIB);
    assert_bound(0, 64 * MIB, 5 * MIB, "the control group /");
}

static void the_tighter_of_operator_and_group_counts(void **state)
{
    (void)state;
    write_file(process_dir, "cgroup", "0::/\n");
    write_number(groups_dir, "memory.max", "", 64 * MIB);
    write_number(groups_dir, "memory.stat", "anon ", 20 * MIB);
    write_file(process_dir, "status", "RssAnon: 1024 kB\n");
    assert_bound(1000 * MIB, 64 * MIB, 20 * MIB, "the control group /");
    assert_bound(30 * MIB, 30 * MIB, 1 * MIB, "memory_mb_max");
}

/* --- scarcity --- */

static void use(uint64_t mib)
{
    write_number(groups_dir, "memory.stat", "anon ", mib * MIB);
}

static void memory_is_scarce_near_the_limit_until_clearly_more_is_left(void **state)
{
    (void)state;
    write_file(process_dir, "cgroup", "0::/\n");
    write_number(groups_dir, "memory.max", "", 160 * MIB); /* the reserve is 16 MiB */
    use(143);
    assert_false(scarce_now());
    use(145);
    assert_true(scarce_now());
    assert_false(memory_exhausted());
    use(141);
    assert_true(scarce_now());
    use(139);
    assert_false(scarce_now());
    use(153);
    assert_true(scarce_now());
    assert_true(memory_exhausted());
    write_number(groups_dir, "memory.max", "", 320 * MIB); /* raised while the process runs */
    assert_false(scarce_now());
    assert_false(memory_exhausted());
}

static void who_looks_is_told_what_is_used(void **state)
{
    (void)state;
    char text[128];
    write_file(process_dir, "cgroup", "0::/\n");
    write_number(groups_dir, "memory.max", "", 160 * MIB);
    use(150);
    scarce_now();
    memory_describe(text);
    assert_string_equal(text, "150 of 160 MiB used (the control group /)");
}

static void one_looks_no_more_often_than_was_asked_for(void **state)
{
    (void)state;
    assert_true(memory_check(1000000, 100));
    assert_false(memory_check(1099999, 100));
    assert_true(memory_check(1100000, 100));
}

static void the_reserve_is_a_share_within_bounds(void **state)
{
    (void)state;
    assert_int_equal(memory_reserve(32 * MIB), 16 * MIB);
    assert_int_equal(memory_reserve(1024 * MIB), 64 * MIB);
    assert_int_equal(memory_reserve(100000 * MIB), 256 * MIB);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(where_nothing_is_limited_there_is_no_bound),
        TEST(what_an_operator_allows_is_held_against_the_memory_of_the_process_itself),
        TEST(a_group_of_version_2_does_not_count_what_the_kernel_can_take_back),
        TEST(a_group_of_version_1_is_found_by_its_controller),
        TEST(the_group_above_with_less_room_counts),
        TEST(a_path_that_is_not_mounted_leads_to_the_top),
        TEST(the_tighter_of_operator_and_group_counts),
        TEST(memory_is_scarce_near_the_limit_until_clearly_more_is_left),
        TEST(who_looks_is_told_what_is_used),
        TEST(one_looks_no_more_often_than_was_asked_for),
        TEST(the_reserve_is_a_share_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
