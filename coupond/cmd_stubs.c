/* `coupond verify` while its own file is missing. */
#include <stdio.h>

#include "coupond/commands.h"

int cmd_verify(int argc, char **argv)
{
    (void)argc, (void)argv;
    fputs("coupond verify: not built\n", stderr);
    return EXIT_USAGE;
}
