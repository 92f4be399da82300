/*
 * The cluster's secret: creating and reading its file, the keys derived from it, and the peers that they admit.
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

#include "shared/wire/cluster_keys.h"
#include "shared/wire/zap.h"

#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* --- fixture --- */

struct folder {
    char path[64];
    char file[96];
};

static int set_up(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    strcpy(folder->path, "/tmp/coupond-keys-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->file, sizeof folder->file, "%s/secret", folder->path);
    *state = folder;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *folder = *state;
    unlink(folder->file);
    rmdir(folder->path);
    free(folder);
    return 0;
}

static void write_file(const struct folder *folder, const char *text, mode_t mode)
{
    FILE *file = fopen(folder->file, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(folder->file, mode), 0);
}

static void assert_refused(const struct folder *folder, const char *text, const char *why)
{
    struct error error = {""};
    write_file(folder, text, 0600);
    struct cluster_keys keys;
    bool exposed;
    assert_int_equal(cluster_keys_read(folder->file, folder->file, &keys, &exposed, &error), -1);
    assert_non_null(strstr(error.text, folder->file));
    assert_non_null(strstr(error.text, why));
}

/* --- tests --- */

static void a_new_secret_is_private_and_reads_back(void **state)
{
    struct folder *folder = *state;
    struct error error = {""};
    struct cluster_keys keys, again;
    bool exposed = true;
    assert_int_equal(cluster_secret_create(folder->file, &error), 0);
    struct stat there;
    assert_int_equal(stat(folder->file, &there), 0);
    assert_int_equal(there.st_mode & S_IRWXO, 0);
    assert_int_equal(there.st_size, CLUSTER_SECRET_DIGITS + 1);
    assert_int_equal(cluster_keys_read(folder->file, folder->file, &keys, &exposed, &error), 0);
    assert_false(exposed);
    assert_int_equal(cluster_keys_read(folder->file, folder->file, &again, &exposed, &error), 0);
    assert_memory_equal(&keys, &again, sizeof keys);
}

static void a_secret_that_is_there_is_never_replaced(void **state)
{
    struct folder *folder = *state;
    struct error error = {""};
    char text[80] = "";
    write_file(folder, DIGITS "\n", 0600);
    assert_int_equal(cluster_secret_create(folder->file, &error), -1);
    assert_non_null(strstr(error.text, "already exists"));
    FILE *file = fopen(folder->file, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, DIGITS "\n");
}

static void two_secrets_have_no_key_in_common(void **state)
{
    struct folder *folder = *state;
    struct error error = {""};
    struct cluster_keys one, other;
    write_file(folder, DIGITS, 0600);
    bool exposed;
    assert_int_equal(cluster_keys_read(folder->file, folder->file, &one, &exposed, &error), 0);
    assert_int_equal(unlink(folder->file), 0);
    assert_int_equal(cluster_secret_create(folder->file, &error), 0);
    assert_int_equal(cluster_keys_read(folder->file, folder->file, &other, &exposed, &error), 0);
    assert_memory_not_equal(one.listener.public_key, other.listener.public_key, CLUSTER_KEY_BYTES);
    assert_memory_not_equal(one.connector.public_key, other.connector.public_key, CLUSTER_KEY_BYTES);
    assert_memory_not_equal(one.listener.public_key, one.connector.public_key, CLUSTER_KEY_BYTES);
    assert_memory_not_equal(one.listener.secret_key, one.listener.public_key, CLUSTER_KEY_BYTES);
}

static void a_file_that_is_no_secret_is_refused_with_its_name(void **state)
{
    struct folder *folder = *state;
    struct cluster_keys keys;
    struct error error = {""};
    bool exposed;
    assert_int_equal(cluster_keys_read(folder->file, folder->file, &keys, &exposed, &error), -1);
    assert_non_null(strstr(error.text, "coupond keygen"));
    assert_int_equal(cluster_keys_read(folder->path, folder->path, &keys, &exposed, &error), -1);
    assert_non_null(strstr(error.text, "not a regular file"));
    assert_refused(folder, "", "fewer");
    assert_refused(folder, "abcdef\n", "fewer");
    assert_refused(folder, DIGITS "00\n", "more");
    assert_refused(folder, DIGITS "\n" DIGITS "\n", "more");
    assert_refused(folder,
                   "g"
                   "00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                   "hexadecimal");
    assert_refused(folder, "0000000000000000000000000000000000000000000000000000000000000000\n", "zeros");
}

static void a_secret_that_everybody_reads_is_told(void **state)
{
    struct folder *folder = *state;
    struct error error = {""};
    bool exposed = false;
    write_file(folder, DIGITS "\r\n", 0644);
    struct cluster_keys keys;
    assert_int_equal(cluster_keys_read(folder->file, folder->file, &keys, &exposed, &error), 0);
    assert_true(exposed);
}

static void a_secret_may_stand_behind_a_byte_order_mark(void **state)
{
    struct folder *folder = *state;
    struct error error = {""};
    bool exposed = false;
    write_file(folder, "\xef\xbb\xbf" DIGITS "\r\n", 0600);
    struct cluster_keys keys;
    assert_int_equal(cluster_keys_read(folder->file, folder->file, &keys, &exposed, &error), 0);
    assert_refused(folder, "\xef\xbb\xbf" DIGITS "0\r\n", "more");
}

/* The bytes of one part. */
static struct zap_part part(const char *text)
{
    return (struct zap_part){text, strlen(text)};
}

static void only_the_accepted_key_of_our_domain_is_let_in(void **state)
{
    (void)state;
    static const char accepted[] = "0123456789abcdef0123456789abcdef";
    const struct zap_part good[ZAP_PARTS] = {part("1.0"), part("1"),     part(ZAP_DOMAIN), part("127.0.0.1"),
                                             part(""),    part("CURVE"), part(accepted)};
    const struct {
        size_t place;
        const char *text;
    } changes[] = {{0, "2.0"},
                   {2, ""},
                   {2, "other"},
                   {5, "NULL"},
                   {5, "PLAIN"},
                   {6, ""},
                   {6, "0123456789abcdef0123456789abcdeF"},
                   {6, "0123456789abcdef0123456789abcdef0"}};
    assert_true(zap_admits(good, ZAP_PARTS, (const unsigned char *)accepted));
    assert_false(zap_admits(good, ZAP_PARTS - 1, (const unsigned char *)accepted));
    assert_false(zap_admits(good, ZAP_PARTS + 1, (const unsigned char *)accepted));
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct zap_part parts[ZAP_PARTS];
        memcpy(parts, good, sizeof parts);
        parts[changes[i].place] = part(changes[i].text);
        assert_false(zap_admits(parts, ZAP_PARTS, (const unsigned char *)accepted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_secret_is_private_and_reads_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_that_is_there_is_never_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_secrets_have_no_key_in_common, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_secret_is_refused_with_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_that_everybody_reads_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_may_stand_behind_a_byte_order_mark, set_up, tear_down),
        cmocka_unit_test(only_the_accepted_key_of_our_domain_is_let_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
