/*
 * Runs a fuzz target without libFuzzer: the target's own seeds, every file of the corpus, and a fixed, reproducible set
 * of mutations of all of them. Writes an input that crashes the target to a file.
 *
 *   fuzz_<target> [--runs N] [--crash FILE] FILE-OR-FOLDER…
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_BYTES_MAX 32768 /* per mutation; corpus files may be longer */
#define MUTATIONS_MAX   6     /* per input */

/* Defined by AddressSanitizer's runtime, if present. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct item {
    uint8_t *data;
    size_t size;
};

static struct item *items;
static size_t items_count;
static struct item current; /* the current input, for the crash file */
static const char *crash_path = "fuzz-crash";

/* --- dying --- */

static void keep_current(void)
{
    FILE *file = fopen(crash_path, "we");
    if (file == NULL)
        return;
    fwrite(current.data, 1, current.size, file);
    fclose(file);
    fprintf(stderr, "fuzz: the input it died of is in %s; give it to this program to see it again\n", crash_path);
}

static void on_signal(int number)
{
    signal(number, SIG_DFL);
    keep_current();
    raise(number);
}

static void keep_what_kills(void)
{
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(keep_current);
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback != NULL)
        return;
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    signal(SIGFPE, on_signal);
}

/* --- the corpus --- */

static void add_item(void *arg, const void *data, size_t size)
{
    (void)arg;
    items = realloc(items, (items_count + 1) * sizeof *items);
    CHECK(items != NULL);
    items[items_count++] = (struct item){fuzz_copy(data, size), size};
}

static void add_file(const char *path)
{
    FILE *file = fopen(path, "re");
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        fprintf(stderr, "fuzz: cannot read %s\n", path);
        exit(2);
    }
    char *data = malloc((size_t)status.st_size + 1);
    CHECK(data != NULL);
    size_t size = fread(data, 1, (size_t)status.st_size, file);
    fclose(file);
    add_item(NULL, data, size);
    free(data);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Sorted by name, so that every run is the same. */
static void add_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        char name[1024];
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        add_file(name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void add_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        add_folder(path);
    else
        add_file(path);
}

/* --- mutations --- */

static void insert(uint8_t *data, size_t *size, size_t at, const uint8_t *piece, size_t length)
{
    if (*size + length > INPUT_BYTES_MAX)
        return;
    memmove(data + at + length, data + at, *size - at);
    memmove(data + at, piece, length);
    *size += length;
}

static void erase(uint8_t *data, size_t *size, size_t at, size_t length)
{
    length = length < *size - at ? length : *size - at;
    memmove(data + at, data + at + length, *size - at - length);
    *size -= length;
}

/* Boundary values of lengths and counts, as 1, 2, 4 or 8 bytes. */
static void overwrite_number(struct fuzz_random *random, uint8_t *data, size_t size, size_t at)
{
    static const uint64_t numbers[] = {0, 1, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, UINT64_MAX};
    uint64_t number = numbers[fuzz_random_below(random, sizeof numbers / sizeof *numbers)];
    size_t width = (size_t)1 << fuzz_random_below(random, 4);
    memcpy(data + at, &number, width < size - at ? width : size - at);
}

static void splice(struct fuzz_random *random, uint8_t *data, size_t *size, size_t at)
{
    const struct item *other = &items[fuzz_random_below(random, items_count)];
    uint8_t piece[64];
    if (other->size == 0)
        return;
    size_t from = fuzz_random_below(random, other->size);
    size_t length = 1 + fuzz_random_below(random, sizeof piece);
    length = length < other->size - from ? length : other->size - from;
    memcpy(piece, other->data + from, length);
    insert(data, size, at, piece, length);
}

static void mutate_once(struct fuzz_random *random, uint8_t *data, size_t *size)
{
    uint8_t byte = (uint8_t)fuzz_random(random);
    size_t choice = *size == 0 ? 0 : fuzz_random_below(random, 6);
    size_t at = *size == 0 ? 0 : fuzz_random_below(random, *size);
    if (choice == 0)
        insert(data, size, at, &byte, 1);
    else if (choice == 1)
        erase(data, size, at, 1 + fuzz_random_below(random, 16));
    else if (choice == 2)
        data[at] = byte;
    else if (choice == 3)
        data[at] = (uint8_t)(data[at] ^ 1u << (byte & 7));
    else if (choice == 4)
        overwrite_number(random, data, *size, at);
    else
        splice(random, data, size, at);
}

/* --- running --- */

static void run_item(const uint8_t *data, size_t size)
{
    current = (struct item){fuzz_copy(data, size), size};
    LLVMFuzzerTestOneInput(current.data, current.size);
    free(current.data);
    current = (struct item){NULL, 0};
}

static void run_mutations(unsigned long runs)
{
    struct fuzz_random random = {.state = 20261121};
    uint8_t data[INPUT_BYTES_MAX];
    for (unsigned long i = 0; i < runs && items_count > 0; i++) {
        const struct item *item = &items[fuzz_random_below(&random, items_count)];
        size_t size = item->size < sizeof data ? item->size : sizeof data;
        memcpy(data, item->data, size);
        for (size_t left = 1 + fuzz_random_below(&random, MUTATIONS_MAX); left > 0; left--)
            mutate_once(&random, data, &size);
        run_item(data, size);
    }
}

int main(int argc, char **argv)
{
    unsigned long runs = 0;
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
            runs = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--crash") == 0 && i + 1 < argc)
            crash_path = argv[++i];
        else
            add_path(argv[i]);
    }
    keep_what_kills();
    fuzz_each_seed(add_item, NULL);
    for (size_t i = 0; i < items_count; i++)
        run_item(items[i].data, items[i].size);
    run_mutations(runs);
    printf("fuzz: %zu inputs and %lu mutations\n", items_count, runs);
    for (size_t i = 0; i < items_count; i++)
        free(items[i].data);
    free(items);
    return 0;
}
