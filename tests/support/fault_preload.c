/*
 * A library for LD_PRELOAD that makes calls on selected files fail while the program runs. tests/support/preload.py
 * writes the rules into a file that both sides map, and reads there how often each rule was applied. Debian's libfiu
 * cannot select files (eventfds and sockets are written, too) and does not support posix_fallocate().
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RULES_MAX  16
#define NAME_BYTES 64

enum operation { OP_NONE, OP_SYNC, OP_PWRITE, OP_WRITE, OP_FALLOCATE, OP_RENAME };
enum action { ACT_NONE, ACT_FAIL, ACT_SHORT, ACT_TORN, ACT_DELAY, ACT_KILL_BEFORE, ACT_KILL_AFTER };

/* preload.py uses the same layout. */
struct rule {
    _Atomic uint32_t armed; /* written last by the test */
    uint32_t operation;
    uint32_t action;
    int32_t error;           /* ACT_FAIL: errno */
    _Atomic int32_t skip;    /* calls that pass first */
    _Atomic int32_t left;    /* how often the rule still applies; below 0: without limit */
    uint32_t delay_ms;       /* added to the call, whether it fails or not */
    _Atomic uint32_t struck; /* how often the rule was applied */
    char name[NAME_BYTES];   /* part of the file's path */
};
_Static_assert(sizeof(struct rule) == 96, "preload.py knows this size");

static struct rule *rules;

__attribute__((constructor)) static void map_rules(void)
{
    const char *path = getenv("FAULT_PRELOAD_RULES");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *memory = mmap(NULL, RULES_MAX * sizeof(struct rule), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory != MAP_FAILED)
        rules = memory;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Decrements a count that several threads share; false when it is 0. */
static int take_one(_Atomic int32_t *count)
{
    int32_t now = atomic_load(count);
    do {
        if (now <= 0)
            return now < 0;
    } while (!atomic_compare_exchange_weak(count, &now, now - 1));
    return 1;
}

static int names(const struct rule *rule, int fd, const char *path)
{
    char link[64], target[4096];
    if (path == NULL) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, target, sizeof target - 1);
        if (length <= 0)
            return 0;
        target[length] = '\0';
        path = target;
    }
    return strstr(path, rule->name) != NULL;
}

/* The rule that applies to this call, or NULL. */
static struct rule *strikes(enum operation operation, int fd, const char *path)
{
    int saved = errno;
    struct rule *found = NULL;
    for (int i = 0; rules != NULL && found == NULL && i < RULES_MAX; i++) {
        struct rule *rule = &rules[i];
        if (!atomic_load(&rule->armed) || rule->operation != (uint32_t)operation || !names(rule, fd, path))
            continue;
        if (atomic_load(&rule->skip) > 0 && take_one(&rule->skip))
            continue;
        if (take_one(&rule->left))
            found = rule;
    }
    if (found != NULL)
        atomic_fetch_add(&found->struck, 1);
    errno = saved;
    return found;
}

static void delay(const struct rule *rule)
{
    struct timespec time = {rule->delay_ms / 1000, (long)(rule->delay_ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* Runs before the call itself; true when the call must not be made. */
static int before(const struct rule *rule)
{
    if (rule == NULL)
        return 0;
    delay(rule);
    if (rule->action == ACT_KILL_BEFORE)
        die();
    errno = rule->action == ACT_FAIL ? rule->error : errno;
    return rule->action == ACT_FAIL;
}

static void after(const struct rule *rule)
{
    if (rule != NULL && (rule->action == ACT_KILL_AFTER || rule->action == ACT_TORN))
        die();
}

/* Half of the length, for a short or torn write. */
static size_t length_of(const struct rule *rule, size_t length)
{
    int cut = rule != NULL && (rule->action == ACT_SHORT || rule->action == ACT_TORN);
    return cut && length > 1 ? length / 2 : length;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd)
{
    const struct rule *rule = strikes(OP_SYNC, fd, NULL);
    if (before(rule))
        return -1;
    int result = REAL(fsync)(fd);
    after(rule);
    return result;
}

int fdatasync(int fd)
{
    const struct rule *rule = strikes(OP_SYNC, fd, NULL);
    if (before(rule))
        return -1;
    int result = REAL(fdatasync)(fd);
    after(rule);
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    const struct rule *rule = strikes(OP_PWRITE, fd, NULL);
    if (before(rule))
        return -1;
    ssize_t result = REAL(pwrite)(fd, bytes, length_of(rule, length), offset);
    after(rule);
    return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    return pwrite(fd, bytes, length, offset);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    const struct rule *rule = strikes(OP_WRITE, fd, NULL);
    if (before(rule))
        return -1;
    ssize_t result = REAL(write)(fd, bytes, length_of(rule, length));
    after(rule);
    return result;
}

int posix_fallocate(int fd, off_t offset, off_t length)
{
    const struct rule *rule = strikes(OP_FALLOCATE, fd, NULL);
    if (before(rule))
        return rule->error;
    int result = REAL(posix_fallocate)(fd, offset, length);
    after(rule);
    return result;
}

int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    return posix_fallocate(fd, offset, length);
}

/* The rule applies to the new name. */
int rename(const char *from, const char *to)
{
    const struct rule *rule = strikes(OP_RENAME, -1, to);
    if (before(rule))
        return -1;
    int result = REAL(rename)(from, to);
    after(rule);
    return result;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    const struct rule *rule = strikes(OP_RENAME, -1, to);
    if (before(rule))
        return -1;
    int result = REAL(renameat2)(from_dir, from, to_dir, to, flags);
    after(rule);
    return result;
}
