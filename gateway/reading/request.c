#include "gateway/reading/request.h"

#include <stdlib.h>

#include "shared/error.h"

struct reading_request *reading_request_create(struct reading_port *port, const struct reading_question *question,
                                               void *asker)
{
    struct reading_request *request = calloc(1, sizeof *request);
    CHECK(request != NULL);
    request->question = *question;
    request->port = port;
    request->asker = asker;
    return request;
}

void reading_request_destroy(struct reading_request **request)
{
    reading_page_deinit(&(*request)->page);
    free(*request);
    *request = NULL;
}
