/* `coupond gateway`: serves HTTP, until SIGTERM. */
#include <stdlib.h>

#include "coupond/commands.h"
#include "coupond/role.h"
#include "gateway/gateway.h"

int cmd_gateway(int argc, char **argv)
{
    struct options options;
    struct error error = {""};
    struct gateway *gateway = NULL;
    int status = role_configure("gateway", argc, argv, &options);
    if (status != ROLE_GO_ON)
        return status;
    role_begin(&options);
    if (gateway_start(&options, &gateway, &error) != 0)
        return role_start_failed("gateway", &error);
    role_wait("gateway", gateway_ready, gateway);
    gateway_stop(&gateway);
    return role_end("gateway");
}
