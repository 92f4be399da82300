#include "shared/files.h"

#include <fcntl.h>
#include <sys/resource.h>

bool files_are_scarce_above(int fd)
{
    struct rlimit files;
    return getrlimit(RLIMIT_NOFILE, &files) == 0 && (rlim_t)fd >= files.rlim_cur - files.rlim_cur / 4;
}

int files_open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}
