#include "shared/actor.h"

bool actor_is_terminated(zsock_t *pipe)
{
    if (!(zsock_events(pipe) & ZMQ_POLLIN))
        return false;
    char *command = zstr_recv(pipe);
    bool end = command == NULL || streq(command, "$TERM");
    zstr_free(&command);
    return end;
}
