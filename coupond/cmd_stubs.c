/* Commands that are not there yet: CMakeLists.txt takes these while their own files are missing. */
#include <stdio.h>

#include "coupond/commands.h"

#ifdef COUPOND_STUB_VERIFY
int cmd_verify(int argc, char **argv)
{
    (void)argc, (void)argv;
    fputs("coupond verify: not built\n", stderr);
    return EXIT_USAGE;
}
#endif

#ifdef COUPOND_STUB_BENCH
int cmd_bench(int argc, char **argv)
{
    (void)argc, (void)argv;
    fputs("coupond bench: not built\n", stderr);
    return EXIT_USAGE;
}
#endif
