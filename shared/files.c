#include "shared/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define LIMIT_MAX  65536   /* above, the kernel's table would take a megabyte for numbers as high as that */
#define RELEASE_US 1000000 /* of scarcity */
#define LOOK_US    200000

static rlim_t limit(void)
{
    struct rlimit files;
    return getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : RLIM_INFINITY;
}

int files_open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool files_are_scarce(void)
{
    int fd = files_open_spare();
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE;
    close(fd);
    return (rlim_t)fd >= limit() - limit() / 4;
}

bool files_are_plenty(void)
{
    DIR *open = opendir("/proc/self/fd");
    rlim_t count = 0;
    if (open == NULL)
        return false;
    while (readdir(open) != NULL)
        count++;
    closedir(open);
    return count < limit() - limit() / 8 * 3;
}

/* --- held back --- */

void files_hold(struct files_held *held)
{
    rlim_t most = limit();
    size_t wanted = most / 8 < FILES_HELD_MAX ? (size_t)(most / 8) : FILES_HELD_MAX;
    int first = files_open_spare();
    if (most <= LIMIT_MAX && first >= 0) {
        while (held->count < wanted) {
            int fd = fcntl(first, F_DUPFD_CLOEXEC, (int)(most - wanted));
            if (fd < 0)
                break;
            held->fds[held->count++] = fd;
        }
    }
    if (first >= 0)
        close(first);
}

void files_release(struct files_held *held)
{
    while (held->count > 0)
        close(held->fds[--held->count]);
}

void files_tend(struct files_held *held, int64_t now_us)
{
    if (now_us < held->next_us)
        return;
    held->next_us = now_us + LOOK_US;
    if (!files_are_scarce())
        held->scarce_since_us = 0;
    else if (held->scarce_since_us == 0)
        held->scarce_since_us = now_us;
    bool long_scarce = held->scarce_since_us != 0 && now_us - held->scarce_since_us >= RELEASE_US;
    if (held->count > 0 && long_scarce)
        files_release(held);
    else if (held->count == 0 && held->scarce_since_us == 0 && files_are_plenty())
        files_hold(held);
}
